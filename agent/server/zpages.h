/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /statusz and /flagz (KEP-4827, KEP-4828; k8s.io/apiserver pkg/server/statusz and flagz of Kubernetes 1.37): what this
 * process is, and by which flags it runs. As text for people, or as an object of config.k8s.io for who asks by
 *
 *      Accept: application/json;as=Statusz;g=config.k8s.io;v=v1beta1
 *
 * (or application/yaml; v1alpha1, which is deprecated, is answered with a warning). Pure, but for the answers
 * themselves.
 */
#ifndef VKS_AGENT_SERVER_ZPAGES_H
#define VKS_AGENT_SERVER_ZPAGES_H

#include "agent/config/config.h"
#include "agent/server/server.h"
#include "common/buf.h"

enum zpage_form { ZPAGE_TEXT, ZPAGE_JSON, ZPAGE_YAML };

struct zpage_wish {
        enum zpage_form form;
        const char *version; /* of config.k8s.io: "v1beta1"; NULL for text */
};

/*
 * What a header Accept (NULL: there is none) asks for of an object of this kind, by the rules of the API server: of the
 * clauses that can be satisfied that with the largest q, the more special one first. -EINVAL: none can.
 */
int zpage_negotiate(const char *accept, const char *kind, struct zpage_wish *ret);

struct zpage_status {
        uint64_t started, now; /* microseconds since the epoch */
        const char *version;   /* the program's own */
        const char *kubelet;   /* the kubelet's that it acts as ("v1.37.2-..."); "": not known yet */
        const char *const *paths;
        size_t n_paths;
};

void statusz_answer(const struct zpage_status *s, const struct request *r, struct response *res);
void flagz_answer(const struct config *c, const struct request *r, struct response *res);

#endif
