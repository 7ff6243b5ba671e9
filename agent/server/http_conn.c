/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/server/http_conn.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include "agent/server/http1.h"
#include "agent/server/tls_trust.h"
#include "agent/streams/carrier.h"
#include "common/buf.h"
#include "common/log.h"
#include "common/mem.h"

struct response {
        enum { IDLE, ASKED, LATER, STREAM, UPGRADED } state;
        void (*on_ready)(void *);
        void (*on_closed)(void *);
        void *userdata;
        bool head_only, http11, keep_alive;
};

struct http_conn {
        const struct http_host *host;
        struct tls_conn *tls;
        size_t scanned;           /* of a head that is not complete */
        bool served;              /* a request before; till then the time for the handshake is running */
        bool closing;             /* no request is taken any more */
        struct caller *caller;    /* whose request is being answered */
        struct response response; /* one at a time: that is HTTP/1.1 */
        struct gate_wait *wait;   /* the request is at the gate */
        struct http_head *head;   /* and this is it; NULL: none waits */
        struct streams *streams;  /* NULL until the connection was upgraded */
};

static struct http_conn *conn_of(struct response *r)
{
        return CONTAINER_OF(r, struct http_conn, response);
}

/* RFC 9110 wants the time in every answer of a server that has a clock. */
static void add_date(struct buf *b)
{
        char text[64];
        struct tm tm;
        time_t t = time(NULL);

        if (gmtime_r(&t, &tm) && strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", &tm) > 0)
                buf_printf(b, "Date: %s\r\n", text);
}

/* The head of an answer, with its Content-Length or, where `size` is -1, as a stream. `more`: lines of it. */
static void write_head(struct response *r, int status, const char *content_type, int64_t size, const char *more)
{
        struct buf b = BUF(4096);

        buf_printf(&b, "HTTP/1.1 %d %s\r\n", status, http_status_text(status));
        add_date(&b);
        /* What is told here may come from anybody's program: no browser is to take it for more than it is. */
        buf_printf(&b, "Content-Type: %s\r\nX-Content-Type-Options: nosniff\r\n", content_type);
        if (size >= 0)
                buf_printf(&b, "Content-Length: %lld\r\n", (long long)size);
        else if (r->http11)
                buf_str(&b, "Transfer-Encoding: chunked\r\n");
        if (!r->keep_alive)
                buf_str(&b, "Connection: close\r\n");
        buf_printf(&b, "%s\r\n", more);
        tls_write(conn_of(r)->tls, b.data, b.len);
        buf_done(&b);
}

/* The answer is complete: the next request may come. */
static void answered(struct response *r)
{
        struct http_conn *c = conn_of(r);
        bool keep_alive = r->keep_alive;

        *r = (struct response){ .state = IDLE };
        if (c->caller)
                tls_set_worth(c->tls, TLS_RESTING);
        c->caller = callers_leave(c->caller);
        c->served = true;
        if (!keep_alive) {
                c->closing = true;
                tls_finish(c->tls);
                return;
        }
        tls_deadline(c->tls, c->host->idle_usec);
        tls_resume(c->tls);
}

static void send_whole(struct response *res, int status, const char *content_type, const void *body, size_t size,
                       const char *more)
{
        write_head(res, status, content_type, (int64_t)size, more);
        if (!res->head_only)
                tls_write(conn_of(res)->tls, body, size);
        answered(res);
}

void response_send(struct response *res, int status, const char *content_type, const void *body, size_t size)
{
        send_whole(res, status, content_type, body, size, "");
}

void response_send_with(struct response *res, int status, const char *content_type, const char *headers,
                        const void *body, size_t size)
{
        send_whole(res, status, content_type, body, size, headers);
}

void response_moved(struct response *res, const char *location)
{
        CLEANUP(freep) char *header = xasprintf("Location: %s\r\n", location);

        send_whole(res, 301, "text/plain; charset=utf-8", "", 0, header);
}

void response_error(struct response *res, int status, const char *fmt, ...)
{
        char text[2048];
        va_list ap;

        va_start(ap, fmt);
        vsnprintf(text, sizeof(text), fmt, ap);
        va_end(ap);
        for (char *c = text; *c; c++)
                if (*c == '\n' || *c == '\r')
                        *c = ' ';
        response_send(res, status, "text/plain; charset=utf-8", text, strlen(text));
}

void response_not_allowed(struct response *res, const char *method, const char *allow)
{
        CLEANUP(freep) char *text = xasprintf("method %s is not served here", method);
        CLEANUP(freep) char *header = xasprintf("Allow: %s\r\n", allow);

        send_whole(res, 405, "text/plain; charset=utf-8", text, strlen(text), header);
}

static void start(struct response *res, void (*on_ready)(void *), void (*on_closed)(void *), void *userdata)
{
        res->on_ready = on_ready;
        res->on_closed = on_closed;
        res->userdata = userdata;
}

void response_later(struct response *res, void (*on_closed)(void *), void *userdata)
{
        start(res, NULL, on_closed, userdata);
        res->state = LATER;
}

void response_start(struct response *res, const char *content_type, void (*on_ready)(void *), void (*on_closed)(void *),
                    void *userdata)
{
        start(res, on_ready, on_closed, userdata);
        res->state = STREAM;
        if (res->head_only || !res->http11)
                res->keep_alive = false; /* the connection's end is the stream's */
        write_head(res, 200, content_type, -1, "");
        if (res->head_only)
                tls_finish(conn_of(res)->tls);
}

bool response_write(struct response *res, const void *p, size_t n)
{
        struct tls_conn *tls = conn_of(res)->tls;
        char size[32];

        if (n == 0 || res->head_only) /* an empty chunk would end the stream */
                return !tls_full(tls);
        if (res->http11)
                tls_write(tls, size, (size_t)snprintf(size, sizeof(size), "%zx\r\n", n));
        tls_write(tls, p, n);
        return tls_write(tls, "\r\n", res->http11 ? 2 : 0);
}

/*
 * An API server that passes logs on to a WebSocket drops data that it reads together with the end. Go's TLS reads one
 * record at a time, so the end has one of its own.
 */
void response_end(struct response *res)
{
        struct tls_conn *tls = conn_of(res)->tls;

        if (res->http11 && !res->head_only) {
                tls_cut(tls);
                tls_write(tls, "0\r\n\r\n", 5);
        }
        answered(res);
}

/* ---- a connection that is no HTTP any more ---------------------------------------------------------------------- */

static bool carrier_write(void *userdata, const void *p, size_t n)
{
        return tls_write(userdata, p, n);
}

static void carrier_pause(void *userdata)
{
        tls_pause(userdata);
}

static void carrier_resume(void *userdata)
{
        tls_resume(userdata);
}

static void carrier_finish(void *userdata)
{
        tls_finish(userdata);
}

static size_t on_stream_data(void *userdata, const char *p, size_t n)
{
        struct http_conn *c = userdata;

        return streams_input(c->streams, p, n);
}

static void on_stream_drain(void *userdata)
{
        struct http_conn *c = userdata;

        streams_drained(c->streams);
}

static void on_stream_closed(void *userdata)
{
        struct http_conn *c = userdata;

        streams_gone(c->streams);
        callers_leave(c->caller);
        free(c);
}

static int agree(const struct request *r, const struct streams_wish *wish, struct agreement *ret, struct err *e)
{
        CLEANUP(freep) char *connection = http_header_all(r->head, "connection");
        CLEANUP(freep) char *stream_protocols = http_header_all(r->head, "x-stream-protocol-version");
        CLEANUP(freep) char *protocols = http_header_all(r->head, "sec-websocket-protocol");
        struct upgrade_request request = {
                .method = r->method,
                .connection = r->head->http11 ? connection : NULL,
                .upgrade = http_header(r->head, "upgrade"),
                .stream_protocols = stream_protocols,
                .key = http_header(r->head, "sec-websocket-key"),
                .version = http_header(r->head, "sec-websocket-version"),
                .protocols = protocols,
        };

        for (size_t i = 0; i < r->n_query && request.n_ports < ARRAY_LEN(request.ports); i++)
                if (streq(r->query[i].name, "port"))
                        request.ports[request.n_ports++] = r->query[i].value;
        return upgrade_negotiate(&request, wish, ret, e);
}

struct streams *response_upgrade(struct response *res, const struct request *r, const struct streams_wish *wish,
                                 const struct streams_handler *handler, void *userdata)
{
        static const struct tls_proto proto = {
                .data = on_stream_data,
                .drain = on_stream_drain,
                .closed = on_stream_closed,
        };
        struct http_conn *c = conn_of(res);
        const struct carrier carrier = { carrier_write, carrier_pause, carrier_resume, carrier_finish, c->tls };
        struct agreement agreement;
        const struct streams_config config = {
                .carrier = &carrier,
                .agreement = &agreement,
                .wish = wish,
                .handler = handler,
                .userdata = userdata,
                .idle_usec = c->host->stream_idle_usec,
        };
        CLEANUP(buf_done) struct buf head = BUF(4096);
        struct err e = ERR_NONE;

        if (agree(r, wish, &agreement, &e) < 0) {
                send_whole(res, agreement.status, "text/plain; charset=utf-8", e.text, strlen(e.text),
                           agreement.headers);
                return NULL;
        }
        buf_printf(&head, "HTTP/1.1 101 %s\r\n", http_status_text(101));
        add_date(&head);
        buf_printf(&head, "%s\r\n", agreement.headers);
        tls_write(c->tls, head.data, head.len);
        tls_patience(c->tls, config.idle_usec ?: STREAMS_IDLE_TIMEOUT_S * UINT64_C(1000000));
        tls_takeover(c->tls, &proto, c);
        res->state = UPGRADED;
        c->streams = streams_new(c->host->event, &config);
        return c->streams;
}

/* ---- requests --------------------------------------------------------------------------------------------------- */

static void enter(struct http_conn *c, struct http_head *head, const struct user_info *who)
{
        struct response *res = &c->response;
        const char *method = head->request.method;

        head->request.user = who->name;
        head->request.groups = who->groups;
        head->request.head = head;
        c->host->handler(c->host->userdata, &head->request, res);
        if (res->state == ASKED) {
                log_error("no answer to %s %s", method, head->request.path);
                response_error(res, 500, "no answer");
        }
}

static void at_the_gate(struct http_conn *c, struct http_head *head, const struct gate_answer *a)
{
        if (a->status == 200 && a->who) {
                c->caller = callers_enter(c->host->callers, a->who->name);
                if (c->caller) {
                        tls_set_worth(c->tls, TLS_WORKING);
                        enter(c, head, a->who);
                } else {
                        response_error(&c->response, 429, "%d requests of %s are being answered already",
                                       SERVER_OF_ONE_CALLER_MAX, a->who->name);
                }
                return;
        }
        log_debug("a request is refused: %s", a->text);
        if (!a->who)
                c->response.keep_alive = false;
        response_error(&c->response, a->status, "%s", a->text);
}

static struct http_head *head_free(struct http_head *head)
{
        if (head)
                http_head_done(head);
        free(head);
        return NULL;
}

DEFINE_FREEP(struct http_head, head_free)

static void on_gate(void *userdata, const struct gate_answer *a)
{
        struct http_conn *c = userdata;
        CLEANUP(head_freep) struct http_head *head = TAKE(c->head);

        c->wait = NULL;
        at_the_gate(c, head, a);
}

/* Takes over what `head` owns. */
static void handle(struct http_conn *c, struct http_head *head)
{
        struct user_info peer = { 0 };
        struct gate_answer answer;
        struct gate_question question = {
                .authorization = http_header(head, "authorization"),
                .method = head->request.method,
                .path = head->request.path,
        };
        struct err e = ERR_NONE;

        c->response = (struct response){
                .state = ASKED,
                .head_only = streq(head->request.method, "HEAD"),
                .http11 = head->http11,
                .keep_alive = head->keep_alive,
        };
        if (tls_peer(tls_ssl(c->tls), &peer, &e) < 0)
                log_debug("a caller is not known by a certificate: %s", e.text);
        else
                question.peer = &peer;
        c->wait = gate_ask(c->host->gate, &question, &answer, on_gate, c);
        if (c->wait) {
                c->head = xmemdup(head, sizeof(*head));
        } else {
                at_the_gate(c, head, &answer);
                gate_answer_done(&answer);
                http_head_done(head);
        }
        user_info_done(&peer);
}

/* What cannot be understood is answered once; where the next request would begin nobody knows. */
static void refuse(struct http_conn *c, int status, const char *why)
{
        c->response = (struct response){ .state = ASKED, .http11 = true };
        response_error(&c->response, status, "%s", why);
}

static size_t on_data(void *userdata, const char *p, size_t n)
{
        struct http_conn *c = userdata;
        struct err e = ERR_NONE;
        struct http_head head;
        size_t size;

        if (c->closing || c->response.state != IDLE)
                return 0;
        if (tls_full(c->tls)) { /* many requests, and nobody reads the answers */
                tls_pause(c->tls);
                return 0;
        }
        size = http_head_length(p, n, c->scanned);
        if (size == 0 && n < SERVER_HEAD_MAX) {
                if (c->scanned == 0 && c->served)
                        tls_deadline(c->tls, c->host->head_usec);
                c->scanned = n;
                return 0;
        }
        c->scanned = 0;
        tls_deadline(c->tls, 0);
        if (size == 0) {
                refuse(c, 431, "the request's head is too long");
                return n;
        }
        if (http_head_parse(p, size, &head, &e) < 0) {
                refuse(c, head.status, e.text);
                return n;
        }
        handle(c, &head);
        return size;
}

static void on_drain(void *userdata)
{
        struct http_conn *c = userdata;

        if (c->response.state == STREAM && c->response.on_ready)
                c->response.on_ready(c->response.userdata);
        else
                tls_resume(c->tls);
}

static void on_closed(void *userdata)
{
        struct http_conn *c = userdata;

        if (c->response.state > ASKED && c->response.on_closed)
                c->response.on_closed(c->response.userdata);
        gate_cancel(c->wait);
        head_free(c->head);
        callers_leave(c->caller);
        free(c);
}

void http_conn_new(const struct http_host *http, struct tls_host *tls, SSL_CTX *context, int fd)
{
        static const struct tls_proto proto = { .data = on_data, .drain = on_drain, .closed = on_closed };
        struct http_conn *c = NEW(struct http_conn);

        c->host = http;
        c->tls = tls_conn_new(tls, context, fd, &proto, c);
        if (!c->tls)
                free(c);
}
