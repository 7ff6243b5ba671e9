/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/server/tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/fd.h"
#include "common/log.h"
#include "common/mem.h"

enum {
        RECORD = 16 * 1024,   /* what TLS moves at a time */
        RECORDS_PER_RUN = 16, /* then the others have their turn */
};

enum state {
        HANDSHAKE, /* no byte of the protocol's has passed */
        OPEN,
        FLUSHING,  /* the protocol is gone, its output is not */
        LINGERING, /* all is sent and said: wait for the peer to close. Closing first would answer what it still
                      sends with RST, and RST throws away what it has not read yet */
        DEAD,
};

struct tls_conn {
        struct tls_host *host;
        struct tls_conn *prev, *next; /* the host's of the same worth, oldest first */
        enum tls_worth worth;
        const struct tls_proto *proto; /* NULL: gone */
        void *userdata;
        SSL *ssl;
        int fd;
        enum state state;
        struct buf in, out;
        size_t cut; /* where in `out` a record must end; 0: nowhere */
        sd_event_source *io, *wake, *deadline, *stall;
        uint64_t progress; /* when output last moved */
        uint64_t stall_usec;
        bool watch_end; /* the peer's end is looked for also while nothing is read */
        bool paused, eof, finish, abort;
        bool readable;                           /* SSL_read has not yet said that there is no more */
        bool offer;                              /* what lies in `in` is to be offered again */
        bool drained_wanted;                     /* the protocol was told to pause */
        bool send_blocked;                       /* until the socket takes more ... */
        bool read_needs_write, write_needs_read; /* TLS's own messages, in the other direction */
};

struct tls_host {
        sd_event *event;
        struct tls_limits limits;
        struct {
                struct tls_conn *oldest, *newest;
        } of[TLS_WORKING + 1]; /* by worth */
        size_t count;
};

static void unlink_conn(struct tls_conn *c)
{
        struct tls_host *h = c->host;

        *(c->prev ? &c->prev->next : &h->of[c->worth].oldest) = c->next;
        *(c->next ? &c->next->prev : &h->of[c->worth].newest) = c->prev;
        h->count--;
}

static void link_conn(struct tls_conn *c)
{
        struct tls_host *h = c->host;

        c->prev = h->of[c->worth].newest;
        c->next = NULL;
        *(c->prev ? &c->prev->next : &h->of[c->worth].oldest) = c;
        h->of[c->worth].newest = c;
        h->count++;
}

/* Tells the protocol that it is over, once. */
static void detach(struct tls_conn *c)
{
        const struct tls_proto *proto = TAKE(c->proto);

        if (proto)
                proto->closed(c->userdata);
}

static struct tls_conn *conn_free(struct tls_conn *c)
{
        if (!c)
                return NULL;
        unlink_conn(c);
        detach(c);
        sd_event_source_disable_unref(c->io);
        sd_event_source_disable_unref(c->wake);
        sd_event_source_disable_unref(c->deadline);
        sd_event_source_disable_unref(c->stall);
        SSL_free(c->ssl);
        fd_close(c->fd);
        buf_done(&c->in);
        buf_done(&c->out);
        free(c);
        return NULL;
}

DEFINE_FREEP(struct tls_conn, conn_free)

static void wake(struct tls_conn *c)
{
        sd_event_source_set_enabled(c->wake, SD_EVENT_ONESHOT);
}

static uint64_t now(struct tls_conn *c)
{
        uint64_t t = 0;

        sd_event_now(c->host->event, CLOCK_MONOTONIC, &t);
        return t;
}

/* Sorts out why an SSL function did not do it; true when it is a matter of waiting. */
static bool must_wait(struct tls_conn *c, int r, bool *needs_read, bool *needs_write)
{
        unsigned long code;

        *needs_read = *needs_write = false;
        switch (SSL_get_error(c->ssl, r)) {
        case SSL_ERROR_WANT_READ:
                *needs_read = true;
                return true;
        case SSL_ERROR_WANT_WRITE:
                *needs_write = true;
                return true;
        case SSL_ERROR_ZERO_RETURN:
                return false;
        default:
                code = ERR_peek_error();
                if (code != 0)
                        log_debug("TLS connection dropped: %s", ERR_reason_error_string(code) ?: "unknown reason");
                return false;
        }
}

static void handshake(struct tls_conn *c)
{
        bool needs_read, needs_write;
        int r;

        ERR_clear_error();
        r = SSL_do_handshake(c->ssl);
        if (r == 1) {
                c->state = OPEN;
                c->readable = true;
                c->read_needs_write = c->write_needs_read = false;
        } else if (!must_wait(c, r, &needs_read, &needs_write)) {
                c->abort = true;
        } else {
                c->read_needs_write = needs_write;
        }
}

static bool takes_input(const struct tls_conn *c)
{
        return c->state == OPEN && !c->finish && !c->abort;
}

/* Offers what lies in the buffer until the protocol, or a later one, wants no more. */
static void offer(struct tls_conn *c)
{
        c->offer = false;
        while (c->in.len > 0 && takes_input(c) && !c->paused) {
                size_t took = c->proto->data(c->userdata, c->in.data, c->in.len);

                if (took == 0)
                        break;
                buf_consume(&c->in, took);
        }
        if (c->in.len == 0)
                buf_done(&c->in);
}

static void receive(struct tls_conn *c)
{
        char record[RECORD];

        if (c->offer)
                offer(c);
        for (int i = 0; i < RECORDS_PER_RUN && c->readable && !c->paused && takes_input(c); i++) {
                bool needs_read;
                int n;

                ERR_clear_error();
                n = SSL_read(c->ssl, record, sizeof(record));
                if (n <= 0) {
                        c->readable = false;
                        if (!must_wait(c, n, &needs_read, &c->read_needs_write))
                                c->eof = true;
                        return;
                }
                c->read_needs_write = false;
                buf_add(&c->in, record, (size_t)n);
                if (!buf_ok(&c->in)) {
                        c->abort = true;
                        return;
                }
                offer(c);
        }
        /* epoll knows nothing of what OpenSSL has read already */
        if (c->readable && !c->paused && takes_input(c))
                wake(c);
}

static void transmit(struct tls_conn *c)
{
        size_t done = 0;

        for (int i = 0; i < 4 * RECORDS_PER_RUN && done < c->out.len && !c->send_blocked; i++) {
                size_t n = (c->cut > done ? c->cut : c->out.len) - done;
                bool needs_write;
                int r;

                ERR_clear_error();
                r = SSL_write(c->ssl, c->out.data + done, (int)(n < RECORD ? n : RECORD));
                if (r <= 0) {
                        if (must_wait(c, r, &c->write_needs_read, &needs_write))
                                c->send_blocked = true;
                        else
                                c->abort = true;
                        break;
                }
                done += (size_t)r;
        }
        if (done > 0)
                c->progress = now(c);
        buf_consume(&c->out, done);
        c->cut = c->cut > done ? c->cut - done : 0;
        if (c->out.len == 0) {
                buf_done(&c->out);
                sd_event_source_set_enabled(c->stall, SD_EVENT_OFF);
        } else if (!c->send_blocked && !c->abort) {
                wake(c);
        }
        if (c->drained_wanted && c->out.len < c->host->limits.out_low && c->proto && takes_input(c)) {
                c->drained_wanted = false;
                c->proto->drain(c->userdata);
        }
}

static void say_goodbye(struct tls_conn *c)
{
        ERR_clear_error();
        if (SSL_shutdown(c->ssl) < 0)
                ERR_clear_error();
        if (c->eof || shutdown(c->fd, SHUT_WR) < 0) {
                c->state = DEAD;
                return;
        }
        c->state = LINGERING;
        tls_deadline(c, c->host->limits.linger_usec);
}

static void linger(struct tls_conn *c)
{
        char bytes[RECORD];

        for (int i = 0; i < RECORDS_PER_RUN; i++) {
                ssize_t n = recv(c->fd, bytes, sizeof(bytes), 0);

                if (n > 0)
                        continue;
                if (n == 0 || (errno != EAGAIN && errno != EINTR))
                        c->state = DEAD;
                return;
        }
}

static void watch_socket(struct tls_conn *c)
{
        bool in = false, out = c->out.len > 0 && c->send_blocked && !c->write_needs_read;

        switch (c->state) {
        case HANDSHAKE:
                in = !c->read_needs_write;
                out = c->read_needs_write;
                break;
        case OPEN:
                in = !c->paused && !c->read_needs_write;
                out = out || (c->read_needs_write && !c->paused);
                break;
        case LINGERING:
                in = true;
                break;
        default:
                break;
        }
        if (c->out.len > 0 && c->write_needs_read)
                in = true;
        sd_event_source_set_io_events(c->io, (in ? EPOLLIN : 0U) | (out ? EPOLLOUT : 0U) |
                                                     (c->watch_end && !in && c->state == OPEN ? EPOLLRDHUP : 0U));
}

/* The one place where anything happens to a connection; called by its event sources alone, and frees it when it is
 * over. */
static void run(struct tls_conn *c)
{
        if (c->state == HANDSHAKE && !c->abort)
                handshake(c);
        if (c->state == OPEN && !c->abort)
                receive(c);
        if (c->state == OPEN && !c->abort && !c->finish && !c->eof)
                transmit(c);
        if (c->state == OPEN && (c->finish || c->eof) && !c->abort) {
                detach(c);
                tls_deadline(c, 0); /* the protocol's; output that does not move has its own */
                c->state = FLUSHING;
        }
        if (c->state == FLUSHING && !c->abort)
                transmit(c);
        if (c->state == FLUSHING && !c->abort && c->out.len == 0)
                say_goodbye(c);
        if (c->state == LINGERING)
                linger(c);
        if (c->abort || c->state == DEAD)
                conn_free(c);
        else
                watch_socket(c);
}

static int on_io(sd_event_source *s UNUSED, int fd UNUSED, uint32_t events, void *userdata)
{
        struct tls_conn *c = userdata;

        if (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
                c->readable = true;
                if (c->write_needs_read)
                        c->write_needs_read = c->send_blocked = false;
        }
        if (events & EPOLLOUT) {
                c->send_blocked = false;
                c->readable = c->readable || c->read_needs_write;
        }
        /* Both ways are shut, which no one but the peer can have done here; a paused connection would not read it. */
        if (events & (EPOLLHUP | EPOLLERR) && c->state != LINGERING)
                c->abort = true;
        if (events & EPOLLRDHUP && c->paused)
                c->abort = true;
        run(c);
        return 0;
}

static int on_wake(sd_event_source *s UNUSED, void *userdata)
{
        run(userdata);
        return 0;
}

static int on_deadline(sd_event_source *s UNUSED, uint64_t usec UNUSED, void *userdata)
{
        struct tls_conn *c = userdata;

        c->abort = true;
        run(c);
        return 0;
}

static int on_stall(sd_event_source *s, uint64_t usec UNUSED, void *userdata)
{
        struct tls_conn *c = userdata;
        uint64_t until = c->progress + c->stall_usec;

        if (now(c) < until) {
                sd_event_source_set_time(s, until);
                sd_event_source_set_enabled(s, SD_EVENT_ONESHOT);
                return 0;
        }
        log_debug("TLS connection dropped: the peer reads nothing");
        c->abort = true;
        run(c);
        return 0;
}

struct tls_host *tls_host_new(sd_event *event, const struct tls_limits *limits)
{
        struct tls_host *h = NEW(struct tls_host);

        h->event = sd_event_ref(event);
        h->limits = *limits;
        return h;
}

struct tls_host *tls_host_free(struct tls_host *h)
{
        if (!h)
                return NULL;
        for (size_t worth = 0; worth < ARRAY_LEN(h->of); worth++)
                while (h->of[worth].oldest)
                        conn_free(h->of[worth].oldest);
        sd_event_unref(h->event);
        free(h);
        return NULL;
}

size_t tls_host_count(const struct tls_host *h)
{
        return h->count;
}

static bool make_room(struct tls_host *h)
{
        struct tls_conn *c = h->of[TLS_UNKNOWN].oldest ?: h->of[TLS_RESTING].oldest;

        if (h->count < h->limits.connections_max)
                return true;
        if (!c)
                return false;
        conn_free(c);
        return true;
}

static int add_sources(struct tls_conn *c)
{
        sd_event *event = c->host->event;
        int r;

        r = sd_event_add_io(event, &c->io, c->fd, EPOLLIN, on_io, c);
        if (r >= 0)
                r = sd_event_add_defer(event, &c->wake, on_wake, c);
        if (r >= 0)
                r = sd_event_source_set_enabled(c->wake, SD_EVENT_OFF);
        if (r >= 0)
                r = sd_event_add_time_relative(event, &c->deadline, CLOCK_MONOTONIC, c->host->limits.handshake_usec, 0,
                                               on_deadline, c);
        if (r >= 0)
                r = sd_event_add_time_relative(event, &c->stall, CLOCK_MONOTONIC, c->host->limits.stall_usec, 0,
                                               on_stall, c);
        if (r >= 0)
                r = sd_event_source_set_enabled(c->stall, SD_EVENT_OFF);
        return r;
}

struct tls_conn *tls_conn_new(struct tls_host *h, SSL_CTX *context, int fd, const struct tls_proto *proto,
                              void *userdata)
{
        CLEANUP(conn_freep) struct tls_conn *c = NULL;

        if (!make_room(h)) {
                fd_close(fd);
                return NULL;
        }
        c = NEW(struct tls_conn);
        *c = (struct tls_conn){ .host = h, .fd = fd, .in = BUF(h->limits.in_max), .out = BUF(h->limits.out_max) };
        c->stall_usec = h->limits.stall_usec;
        link_conn(c);
        c->ssl = SSL_new(context);
        if (!c->ssl || SSL_set_fd(c->ssl, fd) != 1 || add_sources(c) < 0)
                return NULL;
        SSL_set_mode(c->ssl,
                     SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
        SSL_set_accept_state(c->ssl);
        c->proto = proto;
        c->userdata = userdata;
        return TAKE(c);
}

static bool expect_name(SSL *ssl, const char *name)
{
        X509_VERIFY_PARAM *verify = SSL_get0_param(ssl);

        SSL_set_verify(ssl, SSL_VERIFY_PEER, NULL);
        return X509_VERIFY_PARAM_set1_ip_asc(verify, name) == 1 ||
               (SSL_set1_host(ssl, name) == 1 && SSL_set_tlsext_host_name(ssl, name) == 1);
}

struct tls_conn *tls_conn_dial(struct tls_host *h, SSL_CTX *context, int fd, const char *name,
                               const struct tls_proto *proto, void *userdata)
{
        struct tls_conn *c = tls_conn_new(h, context, fd, proto, userdata);

        if (!c)
                return NULL;
        SSL_set_connect_state(c->ssl);
        if (!expect_name(c->ssl, name)) {
                c->proto = NULL; /* as if it had never been */
                return conn_free(c);
        }
        /* The client speaks first, as soon as the socket takes it. */
        c->read_needs_write = true;
        sd_event_source_set_io_events(c->io, EPOLLOUT);
        return c;
}

void tls_set_worth(struct tls_conn *c, enum tls_worth worth)
{
        unlink_conn(c);
        c->worth = worth;
        link_conn(c);
}

SSL *tls_ssl(struct tls_conn *c)
{
        return c->ssl;
}

bool tls_full(const struct tls_conn *c)
{
        return c->out.len >= c->host->limits.out_high;
}

void tls_cut(struct tls_conn *c)
{
        c->cut = c->out.len;
}

bool tls_write(struct tls_conn *c, const void *p, size_t n)
{
        if (c->out.len == 0 && n > 0) {
                c->progress = now(c);
                sd_event_source_set_time(c->stall, c->progress + c->stall_usec);
                sd_event_source_set_enabled(c->stall, SD_EVENT_ONESHOT);
        }
        buf_add(&c->out, p, n);
        if (!buf_ok(&c->out)) {
                log_warning("TLS connection dropped: more than %zu bytes wait for its peer", c->out.max);
                c->abort = true;
        }
        wake(c);
        if (!tls_full(c))
                return true;
        c->drained_wanted = true;
        return false;
}

void tls_pause(struct tls_conn *c)
{
        c->paused = true;
        wake(c); /* watches the socket for less */
}

void tls_resume(struct tls_conn *c)
{
        c->paused = false;
        c->offer = c->readable = true; /* OpenSSL may hold bytes that epoll does not see */
        wake(c);
}

void tls_deadline(struct tls_conn *c, uint64_t usec)
{
        sd_event_source_set_enabled(c->deadline, SD_EVENT_OFF);
        if (usec == 0)
                return;
        sd_event_source_set_time_relative(c->deadline, usec);
        sd_event_source_set_enabled(c->deadline, SD_EVENT_ONESHOT);
}

void tls_patience(struct tls_conn *c, uint64_t stall_usec)
{
        c->stall_usec = stall_usec;
        c->watch_end = true;
}

void tls_takeover(struct tls_conn *c, const struct tls_proto *proto, void *userdata)
{
        c->proto = proto;
        c->userdata = userdata;
        c->drained_wanted = false;
}

void tls_finish(struct tls_conn *c)
{
        c->finish = true;
        wake(c);
}

void tls_abort(struct tls_conn *c)
{
        c->abort = true;
        wake(c);
}
