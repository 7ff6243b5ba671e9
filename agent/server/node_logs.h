/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /logs/ of the kubelet API: the machine's own logs. A path is a file or folder below /var/log (log_files.h); with
 * `enableSystemLogQuery` parameters ask for units of the journal (node_log_query.h). Who may, the gate has decided
 * (nodes/log). An answer is read in pieces on the event loop, behind whatever else there is to do, no faster than its
 * client reads it, and for NODE_LOG_DEADLINE_S at most.
 */
#ifndef VKS_AGENT_SERVER_NODE_LOGS_H
#define VKS_AGENT_SERVER_NODE_LOGS_H

#include <systemd/sd-event.h>

#include "agent/server/server.h"

enum { NODE_LOGS_MAX = 8 }; /* answers at a time: each has all files of the journal open */

struct node_logs {
        sd_event *event;
        bool enabled, queries; /* enableSystemLogHandler, enableSystemLogQuery */
        const char *folder;    /* /var/log */
        const char *journal;   /* the journal's folder; NULL: this machine's */
        unsigned deadline_ms;  /* 0: NODE_LOG_DEADLINE_S; tests use a shorter one */
        unsigned under_way;    /* answers */
};

/* `logs` must outlive the answer. */
void node_logs_answer(struct node_logs *logs, const struct request *r, struct response *res);

#endif
