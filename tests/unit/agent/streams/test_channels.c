/* SPDX-License-Identifier: Apache-2.0 */
/* Commands and port-forwards over WebSocket, and SPDY in one. */
#include <openssl/evp.h>

#include "tests/unit/agent/streams/peer.h"

static struct peer p;

static void open_with(unsigned version, bool base64, struct streams_wish wish)
{
        peer_open(&p, &(struct agreement){ .wire = WIRE_WEBSOCKET, .version = version, .base64 = base64 }, &wish, 0, 0);
}

static void begin(unsigned version)
{
        open_with(version, false, (struct streams_wish){ .in = true, .out = true, .err = true });
        cr_assert_str_eq(told(&p), "", "nothing calls back");
        peer_turn(&p);
        cr_assert_str_eq(told(&p), "ready\n");
        cr_assert_str_eq(ws_sent(&p), version < 5 ? "1: \n" : "");
}

static void message(const char *bytes, size_t n)
{
        ws_send(&p, true, WEBSOCKET_BINARY, bytes, n);
}

static void text(const char *s)
{
        ws_send(&p, true, WEBSOCKET_TEXT, s, strlen(s));
}

static void teardown(void)
{
        if (p.event)
                peer_gone(&p);
}

TestSuite(channels, .fini = teardown, .timeout = 120);

/* ---- a command -------------------------------------------------------------------------------------------------- */

Test(channels, a_command_from_its_streams_to_its_status)
{
        begin(4);
        message("\0hello", 6);
        message("\0", 1);
        message("", 0);
        message("\1to stdout", 10);
        message("\7to nobody", 10);
        message("\xff\0", 2); /* of version 5 */
        cr_assert_str_eq(told(&p), "stdin: hello\n");
        stream_write(streams_find(p.c, STREAM_STDOUT), "out", 3);
        stream_write(streams_find(p.c, STREAM_STDERR), "err", 3);
        stream_end(streams_find(p.c, STREAM_STDOUT)); /* which no message tells */
        streams_status(p.c, 0, NULL);
        streams_finish(p.c);
        cr_assert_str_eq(ws_sent(&p), "1: out\n2: err\n3: {\"metadata\":{},\"status\":\"Success\"}\nclose 1000\n");
        cr_assert(p.carrier_finished);
        peer_gone(&p);
        cr_assert_str_eq(told(&p), "");
}

Test(channels, data_may_come_before_the_session_was_told)
{
        open_with(4, false, (struct streams_wish){ .in = true });
        message("\0hello", 6);
        cr_assert_str_eq(told(&p), "ready\nstdin: hello\n");
        cr_assert_str_eq(ws_sent(&p), "3: \n", "the lowest channel that it writes to");
}

Test(channels, the_first_message_is_on_the_lowest_channel)
{
        open_with(4, false, (struct streams_wish){ .in = true, .err = true });
        peer_turn(&p);
        cr_assert_str_eq(ws_sent(&p), "2: \n");
}

Test(channels, a_terminal)
{
        open_with(4, false, (struct streams_wish){ .in = true, .out = true, .err = true, .tty = true });
        peer_turn(&p);
        message("\4{\"Width\":1}", 12);
        message("\2x", 2);
        cr_assert_str_eq(told(&p), "ready\nresize: {\"Width\":1}\n");
        cr_assert_null(streams_find(p.c, STREAM_STDERR));
}

Test(channels, without_a_version_the_status_is_a_sentence)
{
        begin(1);
        streams_status(p.c, 3, NULL);
        cr_assert_str_eq(ws_sent(&p), "3: command terminated with non-zero exit code: exit status 3\n");
}

Test(channels, version_5_ends_a_channel)
{
        begin(5);
        message("\0hello", 6);
        message("\xff\3", 2);
        message("\xff\11", 2);
        message("\xff\0", 2);
        message("\xff\0", 2);
        message("\0too late", 9);
        cr_assert_str_eq(told(&p), "stdin: hello\nstdin ended\n");
        cr_assert(!p.carrier_finished);
        ws_send(&p, false, WEBSOCKET_BINARY, "\xff", 1);
        ws_send(&p, true, WEBSOCKET_CONTINUATION, "\1", 1);
        cr_assert(!p.carrier_finished);
        message("\xff\0\0", 3);
        cr_assert_str_eq(ws_sent(&p), "close 1002\n");
        peer_gone(&p);
        begin(5);
        message("\xff", 1);
        cr_assert_str_eq(ws_sent(&p), "close 1002\n");
        peer_gone(&p);
        begin(5);
        ws_send(&p, false, WEBSOCKET_BINARY, "\xff\0", 2);
        ws_send(&p, true, WEBSOCKET_CONTINUATION, "\0", 1);
        cr_assert_str_eq(ws_sent(&p), "close 1002\n");
}

Test(channels, messages_in_pieces)
{
        static const char *const stdin_lines[] = { "stdin: a\n", "stdin: bc\n", "stdin: d\n" };
        char expected[64] = "";

        begin(4);
        ws_send(&p, false, WEBSOCKET_BINARY, "", 0);
        ws_send(&p, false, WEBSOCKET_CONTINUATION, "\0", 1);
        ws_send(&p, false, WEBSOCKET_CONTINUATION, "a", 1);
        ws_send(&p, true, WEBSOCKET_PING, "between", 7);
        ws_send(&p, false, WEBSOCKET_CONTINUATION, "bc", 2);
        ws_send(&p, true, WEBSOCKET_CONTINUATION, "d", 1);
        for (size_t i = 0; i < ARRAY_LEN(stdin_lines); i++)
                strcat(expected, stdin_lines[i]);
        cr_assert_str_eq(told(&p), expected);
        cr_assert_str_eq(ws_sent(&p), "opcode 10: between\n");
        message("\1x", 2);
        message("\0y", 2);
        cr_assert_str_eq(told(&p), "stdin: y\n");
}

Test(channels, bytes_that_come_one_by_one)
{
        struct buf all = BUF(1 << 20);
        char long_one[300];

        begin(5);
        memset(long_one, 'x', sizeof(long_one));
        long_one[0] = '\1';
        ws_frame(&all, true, WEBSOCKET_BINARY, "\0ab", 3);
        ws_frame(&all, true, WEBSOCKET_PING, "p", 1);
        ws_frame(&all, true, WEBSOCKET_BINARY, long_one, sizeof(long_one));
        ws_frame(&all, true, WEBSOCKET_BINARY, "\xff\0", 2);
        peer_drip(&p, all.data, all.len);
        buf_done(&all);
        cr_assert_str_eq(told(&p), "stdin: a\nstdin: b\nstdin ended\n");
        cr_assert_str_eq(ws_sent(&p), "opcode 10: p\n");
}

Test(channels, large_messages_pass_through)
{
        static char block[70001]; /* a length of 64 bits */
        size_t n = 0;

        begin(4);
        message(block, sizeof(block));
        for (const char *line = told(&p); *line; line = strchr(line, '\n') + 1)
                n += strtoul(line + strlen("stdin: "), NULL, 10);
        cr_assert_eq(n, 70000);
        stream_write(streams_find(p.c, STREAM_STDOUT), block, sizeof(block));
        cr_assert_eq(p.out.len, sizeof(block) + 3 * 5); /* three messages with a length of 16 bits and a channel */
}

Test(channels, base64)
{
        open_with(4, true, (struct streams_wish){ .in = true, .out = true });
        peer_turn(&p);
        cr_assert_str_eq(ws_sent(&p), "1\n");
        told(&p);
        text("0aGVsbG8=");
        text("0d29y\nbGQ=\n");
        text("0");
        text("");
        cr_assert_str_eq(told(&p), "stdin: hello\nstdin: world\n");
        text("0aGVs!G8=");     /* dropped, as the kubelet does */
        text("0aGVsbG8=aGVs"); /* what follows the end, too */
        text("0aGV");
        text("0aGVs");
        ws_send(&p, false, WEBSOCKET_TEXT, "0a", 2);
        ws_send(&p, false, WEBSOCKET_CONTINUATION, "GVsb", 4);
        ws_send(&p, true, WEBSOCKET_CONTINUATION, "G8=", 3);
        cr_assert_str_eq(told(&p), "stdin: hel\nstdin: hel\nstdin: lo\n");
        stream_write(streams_find(p.c, STREAM_STDOUT), "\0\xff!", 3);
        streams_status(p.c, 0, NULL);
        cr_assert_str_eq(ws_sent(&p), "1AP8h\n3eyJtZXRhZGF0YSI6e30sInN0YXR1cyI6IlN1Y2Nlc3MifQ==\n");
}

Test(channels, base64_of_many_sizes)
{
        static char bytes[20000], letters[30000];

        for (size_t i = 0; i < sizeof(bytes); i++)
                bytes[i] = (char)(i * 7 % 251);
        for (size_t n = 1; n < sizeof(bytes); n = n * 2 + 1) {
                size_t got = 0;

                open_with(4, true, (struct streams_wish){ .in = true });
                letters[0] = '0';
                EVP_EncodeBlock((unsigned char *)letters + 1, (unsigned char *)bytes, (int)n);
                text(letters);
                for (const char *line = strchr(told(&p), '\n') + 1; *line; line = strchr(line, '\n') + 1)
                        got += n > 80 ? strtoul(line + strlen("stdin: "), NULL, 10) : n;
                if (n > 80)
                        cr_assert_geq(got + 80, n);
                peer_gone(&p);
        }
}

/* ---- the end, and what breaks the protocol ---------------------------------------------------------------------- */

Test(channels, a_client_that_closes)
{
        begin(4);
        ws_send(&p, true, WEBSOCKET_CLOSE, "\x03\xe8", 2);
        cr_assert_str_eq(ws_sent(&p), "close 1000\n");
        cr_assert(p.carrier_finished);
        cr_assert(stream_write(streams_find(p.c, STREAM_STDOUT), "x", 1), "dropped");
        message("\0x", 2);
        peer_gone(&p);
        cr_assert_str_eq(told(&p), "closed\n");
}

Test(channels, what_breaks_the_protocol_ends_the_connection_alone)
{
        static const struct {
                const char *what, *bytes;
                size_t n;
        } rows[] = {
                { "no mask", "\x82\x02\0a", 4 },
                { "bits of an extension", "\xc2\x80....", 6 },
                { "opcode 3", "\x83\x80....", 6 },
                { "opcode 11", "\x8b\x80....", 6 },
                { "a PING in pieces", "\x09\x80....", 6 },
                { "a long PING", "\x89\xfe\0\x7e....", 8 },
                { "a continuation of nothing", "\x80\x80....", 6 },
                { "two messages mixed", "\x02\x80....\x82\x80....", 12 },
                { "a length of 64 bits and a sign", "\x82\xff\x80\0\0\0\0\0\0\0....", 14 },
        };

        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                begin(4);
                peer_drip(&p, rows[i].bytes, rows[i].n);
                cr_assert(p.carrier_finished, "%s", rows[i].what);
                cr_assert_str_eq(ws_sent(&p), "close 1002\n", "%s", rows[i].what);
                peer_gone(&p);
                cr_assert_str_eq(told(&p), "closed\n");
        }
}

Test(channels, an_endless_message_costs_nothing)
{
        begin(4);
        peer_raw(&p, "\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff\0\0\0\0", 14);
        peer_raw(&p, "\1", 1);
        for (int i = 0; i < 1000; i++)
                peer_raw(&p, told, 4096);
        cr_assert_eq(p.in.len, 0);
        cr_assert(!p.carrier_finished);
}

Test(channels, a_session_that_pauses)
{
        begin(5);
        p.pause_at_data = true;
        message("\0one", 4);
        message("\0two", 4);
        message("\xff\0", 2);
        peer_turn(&p);
        cr_assert_str_eq(told(&p), "stdin: one\n");
        streams_resume(p.c);
        peer_offer(&p);
        cr_assert_str_eq(told(&p), "stdin: two\n");
        streams_resume(p.c);
        peer_turn(&p);
        peer_offer(&p);
        cr_assert_str_eq(told(&p), "stdin ended\n");
}

Test(channels, a_flood_of_pings_costs_no_memory)
{
        begin(4);
        p.room = 1000;
        for (int i = 0; i < 20000; i++)
                ws_send(&p, true, WEBSOCKET_PING, "12345678", 8);
        cr_assert(p.carrier_paused);
        cr_assert_lt(p.out.len, 1000 + 16 * 1024 + 100);
        while (p.in.len > 0)
                peer_read(&p);
        message("\0still there", 12);
        cr_assert_str_eq(told(&p), "stdin: still there\n");
}

/* ---- port-forward ----------------------------------------------------------------------------------------------- */

static void begin_forward(void)
{
        peer_open(&p, &(struct agreement){ .wire = WIRE_WEBSOCKET, .version = 4, .ports = { 80, 8080 }, .n_ports = 2 },
                  &(struct streams_wish){ .port_forward = true }, 0, 0);
        peer_turn(&p);
        cr_assert_str_eq(told(&p), "ready\npair 80\npair 8080\n");
        cr_assert_eq(p.out.len, 4 * 5);
        cr_assert_eq(memcmp(p.out.data, "\x82\3\0P\0\x82\3\1P\0\x82\3\2\x90\x1f\x82\3\3\x90\x1f", 20), 0);
        buf_reset(&p.out);
}

Test(channels, a_port_forward)
{
        begin_forward();
        message("\0GET /", 6);
        message("\2GET /2", 7);
        message("\1to errors", 10);
        message("\4to nobody", 10);
        cr_assert_str_eq(told(&p), "data: GET /\ndata: GET /2\n");
        stream_write(p.data_stream, "200", 3);
        stream_write(p.error_stream, "why", 3);
        cr_assert_str_eq(ws_sent(&p), "2: 200\n3: why\n");
        stream_release(p.data_stream);
        stream_release(p.error_stream);
        message("\2x", 2);
        cr_assert_str_eq(told(&p), "");
        cr_assert(!p.carrier_finished, "there is another pair");
}

Test(channels, a_port_forward_ends_with_its_last_pair)
{
        peer_open(&p, &(struct agreement){ .wire = WIRE_WEBSOCKET, .version = 4, .ports = { 80 }, .n_ports = 1 },
                  &(struct streams_wish){ .port_forward = true }, 0, 0);
        peer_turn(&p);
        buf_reset(&p.out);
        stream_release(p.data_stream);
        cr_assert(!p.carrier_finished);
        stream_write(p.error_stream, "why", 3);
        stream_release(p.error_stream);
        cr_assert_str_eq(ws_sent(&p), "1: why\nclose 1000\n");
        cr_assert(p.carrier_finished);
        told(&p);
        peer_gone(&p);
        cr_assert_str_eq(told(&p), "closed\n");
}

/* ---- the tunnel ------------------------------------------------------------------------------------------------- */

/* The bytes in the messages that were sent. */
static const char *tunnel_sent(void)
{
        struct buf inner = BUF(1 << 20);
        const char *all;
        unsigned opcode;
        char *payload;
        size_t n;

        while (ws_take(&p, &opcode, &payload, &n)) {
                cr_assert(opcode == WEBSOCKET_BINARY || opcode == WEBSOCKET_CLOSE || opcode == WEBSOCKET_PONG);
                if (opcode == WEBSOCKET_BINARY)
                        buf_add(&inner, payload, n);
                free(payload);
        }
        buf_add(&p.out, inner.data, inner.len);
        buf_done(&inner);
        all = sent(&p);
        return all;
}

static void begin_tunnel(void)
{
        peer_open(&p, &(struct agreement){ .wire = WIRE_TUNNEL, .version = 1 },
                  &(struct streams_wish){ .port_forward = true }, 0, 0);
        peer_turn(&p);
        cr_assert_str_eq(told(&p), "ready\n");
}

Test(channels, a_tunnel)
{
        begin_tunnel();
        spdy_half(&p, 1, "error", "80", "0");
        spdy_half(&p, 3, "data", "80", "0");
        spdy_send(&p, 3, "GET /", 5, true);
        ws_send(&p, true, WEBSOCKET_PING, "?", 1);
        spdy_control(&p, SPDY_PING, 1, 0, 4);
        cr_assert_str_eq(told(&p), "pair 80\ndata: GET /\ndata ended\n");
        stream_write(p.data_stream, "200", 3);
        stream_end(p.data_stream);
        cr_assert_str_eq(tunnel_sent(), "reply 1\nreply 3\nping 1\n3: 200\n3: $\n");
        ws_send(&p, true, WEBSOCKET_CLOSE, "", 0);
        cr_assert_str_eq(tunnel_sent(), "goaway 3 0\n");
        cr_assert(p.carrier_finished);
}

Test(channels, a_tunnels_messages_end_anywhere)
{
        struct buf all;

        begin_tunnel();
        p.tunnel = false;
        p.carrier_paused = true; /* so that it is kept */
        spdy_half(&p, 1, "error", "80", "0");
        spdy_half(&p, 3, "data", "80", "0");
        spdy_send(&p, 3, "hello", 5, true);
        all = p.in;
        p.in = BUF(1 << 20);
        p.carrier_paused = false;
        for (size_t i = 0; i < all.len; i++)
                ws_send(&p, true, WEBSOCKET_BINARY, all.data + i, 1);
        buf_done(&all);
        cr_assert_str_eq(told(&p), "pair 80\ndata: h\ndata: e\ndata: l\ndata: l\ndata: o\ndata ended\n");
}

Test(channels, a_tunnels_session_that_pauses)
{
        static char block[60000];
        size_t n = 0;

        begin_tunnel();
        spdy_half(&p, 1, "error", "80", "0");
        spdy_half(&p, 3, "data", "80", "0");
        told(&p);
        p.pause_at_data = true;
        spdy_send(&p, 3, block, sizeof(block), true);
        for (int i = 0; i < 100; i++) {
                const char *line = told(&p);

                if (*line == 'd' && line[5] != 'e')
                        n += strtoul(line + strlen("data: "), NULL, 10);
                peer_turn(&p);
                cr_assert_str_eq(told(&p), "");
                streams_resume(p.c);
                if (n == sizeof(block))
                        break;
                peer_turn(&p);
                peer_offer(&p);
        }
        cr_assert_eq(n, sizeof(block));
        peer_turn(&p);
        peer_offer(&p);
        cr_assert_str_eq(told(&p), "data ended\n");
}

Test(channels, what_breaks_a_tunnel)
{
        begin_tunnel();
        text("GET / HTTP/1.1");
        cr_assert(p.carrier_finished);
        peer_gone(&p);
        told(&p);
        begin_tunnel();
        message("\x80\x03\0\x01\0\0\x40\x01", 8);
        cr_assert(p.carrier_finished);
        cr_assert_str_eq(tunnel_sent(), "goaway 0 1\n");
        peer_gone(&p);
        told(&p);
        begin_tunnel();
        peer_raw(&p, "\x82\x02\0a", 4);
        cr_assert(p.carrier_finished);
}

Test(channels, a_tunnels_longest_control_frame)
{
        static uint8_t frame[SPDY_HEAD + SPDY_CONTROL_MAX] = { 0x80, 3, 0, SPDY_SETTINGS, 0, 0, 0x40, 0 };

        begin_tunnel();
        for (size_t i = 0; i < sizeof(frame); i += 1000)
                ws_send(&p, true, WEBSOCKET_BINARY, frame + i, sizeof(frame) - i < 1000 ? sizeof(frame) - i : 1000);
        spdy_control(&p, SPDY_PING, 1, 0, 4);
        cr_assert_str_eq(tunnel_sent(), "ping 1\n");
}
