/* SPDX-License-Identifier: Apache-2.0 */
/* Headers of SPDY: the dictionary, and blocks that lie. */
#include <criterion/criterion.h>
#include <errno.h>
#include <zlib.h>

#include "agent/streams/spdy.h"
#include "common/mem.h"

Test(spdy, the_dictionary_is_the_drafts)
{
        uint8_t dictionary[SPDY_DICTIONARY];

        spdy_dictionary(dictionary);
        cr_assert_eq(adler32(adler32(0, NULL, 0), dictionary, sizeof(dictionary)), 0xe3c6a7c2);
}

/* A block of these plain bytes as a client sends it first. */
static int inflate_plain(struct spdy_inflater *z, const void *plain, size_t n, const void *dictionary, size_t size,
                         struct spdy_headers *ret)
{
        static uint8_t block[1 << 20];
        z_stream d = { 0 };
        struct err e = ERR_NONE;
        int r;

        deflateInit(&d, 9);
        if (dictionary)
                deflateSetDictionary(&d, dictionary, (uInt)size);
        d.next_in = (uint8_t *)plain;
        d.avail_in = (uInt)n;
        d.next_out = block;
        d.avail_out = sizeof(block);
        deflate(&d, Z_SYNC_FLUSH);
        r = spdy_inflate(z, block, sizeof(block) - d.avail_out, ret, &e);
        deflateEnd(&d);
        cr_assert_eq(r < 0, *e.text != '\0');
        return r;
}

static int parse(const void *plain, size_t n, struct spdy_headers *ret)
{
        CLEANUP(spdy_inflater_freep) struct spdy_inflater *z = spdy_inflater_new();
        uint8_t dictionary[SPDY_DICTIONARY];

        spdy_dictionary(dictionary);
        return inflate_plain(z, plain, n, dictionary, sizeof(dictionary), ret);
}

#define BLOCK(text) text, sizeof(text) - 1

Test(spdy, headers_are_read)
{
        struct spdy_headers h;

        cr_assert_eq(parse(BLOCK("\0\0\0\3"
                                 "\0\0\0\4name\0\0\0\5value"
                                 "\0\0\0\0\0\0\0\0"
                                 "\0\0\0\3two\0\0\0\7one\0two"),
                           &h),
                     0);
        cr_assert_eq(h.n, 3);
        cr_assert_str_eq(spdy_header(&h, "name"), "value");
        cr_assert_str_eq(spdy_header(&h, ""), "");
        cr_assert_str_eq(spdy_header(&h, "two"), "one");
        cr_assert_null(spdy_header(&h, "three"));
        spdy_headers_done(&h);
        cr_assert_eq(parse(BLOCK("\0\0\0\0"), &h), 0);
        spdy_headers_done(&h);
}

Test(spdy, blocks_that_lie_are_refused)
{
        static const struct {
                const char *bytes;
                size_t n;
        } rows[] = {
                { BLOCK("") },
                { BLOCK("\0\0\0") },
                { BLOCK("\0\0\0\1") },
                { BLOCK("\0\0\0\1\0\0\0\4name") },
                { BLOCK("\0\0\0\1\0\0\0\5name\0\0\0\0") },
                { BLOCK("\0\0\0\1\0\0\0\4name\0\0\0\6value") },
                { BLOCK("\0\0\0\1\0\0\0\4name\xff\xff\xff\xffvalue") },
                { BLOCK("\0\0\0\1\xff\xff\xff\xff\0\0\0\0") },
                { BLOCK("\0\0\0\1\0\0\0\4name\0\0\0\5value!") },
                { BLOCK("\0\0\0\0!") },
                { BLOCK("\xff\xff\xff\xff\0\0\0\0\0\0\0\0") },
                { BLOCK("\0\0\0\2\0\0\0\0\0\0\0\0") },
        };
        struct spdy_headers h;

        for (size_t i = 0; i < ARRAY_LEN(rows); i++)
                cr_assert_eq(parse(rows[i].bytes, rows[i].n, &h), -EPROTO, "row %zu", i);
}

Test(spdy, bounds_of_a_block)
{
        static char plain[SPDY_INFLATED_MAX + 1];
        struct spdy_headers h;
        size_t value = SPDY_INFLATED_MAX - 12;

        plain[3] = 1;
        plain[9] = (char)(value >> 16), plain[10] = (char)(value >> 8), plain[11] = (char)value;
        cr_assert_eq(parse(plain, SPDY_INFLATED_MAX, &h), 0);
        spdy_headers_done(&h);
        cr_assert_eq(parse(plain, SPDY_INFLATED_MAX + 1, &h), -EPROTO);
        memset(plain, 0, sizeof(plain));
        plain[3] = SPDY_HEADERS_MAX;
        cr_assert_eq(parse(plain, 4 + 8 * SPDY_HEADERS_MAX, &h), 0);
        spdy_headers_done(&h);
        plain[3] = SPDY_HEADERS_MAX + 1;
        cr_assert_eq(parse(plain, 4 + 8 * (SPDY_HEADERS_MAX + 1), &h), -EPROTO);
}

Test(spdy, another_dictionary_is_refused)
{
        CLEANUP(spdy_inflater_freep) struct spdy_inflater *z = spdy_inflater_new();
        struct spdy_headers h;

        cr_assert_eq(inflate_plain(z, BLOCK("\0\0\0\0"), "something else", 14, &h), -EPROTO);
}

Test(spdy, a_client_may_do_without_the_dictionary)
{
        CLEANUP(spdy_inflater_freep) struct spdy_inflater *z = spdy_inflater_new();
        struct spdy_headers h;

        cr_assert_eq(inflate_plain(z, BLOCK("\0\0\0\1\0\0\0\4name\0\0\0\5value"), NULL, 0, &h), 0);
        cr_assert_str_eq(spdy_header(&h, "name"), "value");
        spdy_headers_done(&h);
}
