/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/server/server.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "agent/lib/file_watch.h"
#include "agent/server/http_conn.h"
#include "agent/server/listen.h"
#include "agent/server/tls_trust.h"
#include "common/fd.h"
#include "common/log.h"
#include "common/mem.h"

enum {
        ACCEPTS_PER_RUN = 16,
        ACCEPT_PAUSE_USEC = 1000 * 1000, /* when there are no descriptors left, or another one has the port */
        LEFT_LYING_MAX = SERVER_HEAD_MAX + 16 * 1024, /* a head that is too long is answered, more than that is not */
};

struct server {
        char *cert_file, *key_file, *client_ca_file;
        char *address; /* NULL: all */
        uint16_t port;
        struct http_host http;
        struct tls_host *tls;
        SSL_CTX *context; /* of the connections to come; each keeps its own */
        struct file_watch *watch;
        sd_event_source *listener, *pause;
        int fd; /* -1: another program has the port */
};

/* A peer that vanished without a word is found out within two minutes, also where nothing is sent for hours. */
static void keep_alive(int fd)
{
        const int on = 1, idle = 60, interval = 15, count = 4;

        setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
        setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
        setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof(interval));
        setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof(count));
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

static void pause_a_while(struct server *s)
{
        sd_event_source_set_time_relative(s->pause, ACCEPT_PAUSE_USEC);
        sd_event_source_set_enabled(s->pause, SD_EVENT_ONESHOT);
}

static int on_listener(sd_event_source *source, int fd, uint32_t events UNUSED, void *userdata)
{
        struct server *s = userdata;

        for (int i = 0; i < ACCEPTS_PER_RUN; i++) {
                int peer = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

                if (peer >= 0) {
                        keep_alive(peer);
                        http_conn_new(&s->http, s->tls, s->context, peer);
                } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
                        log_warning("cannot accept a connection: %s", strerrordesc_np(errno));
                        sd_event_source_set_enabled(source, SD_EVENT_OFF); /* it would be called again at once */
                        pause_a_while(s);
                        break;
                } else if (errno == EAGAIN) {
                        break;
                } /* else that one peer's trouble: accept(2) */
        }
        return 0;
}

static int open_door(struct server *s, struct err *e)
{
        bool kept = s->fd >= 0;
        int r = kept ? s->fd : listen_on(s->address, s->port, e);

        if (r < 0)
                return r;
        s->fd = r;
        if (!kept)
                listen_keep(s->fd);
        r = sd_event_add_io(s->http.event, &s->listener, s->fd, EPOLLIN, on_listener, s);
        return r < 0 ? err_errno(e, r, NULL, "cannot listen") : 0;
}

static int on_pause_over(sd_event_source *source UNUSED, uint64_t usec UNUSED, void *userdata)
{
        struct server *s = userdata;

        if (s->listener)
                sd_event_source_set_enabled(s->listener, SD_EVENT_ON);
        else if (open_door(s, NULL) == 0)
                log_info("port %u is free, and is listened on", s->port);
        else
                pause_a_while(s);
        return 0;
}

int server_reload(struct server *s, struct err *e)
{
        const struct tls_files files = { .cert = s->cert_file, .key = s->key_file, .client_ca = s->client_ca_file };
        SSL_CTX *fresh;
        int r = tls_context_new(&files, &fresh, e);

        if (r < 0)
                return r;
        tls_context_free(s->context);
        s->context = fresh;
        return 0;
}

static void on_files_changed(void *userdata)
{
        struct server *s = userdata;
        struct err e = ERR_NONE;

        if (server_reload(s, &e) < 0)
                log_warning("keeping the old serving certificate: %s", e.text);
        else
                log_info("read the serving certificate %s and the client CA %s again", s->cert_file, s->client_ca_file);
}

static uint64_t usec_or(unsigned ms, uint64_t seconds)
{
        return ms ? (uint64_t)ms * 1000 : seconds * 1000 * 1000;
}

static void set_limits(struct server *s, sd_event *event, const struct server_config *config)
{
        const struct tls_limits limits = {
                .connections_max = SERVER_CONNECTIONS_MAX,
                .in_max = LEFT_LYING_MAX,
                .out_high = SERVER_OUT_HIGH,
                .out_low = SERVER_OUT_LOW,
                .out_max = SERVER_OUT_MAX,
                .handshake_usec = usec_or(config->head_timeout_ms, SERVER_HEAD_TIMEOUT_S),
                .stall_usec = usec_or(config->stall_timeout_ms, SERVER_STALL_TIMEOUT_S),
                .linger_usec = usec_or(config->linger_timeout_ms, SERVER_LINGER_TIMEOUT_S),
        };

        s->tls = tls_host_new(event, &limits);
        s->http.head_usec = limits.handshake_usec;
        s->http.event = event;
        s->http.stream_idle_usec = config->stream_idle_usec;
        s->http.idle_usec = usec_or(0, SERVER_IDLE_TIMEOUT_S);
}

int server_new(sd_event *event, const struct server_config *config, server_handler handler, void *userdata,
               struct server **ret, struct err *e)
{
        const char *const files[] = { config->cert_file, config->key_file, config->client_ca_file };
        CLEANUP(server_freep) struct server *s = NEW(struct server);
        int r;

        s->fd = -1;
        for (size_t i = 0; i < ARRAY_LEN(files); i++)
                if (!files[i])
                        return err_set(e, -EINVAL, NULL, "the server needs a certificate, a key and a client CA");
        if (!config->gate)
                return err_set(e, -EINVAL, NULL, "the server needs somebody who says who may enter");
        s->cert_file = xstrdup(config->cert_file);
        s->key_file = xstrdup(config->key_file);
        s->client_ca_file = xstrdup(config->client_ca_file);
        s->address = config->address ? xstrdup(config->address) : NULL;
        s->port = config->port;
        s->http.gate = config->gate;
        s->http.callers = callers_new(SERVER_OF_ONE_CALLER_MAX);
        s->http.handler = handler;
        s->http.userdata = userdata;
        set_limits(s, event, config);
        /* Before the files are read, so that no change falls between. */
        r = file_watch_new(event, files, ARRAY_LEN(files), on_files_changed, s, &s->watch, e);
        if (r >= 0)
                r = server_reload(s, e);
        if (r < 0)
                return r;
        r = sd_event_add_time_relative(event, &s->pause, CLOCK_MONOTONIC, ACCEPT_PAUSE_USEC, 0, on_pause_over, s);
        if (r >= 0)
                r = sd_event_source_set_enabled(s->pause, SD_EVENT_OFF);
        if (r < 0)
                return err_errno(e, r, NULL, "cannot listen");
        s->fd = listen_again(config->kept, config->address, config->port);
        r = open_door(s, e);
        if (r == -EADDRINUSE) {
                log_warning("no kubelet API (kubectl logs) yet: %s", e->text);
                pause_a_while(s);
        } else if (r < 0) {
                return r;
        }
        signal(SIGPIPE, SIG_IGN); /* OpenSSL writes to sockets without MSG_NOSIGNAL */
        *ret = TAKE(s);
        return 0;
}

struct server *server_free(struct server *s)
{
        if (!s)
                return NULL;
        sd_event_source_disable_unref(s->listener);
        sd_event_source_disable_unref(s->pause);
        file_watch_free(s->watch);
        tls_host_free(s->tls);
        callers_free(s->http.callers);
        tls_context_free(s->context);
        fd_close(s->fd);
        free(s->cert_file);
        free(s->key_file);
        free(s->client_ca_file);
        free(s->address);
        free(s);
        return NULL;
}

uint16_t server_port(const struct server *s)
{
        return listen_port(s->fd);
}

size_t server_connections(const struct server *s)
{
        return tls_host_count(s->tls);
}
