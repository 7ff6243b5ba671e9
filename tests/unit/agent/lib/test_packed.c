/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include "agent/lib/packed.h"
#include "common/mem.h"

static void comes_back(const char *text, size_t size)
{
        for (int brief = 0; brief < 2; brief++) {
                CLEANUP(packed_freep) struct packed *p = packed_new(text, size, brief);
                CLEANUP(freep) char *again = packed_text(p);

                cr_assert_eq(memcmp(again, text, size), 0);
                cr_assert_eq(again[size], '\0');
        }
}

Test(packed, any_text_comes_back)
{
        CLEANUP(freep) char *same = xcalloc(1, 3000000);
        CLEANUP(freep) char *noise = xcalloc(1, 100000);
        uint32_t x = 1;

        for (size_t i = 0; i < 100000; i++) {
                x = x * 1664525 + 1013904223;
                noise[i] = (char)(x >> 24);
        }
        comes_back("", 0);
        comes_back("x", 1);
        comes_back("{\"metadata\":{\"name\":\"p\"},\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"c\"}]}}", 69);
        comes_back(same, 3000000);
        for (size_t n = 1; n <= 100000; n = n * 3 + 1) /* what cannot be packed is not lost either */
                comes_back(noise, n);
        cr_assert_null(packed_text(NULL));
        cr_assert_null(packed_free(NULL));
}
