/* SPDX-License-Identifier: Apache-2.0 */
/* One run of a probe, against real sockets. Commands (exec) want a systemd: tests/e2e/probes.sh. */
#include <errno.h>

#include "agent/client/http_get.h"
#include "agent/probes/attempt.h"
#include "common/buf.h"
#include "tests/unit/http_server.h"

struct run {
        struct server server;
        struct attempt_means means;
        unsigned done;
        enum attempt_result result;
        char text[1024], request[4096];
        int status; /* of the health service */
};

static void on_done(void *userdata, enum attempt_result result, const char *text)
{
        struct run *t = userdata;

        t->done++;
        t->result = result;
        snprintf(t->text, sizeof(t->text), "%s", text);
}

static void begin(struct run *t, void (*handler)(struct server *s, int fd, const char *request))
{
        *t = (struct run){ 0 };
        server_start(&t->server, handler, t);
        t->means = (struct attempt_means){ .http = http_get_client(t->server.event), .ip = "127.0.0.1" };
}

static void finish(struct run *t)
{
        http_free(t->means.http);
        server_stop(&t->server);
}

static void attempt(struct run *t, struct probe p)
{
        struct container c = { 0 };
        struct pods_container where = { .container = &c };

        if (!p.port)
                p.port = (uint16_t)t->server.port;
        if (!p.timeout_s)
                p.timeout_s = 600;
        (void)attempt_start(&t->means, &where, &p, on_done, t);
        cr_assert_eq(t->done, 0);
        while (!t->done)
                cr_assert(sd_event_run(t->server.event, UINT64_MAX) >= 0);
        cr_assert_eq(t->done, 1);
}

static uint16_t dead_port(int *ret_fd)
{
        struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        socklen_t size = sizeof(a);

        *ret_fd = socket(AF_INET, SOCK_STREAM, 0); /* bound, and no listener */
        cr_assert(bind(*ret_fd, (struct sockaddr *)&a, sizeof(a)) == 0);
        cr_assert(getsockname(*ret_fd, (struct sockaddr *)&a, &size) == 0);
        return ntohs(a.sin_port);
}

/* "/200" is answered by that status. */
static void answer_path(struct server *s, int fd, const char *request)
{
        struct run *t = s->userdata;

        snprintf(t->request, sizeof(t->request), "%s", request);
        server_answer(fd, atoi(request + 5), "the body");
}

static void answer_never(struct server *s, int fd, const char *request)
{
        (void)s, (void)fd, (void)request;
}

Test(attempt, http)
{
        char header[] = "X-Mine: 1", *headers[] = { header, NULL };
        static const struct {
                const char *path;
                enum attempt_result result;
                const char *text;
        } cases[] = {
                { "/200", ATTEMPT_GOOD, "" },
                { "/299", ATTEMPT_GOOD, "" },
                { "/304", ATTEMPT_WARNED, "Probe terminated redirects, Response body: " },
                { "/399", ATTEMPT_WARNED, "Probe terminated redirects, Response body: the body" },
                { "/400", ATTEMPT_BAD, "HTTP probe failed with statuscode: 400" },
                { "/503", ATTEMPT_BAD, "HTTP probe failed with statuscode: 503" },
        };

        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                struct run t;
                begin(&t, answer_path);
                attempt(&t, (struct probe){
                                    .kind = PROBE_HTTP, .path = (char *)(uintptr_t)cases[i].path, .headers = headers });
                cr_expect_eq(t.result, cases[i].result, "%s: %d", cases[i].path, (int)t.result);
                cr_expect_str_eq(t.text, cases[i].text, "%s: %s", cases[i].path, t.text);
                cr_expect(strstr(t.request, "\r\nX-Mine: 1\r\n"));
                cr_expect(strstr(t.request, "\r\nUser-Agent: kube-probe/"));
                finish(&t);
        }
}

Test(attempt, http_without_an_answer)
{
        struct run t;

        begin(&t, answer_never);
        attempt(&t, (struct probe){ .kind = PROBE_HTTP, .timeout_s = 1 });
        cr_expect_eq(t.result, ATTEMPT_BAD);
        cr_expect(strstr(t.text, "context deadline exceeded"), "%s", t.text);
        finish(&t);
}

Test(attempt, tcp)
{
        static char host[] = "localhost";
        struct run t;
        int fd;

        begin(&t, answer_never);
        attempt(&t, (struct probe){ .kind = PROBE_TCP });
        cr_expect_eq(t.result, ATTEMPT_GOOD, "%s", t.text);
        t.done = 0;
        attempt(&t, (struct probe){ .kind = PROBE_TCP, .host = host }); /* a name */
        cr_expect_eq(t.result, ATTEMPT_GOOD, "%s", t.text);
        cr_expect_eq(t.server.requests, 0, "nothing is said");
        t.done = 0;
        attempt(&t, (struct probe){ .kind = PROBE_TCP, .port = dead_port(&fd) });
        cr_expect_eq(t.result, ATTEMPT_BAD);
        cr_expect(starts_with(t.text, "dial tcp 127.0.0.1:") && ends_with(t.text, ": connect: connection refused"),
                  "%s", t.text);
        close(fd);
        finish(&t);
}

/* ---- grpc: an HTTP/2 server that knows one answer ---------------------------------------------------------------- */

static void frame(struct buf *b, int type, int flags, int stream, const void *data, size_t n)
{
        const char head[] = {
                (char)(n >> 16), (char)(n >> 8), (char)n, (char)type, (char)flags, 0, 0, 0, (char)stream
        };

        buf_add(b, head, sizeof(head));
        buf_add(b, data, n);
}

static void field(struct buf *b, const char *name, const char *value) /* literal, not indexed */
{
        buf_char(b, 0);
        buf_char(b, (char)strlen(name));
        buf_str(b, name);
        buf_char(b, (char)strlen(value));
        buf_str(b, value);
}

static void answer_health(struct server *s, int fd, const char *request)
{
        enum { DATA, HEADERS, SETTINGS = 4, END_STREAM = 1, ACK = 1, END_HEADERS = 4 };
        struct run *t = s->userdata;
        CLEANUP(buf_done) struct buf out = BUF(4096), head = BUF(1000), tail = BUF(1000);
        const char body[] = { 0, 0, 0, 0, 2, 8, (char)t->status };

        if (s->requests > 1) /* what is said after the first piece needs no answer */
                return;
        cr_assert(starts_with(request, "PRI * HTTP/2.0\r\n"));
        buf_char(&head, (char)0x88); /* :status 200 */
        field(&head, "content-type", "application/grpc");
        field(&tail, "grpc-status", t->status < 0 ? "12" : "0");
        field(&tail, "grpc-message", "unknown%20service");
        frame(&out, SETTINGS, 0, 0, NULL, 0);
        frame(&out, SETTINGS, ACK, 0, NULL, 0);
        frame(&out, HEADERS, END_HEADERS, 1, head.data, head.len);
        if (t->status >= 0)
                frame(&out, DATA, 0, 1, body, sizeof(body));
        frame(&out, HEADERS, END_HEADERS | END_STREAM, 1, tail.data, tail.len);
        cr_assert(buf_ok(&out) && write(fd, out.data, out.len) == (ssize_t)out.len);
}

Test(attempt, grpc)
{
        static char service[] = "a.B";
        static const struct {
                int status;
                enum attempt_result result;
                const char *text;
        } cases[] = {
                { 1, ATTEMPT_GOOD, "service healthy" },
                { 2, ATTEMPT_BAD, "service unhealthy (responded with \"NOT_SERVING\")" },
                { -1, ATTEMPT_BAD,
                  "error: this server does not implement the grpc health protocol (grpc.health.v1.Health): unknown "
                  "service" },
        };

        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                struct run t;
                begin(&t, answer_health);
                t.status = cases[i].status;
                attempt(&t, (struct probe){ .kind = PROBE_GRPC, .service = service });
                cr_expect_eq(t.result, cases[i].result, "%s", t.text);
                cr_expect_str_eq(t.text, cases[i].text, "%s", t.text);
                finish(&t);
        }
}

Test(attempt, grpc_without_an_answer)
{
        static char service[] = "";
        struct run t;
        int fd;

        begin(&t, answer_never);
        attempt(&t, (struct probe){ .kind = PROBE_GRPC, .service = service, .timeout_s = 1 });
        cr_expect_eq(t.result, ATTEMPT_BAD);
        cr_expect(starts_with(t.text, "timeout: "), "%s", t.text);
        t.done = 0;
        attempt(&t, (struct probe){ .kind = PROBE_GRPC, .service = service, .port = dead_port(&fd) });
        cr_expect_eq(t.result, ATTEMPT_BAD);
        cr_expect(strstr(t.text, "connection refused"), "%s", t.text);
        close(fd);
        finish(&t);
        begin(&t, answer_path); /* speaks HTTP/1.1 */
        attempt(&t, (struct probe){ .kind = PROBE_GRPC, .service = service });
        cr_expect_eq(t.result, ATTEMPT_BAD);
        cr_expect(starts_with(t.text, "error: "), "%s", t.text);
        finish(&t);
}

Test(attempt, who_is_cancelled_is_not_told)
{
        struct container c = { 0 };
        struct pods_container where = { .container = &c };
        static char service[] = "";
        struct run t;

        begin(&t, answer_path);
        for (enum probe_kind k = PROBE_HTTP; k <= PROBE_GRPC; k++) {
                struct probe p = { .kind = k, .port = (uint16_t)t.server.port, .timeout_s = 9, .service = service };
                cr_assert_null(attempt_cancel(attempt_start(&t.means, &where, &p, on_done, &t)));
        }
        attempt(&t, (struct probe){ .kind = PROBE_HTTP, .path = (char[]){ "/204" } });
        cr_assert_null(attempt_cancel(NULL));
        finish(&t);
}
