/* SPDX-License-Identifier: Apache-2.0 */
/* `kubectl logs`: its options (pure), and lines out of the journal (agent/logs/log_stream.h) as an answer. */
#ifndef VKS_AGENT_SERVER_CONTAINER_LOG_H
#define VKS_AGENT_SERVER_CONTAINER_LOG_H

#include "agent/logs/log_stream.h"
#include "agent/server/server.h"

/* Reads the options from the query of /containerLogs. The error names the parameter: -EINVAL, it cannot be read or not
 * be had here (answer with 400); -ERANGE, no such value may be (422). `now_usec` is what sinceSeconds is counted from.
 */
int log_options_parse(const struct request *r, uint64_t now_usec, struct log_options *ret, struct err *e);

/* Starts to answer `res` with the lines. `running` and `userdata`: see log_stream_new(). */
void container_log_start(sd_event *event, struct response *res, const struct log_source *source,
                         const struct log_options *options,
                         bool (*running)(void *userdata, const char *pod_uid, const char *container, const char *run),
                         void *userdata);

#endif
