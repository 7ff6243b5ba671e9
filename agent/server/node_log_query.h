/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a request to /logs/ asks for (NodeLogQuery, KEP-2258): parameters into a query, in the kubelet's order of
 * judgement and with its words (pkg/kubelet/kubelet_server_journal.go of Kubernetes 1.37). Pure; whether a file is
 * there shows when it is opened.
 */
#ifndef VKS_AGENT_SERVER_NODE_LOG_QUERY_H
#define VKS_AGENT_SERVER_NODE_LOG_QUERY_H

#include "agent/logs/unit_log.h"
#include "agent/server/server.h"

enum { /* the kubelet's */
       NODE_LOG_SERVICES_MAX = 4,
       NODE_LOG_NAME_MAX = 256,
       NODE_LOG_TAIL_MAX = 100000,
       NODE_LOG_DEADLINE_S = 30, /* for a whole answer */
};

struct node_log_query { /* the strings are the request's */
        bool asked;     /* false: no parameter asks for anything, the request's path does */
        size_t n_services;
        const char *service[NODE_LOG_SERVICES_MAX];
        const char *file; /* a path below /var/log, instead of services; NULL: none */
        bool has_options; /* any of those below was given: files take none */
        struct unit_log_options options;
};

/* Returns 0, or the HTTP status to refuse with and the words for it in e->text: 400 for what cannot be read, 406 for
 * what cannot be done. `path` is what stands behind /logs/. */
int node_log_query_parse(const struct request *r, const char *path, struct node_log_query *ret, struct err *e);

/* The unit that a service's name stands for: itself, where it ends as units do, else with ".service". The caller owns
 * it. */
char *node_log_unit(const char *service);

#endif
