/* SPDX-License-Identifier: Apache-2.0 */
/* A request's head as it comes off the wire: whatever is taken must be well-formed. */
#include "agent/server/http1.h"
#include "agent/server/container_log.h"
#include "agent/server/node_log_query.h"
#include "agent/server/zpages.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        const char *p = (const char *)data;
        size_t n = http_head_length(p, size, 0);
        struct log_options options;
        struct node_log_query query;
        struct zpage_wish wish;
        struct http_head h;
        struct err e;

        if (n == 0 || http_head_parse(p, n, &h, &e) < 0)
                return 0;
        if (h.request.path[0] != '/' || h.n_headers > HTTP_HEADERS_MAX || http_header(&h, "transfer-encoding"))
                __builtin_trap();
        for (size_t i = 0; i < h.request.n_query; i++)
                if (!h.request.query[i].name || !h.request.query[i].value)
                        __builtin_trap();
        if (log_options_parse(&h.request, 1767366245123456, &options, &e) == 0 &&
            (options.tail < -1 || options.limit_bytes < -1))
                __builtin_trap();
        if (node_log_query_parse(&h.request, "", &query, &e) == 0 &&
            (query.n_services > NODE_LOG_SERVICES_MAX || query.options.tail < -1 ||
             query.options.tail > NODE_LOG_TAIL_MAX || query.options.since_usec > query.options.until_usec ||
             (query.options.of_boot && query.options.boot > 0)))
                __builtin_trap();
        if (zpage_negotiate(http_header(&h, "accept"), "Statusz", &wish) == 0 &&
            (wish.form == ZPAGE_TEXT) != (wish.version == NULL))
                __builtin_trap();
        http_head_done(&h);
        return 0;
}
