/* SPDX-License-Identifier: Apache-2.0 */
/* What /healthz says, and the port that says it in plain HTTP. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/server/health_port.h"
#include "agent/server/http1.h"
#include "common/buf.h"
#include "common/fd.h"
#include "common/mem.h"

static const struct health well = { 0 }, ill = { .syncloop = "the bus is gone" };

static void expect(const struct health *h, const char *target, int status, const char *text)
{
        CLEANUP(freep) char *request = xasprintf("GET %s HTTP/1.1\r\nHost: x\r\n\r\n", target);
        CLEANUP(buf_done) struct buf b = BUF(4096);
        struct http_head head;
        struct err e = ERR_NONE;

        cr_assert_eq(http_head_parse(request, strlen(request), &head, &e), 0);
        cr_expect_eq(health_answer(h, &head.request, &b), status, "%s", target);
        cr_expect_str_eq(b.data, text, "%s: %s", target, b.data);
        http_head_done(&head);
}

Test(health, the_words_are_those_of_kubernetes)
{
        expect(&well, "/healthz", 200, "ok");
        expect(&well, "/healthz/ping", 200, "ok");
        expect(&well, "/healthz/log", 200, "ok");
        expect(&well, "/healthz/syncloop", 200, "ok");
        expect(&well, "/healthz?verbose", 200, "[+]ping ok\n[+]log ok\n[+]syncloop ok\nhealthz check passed\n");
        expect(&well, "/healthz?verbose&exclude=log&exclude=x&exclude=y", 200,
               "[+]ping ok\n[+]log excluded: ok\n[+]syncloop ok\n"
               "warn: some health checks cannot be excluded: no matches for \"x\",\"y\"\nhealthz check passed\n");
        expect(&ill, "/healthz", 500,
               "[+]ping ok\n[+]log ok\n[-]syncloop failed: reason withheld\nhealthz check failed\n");
        expect(&ill, "/healthz?exclude=syncloop", 200, "ok");
        expect(&ill, "/healthz/ping", 200, "ok");
        expect(&ill, "/healthz/syncloop", 500, "internal server error: the bus is gone\n");
}

Test(health, what_was_found_is_counted)
{
        struct health_counts counts = { 0 };
        const struct health good = { .counts = &counts }, bad = { .syncloop = "the bus is gone", .counts = &counts };
        CLEANUP(buf_done) struct buf none = BUF(4096), b = BUF(4096);
        static const char heads[] =
                "# HELP kubernetes_healthcheck [STABLE] The last result of each check: 1 is well, 0 is not\n"
                "# TYPE kubernetes_healthcheck gauge\n"
                "%s"
                "# HELP kubernetes_healthchecks_total [STABLE] How often each check was made, by its result\n"
                "# TYPE kubernetes_healthchecks_total counter\n"
                "%s";
        CLEANUP(freep) char *empty = xasprintf(heads, "", "");
        CLEANUP(freep)
        char *full =
                xasprintf(heads,
                          "kubernetes_healthcheck{name=\"ping\",type=\"healthz\"} 1\n"
                          "kubernetes_healthcheck{name=\"log\",type=\"healthz\"} 1\n"
                          "kubernetes_healthcheck{name=\"syncloop\",type=\"healthz\"} 0\n",
                          "kubernetes_healthchecks_total{name=\"ping\",status=\"success\",type=\"healthz\"} 3\n"
                          "kubernetes_healthchecks_total{name=\"log\",status=\"success\",type=\"healthz\"} 2\n"
                          "kubernetes_healthchecks_total{name=\"syncloop\",status=\"success\",type=\"healthz\"} 2\n"
                          "kubernetes_healthchecks_total{name=\"syncloop\",status=\"error\",type=\"healthz\"} 1\n");

        health_counts_text(&counts, &none);
        cr_assert_str_eq(none.data, empty);
        expect(&good, "/healthz", 200, "ok");
        expect(&good, "/healthz?exclude=log", 200, "ok"); /* what is left out was not looked at */
        expect(&good, "/healthz/log", 200, "ok");         /* nor is it the whole */
        expect(&bad, "/healthz", 500,
               "[+]ping ok\n[+]log ok\n[-]syncloop failed: reason withheld\nhealthz check failed\n");
        health_counts_text(&counts, &b);
        cr_assert_str_eq(b.data, full, "%s", b.data);
}

Test(health, a_log_that_nobody_takes_is_not_well)
{
        int pair[2], before = dup(STDERR_FILENO);

        cr_assert_null(health_of_log());
        cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
        cr_assert_eq(dup2(pair[0], STDERR_FILENO), STDERR_FILENO);
        cr_assert_null(health_of_log());
        close(pair[1]);
        cr_assert_not_null(health_of_log());
        close(STDERR_FILENO);
        cr_assert_not_null(health_of_log());
        dup2(before, STDERR_FILENO);
        close(before);
        close(pair[0]);
}

/* ---- the port ---------------------------------------------------------------------------------------------------- */

static sd_event *event;
static struct health_port *port;
static struct health now;

static void look(void *userdata UNUSED, struct health *ret)
{
        *ret = now;
}

static void begin(unsigned time_ms)
{
        const struct health_port_config config = { .address = "127.0.0.1", .look = look, .time_ms = time_ms };
        struct err e = ERR_NONE;

        cr_assert(sd_event_new(&event) >= 0);
        cr_assert_eq(health_port_new(event, &config, &port, &e), 0, "%s", e.text);
        now = well;
}

static void end(void)
{
        port = health_port_free(port);
        sd_event_unref(event);
}

static int caller(void)
{
        struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(health_port_number(port)) };
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        cr_assert_eq(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
        return fd;
}

/* What the port sends until it hangs up; the loop turns meanwhile. */
static char *hear(int fd)
{
        struct buf b = BUF(65536);
        char data[4096];

        for (;;) {
                struct pollfd p = { .fd = fd, .events = POLLIN };
                ssize_t n;

                sd_event_run(event, 1000);
                if (poll(&p, 1, 0) <= 0)
                        continue;
                n = read(fd, data, sizeof(data));
                if (n <= 0)
                        return buf_steal(&b);
                buf_add(&b, data, (size_t)n);
        }
}

static char *ask(const char *request)
{
        FD fd = caller();

        cr_assert_eq(send(fd, request, strlen(request), 0), (ssize_t)strlen(request));
        return hear(fd);
}

static void told(const char *request, const char *first, const char *last)
{
        CLEANUP(freep) char *answer = ask(request);

        cr_expect(starts_with(answer, first), "%s: %s", request, answer);
        cr_expect(ends_with(answer, last), "%s: %s", request, answer);
}

Test(health, the_port_tells_that_and_nothing_else)
{
        begin(0);
        told("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200 OK\r\n", "\r\n\r\nok");
        told("GET /healthz HTTP/1.0\r\n\r\n", "HTTP/1.1 200 OK\r\n", "\r\n\r\nok");
        told("HEAD /healthz HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200 OK\r\n", "Connection: close\r\n\r\n");
        told("GET /healthz/syncloop HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200 OK\r\n", "\r\n\r\nok");
        told("GET /pods HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 404 Not Found\r\n", "\r\n\r\nNot Found");
        told("GET /healthz/../pods HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 404 Not Found\r\n", "Not Found");
        told("nonsense\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n", "Bad Request");
        now = ill;
        told("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 500 Internal Server Error\r\n",
             "[-]syncloop failed: reason withheld\nhealthz check failed\n");
        end();
}

Test(health, a_request_without_an_end_is_refused)
{
        char request[HEALTH_PORT_HEAD_MAX + 2];

        begin(0);
        memset(request, 'x', sizeof(request) - 1);
        request[sizeof(request) - 1] = '\0';
        told(request, "HTTP/1.1 431 ", "");
        end();
}

Test(health, who_says_nothing_is_hung_up_on)
{
        begin(50);
        FD fd = caller();
        CLEANUP(freep) char *answer = hear(fd);

        cr_assert_str_eq(answer, "");
        end();
}

Test(health, one_more_takes_the_place_of_the_oldest)
{
        int idle[HEALTH_PORT_CONNECTIONS_MAX];
        char *answer;

        begin(0);
        for (size_t i = 0; i < ARRAY_LEN(idle); i++)
                idle[i] = caller();
        told("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200 OK\r\n", "\r\n\r\nok");
        answer = hear(idle[0]);
        cr_assert_str_eq(answer, "");
        free(answer);
        cr_assert(send(idle[1], "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", 35, 0) > 0);
        answer = hear(idle[1]);
        cr_assert(starts_with(answer, "HTTP/1.1 200 OK\r\n"));
        free(answer);
        for (size_t i = 0; i < ARRAY_LEN(idle); i++)
                close(idle[i]);
        end();
}

Test(health, a_port_that_is_taken_is_said)
{
        struct health_port *other = NULL;
        struct err e = ERR_NONE;

        begin(0);
        const struct health_port_config config = { .address = "127.0.0.1",
                                                   .port = health_port_number(port),
                                                   .look = look };
        cr_assert(health_port_new(event, &config, &other, &e) < 0);
        cr_assert(strstr(e.text, "cannot listen on 127.0.0.1 port"));
        end();
}
