/* SPDX-License-Identifier: Apache-2.0 */
/* The session against streams of the test's own, and sockets that really are there. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "agent/sessions/port_forward.h"
#include "common/buf.h"
#include "common/fd.h"
#include "common/mem.h"

/* ---- the connection to the client -------------------------------------------------------------------------------- */

struct stream {
        enum stream_kind kind;
        void *user;
        struct buf sent;
        bool ended, released, reset;
};

struct streams {
        bool paused;
        size_t high; /* stream_write() says to pause from here on; 0: never */
        size_t written;
};

static struct streams client;

void *stream_user(const struct stream *s)
{
        cr_assert_not(s->released);
        return s->user;
}

void stream_set_user(struct stream *s, void *user)
{
        cr_assert_not(s->released);
        s->user = user;
}

bool stream_is_reset(const struct stream *s)
{
        cr_assert_not(s->released);
        return s->reset;
}

bool stream_write(struct stream *s, const void *p, size_t n)
{
        cr_assert(!s->ended && !s->released && n > 0);
        cr_assert(client.high == 0 || client.written < client.high || s->kind == STREAM_ERROR, "written while full");
        buf_add(&s->sent, p, n);
        client.written += n;
        return client.high == 0 || client.written < client.high;
}

void stream_end(struct stream *s)
{
        cr_assert(!s->ended && !s->released);
        s->ended = true;
}

void stream_release(struct stream *s)
{
        cr_assert_not(s->released);
        s->ended = s->released = true;
}

void streams_pause(struct streams *c)
{
        cr_assert(c == &client && !c->paused);
        c->paused = true;
}

void streams_resume(struct streams *c)
{
        cr_assert(c == &client && c->paused);
        c->paused = false;
}

/* ---- a session --------------------------------------------------------------------------------------------------- */

static sd_event *event;
static struct port_forward *session;
static const char *asked_slice;
static struct listener_address found[LISTENERS_ADDRESSES_MAX];
static int n_found; /* less than 0: an error */
static unsigned finds;

static int find(const char *slice, uint16_t port UNUSED, struct listener_address ret[LISTENERS_ADDRESSES_MAX],
                struct err *e)
{
        asked_slice = slice;
        finds++;
        if (n_found < 0)
                return err_set(e, n_found, NULL, "port %u is not the pod's", port);
        memcpy(ret, found, sizeof(found));
        return n_found;
}

static struct port_forward *session_of(enum config_port_forward rule)
{
        const struct port_forward_config config = {
                .event = event,
                .pod = { "default", "web", "0f6c2a9e-1234-4abc-8def-0123456789ab" },
                .qos = QOS_CLASS_BURSTABLE,
                .user = "somebody",
                .rule = rule,
                .find = find,
        };
        struct port_forward *f = port_forward_new(&config);

        if (f)
                port_forward_give(f, &client);
        return f;
}

static int nothing(sd_event_source *source UNUSED, uint64_t usec UNUSED, void *userdata UNUSED)
{
        return 0;
}

static void setup(void)
{
        sd_event_source *timer = NULL;

        sd_event_new(&event);
        /* the loop keeps a descriptor for timers once there was one: descriptors are counted here */
        sd_event_add_time_relative(event, &timer, CLOCK_MONOTONIC, 0, 0, nothing, NULL);
        sd_event_source_disable_unref(timer);
        found[0] = listener_loopback(AF_INET);
        n_found = 1;
        session = session_of(PORT_FORWARD_POD_PORTS);
}

static void teardown(void)
{
        if (session)
                port_forward_handler.closed(session);
        sd_event_unref(event);
}

TestSuite(port_forward, .init = setup, .fini = teardown, .timeout = 120);

struct client_pair {
        struct stream error, data;
};

static void open_pair(struct client_pair *c, uint16_t port)
{
        *c = (struct client_pair){
                .error = { .kind = STREAM_ERROR, .sent = BUF(4096) },
                .data = { .kind = STREAM_DATA, .sent = BUF(64 * 1024 * 1024) },
        };
        port_forward_handler.pair(session, &c->error, &c->data, port);
}

static void pair_done(struct client_pair *c)
{
        buf_done(&c->error.sent);
        buf_done(&c->data.sent);
}
#define PAIR(name) CLEANUP(pair_done) struct client_pair name

static void send_client(struct client_pair *c, const void *p, size_t n)
{
        cr_assert_not(client.paused);
        port_forward_handler.data(session, &c->data, p, n);
}

static void end_client(struct client_pair *c)
{
        cr_assert_not(client.paused);
        port_forward_handler.ended(session, &c->data);
}

static const char *said(const struct buf *b)
{
        return b->data ? b->data : "";
}

/* Lets the session work until `what` is true; twenty seconds end what never will be. */
#define UNTIL(what)                                                                                                    \
        do {                                                                                                           \
                time_t _end = time(NULL) + 20;                                                                         \
                while (!(what)) {                                                                                      \
                        cr_assert_lt(time(NULL), _end, "waited in vain: %s", #what);                                   \
                        cr_assert_geq(sd_event_run(event, 1000), 0);                                                   \
                }                                                                                                      \
        } while (0)

/* Everything that can be done now has been done. */
static void settle(void)
{
        while (sd_event_run(event, 20 * 1000) > 0)
                ;
}

static size_t descriptors(void)
{
        DIR *d = opendir("/proc/self/fd");
        size_t n = 0;

        while (readdir(d))
                n++;
        closedir(d);
        return n;
}

/* ---- the pod ----------------------------------------------------------------------------------------------------- */

static int pod_listens(int family, uint16_t *port)
{
        const struct listener_address a = listener_loopback(family);
        struct sockaddr_storage s;
        socklen_t size = listener_sockaddr(&a, *port, &s);
        int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        cr_assert_eq(bind(fd, (struct sockaddr *)&s, size), 0, "%m");
        cr_assert_eq(listen(fd, 200), 0);
        cr_assert_eq(getsockname(fd, (struct sockaddr *)&s, &size), 0);
        *port = ntohs(((struct sockaddr_in *)(void *)&s)->sin_port);
        return fd;
}

static int pod_accepts(int listener)
{
        int fd;

        UNTIL((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0);
        return fd;
}

static char got[64 * 1024];

/* Reads until the pod has as much as `text`. */
static void pod_reads(int fd, const char *text)
{
        size_t n = 0;
        ssize_t r = 0;

        UNTIL((r = read(fd, got + n, sizeof(got) - n - 1)) > 0 ? (n += (size_t)r) >= strlen(text) : n >= strlen(text));
        got[n] = '\0';
        cr_assert_str_eq(got, text);
}

static void pod_reads_the_end(int fd)
{
        ssize_t r;

        UNTIL((r = read(fd, got, sizeof(got))) == 0 || (r < 0 && errno != EAGAIN));
        cr_assert_eq(r, 0);
}

static void pod_writes(int fd, const char *text)
{
        cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

/* ---- connections ------------------------------------------------------------------------------------------------- */

Test(port_forward, carries_both_ways_and_each_end_by_itself)
{
        uint16_t port = 0;
        FD listener = pod_listens(AF_INET, &port);
        size_t before = descriptors();
        PAIR(c);

        open_pair(&c, port);
        cr_assert_str_eq(asked_slice, "kubepods-burstable-pod0f6c2a9e_1234_4abc_8def_0123456789ab.slice");
        send_client(&c, "before it is ", 13); /* ... connected */
        send_client(&c, "connected", 9);
        FD pod = pod_accepts(listener);
        pod_reads(pod, "before it is connected");
        pod_writes(pod, "hello");
        UNTIL(streq(said(&c.data.sent), "hello"));
        send_client(&c, "bye", 3);
        end_client(&c);
        pod_reads(pod, "bye");
        pod_reads_the_end(pod);

        /* the answer comes after the question's end */
        settle();
        cr_assert_not(c.data.ended);
        pod_writes(pod, ", and more");
        UNTIL(streq(said(&c.data.sent), "hello, and more"));
        pod = fd_close(pod);
        UNTIL(c.data.released && c.error.released);
        cr_assert_eq(c.error.sent.len, 0);
        cr_assert_eq(descriptors(), before);
        cr_assert_eq(finds, 2, "before the connection, and after it");
}

Test(port_forward, ends_with_the_pods_end_first)
{
        uint16_t port = 0;
        FD listener = pod_listens(AF_INET, &port);
        size_t before = descriptors();
        PAIR(c);

        open_pair(&c, port);
        FD pod = pod_accepts(listener);
        pod_writes(pod, "that is all");
        shutdown(pod, SHUT_WR);
        UNTIL(c.data.ended);
        cr_assert(c.error.ended, "older kubectls wait for this");
        cr_assert_str_eq(said(&c.data.sent), "that is all");
        cr_assert_not(c.data.released, "the client may have more to say");
        send_client(&c, "thanks", 6);
        pod_reads(pod, "thanks");
        end_client(&c);
        cr_assert(c.data.released && c.error.released);
        pod_reads_the_end(pod);
        pod = fd_close(pod);
        cr_assert_eq(descriptors(), before);
}

Test(port_forward, ends_when_the_pod_does_not_take_any_more)
{
        uint16_t port = 0;
        FD listener = pod_listens(AF_INET, &port);
        PAIR(c);

        open_pair(&c, port);
        FD pod = pod_accepts(listener);
        pod = fd_close(pod);
        UNTIL(c.data.ended);
        for (unsigned i = 0; i < 100 && !c.data.released; i++) { /* the first one is answered by a reset */
                send_client(&c, "x", 1);
                settle();
        }
        cr_assert(c.data.released);
        cr_assert_eq(c.error.sent.len, 0);
}

Test(port_forward, of_a_connection_that_the_pod_resets_is_no_error)
{
        uint16_t port = 0;
        FD listener = pod_listens(AF_INET, &port);
        PAIR(c);

        open_pair(&c, port);
        FD pod = pod_accepts(listener);
        settle();
        setsockopt(pod, SOL_SOCKET, SO_LINGER, &(struct linger){ .l_onoff = 1 }, sizeof(struct linger));
        pod = fd_close(pod);
        UNTIL(c.data.released && c.error.released);
        cr_assert_eq(c.error.sent.len, 0, "%s", said(&c.error.sent));
}

Test(port_forward, ends_at_once_when_the_client_resets_the_stream)
{
        uint16_t port = 0;
        FD listener = pod_listens(AF_INET, &port);
        PAIR(c);
        PAIR(early);

        open_pair(&c, port);
        FD pod = pod_accepts(listener);
        settle();
        c.data.reset = true;
        end_client(&c);
        cr_assert(c.data.released && c.error.released);
        pod_reads_the_end(pod);

        PAIR(twice); /* kubectl, when its own client is gone: it ends the stream, and resets it when an answer comes */
        open_pair(&twice, port);
        FD answering = pod_accepts(listener);
        settle();
        end_client(&twice);
        cr_assert_not(twice.data.released);
        twice.data.reset = true;
        end_client(&twice);
        cr_assert(twice.data.released && twice.error.released);
        pod_reads_the_end(answering);

        open_pair(&early, port);
        early.data.reset = true;
        end_client(&early);
        cr_assert(early.data.released && early.error.released);
        settle();
}

Test(port_forward, keeps_connections_apart)
{
        uint16_t port = 0;
        FD listener = pod_listens(AF_INET, &port);
        PAIR(a);
        PAIR(b);

        open_pair(&a, port);
        FD pod_a = pod_accepts(listener);
        open_pair(&b, port);
        FD pod_b = pod_accepts(listener);
        send_client(&a, "to a", 4);
        send_client(&b, "to b", 4);
        pod_reads(pod_b, "to b");
        pod_reads(pod_a, "to a");
        pod_writes(pod_a, "from a");
        pod_writes(pod_b, "from b");
        UNTIL(a.data.sent.len == 6 && b.data.sent.len == 6);
        cr_assert_str_eq(a.data.sent.data, "from a");
        cr_assert_str_eq(b.data.sent.data, "from b");
        pod_a = fd_close(pod_a);
        UNTIL(a.data.ended);
        end_client(&a);
        cr_assert(a.data.released && !b.data.ended);
        send_client(&b, "still", 5);
        pod_reads(pod_b, "still");
}

/* ---- where to ---------------------------------------------------------------------------------------------------- */

#define WORDS(port, text) "error forwarding port " port " to pod web, uid 0f6c2a9e-1234-4abc-8def-0123456789ab: " text

Test(port_forward, tells_why_not)
{
        PAIR(c);

        n_found = -EACCES;
        open_pair(&c, 22);
        cr_assert(c.error.released && c.data.released);
        cr_assert_str_eq(said(&c.error.sent), WORDS("22", "port 22 is not the pod's"));
        cr_assert_eq(c.data.sent.len, 0);
}

/* A port that nobody listens on: one that was bound a moment ago. */
static uint16_t closed_port(void)
{
        uint16_t port = 0;

        close(pod_listens(AF_INET, &port));
        return port;
}

Test(port_forward, tries_all_addresses_and_tells_what_became_of_them)
{
        uint16_t port = closed_port();
        PAIR(c);
        CLEANUP(freep)
        char *want = xasprintf("error forwarding port %u to pod web, uid 0f6c2a9e-1234-4abc-8def-0123456789ab: "
                               "failed to connect to 127.0.0.1:%u: Connection refused, [::1]:%u: Connection refused",
                               port, port, port);

        found[1] = listener_loopback(AF_INET6);
        n_found = 2;
        open_pair(&c, port);
        UNTIL(c.error.released && c.data.released);
        cr_assert_str_eq(said(&c.error.sent), want);

        PAIR(second);
        FD listener = pod_listens(AF_INET6, &port);
        open_pair(&second, port);
        FD pod = pod_accepts(listener);
        pod_writes(pod, "x");
        UNTIL(second.data.sent.len == 1);
}

Test(port_forward, to_any_port_tries_the_loopback_interface)
{
        uint16_t port = 0;
        FD listener = pod_listens(AF_INET6, &port);
        PAIR(c);

        port_forward_handler.closed(session);
        session = session_of(PORT_FORWARD_ANY_PORT);
        n_found = -EACCES;
        open_pair(&c, port);
        FD pod = pod_accepts(listener);
        pod_writes(pod, "x");
        UNTIL(c.data.sent.len == 1);
        cr_assert_eq(c.error.sent.len, 0);
}

Test(port_forward, does_not_carry_a_byte_to_who_took_the_port_meanwhile)
{
        uint16_t port = 0;
        FD listener = pod_listens(AF_INET, &port);
        PAIR(gone);
        PAIR(elsewhere);

        open_pair(&gone, port);
        send_client(&gone, "secret", 6);
        n_found = -EACCES;
        FD pod = pod_accepts(listener);
        UNTIL(gone.error.released);
        cr_assert(strstr(said(&gone.error.sent), "is not the pod's"), "%s", said(&gone.error.sent));
        pod_reads_the_end(pod);

        n_found = 1;
        open_pair(&elsewhere, port);
        send_client(&elsewhere, "secret", 6);
        found[0] = listener_loopback(AF_INET6);
        FD other = pod_accepts(listener);
        UNTIL(elsewhere.error.released);
        cr_assert(strstr(said(&elsewhere.error.sent), "another process has taken port"), "%s",
                  said(&elsewhere.error.sent));
        pod_reads_the_end(other);
}

/* ---- bounds ------------------------------------------------------------------------------------------------------ */

enum { PART = 16 * 1024 };

static char part(size_t i)
{
        return (char)('a' + i % 23);
}

/* Sends until the session has had enough; returns how much that was. */
static size_t send_until_paused(struct client_pair *c, size_t from)
{
        char chunk[PART];
        size_t n = from;

        for (unsigned quiet = 0; quiet < 3 && n < 48 * 1024 * 1024;) {
                if (client.paused) {
                        settle();
                        quiet++;
                        continue;
                }
                for (size_t i = 0; i < sizeof(chunk); i++)
                        chunk[i] = part(n + i);
                send_client(c, chunk, sizeof(chunk));
                n += sizeof(chunk);
                quiet = 0;
        }
        cr_assert(client.paused);
        return n;
}

Test(port_forward, waits_for_a_pod_that_does_not_read)
{
        uint16_t port = 0;
        FD listener = pod_listens(AF_INET, &port);
        PAIR(c);
        size_t sent, n = 0;
        ssize_t r;

        open_pair(&c, port);
        FD pod = pod_accepts(listener);
        settle();
        sent = send_until_paused(&c, 0);
        while (n < sent) {
                UNTIL((r = read(pod, got, sizeof(got))) > 0);
                for (ssize_t i = 0; i < r; i++, n++)
                        cr_assert_eq(got[i], part(n));
        }
        UNTIL(!client.paused);
        end_client(&c);
        pod_reads_the_end(pod);
}

Test(port_forward, goes_on_when_the_one_that_did_not_read_is_gone)
{
        uint16_t port = 0;
        FD listener = pod_listens(AF_INET, &port);
        PAIR(stuck);
        PAIR(other);

        open_pair(&stuck, port);
        FD pod = pod_accepts(listener);
        open_pair(&other, port);
        FD other_pod = pod_accepts(listener);
        settle();
        send_until_paused(&stuck, 0);
        pod_writes(other_pod, "this way is open");
        UNTIL(other.data.sent.len == 16);
        setsockopt(pod, SOL_SOCKET, SO_LINGER, &(struct linger){ .l_onoff = 1 }, sizeof(struct linger));
        pod = fd_close(pod);
        UNTIL(!client.paused);
        send_client(&other, "and this", 8);
        pod_reads(other_pod, "and this");
}

Test(port_forward, holds_little_while_connections_are_being_made)
{
        uint16_t port = 0;
        FD listener = pod_listens(AF_INET, &port);
        static char chunk[PORT_FORWARD_HELD_MAX - 1];
        struct client_pair c[5];

        for (size_t i = 0; i < ARRAY_LEN(c); i++) {
                cr_assert_not(client.paused);
                open_pair(&c[i], port);
                send_client(&c[i], chunk, sizeof(chunk));
        }
        cr_assert(client.paused, "each holds less than it may, but not all of them together");
        UNTIL(!client.paused);
        for (size_t i = 0; i < ARRAY_LEN(c); i++)
                pair_done(&c[i]);
}

Test(port_forward, does_not_read_from_the_pod_while_the_client_does_not)
{
        uint16_t port = 0;
        FD listener = pod_listens(AF_INET, &port);
        static const char chunk[PART] = { 'x' };
        size_t sent = 0;
        ssize_t r;
        PAIR(a);
        PAIR(b);

        open_pair(&a, port);
        FD pod = pod_accepts(listener);
        open_pair(&b, port);
        FD other = pod_accepts(listener);
        settle();
        client.high = 200 * 1000;
        pod_writes(other, "small");
        for (unsigned quiet = 0; quiet < 3;
             quiet++) { /* fake stream_write() fails the test when it is used while full */
                while ((r = write(pod, chunk, sizeof(chunk))) > 0) {
                        sent += (size_t)r;
                        quiet = 0;
                }
                settle();
        }
        cr_assert_geq(client.written, client.high);
        cr_assert_lt(client.written, sent);
        shutdown(pod, SHUT_WR);
        while (!a.data.ended) {
                client.written = 0;
                port_forward_handler.drain(session);
                settle();
        }
        cr_assert_eq(a.data.sent.len, sent);
        cr_assert_str_eq(said(&b.data.sent), "small");
}

Test(port_forward, of_a_client_that_vanishes_leaves_nothing)
{
        uint16_t port = 0;
        FD listener = pod_listens(AF_INET, &port);
        size_t before = descriptors();
        struct client_pair c[3];

        for (size_t i = 0; i < ARRAY_LEN(c); i++)
                open_pair(&c[i], port);
        FD first = pod_accepts(listener);
        settle();
        send_until_paused(&c[0], 0);
        port_forward_handler.closed(session);
        session = NULL;
        first = fd_close(first);
        cr_assert_eq(descriptors(), before);
        for (size_t i = 0; i < ARRAY_LEN(c); i++)
                pair_done(&c[i]);
}

Test(port_forward, has_few_connections_at_a_time)
{
        uint16_t port = 0;
        FD listener = pod_listens(AF_INET, &port);
        static struct client_pair c[PORT_FORWARD_CONNECTIONS_MAX + 1], next;

        for (size_t i = 0; i < ARRAY_LEN(c); i++)
                open_pair(&c[i], port);
        cr_assert(c[PORT_FORWARD_CONNECTIONS_MAX].error.released);
        cr_assert(strstr(said(&c[PORT_FORWARD_CONNECTIONS_MAX].error.sent), ": 128 connections are open already"));
        settle();
        cr_assert_not(c[PORT_FORWARD_CONNECTIONS_MAX - 1].error.released);
        c[0].data.reset = true;
        end_client(&c[0]);
        open_pair(&next, port);
        settle();
        cr_assert_not(next.error.released);
        for (size_t i = 0; i < ARRAY_LEN(c); i++)
                pair_done(&c[i]);
        pair_done(&next);
}

Test(port_forward, has_few_sessions_at_a_time)
{
        struct port_forward *more[PORT_FORWARDS_MAX];

        for (size_t i = 1; i < PORT_FORWARDS_MAX; i++)
                cr_assert(more[i] = session_of(PORT_FORWARD_POD_PORTS));
        cr_assert_null(session_of(PORT_FORWARD_POD_PORTS));
        more[1] = port_forward_free(more[1]);
        cr_assert(more[1] = session_of(PORT_FORWARD_POD_PORTS));
        for (size_t i = 1; i < PORT_FORWARDS_MAX; i++)
                port_forward_free(more[i]);
}
