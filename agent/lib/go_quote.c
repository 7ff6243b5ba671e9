/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/lib/go_quote.h"

#include <locale.h>
#include <wctype.h>

#include "agent/lib/json.h"

/*
 * Letters, marks, numbers, punctuation, symbols and the ASCII blank are printable to Go. The C library knows which
 * characters there are; to it these are printable as well: other blanks (Zs), format characters (Cf), private use (Co).
 */
static const struct {
        uint32_t first, last;
} unprintable[] = {
        { 0xa0, 0xa0 },       { 0xad, 0xad },       { 0x600, 0x605 },     { 0x61c, 0x61c },      { 0x6dd, 0x6dd },
        { 0x70f, 0x70f },     { 0x890, 0x891 },     { 0x8e2, 0x8e2 },     { 0x1680, 0x1680 },    { 0x180e, 0x180e },
        { 0x2000, 0x200f },   { 0x2028, 0x202f },   { 0x205f, 0x206f },   { 0x3000, 0x3000 },    { 0xd800, 0xf8ff },
        { 0xfeff, 0xfeff },   { 0xfff9, 0xfffb },   { 0x110bd, 0x110bd }, { 0x110cd, 0x110cd },  { 0x13430, 0x1343f },
        { 0x1bca0, 0x1bca3 }, { 0x1d173, 0x1d17a }, { 0xe0001, 0xe007f }, { 0xf0000, 0x10ffff },
};

static bool is_printable(uint32_t c)
{
        static locale_t utf8;

        if (c < 0x80)
                return c >= ' ' && c != 0x7f;
        for (size_t i = 0; i < ARRAY_LEN(unprintable); i++)
                if (unprintable[i].first <= c && c <= unprintable[i].last)
                        return false;
        if (!utf8)
                utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
        return utf8 && iswprint_l((wint_t)c, utf8);
}

/* The character that `s` begins with, and its bytes; 0 bytes where there is none in UTF-8. */
static size_t decode(const unsigned char *s, uint32_t *ret)
{
        static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
        size_t n = s[0] < 0x80 ? 1 : s[0] >= 0xf0 && s[0] < 0xf8 ? 4 : s[0] >= 0xe0 ? 3 : s[0] >= 0xc0 ? 2 : 0;
        uint32_t c = n == 1 ? s[0] : (uint32_t)(s[0] & (0xff >> (n + 1)));

        if (n == 0 || s[0] >= 0xf8)
                return 0;
        for (size_t i = 1; i < n; i++) {
                if ((s[i] & 0xc0) != 0x80)
                        return 0;
                c = c << 6 | (s[i] & 0x3f);
        }
        *ret = c;
        return c < least[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff) ? 0 : n;
}

void quote_go(struct buf *b, const char *s)
{
        static const char named[] = "\a\b\f\n\r\t\v\"\\", names[] = "abfnrtv\"\\";

        buf_char(b, '"');
        while (*s) {
                const char *escape = strchr(named, *s);
                uint32_t c = 0;
                size_t n = decode((const unsigned char *)s, &c);

                if (*s == JSON_NUL)
                        buf_str(b, "\\x00");
                else if (escape)
                        buf_printf(b, "\\%c", names[escape - named]);
                else if (n == 0 || (n == 1 && !is_printable(c)))
                        buf_printf(b, "\\x%02x", (unsigned char)*s);
                else if (is_printable(c))
                        buf_add(b, s, n);
                else
                        buf_printf(b, c > 0xffff ? "\\U%08x" : "\\u%04x", c);
                s += n ? n : 1;
        }
        buf_char(b, '"');
}
