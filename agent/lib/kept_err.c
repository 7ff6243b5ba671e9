/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/lib/kept_err.h"

#include <stdarg.h>
#include <stdio.h>

#include "common/mem.h"

void err_keep(struct kept_err *k, const struct err *e)
{
        free(k->words);
        *k = (struct kept_err){ .code = e->code, .words = *e->text ? xstrdup(e->text) : NULL };
        memcpy(k->reason, e->reason, sizeof(k->reason));
}

void err_keep_set(struct kept_err *k, int code, const char *reason, const char *fmt, ...)
{
        char text[2 * ERR_TEXT_MAX]; /* err_set() tells when it cuts */
        struct err e = ERR_NONE;
        va_list ap;

        va_start(ap, fmt);
        vsnprintf(text, sizeof(text), fmt, ap);
        va_end(ap);
        err_set(&e, code, reason, "%s", text);
        err_keep(k, &e);
}

void err_forget(struct kept_err *k)
{
        free(k->words);
        *k = (struct kept_err){ 0 };
}

const char *kept_text(const struct kept_err *k)
{
        return k->words ? k->words : "";
}
