/* SPDX-License-Identifier: Apache-2.0 */
/* Commands and port-forwards over SPDY/3.1: what the session is told, and what the client gets. */
#include "tests/unit/agent/streams/peer.h"

static struct peer p;

static void open_command(const struct streams_wish *wish)
{
        peer_open(&p, &(struct agreement){ .wire = WIRE_SPDY, .version = 4 }, wish, 0, 0);
        peer_turn(&p);
}

/* All of a command's streams but a terminal's: error 1, stdin 3, stdout 5, stderr 7. */
static void begin(void)
{
        open_command(&(struct streams_wish){ .in = true, .out = true, .err = true });
        spdy_syn(&p, 1, "error");
        spdy_syn(&p, 3, "stdin");
        spdy_syn(&p, 5, "stdout");
        cr_assert_str_eq(told(&p), "");
        spdy_syn(&p, 7, "stderr");
        cr_assert_str_eq(told(&p), "ready\n");
        cr_assert_str_eq(sent(&p), "reply 1\nreply 3\nreply 5\nreply 7\n");
}

static void begin_forward(void)
{
        peer_open(&p, &(struct agreement){ .wire = WIRE_SPDY, .version = 1 },
                  &(struct streams_wish){ .port_forward = true }, 0, 0);
        peer_turn(&p);
        cr_assert_str_eq(told(&p), "ready\n");
}

static void teardown(void)
{
        if (p.event)
                peer_gone(&p);
}

TestSuite(spdy_streams, .fini = teardown, .timeout = 120);

/* ---- a command -------------------------------------------------------------------------------------------------- */

Test(spdy_streams, a_command_from_its_streams_to_its_status)
{
        begin();
        spdy_send(&p, 3, "hello", 5, false);
        spdy_send(&p, 3, "", 0, true);
        cr_assert_str_eq(told(&p), "stdin: hello\nstdin ended\n");
        cr_assert(stream_write(streams_find(p.c, STREAM_STDOUT), "out", 3));
        cr_assert(stream_write(streams_find(p.c, STREAM_STDERR), "err", 3));
        streams_status(p.c, 0, NULL);
        streams_finish(p.c);
        cr_assert_str_eq(sent(&p),
                         "5: out\n7: err\n1: {\"metadata\":{},\"status\":\"Success\"}\n1: $\n3: $\n5: $\n7: $\n"
                         "goaway 7 0\n");
        cr_assert(p.carrier_finished);
        peer_gone(&p);
        cr_assert_str_eq(told(&p), "", "the session had finished");
}

Test(spdy_streams, how_a_command_ended)
{
        static const struct {
                unsigned version;
                int code;
                const char *text, *sent;
        } rows[] = {
                { 4, 7, NULL,
                  "{\"metadata\":{},\"status\":\"Failure\",\"message\":\"command terminated with non-zero exit code: "
                  "exit "
                  "status "
                  "7\",\"reason\":\"NonZeroExitCode\",\"details\":{\"causes\":[{\"reason\":\"ExitCode\",\"message\":"
                  "\"7\"}]}}" },
                { 4, -1, "no \"such\" \xff program",
                  "{\"metadata\":{},\"status\":\"Failure\",\"message\":\"Internal error occurred: no \\\"such\\\" ? "
                  "program\","
                  "\"reason\":\"InternalError\",\"details\":{\"causes\":[{\"message\":\"no \\\"such\\\" ? "
                  "program\"}]},\"code\":500}" },
                { 3, 137, NULL, "command terminated with non-zero exit code: exit status 137" },
                { 1, -1, "why", "Internal error occurred: why" },
                { 2, 0, NULL, NULL },
        };

        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                char expected[1024] = "";

                peer_open(&p, &(struct agreement){ .wire = WIRE_SPDY, .version = rows[i].version },
                          &(struct streams_wish){ .out = false }, 0, 0);
                spdy_syn(&p, 1, "error");
                sent(&p);
                streams_status(p.c, rows[i].code, rows[i].text);
                if (rows[i].sent)
                        snprintf(expected, sizeof(expected), "1: %s\n1: $\n", rows[i].sent);
                else
                        snprintf(expected, sizeof(expected), "1: $\n");
                if (rows[i].sent && strlen(rows[i].sent) > 256)
                        snprintf(expected, sizeof(expected), "1: %zu bytes\n1: $\n", strlen(rows[i].sent));
                cr_assert(memmem(p.out.data, p.out.len, rows[i].sent ? rows[i].sent : "",
                                 rows[i].sent ? strlen(rows[i].sent) : 0),
                          "row %zu: %.*s", i, (int)p.out.len, p.out.data);
                cr_assert_str_eq(sent(&p), expected);
                peer_gone(&p);
        }
}

Test(spdy_streams, bytes_that_come_one_by_one)
{
        struct buf all;

        open_command(&(struct streams_wish){ .in = true, .tty = true, .out = true, .err = true });
        p.carrier_paused = true; /* so that it is kept */
        spdy_syn(&p, 1, "error");
        spdy_syn(&p, 3, "stdin");
        spdy_syn(&p, 5, "stdout");
        spdy_syn(&p, 7, "resize");
        spdy_control(&p, SPDY_PING, 1, 0, 4);
        spdy_send(&p, 3, "ab", 2, true);
        spdy_send(&p, 7, "{\"Width\":1,\"Height\":2}", 22, false);
        all = p.in;
        p.in = BUF(1 << 20);
        p.carrier_paused = false;
        peer_drip(&p, all.data, all.len);
        buf_done(&all);
        cr_assert_str_eq(sent(&p), "reply 1\nreply 3\nreply 5\nreply 7\nping 1\n");
        cr_assert(starts_with(told(&p), "ready\nstdin: a\nstdin: b\nstdin ended\nresize: {\nresize: \"\n"));
}

Test(spdy_streams, streams_that_may_not_be)
{
        open_command(&(struct streams_wish){ .in = true, .out = true, .err = true, .tty = true });
        spdy_syn(&p, 2, "error"); /* even */
        spdy_syn(&p, 5, "error");
        spdy_syn(&p, 3, "stdin");  /* less than before */
        spdy_syn(&p, 7, "error");  /* twice */
        spdy_syn(&p, 9, "stderr"); /* a terminal has one output */
        spdy_syn(&p, 11, "data");
        spdy_syn(&p, 13, "thing");
        spdy_syn_with(&p, 15, 0, (const char *const[]){ "other", "stdin", NULL });
        spdy_syn(&p, 17, "stdin");
        cr_assert_str_eq(sent(&p),
                         "reset 2 1\nreply 5\nreset 3 1\nreset 7 1\nreset 9 1\nreset 11 1\nreset 13 1\nreset 15 1\n"
                         "reply 17\n");
        cr_assert_str_eq(told(&p), "");
        spdy_syn(&p, 19, "stdout");
        spdy_syn(&p, 21, "resize");
        spdy_syn(&p, 23, "stdout"); /* one that comes when all are there */
        cr_assert_str_eq(sent(&p), "reply 19\nreply 21\nreset 23 3\n");
        cr_assert_str_eq(told(&p), "ready\n");
}

Test(spdy_streams, data_that_nobody_wants_is_dropped)
{
        begin();
        spdy_send(&p, 5, "to stdout", 9, true);
        spdy_send(&p, 99, "to nobody", 9, true);
        spdy_send(&p, 0, "to zero", 7, false);
        spdy_send(&p, 3, "in", 2, true);
        spdy_send(&p, 3, "behind the end", 14, true);
        cr_assert_str_eq(told(&p), "stdin: in\nstdin ended\n");
        cr_assert_str_eq(sent(&p), "");
}

Test(spdy_streams, data_before_all_streams_are_there_ends_the_connection)
{
        open_command(&(struct streams_wish){ .in = true, .out = true });
        spdy_syn(&p, 1, "error");
        spdy_syn(&p, 3, "stdin");
        spdy_send(&p, 3, "too early", 9, false);
        cr_assert(p.carrier_finished);
        cr_assert_str_eq(sent(&p), "reply 1\nreply 3\ngoaway 3 1\n");
        peer_gone(&p);
        cr_assert_str_eq(told(&p), "closed\n");
}

Test(spdy_streams, an_end_that_came_before_all_streams_were_there)
{
        open_command(&(struct streams_wish){ .in = true, .out = true });
        spdy_syn_with(&p, 1, SPDY_FLAG_FIN, (const char *const[]){ "streamtype", "error", NULL });
        spdy_syn_with(&p, 3, SPDY_FLAG_FIN, (const char *const[]){ "streamtype", "stdin", NULL });
        cr_assert_str_eq(told(&p), "");
        spdy_syn(&p, 5, "stdout");
        cr_assert_str_eq(told(&p), "ready\nstdin ended\n");
}

Test(spdy_streams, a_reset_stream)
{
        begin();
        spdy_control(&p, SPDY_RST_STREAM, 3, 5, 8);
        spdy_control(&p, SPDY_RST_STREAM, 5, 5, 8);
        spdy_control(&p, SPDY_RST_STREAM, 99, 5, 8);
        cr_assert_str_eq(told(&p), "stdin reset\n");
        cr_assert(stream_write(streams_find(p.c, STREAM_STDOUT), "out", 3));
        streams_finish(p.c);
        cr_assert_str_eq(sent(&p), "1: $\n7: $\ngoaway 7 0\n");
}

Test(spdy_streams, what_else_may_be_said)
{
        begin();
        spdy_control(&p, SPDY_PING, 1, 0, 4);
        spdy_control(&p, SPDY_PING, 2, 0, 4); /* we sent none */
        spdy_control(&p, SPDY_SETTINGS, 0, 0, 8);
        spdy_control(&p, SPDY_WINDOW_UPDATE, 3, 0xffffffff, 8);
        spdy_control(&p, SPDY_HEADERS, 3, 0, 4);
        spdy_control(&p, 1234, 0, 0, 8);
        spdy_control(&p, SPDY_GOAWAY, 0, 0, 8);
        spdy_control(&p, SPDY_PING, 0xffffffff, 0, 4);
        cr_assert_str_eq(sent(&p), "ping 1\nping 4294967295\n");
        cr_assert_str_eq(told(&p), "");
}

Test(spdy_streams, headers_may_be_a_streams_end)
{
        begin();
        peer_raw(&p, "\x80\3\0\x8\1\0\0\4\0\0\0\3", 12);
        cr_assert_str_eq(told(&p), "stdin ended\n");
        peer_gone(&p);
        begin_forward();
        spdy_half(&p, 1, "error", "80", "a");
        spdy_half(&p, 3, "data", "80", "a");
        told(&p);
        {
                struct buf block = BUF(1 << 16), b = BUF(1 << 16);

                header_block(&p, &block, (const char *const[]){ "any", "thing", NULL });
                control_head(&b, SPDY_HEADERS, SPDY_FLAG_FIN, 4 + block.len);
                add_u32(&b, 3);
                buf_add(&b, block.data, block.len);
                peer_raw(&p, b.data, b.len);
                buf_done(&block);
                buf_done(&b);
        }
        cr_assert_str_eq(told(&p), "data ended\n");
        spdy_half(&p, 5, "error", "81", "b"); /* the decompressor has kept up */
        spdy_half(&p, 7, "data", "81", "b");
        cr_assert_str_eq(told(&p), "pair 81\n");
}

Test(spdy_streams, what_breaks_the_protocol_ends_the_connection_alone)
{
        static const struct {
                const char *what;
                const char *bytes;
                size_t n;
        } rows[] = {
                { "another version", "\x80\x02\0\x06\0\0\0\x04\0\0\0\x01", 12 },
                { "a long control frame", "\x80\x03\0\x01\0\0\x40\x01", 8 },
                { "a short PING", "\x80\x03\0\x06\0\0\0\x03\0\0\0", 11 },
                { "a short RST_STREAM", "\x80\x03\0\x03\0\0\0\x07\0\0\0\0\0\0\0", 15 },
                { "a short SYN_STREAM", "\x80\x03\0\x01\0\0\0\x09\0\0\0\0\0\0\0\0\0", 17 },
                { "a short HEADERS", "\x80\x03\0\x08\0\0\0\x00", 8 },
                { "headers that are not compressed", "\x80\x03\0\x08\0\0\0\x08\0\0\0\x01\0\0\0\0", 16 },
                { "headers that are not there", "\x80\x03\0\x08\0\0\0\x04\0\0\0\x01", 12 },
                { "an HTTP request", "GET / HTTP/1.1\r\n\r\n", 18 },
        };

        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                open_command(&(struct streams_wish){ .out = true });
                peer_raw(&p, rows[i].bytes, rows[i].n);
                if (i == ARRAY_LEN(rows) - 1) { /* a data frame of 2 MiB for no stream */
                        cr_assert(!p.carrier_finished);
                } else {
                        cr_assert(p.carrier_finished, "%s", rows[i].what);
                        cr_assert_str_eq(sent(&p), "goaway 0 1\n", "%s", rows[i].what);
                        peer_raw(&p, rows[i].bytes, rows[i].n);
                }
                peer_gone(&p);
                cr_assert_str_eq(told(&p), "closed\n", "%s", rows[i].what);
        }
}

/* ---- pauses ----------------------------------------------------------------------------------------------------- */

Test(spdy_streams, a_session_that_pauses)
{
        begin();
        p.pause_at_data = true;
        spdy_send(&p, 3, "one", 3, false);
        spdy_send(&p, 3, "two", 3, true);
        spdy_control(&p, SPDY_PING, 1, 0, 4);
        cr_assert(p.carrier_paused);
        peer_turn(&p);
        cr_assert_str_eq(told(&p), "stdin: one\n");
        streams_resume(p.c);
        cr_assert(!p.carrier_paused);
        cr_assert_str_eq(told(&p), "", "nothing calls back");
        peer_offer(&p);
        cr_assert_str_eq(told(&p), "stdin: two\n", "and the end waits");
        streams_resume(p.c);
        peer_turn(&p); /* without a further byte */
        cr_assert_str_eq(told(&p), "stdin ended\n");
        peer_offer(&p);
        cr_assert_str_eq(sent(&p), "ping 1\n");
}

Test(spdy_streams, a_session_that_finishes_amid_input)
{
        begin();
        p.finish_at_data = true;
        spdy_send(&p, 3, "one", 3, true);
        spdy_send(&p, 3, "two", 3, true);
        peer_turn(&p);
        cr_assert_str_eq(told(&p), "stdin: one\n");
        peer_gone(&p);
        cr_assert_str_eq(told(&p), "");
}

Test(spdy_streams, a_client_that_does_not_read)
{
        static const char block[100000];

        begin();
        p.room = 256 * 1024;
        cr_assert(stream_write(streams_find(p.c, STREAM_STDOUT), block, sizeof(block)));
        cr_assert(stream_write(streams_find(p.c, STREAM_STDOUT), block, sizeof(block)));
        cr_assert(!stream_write(streams_find(p.c, STREAM_STDOUT), block, sizeof(block)));
        cr_assert(!stream_write(streams_find(p.c, STREAM_STDERR), "x", 1));
        spdy_send(&p, 3, "it may send", 11, false);
        cr_assert_str_eq(told(&p), "stdin: it may send\n");
        peer_read(&p);
        cr_assert_str_eq(told(&p), "drain\n");
        peer_read(&p);
        cr_assert_str_eq(told(&p), "");
}

Test(spdy_streams, long_data_goes_in_pieces)
{
        static const char block[100000];

        begin();
        stream_write(streams_find(p.c, STREAM_STDOUT), block, sizeof(block));
        cr_assert_str_eq(sent(&p), "5: 32768 bytes\n5: 32768 bytes\n5: 32768 bytes\n5: 1696 bytes\n");
}

/* Pings, streams that are refused: what makes us answer without the session. */
Test(spdy_streams, floods_cost_no_memory)
{
        begin();
        p.room = 1000;
        for (int i = 0; i < 100000; i++)
                spdy_control(&p, SPDY_PING, 1, 0, 4);
        cr_assert(p.carrier_paused);
        cr_assert_lt(p.out.len, 1000 + 16 * 1024 + 100);
        cr_assert_str_eq(told(&p), "");
        peer_read(&p);
        cr_assert_lt(p.in.len, 12 * 100000 - 16 * 1024, "it goes on");
        cr_assert_gt(p.in.len, 0);
        cr_assert(p.carrier_paused);
        cr_assert_lt(p.out.len, 1000 + 16 * 1024 + 100);
        while (p.in.len > 0)
                peer_read(&p);
        spdy_send(&p, 3, "still there", 11, false);
        cr_assert_str_eq(told(&p), "stdin: still there\n");
}

Test(spdy_streams, a_session_that_waits_is_not_woken_by_a_flood)
{
        begin();
        p.room = 1000;
        streams_pause(p.c);
        for (int i = 0; i < 10000; i++)
                spdy_control(&p, SPDY_PING, 1, 0, 4);
        cr_assert_eq(p.out.len, 0);
        streams_resume(p.c);
        peer_offer(&p);
        cr_assert(p.carrier_paused);
        streams_pause(p.c);
        peer_read(&p);
        cr_assert(p.carrier_paused, "the session's pause outlives that of the flood");
        streams_resume(p.c);
        cr_assert(!p.carrier_paused);
}

Test(spdy_streams, a_bomb_of_headers)
{
        static char value[1 << 20];

        memset(value, 'a', sizeof(value) - 1);
        open_command(&(struct streams_wish){ .out = true });
        spdy_syn_with(&p, 1, 0, (const char *const[]){ "streamtype", value, NULL });
        cr_assert(p.carrier_finished);
        cr_assert_str_eq(sent(&p), "goaway 0 1\n");
}

/* ---- time ------------------------------------------------------------------------------------------------------- */

static void wait_for_end(void)
{
        for (int i = 0; i < 1000 && !p.carrier_finished; i++)
                sd_event_run(p.event, 100000);
        cr_assert(p.carrier_finished);
}

Test(spdy_streams, streams_that_never_come)
{
        peer_open(&p, &(struct agreement){ .wire = WIRE_SPDY, .version = 4 }, &(struct streams_wish){ .out = true },
                  20000, 0);
        spdy_syn(&p, 1, "error");
        wait_for_end();
        cr_assert_str_eq(sent(&p), "reply 1\ngoaway 1 0\n");
        peer_gone(&p);
        cr_assert_str_eq(told(&p), "closed\n");
}

Test(spdy_streams, a_connection_without_a_byte)
{
        const char *told_end;

        peer_open(&p, &(struct agreement){ .wire = WIRE_SPDY, .version = 4 }, &(struct streams_wish){ .out = false },
                  1000000000, 20000);
        spdy_syn(&p, 1, "error");
        cr_assert_str_eq(told(&p), "ready\n");
        wait_for_end();
        told_end = sent(&p);
        cr_assert(starts_with(told_end, "reply 1\n1: "), "%s", told_end);
        cr_assert(strstr(told_end, "\n1: $\n"), "%s", told_end); /* the status ends the stream, as every one does */
        cr_assert(ends_with(told_end, "\ngoaway 1 0\n"), "%s", told_end);
        peer_gone(&p);
        cr_assert_str_eq(told(&p), "closed\n");
}

/* ---- port-forward ----------------------------------------------------------------------------------------------- */

Test(spdy_streams, a_port_forward)
{
        begin_forward();
        spdy_half(&p, 1, "error", "8080", "0");
        spdy_send(&p, 1, "", 0, true); /* as kubectl does */
        spdy_half(&p, 3, "data", "8080", "0");
        cr_assert_str_eq(sent(&p), "reply 1\nreply 3\n");
        cr_assert_str_eq(told(&p), "pair 8080\n");
        spdy_send(&p, 3, "GET /", 5, false);
        spdy_send(&p, 3, "", 0, true);
        cr_assert_str_eq(told(&p), "data: GET /\ndata ended\n");
        stream_write(p.data_stream, "200", 3);
        stream_end(p.data_stream);
        stream_write(p.error_stream, "why", 3);
        stream_release(p.data_stream);
        stream_release(p.error_stream);
        cr_assert_str_eq(sent(&p), "3: 200\n3: $\n1: why\n1: $\n");
        spdy_send(&p, 3, "too late", 8, true);
        cr_assert_str_eq(told(&p), "");
        cr_assert(!p.carrier_finished, "there may be further pairs");
}

Test(spdy_streams, pairs_find_each_other)
{
        begin_forward();
        spdy_half(&p, 1, "error", "80", "a");
        spdy_half(&p, 3, "error", "81", "b");
        spdy_half(&p, 5, "error", "81", "b"); /* twice */
        spdy_half(&p, 7, "data", "81", "b");
        spdy_half(&p, 9, "data", "80", "a");
        spdy_half(&p, 11, "error", "82", NULL); /* an old client */
        spdy_half(&p, 13, "data", "82", NULL);
        spdy_half(&p, 15, "data", "83", "a"); /* the id is free again */
        spdy_half(&p, 17, "error", "83", "a");
        cr_assert_str_eq(sent(&p),
                         "reply 1\nreply 3\nreset 5 1\nreply 7\nreply 9\nreply 11\nreply 13\nreply 15\nreply 17\n");
        cr_assert_str_eq(told(&p), "pair 81\npair 80\npair 82\npair 83\n");
}

Test(spdy_streams, pairs_that_may_not_be)
{
        static const char *const ports[] = { "", "0", "65536", "99999999999999999999", "-1", "80x", " 80", "0x50" };
        char expected[512] = "";
        char request[80];
        uint32_t id = 1;

        begin_forward();
        for (size_t i = 0; i < ARRAY_LEN(ports); i++, id += 2) {
                spdy_half(&p, id, "data", ports[i], "a");
                snprintf(expected + strlen(expected), sizeof(expected) - strlen(expected), "reset %u 1\n", id);
        }
        cr_assert_str_eq(sent(&p), expected);
        spdy_syn(&p, 101, "data");
        spdy_half(&p, 103, "stdin", "80", "a");
        memset(request, 'a', sizeof(request) - 1);
        request[sizeof(request) - 1] = '\0';
        spdy_half(&p, 105, "data", "80", request);
        cr_assert_str_eq(sent(&p), "reset 101 1\nreset 103 1\nreset 105 1\n");
        spdy_half(&p, 107, "data", "80", "a");
        spdy_send(&p, 107, "too early", 9, false);
        cr_assert_str_eq(sent(&p), "reply 107\nreset 107 1\n");
        cr_assert_str_eq(told(&p), "");
}

Test(spdy_streams, a_data_stream_that_is_reset_after_its_end)
{
        begin_forward();
        spdy_half(&p, 1, "error", "80", "a");
        spdy_half(&p, 3, "data", "80", "a");
        spdy_send(&p, 3, "", 0, true);
        spdy_control(&p, SPDY_RST_STREAM, 3, 5, 8);
        spdy_control(&p, SPDY_RST_STREAM, 3, 5, 8);
        cr_assert_str_eq(told(&p), "pair 80\ndata ended\ndata reset\n");
}

Test(spdy_streams, thousands_of_pairs_one_after_the_other)
{
        char request[16];

        begin_forward();
        p.release_at_end = true;
        for (uint32_t i = 0; i < 5000; i++) {
                snprintf(request, sizeof(request), "%u", i);
                spdy_half(&p, 4 * i + 1, "error", "80", request);
                spdy_half(&p, 4 * i + 3, "data", "80", request);
                spdy_send(&p, 4 * i + 3, "x", 1, true);
                cr_assert_str_eq(told(&p), "pair 80\ndata: x\ndata ended\n");
                peer_read(&p);
        }
}

Test(spdy_streams, too_many_streams_are_refused)
{
        begin_forward();
        for (uint32_t i = 0; i < STREAMS_MAX; i++) {
                char request[16];

                snprintf(request, sizeof(request), "%u", i / 2);
                spdy_half(&p, 2 * i + 1, i % 2 ? "data" : "error", "80", request);
        }
        sent(&p);
        spdy_half(&p, 2001, "error", "80", "x");
        cr_assert_str_eq(sent(&p), "reset 2001 3\n");
        stream_release(p.data_stream);
        spdy_half(&p, 2003, "error", "80", "x");
        cr_assert(strstr(sent(&p), "reply 2003\n"));
}

Test(spdy_streams, half_a_pair_is_not_waited_for)
{
        peer_open(&p, &(struct agreement){ .wire = WIRE_SPDY, .version = 1 },
                  &(struct streams_wish){ .port_forward = true }, 20000, 0);
        peer_turn(&p);
        told(&p);
        spdy_half(&p, 1, "error", "80", "a");
        spdy_half(&p, 3, "data", "80", "b");
        spdy_half(&p, 5, "error", "81", "c");
        spdy_half(&p, 7, "data", "81", "c");
        cr_assert_str_eq(told(&p), "pair 81\n");
        sent(&p);
        for (int i = 0; i < 1000 && p.out.len < 60; i++)
                sd_event_run(p.event, 100000);
        cr_assert_str_eq(sent(&p), "3: $\n1: timed out waiting for the other stream of the pair\n1: $\n");
        spdy_half(&p, 9, "data", "80", "a");
        cr_assert_str_eq(told(&p), "", "it came too late");
}

Test(spdy_streams, nothing_new_after_goaway)
{
        begin_forward();
        spdy_control(&p, SPDY_GOAWAY, 0, 0, 8);
        spdy_half(&p, 1, "error", "80", "a");
        cr_assert_str_eq(sent(&p), "");
}
