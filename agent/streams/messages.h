/* SPDX-License-Identifier: Apache-2.0 */
/* The messages of a WebSocket out of its frames. Control frames are answered here; payload is passed on as it comes, so
 * a message may be of any length. */
#ifndef VKS_AGENT_STREAMS_MESSAGES_H
#define VKS_AGENT_STREAMS_MESSAGES_H

#include "agent/streams/core.h"
#include "agent/streams/websocket.h"

enum { MESSAGE_PIECE_MAX = 4096 };

struct messages {
        bool in_message, in_frame;
        bool begins; /* nothing of the message was passed on */
        bool text;
        struct websocket_frame frame;
        uint64_t done; /* bytes of the frame's payload */
        /* A piece of a message, of at most MESSAGE_PIECE_MAX bytes; `first`, `last` of the message. */
        void (*piece)(struct streams *c, const char *p, size_t n, bool first, bool last);
};

size_t messages_input(struct streams *c, struct messages *m, const char *p, size_t n); /* how many bytes were taken */

void websocket_goodbye(struct streams *c, bool bad); /* the frame that closes */

#endif
