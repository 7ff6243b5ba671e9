/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SPDY as a client may send it, plain or in a tunnel. The input is a list of acts, so that frames are whole often
 * enough; one act sends bytes as they are. Headers are not compressed, which deflate allows.
 */
#include "agent/streams/spdy.h"
#include "agent/streams/websocket.h"
#include "tests/fuzz/streams.h"

struct input {
        const uint8_t *p;
        size_t n;
};

static uint8_t next(struct input *in)
{
        if (in->n == 0)
                return 0;
        in->n--;
        return *in->p++;
}

static struct {
        struct world w;     /* first */
        bool tunnel, began; /* began: a block of headers was sent */
        uint32_t replied[4096];
        size_t n_replied;
        bool gone; /* GOAWAY was received */
} t;

static void u32(struct buf *b, size_t value)
{
        for (int shift = 24; shift >= 0; shift -= 8)
                buf_char(b, (char)(value >> shift));
}

static bool feed(const struct buf *b)
{
        static const uint8_t mask[4] = { 1, 2, 3, 4 };
        struct buf message = BUF(1 << 20);
        bool goes_on;

        if (!t.tunnel)
                return world_feed(&t.w, b->data, b->len);
        buf_char(&message, (char)0x82);
        buf_char(&message, (char)0xfe);
        buf_char(&message, (char)(b->len >> 8));
        buf_char(&message, (char)b->len);
        buf_add(&message, mask, 4);
        for (size_t i = 0; i < b->len; i++)
                buf_char(&message, (char)(b->data[i] ^ mask[i % 4]));
        goes_on = world_feed(&t.w, message.data, message.len);
        buf_done(&message);
        return goes_on;
}

static void header(struct buf *b, const char *name, const char *value)
{
        u32(b, strlen(name));
        buf_str(b, name);
        u32(b, strlen(value));
        buf_str(b, value);
}

static void syn_stream(struct buf *b, struct input *in)
{
        static const char *const types[] = { "error", "stdin", "stdout", "stderr", "resize", "data", "thing", "" };
        static const char *const ports[] = { "80", "8080", "0", "65535", "65536", "" };
        static const char *const requests[] = { "0", "1", "a", "" };
        uint8_t id = next(in), type = next(in), what = next(in);
        struct buf plain = BUF(1 << 16);

        u32(&plain, 3);
        header(&plain, "streamtype", types[type % ARRAY_LEN(types)]);
        header(&plain, "port", ports[what % ARRAY_LEN(ports)]);
        header(&plain, "requestid", requests[what / 16 % ARRAY_LEN(requests)]);
        u32(b, 0x80030001);
        u32(b, (size_t)(type & 0x80 ? SPDY_FLAG_FIN : 0) << 24 | (plain.len + (t.began ? 20 : 26)));
        u32(b, id);
        buf_add(b, "\0\0\0\0\0\0", 6);
        if (!t.began)
                buf_add(b, "\x78\x20\xe3\xc6\xa7\xc2", 6);
        t.began = true;
        buf_char(b, 0);
        buf_char(b, (char)plain.len);
        buf_char(b, (char)(plain.len >> 8));
        buf_char(b, (char)~plain.len);
        buf_char(b, (char)(~plain.len >> 8));
        buf_add(b, plain.data, plain.len);
        buf_add(b, "\0\0\0\xff\xff", 5);
        buf_done(&plain);
}

static void bytes(struct buf *b, struct input *in, size_t n)
{
        if (n > in->n)
                n = in->n;
        buf_add(b, in->p, n);
        in->p += n;
        in->n -= n;
}

static void frame(struct buf *b, struct input *in, uint8_t what)
{
        uint8_t a, n;

        switch (what) {
        case 0:
                bytes(b, in, next(in));
                break;
        case 1:
                syn_stream(b, in);
                break;
        case 2: /* data */
                a = next(in), n = next(in);
                if (n > in->n)
                        n = (uint8_t)in->n;
                u32(b, a & 0x7f);
                u32(b, (size_t)(a >> 7) << 24 | n);
                bytes(b, in, n);
                break;
        default: /* another control frame */
                a = next(in), n = next(in);
                u32(b, 0x80030000U | (a & 0xf));
                u32(b, 8);
                u32(b, n);
                u32(b, a);
                break;
        }
}

static bool was_replied(uint32_t id)
{
        for (size_t i = 0; i < t.n_replied; i++)
                if (t.replied[i] == id)
                        return true;
        return false;
}

/* A client of the common library: data comes behind the reply, and nothing behind GOAWAY. */
static void check_frames(const uint8_t *p, size_t n)
{
        while (n > 0) {
                struct spdy_frame f;

                must(!t.gone && n >= SPDY_HEAD && spdy_frame_parse(p, &f, NULL) == 0 && SPDY_HEAD + f.length <= n);
                if (f.control && f.type == SPDY_SYN_REPLY && t.n_replied < ARRAY_LEN(t.replied))
                        t.replied[t.n_replied++] = spdy_u32(p + SPDY_HEAD);
                if (!f.control)
                        must(was_replied(f.id) || t.n_replied == ARRAY_LEN(t.replied));
                t.gone = f.control && f.type == SPDY_GOAWAY;
                p += SPDY_HEAD + f.length;
                n -= SPDY_HEAD + f.length;
        }
}

static void check(struct world *w)
{
        struct buf inner = BUF(64 * 1024 * 1024);
        const uint8_t *p = (const uint8_t *)w->out.data;

        if (!t.tunnel) {
                check_frames(p, w->out.len);
                return;
        }
        for (size_t n = w->out.len; n > 0;) {
                size_t head = p[1] == 126 ? 4 : 2, size = p[1] == 126 ? (size_t)p[2] << 8 | p[3] : p[1];

                must(n >= head + size && p[1] < 127);
                if (p[0] == (0x80 | WEBSOCKET_BINARY))
                        buf_add(&inner, p + head, size);
                else
                        must(p[0] == (0x80 | WEBSOCKET_CLOSE) || p[0] == (0x80 | WEBSOCKET_PONG));
                must(p[0] != (0x80 | WEBSOCKET_CLOSE) || n == head + size);
                p += head + size;
                n -= head + size;
        }
        check_frames((const uint8_t *)inner.data, inner.len);
        buf_done(&inner);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct input in = { data, size };
        uint8_t kind = next(&in);
        bool forward = kind & 1, goes_on = true;
        const struct streams_wish wish = {
                .port_forward = forward, .in = kind & 4, .out = kind & 8, .err = kind & 16, .tty = kind & 32
        };
        const struct agreement agreement = { .wire = kind & 2 && forward ? WIRE_TUNNEL : WIRE_SPDY,
                                             .version = forward ? 1 : 1 + (kind >> 6) };

        memset(&t, 0, sizeof(t));
        t.tunnel = agreement.wire == WIRE_TUNNEL;
        t.w.habits = next(&in);
        world_open(&t.w, &agreement, &wish);
        while (in.n > 0 && goes_on && !t.w.carrier_finished) {
                struct buf b = BUF(1 << 16);
                uint8_t what = next(&in) % 8;

                switch (what) {
                case 4:
                        world_turn(&t.w);
                        break;
                case 5:
                        world_drain(&t.w, check);
                        break;
                case 6:
                        world_act(&t.w, next(&in));
                        break;
                case 7:
                        t.w.chunk = (size_t)next(&in) + 1;
                        break;
                default:
                        frame(&b, &in, what);
                        goes_on = feed(&b);
                        break;
                }
                buf_done(&b);
        }
        world_close(&t.w, check);
        return 0;
}
