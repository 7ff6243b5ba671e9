/* SPDX-License-Identifier: Apache-2.0 */
/* An answer that is made while it is sent, piece by piece, so that a long one is never in memory as a whole, and is
 * made no faster than the client reads. */
#ifndef VKS_AGENT_SERVER_PIECES_H
#define VKS_AGENT_SERVER_PIECES_H

#include "agent/server/server.h"
#include "common/buf.h"

enum { PIECE_MAX = 4 * 1024 * 1024 }; /* bytes; an object of the API server's is at most 3 MiB */

struct pieces {
        bool (*next)(void *userdata, struct buf *ret); /* appends a piece, or nothing; false: there will be no more */
        void (*done)(void *userdata);                  /* the last call, whether all of it was wanted or not */
};

/* Answers with what `pieces` (static) makes of `userdata`; a HEAD with nothing of it. Takes userdata over. */
void pieces_send(bool head_only, struct response *res, const char *content_type, const struct pieces *pieces,
                 void *userdata);

#endif
