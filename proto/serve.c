/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/serve.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "common/fd.h"
#include "common/log.h"

struct server {
        sd_event *event;
        sd_event_source *idle, *between; /* requests: the spare work */
        uid_t uid;
        unsigned peers;
        uint64_t idle_usec;
        serve_handler handler;
        serve_spare spare;
        void *userdata;
};

/*
 * No request takes long, but a peer may hand over a descriptor that cannot be closed in time. SIGALRM is the end then,
 * and the socket starts another one.
 */
static void deadline(unsigned seconds)
{
        setitimer(ITIMER_REAL, &(struct itimerval){ .it_value.tv_sec = seconds }, NULL);
}

static void leave_later(struct server *s)
{
        sd_event_source_set_time_relative(s->idle, s->idle_usec);
        sd_event_source_set_enabled(s->idle, SD_EVENT_ONESHOT);
}

/* By a timer of no time, which waits for its turn among those who have been waiting; a source of deferred work would
 * always be the first. */
static void spare_later(struct server *s)
{
        if (sd_event_source_get_enabled(s->between, NULL) > 0)
                return; /* it would lose its place */
        sd_event_source_set_time_relative(s->between, 0);
        sd_event_source_set_enabled(s->between, SD_EVENT_ONESHOT);
}

static int on_spare(UNUSED sd_event_source *source, UNUSED uint64_t usec, void *userdata)
{
        struct server *s = userdata;

        if (s->spare(s->userdata)) {
                spare_later(s);
                leave_later(s);
        }
        return 0;
}

static void stay(struct server *s)
{
        deadline(0);
        spare_later(s);
        leave_later(s);
}

static int on_idle(UNUSED sd_event_source *source, UNUSED uint64_t usec, void *userdata)
{
        struct server *s = userdata;

        return s->peers ? 0 : sd_event_exit(s->event, 0);
}

static int on_request(sd_event_source *source, int fd, UNUSED uint32_t events, void *userdata)
{
        struct server *s = userdata;
        struct err e = ERR_NONE;
        int r;

        deadline(SERVE_SECONDS);
        r = s->handler(s->userdata, fd, &e);

        if (r <= 0 && r != -EAGAIN) {
                if (r < 0)
                        log_warning("connection closed: %s", e.text);
                sd_event_source_disable_unref(source);
                fd_close(fd);
                s->peers--;
        }
        stay(s);
        return 0;
}

static int on_connection(UNUSED sd_event_source *source, int fd, UNUSED uint32_t events, void *userdata)
{
        struct server *s = userdata;
        FD peer = -1;
        struct ucred who = { .uid = (uid_t)-1 };
        socklen_t size = sizeof(who);

        deadline(SERVE_SECONDS);
        peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (peer < 0)
                ;
        else if (getsockopt(peer, SOL_SOCKET, SO_PEERCRED, &who, &size) < 0 || (who.uid != s->uid && who.uid != 0))
                log_warning("uid %u is not served", who.uid);
        else if (s->peers >= SERVE_PEERS_MAX || sd_event_add_io(s->event, NULL, peer, EPOLLIN, on_request, s) < 0)
                log_warning("too many connections");
        else
                s->peers++, fd_take(&peer);
        fd_close(peer);
        peer = -1;
        stay(s);
        return 0;
}

int serve(sd_event *event, int fd, uid_t uid, uint64_t idle_usec, serve_handler handler, serve_spare spare,
          void *userdata)
{
        struct server s = { .event = event,
                            .uid = uid,
                            .idle_usec = idle_usec,
                            .handler = handler,
                            .spare = spare,
                            .userdata = userdata };
        int r = sd_event_add_time_relative(event, &s.idle, CLOCK_MONOTONIC, idle_usec, 0, on_idle, &s);

        if (r >= 0)
                r = sd_event_source_set_priority(s.idle,
                                                 SD_EVENT_PRIORITY_IDLE); /* whoever has come by then is served first */
        if (r >= 0)
                r = sd_event_add_time_relative(event, &s.between, CLOCK_MONOTONIC, 0, 1, on_spare, &s);
        if (r >= 0)
                r = sd_event_add_io(event, NULL, fd, EPOLLIN, on_connection, &s);
        if (r >= 0)
                r = sd_event_loop(event);
        sd_event_source_unref(s.idle);
        sd_event_source_unref(s.between);
        return r;
}
