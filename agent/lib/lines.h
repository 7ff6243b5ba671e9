/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of a text that need not end in NUL or newline. */
#ifndef VKS_AGENT_LIB_LINES_H
#define VKS_AGENT_LIB_LINES_H

#include <ctype.h>
#include <strings.h>

#include "common/base.h"

struct line {
        const char *s;
        size_t n;
};

static inline bool next_line(const char *text, size_t size, size_t *pos, struct line *ret)
{
        const char *end;

        if (*pos >= size)
                return false;
        end = memchr(text + *pos, '\n', size - *pos);
        *ret = (struct line){ text + *pos, end ? (size_t)(end - text) - *pos : size - *pos };
        *pos += ret->n + 1;
        return true;
}

static inline struct line line_trim(struct line l)
{
        while (l.n > 0 && isspace((unsigned char)l.s[0]))
                l.s++, l.n--;
        while (l.n > 0 && isspace((unsigned char)l.s[l.n - 1]))
                l.n--;
        return l;
}

/* Is the line "key<sep>value"? Then *ret_value is the trimmed value. */
static inline bool line_field(struct line l, const char *key, char sep, struct line *ret_value)
{
        size_t n = strlen(key);

        if (l.n <= n || l.s[n] != sep || strncasecmp(l.s, key, n) != 0)
                return false;
        *ret_value = line_trim((struct line){ l.s + n + 1, l.n - n - 1 });
        return true;
}

/* Copies the line to `ret`. False, and "" in `ret`, when the line does not fit or holds a NUL. */
static inline bool line_copy(struct line l, char *ret, size_t size)
{
        ret[0] = '\0';
        if (l.n >= size || memchr(l.s, '\0', l.n))
                return false;
        memcpy(ret, l.s, l.n);
        ret[l.n] = '\0';
        return true;
}

/* Takes the first word off. */
static inline struct line line_word(struct line *rest)
{
        struct line w = { rest->s, 0 };

        while (w.n < rest->n && !isspace((unsigned char)w.s[w.n]))
                w.n++;
        *rest = line_trim((struct line){ rest->s + w.n, rest->n - w.n });
        return w;
}

static inline bool line_is(struct line l, const char *s)
{
        return l.n == strlen(s) && memcmp(l.s, s, l.n) == 0;
}

#endif
