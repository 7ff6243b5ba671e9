/* SPDX-License-Identifier: Apache-2.0 */
/* The API server, asked one question after the other, and the road of certificates.k8s.io. Blocks. */
#ifndef VKS_AGENT_JOIN_CLUSTER_H
#define VKS_AGENT_JOIN_CLUSTER_H

#include <cjson/cJSON.h>

#include "agent/certs/request.h"
#include "agent/client/kubeconfig.h"
#include "agent/join/discovery.h"

/*
 * `path` begins with "/" and has its query escaped; `body` may be NULL. Errors are api_error()'s of
 * agent/client/api.h, and of fetch.h when there was no answer; their text has the server's own words. *ret (may be
 * NULL) is the parsed answer, the caller's.
 */
int cluster_ask(const struct kubeconfig *who, const char *method, const char *path, const cJSON *body, cJSON **ret,
                struct err *e);

/*
 * kubeadm's discovery: kube-public/cluster-info of an unverified server, checked (discovery.h), and read once more from
 * a server of that authority: it must be the same.
 */
int cluster_discover(const char *url, const char *server_name, const struct join_token *token,
                     const char (*pins)[SHA256_HEX_LEN + 1], size_t n_pins, struct discovered *ret, struct err *e);

struct cluster_signing {
        const struct kubeconfig *asks;     /* whose request it is */
        const struct kubeconfig *approves; /* NULL: somebody else has to */
        const struct cert_request *request;
        bool serving;
        unsigned wait_s;
        void (*pending)(void *userdata,
                        const char *name); /* told once, when nobody has approved it after some seconds */
        void *userdata;
};

/*
 * Makes a CertificateSigningRequest, has it approved, and waits for the certificate. *ret is a text for
 * agent/certs/store.h; the caller owns and wipes it. -EACCES: may not ask; -ETIMEDOUT: nobody approved it in time, or
 * nobody signed it; -ECONNREFUSED: denied.
 */
int cluster_sign(const struct cluster_signing *s, char **ret, struct err *e);

/* The authority of the cluster's clients, from kube-system/extension-apiserver-authentication. -EACCES: may not read
 * it. The caller owns *ret. */
int cluster_client_ca(const struct kubeconfig *who, char **ret, struct err *e);

#endif
