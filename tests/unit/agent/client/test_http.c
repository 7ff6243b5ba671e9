/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "agent/client/http.h"
#include "common/buf.h"
#include "tests/unit/http_server.h"

struct run {
        struct server server;
        struct http *http;
        struct http_call *call;
        struct buf streamed;
        unsigned done, wanted;
        int error;
        long status;
        unsigned retry_after_s;
        char body[256];
        unsigned n_held; /* requests that get no answer */
        char last[64];
        int stream;
};

static void on_done(void *userdata, const struct http_response *r)
{
        struct run *t = userdata;

        t->call = NULL;
        t->error = r->error;
        t->status = r->status;
        t->retry_after_s = r->retry_after_s;
        snprintf(t->body, sizeof(t->body), "%s", r->body);
        if (++t->done >= t->wanted)
                sd_event_exit(t->server.event, 0);
}

static void on_data(void *userdata, const char *data, size_t size)
{
        struct run *t = userdata;

        buf_add(&t->streamed, data, size);
}

static void begin(struct run *t, void (*handler)(struct server *s, int fd, const char *request))
{
        *t = (struct run){ .wanted = 1, .streamed = BUF(1024 * 1024) };
        server_start(&t->server, handler, t);
        t->http = http_new(t->server.event);
}

static void ask(struct run *t, const char *path, struct http_request *more)
{
        CLEANUP(freep) char *url = xasprintf("http://127.0.0.1:%d%s", t->server.port, path);
        struct http_request r = more ? *more : (struct http_request){ 0 };

        r.url = url;
        if (!r.method)
                r.method = "GET";
        if (!r.body_max)
                r.body_max = 100000;
        r.done = on_done;
        r.userdata = t;
        t->call = http_start(t->http, &r);
}

static void end(struct run *t)
{
        http_free(t->http);
        server_stop(&t->server);
        buf_done(&t->streamed);
}

static void echo(struct server *s, int fd, const char *request)
{
        CLEANUP(freep) char *line = xstrndup(request, strcspn(request, "\r"));
        const char *body = strstr(request, "\r\n\r\n");

        (void)s;
        if (starts_with(request, "PUT "))
                server_answer(fd, 200, body + 4);
        else if (strstr(line, "/missing"))
                server_answer(fd, 404, "not here");
        else if (strstr(line, "/busy"))
                server_write(fd, "HTTP/1.1 429 x\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n");
        else if (strstr(line, "/headers"))
                server_answer(fd, 200, strstr(request, "X-Test: 1") ? "seen" : "not seen");
        else
                server_answer(fd, 200, line);
}

Test(http, an_answer_is_collected)
{
        struct run t;

        begin(&t, echo);
        ask(&t, "/a?b=c", NULL);
        sd_event_loop(t.server.event);
        cr_expect(t.error == 0 && t.status == 200);
        cr_expect_str_eq(t.body, "GET /a?b=c HTTP/1.1");
        end(&t);
}

Test(http, a_body_and_headers_are_sent)
{
        struct run t;
        const char *headers[] = { "X-Test: 1", NULL };

        begin(&t, echo);
        t.wanted = 2;
        ask(&t, "/", &(struct http_request){ .method = "PUT", .body = "hello", .body_size = 5 });
        sd_event_run(t.server.event, UINT64_MAX);
        while (t.done < 1)
                sd_event_run(t.server.event, UINT64_MAX);
        cr_expect_str_eq(t.body, "hello");
        ask(&t, "/headers", &(struct http_request){ .headers = headers });
        sd_event_loop(t.server.event);
        cr_expect_str_eq(t.body, "seen");
        cr_expect_eq(t.server.connections, 1, "the connection is used again");
        end(&t);
}

Test(http, other_statuses_are_answers_too)
{
        struct run t;

        begin(&t, echo);
        ask(&t, "/missing", &(struct http_request){ .data = on_data });
        sd_event_loop(t.server.event);
        cr_expect(t.error == 0 && t.status == 404);
        cr_expect_str_eq(t.body, "not here", "even of a stream");
        cr_expect_eq(t.streamed.len, 0);
        end(&t);
}

Test(http, the_server_may_ask_for_patience)
{
        struct run t;

        begin(&t, echo);
        ask(&t, "/busy", NULL);
        sd_event_loop(t.server.event);
        cr_expect_eq(t.retry_after_s, 7);
        end(&t);
}

Test(http, a_body_over_its_bound_fails)
{
        struct run t;

        begin(&t, echo);
        ask(&t, "/long-enough", &(struct http_request){ .body_max = 10 });
        sd_event_loop(t.server.event);
        cr_expect_eq(t.error, -EMSGSIZE);
        end(&t);
}

Test(http, nobody_listening_is_refused)
{
        struct run t;

        begin(&t, echo);
        close(t.server.fd);
        t.server.fd = -1;
        sd_event_source_disable_unref(t.server.source);
        t.server.source = NULL;
        ask(&t, "/", NULL);
        sd_event_loop(t.server.event);
        cr_expect(t.error == -ECONNREFUSED && t.status == 0);
        end(&t);
}

static void hang(struct server *s, int fd, const char *request)
{
        (void)s, (void)request;
        server_stream(fd);
        server_write(fd, "some");
}

Test(http, silence_ends_a_stream)
{
        struct run t;

        begin(&t, hang);
        for (t.wanted = 2; t.streamed.len == 0;) { /* where all is slow, silence may come before the first word does */
                t.done = 0;
                ask(&t, "/", &(struct http_request){ .data = on_data, .silence_ms = 50 });
                while (t.done == 0)
                        cr_assert_geq(sd_event_run(t.server.event, UINT64_MAX), 0);
                cr_expect_eq(t.error, -ETIMEDOUT);
        }
        cr_expect_str_eq(t.streamed.data, "some");
        end(&t);
}

Test(http, a_call_that_takes_too_long_fails)
{
        struct run t;

        begin(&t, hang);
        ask(&t, "/", &(struct http_request){ .timeout_ms = 50 });
        sd_event_loop(t.server.event);
        cr_expect_eq(t.error, -ETIMEDOUT);
        end(&t);
}

static void close_at_once(void *userdata, const char *data, size_t size)
{
        struct run *t = userdata;

        on_data(userdata, data, size);
        http_close_connections(t->http);
}

Test(http, closed_connections_end_what_is_under_way)
{
        struct run t;

        begin(&t, hang);
        ask(&t, "/", &(struct http_request){ .method = "POST", .body = "", .data = close_at_once });
        sd_event_loop(t.server.event);
        cr_expect_eq(t.done, 1);
        cr_expect_leq(t.error, 0); /* an answer without a length may end like that */
        end(&t);
}

static void ask_as_another(struct run *t)
{
        http_set_certificate(t->http, "another", "one");
        ask(t, "/quick", NULL);
}

static void renew_once(void *userdata, const char *data, size_t size)
{
        struct run *t = userdata;

        on_data(userdata, data, size);
        if (t->streamed.len == size)
                ask_as_another(t);
}

static void stream_or_answer(struct server *s, int fd, const char *request)
{
        struct run *t = s->userdata;

        if (starts_with(request, "GET /quick")) {
                server_answer(fd, 200, "quick");
                server_write(t->stream, "second");
                server_end(t->stream);
                return;
        }
        t->stream = fd;
        server_stream(fd);
        server_write(fd, "first ");
}

Test(http, another_certificate_leaves_alone_what_is_under_way)
{
        struct run t;

        begin(&t, stream_or_answer);
        t.wanted = 2;
        http_set_identity(t.http, &(struct http_identity){ .cert_pem = "one", .key_pem = "one" });
        ask(&t, "/", &(struct http_request){ .data = renew_once });
        sd_event_loop(t.server.event);
        cr_expect_eq(t.done, 2);
        cr_expect_eq(t.error, 0);
        cr_expect_str_eq(t.streamed.data, "first second");
        end(&t);
}

static void cancel_at_once(void *userdata, const char *data, size_t size)
{
        struct run *t = userdata;

        on_data(userdata, data, size);
        t->call = http_cancel(t->call);
        sd_event_exit(t->server.event, 0);
}

Test(http, a_stream_may_be_cancelled_by_its_reader)
{
        struct run t;

        begin(&t, hang);
        ask(&t, "/", &(struct http_request){ .data = cancel_at_once });
        sd_event_loop(t.server.event);
        cr_expect_str_eq(t.streamed.data, "some");
        cr_expect_eq(t.done, 0);
        end(&t);
}

static void free_all(void *userdata, const char *data, size_t size)
{
        struct run *t = userdata;

        on_data(userdata, data, size);
        t->http = http_free(t->http);
        sd_event_exit(t->server.event, 0);
}

Test(http, everything_may_be_freed_by_a_reader)
{
        struct run t;

        begin(&t, hang);
        ask(&t, "/", &(struct http_request){ .data = free_all });
        sd_event_loop(t.server.event);
        cr_expect_eq(t.done, 0);
        end(&t);
}

static void hold(struct server *s, int fd, const char *request)
{
        struct run *t = s->userdata;

        snprintf(t->last, sizeof(t->last), "%.*s", (int)strcspn(request, "\r"), request);
        if (strstr(request, "/first"))
                server_answer(fd, 200, "");
        else
                t->n_held++;
}

Test(http, a_burst_waits_for_its_turn_but_not_what_is_urgent)
{
        struct run t;

        begin(&t, hold);
        t.wanted = 100;
        ask(&t, "/first", NULL); /* its answer tells that this is no HTTP/2, and that each call needs a connection */
        while (t.done == 0)
                cr_assert_geq(sd_event_run(t.server.event, UINT64_MAX), 0);
        for (int i = 0; i < 70; i++)
                ask(&t, "/", NULL);
        while (t.n_held < 64)
                cr_assert_geq(sd_event_run(t.server.event, UINT64_MAX), 0);
        ask(&t, "/urgent", &(struct http_request){ .urgent = true });
        while (t.n_held < 65)
                cr_assert_geq(sd_event_run(t.server.event, UINT64_MAX), 0);
        cr_expect_str_eq(t.last, "GET /urgent HTTP/1.1");
        end(&t);
}

static void slow(struct server *s, int fd, const char *request)
{
        (void)s, (void)request;
        server_answer(fd, 200, "x");
}

Test(http, what_waited_is_carried_out)
{
        struct run t;

        begin(&t, slow);
        t.wanted = 200;
        for (int i = 0; i < 200; i++)
                ask(&t, "/", NULL);
        sd_event_loop(t.server.event);
        cr_expect_eq(t.done, 200);
        cr_expect(t.error == 0 && t.status == 200);
        end(&t);
}
