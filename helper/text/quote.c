/* SPDX-License-Identifier: Apache-2.0 */
#include "helper/text/unit_parts.h"

void quote_word(struct buf *b, const char *s, bool expanded)
{
        buf_char(b, '"');
        for (; *s; s++) {
                if ((unsigned char)*s < ' ' || (unsigned char)*s >= 0x7f) {
                        buf_printf(b, "\\x%02x", (unsigned char)*s);
                        continue;
                }
                if (*s == '%' || (*s == '$' && expanded))
                        buf_char(b, *s);
                else if (*s == '"' || *s == '\\')
                        buf_char(b, '\\');
                buf_char(b, *s);
        }
        buf_char(b, '"');
}

void quote_path(struct buf *b, const char *s)
{
        buf_char(b, '"');
        for (; *s; s++) {
                if (*s == '%' || *s == '"')
                        buf_char(b, *s == '%' ? '%' : '\\');
                buf_char(b, *s);
        }
        buf_char(b, '"');
}
