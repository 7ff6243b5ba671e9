/* SPDX-License-Identifier: Apache-2.0 */
/* Who is slow, silent, or too many: he is in nobody's way. */
#include "tests/unit/agent/server/serving.h"

TestSuite(server_limits, .init = setup, .fini = teardown, .timeout = 1200);
TestSuite(server_heads, .init = setup_for_heads, .fini = teardown, .timeout = 1200);
TestSuite(server_nobody, .init = setup_for_nobody, .fini = teardown, .timeout = 1200);
TestSuite(server_readers, .init = setup_for_readers, .fini = teardown, .timeout = 1200);

Test(server_limits, a_slow_reader_makes_the_producer_wait)
{
        struct client c = client(&client_id);
        size_t before = 0, now = 1, k;
        struct reply r;

        say(&c, "GET /stream HTTP/1.1\r\nHost: n\r\n\r\n");
        while (now != before ||
               now == 0) { /* until it stands still; the kernel's buffers on both sides take a few MB */
                before = now;
                nap();
                numbers(&now, &k);
        }
        cr_assert(now < 16 * 1024 * 1024, "%zu bytes were produced for a reader that does not read", now);
        cr_assert_eq(k, 0);
        r = take_reply(&c, false);
        cr_assert_eq(r.size, STREAM_SIZE);
        reply_done(&r);
        hang_up(&c);
}

Test(server_readers, whoever_never_reads_is_dropped)
{
        struct client c = client(&client_id);

        say(&c, "GET /stream HTTP/1.1\r\nHost: n\r\n\r\n");
        wait_for_closed(1);
        hang_up(&c);
}

Test(server_limits, a_stream_learns_that_its_peer_went_away)
{
        struct client c = client(&client_id);

        say(&c, "GET /quiet HTTP/1.1\r\nHost: n\r\n\r\n");
        free(take(&c, 0, "\r\n\r\n"));
        hang_up(&c); /* just so */
        wait_for_closed(1);
        c = client(&client_id);
        say(&c, "GET /quiet HTTP/1.1\r\nHost: n\r\n\r\n");
        free(take(&c, 0, "\r\n\r\n"));
        SSL_shutdown(c.ssl); /* with a word */
        hang_up(&c);
        wait_for_closed(2);
        c = client(&client_id);
        say(&c, "GET /quiet HTTP/1.1\r\nHost: n\r\n\r\n");
        free(take(&c, 0, "\r\n\r\n"));
        setsockopt(c.fd, SOL_SOCKET, SO_LINGER, &(struct linger){ .l_onoff = 1 },
                   sizeof(struct linger)); /* with a slam */
        hang_up(&c);
        wait_for_closed(3);
}

Test(server_limits, a_stream_whose_peer_sends_too_much_meanwhile_is_dropped)
{
        struct client c = client(&client_id);
        char block[8192];

        say(&c, "GET /quiet HTTP/1.1\r\nHost: n\r\n\r\n");
        memset(block, 'x', sizeof(block));
        for (int i = 0; i < 8; i++)
                if (SSL_write(c.ssl, block, sizeof(block)) <= 0)
                        break;
        wait_for_closed(1);
        hang_up(&c);
}

/* Says `text` on a connection of its own, and hears a first word if there is to be one. The server's moment may be over
 * before: then once more. */
static struct client said(const char *text, bool answered)
{
        for (;;) {
                struct client c = client_new(&client_id, 0, NULL);

                if (SSL_connect(c.ssl) == 1 && SSL_write(c.ssl, text, (int)strlen(text)) > 0 && (!answered || more(&c)))
                        return c;
                hang_up(&c);
        }
}

Test(server_heads, whoever_sends_none_in_time_is_dropped)
{
        struct client served = said("GET /echo?x=1 HTTP/1.1\r\nHost: node\r\n\r\n", true),
                      c = said("GET / HTTP/1.1\r\nx: ", false);
        struct reply r = take_reply(&served, false);
        int silent = dial();
        char byte;

        cr_assert_str_eq(r.body, "GET 1");
        reply_done(&r);
        while (SSL_write(c.ssl, "y", 1) == 1) /* drop by drop */
                nap();
        hang_up(&c);
        cr_assert(read(silent, &byte, 1) <= 0); /* not even a handshake */
        close(silent);
        expect(&served, "GET", "/echo?x=2", "", 200, "GET 2");
        while (SSL_write(served.ssl, "y", 1) == 1) /* in a later head */
                nap();
        hang_up(&served);
}

Test(server_limits, strangers_cannot_keep_others_out)
{
        int silent[SERVER_CONNECTIONS_MAX];
        struct client early = client(&client_id), late;

        expect(&early, "GET", "/echo?x=1", "", 200, "GET 1");
        for (size_t i = 0; i < ARRAY_LEN(silent); i++)
                silent[i] = dial();
        late = client(&client_id);
        expect(&late, "GET", "/echo?x=2", "", 200, "GET 2");
        expect(&early, "GET", "/echo?x=3", "", 200, "GET 3");
        for (size_t i = 0; i < ARRAY_LEN(silent); i++)
                close(silent[i]);
        hang_up(&early);
        hang_up(&late);
}

/* Whoever may nothing keeps nobody out either, and neither do those who ask for nothing any more. */
Test(server_nobody, whoever_may_nothing_cannot_keep_others_out)
{
        static struct client idle[SERVER_CONNECTIONS_MAX];
        struct client late;

        for (size_t i = 0; i < ARRAY_LEN(idle); i++) {
                idle[i] = client(&client_id);
                expect(&idle[i], "GET", "/echo?x=1", "", 403,
                       "Forbidden (user=kube-apiserver, verb=get, resource=nodes, subresource(s)=[proxy])");
        }
        late = client(&client_id);
        expect(&late, "POST", "/echo?x=2", "", 403,
               "Forbidden (user=kube-apiserver, verb=create, resource=nodes, subresource(s)=[proxy])");
        hang_up(&late);
        for (size_t i = 0; i < ARRAY_LEN(idle); i++)
                hang_up(&idle[i]);
}

Test(server_limits, whoever_rests_makes_room_and_whoever_works_does_not)
{
        static struct client idle[SERVER_CONNECTIONS_MAX];
        struct client stream = client(&client_id), late;

        say(&stream, "GET /quiet HTTP/1.1\r\nHost: n\r\n\r\n");
        free(take(&stream, 0, "\r\n\r\n"));
        for (size_t i = 0; i < ARRAY_LEN(idle); i++) {
                idle[i] = client(&client_id);
                expect(&idle[i], "GET", "/echo?x=1", "", 200, "GET 1");
        }
        late = client(&client_id);
        expect(&late, "GET", "/numbers", "", 200, "0 0"); /* the stream is there */
        cr_assert_not(more(&idle[0]));
        cr_assert_not(more(&idle[1]));
        expect(&idle[ARRAY_LEN(idle) - 1], "GET", "/echo?x=2", "", 200, "GET 2");
        hang_up(&stream);
        hang_up(&late);
        for (size_t i = 0; i < ARRAY_LEN(idle); i++)
                hang_up(&idle[i]);
}

Test(server_limits, nobody_has_all_connections_for_himself)
{
        static struct client streams[SERVER_OF_ONE_CALLER_MAX];
        struct identity id = make_cert(&ca, "another", NULL, "clientAuth", 10);
        struct client c, other = client(&id);

        for (size_t i = 0; i < ARRAY_LEN(streams); i++) {
                streams[i] = client(&client_id);
                say(&streams[i], "GET /quiet HTTP/1.1\r\nHost: n\r\n\r\n");
                free(take(&streams[i], 0, "\r\n\r\n"));
        }
        c = client(&client_id);
        expect(&c, "GET", "/echo?x=1", "", 429, "768 requests of kube-apiserver are being answered already");
        expect(&other, "GET", "/echo?x=1", "", 200, "GET 1");
        hang_up(&streams[0]);
        for (size_t produced_, closed_ = 0; closed_ < 1; nap()) {
                struct reply r = ask(&other, "GET", "/numbers", "");

                cr_assert_eq(sscanf(r.body, "%zu %zu", &produced_, &closed_), 2);
                reply_done(&r);
        }
        expect(&c, "GET", "/echo?x=2", "", 200, "GET 2");
        hang_up(&c);
        hang_up(&other);
        for (size_t i = 1; i < ARRAY_LEN(streams); i++)
                hang_up(&streams[i]);
        drop(&id);
}
