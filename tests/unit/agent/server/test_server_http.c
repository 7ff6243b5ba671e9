/* SPDX-License-Identifier: Apache-2.0 */
/* Requests and answers, one behind the other, and streams. */
#include "tests/unit/agent/server/serving.h"

TestSuite(server_http, .init = setup, .fini = teardown, .timeout = 1200);

Test(server_http, a_connection_serves_many_requests)
{
        struct client c = client(&client_id);

        expect(&c, "GET", "/echo?x=1", "", 200, "GET 1");
        expect(&c, "POST", "/echo?x=a%20b", "Content-Length: 0\r\n", 200, "POST a b");
        expect(&c, "HEAD", "/echo?x=1", "", 200, "");
        expect(&c, "GET", "/no", "", 404, "no such path /no");
        expect(&c, "DELETE", "/echo", "", 405, "method DELETE is not served here");
        expect(&c, "GET", "/nothing", "", 500, "no answer");
        expect(&c, "GET", "/later", "", 200, "later");
        expect(&c, "GET", "/echo?x=2", "Connection: close\r\n", 200, "GET 2");
        cr_assert(ended_well(&c));
        hang_up(&c);
}

Test(server_http, pipelined_requests_are_answered_in_order)
{
        struct client c = client(&client_id);
        struct buf b = BUF(64 * 1024);

        for (int i = 0; i < 100; i++)
                buf_printf(&b, "GET /%s?x=%d HTTP/1.1\r\nHost: n\r\n\r\n", i % 10 == 3 ? "later" : "echo", i);
        say(&c, b.data);
        buf_done(&b);
        for (int i = 0; i < 100; i++) {
                struct reply r = take_reply(&c, false);
                char want[32];

                snprintf(want, sizeof(want), "GET %d", i);
                cr_assert_str_eq(r.body, i % 10 == 3 ? "later" : want);
                reply_done(&r);
        }
        hang_up(&c);
}

Test(server_http, pipelined_requests_wait_for_a_slow_reader)
{
        struct client c = client(&client_id);
        struct buf b = BUF(64 * 1024);

        for (int i = 0; i < 30; i++) /* 90 MB of answers are more than a connection may hold */
                buf_str(&b, "GET /big HTTP/1.1\r\nHost: n\r\n\r\n");
        say(&c, b.data);
        buf_done(&b);
        for (int i = 0; i < 30; i++) {
                struct reply r = take_reply(&c, false);

                cr_assert_eq(r.size, 3 * 1024 * 1024);
                reply_done(&r);
        }
        hang_up(&c);
}

Test(server_http, what_is_malformed_is_answered_and_hung_up_on)
{
        static const struct {
                const char *text;
                int status;
        } table[] = {
                { "GET / HTTP/1.1\r\n\r\n", 400 },
                { "GET /%zz HTTP/1.1\r\nHost: n\r\n\r\nGET / HTTP/1.1\r\n", 400 },
                { "POST / HTTP/1.1\r\nHost: n\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 501 },
                { "POST / HTTP/1.1\r\nHost: n\r\nContent-Length: 3\r\n\r\nabc", 413 },
                { "GET / HTTP/3.0\r\nHost: n\r\n\r\n", 505 },
        };

        for (size_t i = 0; i < ARRAY_LEN(table); i++) {
                struct client c = client(&client_id);
                struct reply r;

                say(&c, table[i].text);
                r = take_reply(&c, false);
                cr_assert_eq(r.status, table[i].status, "%s", table[i].text);
                cr_assert_not_null(strstr(r.head, "\r\nConnection: close\r\n"));
                reply_done(&r);
                cr_assert(ended_well(&c));
                hang_up(&c);
        }
}

Test(server_http, an_endless_head_is_refused)
{
        struct client c = client(&client_id);
        struct reply r;

        say(&c, "GET / HTTP/1.1\r\nHost: n\r\nx: ");
        for (int i = 0; i < SERVER_HEAD_MAX / 32; i++)
                say(&c, "0123456789abcdef0123456789abcdef");
        r = take_reply(&c, false);
        cr_assert_eq(r.status, 431);
        reply_done(&r);
        cr_assert(ended_well(&c));
        hang_up(&c);
}

/* Without the lingering close the kernel would answer the body with RST, and the answer would be lost. */
Test(server_http, the_last_answer_arrives_although_the_peer_is_still_sending)
{
        for (int round = 0; round < 10; round++) {
                struct client c = client(&client_id);
                char *body = xcalloc(1, 1000001);
                struct reply r;

                for (int i = 0; i < 1000000; i++)
                        body[i] = 'b';
                say(&c, "POST / HTTP/1.1\r\nHost: n\r\nContent-Length: 1000000\r\n\r\n");
                say(&c, body);
                free(body);
                r = take_reply(&c, false);
                cr_assert_eq(r.status, 413);
                reply_done(&r);
                cr_assert(ended_well(&c));
                hang_up(&c);
        }
}

Test(server_http, answers_arrive_although_the_peer_has_ended_its_side)
{
        struct client c = client(&client_id);
        struct reply r;

        say(&c, "GET /big HTTP/1.1\r\nHost: n\r\n\r\nGET /big HTTP/1.1\r\nHost: n\r\n\r\n");
        SSL_shutdown(c.ssl);
        r = take_reply(&c, false);
        cr_assert_eq(r.size, 3 * 1024 * 1024);
        reply_done(&r);
        hang_up(&c);
}

Test(server_http, a_stream_comes_in_chunks)
{
        struct client c = client(&client_id);
        struct reply r = ask(&c, "GET", "/short", "");

        cr_assert_eq(r.status, 200);
        cr_assert_eq(r.size, 25000);
        cr_assert_eq(strspn(r.body, "x"), 25000);
        reply_done(&r);
        expect(&c, "GET", "/echo?x=1", "", 200, "GET 1");
        hang_up(&c);
}

Test(server_http, the_end_of_a_stream_has_a_record_of_its_own)
{
        static const char *const paths[] = { "/short", "/tiny", "/short" };
        struct client c = client(&client_id);

        for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
                CLEANUP(freep) char *request = xasprintf("GET %s HTTP/1.1\r\nHost: node\r\n\r\n", paths[i]);
                char record[16384];
                bool ended = false;

                say(&c, request);
                while (!ended) {
                        int n = SSL_read(c.ssl, record, sizeof(record));

                        cr_assert_gt(n, 0);
                        ended = n == 5 && memcmp(record, "0\r\n\r\n", 5) == 0;
                        cr_assert(ended || !memmem(record, (size_t)n, "\r\n0\r\n\r\n", 7));
                }
        }
        hang_up(&c);
}

Test(server_http, a_stream_to_an_old_client_ends_with_the_connection)
{
        struct client c = client(&client_id);
        char *head;

        say(&c, "GET /short HTTP/1.0\r\n\r\n");
        head = take(&c, 0, "\r\n\r\n");
        cr_assert_null(strstr(head, "chunked"));
        free(head);
        cr_assert(ended_well(&c));
        cr_assert_eq(c.in.len, 25000);
        hang_up(&c);
}

Test(server_http, a_stream_for_head_is_its_head)
{
        struct client c = client(&client_id);
        struct reply r = ask(&c, "HEAD", "/quiet", "");

        cr_assert_eq(r.status, 200);
        reply_done(&r);
        cr_assert(ended_well(&c));
        cr_assert_eq(c.in.len, 0);
        hang_up(&c);
        wait_for_closed(1);
}
