/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/client/http.h"

#include <curl/curl.h>
#include <errno.h>
#include <malloc.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <utlist.h>

#include "agent/lib/retry.h"
#include "common/buf.h"
#include "common/fd.h"
#include "common/log.h"
#include "common/mem.h"

enum {
        CONNECT_TIMEOUT_MS = 10000,
        BUFFER_BYTES = 8 * 1024,            /* curl's own default is sixteen times that, per request */
        STREAM_BUFFER_BYTES = 4 * 1024,     /* streams are many and quiet */
        UPLOAD_BUFFER_BYTES = 16 * 1024,    /* curl's least */
        SOME_CHURN_BYTES = 256 * 1024,      /* so much came and went: time to tidy up, once it is quiet again */
        MUCH_CHURN_BYTES = 4 * 1024 * 1024, /* and so much: time to tidy up now */
        SOME_CHURN_USEC = 20000000,
        MUCH_CHURN_USEC = 1000000,
        STREAMS_MAX = 1000, /* on one connection; the server's own limit, often 250, counts too */
        STREAMS_SPARE = 50, /* one more connection is allowed for so many calls: curl would open one per call when
                             * the first is full, since it does not wait for the second */
        RUNNING_MAX = 64,   /* calls at once, streams apart: more would only be refused by the server */
        KEEP_CONNECTIONS = 4,
        KEEPIDLE_S = 15,
        KEEPINTVL_S = 5,
        UNACKED_MS = 30000, /* a host that is gone is noticed within this, when there is something to send */
};

/* Calls in flight borrow it, so it outlives its replacement. */
struct identity {
        struct http *http;
        unsigned n_ref;
        char *ca_pem, *cert_pem, *key_pem;
        bool insecure;
        struct curl_slist *connect_to;
};

struct http {
        sd_event *event;
        CURLM *multi;
        sd_event_source *timer, *trim;
        size_t churn; /* bytes that calls needed since the heap was trimmed */
        struct identity *identity;
        unsigned n_identities; /* the one in use, and those of calls that began before it was */
        struct http_call *calls;
        struct http_call *ready;   /* those with data to hand out */
        struct http_call *waiting; /* those whose turn has not come */
        unsigned n_calls, n_running;
        bool http1; /* each call needs a connection: the server speaks no HTTP/2, or the calls want it so */
        int *sockets;
        size_t n_sockets;
        unsigned n_ref; /* its owner's, and one while callbacks run */
        bool closed;
        char peer[INET6_ADDRSTRLEN]; /* who answered last */
};

struct http_call {
        struct http *http;
        CURL *easy;
        struct identity *identity;
        struct curl_slist *headers;
        struct buf body;
        bool alone;
        bool body_cut, was_cut; /* the body may be cut; it was */
        http_data data;
        http_head_line head;
        http_done done;
        void *userdata;
        sd_event_source *silence;
        uint64_t silence_usec, heard_usec;
        bool is_stream, is_ready, is_waiting, is_running;
        struct http_call *prev, *next;             /* in calls */
        struct http_call *queue_prev, *queue_next; /* in ready or in waiting */
        char words[CURL_ERROR_SIZE];
};

static void *must(void *p)
{
        if (!p) {
                log_error("out of memory in libcurl");
                abort();
        }
        return p;
}

static void append(struct curl_slist **list, const char *s)
{
        *list = must(curl_slist_append(*list, s));
}

static struct identity *identity_unref(struct identity *i)
{
        if (!i || --i->n_ref > 0)
                return NULL;
        if (i->cert_pem)
                explicit_bzero(i->cert_pem, strlen(i->cert_pem));
        if (i->key_pem)
                explicit_bzero(i->key_pem, strlen(i->key_pem));
        i->http->n_identities--;
        free(i->ca_pem);
        free(i->cert_pem);
        free(i->key_pem);
        curl_slist_free_all(i->connect_to);
        free(i);
        return NULL;
}

static void replace_identity(struct http *h, struct identity *i)
{
        i->http = h;
        i->n_ref = 1;
        h->n_identities++;
        identity_unref(h->identity);
        h->identity = i;
}

void http_set_identity(struct http *h, const struct http_identity *identity)
{
        struct identity *i = NEW(struct identity);

        i->ca_pem = xstrdup(identity->ca_pem);
        i->cert_pem = xstrdup(identity->cert_pem);
        i->key_pem = xstrdup(identity->key_pem);
        i->insecure = identity->insecure;
        if (identity->connect_to) {
                CLEANUP(freep) char *s = xasprintf("::%s", identity->connect_to);
                append(&i->connect_to, s);
        }
        replace_identity(h, i);
}

void http_set_certificate(struct http *h, const char *cert_pem, const char *key_pem)
{
        const struct identity *old = h->identity;
        struct identity *i = NEW(struct identity);

        i->cert_pem = xstrdup(cert_pem);
        i->key_pem = xstrdup(key_pem);
        if (old) {
                i->ca_pem = xstrdup(old->ca_pem);
                i->insecure = old->insecure;
                if (old->connect_to)
                        append(&i->connect_to, old->connect_to->data);
        }
        replace_identity(h, i);
}

/* ---- calls ------------------------------------------------------------------------------------------------------- */

static void call_unready(struct http_call *c)
{
        if (c->is_ready)
                DL_DELETE2(c->http->ready, c, queue_prev, queue_next);
        c->is_ready = false;
}

static void call_begin(struct http_call *c)
{
        struct http *h = c->http;

        c->is_running = true;
        if (!c->is_stream)
                h->n_running++;
        h->n_calls++;
        /* those who have another identity share no connection */
        curl_multi_setopt(h->multi, CURLMOPT_MAX_HOST_CONNECTIONS,
                          h->http1 ? 0L : (long)(h->n_calls / STREAMS_SPARE + 1 + h->n_identities + !h->identity));
        if (curl_multi_add_handle(h->multi, c->easy) != CURLM_OK)
                must(NULL);
}

static void call_end(struct http_call *c)
{
        struct http *h = c->http;

        curl_multi_remove_handle(h->multi, c->easy);
        c->is_running = false;
        h->n_calls--;
        if (c->is_stream || --h->n_running >= RUNNING_MAX)
                return;
        c = h->waiting;
        if (c && !h->closed) {
                DL_DELETE2(h->waiting, c, queue_prev, queue_next);
                c->is_waiting = false;
                call_begin(c);
        }
}

/* Out of everything that could still reach it. */
static void call_detach(struct http_call *c)
{
        call_unready(c);
        DL_DELETE(c->http->calls, c);
        if (c->is_waiting)
                DL_DELETE2(c->http->waiting, c, queue_prev, queue_next);
        c->is_waiting = false;
        if (c->is_running)
                call_end(c);
        c->silence = sd_event_source_disable_unref(c->silence);
}

static void call_destroy(struct http_call *c)
{
        curl_easy_cleanup(c->easy);
        for (struct curl_slist *s = c->headers; s; s = s->next)
                explicit_bzero(s->data, strlen(s->data)); /* a token may be among them */
        curl_slist_free_all(c->headers);
        identity_unref(c->identity);
        if (c->body.data)
                explicit_bzero(c->body.data, c->body.size); /* it may have been a Secret */
        buf_done(&c->body);
        free(c);
}

struct http_call *http_cancel(struct http_call *c)
{
        if (c) {
                call_detach(c);
                call_destroy(c);
        }
        return NULL;
}

/* Inside of curl, which must not be called from here: what is to be done with the data waits for run(). */
static size_t on_body(char *data, size_t size, size_t n, void *userdata)
{
        struct http_call *c = userdata;
        long status = 0;

        if (c->body_cut && size * n > c->body.max - c->body.len) {
                buf_add(&c->body, data, c->body.max - c->body.len);
                c->was_cut = true;
                return 0;
        }
        buf_add(&c->body, data, size * n);
        if (!buf_ok(&c->body))
                return 0;
        sd_event_now(c->http->event, CLOCK_MONOTONIC, &c->heard_usec);
        curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
        if (c->data && status / 100 == 2 && !c->is_ready) {
                DL_APPEND2(c->http->ready, c, queue_prev, queue_next);
                c->is_ready = true;
        }
        return size * n;
}

static size_t on_head_line(char *line, size_t size, size_t n, void *userdata)
{
        struct http_call *c = userdata;

        c->head(c->userdata, line, size * n);
        return size * n;
}

static const struct {
        CURLcode code;
        int error;
} errors[] = {
        { CURLE_OPERATION_TIMEDOUT, -ETIMEDOUT },          { CURLE_COULDNT_RESOLVE_HOST, -EHOSTUNREACH },
        { CURLE_COULDNT_CONNECT, -ECONNREFUSED },          { CURLE_URL_MALFORMAT, -EINVAL },
        { CURLE_UNSUPPORTED_PROTOCOL, -EPROTONOSUPPORT },  { CURLE_SSL_CONNECT_ERROR, -EPROTO },
        { CURLE_PEER_FAILED_VERIFICATION, -EKEYREJECTED }, { CURLE_SSL_CACERT_BADFILE, -EKEYREJECTED },
        { CURLE_SSL_CERTPROBLEM, -EKEYREJECTED },          { CURLE_OUT_OF_MEMORY, -ENOMEM },
};

static int error_of(const struct http_call *c, CURLcode code)
{
        long os_error = 0;

        if (code == CURLE_OK || (code == CURLE_WRITE_ERROR && c->was_cut))
                return 0;
        if (!buf_ok(&c->body))
                return -EMSGSIZE;
        if (code == CURLE_COULDNT_CONNECT && curl_easy_getinfo(c->easy, CURLINFO_OS_ERRNO, &os_error) == CURLE_OK &&
            os_error > 0)
                return (int)-os_error;
        for (size_t i = 0; i < ARRAY_LEN(errors); i++)
                if (errors[i].code == code)
                        return errors[i].error;
        return -ECONNRESET; /* all the ways in which a connection breaks */
}

/* glibc keeps what a burst of requests or a long list needed for a moment, if it is not told. */
static int on_trim(sd_event_source *source UNUSED, uint64_t usec UNUSED, void *userdata)
{
        struct http *h = userdata;

        h->churn = 0;
        malloc_trim(0);
        return 0;
}

static void count_churn(struct http *h, size_t bytes)
{
        size_t before = h->churn;

        h->churn += bytes;
        if (before < MUCH_CHURN_BYTES && h->churn >= MUCH_CHURN_BYTES)
                timer_arm(h->event, &h->trim, CLOCK_MONOTONIC, MUCH_CHURN_USEC, on_trim, h);
        else if (before < SOME_CHURN_BYTES && h->churn >= SOME_CHURN_BYTES)
                timer_arm(h->event, &h->trim, CLOCK_MONOTONIC, SOME_CHURN_USEC, on_trim, h);
}

/* Lets go of the call before it tells: whoever listens may free what he likes, `h` as well. */
static void finish(struct http_call *c, int error, const char *words)
{
        struct http_response r = { .error = error, .text = words };
        curl_off_t retry_after = 0;
        char none[1] = "", *redirect = NULL, *peer = NULL;
        long version = 0;

        curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &r.status);
        curl_easy_getinfo(c->easy, CURLINFO_RETRY_AFTER, &retry_after);
        if (r.status != 0 && !c->alone && curl_easy_getinfo(c->easy, CURLINFO_HTTP_VERSION, &version) == CURLE_OK)
                c->http->http1 = version < CURL_HTTP_VERSION_2_0;
        if (curl_easy_getinfo(c->easy, CURLINFO_REDIRECT_URL, &redirect) == CURLE_OK)
                r.redirect = redirect;
        if (r.status != 0 && curl_easy_getinfo(c->easy, CURLINFO_PRIMARY_IP, &peer) == CURLE_OK && peer)
                snprintf(c->http->peer, sizeof(c->http->peer), "%s", peer);
        r.retry_after_s = retry_after > 0 && retry_after < 3600 ? (unsigned)retry_after : 0;
        r.body = c->body.data ? c->body.data : none;
        r.size = c->body.len;
        call_detach(c);
        count_churn(c->http, BUFFER_BYTES + 8 * r.size); /* a JSON tree is several times its text */
        c->done(c->userdata, &r);
        call_destroy(c);
}

static int on_silence(sd_event_source *source, uint64_t usec UNUSED, void *userdata)
{
        struct http_call *c = userdata;
        uint64_t now = 0;
        char words[64];

        sd_event_now(c->http->event, CLOCK_MONOTONIC, &now);
        if (now - c->heard_usec < c->silence_usec) {
                timer_arm(c->http->event, &source, CLOCK_MONOTONIC, c->silence_usec - (now - c->heard_usec), on_silence,
                          c);
                return 0;
        }
        snprintf(words, sizeof(words), "nothing was heard for %u s", (unsigned)(c->silence_usec / 1000000));
        finish(c, -ETIMEDOUT, words);
        return 0;
}

/* ---- curl on sd-event -------------------------------------------------------------------------------------------- */

static void http_unref(struct http *h)
{
        if (--h->n_ref > 0)
                return;
        curl_multi_cleanup(h->multi);
        sd_event_source_disable_unref(h->timer);
        sd_event_source_disable_unref(h->trim);
        sd_event_unref(h->event);
        identity_unref(h->identity);
        free(h->sockets);
        free(h);
        curl_global_cleanup();
}

/* After each turn of curl: hands out what came, then tells of what ended. */
static void run(struct http *h)
{
        struct http_call *c;
        CURLMsg *m;
        int left;

        h->n_ref++;
        while ((c = h->ready)) {
                struct buf data = c->body;

                call_unready(c);
                c->body = BUF(data.max);
                c->data(c->userdata, data.data, data.len);
                if (data.data)
                        explicit_bzero(data.data, data.size);
                buf_done(&data);
        }
        while (!h->closed && (m = curl_multi_info_read(h->multi, &left))) {
                CURLcode code = m->data.result;
                char *p = NULL;

                if (m->msg != CURLMSG_DONE || curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &p) != CURLE_OK || !p)
                        continue;
                c = (struct http_call *)(void *)p;
                finish(c, error_of(c, code),
                       error_of(c, code) == 0 ? ""
                       : *c->words            ? c->words
                                              : curl_easy_strerror(code));
        }
        http_unref(h);
}

static int on_io(sd_event_source *source UNUSED, int fd, uint32_t revents, void *userdata)
{
        struct http *h = userdata;
        int what = (revents & EPOLLIN ? CURL_CSELECT_IN : 0) | (revents & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
                   (revents & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0);
        int running;

        curl_multi_socket_action(h->multi, fd, what, &running);
        run(h);
        return 0;
}

static int on_timer(sd_event_source *source UNUSED, uint64_t usec UNUSED, void *userdata)
{
        struct http *h = userdata;
        int running;

        curl_multi_socket_action(h->multi, CURL_SOCKET_TIMEOUT, 0, &running);
        run(h);
        return 0;
}

static int set_timer(CURLM *multi UNUSED, long timeout_ms, void *userdata)
{
        struct http *h = userdata;

        if (timeout_ms < 0)
                sd_event_source_set_enabled(h->timer, SD_EVENT_OFF);
        else
                timer_arm(h->event, &h->timer, CLOCK_MONOTONIC, (uint64_t)timeout_ms * 1000, on_timer, h);
        return 0;
}

static int set_socket(CURL *easy UNUSED, curl_socket_t fd, int what, void *userdata, void *socket_data)
{
        struct http *h = userdata;
        sd_event_source *source = socket_data;
        uint32_t events = (what & CURL_POLL_IN ? EPOLLIN : 0) | (what & CURL_POLL_OUT ? EPOLLOUT : 0);
        int r;

        if (what == CURL_POLL_REMOVE) {
                sd_event_source_disable_unref(source);
                curl_multi_assign(h->multi, fd, NULL);
                return 0;
        }
        if (source)
                return sd_event_source_set_io_events(source, events) < 0 ? -1 : 0;
        r = sd_event_add_io(h->event, &source, fd, events, on_io, h);
        if (r < 0) {
                if (r != -ESTALE) /* the loop has ended */
                        log_error("cannot watch a connection: %s", strerrordesc_np(-r));
                return -1;
        }
        curl_multi_assign(h->multi, fd, source);
        return 0;
}

static curl_socket_t open_socket(void *userdata, curlsocktype purpose UNUSED, struct curl_sockaddr *a)
{
        static const int unacked_ms = UNACKED_MS;
        struct http *h = userdata;
        int fd = socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);

        if (fd < 0)
                return CURL_SOCKET_BAD;
        setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &unacked_ms, sizeof(unacked_ms));
        h->sockets = xrealloc(h->sockets, h->n_sockets + 1, sizeof(int));
        h->sockets[h->n_sockets++] = fd;
        return fd;
}

static int close_socket(void *userdata, curl_socket_t fd)
{
        struct http *h = userdata;

        for (size_t i = 0; i < h->n_sockets; i++)
                if (h->sockets[i] == fd) {
                        h->sockets[i] = h->sockets[--h->n_sockets];
                        break;
                }
        fd_close(fd);
        return 0;
}

const char *http_peer(const struct http *h)
{
        return h->peer;
}

void http_close_connections(struct http *h)
{
        for (size_t i = 0; i < h->n_sockets; i++)
                shutdown(h->sockets[i], SHUT_RDWR); /* curl, which owns it, finds out by itself */
}

struct http *http_new(sd_event *event)
{
        struct http *h = NEW(struct http);

        if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
                must(NULL);
        h->event = sd_event_ref(event);
        h->n_ref = 1;
        h->multi = must(curl_multi_init());
        curl_multi_setopt(h->multi, CURLMOPT_PIPELINING, CURLPIPE_MULTIPLEX);
        curl_multi_setopt(h->multi, CURLMOPT_MAX_CONCURRENT_STREAMS, (long)STREAMS_MAX);
        curl_multi_setopt(h->multi, CURLMOPT_MAXCONNECTS, (long)KEEP_CONNECTIONS);
        curl_multi_setopt(h->multi, CURLMOPT_SOCKETFUNCTION, set_socket);
        curl_multi_setopt(h->multi, CURLMOPT_SOCKETDATA, h);
        curl_multi_setopt(h->multi, CURLMOPT_TIMERFUNCTION, set_timer);
        curl_multi_setopt(h->multi, CURLMOPT_TIMERDATA, h);
        return h;
}

struct http *http_free(struct http *h)
{
        if (!h)
                return NULL;
        h->closed = true;
        while (h->calls)
                http_cancel(h->calls);
        http_unref(h);
        return NULL;
}

/* ---- starting ---------------------------------------------------------------------------------------------------- */

static void set_blob(CURL *easy, CURLoption option, const char *pem)
{
        /* The identity outlives the handle, so nothing is copied. */
        struct curl_blob blob = { .data = (void *)(uintptr_t)pem,
                                  .len = pem ? strlen(pem) : 0,
                                  .flags = CURL_BLOB_NOCOPY };

        if (pem)
                curl_easy_setopt(easy, option, &blob);
}

static void set_tls(CURL *easy, const struct identity *i)
{
        curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
        if (!i)
                return;
        set_blob(easy, CURLOPT_CAINFO_BLOB, i->ca_pem);
        set_blob(easy, CURLOPT_SSLCERT_BLOB, i->cert_pem);
        set_blob(easy, CURLOPT_SSLKEY_BLOB, i->key_pem);
        if (i->insecure) {
                curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
                curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
                if (!i->ca_pem) { /* or curl reads the system's CAs, for nothing */
                        curl_easy_setopt(easy, CURLOPT_CAINFO, NULL);
                        curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
                }
        }
        if (i->connect_to)
                curl_easy_setopt(easy, CURLOPT_CONNECT_TO, i->connect_to);
}

static void set_line(CURL *easy, enum http_line line, unsigned timeout_ms)
{
        if (line == HTTP_SHARED)
                return;
        curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)timeout_ms); /* all of its time, if it wants so much */
        curl_easy_setopt(easy, CURLOPT_HTTP_VERSION,
                         (long)(line == HTTP_ALONE_2 ? CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE : CURL_HTTP_VERSION_1_1));
        curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 0L); /* it is over before the first would be sent */
        curl_easy_setopt(easy, CURLOPT_CONNECT_ONLY, (long)(line == HTTP_CONNECT));
        curl_easy_setopt(easy, CURLOPT_PIPEWAIT, 0L);
        curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
        curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
        curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
}

static void set_connection(CURL *easy, struct http *h)
{
        curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(easy, CURLOPT_PROXY, "");
        curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
        curl_easy_setopt(easy, CURLOPT_PIPEWAIT, 1L); /* rather wait for the one connection than open another */
        curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_TIMEOUT_MS);
        curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
        curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, (long)KEEPIDLE_S);
        curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, (long)KEEPINTVL_S);
        curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
        curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, h);
        curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, close_socket);
        curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, h);
#if LIBCURL_VERSION_NUM >= 0x075700
        curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L); /* cancelling must not wait for a resolver */
#endif
}

static void set_request(struct http_call *c, const struct http_request *r)
{
        curl_easy_setopt(c->easy, CURLOPT_URL, r->url);
        if (r->body) {
                curl_easy_setopt(c->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body_size);
                curl_easy_setopt(c->easy, CURLOPT_COPYPOSTFIELDS, r->body);
                append(&c->headers, "Expect:"); /* do not ask first whether a large body is welcome */
        }
        if (r->body || !streq(r->method, "GET"))
                curl_easy_setopt(c->easy, CURLOPT_CUSTOMREQUEST, r->method);
        for (const char *const *p = r->headers; p && *p; p++)
                append(&c->headers, *p);
        curl_easy_setopt(c->easy, CURLOPT_HTTPHEADER, c->headers);
        curl_easy_setopt(c->easy, CURLOPT_TIMEOUT_MS, (long)r->timeout_ms);
        curl_easy_setopt(c->easy, CURLOPT_BUFFERSIZE, (long)(r->data ? STREAM_BUFFER_BYTES : BUFFER_BYTES));
        curl_easy_setopt(c->easy, CURLOPT_UPLOAD_BUFFERSIZE, (long)UPLOAD_BUFFER_BYTES);
        curl_easy_setopt(c->easy, CURLOPT_ERRORBUFFER, c->words);
        curl_easy_setopt(c->easy, CURLOPT_WRITEFUNCTION, on_body);
        curl_easy_setopt(c->easy, CURLOPT_WRITEDATA, c);
        curl_easy_setopt(c->easy, CURLOPT_PRIVATE, c);
        if (r->head) {
                curl_easy_setopt(c->easy, CURLOPT_HEADERFUNCTION, on_head_line);
                curl_easy_setopt(c->easy, CURLOPT_HEADERDATA, c);
        }
        set_line(c->easy, r->line, r->timeout_ms);
}

struct http_call *http_start(struct http *h, const struct http_request *r)
{
        struct http_call *c = NEW(struct http_call);

        c->http = h;
        c->alone = r->line != HTTP_SHARED;
        h->http1 |= c->alone;
        c->easy = must(curl_easy_init());
        c->body = BUF(r->body_max);
        c->body_cut = r->body_cut;
        c->data = r->data;
        c->head = r->head;
        c->done = r->done;
        c->userdata = r->userdata;
        c->silence_usec = (uint64_t)r->silence_ms * 1000;
        c->identity = h->identity;
        if (c->identity)
                c->identity->n_ref++;
        set_connection(c->easy, h);
        set_tls(c->easy, c->identity);
        set_request(c, r);
        DL_APPEND(h->calls, c);
        c->is_stream = r->data;
        c->is_waiting = !c->is_stream && !r->urgent && h->n_running >= RUNNING_MAX;
        if (c->is_waiting)
                DL_APPEND2(h->waiting, c, queue_prev, queue_next);
        else
                call_begin(c);
        sd_event_now(h->event, CLOCK_MONOTONIC, &c->heard_usec);
        if (c->silence_usec)
                timer_arm(h->event, &c->silence, CLOCK_MONOTONIC, c->silence_usec, on_silence, c);
        return c;
}
