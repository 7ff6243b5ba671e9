/* SPDX-License-Identifier: Apache-2.0 */
#include "common/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

static void *must(void *p)
{
        static const char words[] = "vks: out of memory\n";

        if (!p) {
                (void)!write(STDERR_FILENO, words, sizeof(words) - 1);
                abort();
        }
        return p;
}

void *xcalloc(size_t n, size_t size)
{
        return must(calloc(n ? n : 1, size ? size : 1));
}

void *xrealloc(void *p, size_t n, size_t size)
{
        return must(reallocarray(p, n ? n : 1, size));
}

char *xstrdup(const char *s)
{
        return s ? must(strdup(s)) : NULL;
}

char *xstrndup(const char *s, size_t n)
{
        return must(strndup(s, n));
}

void *xmemdup(const void *p, size_t n)
{
        char *d = xcalloc(n + 1, 1);

        if (n)
                memcpy(d, p, n);
        return d;
}

char *xasprintf(const char *fmt, ...)
{
        va_list ap;
        char *s = NULL;
        int n;

        va_start(ap, fmt);
        n = vasprintf(&s, fmt, ap);
        va_end(ap);
        return must(n < 0 ? NULL : s);
}

bool str_copy(char *ret, size_t size, const char *start, const char *end)
{
        size_t n = (size_t)(end - start);

        if (n >= size)
                return false;
        memcpy(ret, start, n);
        ret[n] = '\0';
        return true;
}

void strv_push(char ***v, size_t *n, char *s)
{
        *v = xrealloc(*v, *n + 2, sizeof(char *));
        (*v)[(*n)++] = s;
        (*v)[*n] = NULL;
}

char **strv_free(char **v)
{
        for (char **p = v; p && *p; p++)
                free(*p);
        free(v);
        return NULL;
}
