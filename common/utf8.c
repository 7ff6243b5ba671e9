/* SPDX-License-Identifier: Apache-2.0 */
#include "common/utf8.h"

bool utf8_clean(const void *p, size_t size, const char *allowed)
{
        const unsigned char *s = p;

        for (size_t i = 0; i < size;) {
                unsigned char c = s[i++];
                unsigned more = c < 0x80                ? 0
                                : c >= 0xc2 && c < 0xe0 ? 1
                                : c >= 0xe0 && c < 0xf0 ? 2
                                : c >= 0xf0 && c < 0xf5 ? 3
                                                        : 9;
                uint32_t u = more ? c & (0x3fU >> more) : c;

                if (c < ' ' || c == 0x7f ? !c || !strchr(allowed, c) : more > 3 || more > size - i)
                        return false;
                for (unsigned k = 0; k < more; k++, i++) {
                        if ((s[i] & 0xc0) != 0x80)
                                return false;
                        u = u << 6 | (s[i] & 0x3f);
                }
                if ((more == 2 && (u < 0x800 || (u >= 0xd800 && u < 0xe000))) ||
                    (more == 3 && (u < 0x10000 || u > 0x10ffff)))
                        return false;
        }
        return true;
}

void utf8_mend(char *s, const char *allowed)
{
        for (size_t left = strlen(s), n; left > 0; s += n, left -= n) {
                for (n = 1; n < 4 && n < left && !utf8_clean(s, n, allowed); n++)
                        ;
                if (!utf8_clean(s, n, allowed))
                        *s = '?', n = 1;
        }
}
