/* SPDX-License-Identifier: Apache-2.0 */
/* Connections that become SPDY's or a WebSocket. */
#include "tests/unit/agent/server/serving.h"

TestSuite(server_upgrades, .init = setup, .fini = teardown, .timeout = 1200);

static const char spdy_headers[] =
        "Connection: Upgrade\r\nUpgrade: SPDY/3.1\r\nContent-Length: 0\r\n"
        "X-Stream-Protocol-Version: v9.channel.k8s.io\r\n"
        "X-Stream-Protocol-Version: v4.channel.k8s.io\r\nX-Stream-Protocol-Version: v3.channel.k8s.io\r\n";
static const char websocket_headers[] =
        "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        "Sec-WebSocket-Protocol: v5.channel.k8s.io, v4.channel.k8s.io\r\n";

/* What peer.h makes for a connection of its own goes to this one. */
static struct peer wire;

static void wire_init(void)
{
        wire = (struct peer){ .in = BUF(200 << 20), .out = BUF(200 << 20), .carrier_paused = true };
        uint8_t dictionary[SPDY_DICTIONARY];

        spdy_dictionary(dictionary);
        deflateInit(&wire.deflate, 9);
        deflateSetDictionary(&wire.deflate, dictionary, sizeof(dictionary));
        inflateInit(&wire.inflate);
}

static void wire_done(void)
{
        deflateEnd(&wire.deflate);
        inflateEnd(&wire.inflate);
        buf_done(&wire.in);
        buf_done(&wire.out);
}

static void flush_wire(struct client *c)
{
        for (size_t done = 0; done < wire.in.len;) {
                int n = SSL_write(c->ssl, wire.in.data + done, (int)(wire.in.len - done));

                cr_assert_gt(n, 0);
                done += (size_t)n;
        }
        buf_reset(&wire.in);
}

/* All that comes until the end, as peer.h's text. */
static const char *rest(struct client *c)
{
        cr_assert(ended_well(c));
        buf_add(&wire.out, c->in.data, c->in.len);
        buf_reset(&c->in);
        return sent(&wire);
}

static struct client upgraded(const char *method, const char *target, const char *headers)
{
        struct client c = client(&client_id);
        CLEANUP(freep) char *text = xasprintf("%s %s HTTP/1.1\r\nHost: node\r\n%s\r\n", method, target, headers);
        CLEANUP(freep) char *head = NULL;

        say(&c, text);
        head = take(&c, 0, "\r\n\r\n");
        cr_assert(starts_with(head, "HTTP/1.1 101 Switching Protocols\r\n"), "%s", head);
        cr_assert_not_null(strstr(head, "\r\nConnection: Upgrade\r\n"));
        cr_assert_null(strstr(head, "Content-"));
        if (headers == spdy_headers)
                cr_assert(strstr(head, "\r\nUpgrade: SPDY/3.1\r\n") &&
                          strstr(head, "\r\nX-Stream-Protocol-Version: v4.channel.k8s.io\r\n"));
        else
                cr_assert(strstr(head, "\r\nUpgrade: websocket\r\n") &&
                          strstr(head, "\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n") &&
                          strstr(head, "\r\nSec-WebSocket-Protocol: v5.channel.k8s.io\r\n"));
        wire_init();
        return c;
}

Test(server_upgrades, a_connection_becomes_one_of_spdy)
{
        static const char *const methods[] = { "GET", "POST" };

        for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
                struct client c = upgraded(methods[i], "/exec", spdy_headers);

                spdy_syn(&wire, 1, "error");
                spdy_syn(&wire, 3, "stdin");
                spdy_syn(&wire, 5, "stdout");
                spdy_send(&wire, 3, "hello", 5, true);
                flush_wire(&c);
                cr_assert_str_eq(rest(&c),
                                 "reply 1\nreply 3\nreply 5\n5: hello\n"
                                 "1: {\"metadata\":{},\"status\":\"Success\"}\n1: $\n3: $\n5: $\ngoaway 5 0\n");
                wire_done();
                hang_up(&c);
        }
}

Test(server_upgrades, frames_may_follow_the_request_at_once)
{
        struct client c = client(&client_id);
        struct buf all = BUF(1 << 20);
        CLEANUP(freep) char *head = NULL;

        wire_init();
        spdy_syn(&wire, 1, "error");
        spdy_syn(&wire, 3, "stdin");
        spdy_syn(&wire, 5, "stdout");
        spdy_send(&wire, 3, "hello", 5, true);
        buf_printf(&all, "POST /exec HTTP/1.1\r\nHost: node\r\n%s\r\n", spdy_headers);
        buf_add(&all, wire.in.data, wire.in.len);
        cr_assert_eq(SSL_write(c.ssl, all.data, (int)all.len), (int)all.len);
        head = take(&c, 0, "\r\n\r\n");
        cr_assert(starts_with(head, "HTTP/1.1 101 "));
        cr_assert_not_null(strstr(rest(&c), "5: hello\n"));
        buf_done(&all);
        wire_done();
        hang_up(&c);
}

Test(server_upgrades, a_connection_becomes_a_websocket)
{
        struct client c = upgraded("GET", "/exec", websocket_headers);
        const char *text;

        ws_send(&wire, true, WEBSOCKET_BINARY, "\0hello", 6);
        ws_send(&wire, true, WEBSOCKET_PING, "?", 1);
        ws_send(&wire, true, WEBSOCKET_BINARY, "\xff\0", 2);
        flush_wire(&c);
        cr_assert(ended_well(&c));
        buf_add(&wire.out, c.in.data, c.in.len);
        text = ws_sent(&wire);
        cr_assert_str_eq(text, "1: hello\nopcode 10: ?\n3: {\"metadata\":{},\"status\":\"Success\"}\nclose 1000\n");
        wire_done();
        hang_up(&c);
}

Test(server_upgrades, what_is_no_upgrade_is_answered_and_the_connection_goes_on)
{
        struct client c = client(&client_id);
        struct reply r;

        expect(&c, "POST", "/exec", "", 400, "unable to upgrade: the request does not ask for it");
        expect(&c, "POST", "/exec", "Upgrade: SPDY/3.1\r\n", 400, "unable to upgrade: the request does not ask for it");
        expect(&c, "GET", "/exec", "Connection: Upgrade\r\nUpgrade: h2c\r\n", 400,
               "unable to upgrade: only SPDY/3.1 and websocket are spoken here");
        expect(&c, "POST", "/exec", "Connection: Upgrade\r\nUpgrade: SPDY/3.1\r\n", 400,
               "unable to upgrade: there is no header X-Stream-Protocol-Version");
        r = ask(&c, "POST", "/exec", "Connection: Upgrade\r\nUpgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: v9\r\n");
        cr_assert_eq(r.status, 403);
        cr_assert_not_null(strstr(r.head, "\r\nX-Accepted-Stream-Protocol-Versions: v4.channel.k8s.io\r\n"
                                          "X-Accepted-Stream-Protocol-Versions: v3.channel.k8s.io\r\n"));
        reply_done(&r);
        r = ask(&c, "GET", "/exec", "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 8\r\n");
        cr_assert_eq(r.status, 426);
        cr_assert_not_null(strstr(r.head, "\r\nSec-WebSocket-Version: 13\r\n"));
        reply_done(&r);
        expect(&c, "GET", "/who", "", 200, "kube-apiserver system:masters system:authenticated");
        hang_up(&c);
}

/* As it is with `exec -i`: the client is still sending when the last frame has gone out. */
Test(server_upgrades, the_last_frame_arrives_although_the_peer_is_still_sending)
{
        static char block[1 << 20];

        for (int i = 0; i < 10; i++) {
                struct client c = upgraded("POST", "/exec", spdy_headers);

                spdy_syn(&wire, 1, "error");
                spdy_syn(&wire, 3, "stdin");
                spdy_syn(&wire, 5, "stdout");
                spdy_send(&wire, 3, "hello", 5, true);
                spdy_send(&wire, 3, block, sizeof(block), false);
                flush_wire(&c);
                cr_assert_not_null(strstr(rest(&c), "goaway 5 0\n"));
                wire_done();
                hang_up(&c);
        }
}

Test(server_upgrades, a_command_that_writes_waits_for_a_slow_reader)
{
        struct client c = upgraded("POST", "/exec/much", spdy_headers);
        size_t made = 0, last = 1, gone;
        const char *text;

        spdy_syn(&wire, 1, "error");
        spdy_syn(&wire, 3, "stdout");
        flush_wire(&c);
        for (; made == 0 || made != last; nap()) {
                last = made;
                numbers(&made, &gone);
        }
        cr_assert_lt(made, 20 * 1024 * 1024);
        text = rest(&c);
        cr_assert(ends_with(text, "{\"reason\":\"ExitCode\",\"message\":\"7\"}]}}\n1: $\n3: $\ngoaway 3 0\n"), "%s",
                  text + strlen(text) - 100);
        numbers(&made, &gone);
        cr_assert_eq(made, (size_t)STREAM_SIZE);
        wire_done();
        hang_up(&c);
}

/* Three ways to go while the session takes no input; none of them leaves it there. */
Test(server_upgrades, a_session_that_reads_nothing_learns_that_its_peer_went_away)
{
        static const char block[100000];

        for (int way = 0; way < 3; way++) {
                struct client c = upgraded("POST", "/exec/hold", spdy_headers);

                spdy_syn(&wire, 1, "error");
                spdy_syn(&wire, 3, "stdin");
                spdy_syn(&wire, 5, "stdout");
                spdy_send(&wire, 3, block, way == 2 ? 10 : sizeof(block), false);
                flush_wire(&c);
                free(take(&c, 22 + 2 * 26 - 4, NULL));
                if (way == 0)
                        shutdown(c.fd, SHUT_WR);
                else if (way == 1)
                        setsockopt(c.fd, SOL_SOCKET, SO_LINGER, &(struct linger){ .l_onoff = 1 },
                                   sizeof(struct linger));
                wire_done();
                if (way == 0) {
                        wait_for_closed(1);
                        hang_up(&c);
                } else {
                        hang_up(&c);
                        wait_for_closed((size_t)way + 1);
                }
        }
}

/* It asks for an answer to each ping, and reads none: it comes to a stop, and the others do not. */
Test(server_upgrades, a_flood_of_pings_costs_only_its_client)
{
        struct client c = upgraded("POST", "/exec", spdy_headers);
        struct pollfd p = { .fd = c.fd, .events = POLLOUT };
        size_t written = 0, n_pings = 0;

        spdy_syn(&wire, 1, "error");
        spdy_syn(&wire, 3, "stdin");
        spdy_syn(&wire, 5, "stdout");
        flush_wire(&c);
        for (uint32_t i = 0; i < 1000; i++)
                spdy_control(&wire, SPDY_PING, 2 * i + 1, 0, 4);
        fcntl(c.fd, F_SETFL, O_NONBLOCK);
        while (written < 64 << 20) {
                int n = SSL_write(c.ssl, wire.in.data, (int)wire.in.len);

                if (n > 0)
                        written += (size_t)n;
                else if (poll(&p, 1, 2000) == 0)
                        break;
        }
        cr_assert_lt(written, 64 << 20);
        for (int i = 0; i < 10; i++) {
                struct client other = client(&client_id);

                expect(&other, "GET", "/who", "", 200, "kube-apiserver system:masters system:authenticated");
                hang_up(&other);
        }
        /* Once it reads, it goes on. */
        fcntl(c.fd, F_SETFL, 0);
        while (n_pings < written / 12 - 2000) {
                cr_assert(more(&c));
                n_pings = c.in.len / 12;
        }
        wire_done();
        hang_up(&c);
}

/* What ends one connection is told to no other one. */
Test(server_upgrades, a_broken_frame_ends_its_connection_alone)
{
        static const char bomb[] = "\x80\x03\0\x01\0\0\x40\x01";
        struct client good = upgraded("POST", "/exec", spdy_headers);

        spdy_syn(&wire, 1, "error");
        spdy_syn(&wire, 3, "stdin");
        spdy_syn(&wire, 5, "stdout");
        flush_wire(&good);
        for (int i = 0; i < 20; i++) {
                struct client bad = client(&client_id);
                CLEANUP(freep) char *text = xasprintf("POST /exec HTTP/1.1\r\nHost: node\r\n%s\r\n", spdy_headers);

                say(&bad, text);
                free(take(&bad, 0, "\r\n\r\n"));
                cr_assert_eq(SSL_write(bad.ssl, bomb, 8), 8);
                cr_assert(ended_well(&bad));
                cr_assert_eq(bad.in.len, SPDY_HEAD + 8); /* GOAWAY */
                hang_up(&bad);
        }
        wait_for_closed(20);
        spdy_send(&wire, 3, "hello", 5, true);
        flush_wire(&good);
        cr_assert_not_null(strstr(rest(&good), "5: hello\n"));
        wire_done();
        hang_up(&good);
}
