/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/server/container_log.h"

#include <errno.h>

#include "common/mem.h"

struct log_answer {
        struct response *res;
        struct log_stream *lines;
};

static bool on_write(void *userdata, UNUSED const char *stream, const void *p, size_t n)
{
        struct log_answer *a = userdata;

        return response_write(a->res, p, n);
}

static void on_end(void *userdata)
{
        CLEANUP(freep) struct log_answer *a = userdata;

        response_end(a->res);
}

static void on_ready(void *userdata)
{
        struct log_answer *a = userdata;

        log_stream_go_on(a->lines);
}

static void on_closed(void *userdata)
{
        CLEANUP(freep) struct log_answer *a = userdata;

        log_stream_free(a->lines);
}

void container_log_start(sd_event *event, struct response *res, const struct log_source *source,
                         const struct log_options *options,
                         bool (*running)(void *userdata, const char *pod_uid, const char *container, const char *run),
                         void *userdata)
{
        CLEANUP(freep) struct log_answer *a = NEW(struct log_answer);
        const struct log_sink sink = { .write = on_write, .end = on_end, .userdata = a };
        struct err e = ERR_NONE;
        int r;

        a->res = res;
        r = log_stream_new(event, source, options, &sink, running, userdata, &a->lines, &e);
        if (r < 0)
                response_error(res, r == -EUSERS ? 429 : 500, "%s", e.text);
        else
                response_start(res, "text/plain", on_ready, on_closed, TAKE(a));
}
