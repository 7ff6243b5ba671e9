/* SPDX-License-Identifier: Apache-2.0 */
/* What a container answers to a gRPC probe: lines of its head and trailer, a NUL, and the body. */
#include <stdlib.h>

#include "agent/probes/grpc_health.h"
#include "common/mem.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        const uint8_t *end = memchr(data, 0, size), *p = data;
        size_t n = end ? (size_t)(end - data) : size, rest = end ? size - n - 1 : 0;
        struct grpc_answer a = { .code = -1 };
        struct buf words = BUF(4096);
        CLEANUP(freep) void *body = xcalloc(1, rest + !rest);

        while (p < data + n) {
                const uint8_t *line = memchr(p, '\n', (size_t)(data + n - p));
                size_t length = line ? (size_t)(line - p) + 1 : (size_t)(data + n - p);
                CLEANUP(freep) void *copy = malloc(length);

                if (!copy)
                        abort();
                memcpy(copy, p, length);
                grpc_take_line(&a, copy, length);
                p += length;
        }
        if (rest)
                memcpy(body, end + 1, rest);
        if (grpc_is_healthy(&a, body, rest, &words) && (a.http_status != 200 || a.code != 0 || rest < 5))
                abort();
        if (!words.len)
                abort();
        buf_done(&words);
        return 0;
}
