/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "agent/client/http_get.h"
#include "common/buf.h"
#include "tests/unit/http_server.h"

struct run {
        struct server server;
        struct http *http;
        struct http_get *get;
        unsigned done;
        int error;
        long status;
        char text[512], body[64];
        size_t size;
        char requests[16384]; /* the last one */
        struct buf paths;     /* "GET /a;GET /b;" */
};

static void on_done(void *userdata, const struct http_get_answer *a)
{
        struct run *t = userdata;

        t->get = NULL;
        t->done++;
        t->error = a->error;
        t->status = a->status;
        t->size = a->size;
        snprintf(t->text, sizeof(t->text), "%s", a->text);
        snprintf(t->body, sizeof(t->body), "%s", a->body);
}

static void note(struct run *t, const char *request)
{
        snprintf(t->requests, sizeof(t->requests), "%s", request);
        buf_printf(&t->paths, "%.*s;", (int)strcspn(request + 4, " "), request + 4);
}

static void begin(struct run *t, void (*handler)(struct server *s, int fd, const char *request))
{
        *t = (struct run){ .paths = BUF(4096) };
        server_start(&t->server, handler, t);
        t->http = http_get_client(t->server.event);
}

static void get_from(struct run *t, uint16_t port, const char *path, const char *const *headers, unsigned timeout_ms)
{
        const struct http_get_request r = {
                .host = "127.0.0.1",
                .port = port,
                .path = path,
                .headers = headers,
                .user_agent = "kube-probe/1.0",
                .timeout_ms = timeout_ms,
        };

        t->get = http_get_start(t->http, &r, on_done, t);
        cr_assert(!t->done, "not from inside of the start");
        while (!t->done)
                cr_assert(sd_event_run(t->server.event, UINT64_MAX) >= 0);
        cr_assert_eq(t->done, 1);
}

static void get(struct run *t, const char *path, const char *const *headers)
{
        get_from(t, (uint16_t)t->server.port, path, headers, 600 * 1000);
}

static void finish(struct run *t)
{
        http_free(t->http);
        server_stop(&t->server);
        buf_done(&t->paths);
}

static void answer_ok(struct server *s, int fd, const char *request)
{
        note(s->userdata, request);
        server_answer(fd, 200, "fine");
}

Test(http_get, what_is_sent)
{
        CLEANUP(freep) char *host = NULL;
        struct run t;

        begin(&t, answer_ok);
        get(&t, "/a/../b c?d=1#e", NULL);
        cr_assert_eq(t.error, 0, "%s", t.text);
        cr_assert_eq(t.status, 200);
        cr_assert_str_eq(t.body, "fine");
        cr_assert_str_eq(t.text, "");
        cr_assert(starts_with(t.requests, "GET /a/../b%20c?d=1 HTTP/1.1\r\n"), "%s", t.requests);
        host = xasprintf("\r\nHost: 127.0.0.1:%d\r\n", t.server.port);
        cr_assert(strstr(t.requests, host), "%s", t.requests);
        cr_assert(strstr(t.requests, "\r\nUser-Agent: kube-probe/1.0\r\n"));
        cr_assert(strstr(t.requests, "\r\nAccept: */*\r\n"));
        cr_assert(strstr(t.requests, "\r\nConnection: close\r\n"));
        finish(&t);
}

Test(http_get, a_path_begins_with_a_slash)
{
        struct run t;

        begin(&t, answer_ok);
        get(&t, "healthz", NULL);
        cr_assert(starts_with(t.requests, "GET /healthz HTTP/1.1\r\n"), "%s", t.requests);
        finish(&t);
        begin(&t, answer_ok);
        get(&t, NULL, NULL);
        cr_assert(starts_with(t.requests, "GET / HTTP/1.1\r\n"), "%s", t.requests);
        finish(&t);
}

Test(http_get, headers_replace_the_usual_ones)
{
        static const char *const headers[] = {
                "Host: pod.example", "host: second",      "user-agent: mine",           "X-Empty: ", "X-Twice: 1",
                "X-Twice: 2",        "Content-Length: 5", "Transfer-Encoding: chunked", NULL
        };
        struct run t;

        begin(&t, answer_ok);
        get(&t, "/", headers);
        cr_assert_eq(t.status, 200);
        cr_assert(strstr(t.requests, "\r\nHost: pod.example\r\n"), "%s", t.requests);
        cr_assert(!strstr(t.requests, "second"));
        cr_assert(strstr(t.requests, "\r\nuser-agent: mine\r\n"));
        cr_assert(!strstr(t.requests, "kube-probe"));
        cr_assert(strstr(t.requests, "\r\nX-Empty:\r\n"), "%s", t.requests);
        cr_assert(strstr(t.requests, "\r\nX-Twice: 1\r\n") && strstr(t.requests, "\r\nX-Twice: 2\r\n"));
        cr_assert(!strstr(t.requests, "Content-Length") && !strstr(t.requests, "Transfer-Encoding"));
        finish(&t);
}

Test(http_get, empty_headers_are_taken_away)
{
        static const char *const headers[] = { "Accept:", "Accept: text/plain", "User-Agent:", "Host:", NULL };
        struct run t;

        begin(&t, answer_ok);
        get(&t, "/", headers);
        cr_assert(!strcasestr(t.requests, "\r\nAccept"), "%s", t.requests);
        cr_assert(!strcasestr(t.requests, "\r\nUser-Agent"), "%s", t.requests);
        cr_assert(strstr(t.requests, "\r\nHost: 127.0.0.1:"), "%s", t.requests);
        finish(&t);
}

Test(http_get, each_has_its_own_connection)
{
        struct run t;

        begin(&t, answer_ok);
        for (unsigned i = 1; i <= 3; i++) {
                t.done = 0;
                get(&t, "/", NULL);
                cr_assert_eq(t.server.connections, i);
        }
        finish(&t);
}

static void answer_500(struct server *s, int fd, const char *request)
{
        (void)s, (void)request;
        server_answer(fd, 500, "broken");
}

Test(http_get, any_status_is_an_answer)
{
        struct run t;

        begin(&t, answer_500);
        get(&t, "/", NULL);
        cr_assert_eq(t.error, 0);
        cr_assert_eq(t.status, 500);
        cr_assert_str_eq(t.body, "broken");
        finish(&t);
}

/* It would go on for ever. */
static void answer_long(struct server *s, int fd, const char *request)
{
        char part[1000];

        (void)s, (void)request;
        memset(part, 'x', sizeof(part));
        part[sizeof(part) - 1] = '\0';
        server_stream(fd);
        for (int i = 0; i < 20; i++)
                server_write(fd, "%s", part);
}

Test(http_get, of_a_long_body_the_rest_is_not_read)
{
        struct run t;

        begin(&t, answer_long);
        get(&t, "/", NULL);
        cr_assert_eq(t.error, 0, "%s", t.text);
        cr_assert_eq(t.status, 200);
        cr_assert_eq(t.size, HTTP_GET_BODY_MAX);
        finish(&t);
}

/* ---- redirects --------------------------------------------------------------------------------------------------- */

static void redirect(int fd, int status, const char *where)
{
        server_write(fd, "HTTP/1.1 %d x\r\nLocation: %s\r\nContent-Length: 2\r\n\r\ngo", status, where);
}

static void answer_redirects(struct server *s, int fd, const char *request)
{
        CLEANUP(freep) char *absolute = xasprintf("http://127.0.0.1:%d/end", s->port);

        note(s->userdata, request);
        if (starts_with(request, "GET /relative "))
                redirect(fd, 302, "/absolute");
        else if (starts_with(request, "GET /absolute "))
                redirect(fd, 307, absolute);
        else if (starts_with(request, "GET /away "))
                redirect(fd, 301, "http://192.0.2.1/");
        else if (starts_with(request, "GET /file "))
                redirect(fd, 302, "file:///etc/passwd");
        else if (starts_with(request, "GET /round "))
                redirect(fd, 302, "/round");
        else if (starts_with(request, "GET /not-modified "))
                redirect(fd, 304, "/end");
        else
                server_answer(fd, 200, "end");
}

Test(http_get, redirects_to_the_same_host_are_followed)
{
        static const char *const headers[] = { "X-Mine: kept", NULL };
        struct run t;

        begin(&t, answer_redirects);
        get(&t, "/relative", headers);
        cr_assert_eq(t.status, 200);
        cr_assert_str_eq(t.paths.data, "/relative;/absolute;/end;");
        cr_assert(strstr(t.requests, "\r\nX-Mine: kept\r\n"));
        finish(&t);
}

Test(http_get, redirects_elsewhere_are_the_answer)
{
        static const struct {
                const char *path;
                long status;
        } cases[] = { { "/away", 301 }, { "/file", 302 }, { "/not-modified", 304 } };

        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                struct run t;
                begin(&t, answer_redirects);
                get(&t, cases[i].path, NULL);
                cr_assert_eq(t.error, 0, "%s", t.text);
                cr_assert_eq(t.status, cases[i].status);
                cr_assert_eq(t.server.requests, 1);
                finish(&t);
        }
}

Test(http_get, a_circle_of_redirects_ends)
{
        struct run t;

        begin(&t, answer_redirects);
        get(&t, "/round", NULL);
        cr_assert_eq(t.error, -ELOOP);
        cr_assert(strstr(t.text, "stopped after 10 redirects"), "%s", t.text);
        cr_assert_eq(t.server.requests, 10);
        finish(&t);
}

/* ---- no answer --------------------------------------------------------------------------------------------------- */

static void answer_nothing(struct server *s, int fd, const char *request)
{
        (void)s, (void)fd, (void)request;
}

Test(http_get, who_does_not_answer_in_time)
{
        CLEANUP(freep) char *words = NULL;
        struct run t;

        begin(&t, answer_nothing);
        get_from(&t, (uint16_t)t.server.port, "/x", NULL, 50);
        words = xasprintf("Get \"http://127.0.0.1:%d/x\": context deadline exceeded (Client.Timeout exceeded while "
                          "awaiting headers)",
                          t.server.port);
        cr_assert_eq(t.error, -ETIMEDOUT);
        cr_assert_str_eq(t.text, words);
        finish(&t);
}

Test(http_get, nobody_listens)
{
        CLEANUP(freep) char *words = NULL;
        struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        socklen_t size = sizeof(a);
        int fd = socket(AF_INET, SOCK_STREAM, 0); /* bound, and no listener */
        struct run t;

        cr_assert(bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0);
        cr_assert(getsockname(fd, (struct sockaddr *)&a, &size) == 0);
        begin(&t, answer_nothing);
        get_from(&t, ntohs(a.sin_port), "/", NULL, 600 * 1000);
        words = xasprintf("Get \"http://127.0.0.1:%d/\": dial tcp 127.0.0.1:%d: connect: connection refused",
                          ntohs(a.sin_port), ntohs(a.sin_port));
        cr_assert_eq(t.error, -ECONNREFUSED);
        cr_assert_str_eq(t.text, words);
        close(fd);
        finish(&t);
}

static void answer_rubbish(struct server *s, int fd, const char *request)
{
        (void)s, (void)request;
        server_write(fd, "220 mail.example ESMTP\r\n");
        server_end(fd);
}

Test(http_get, who_speaks_no_http)
{
        struct run t;

        begin(&t, answer_rubbish);
        get(&t, "/", NULL);
        cr_assert_lt(t.error, 0);
        cr_assert(starts_with(t.text, "Get \"http://127.0.0.1:"), "%s", t.text);
        finish(&t);
}

Test(http_get, who_is_cancelled_is_not_called)
{
        struct run t;
        struct http_get *g;

        begin(&t, answer_ok);
        g = http_get_start(
                t.http,
                &(struct http_get_request){
                        .host = "127.0.0.1", .port = (uint16_t)t.server.port, .user_agent = "x", .timeout_ms = 1000 },
                on_done, &t);
        cr_assert_null(http_get_cancel(g));
        get(&t, "/after", NULL);
        cr_assert_eq(t.done, 1);
        cr_assert_null(http_get_cancel(NULL));
        finish(&t);
}
