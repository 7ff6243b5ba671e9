/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a request to the kubelet API is in the words of RBAC: a verb, and subresources of `nodes`. Pure; the rule is the
 * kubelet's (pkg/kubelet/server/auth.go), with fine-grained authorization (KEP-2862): whoever may do the first *or* the
 * second may do it.
 */
#ifndef VKS_AGENT_SERVER_WHO_MAY_H
#define VKS_AGENT_SERVER_WHO_MAY_H

#include "common/base.h"

enum { WHO_MAY_MAX = 2 };

struct who_may {
        const char *verb; /* "" for a method that has none (HEAD): only a role for "*" allows that */
        size_t n;         /* at least 1 */
        const char *subresource[WHO_MAY_MAX]; /* in the order in which they are asked about */
};

/* `path` is decoded, without the query, and exactly what routes are looked up by. */
struct who_may who_may(const char *method, const char *path);

#endif
