/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A session of kubectl exec: the streams of a client, and a command beside a container (agent/pods/command.h). The
 * session frees itself: when the command has ended and all that it wrote was sent, or when the client went away, which
 * ends the command.
 */
#ifndef VKS_AGENT_SESSIONS_EXEC_H
#define VKS_AGENT_SESSIONS_EXEC_H

#include "agent/pods/command.h"
#include "agent/streams/streams.h"

struct exec_session;

/* `argv` (ends with NULL) is the session's from now on. It begins when the client's streams are there. */
struct exec_session *exec_session_new(sd_event *event, struct commands *commands, struct pods *pods,
                                      const struct pods_container *where, char **argv, const char *user,
                                      const struct streams_wish *wish);
struct exec_session *exec_session_free(struct exec_session *s); /* of one that no streams were given to */

extern const struct streams_handler exec_session_handler; /* its userdata is the session */
void exec_session_give(struct exec_session *s, struct streams *streams);

#endif
