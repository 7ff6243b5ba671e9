/* SPDX-License-Identifier: Apache-2.0 */
/* Allocation that ends the process when it fails, and the few owned-string helpers everything is built from. */
#ifndef VKS_COMMON_MEM_H
#define VKS_COMMON_MEM_H

#include <stdlib.h>

#include "common/base.h"

/* All of these return memory the caller owns (free()), and never NULL. */
void *xcalloc(size_t n, size_t size) MUST_USE;
void *xrealloc(void *p, size_t n, size_t size) MUST_USE;
char *xstrdup(const char *s) MUST_USE; /* xstrdup(NULL) is NULL: absence is copied too */
char *xstrndup(const char *s, size_t n) MUST_USE;
void *xmemdup(const void *p, size_t n) MUST_USE; /* with a NUL behind it that does not count */
char *xasprintf(const char *fmt, ...) PRINTF(1, 2) MUST_USE;

/* [start, end) into a field of `size` bytes, with a NUL; false, and nothing is written, when it does not fit. */
bool str_copy(char *ret, size_t size, const char *start, const char *end);

#define NEW(type) ((type *)xcalloc(1, sizeof(type)))

static inline UNUSED void freep(void *p)
{
        free(*(void **)p);
}

/* A NULL-terminated array of owned strings. strv_push takes ownership of `s`; *v may start as NULL. */
void strv_push(char ***v, size_t *n, char *s);
char **strv_free(char **v);
DEFINE_FREEP(char *, strv_free)

#endif
