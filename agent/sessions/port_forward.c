/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/sessions/port_forward.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <utlist.h>

#include "common/buf.h"
#include "common/fd.h"
#include "common/log.h"
#include "common/mem.h"

enum {
        CHUNK = 32 * 1024,
        DELIVERY_MAX = 1024 * 1024, /* what may come before a pause holds; a connection delivers far less at a time */
};

struct pair { /* the two streams of one connection to the pod */
        struct port_forward *session;
        struct pair *prev, *next;
        struct stream *error, *data;
        uint16_t port;

        struct listener_address to[LISTENERS_ADDRESSES_MAX + 2];
        size_t n_to, tried; /* to[tried - 1] is the one that it is connected to, or is being connected to */
        struct buf failures;

        int fd;
        sd_event_source *io, *deadline;
        bool connected;
        bool client_ended; /* the client sends no more */
        bool told_pod;     /* ... and the pod knows */
        bool pod_ended;    /* the pod sends no more, and the client knows */
        bool pod_deaf;     /* the pod takes no more */
        struct buf held;   /* for the pod */
};

struct port_forward {
        sd_event *event;
        struct streams *streams;
        char *user;
        struct pod_id pod;
        char slice[ID_UNIT_MAX + 1];
        enum config_port_forward rule;
        int (*find)(const char *slice, uint16_t port, struct listener_address *ret, struct err *e);
        struct pair *pairs;
        unsigned n_pairs;
        size_t held; /* by all pairs */
        bool paused; /* the client, since too much is held */
        bool full;   /* the client does not read: the pod is not read from */
        /* What the journal has been told of: a bit for each port that was forwarded, and one for each that was not. */
        uint8_t forwarded[UINT16_MAX / 8 + 1], refused[UINT16_MAX / 8 + 1];
};

static unsigned n_sessions;

/* ---- what is held for the pod ------------------------------------------------------------------------------------ */

/* Without windows in the protocol, only the whole connection can be made to wait, with all its pairs. */
static void balance(struct port_forward *f)
{
        const size_t part = f->paused ? 2 : 1; /* go on when half of it is gone */
        bool much = f->held >= PORT_FORWARD_HELD_ALL_MAX / part;
        struct pair *p;

        if (f->held > 0)
                DL_FOREACH (f->pairs, p)
                        much |= p->held.len >= PORT_FORWARD_HELD_MAX / part;
        if (much == f->paused)
                return;
        f->paused = much;
        if (much)
                streams_pause(f->streams);
        else
                streams_resume(f->streams);
}

static void let_go(struct pair *p, size_t n)
{
        buf_consume(&p->held, n);
        p->session->held -= n;
}

/* What the pod is waited for: to be written to, to be read from. Neither: not even an error wakes us. */
static void set_interest(struct pair *p)
{
        uint32_t events = 0;

        if (!p->connected || p->held.len > 0)
                events |= EPOLLOUT;
        if (p->connected && !p->pod_ended && !p->session->full)
                events |= EPOLLIN;
        sd_event_source_set_io_events(p->io, events);
        sd_event_source_set_enabled(p->io, events ? SD_EVENT_ON : SD_EVENT_OFF);
}

/* ---- the end of a pair ------------------------------------------------------------------------------------------- */

static void close_socket(struct pair *p)
{
        p->io = sd_event_source_disable_unref(p->io);
        p->deadline = sd_event_source_disable_unref(p->deadline);
        p->fd = fd_close(p->fd);
}

static void pair_free(struct pair *p)
{
        struct port_forward *f = p->session;

        close_socket(p);
        f->held -= p->held.len;
        buf_done(&p->held);
        buf_done(&p->failures);
        DL_DELETE(f->pairs, p);
        f->n_pairs--;
        free(p);
}

static void refuse(struct port_forward *f, struct stream *error, struct stream *data, uint16_t port, const char *why)
{
        /* The kubelet's words, then ours. */
        CLEANUP(freep)
        char *text = xasprintf("error forwarding port %u to pod %s, uid %s: %s", port, f->pod.name, f->pod.uid, why);

        stream_write(error, text, strlen(text));
        stream_release(error);
        stream_release(data);
}

/* Without an error, also where the pod has reset the connection: kubectl ends its whole session on the first error, and
 * the port is there for the next connection. */
static void finish(struct pair *p)
{
        struct port_forward *f = p->session;

        stream_set_user(p->data, NULL);
        stream_release(p->error);
        stream_release(p->data);
        pair_free(p);
        balance(f);
}

static void fail(struct pair *p, const char *why)
{
        struct port_forward *f = p->session;

        if (p->pod_ended) { /* so has the error stream */
                finish(p);
                return;
        }
        stream_set_user(p->data, NULL);
        refuse(f, p->error, p->data, p->port, why);
        pair_free(p);
        balance(f);
}

/* Something happened to the pair, which is gone afterwards if nothing remains to be carried, or nobody is there for
 * it. */
static void go_on(struct pair *p)
{
        if (stream_is_reset(p->data) || (p->pod_ended && (p->pod_deaf || p->told_pod))) {
                finish(p);
                return;
        }
        if (p->connected)
                set_interest(p);
        balance(p->session);
}

/* ---- to the pod -------------------------------------------------------------------------------------------------- */

static void write_pod(struct pair *p)
{
        while (p->held.len > 0) {
                ssize_t n = send(p->fd, p->held.data, p->held.len, MSG_NOSIGNAL);

                if (n < 0 && (errno == EAGAIN || errno == EINTR))
                        break;
                if (n < 0) {
                        p->pod_deaf = true;
                        let_go(p, p->held.len);
                        break;
                }
                let_go(p, (size_t)n);
        }
        if (p->held.len == 0)
                buf_done(&p->held);
        if (p->client_ended && !p->told_pod && p->held.len == 0) {
                shutdown(p->fd, SHUT_WR);
                p->told_pod = true;
        }
}

static void on_data(void *userdata, struct stream *s, const void *data, size_t n)
{
        struct port_forward *f = userdata;
        struct pair *p = stream_user(s);

        if (!p || p->pod_deaf)
                return;
        buf_add(&p->held, data, n);
        if (!buf_ok(&p->held)) {
                fail(p, "too much came at once");
                return;
        }
        f->held += n;
        if (p->connected)
                write_pod(p);
        go_on(p);
}

static void on_ended(void *userdata UNUSED, struct stream *s)
{
        struct pair *p = stream_user(s);

        if (!p)
                return;
        p->client_ended = true;
        if (p->connected)
                write_pod(p);
        go_on(p);
}

/* ---- from the pod ------------------------------------------------------------------------------------------------ */

static void set_full(struct port_forward *f, bool full)
{
        struct pair *p;

        f->full = full;
        DL_FOREACH (f->pairs, p)
                if (p->connected)
                        set_interest(p);
}

static void read_pod(struct pair *p)
{
        char chunk[CHUNK];
        ssize_t n = recv(p->fd, chunk, sizeof(chunk), 0);

        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return;
        if (n > 0) {
                if (!stream_write(p->data, chunk, (size_t)n))
                        set_full(p->session, true);
                return;
        }
        /* Older kubectls end the client's connection only when both streams have ended. */
        stream_end(p->data);
        stream_end(p->error);
        p->pod_ended = true;
        if (n < 0)
                p->pod_deaf = true;
}

static void on_drain(void *userdata)
{
        set_full(userdata, false);
}

/* ---- the connection to the pod ----------------------------------------------------------------------------------- */

static int on_io(sd_event_source *source UNUSED, int fd UNUSED, uint32_t events, void *userdata);
static int on_deadline(sd_event_source *source UNUSED, uint64_t usec UNUSED, void *userdata);

static int begin_connecting(struct pair *p, const struct listener_address *to)
{
        struct port_forward *f = p->session;
        struct sockaddr_storage s;
        socklen_t size = listener_sockaddr(to, p->port, &s);
        int r;

        p->fd = socket(to->family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (p->fd < 0)
                return -errno;
        if (connect(p->fd, (struct sockaddr *)&s, size) < 0 && errno != EINPROGRESS)
                return -errno;
        r = sd_event_add_io(f->event, &p->io, p->fd, EPOLLOUT, on_io, p);
        if (r < 0)
                return r;
        return sd_event_add_time_relative(f->event, &p->deadline, CLOCK_MONOTONIC,
                                          (uint64_t)PORT_FORWARD_CONNECT_TIMEOUT_S * 1000 * 1000, 0, on_deadline, p);
}

/* The pair is gone when there is none left. */
static void try_next(struct pair *p, int error_of_last)
{
        int r = error_of_last;

        for (;;) {
                if (r < 0) {
                        char text[LISTENERS_TEXT_MAX];

                        close_socket(p);
                        listener_text(&p->to[p->tried - 1], p->port, text);
                        buf_printf(&p->failures, "%s%s: %s", p->failures.len ? ", " : "failed to connect to ", text,
                                   strerrordesc_np(-r));
                }
                if (p->tried == p->n_to)
                        break;
                r = begin_connecting(p, &p->to[p->tried++]);
                if (r >= 0)
                        return;
        }
        fail(p, p->failures.data);
}

static int on_deadline(sd_event_source *source UNUSED, uint64_t usec UNUSED, void *userdata)
{
        try_next(userdata, -ETIMEDOUT);
        return 0;
}

/* Is the pod still behind the address? Between the first look and the connection another process may have come. */
static bool still_there(const struct pair *p, struct err *e)
{
        const struct port_forward *f = p->session;
        struct listener_address now[LISTENERS_ADDRESSES_MAX];
        int n;

        if (f->rule == PORT_FORWARD_ANY_PORT)
                return true;
        n = f->find(f->slice, p->port, now, e);
        for (int i = 0; i < n; i++)
                if (listener_same(&now[i], &p->to[p->tried - 1]))
                        return true;
        if (n >= 0)
                err_set(e, -EACCES, NULL, "another process has taken port %u", p->port);
        return false;
}

static void connected(struct pair *p)
{
        struct err e = ERR_NONE;

        p->deadline = sd_event_source_disable_unref(p->deadline);
        if (!still_there(p, &e)) {
                fail(p, e.text);
                return;
        }
        p->connected = true;
        setsockopt(p->fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
        write_pod(p);
        go_on(p);
}

static int on_io(sd_event_source *source UNUSED, int fd, uint32_t events, void *userdata)
{
        struct pair *p = userdata;
        socklen_t size = sizeof(int);
        int error = 0;

        if (!p->connected) {
                if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
                        error = errno;
                if (error)
                        try_next(p, -error);
                else
                        connected(p);
                return 0;
        }
        if (events & (EPOLLOUT | EPOLLERR | EPOLLHUP))
                write_pod(p);
        if (events & (EPOLLIN | EPOLLERR | EPOLLHUP) && !p->pod_ended && !p->session->full)
                read_pod(p);
        go_on(p);
        return 0;
}

/* ---- pairs ------------------------------------------------------------------------------------------------------- */

/* Once for each port of a session: a page of a web server is many connections. */
static void tell_journal(const struct port_forward *f, uint8_t *told, uint16_t port, const char *what)
{
        const uint8_t bit = (uint8_t)(1U << port % 8);

        if (!(told[port / 8] & bit))
                log_info("port-forward: user \"%s\", pod %s/%s (%s), port %u: %s", f->user, f->pod.namespace,
                         f->pod.name, f->pod.uid, port, what);
        told[port / 8] |= bit;
}

/* Where to try. Less than 0: nowhere. */
static int where(const struct port_forward *f, uint16_t port, struct pair *p, struct err *e)
{
        static const int families[] = { AF_INET, AF_INET6 }; /* in the kubelet's order */
        int r = f->find(f->slice, port, p->to, e);

        if (r < 0 && f->rule != PORT_FORWARD_ANY_PORT)
                return r;
        p->n_to = r < 0 ? 0 : (size_t)r;
        for (size_t i = 0; i < ARRAY_LEN(families) && f->rule == PORT_FORWARD_ANY_PORT; i++) {
                const struct listener_address a = listener_loopback(families[i]);
                bool known = false;

                for (size_t k = 0; k < p->n_to; k++)
                        known |= listener_same(&p->to[k], &a);
                if (!known)
                        p->to[p->n_to++] = a;
        }
        return 0;
}

static void on_pair(void *userdata, struct stream *error, struct stream *data, uint16_t port)
{
        struct port_forward *f = userdata;
        char words[LISTENERS_TEXT_MAX], many[80];
        struct err e = ERR_NONE;
        struct pair *p;

        if (f->n_pairs >= PORT_FORWARD_CONNECTIONS_MAX) {
                snprintf(many, sizeof(many), "%d connections are open already", PORT_FORWARD_CONNECTIONS_MAX);
                refuse(f, error, data, port, many);
                return;
        }
        p = NEW(struct pair);
        *p = (struct pair){ .session = f,
                            .error = error,
                            .data = data,
                            .port = port,
                            .fd = -1,
                            .failures = BUF(1024),
                            .held = BUF(PORT_FORWARD_HELD_MAX + DELIVERY_MAX) };
        DL_APPEND(f->pairs, p);
        f->n_pairs++;
        stream_set_user(data, p);
        if (where(f, port, p, &e) < 0) {
                tell_journal(f, f->refused, port, e.text);
                fail(p, e.text);
                return;
        }
        listener_text(&p->to[0], port, words);
        tell_journal(f, f->forwarded, port, words);
        try_next(p, 0);
}

/* ---- the session ------------------------------------------------------------------------------------------------- */

static void on_ready(void *userdata UNUSED)
{
}

static void on_closed(void *userdata)
{
        port_forward_free(userdata);
}

const struct streams_handler port_forward_handler = {
        .ready = on_ready,
        .pair = on_pair,
        .data = on_data,
        .ended = on_ended,
        .drain = on_drain,
        .closed = on_closed,
};

struct port_forward *port_forward_new(const struct port_forward_config *config)
{
        struct port_forward *f;

        if (n_sessions >= PORT_FORWARDS_MAX)
                return NULL;
        n_sessions++;
        f = NEW(struct port_forward);
        f->event = sd_event_ref(config->event);
        f->user = xstrdup(config->user);
        f->pod = config->pod;
        f->rule = config->rule;
        f->find = config->find;
        pod_slice_name(config->pod.uid, config->qos, f->slice);
        return f;
}

void port_forward_give(struct port_forward *f, struct streams *streams)
{
        f->streams = streams;
}

struct port_forward *port_forward_free(struct port_forward *f)
{
        struct pair *p, *next;

        if (!f)
                return NULL;
        DL_FOREACH_SAFE (f->pairs, p, next)
                pair_free(p);
        sd_event_unref(f->event);
        free(f->user);
        free(f);
        n_sessions--;
        return NULL;
}
