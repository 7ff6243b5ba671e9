/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/server/pieces.h"

#include "common/log.h"
#include "common/mem.h"

struct sending {
        struct response *res;
        const struct pieces *pieces;
        void *userdata;
};

static void sending_free(struct sending *s)
{
        s->pieces->done(s->userdata);
        free(s);
}

static void on_closed(void *userdata)
{
        sending_free(userdata);
}

/* Until the connection has enough for now. */
static void send_on(void *userdata)
{
        struct sending *s = userdata;
        CLEANUP(buf_done) struct buf piece = BUF(PIECE_MAX);
        bool more, room = true;

        do {
                buf_reset(&piece);
                more = s->pieces->next(s->userdata, &piece);
                if (!buf_ok(&piece)) {
                        log_warning("a piece of an answer is left out: it has more than %d bytes", PIECE_MAX);
                        continue;
                }
                room = response_write(s->res, piece.data, piece.len);
        } while (more && room);
        if (more)
                return;
        response_end(s->res);
        sending_free(s);
}

void pieces_send(bool head_only, struct response *res, const char *content_type, const struct pieces *pieces,
                 void *userdata)
{
        struct sending *s = NEW(struct sending);

        *s = (struct sending){ .res = res, .pieces = pieces, .userdata = userdata };
        response_start(res, content_type, send_on, on_closed, s);
        if (!head_only)
                send_on(s);
}
