/* SPDX-License-Identifier: Apache-2.0 */
#include "common/buf.h"

#include <stdarg.h>
#include <stdio.h>

#include "common/mem.h"

static void forget(struct buf *b)
{
        if (b->secret && b->data)
                explicit_bzero(b->data, b->size);
        free(b->data);
}

static bool make_room(struct buf *b, size_t n)
{
        size_t want;

        if (b->overflow || n > b->max - b->len) {
                b->overflow = true;
                return false;
        }
        want = b->len + n + 1;
        if (want > b->size) {
                size_t size = b->size ? b->size * 2 : 64;
                if (size < want)
                        size = want;
                if (size > b->max + 1)
                        size = b->max + 1;
                if (b->secret) {
                        char *data = xcalloc(size, 1);
                        if (b->len)
                                memcpy(data, b->data, b->len);
                        forget(b);
                        b->data = data;
                } else {
                        b->data = xrealloc(b->data, size, 1);
                }
                b->size = size;
        }
        return true;
}

void buf_add(struct buf *b, const void *p, size_t n)
{
        if (!make_room(b, n))
                return;
        if (n)
                memcpy(b->data + b->len, p, n);
        b->len += n;
        b->data[b->len] = '\0';
}

void buf_str(struct buf *b, const char *s)
{
        buf_add(b, s, strlen(s));
}

void buf_char(struct buf *b, char c)
{
        buf_add(b, &c, 1);
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
        CLEANUP(freep) char *s = NULL;
        char few[128]; /* most are */
        va_list ap;
        int n;

        va_start(ap, fmt);
        n = vsnprintf(few, sizeof(few), fmt, ap);
        va_end(ap);
        if (n >= (int)sizeof(few)) {
                va_start(ap, fmt);
                n = vasprintf(&s, fmt, ap);
                va_end(ap);
        }
        if (n < 0)
                s = NULL, b->overflow = true;
        else
                buf_add(b, s ? s : few, (size_t)n);
}

void buf_consume(struct buf *b, size_t n)
{
        if (n >= b->len) {
                buf_reset(b);
                return;
        }
        memmove(b->data, b->data + n, b->len - n + 1);
        b->len -= n;
}

void buf_reset(struct buf *b)
{
        b->len = 0;
        b->overflow = false;
        if (b->data)
                b->data[0] = '\0';
}

void buf_done(struct buf *b)
{
        forget(b);
        *b = (struct buf){ .max = b->max, .secret = b->secret };
}

char *buf_steal(struct buf *b)
{
        char *s = b->data ? b->data : xcalloc(1, 1);

        *b = BUF(b->max);
        return s;
}
