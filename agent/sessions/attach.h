/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A session of kubectl attach (and run -it): the streams of a client, and a container that runs. Of a container with a
 * terminal the client sees that, from now on, and of any other the lines that it writes, from now on; what it types
 * goes to the container's console, if it has one (console.h). The session frees itself: when the container ends, or
 * when the client went away, which the container does not notice (but with `stdinOnce`, whose input ends then).
 */
#ifndef VKS_AGENT_SESSIONS_ATTACH_H
#define VKS_AGENT_SESSIONS_ATTACH_H

#include "agent/pods/pods.h"
#include "agent/sessions/console.h"
#include "agent/streams/streams.h"

struct attach_session;

struct attach_session *attach_session_new(sd_event *event, struct consoles *consoles, struct pods *pods,
                                          const struct pods_container *where, const struct streams_wish *wish);
struct attach_session *attach_session_free(struct attach_session *s); /* of one that no streams were given to */

extern const struct streams_handler attach_session_handler; /* its userdata is the session */
void attach_session_give(struct attach_session *s, struct streams *streams);

#endif
