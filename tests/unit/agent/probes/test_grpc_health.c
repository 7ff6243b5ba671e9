/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include "agent/probes/grpc_health.h"
#include "common/mem.h"

static void request(const char *service, const char *bytes, size_t size)
{
        CLEANUP(buf_done) struct buf b = BUF(4096);

        grpc_health_request(&b, service);
        cr_assert_eq(b.len, size, "%s: %zu bytes", service, b.len);
        cr_assert_eq(memcmp(b.data, bytes, size), 0, "%s", service);
}

Test(grpc_health, requests)
{
        CLEANUP(freep) char *service = xcalloc(1, 301);
        CLEANUP(buf_done) struct buf b = BUF(4096);

        request("", "\0\0\0\0\0", 5);
        request("a.B", "\0\0\0\0\5\n\3a.B", 10);
        memset(service, 'x', 300);
        grpc_health_request(&b, service);
        cr_assert_eq(b.len, 5 + 303);
        cr_assert_eq(memcmp(b.data, "\0\0\0\1\57\n\254\2xx", 10), 0);
}

struct answer {
        const char *lines; /* with "|" between them */
        const char *body;
        size_t size;
        bool healthy;
        const char *words;
};

#define FINE "HTTP/2 200 |content-type: application/grpc|"
#define OK   FINE "grpc-status: 0|grpc-message: "

static const struct answer answers[] = {
        { OK, "\0\0\0\0\2\10\1", 7, true, "service healthy" },
        { OK, "\0\0\0\0\2\10\2", 7, false, "service unhealthy (responded with \"NOT_SERVING\")" },
        { OK, "\0\0\0\0\2\10\3", 7, false, "service unhealthy (responded with \"SERVICE_UNKNOWN\")" },
        { OK, "\0\0\0\0\0", 5, false, "service unhealthy (responded with \"UNKNOWN\")" },
        { OK, "\0\0\0\0\3\10\350\7", 8, false, "service unhealthy (responded with \"1000\")" },
        { OK, "\0\0\0\0\5\22\1x\10\1", 10, true, "service healthy" }, /* a field that nobody knows */
        { OK, "\0\0\0\0\7\25zzzz\10\1", 12, true, "service healthy" },
        { OK, "\0\0\0\0\13\21zzzzzzzz\10\1", 16, true, "service healthy" },
        { OK, "\0\0\0\0\4\20\5\10\1", 9, true, "service healthy" },
        { OK, "", 0, false, "error: health rpc probe failed: the answer is no HealthCheckResponse" },
        { OK, "\1\0\0\0\2\10\1", 7, false, "error: health rpc probe failed: the answer is no HealthCheckResponse" },
        { OK, "\0\0\0\0\3\10\1", 7, false, "error: health rpc probe failed: the answer is no HealthCheckResponse" },
        { OK, "\0\0\0\0\1\10", 6, false, "error: health rpc probe failed: the answer is no HealthCheckResponse" },
        { OK, "\0\0\0\0\2\10\201", 7, false, "error: health rpc probe failed: the answer is no HealthCheckResponse" },
        { OK, "\0\0\0\0\2\22\5", 7, false, "error: health rpc probe failed: the answer is no HealthCheckResponse" },
        { OK, "\0\0\0\0\2\13\1", 7, false, "error: health rpc probe failed: the answer is no HealthCheckResponse" },
        { OK, "\0\0\0\0\14\10\377\377\377\377\377\377\377\377\377\377\1", 17, false,
          "error: health rpc probe failed: the answer is no HealthCheckResponse" },
        { FINE "grpc-status: 12|grpc-message: unknown service", "", 0, false,
          "error: this server does not implement the grpc health protocol (grpc.health.v1.Health): unknown service" },
        { FINE "GRPC-STATUS: 5|grpc-message: no%20such %zz%2", "", 0, false,
          "error: health rpc probe failed: rpc error: code = 5 desc = no such %zz%2" },
        { FINE "grpc-status: x", "\0\0\0\0\2\10\1", 7, false,
          "error: health rpc probe failed: rpc error: code = 2 desc = no grpc-status" },
        { FINE, "\0\0\0\0\2\10\1", 7, false,
          "error: health rpc probe failed: rpc error: code = 2 desc = no grpc-status" },
        { "HTTP/2 404 |grpc-status: 0", "\0\0\0\0\2\10\1", 7, false,
          "error: health rpc probe failed: unexpected HTTP status code 404" },
        { "HTTP/2 103 |grpc-status: 3|" OK, "\0\0\0\0\2\10\1", 7, true, "service healthy" },
        { "", "", 0, false, "error: health rpc probe failed: unexpected HTTP status code 0" },
};

Test(grpc_health, answers)
{
        for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
                const struct answer *t = &answers[i];
                struct grpc_answer a = { .code = -1 };
                CLEANUP(buf_done) struct buf words = BUF(4096);
                /* of its own, so that who reads behind it is seen */
                CLEANUP(freep) char *body = memcpy(xcalloc(1, t->size + !t->size), t->body, t->size);

                for (const char *line = t->lines; *line;) {
                        size_t n = strcspn(line, "|");
                        CLEANUP(freep) char *whole = xasprintf("%.*s\r\n", (int)n, line);
                        grpc_take_line(&a, whole, strlen(whole));
                        line += n + (line[n] == '|');
                }
                cr_expect_eq(grpc_is_healthy(&a, body, t->size, &words), t->healthy, "%zu: %s", i, words.data);
                cr_expect_str_eq(words.data, t->words, "%zu: %s", i, words.data);
        }
}

Test(grpc_health, a_long_message_is_cut)
{
        struct grpc_answer a = { .code = -1 };
        char line[2000];

        memset(line, 'm', sizeof(line));
        memcpy(line, "grpc-message:", 13);
        grpc_take_line(&a, line, sizeof(line));
        cr_assert_eq(strlen(a.message), sizeof(a.message) - 1);
}
