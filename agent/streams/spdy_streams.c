/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SPDY/3.1 as clients of Kubernetes speak it: they open the streams, by name; there is no flow control (their library
 * knows none), and PING and RST_STREAM are all that is said beside data. What breaks the protocol ends the connection.
 */
#include <errno.h>
#include <stdio.h>

#include "agent/streams/core.h"
#include "agent/streams/spdy.h"
#include "common/mem.h"

struct spdy {
        struct spdy_inflater *inflater; /* NULL: no headers are wanted any more */
        uint32_t data_id;               /* of the data frame that is coming in ... */
        size_t data_left;               /* ... of which these bytes are to come; 0: no such frame */
        bool data_fin;
        uint32_t last_id; /* the largest that the client has used */
        bool replied;     /* to a SYN_STREAM before */
        bool leaving;     /* the client said GOAWAY */
};

void wire_spdy_init(struct streams *c)
{
        struct spdy *x = NEW(struct spdy);

        c->wire = &wire_spdy;
        c->state = x;
        x->inflater = spdy_inflater_new();
}

static void spdy_free(struct streams *c)
{
        struct spdy *x = c->state;

        spdy_inflater_free(x->inflater);
        free(x);
}

static void spdy_begun(struct streams *c)
{
        struct spdy *x = c->state;

        if (!c->wish.port_forward)
                x->inflater = spdy_inflater_free(x->inflater); /* most of what a connection at rest would cost */
}

static void spdy_write(struct stream *s, const void *p, size_t n)
{
        uint8_t head[SPDY_SENT_MAX];

        streams_send(s->connection, head, spdy_data_head(head, s->id, n, false), p, n);
}

static void spdy_end(struct stream *s)
{
        uint8_t frame[SPDY_SENT_MAX];

        streams_send(s->connection, frame, spdy_data_head(frame, s->id, 0, true), NULL, 0);
}

/* The client's library reads nothing that comes behind it. */
static void spdy_goodbye(struct streams *c, bool bad)
{
        const struct spdy *x = c->state;
        uint8_t frame[SPDY_SENT_MAX];

        streams_send(c, frame, spdy_goaway(frame, x->last_id, bad ? SPDY_GOAWAY_PROTOCOL_ERROR : SPDY_GOAWAY_OK), NULL,
                     0);
}

/* ---- what comes in ---------------------------------------------------------------------------------------------- */

static void reset(struct streams *c, uint32_t id, uint32_t status)
{
        uint8_t frame[SPDY_SENT_MAX];

        streams_reply(c, frame, spdy_rst_stream(frame, id, status));
}

static bool kind_of(const char *type, enum stream_kind *ret)
{
        static const char *const names[] = {
                [STREAM_ERROR] = "error",   [STREAM_STDIN] = "stdin",   [STREAM_STDOUT] = "stdout",
                [STREAM_STDERR] = "stderr", [STREAM_RESIZE] = "resize", [STREAM_DATA] = "data",
        };

        for (size_t i = 0; i < ARRAY_LEN(names); i++) {
                if (streq(type, names[i])) {
                        *ret = (enum stream_kind)i;
                        return true;
                }
        }
        return false;
}

static bool parse_port(const char *text, uint16_t *ret)
{
        unsigned long port = 0;

        if (!text || !*text || strlen(text) > 5 || text[strspn(text, "0123456789")])
                return false;
        port = strtoul(text, NULL, 10);
        *ret = (uint16_t)port;
        return port >= 1 && port <= 65535;
}

/* What makes a pair of two streams; clients of before 2015 do not say, but open the error stream first. */
static bool request_of(const struct spdy_headers *h, uint32_t id, enum stream_kind kind, char ret[REQUEST_ID_MAX])
{
        const char *request = spdy_header(h, "requestid");

        if (request && *request)
                return str_copy(ret, REQUEST_ID_MAX, request, request + strlen(request));
        snprintf(ret, REQUEST_ID_MAX, "stream %u", kind == STREAM_ERROR ? id : id - 2);
        return true;
}

static bool is_waiting(const struct streams *c, const char *request, enum stream_kind kind)
{
        for (size_t i = 0; i < c->n_streams; i++)
                if (!c->streams[i]->other && c->streams[i]->kind == kind && streq(c->streams[i]->request, request))
                        return true;
        return false;
}

/* Is it a stream that may be opened? Then it is there. */
static struct stream *open_stream(struct streams *c, uint32_t id, const struct spdy_headers *h, uint32_t *why_not)
{
        char request[REQUEST_ID_MAX] = "";
        enum stream_kind kind;
        struct stream *s;
        uint16_t port = 0;
        bool good;

        *why_not = SPDY_RST_PROTOCOL_ERROR;
        if (!kind_of(spdy_header(h, "streamtype"), &kind))
                return NULL;
        if (c->wish.port_forward)
                good = (kind == STREAM_ERROR || kind == STREAM_DATA) && parse_port(spdy_header(h, "port"), &port) &&
                       request_of(h, id, kind, request) && !is_waiting(c, request, kind);
        else
                good = streams_expects(c, kind) && !streams_find(c, kind);
        if (!good)
                return NULL;
        *why_not = SPDY_RST_REFUSED;
        s = streams_add(c, id, kind);
        if (!s)
                return NULL;
        s->port = port;
        memcpy(s->request, request, sizeof(request));
        return s;
}

static void syn_stream(struct streams *c, const struct spdy_frame *f, const uint8_t *p)
{
        struct spdy *x = c->state;
        uint32_t id = spdy_u32(p) & 0x7fffffff, why_not;
        struct err e = ERR_NONE;
        struct spdy_headers h;
        uint8_t frame[SPDY_SENT_MAX];
        struct stream *s;

        if (!x->inflater) { /* all streams of the command are there */
                reset(c, id, SPDY_RST_REFUSED);
                return;
        }
        if (spdy_inflate(x->inflater, p + 10, f->length - 10, &h, &e) < 0) {
                streams_fail(c, e.text);
                return;
        }
        if (id % 2 == 0 || id <= x->last_id) {
                reset(c, id, SPDY_RST_PROTOCOL_ERROR);
        } else if (!x->leaving) {
                x->last_id = id;
                s = open_stream(c, id, &h, &why_not);
                if (s) { /* the client drops data of a stream without an answer */
                        streams_reply(c, frame, spdy_syn_reply(frame, id, !x->replied));
                        x->replied = true;
                        if (f->flags & SPDY_FLAG_FIN)
                                streams_received_end(s);
                        if (c->wish.port_forward)
                                streams_match(s);
                } else {
                        reset(c, id, why_not);
                }
        }
        spdy_headers_done(&h);
        if (!c->wish.port_forward)
                streams_check_ready(c);
}

/* HEADERS, and a SYN_REPLY to nothing: only the decompressor wants to know; but they may be a stream's end. */
static void other_headers(struct streams *c, const struct spdy_frame *f, const uint8_t *p)
{
        struct spdy *x = c->state;
        struct err e = ERR_NONE;
        struct spdy_headers h;
        struct stream *s;

        if (x->inflater && spdy_inflate(x->inflater, p + 4, f->length - 4, &h, &e) < 0) {
                streams_fail(c, e.text);
                return;
        }
        if (x->inflater)
                spdy_headers_done(&h);
        s = f->flags & SPDY_FLAG_FIN ? streams_by_id(c, spdy_u32(p) & 0x7fffffff) : NULL;
        if (s)
                streams_received_end(s);
}

static void control(struct streams *c, const struct spdy_frame *f, const uint8_t *p)
{
        static const uint32_t shortest[] = {
                [SPDY_SYN_STREAM] = 10, [SPDY_SYN_REPLY] = 4, [SPDY_RST_STREAM] = 8,
                [SPDY_PING] = 4,        [SPDY_GOAWAY] = 4,    [SPDY_HEADERS] = 4,
        };
        struct spdy *x = c->state;
        uint8_t frame[SPDY_SENT_MAX];
        struct stream *s;

        if (f->type < ARRAY_LEN(shortest) && f->length < shortest[f->type]) {
                streams_fail(c, "a control frame is too short");
                return;
        }
        switch (f->type) {
        case SPDY_SYN_STREAM:
                syn_stream(c, f, p);
                break;
        case SPDY_SYN_REPLY:
        case SPDY_HEADERS:
                other_headers(c, f, p);
                break;
        case SPDY_RST_STREAM:
                s = streams_by_id(c, spdy_u32(p) & 0x7fffffff);
                if (s)
                        streams_received_reset(s);
                break;
        case SPDY_PING:
                if (spdy_u32(p) % 2 == 1) /* the client's; we send none */
                        streams_reply(c, frame, spdy_ping(frame, spdy_u32(p)));
                break;
        case SPDY_GOAWAY:
                x->leaving = true;
                break;
        default: /* SETTINGS, WINDOW_UPDATE, and what else may be said */
                break;
        }
}

/* May data come now? A client that knows the protocol waits for our answer to each stream before. */
static bool may_have_data(const struct stream *s)
{
        return s->connection->wish.port_forward ? s->other || s->told : s->connection->ready;
}

static void too_early(struct stream *s)
{
        struct streams *c = s->connection;

        if (c->wish.port_forward) {
                reset(c, s->id, SPDY_RST_PROTOCOL_ERROR);
                streams_remove(s);
        } else {
                streams_fail(c, "data came before all streams were there");
        }
}

static void take_data(struct streams *c, const char *p, size_t n)
{
        struct spdy *x = c->state;
        struct stream *s = streams_by_id(c, x->data_id);

        if (s && n > 0 && may_have_data(s))
                streams_received(s, p, n);
        else if (s && n > 0)
                too_early(s);
        x->data_left -= n;
        if (x->data_left > 0 || !x->data_fin)
                return;
        s = streams_by_id(c, x->data_id); /* which the session may have released */
        if (s)
                streams_received_end(s);
}

static size_t take_frame(struct streams *c, const char *p, size_t n)
{
        struct spdy *x = c->state;
        struct err e = ERR_NONE;
        struct spdy_frame f;

        if (n < SPDY_HEAD)
                return 0;
        if (spdy_frame_parse((const uint8_t *)p, &f, &e) < 0) {
                streams_fail(c, e.text);
                return n;
        }
        if (f.control) {
                if (n - SPDY_HEAD < f.length)
                        return 0;
                control(c, &f, (const uint8_t *)p + SPDY_HEAD);
                return SPDY_HEAD + f.length;
        }
        x->data_id = f.id;
        x->data_left = f.length;
        x->data_fin = f.flags & SPDY_FLAG_FIN;
        if (f.length == 0)
                take_data(c, p, 0);
        return SPDY_HEAD;
}

static size_t spdy_input(struct streams *c, const char *p, size_t n)
{
        struct spdy *x = c->state;
        size_t used = 0;

        while (used < n && !streams_blocked(c)) {
                size_t left = n - used, took = x->data_left < left ? x->data_left : left;

                if (took > 0)
                        take_data(c, p + used, took);
                else
                        took = take_frame(c, p + used, left);
                if (took == 0)
                        break;
                used += took;
        }
        return c->over ? n : used;
}

const struct wire wire_spdy = {
        .input = spdy_input,
        .write = spdy_write,
        .end = spdy_end,
        .begun = spdy_begun,
        .goodbye = spdy_goodbye,
        .free = spdy_free,
};
