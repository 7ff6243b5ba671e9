/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/lib/base64.h"

#include <errno.h>

#include "common/mem.h"

static int digit(char c)
{
        if (c >= 'A' && c <= 'Z')
                return c - 'A';
        if (c >= 'a' && c <= 'z')
                return c - 'a' + 26;
        if (c >= '0' && c <= '9')
                return c - '0' + 52;
        return c == '+' ? 62 : c == '/' ? 63 : -1;
}

int base64_decode(const char *text, size_t size, void **ret, size_t *ret_size)
{
        CLEANUP(freep) uint8_t *out = xcalloc(size / 4 * 3 + 4, 1);
        size_t n = 0, digits = 0, padding = 0;
        uint32_t bits = 0;

        for (size_t i = 0; i < size; i++) {
                int d = digit(text[i]);

                if (text[i] == '\n' || text[i] == '\r')
                        continue;
                if (text[i] == '=' && digits % 4 >= 2 && padding < 4 - digits % 4) {
                        padding++;
                        continue;
                }
                if (d < 0 || padding)
                        goto bad;
                bits = bits << 6 | (uint32_t)d;
                if (++digits % 4 == 0) {
                        out[n++] = (uint8_t)(bits >> 16);
                        out[n++] = (uint8_t)(bits >> 8);
                        out[n++] = (uint8_t)bits;
                }
        }
        if ((digits + padding) % 4)
                goto bad;
        if (padding == 2)
                out[n++] = (uint8_t)(bits >> 4);
        if (padding == 1) {
                out[n++] = (uint8_t)(bits >> 10);
                out[n++] = (uint8_t)(bits >> 2);
        }
        out[n] = '\0';
        *ret = TAKE(out);
        *ret_size = n;
        return 0;
bad:
        explicit_bzero(out, n);
        return -EINVAL;
}
