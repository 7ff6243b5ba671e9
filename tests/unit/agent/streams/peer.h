/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A connection of streams whose other end is the test: a carrier of buffers, a session that writes down what it is
 * told, and the client's side of SPDY and of WebSocket.
 */
#ifndef VKS_TESTS_UNIT_STREAMS_PEER_H
#define VKS_TESTS_UNIT_STREAMS_PEER_H

#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdio.h>
#include <zlib.h>

#include "agent/streams/carrier.h"
#include "agent/streams/spdy.h"
#include "agent/streams/websocket.h"
#include "common/buf.h"
#include "common/mem.h"

struct peer {
        sd_event *event;
        struct streams *c;
        struct buf in;  /* what the client has sent and the connection has not taken */
        struct buf out; /* what the client has not read */
        size_t room;    /* of the carrier: with more than this in `out` it asks for a pause */
        bool carrier_paused, carrier_finished;
        bool want_drain;
        char log[16384]; /* what the session was told, a line each */
        /* The session's habits */
        bool echo, pause_at_data, finish_at_data, release_at_end;
        struct stream *data_stream, *error_stream; /* of the last pair */
        z_stream deflate, inflate;
        bool tunnel;
};

static inline PRINTF(2, 3) void note(struct peer *p, const char *fmt, ...)
{
        size_t n = strlen(p->log);
        va_list ap;

        va_start(ap, fmt);
        vsnprintf(p->log + n, sizeof(p->log) - n, fmt, ap);
        va_end(ap);
}

/* What was told since the last call. */
static inline const char *told(struct peer *p)
{
        static char text[sizeof(p->log)];

        memcpy(text, p->log, sizeof(text));
        *p->log = '\0';
        return text;
}

/* ---- the carrier ------------------------------------------------------------------------------------------------ */

static inline bool peer_write(void *userdata, const void *bytes, size_t n)
{
        struct peer *p = userdata;

        cr_assert(!p->carrier_finished, "written behind the end");
        buf_add(&p->out, bytes, n);
        cr_assert(buf_ok(&p->out));
        if (p->out.len <= p->room)
                return true;
        p->want_drain = true;
        return false;
}

static inline void peer_pause(void *userdata)
{
        ((struct peer *)userdata)->carrier_paused = true;
}

static inline void peer_resume(void *userdata)
{
        ((struct peer *)userdata)->carrier_paused = false;
}

static inline void peer_finish(void *userdata)
{
        ((struct peer *)userdata)->carrier_finished = true;
}

/* ---- the session ------------------------------------------------------------------------------------------------ */

static inline const char *kind_name(const struct stream *s)
{
        static const char *const names[] = { "error", "stdin", "stdout", "stderr", "resize", "data" };

        return names[stream_kind(s)];
}

static inline void on_ready(void *userdata)
{
        note(userdata, "ready\n");
}

static inline void on_pair(void *userdata, struct stream *error, struct stream *data, uint16_t port)
{
        struct peer *p = userdata;

        note(p, "pair %u\n", port);
        cr_assert(stream_kind(error) == STREAM_ERROR && stream_kind(data) == STREAM_DATA);
        p->error_stream = error;
        p->data_stream = data;
        stream_set_user(data, error);
}

static inline void on_data(void *userdata, struct stream *s, const void *bytes, size_t n)
{
        struct peer *p = userdata;

        if (n <= 80)
                note(p, "%s: %.*s\n", kind_name(s), (int)n, (const char *)bytes);
        else
                note(p, "%s: %zu bytes\n", kind_name(s), n);
        if (p->echo && !stream_write(stream_kind(s) == STREAM_DATA ? s : streams_find(p->c, STREAM_STDOUT), bytes, n))
                streams_pause(p->c);
        if (p->pause_at_data)
                streams_pause(p->c);
        if (p->finish_at_data)
                streams_finish(p->c);
}

static inline void on_ended(void *userdata, struct stream *s)
{
        struct peer *p = userdata;

        note(p, "%s %s\n", kind_name(s), stream_is_reset(s) ? "reset" : "ended");
        if (p->release_at_end) {
                stream_release(stream_user(s));
                stream_release(s);
        }
}

static inline void on_drain(void *userdata)
{
        struct peer *p = userdata;

        note(p, "drain\n");
        if (p->echo)
                streams_resume(p->c);
}

static inline void on_closed(void *userdata)
{
        note(userdata, "closed\n");
}

static const struct streams_handler peer_handler = {
        .ready = on_ready, .pair = on_pair, .data = on_data, .ended = on_ended, .drain = on_drain, .closed = on_closed
};

/* With a session of the test's own. */
static inline void peer_open_for(struct peer *p, const struct agreement *agreement, const struct streams_wish *wish,
                                 uint64_t creation_usec, uint64_t idle_usec, sd_event *event,
                                 const struct streams_handler *handler, void *userdata)
{
        const struct carrier carrier = { peer_write, peer_pause, peer_resume, peer_finish, p };
        const struct streams_config config = {
                .carrier = &carrier,
                .agreement = agreement,
                .wish = wish,
                .handler = handler,
                .userdata = userdata,
                .creation_usec = creation_usec,
                .idle_usec = idle_usec,
        };
        uint8_t dictionary[SPDY_DICTIONARY];

        *p = (struct peer){ .room = 1 << 20, .in = BUF(256 << 20), .out = BUF(256 << 20) };
        p->tunnel = agreement->wire == WIRE_TUNNEL;
        spdy_dictionary(dictionary);
        cr_assert_eq(deflateInit(&p->deflate, 9), Z_OK);
        cr_assert_eq(deflateSetDictionary(&p->deflate, dictionary, sizeof(dictionary)), Z_OK);
        cr_assert_eq(inflateInit(&p->inflate), Z_OK);
        p->event = sd_event_ref(event);
        p->c = streams_new(p->event, &config);
}

static inline void peer_open(struct peer *p, const struct agreement *agreement, const struct streams_wish *wish,
                             uint64_t creation_usec, uint64_t idle_usec)
{
        sd_event *event = NULL;

        sd_event_new(&event);
        peer_open_for(p, agreement, wish, creation_usec, idle_usec, event, &peer_handler, p);
        sd_event_unref(event);
}

/* Lets pass what is due now. */
static inline void peer_turn(struct peer *p)
{
        while (sd_event_run(p->event, 0) > 0)
                ;
}

static inline void peer_gone(struct peer *p)
{
        if (p->c)
                streams_gone(p->c);
        p->c = NULL;
        deflateEnd(&p->deflate);
        inflateEnd(&p->inflate);
        buf_done(&p->in);
        buf_done(&p->out);
        sd_event_unref(p->event);
        p->event = NULL;
}

/* Offers what lies there, as a carrier does. */
static inline void peer_offer(struct peer *p)
{
        while (p->in.len > 0 && !p->carrier_paused && !p->carrier_finished) {
                size_t took = streams_input(p->c, p->in.data, p->in.len);

                cr_assert_leq(took, p->in.len);
                buf_consume(&p->in, took);
                if (took == 0)
                        break;
        }
}

static inline void peer_raw(struct peer *p, const void *bytes, size_t n)
{
        buf_add(&p->in, bytes, n);
        peer_offer(p);
}

/* One byte after the other. */
static inline void peer_drip(struct peer *p, const void *bytes, size_t n)
{
        for (size_t i = 0; i < n; i++)
                peer_raw(p, (const char *)bytes + i, 1);
}

/* The client has read it all. */
static inline void peer_read(struct peer *p)
{
        buf_reset(&p->out);
        if (p->want_drain) {
                p->want_drain = false;
                streams_drained(p->c);
        }
        peer_turn(p);
        peer_offer(p);
}

/* ---- the client's WebSocket ------------------------------------------------------------------------------------- */

static inline void ws_frame(struct buf *b, bool fin, unsigned opcode, const void *payload, size_t n)
{
        static const uint8_t mask[4] = { 0x12, 0xab, 0x00, 0xff };
        const char *bytes = payload;

        buf_char(b, (char)((fin ? 0x80 : 0) | opcode));
        if (n <= 125) {
                buf_char(b, (char)(0x80 | n));
        } else if (n <= 0xffff) {
                buf_char(b, (char)(0x80 | 126));
                buf_char(b, (char)(n >> 8));
                buf_char(b, (char)n);
        } else {
                buf_char(b, (char)(0x80 | 127));
                for (int shift = 56; shift >= 0; shift -= 8)
                        buf_char(b, (char)((uint64_t)n >> shift));
        }
        buf_add(b, mask, sizeof(mask));
        for (size_t i = 0; i < n; i++)
                buf_char(b, (char)(bytes[i] ^ mask[i % 4]));
}

static inline void ws_send(struct peer *p, bool fin, unsigned opcode, const void *payload, size_t n)
{
        struct buf b = BUF(64 << 20);

        ws_frame(&b, fin, opcode, payload, n);
        peer_raw(p, b.data, b.len);
        buf_done(&b);
}

/* Takes a server's frame off `out`; false: there is none. The payload has a NUL behind it. */
static inline bool ws_take(struct peer *p, unsigned *opcode, char **payload, size_t *n)
{
        const uint8_t *h = (const uint8_t *)p->out.data;
        size_t head = 2;

        if (p->out.len == 0)
                return false;
        cr_assert_geq(p->out.len, 2);
        cr_assert_eq(h[0] & 0xf0, 0x80);
        *opcode = h[0] & 0xf;
        *n = h[1];
        if (*n == 126) {
                *n = (size_t)h[2] << 8 | h[3];
                head = 4;
                cr_assert_gt(*n, 125);
        } else if (*n == 127) {
                *n = 0;
                for (int i = 0; i < 8; i++)
                        *n = *n << 8 | h[2 + i];
                head = 10;
                cr_assert_gt(*n, 0xffff);
        }
        cr_assert_leq(head + *n, p->out.len);
        *payload = xmemdup(p->out.data + head, *n);
        buf_consume(&p->out, head + *n);
        return true;
}

/* ---- the client's SPDY ------------------------------------------------------------------------------------------ */

static inline void spdy_bytes(struct peer *p, const void *bytes, size_t n)
{
        if (p->tunnel)
                ws_send(p, true, WEBSOCKET_BINARY, bytes, n);
        else
                peer_raw(p, bytes, n);
}

static inline void add_u32(struct buf *b, size_t value)
{
        for (int shift = 24; shift >= 0; shift -= 8)
                buf_char(b, (char)(value >> shift));
}

static inline void control_head(struct buf *b, unsigned type, unsigned flags, size_t n)
{
        add_u32(b, 0x80030000U | type);
        add_u32(b, (size_t)flags << 24 | n);
}

/* `headers`: NAME VALUE NAME VALUE ... NULL */
static inline void header_block(struct peer *p, struct buf *ret, const char *const *headers)
{
        struct buf plain = BUF(1 << 20);
        uint8_t chunk[4096];
        size_t n = 0;

        while (headers[n])
                n++;
        add_u32(&plain, n / 2);
        for (size_t i = 0; i < n; i++) {
                add_u32(&plain, strlen(headers[i]));
                buf_str(&plain, headers[i]);
        }
        p->deflate.next_in = (uint8_t *)plain.data;
        p->deflate.avail_in = (uInt)plain.len;
        do {
                p->deflate.next_out = chunk;
                p->deflate.avail_out = sizeof(chunk);
                deflate(&p->deflate, Z_SYNC_FLUSH);
                buf_add(ret, chunk, sizeof(chunk) - p->deflate.avail_out);
        } while (p->deflate.avail_out == 0);
        buf_done(&plain);
}

static inline void spdy_syn_with(struct peer *p, uint32_t id, unsigned flags, const char *const *headers)
{
        struct buf block = BUF(1 << 20), b = BUF(1 << 20);

        header_block(p, &block, headers);
        control_head(&b, SPDY_SYN_STREAM, flags, 10 + block.len);
        add_u32(&b, id);
        add_u32(&b, 0);
        buf_add(&b, "\0\0", 2);
        buf_add(&b, block.data, block.len);
        spdy_bytes(p, b.data, b.len);
        buf_done(&b);
        buf_done(&block);
}

static inline void spdy_syn(struct peer *p, uint32_t id, const char *type)
{
        spdy_syn_with(p, id, 0, (const char *const[]){ "streamtype", type, NULL });
}

static inline void spdy_half(struct peer *p, uint32_t id, const char *type, const char *port, const char *request)
{
        spdy_syn_with(
                p, id, 0,
                (const char *const[]){ "port", port, "streamtype", type, request ? "requestid" : NULL, request, NULL });
}

static inline void spdy_control(struct peer *p, unsigned type, uint32_t a, uint32_t b_value, size_t n)
{
        struct buf b = BUF(4096);

        control_head(&b, type, 0, n);
        add_u32(&b, a);
        add_u32(&b, b_value);
        spdy_bytes(p, b.data, SPDY_HEAD + n);
        buf_done(&b);
}

static inline void spdy_send(struct peer *p, uint32_t id, const void *bytes, size_t n, bool fin)
{
        struct buf b = BUF(64 << 20);

        add_u32(&b, id);
        add_u32(&b, (fin ? 1UL << 24 : 0) | n);
        buf_add(&b, bytes, n);
        spdy_bytes(p, b.data, b.len);
        buf_done(&b);
}

/* A block that was sent, out of the client's one decompressor: it must hold no header. */
static inline void empty_block(struct peer *p, const char *block, size_t n)
{
        uint8_t plain[64], dictionary[SPDY_DICTIONARY];
        int r;

        p->inflate.next_in = (uint8_t *)block;
        p->inflate.avail_in = (uInt)n;
        p->inflate.next_out = plain;
        p->inflate.avail_out = sizeof(plain);
        r = inflate(&p->inflate, Z_SYNC_FLUSH);
        if (r == Z_NEED_DICT) {
                spdy_dictionary(dictionary);
                cr_assert_eq(inflateSetDictionary(&p->inflate, dictionary, sizeof(dictionary)), Z_OK);
                r = inflate(&p->inflate, Z_SYNC_FLUSH);
        }
        cr_assert_eq(r, Z_OK);
        cr_assert_eq(p->inflate.avail_in, 0);
        cr_assert_eq(p->inflate.avail_out, sizeof(plain) - 4);
        cr_assert_eq(spdy_u32(plain), 0);
}

/* What lies in `out`, as text: a line for each frame. */
static inline void spdy_text(struct peer *p, const char *bytes, size_t n, struct buf *ret)
{
        while (n > 0) {
                struct spdy_frame f;
                const char *payload = bytes + SPDY_HEAD;

                cr_assert_geq(n, SPDY_HEAD);
                cr_assert_eq(spdy_frame_parse((const uint8_t *)bytes, &f, NULL), 0);
                cr_assert_leq(SPDY_HEAD + f.length, n);
                if (!f.control && f.length <= 256)
                        buf_printf(ret, "%u: %.*s%s\n", f.id, (int)f.length, payload, f.flags & 1 ? "$" : "");
                else if (!f.control)
                        buf_printf(ret, "%u: %u bytes\n", f.id, f.length);
                else if (f.type == SPDY_SYN_REPLY)
                        buf_printf(ret, "reply %u\n", spdy_u32((const uint8_t *)payload));
                else if (f.type == SPDY_RST_STREAM)
                        buf_printf(ret, "reset %u %u\n", spdy_u32((const uint8_t *)payload),
                                   spdy_u32((const uint8_t *)payload + 4));
                else if (f.type == SPDY_PING)
                        buf_printf(ret, "ping %u\n", spdy_u32((const uint8_t *)payload));
                else if (f.type == SPDY_GOAWAY)
                        buf_printf(ret, "goaway %u %u\n", spdy_u32((const uint8_t *)payload),
                                   spdy_u32((const uint8_t *)payload + 4));
                else
                        buf_printf(ret, "type %u\n", f.type);
                if (f.control && f.type == SPDY_SYN_REPLY)
                        empty_block(p, payload + 4, f.length - 4);
                bytes += SPDY_HEAD + f.length;
                n -= SPDY_HEAD + f.length;
        }
}

/* What the connection has sent since the last call, as text. Valid until the next call. */
static inline const char *sent(struct peer *p)
{
        static struct buf text = { .max = 1 << 20 };

        buf_reset(&text);
        buf_str(&text, "");
        spdy_text(p, p->out.data, p->out.len, &text);
        buf_reset(&p->out);
        return text.data;
}

/* The same of a WebSocket. */
static inline const char *ws_sent(struct peer *p)
{
        static struct buf text = { .max = 1 << 20 };
        unsigned opcode;
        char *payload;
        size_t n;

        buf_reset(&text);
        buf_str(&text, "");
        while (ws_take(p, &opcode, &payload, &n)) {
                if (opcode == WEBSOCKET_BINARY && n > 0)
                        buf_printf(&text, "%u: %.*s\n", (uint8_t)payload[0], (int)(n - 1), payload + 1);
                else if (opcode == WEBSOCKET_TEXT)
                        buf_printf(&text, "%s\n", payload);
                else if (opcode == WEBSOCKET_CLOSE)
                        buf_printf(&text, "close %u\n", (unsigned)((uint8_t)payload[0] << 8 | (uint8_t)payload[1]));
                else
                        buf_printf(&text, "opcode %u: %s\n", opcode, payload);
                free(payload);
        }
        return text.data;
}

#endif
