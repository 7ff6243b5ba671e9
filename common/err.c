/* SPDX-License-Identifier: Apache-2.0 */
#include "common/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

/* Ends an over-long text with "..." so that a reader sees that something is missing. */
static void mark_cut(struct err *e, int written)
{
        if (written >= ERR_TEXT_MAX)
                memcpy(e->text + ERR_TEXT_MAX - 4, "...", 4);
}

static void PRINTF(4, 0) fill(struct err *e, int code, const char *reason, const char *fmt, va_list ap)
{
        e->code = code;
        snprintf(e->reason, sizeof(e->reason), "%s", reason ? reason : "");
        mark_cut(e, vsnprintf(e->text, sizeof(e->text), fmt, ap));
}

int err_set(struct err *e, int code, const char *reason, const char *fmt, ...)
{
        va_list ap;

        if (!e)
                return code;
        va_start(ap, fmt);
        fill(e, code, reason, fmt, ap);
        va_end(ap);
        return code;
}

int err_errno(struct err *e, int code, const char *reason, const char *fmt, ...)
{
        va_list ap;
        size_t n;

        if (!e)
                return code;
        va_start(ap, fmt);
        fill(e, code, reason, fmt, ap);
        va_end(ap);
        n = strlen(e->text);
        mark_cut(e, (int)n + snprintf(e->text + n, sizeof(e->text) - n, ": %s", strerrordesc_np(-code)));
        return code;
}

int err_prefix(struct err *e, const char *fmt, ...)
{
        char head[ERR_TEXT_MAX], tail[ERR_TEXT_MAX];
        va_list ap;
        int n;

        if (!e)
                return -EINVAL;
        va_start(ap, fmt);
        vsnprintf(head, sizeof(head), fmt, ap);
        va_end(ap);
        memcpy(tail, e->text, sizeof(tail));
        n = snprintf(e->text, sizeof(e->text), "%s%s", head, tail);
        mark_cut(e, n);
        return e->code;
}
