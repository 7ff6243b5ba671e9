/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include "common/utf8.h"

/* What the bytes at `s` encode, and how many they are; 0: nothing (RFC 3629, section 4, as it stands there). */
static size_t sequence(const unsigned char *s, size_t n)
{
        static const struct {
                unsigned char first[2], second[2];
                size_t size;
        } forms[] = { { { 0x00, 0x7f }, { 0, 0 }, 1 },       { { 0xc2, 0xdf }, { 0x80, 0xbf }, 2 },
                      { { 0xe0, 0xe0 }, { 0xa0, 0xbf }, 3 }, { { 0xe1, 0xec }, { 0x80, 0xbf }, 3 },
                      { { 0xed, 0xed }, { 0x80, 0x9f }, 3 }, { { 0xee, 0xef }, { 0x80, 0xbf }, 3 },
                      { { 0xf0, 0xf0 }, { 0x90, 0xbf }, 4 }, { { 0xf1, 0xf3 }, { 0x80, 0xbf }, 4 },
                      { { 0xf4, 0xf4 }, { 0x80, 0x8f }, 4 } };

        for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
                size_t k = forms[i].size;

                if (s[0] < forms[i].first[0] || s[0] > forms[i].first[1] || n < k ||
                    (k > 1 && (s[1] < forms[i].second[0] || s[1] > forms[i].second[1])))
                        continue;
                while (k > 2 && s[k - 1] >= 0x80 && s[k - 1] <= 0xbf)
                        k--;
                return k > 2 ? 0 : forms[i].size;
        }
        return 0;
}

static bool is_utf8(const unsigned char *s, size_t n)
{
        for (size_t k; n > 0; s += k, n -= k)
                if ((k = sequence(s, n)) == 0)
                        return false;
        return true;
}

Test(utf8, it_is_what_the_standard_says)
{
        static const unsigned char seconds[] = { 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xff };

        /* every first byte and every kind of second one, with up to a dozen bytes behind them */
        for (unsigned first = 0x20; first < 0x100; first++)
                for (size_t i = 0; first != 0x7f && i < ARRAY_LEN(seconds); i++)
                        for (size_t n = 1; n <= 12; n++)
                                for (unsigned char last = 0x41; last; last = last == 0x41 ? 0x80 : 0) {
                                        unsigned char s[12];

                                        memset(s, last, sizeof(s));
                                        s[0] = (unsigned char)first, s[1] = seconds[i];
                                        if (n > 1 && s[1] == 0x7f)
                                                continue; /* that is UTF-8, and not clean */
                                        cr_assert_eq(utf8_clean(s, n, ""), is_utf8(s, n),
                                                     "%02x %02x %02x..., %zu bytes", s[0], s[1], s[2], n);
                                }
}

Test(utf8, control_characters_are_clean_where_they_are_allowed)
{
        cr_assert(utf8_clean("a\tb\n", 4, "\t\n"));
        cr_assert_not(utf8_clean("a\tb\n", 4, "\n"));
        cr_assert_not(utf8_clean("\x7f", 1, "\t\n"));
        cr_assert_not(utf8_clean("", 1, "\t\n"), "NUL");
        cr_assert(utf8_clean("\x7f", 1, "\x7f"));
        cr_assert(utf8_clean("", 0, ""));
}

Test(utf8, what_is_mended_is_clean_and_the_rest_as_it_was)
{
        static const char *const cases[][2] = { { "", "" },
                                                { "a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80z\t",
                                                  "a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80z\t" },
                                                { "a\nb\x7f", "a?b?" },
                                                { "\xc3\xa4\xc3", "\xc3\xa4?" },
                                                { "\xff\xc3\xa4\x80", "?\xc3\xa4?" },
                                                { "\xf0\x9f\x98", "???" },
                                                { "\xed\xa0\x80", "???" },
                                                { "\xe2\x82\nA", "???A" } };

        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                char s[32] = "";

                memcpy(s, cases[i][0], strlen(cases[i][0]));
                utf8_mend(s, "\t");
                cr_assert_str_eq(s, cases[i][1], "%zu", i);
        }
}
