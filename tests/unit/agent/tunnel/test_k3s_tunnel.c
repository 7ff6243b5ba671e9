/* SPDX-License-Identifier: Apache-2.0 */
/*
 * K3s' tunnel between a supervisor and a kubelet API that are both the test's: a server of TLS whose frames are written
 * here byte by byte, and a listener that takes what it gets. All in one event loop.
 */
#include "agent/tunnel/k3s_tunnel.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/certs/request.h"
#include "agent/lib/times.h"
#include "agent/server/tls.h"
#include "agent/server/tls_trust.h"
#include "agent/streams/websocket.h"
#include "agent/tunnel/message.h"
#include "common/buf.h"
#include "common/mem.h"

enum { GUARD_USEC = 300 * 1000 * 1000, ALL_MAX = 64 * 1024 * 1024 };

static struct {
        sd_event *event;
        char dir[64], file[80];
        SSL_CTX *context;
        struct tls_host *host;
        struct tls_conn *conn; /* the newest of the tunnel's; NULL: it is gone */
        struct buf in;         /* what came from the tunnel, and was not looked at */
        unsigned dialed, closed;
        int listener, kubelet; /* sockets */
        uint16_t port, kubelet_port;
        struct k3s_tunnel *tunnel;
} t;

static size_t on_data(void *userdata UNUSED, const char *p, size_t n)
{
        buf_add(&t.in, p, n);
        return n;
}

static void on_drain(void *userdata UNUSED)
{
}

static void on_closed(void *userdata UNUSED)
{
        t.conn = NULL;
        t.closed++;
}

static int on_dialed(sd_event_source *s UNUSED, int fd, uint32_t events UNUSED, void *userdata UNUSED)
{
        static const struct tls_proto proto = { .data = on_data, .drain = on_drain, .closed = on_closed };

        t.conn = tls_conn_new(t.host, t.context, accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), &proto, NULL);
        tls_deadline(t.conn, 0);
        buf_done(&t.in);
        t.dialed++;
        return 0;
}

static int on_guard(sd_event_source *s UNUSED, uint64_t usec UNUSED, void *userdata UNUSED)
{
        cr_assert_fail("waited in vain");
        return 0;
}

static int listen_here(uint16_t *ret_port)
{
        struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        socklen_t size = sizeof(a);
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

        cr_assert(fd >= 0 && bind(fd, (struct sockaddr *)&a, size) == 0 && listen(fd, 1024) == 0 &&
                  getsockname(fd, (struct sockaddr *)&a, &size) == 0);
        *ret_port = ntohs(a.sin_port);
        return fd;
}

/* One certificate for both, which both trust. */
static char *make_pair(void)
{
        static const char *const ips[] = { "127.0.0.1", NULL }, *const groups[] = { "system:nodes", NULL };
        const struct cert_wish wish = {
                .common_name = "system:node:n", .organizations = groups, .ips = ips, .serving = true
        };
        CLEANUP(cert_request_freep) struct cert_request *request = NULL;
        char *pair = NULL;
        FILE *f;

        cr_assert_eq(cert_request_new(&wish, &request, NULL), 0);
        cr_assert_eq(cert_request_self_sign(request, time_now(), &pair, NULL), 0);
        snprintf(t.dir, sizeof(t.dir), "/tmp/test_k3s_tunnel.XXXXXX");
        cr_assert(mkdtemp(t.dir));
        snprintf(t.file, sizeof(t.file), "%s/pair.pem", t.dir);
        f = fopen(t.file, "w");
        cr_assert(f && fputs(pair, f) >= 0 && fclose(f) == 0);
        return pair;
}

static const char *address(void *userdata UNUSED)
{
        return "127.0.0.1";
}

static void set_up(void)
{
        static const struct tls_limits limits = {
                .connections_max = 8,
                .in_max = 64 * 1024,
                .out_high = ALL_MAX,
                .out_low = 1,
                .out_max = ALL_MAX,
                .handshake_usec = GUARD_USEC,
                .stall_usec = GUARD_USEC,
                .linger_usec = 1000 * 1000,
        };
        CLEANUP(freep) char *url = NULL;
        CLEANUP(cert_wipep) char *pair = NULL;
        struct k3s_tunnel_parts parts;
        struct err e = ERR_NONE;

        signal(SIGPIPE, SIG_IGN);
        pair = make_pair();
        cr_assert(sd_event_new(&t.event) >= 0);
        sd_event_add_time_relative(t.event, NULL, CLOCK_MONOTONIC, GUARD_USEC, 0, on_guard, NULL);
        cr_assert_eq(tls_context_new(&(struct tls_files){ .cert = t.file, .key = t.file, .client_ca = t.file },
                                     &t.context, &e),
                     0, "%s", e.text);
        t.host = tls_host_new(t.event, &limits);
        t.in = BUF(ALL_MAX);
        t.listener = listen_here(&t.port);
        t.kubelet = listen_here(&t.kubelet_port);
        sd_event_add_io(t.event, NULL, t.listener, EPOLLIN, on_dialed, NULL);
        url = xasprintf("https://127.0.0.1:%u", t.port);
        parts = (struct k3s_tunnel_parts){
                .event = t.event,
                .supervisor = url,
                .ca_pem = pair,
                .client_file = t.file,
                .address = address,
                .kubelet_address = "0.0.0.0",
                .kubelet_port = t.kubelet_port,
        };
        cr_assert_eq(k3s_tunnel_new(&parts, &t.tunnel, &e), 0, "%s", e.text);
        k3s_tunnel_start(t.tunnel);
}

static void tear_down(void)
{
        k3s_tunnel_free(t.tunnel);
        tls_host_free(t.host);
        SSL_CTX_free(t.context);
        buf_done(&t.in);
        close(t.listener);
        close(t.kubelet);
        unlink(t.file);
        rmdir(t.dir);
        sd_event_unref(t.event);
}

TestSuite(k3s_tunnel, .init = set_up, .fini = tear_down);

/* ---- the supervisor's words -------------------------------------------------------------------------------------- */

static void turn(void)
{
        cr_assert(sd_event_run(t.event, UINT64_MAX) >= 0);
}

static void read_request(char key[WEBSOCKET_KEY_SIZE])
{
        const char *line;

        while (!t.in.data || !strstr(t.in.data, "\r\n\r\n"))
                turn();
        cr_assert(strncmp(t.in.data, "GET /v1-k3s/connect HTTP/1.1\r\n", 30) == 0, "%s", t.in.data);
        line = strstr(t.in.data, "Sec-WebSocket-Key: ");
        cr_assert(line);
        snprintf(key, WEBSOCKET_KEY_SIZE, "%.24s", line + 19);
        buf_done(&t.in);
}

static void say_yes(void)
{
        char key[WEBSOCKET_KEY_SIZE], accept[WEBSOCKET_ACCEPT_SIZE];
        CLEANUP(freep) char *answer = NULL;

        read_request(key);
        cr_assert(websocket_accept(key, accept));
        answer = xasprintf("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                           "Sec-WebSocket-Accept: %s\r\n\r\n",
                           accept);
        tls_write(t.conn, answer, strlen(answer));
}

static void send_frame(unsigned first, const void *p, size_t n)
{
        uint8_t head[WEBSOCKET_SENT_HEAD_MAX];
        size_t size = websocket_head(head, WEBSOCKET_BINARY, n);

        head[0] = (uint8_t)first;
        tls_write(t.conn, head, size);
        tls_write(t.conn, p, n);
}

static void send_message(int64_t id, enum tunnel_kind kind, const void *p, size_t n)
{
        CLEANUP(buf_done) struct buf message = BUF(ALL_MAX);
        uint8_t head[TUNNEL_HEAD_MAX];

        buf_add(&message, head, tunnel_message_head(head, 1, id, kind));
        buf_add(&message, p, n);
        send_frame(0x82, message.data, message.len);
}

static void ask_for_connection(int64_t id)
{
        CLEANUP(freep) char *where = xasprintf("tcp/127.0.0.1:%u", t.kubelet_port);

        send_message(id, TUNNEL_CONNECT, where, strlen(where));
}

/* The next frame of the tunnel's, without its mask; the caller frees the payload. */
static enum websocket_opcode next_frame(char **ret, size_t *n)
{
        struct websocket_frame f;
        int head;

        while ((head = websocket_frame_parse((uint8_t *)t.in.data, t.in.len, &f, NULL)) == 0 ||
               t.in.len < (size_t)head + f.length)
                turn();
        cr_assert(head > 0);
        *n = (size_t)f.length;
        *ret = xcalloc(1, *n + 1);
        websocket_unmask(*ret, t.in.data + head, *n, f.mask, 0);
        buf_consume(&t.in, (size_t)head + *n);
        return f.opcode;
}

static void expect(int64_t id, enum tunnel_kind kind, const char *body)
{
        CLEANUP(freep) char *payload = NULL;
        struct tunnel_message m;
        size_t n;

        cr_assert_eq(next_frame(&payload, &n), WEBSOCKET_BINARY);
        cr_assert_eq(tunnel_message_parse(payload, n, &m, NULL), 0);
        cr_assert_eq(m.connection, id);
        cr_assert_eq(m.kind, kind, "kind %d: %.*s", (int)m.kind, (int)m.size, m.body);
        cr_assert(m.size == strlen(body) && memcmp(m.body, body, m.size) == 0, "%.*s", (int)m.size, m.body);
}

static int64_t next_kind(int64_t id)
{
        CLEANUP(freep) char *payload = NULL;
        struct tunnel_message m;
        size_t n;

        cr_assert_eq(next_frame(&payload, &n), WEBSOCKET_BINARY);
        cr_assert_eq(tunnel_message_parse(payload, n, &m, NULL), 0);
        cr_assert_eq(m.connection, id);
        return m.kind;
}

/* ---- the kubelet API --------------------------------------------------------------------------------------------- */

static int accepted(void)
{
        int fd;

        while ((fd = accept4(t.kubelet, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) < 0)
                cr_assert(sd_event_run(t.event, 10 * 1000) >= 0);
        return fd;
}

static void expect_bytes(int fd, const char *text)
{
        char got[64] = "";
        size_t n = 0;

        while (n < strlen(text)) {
                ssize_t r = read(fd, got + n, sizeof(got) - 1 - n);

                if (r > 0)
                        n += (size_t)r;
                else
                        cr_assert(sd_event_run(t.event, 10 * 1000) >= 0);
        }
        cr_assert_str_eq(got, text);
}

/* ---- the tests --------------------------------------------------------------------------------------------------- */

Test(k3s_tunnel, bytes_go_both_ways_and_both_ends_can_end)
{
        int a, b;

        say_yes();
        ask_for_connection(2);
        a = accepted();
        ask_for_connection(3);
        b = accepted();
        send_message(3, TUNNEL_DATA, "to b", 4);
        send_message(2, TUNNEL_DATA, "to a", 4);
        expect_bytes(a, "to a");
        expect_bytes(b, "to b");
        cr_assert_eq(write(a, "from a", 6), 6);
        expect(2, TUNNEL_DATA, "from a");
        close(a);
        expect(2, TUNNEL_ERROR, "EOF");
        send_message(2, TUNNEL_DATA, "late", 4);
        expect(2, TUNNEL_ERROR, "there is no such connection");
        send_message(3, TUNNEL_DATA, "the last", 8);
        send_message(3, TUNNEL_ERROR, "EOF", 3);
        expect_bytes(b, "the last");
        while (read(b, &(char){ 0 }, 1) != 0)
                cr_assert(sd_event_run(t.event, 10 * 1000) >= 0);
        close(b);
        cr_assert_eq(t.closed, 0);
}

Test(k3s_tunnel, messages_in_pieces_and_pings_between_them)
{
        CLEANUP(freep) char *pong = NULL;
        CLEANUP(buf_done) struct buf message = BUF(256);
        uint8_t head[TUNNEL_HEAD_MAX];
        size_t n;

        say_yes();
        buf_add(&message, head, tunnel_message_head(head, 1, 2, TUNNEL_CONNECT));
        buf_printf(&message, "tcp/127.0.0.1:%u", t.kubelet_port);
        send_frame(0x02, message.data, 5);
        send_frame(0x89, "ping", 4);
        send_frame(0x80, message.data + 5, message.len - 5);
        cr_assert_eq(next_frame(&pong, &n), WEBSOCKET_PONG);
        cr_assert_str_eq(pong, "ping");
        close(accepted());
        expect(2, TUNNEL_ERROR, "EOF");
}

Test(k3s_tunnel, only_the_kubelet_api_is_to_be_had)
{
        static const char no[] = "only the kubelet API is to be had through this tunnel";

        say_yes();
        send_message(2, TUNNEL_CONNECT, "tcp/127.0.0.1:22", 16);
        expect(2, TUNNEL_ERROR, no);
        send_message(3, TUNNEL_CONNECT, "nonsense", 8);
        expect(3, TUNNEL_ERROR, no);
        ask_for_connection(4);
        close(accepted());
        expect(4, TUNNEL_ERROR, "EOF");
}

Test(k3s_tunnel, a_number_twice_and_one_connection_too_many)
{
        static int fds[TUNNEL_LINKS_MAX];

        say_yes();
        for (int i = 0; i < TUNNEL_LINKS_MAX; i++) {
                ask_for_connection(i);
                fds[i] = accepted();
        }
        ask_for_connection(TUNNEL_LINKS_MAX);
        expect(TUNNEL_LINKS_MAX, TUNNEL_ERROR, "512 connections are open already");
        close(fds[7]);
        expect(7, TUNNEL_ERROR, "EOF");
        ask_for_connection(8);
        expect(8, TUNNEL_ERROR, "there is such a connection already");
        for (int i = 0; i < TUNNEL_LINKS_MAX; i++)
                if (i != 7)
                        close(fds[i]);
}

Test(k3s_tunnel, whoever_does_not_read_is_paused_for)
{
        static char block[32 * 1024];
        size_t sent = 0, got = 0;
        int64_t kind, expected;
        unsigned times = 0;
        int a;

        say_yes();
        ask_for_connection(2);
        a = accepted();
        /* more than two sockets hold, and less than what breaks the link */
        for (; sent < 10 * 1024 * 1024; sent += sizeof(block))
                send_message(2, TUNNEL_DATA, block, sizeof(block));
        while (t.in.len == 0)
                turn();
        while (got < sent) {
                ssize_t n = read(a, block, sizeof(block));

                if (n > 0)
                        got += (size_t)n;
                else
                        cr_assert(sd_event_run(t.event, 10 * 1000) >= 0);
        }
        close(a);
        /* the sockets take some at once, so it may happen more than once */
        for (expected = TUNNEL_PAUSE; (kind = next_kind(2)) != TUNNEL_ERROR; times++) {
                cr_assert_eq(kind, expected);
                expected = kind == TUNNEL_PAUSE ? TUNNEL_RESUME : TUNNEL_PAUSE;
        }
        cr_assert(times >= 2 && times % 2 == 0, "%u", times);
}

Test(k3s_tunnel, who_is_to_pause_does)
{
        int a, b;

        say_yes();
        ask_for_connection(2);
        a = accepted();
        send_message(2, TUNNEL_PAUSE, NULL, 0);
        ask_for_connection(3);
        b = accepted(); /* by now the pause is known */
        cr_assert_eq(write(a, "held", 4), 4);
        cr_assert_eq(write(b, "goes on", 7), 7);
        expect(3, TUNNEL_DATA, "goes on");
        send_message(2, TUNNEL_RESUME, NULL, 0);
        expect(2, TUNNEL_DATA, "held");
        close(a);
        close(b);
}

/* The connection that it went wrong on is given up, with all that went through it, and another one is begun. */
Test(k3s_tunnel, a_supervisor_that_breaks_the_protocol)
{
        static const struct {
                unsigned first;
                const char *bytes;
                size_t n;
        } rows[] = {
                { 0x81, "text", 4 },        { 0x82, "", 0 }, /* a message without a head */
                { 0x82, "\xff\xff", 2 },                     /* half a number */
                { 0x80, "alone", 5 },                        /* nothing to go on with */
                { 0xc2, "compressed", 10 }, { 0x83, "unknown", 7 }, { 0x09, "in pieces", 9 }, { 0x88, "\x03\xe8", 2 },
        };

        for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
                int a;

                say_yes();
                cr_assert_eq(t.dialed, i + 1);
                ask_for_connection(2);
                a = accepted();
                send_frame(rows[i].first, rows[i].bytes, rows[i].n);
                while (t.closed == i)
                        turn();
                while (read(a, &(char){ 0 }, 1) < 0)
                        cr_assert(sd_event_run(t.event, 10 * 1000) >= 0);
                close(a);
        }
}

Test(k3s_tunnel, a_frame_that_is_too_long)
{
        say_yes();
        tls_write(t.conn, "\x82\x7f\0\0\0\0\xff\xff\xff\xff", 10);
        while (t.closed == 0)
                turn();
        say_yes();
        cr_assert_eq(t.dialed, 2);
}

Test(k3s_tunnel, whoever_says_no_is_asked_again)
{
        char key[WEBSOCKET_KEY_SIZE];

        read_request(key);
        tls_write(t.conn, "HTTP/1.1 401 Unauthorized\r\n\r\n", 29);
        while (t.closed == 0)
                turn();
        say_yes();
        ask_for_connection(2);
        close(accepted());
        expect(2, TUNNEL_ERROR, "EOF");
}
