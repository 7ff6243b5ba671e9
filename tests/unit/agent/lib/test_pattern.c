/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <errno.h>
#include <time.h>

#include "agent/lib/pattern.h"
#include "common/mem.h"

static int find(const char *pattern, bool ignore_case, const char *text, size_t size)
{
        CLEANUP(pattern_freep) struct pattern *p = NULL;
        struct err e = ERR_NONE;

        cr_assert_eq(pattern_new(pattern, ignore_case, &p, &e), 0, "%s: %s", pattern, e.text);
        return pattern_find(p, text, size, NULL);
}

static const struct {
        const char *pattern, *yes, *no;
} rows[] = {
        { "abc", "xabcx", "abxc" },
        { "^a.+c$", "abbc", "abcd" },
        { "\\bssh\\b", "a ssh b", "sshd" },
        { "(a|b(c))+d", "acbcd", "acb" },
        { "(?i)err[o]r: \\d+", "ERROR: 12", "ERROR: x" },
        { "^.{3}$", "abc", "\u20ac\u20ac" },
};

Test(pattern, what_is_found)
{
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                cr_expect_eq(find(rows[i].pattern, false, rows[i].yes, strlen(rows[i].yes)), 1, "%s", rows[i].pattern);
                cr_expect_eq(find(rows[i].pattern, false, rows[i].no, strlen(rows[i].no)), 0, "%s", rows[i].pattern);
        }
        cr_expect_eq(find("", false, "", 0), 1);
        cr_expect_eq(find("error", true, "ERROR", 5), 1);
        cr_expect_eq(find("error", false, "ERROR", 5), 0);
        cr_expect_eq(find("b$", false, "a\0b", 3), 1, "a text is bytes");
        cr_expect_eq(find("\xc3", false, "\xc3\x28", 2), 1, "and perhaps no UTF-8");
}

static const char *const refused[] = { "(",       "a)",      "[a",
                                       "*",       "\\",      "\\C",
                                       "(*UTF)a", "(*UCP)a", "((a{1000}){1000}){1000}" };

Test(pattern, what_is_refused)
{
        char deep[PATTERN_DEPTH_MAX * 2 + 4] = "", long_one[PATTERN_MAX + 2] = "";
        struct pattern *p = NULL;

        for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
                struct err e = ERR_NONE;

                cr_expect_eq(pattern_new(refused[i], false, &p, &e), -EINVAL, "%s", refused[i]);
                cr_expect(strstr(e.text, " at byte "), "%s: %s", refused[i], e.text);
        }
        memset(deep, '(', PATTERN_DEPTH_MAX + 1);
        memset(deep + PATTERN_DEPTH_MAX + 1, ')', PATTERN_DEPTH_MAX + 1);
        cr_expect_eq(pattern_new(deep, false, &p, NULL), -EINVAL);
        memset(long_one, 'a', PATTERN_MAX + 1);
        cr_expect_eq(pattern_new(long_one, false, &p, NULL), -EINVAL);
        cr_expect_null(p);
}

/* What would take longer than the world, at each place of the text. */
static const char *const endless[] = { "^(a|a|aa|(a*)*|.*a)*(a+)+b$",
                                       "(a+)+b",
                                       "(?:a?){50}a{50}b",
                                       "(a*)*c",
                                       "(?R)?ab",
                                       "(.*)(.*)(.*)(.*)(.*)b",
                                       "(*LIMIT_MATCH=4000000000)(a+)+b",
                                       "(a|(?1)a)+b" };

Test(pattern, no_pattern_takes_long)
{
        CLEANUP(freep) char *text = xcalloc(8193, 1);

        memset(text, 'a', 8192);
        for (size_t i = 0; i < ARRAY_LEN(endless); i++) {
                CLEANUP(pattern_freep) struct pattern *p = NULL;
                struct err e = ERR_NONE;
                clock_t begin = clock();
                unsigned steps = 0;
                int r;

                cr_assert_eq(pattern_new(endless[i], false, &p, &e), 0, "%s: %s", endless[i], e.text);
                r = pattern_find(p, text, 8192, &steps);
                cr_expect(r == -E2BIG || r == 0, "%s: %d", endless[i], r);
                cr_expect_leq(steps, PATTERN_STEPS_MAX + 1);
                cr_expect_lt(clock() - begin, CLOCKS_PER_SEC, "%s: %ld us", endless[i], (long)(clock() - begin));
        }
}

/* But what people write is found in a line that is as long as lines are looked at. */
Test(pattern, long_lines_are_no_trouble)
{
        CLEANUP(freep) char *text = xcalloc(8193, 1);

        memset(text, 'a', 8192);
        memcpy(text + 8180, "error: 12", 9);
        cr_expect_eq(find("error: \\d+", false, text, 8192), 1);
        cr_expect_eq(find(".*error: \\d+", false, text, 8192), 1);
        cr_expect_eq(find("^(a|b)*error", false, text, 8192), 1);
        cr_expect_eq(find("warning|error|[Ff]ailed", false, text, 8192), 1);
        cr_expect_eq(find("a.*warning", false, text, 100), 0);
}
