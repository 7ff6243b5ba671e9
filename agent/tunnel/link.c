/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/tunnel/link.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/epoll.h>

#include "agent/lib/retry.h"
#include "common/buf.h"
#include "common/fd.h"
#include "common/mem.h"

struct link {
        int64_t id;
        sd_event *event;
        const struct link_handler *handler;
        void *userdata;
        int fd;
        sd_event_source *io, *deadline;
        struct buf out;
        unsigned held;      /* enum link_hold */
        const char *broken; /* why; NULL: it is not */
        bool connected, full, ending;
};

static void watch_socket(struct link *l)
{
        bool in = l->connected && !l->held && !l->ending;
        /* with nothing to do in either direction a socket that is over would wake us for ever */
        bool out = !l->connected || l->out.len > 0 || l->ending || l->broken;

        sd_event_source_set_io_events(l->io, (in ? EPOLLIN : 0U) | (out ? EPOLLOUT : 0U));
        sd_event_source_set_enabled(l->io, in || out ? SD_EVENT_ON : SD_EVENT_OFF);
}

static void end(struct link *l, const char *why)
{
        if (l->ending)
                l->handler->flushed(l->userdata, l);
        else
                l->handler->ended(l->userdata, l, why);
}

static int flush(struct link *l)
{
        size_t done = 0;

        while (done < l->out.len) {
                ssize_t n = send(l->fd, l->out.data + done, l->out.len - done, MSG_NOSIGNAL);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0 && errno != EAGAIN)
                        return -errno;
                if (n < 0)
                        break;
                done += (size_t)n;
        }
        buf_consume(&l->out, done);
        if (l->out.len == 0)
                buf_done(&l->out);
        if (l->full && l->out.len < LINK_LOW) {
                l->full = false;
                l->handler->full(l->userdata, l, false);
        }
        return 0;
}

/* 1: something came, or will; 0: it is over; else why it broke. */
static int receive(struct link *l)
{
        char chunk[LINK_CHUNK];
        ssize_t n = recv(l->fd, chunk, sizeof(chunk), 0);

        if (n > 0)
                l->handler->came(l->userdata, l, chunk, (size_t)n);
        return n >= 0 ? n > 0 : errno == EAGAIN || errno == EINTR ? 1 : -errno;
}

static int connected(struct link *l)
{
        socklen_t size = sizeof(int);
        int error = 0;

        if (getsockopt(l->fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
                error = errno;
        if (error)
                return -error;
        l->connected = true;
        setsockopt(l->fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
        return 0;
}

static int on_io(UNUSED sd_event_source *source, UNUSED int fd, uint32_t events, void *userdata)
{
        struct link *l = userdata;
        int r = 0;

        if (!l->connected)
                r = connected(l);
        if (r == 0 && !l->broken)
                r = flush(l);
        if (r < 0 || l->broken) {
                end(l, l->broken ? l->broken : strerrordesc_np(-r));
                return 0;
        }
        if (l->ending && l->out.len == 0) {
                end(l, "");
                return 0;
        }
        if (events & (EPOLLIN | EPOLLHUP | EPOLLERR) && !l->held && !l->ending) {
                r = receive(l);
                if (r <= 0) {
                        end(l, r < 0 ? strerrordesc_np(-r) : "EOF");
                        return 0;
                }
        }
        watch_socket(l);
        return 0;
}

static int on_deadline(UNUSED sd_event_source *source, UNUSED uint64_t usec, void *userdata)
{
        end(userdata, "");
        return 0;
}

int link_new(sd_event *event, int64_t id, const struct sockaddr *to, socklen_t size, const struct link_handler *handler,
             void *userdata, struct link **ret, struct err *e)
{
        CLEANUP(link_freep) struct link *l = NEW(struct link);
        int r;

        *l = (struct link){
                .id = id, .event = sd_event_ref(event), .handler = handler, .userdata = userdata, .out = BUF(LINK_MAX)
        };
        l->fd = socket(to->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (l->fd < 0 || (connect(l->fd, to, size) < 0 && errno != EINPROGRESS))
                return err_set(e, -errno, NULL, "the kubelet API cannot be reached");
        r = sd_event_add_io(event, &l->io, l->fd, EPOLLOUT, on_io, l);
        if (r < 0)
                return err_set(e, r, NULL, "the kubelet API cannot be reached");
        *ret = TAKE(l);
        return 0;
}

struct link *link_free(struct link *l)
{
        if (!l)
                return NULL;
        sd_event_source_disable_unref(l->io);
        sd_event_source_disable_unref(l->deadline);
        fd_close(l->fd);
        buf_done(&l->out);
        sd_event_unref(l->event);
        free(l);
        return NULL;
}

int64_t link_id(const struct link *l)
{
        return l->id;
}

size_t link_unwritten(const struct link *l)
{
        return l->out.len;
}

void link_break(struct link *l, const char *why)
{
        l->broken = why;
        watch_socket(l);
}

void link_write(struct link *l, const void *p, size_t n)
{
        if (l->ending || l->broken)
                return;
        buf_add(&l->out, p, n);
        if (!buf_ok(&l->out))
                link_break(l, "the kubelet API takes too little of it");
        if (!l->full && l->out.len >= LINK_HIGH) {
                l->full = true;
                l->handler->full(l->userdata, l, true);
        }
        watch_socket(l);
}

void link_end(struct link *l)
{
        if (l->ending)
                return;
        l->ending = true;
        timer_arm(l->event, &l->deadline, CLOCK_MONOTONIC, (uint64_t)LINK_FLUSH_S * 1000 * 1000, on_deadline, l);
        watch_socket(l);
}

void link_hold(struct link *l, enum link_hold why, bool yes)
{
        l->held = yes ? l->held | why : l->held & ~(unsigned)why;
        watch_socket(l);
}
