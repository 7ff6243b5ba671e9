/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/server/health_port.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utlist.h>

#include "agent/server/http1.h"
#include "agent/server/listen.h"
#include "common/fd.h"
#include "common/log.h"
#include "common/mem.h"

enum { CALLERS_PER_SECOND = 200 };

struct caller {
        struct health_port *port;
        int fd;
        sd_event_source *io, *deadline;
        struct buf in;
        bool answered;
        struct caller *prev, *next;
};

struct health_port {
        sd_event *event;
        int fd;
        sd_event_source *listener;
        void (*look)(void *userdata, struct health *ret);
        void *userdata;
        uint64_t time_usec;
        struct caller *callers; /* the oldest first */
        size_t n;
};

static struct caller *caller_free(struct caller *c)
{
        DL_DELETE(c->port->callers, c);
        c->port->n--;
        sd_event_source_disable_unref(c->io);
        sd_event_source_disable_unref(c->deadline);
        fd_close(c->fd);
        buf_done(&c->in);
        free(c);
        return NULL;
}

/* It is a few hundred bytes: a socket that has sent nothing yet takes them all. */
static void answer(struct caller *c, bool body, int status, const char *text, size_t size)
{
        CLEANUP(buf_done) struct buf b = BUF(HEALTH_PORT_HEAD_MAX * 2);

        buf_printf(&b,
                   "HTTP/1.1 %d %s\r\nContent-Type: text/plain; charset=utf-8\r\nX-Content-Type-Options: nosniff\r\n"
                   "Content-Length: %zu\r\nConnection: close\r\n\r\n",
                   status, http_status_text(status), size);
        if (body)
                buf_add(&b, text, size);
        if (send(c->fd, b.data, b.len, MSG_NOSIGNAL) != (ssize_t)b.len)
                log_debug("healthz: a caller does not take the answer");
        shutdown(c->fd, SHUT_WR);
        c->answered = true;
}

static void refuse(struct caller *c, int status)
{
        const char *text = http_status_text(status);

        answer(c, true, status, text, strlen(text));
}

static void serve(struct caller *c, size_t size)
{
        CLEANUP(buf_done) struct buf text = BUF(HEALTH_PORT_HEAD_MAX);
        struct err e = ERR_NONE;
        struct http_head head;
        struct health health = { 0 };
        const char *path;
        int status;

        if (http_head_parse(c->in.data, size, &head, &e) < 0) {
                refuse(c, head.status);
                return;
        }
        path = head.request.path;
        if (streq(path, "/healthz") || streq(path, "/healthz/ping") || streq(path, "/healthz/log") ||
            streq(path, "/healthz/syncloop")) {
                c->port->look(c->port->userdata, &health);
                status = health_answer(&health, &head.request, &text);
                answer(c, !streq(head.request.method, "HEAD"), status, text.data, text.len);
        } else {
                refuse(c, 404);
        }
        http_head_done(&head);
}

static int on_caller(UNUSED sd_event_source *source, int fd, UNUSED uint32_t events, void *userdata)
{
        struct caller *c = userdata;
        char data[1024];
        ssize_t n = recv(fd, data, sizeof(data), 0);
        size_t size;

        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return 0;
        if (n <= 0) {
                caller_free(c);
                return 0;
        }
        if (c->answered) /* what comes now nobody reads; the caller hangs up, or his time runs out */
                return 0;
        buf_add(&c->in, data, (size_t)n);
        size = http_head_length(c->in.data, c->in.len, 0);
        if (size)
                serve(c, size);
        else if (!buf_ok(&c->in))
                refuse(c, 431);
        return 0;
}

static int on_deadline(UNUSED sd_event_source *source, UNUSED uint64_t usec, void *userdata)
{
        caller_free(userdata);
        return 0;
}

static int on_listener(UNUSED sd_event_source *source, int fd, UNUSED uint32_t events, void *userdata)
{
        struct health_port *p = userdata;
        struct caller *c;
        int peer = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (peer < 0)
                return 0;
        if (p->n >= HEALTH_PORT_CONNECTIONS_MAX)
                caller_free(p->callers);
        c = NEW(struct caller);
        *c = (struct caller){ .port = p, .fd = peer, .in = BUF(HEALTH_PORT_HEAD_MAX) };
        DL_APPEND(p->callers, c);
        p->n++;
        if (sd_event_add_io(p->event, &c->io, peer, EPOLLIN, on_caller, c) < 0 ||
            sd_event_add_time_relative(p->event, &c->deadline, CLOCK_MONOTONIC, p->time_usec, 0, on_deadline, c) < 0)
                caller_free(c);
        return 0;
}

int health_port_new(sd_event *event, const struct health_port_config *config, struct health_port **ret, struct err *e)
{
        CLEANUP(health_port_freep) struct health_port *p = NEW(struct health_port);
        int r;

        p->event = sd_event_ref(event);
        p->look = config->look;
        p->userdata = config->userdata;
        p->time_usec = (uint64_t)(config->time_ms ? config->time_ms : HEALTH_PORT_TIME_S * 1000) * 1000;
        p->fd = listen_on(config->address, config->port, e);
        if (p->fd < 0)
                return p->fd;
        r = sd_event_add_io(event, &p->listener, p->fd, EPOLLIN, on_listener, p);
        if (r >= 0) /* also where no descriptor is left for a caller, who would be announced again and again */
                r = sd_event_source_set_ratelimit(p->listener, 1000 * 1000, CALLERS_PER_SECOND);
        if (r < 0)
                return err_errno(e, r, NULL, "cannot listen for /healthz");
        *ret = TAKE(p);
        return 0;
}

struct health_port *health_port_free(struct health_port *p)
{
        if (!p)
                return NULL;
        while (p->callers)
                caller_free(p->callers);
        sd_event_source_disable_unref(p->listener);
        fd_close(p->fd);
        sd_event_unref(p->event);
        free(p);
        return NULL;
}

uint16_t health_port_number(const struct health_port *p)
{
        return listen_port(p->fd);
}
