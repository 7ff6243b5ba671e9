/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/stats/exposition.h"

#include <inttypes.h>

void exposition_head(struct buf *b, const char *name, const char *type, const char *help)
{
        buf_printf(b, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

void exposition_label(struct buf *b, const char *before, const char *name, const char *value)
{
        buf_printf(b, "%s%s=\"", before, name);
        for (const char *s = value; *s;) {
                size_t n = strcspn(s, "\\\"\n");

                buf_add(b, s, n);
                s += n;
                if (*s)
                        buf_str(b, *s == '\n' ? "\\n" : *s == '"' ? "\\\"" : "\\\\");
                s += *s != '\0';
        }
        buf_char(b, '"');
}

void exposition_value(struct buf *b, struct number value, uint64_t at)
{
        if (value.micro)
                buf_printf(b, " %" PRIu64 ".%06" PRIu32, value.whole, value.micro);
        else
                buf_printf(b, " %" PRIu64, value.whole);
        if (at)
                buf_printf(b, " %" PRIu64, at / 1000);
        buf_char(b, '\n');
}

void exposition_single(struct buf *b, const char *name, const char *type, const char *help, struct number value)
{
        exposition_head(b, name, type, help);
        buf_str(b, name);
        exposition_value(b, value, 0);
}
