/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A growing byte buffer that cannot exist without a bound. Going over the bound does not fail at the call: it sets
 * `overflow`, later additions are dropped, and whoever uses the result asks buf_ok() once at the end.
 */
#ifndef VKS_COMMON_BUF_H
#define VKS_COMMON_BUF_H

#include "common/base.h"

struct buf {
        char *data; /* always NUL-terminated once something was added; NULL before */
        size_t len; /* without the NUL */
        size_t size;
        size_t max; /* largest `len` */
        bool overflow;
        bool secret; /* no copy of its bytes stays in memory */
};

#define BUF(limit)        ((struct buf){ .max = (limit) })
#define SECRET_BUF(limit) ((struct buf){ .max = (limit), .secret = true })

void buf_add(struct buf *b, const void *p, size_t n);
void buf_str(struct buf *b, const char *s);
void buf_char(struct buf *b, char c);
void buf_printf(struct buf *b, const char *fmt, ...) PRINTF(2, 3);
void buf_consume(struct buf *b, size_t n); /* drops the first n bytes */
void buf_reset(struct buf *b);             /* empties it, keeps memory and bound */
void buf_done(struct buf *b);              /* frees the memory; the buffer is empty and usable again */
char *buf_steal(struct buf *b);            /* the caller owns the NUL-terminated bytes; never NULL */

static inline bool buf_ok(const struct buf *b)
{
        return !b->overflow;
}

#endif
