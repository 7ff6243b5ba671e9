/* SPDX-License-Identifier: Apache-2.0 */
/* Channels in a WebSocket as a client may send them. The input is a list of acts, as in fuzz_spdy.c. */
#include "agent/streams/websocket.h"
#include "tests/fuzz/streams.h"

static struct {
        struct world w;
        bool base64, closed;
        unsigned channels;
} t;

/* Frames as a server may send them: whole messages, on channels that there are, and nothing behind CLOSE. */
static void check(struct world *w)
{
        const uint8_t *p = (const uint8_t *)w->out.data;

        for (size_t n = w->out.len; n > 0;) {
                size_t head = p[1] == 126 ? 4 : 2, size = p[1] == 126 ? (size_t)p[2] << 8 | p[3] : p[1];

                must(!t.closed && n >= head + size && p[1] < 127);
                switch (p[0]) {
                case 0x80 | WEBSOCKET_BINARY:
                        must(!t.base64 && size >= 1 && p[head] < t.channels);
                        break;
                case 0x80 | WEBSOCKET_TEXT:
                        must(t.base64 && size % 4 == 1 && (uint8_t)(p[head] - '0') < t.channels);
                        break;
                case 0x80 | WEBSOCKET_CLOSE:
                        must(size == 2);
                        t.closed = true;
                        break;
                default:
                        must(p[0] == (0x80 | WEBSOCKET_PONG));
                        break;
                }
                p += head + size;
                n -= head + size;
        }
}

static bool send_frame(uint8_t first, const uint8_t *p, size_t n)
{
        static const uint8_t mask[4] = { 1, 2, 3, 4 };
        struct buf b = BUF(4096);
        bool goes_on;

        buf_char(&b, (char)first);
        if (n > WEBSOCKET_CONTROL_MAX) {
                buf_char(&b, (char)0xfe);
                buf_char(&b, 0);
        }
        buf_char(&b, (char)(n > WEBSOCKET_CONTROL_MAX ? n : 0x80 | n));
        buf_add(&b, mask, 4);
        for (size_t i = 0; i < n; i++)
                buf_char(&b, (char)(p[i] ^ mask[i % 4]));
        goes_on = world_feed(&t.w, b.data, b.len);
        buf_done(&b);
        return goes_on;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const unsigned versions[] = { 1, 4, 5, 4 };
        uint8_t kind = size > 0 ? data[0] : 0;
        bool forward = kind & 1, goes_on = true;
        const struct streams_wish wish = {
                .port_forward = forward, .in = kind & 4, .out = kind & 8, .err = kind & 16, .tty = kind & 32
        };
        struct agreement agreement = { .wire = WIRE_WEBSOCKET,
                                       .version = forward ? 4 : versions[kind >> 6],
                                       .base64 = kind & 2,
                                       .ports = { 80, 81, 82 },
                                       .n_ports = forward ? 3 : 0 };

        if (size < 2)
                return 0;
        agreement.base64 = agreement.base64 && agreement.version != 5;
        memset(&t, 0, sizeof(t));
        t.base64 = agreement.base64;
        t.channels = forward ? 6 : 5;
        t.w.habits = data[1];
        world_open(&t.w, &agreement, &wish);
        for (size_t i = 2; i < size && goes_on && !t.w.carrier_finished;) {
                uint8_t what = data[i++] % 8, a = i < size ? data[i++] : 0;
                size_t n = a < size - i ? a : size - i;

                switch (what) {
                case 0: /* bytes as they are */
                        goes_on = world_feed(&t.w, data + i, n);
                        i += n;
                        break;
                case 1:
                case 2: /* a whole message; the first byte is the channel */
                        goes_on = send_frame(what == 1 ? 0x82 : 0x81, data + i, n);
                        i += n;
                        break;
                case 3: /* a frame of any kind, of one byte */
                        goes_on = send_frame(a & 0x8f, data + i, n > 0);
                        i += n > 0;
                        break;
                case 4:
                        world_turn(&t.w);
                        break;
                case 5:
                        world_drain(&t.w, check);
                        break;
                case 6:
                        world_act(&t.w, a);
                        break;
                default:
                        t.w.chunk = (size_t)a + 1;
                        break;
                }
        }
        world_close(&t.w, check);
        return 0;
}
