/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An HTTP/1.1 server in the test's own loop, for what would rather be tested against bytes than against a real API
 * server. Each request reaches the handler as one string; a request must come in one piece, which those of a test do.
 */
#ifndef VKS_TESTS_HTTP_SERVER_H
#define VKS_TESTS_HTTP_SERVER_H

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include "common/mem.h"

enum { SERVER_CONNS = 256, SERVER_GUARD_USEC = 600000000 };

struct server {
        sd_event *event;
        int fd, port;
        unsigned requests, connections;
        sd_event_source *source, *guard, *conn[SERVER_CONNS];
        void (*handler)(struct server *s, int fd, const char *request);
        void *userdata;
};

/* The end of an answer whose length is the connection's. */
static inline void server_end(int fd)
{
        shutdown(fd, SHUT_RDWR);
}

static inline void PRINTF(2, 3) server_write(int fd, const char *fmt, ...)
{
        va_list ap;

        va_start(ap, fmt);
        vdprintf(fd, fmt, ap);
        va_end(ap);
}

static inline void server_answer(int fd, int status, const char *body)
{
        server_write(fd, "HTTP/1.1 %d x\r\nContent-Length: %zu\r\n\r\n%s", status, strlen(body), body);
}

/* Begins an answer that goes on until server_end(). */
static inline void server_stream(int fd)
{
        server_write(fd, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
}

static inline int server_on_request(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        struct server *s = userdata;
        char request[16384];
        ssize_t n = read(fd, request, sizeof(request) - 1);

        (void)revents;
        if (n <= 0) {
                sd_event_source_set_enabled(source, SD_EVENT_OFF);
                return 0;
        }
        request[n] = '\0';
        s->requests++;
        s->handler(s, fd, request);
        return 0;
}

static inline int server_on_accept(sd_event_source *source, int listener, uint32_t revents, void *userdata)
{
        struct server *s = userdata;
        int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

        (void)source, (void)revents;
        cr_assert(fd >= 0 && s->connections < SERVER_CONNS);
        cr_assert(sd_event_add_io(s->event, &s->conn[s->connections], fd, EPOLLIN, server_on_request, s) >= 0);
        sd_event_source_set_io_fd_own(s->conn[s->connections++], 1);
        return 0;
}

static inline int server_on_guard(sd_event_source *source, uint64_t usec, void *userdata)
{
        (void)source, (void)usec, (void)userdata;
        cr_assert_fail("what the test waits for did not happen");
        return 0;
}

/* The loop that it runs in is new, and gives up after a while. */
static inline void server_start(struct server *s, void (*handler)(struct server *s, int fd, const char *request),
                                void *userdata)
{
        struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        socklen_t size = sizeof(a);

        *s = (struct server){ .handler = handler, .userdata = userdata };
        signal(SIGPIPE, SIG_IGN);
        s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        cr_assert(s->fd >= 0 && bind(s->fd, (struct sockaddr *)&a, sizeof(a)) == 0 && listen(s->fd, 256) == 0);
        cr_assert(getsockname(s->fd, (struct sockaddr *)&a, &size) == 0);
        s->port = ntohs(a.sin_port);
        cr_assert(sd_event_new(&s->event) >= 0);
        cr_assert(sd_event_add_io(s->event, &s->source, s->fd, EPOLLIN, server_on_accept, s) >= 0);
        cr_assert(sd_event_add_time_relative(s->event, &s->guard, CLOCK_MONOTONIC, SERVER_GUARD_USEC, 0,
                                             server_on_guard, s) >= 0);
}

static inline void server_stop(struct server *s)
{
        for (unsigned i = 0; i < s->connections; i++)
                sd_event_source_disable_unref(s->conn[i]);
        sd_event_source_disable_unref(s->source);
        sd_event_source_disable_unref(s->guard);
        close(s->fd);
        sd_event_unref(s->event);
}

#endif
