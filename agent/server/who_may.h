/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which right a request to the kubelet API needs, in the words of RBAC: a verb, and one or two subresources of
 * `nodes`. The right to any one of the subresources is enough. Pure; the rule is the kubelet's
 * (pkg/kubelet/server/auth.go), with fine-grained authorization (KEP-2862).
 */
#ifndef VKS_AGENT_SERVER_WHO_MAY_H
#define VKS_AGENT_SERVER_WHO_MAY_H

#include "common/base.h"

enum { WHO_MAY_MAX = 2 };

struct who_may {
        const char *verb; /* "" for a method without a verb (HEAD): only a role with verb "*" allows it */
        size_t n;         /* at least 1 */
        const char *subresource[WHO_MAY_MAX]; /* in the order in which they are asked about */
};

/* `path` is decoded and without the query: the same string by which the route is looked up. */
struct who_may who_may(const char *method, const char *path);

#endif
