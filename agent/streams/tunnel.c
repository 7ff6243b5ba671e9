/* SPDX-License-Identifier: Apache-2.0 */
/* SPDY/3.1 in the binary messages of a WebSocket (KEP-4006): where a message ends means nothing. */
#include "agent/streams/messages.h"
#include "agent/streams/spdy.h"
#include "common/buf.h"
#include "common/mem.h"

struct tunnel {
        struct messages messages;
        struct buf kept; /* what SPDY did not take: a part of a control frame, or what comes behind a pause */
};

static void feed(struct streams *c)
{
        struct tunnel *t = c->tunnel;

        while (t->kept.len > 0 && !streams_blocked(c)) {
                size_t took = c->wire->input(c, t->kept.data, t->kept.len);

                if (took == 0)
                        return;
                buf_consume(&t->kept, took);
        }
        if (t->kept.len == 0)
                buf_done(&t->kept);
}

static void piece(struct streams *c, const char *p, size_t n, bool first UNUSED, bool last UNUSED)
{
        struct tunnel *t = c->tunnel;
        size_t took = 0;

        if (t->messages.text) {
                streams_fail(c, "text in a tunnel");
                return;
        }
        if (t->kept.len == 0)
                took = c->wire->input(c, p, n);
        buf_add(&t->kept, p + took, n - took);
        if (!buf_ok(&t->kept)) /* cannot be: SPDY takes a control frame once it is there */
                streams_fail(c, "too much in a tunnel");
        feed(c);
}

struct tunnel *tunnel_new(void)
{
        struct tunnel *t = NEW(struct tunnel);

        t->messages.piece = piece;
        t->kept = BUF(SPDY_HEAD + SPDY_CONTROL_MAX + MESSAGE_PIECE_MAX);
        return t;
}

struct tunnel *tunnel_free(struct tunnel *t)
{
        if (t)
                buf_done(&t->kept);
        free(t);
        return NULL;
}

void tunnel_resume(struct streams *c)
{
        feed(c);
}

size_t tunnel_input(struct streams *c, const char *p, size_t n)
{
        feed(c);
        return messages_input(c, &c->tunnel->messages, p, n);
}
