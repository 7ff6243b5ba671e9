/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/streams/messages.h"

void websocket_goodbye(struct streams *c, bool bad)
{
        unsigned status = bad ? WEBSOCKET_PROTOCOL_ERROR : WEBSOCKET_NORMAL;
        uint8_t frame[WEBSOCKET_SENT_HEAD_MAX + 2];
        size_t n = websocket_head(frame, WEBSOCKET_CLOSE, 2);

        frame[n++] = (uint8_t)(status >> 8);
        frame[n++] = (uint8_t)status;
        streams_reply_below(c, frame, n);
}

static void control(struct streams *c, const struct websocket_frame *f, const uint8_t *payload)
{
        uint8_t pong[WEBSOCKET_SENT_HEAD_MAX + WEBSOCKET_CONTROL_MAX];
        size_t n;

        switch (f->opcode) {
        case WEBSOCKET_CLOSE:
                streams_close(c);
                break;
        case WEBSOCKET_PING:
                n = websocket_head(pong, WEBSOCKET_PONG, f->length);
                websocket_unmask(pong + n, payload, f->length, f->mask, 0);
                streams_reply_below(c, pong, n + f->length);
                break;
        default: /* a PONG that nobody asked for */
                break;
        }
}

/* `p` may be NULL when n is 0. */
static void pass_on(struct streams *c, struct messages *m, const char *p, size_t n)
{
        char piece[MESSAGE_PIECE_MAX];
        bool first = m->begins, last;

        websocket_unmask(piece, p, n, m->frame.mask, m->done);
        m->done += n;
        m->begins = false;
        m->in_frame = m->done < m->frame.length;
        last = !m->in_frame && m->frame.fin;
        if (last)
                m->in_message = false;
        m->piece(c, piece, n, first, last);
}

static size_t begin_frame(struct streams *c, struct messages *m, const char *p, size_t n)
{
        struct err e = ERR_NONE;
        struct websocket_frame f;
        int head = websocket_frame_parse((const uint8_t *)p, n, &f, &e);

        if (head < 0)
                streams_fail(c, e.text);
        if (head <= 0)
                return 0;
        if (f.opcode >= WEBSOCKET_CLOSE) {
                if (n - (size_t)head < f.length)
                        return 0;
                control(c, &f, (const uint8_t *)p + head);
                return (size_t)head + f.length;
        }
        if ((f.opcode == WEBSOCKET_CONTINUATION) != m->in_message) {
                streams_fail(c, "the frames of two messages are mixed");
                return 0;
        }
        if (!m->in_message) {
                m->begins = true;
                m->text = f.opcode == WEBSOCKET_TEXT;
        }
        m->in_message = m->in_frame = true;
        m->frame = f;
        m->done = 0;
        if (f.length == 0)
                pass_on(c, m, NULL, 0);
        return (size_t)head;
}

size_t messages_input(struct streams *c, struct messages *m, const char *p, size_t n)
{
        size_t used = 0;

        while (used < n && !streams_blocked(c)) {
                size_t took = n - used;

                if (!m->in_frame) {
                        took = begin_frame(c, m, p + used, took);
                } else {
                        if (took > m->frame.length - m->done)
                                took = (size_t)(m->frame.length - m->done);
                        if (took > MESSAGE_PIECE_MAX)
                                took = MESSAGE_PIECE_MAX;
                        pass_on(c, m, p + used, took);
                }
                if (took == 0)
                        break;
                used += took;
        }
        return c->over ? n : used;
}
