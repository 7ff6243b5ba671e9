/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/logs/log_end.h"

#include <string.h>

#include "agent/lib/any_text.h"
#include "common/log.h"
#include "common/mem.h"

struct log_end {
        char text[LOG_END_BYTES + 1];
        size_t n;
        void (*done)(void *userdata, const char *text);
        void *userdata;
};

static bool on_write(void *userdata, UNUSED const char *stream, const void *p, size_t n)
{
        struct log_end *l = userdata;
        const char *bytes = p;
        size_t gone;

        if (n > LOG_END_BYTES) {
                bytes += n - LOG_END_BYTES;
                n = LOG_END_BYTES;
        }
        gone = l->n + n > LOG_END_BYTES ? l->n + n - LOG_END_BYTES : 0;
        memmove(l->text, l->text + gone, l->n - gone);
        l->n -= gone;
        memcpy(l->text + l->n, bytes, n);
        l->n += n;
        return true;
}

/* The journal may have got more lines since it was opened at the last of them. */
static const char *last_lines(const char *text, size_t n)
{
        const char *at = text + n;

        for (unsigned lines = 0; at > text; at--)
                if (at[-1] == '\n' && at < text + n && ++lines == LOG_END_LINES)
                        break;
        return at;
}

static void on_end(void *userdata)
{
        CLEANUP(freep) struct log_end *l = userdata;

        any_text_mend(l->text, l->n);
        l->done(l->userdata, last_lines(l->text, l->n));
}

static bool never(UNUSED void *userdata, UNUSED const char *pod_uid, UNUSED const char *container,
                  UNUSED const char *run)
{
        return false;
}

int log_end_read(sd_event *event, const struct log_source *source, void (*done)(void *userdata, const char *text),
                 void *userdata)
{
        const struct log_options options = { .follow = true, .tail = LOG_END_LINES, .limit_bytes = -1 };
        struct log_end *l = NEW(struct log_end);
        const struct log_sink sink = { .write = on_write, .end = on_end, .userdata = l };
        struct log_stream *stream;
        struct err e = ERR_NONE;
        int r;

        l->done = done;
        l->userdata = userdata;
        r = log_stream_new(event, source, &options, &sink, never, NULL, &stream, &e);
        if (r < 0) {
                log_warning("the end of a log, for a termination message: %s", e.text);
                free(l);
        }
        return r;
}
