/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The paths of the kubelet API and the methods that each takes (pkg/kubelet/server/server.go of Kubernetes 1.37). Pure.
 * Whether the caller may is decided before (who_may.h).
 */
#ifndef VKS_AGENT_SERVER_ROUTES_H
#define VKS_AGENT_SERVER_ROUTES_H

#include "common/base.h"

enum { ROUTE_SEGMENTS_MAX = 6, ROUTE_PATH_MAX = 1024 };

enum route {
        ROUTE_NONE,
        ROUTE_HEALTHZ,
        ROUTE_PODS,
        ROUTE_RUNNING_PODS,
        ROUTE_CONFIGZ,
        ROUTE_STATUSZ,
        ROUTE_FLAGZ,
        ROUTE_METRICS,
        ROUTE_METRICS_CADVISOR,
        ROUTE_METRICS_PROBES,
        ROUTE_METRICS_RESOURCE,
        ROUTE_METRICS_SLIS,
        ROUTE_STATS_SUMMARY,
        ROUTE_NODE_LOGS,
        ROUTE_LOGS,
        ROUTE_EXEC,
        ROUTE_ATTACH,
        ROUTE_RUN,
        ROUTE_PORT_FORWARD,
        ROUTE_NO_PROFILES,
        ROUTE_NO_FLAGS,
};

struct route_found {
        enum route route;  /* ROUTE_NONE: there is nothing at this path */
        const char *allow; /* not NULL: the method is none of these, which is what the header Allow says */
        size_t n;          /* segments of the path */
        const char *segment[ROUTE_SEGMENTS_MAX]; /* they lie in `text` */
        char text[ROUTE_PATH_MAX];
};

/* The first segments of all routes, each once and in the alphabet's order, but for /statusz, which tells of them:
 * "/pods". Returns how many, at most `max`. */
size_t route_tops(const char *ret[], size_t max);

/* `path` is decoded and without the query. */
void route_find(const char *method, const char *path, struct route_found *ret);

#endif
