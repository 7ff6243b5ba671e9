/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <errno.h>

#include "agent/join/settings.h"
#include "common/mem.h"

#define BEGINS    "# Written by `vks-agent join`, and taken away by `vks-agent leave`:\n"
#define ENDS      "# End of what `vks-agent join` wrote.\n"
#define ENDS_OPEN "# End of what `vks-agent join` wrote." /* without a line's end: somebody has edited it */
#define BLOCK     BEGINS "nodeName: \"n1\"\ndisableTaint: true\n" ENDS

static const struct setting settings[] = { { "nodeName", "\"n1\"" }, { "disableTaint", "true" } };

static char *write_all(const char *text, uint64_t *kept)
{
        struct err e = ERR_NONE;
        char *out = NULL;

        cr_assert_eq(settings_write(text, text ? strlen(text) : 0, settings, ARRAY_LEN(settings), &out, kept, &e), 0,
                     "%s: %s", text, e.text);
        return out;
}

Test(settings, the_operators_lines_stay)
{
        static const struct {
                const char *before, *after;
                uint64_t kept;
        } rows[] = {
                { NULL, BLOCK, 0 },
                { "", BLOCK, 0 },
                { "# comment\nmaxPods: 5\n", "# comment\nmaxPods: 5\n" BLOCK, 0 },
                { "maxPods: 5", "maxPods: 5\n" BLOCK, 0 },
                { "nodeName: other\n", "nodeName: other\n" BEGINS "disableTaint: true\n" ENDS, 1 },
                { "disableTaint: false\nnodeName: x\n", "disableTaint: false\nnodeName: x\n", 3 },
                { "#disableTaint: false\n", "#disableTaint: false\n" BLOCK, 0 },
                /* an earlier block goes, wherever it is by now */
                { "a: 1\n" BEGINS "nodeName: \"old\"\nx: y\n" ENDS "b: 2\n", "a: 1\nb: 2\n" BLOCK, 0 },
                { BEGINS "nodeName: \"old\"\n" ENDS BEGINS "x: y\n" ENDS, BLOCK, 0 },
                { BEGINS ENDS "b: 2\n", "b: 2\n" BLOCK, 0 },
                /* a block without its end is the operator's, and does not end with the next one's */
                { BEGINS "b: 2\n" BEGINS "disableTaint: true\n" ENDS, BEGINS "b: 2\n" BLOCK, 0 },
                { BEGINS "b: 2\n", BEGINS "b: 2\n" BLOCK, 0 },
                { BEGINS "b: 2\n" ENDS_OPEN, BLOCK, 0 },
                { BEGINS "b: 2\n" ENDS_OPEN "x", BEGINS "b: 2\n" ENDS_OPEN "x\n" BLOCK, 0 },
                { BEGINS "nodeName: old\n", BEGINS "nodeName: old\n" BEGINS "disableTaint: true\n" ENDS, 1 },
        };

        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                uint64_t kept = 77;
                CLEANUP(freep) char *out = write_all(rows[i].before, &kept);

                cr_assert_str_eq(out, rows[i].after, "%zu: %s", i, out);
                cr_assert_eq(kept, rows[i].kept);
        }
}

Test(settings, twice_is_once_and_back_is_as_before)
{
        static const char before[] = "# comment\n\nmaxPods: 5\nnodeLabels:\n  a: b\n";
        uint64_t kept;
        CLEANUP(freep) char *once = write_all(before, &kept), *twice = write_all(once, &kept), *back = NULL;

        cr_assert_str_eq(once, twice);
        cr_assert_eq(settings_write(twice, strlen(twice), NULL, 0, &back, &kept, NULL), 0);
        cr_assert_str_eq(back, before);
}

Test(settings, what_is_no_configuration_is_left_alone)
{
        static const char *const rows[] = { "a: [\n", "- a\n",    "{a: 1}\n", "a: 1\na: 2\n",
                                            "text",   "\xff\xfe", "\xfe\xff" };

        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct err e = ERR_NONE;
                uint64_t kept;
                char *out = NULL;

                cr_assert_eq(settings_write(rows[i], strlen(rows[i]), settings, ARRAY_LEN(settings), &out, &kept, &e),
                             -EINVAL, "%s", rows[i]);
                cr_assert_null(out);
                cr_assert(*e.text);
        }
}

/* YAML may be UTF-16, and what is behind a zero would be lost. */
Test(settings, a_text_with_zeros_is_left_alone)
{
        static const char text[] = "maxPods: 5\n\0nodeName: a\n";
        struct err e = ERR_NONE;
        uint64_t kept;
        char *out = NULL;

        cr_assert_eq(settings_write(text, sizeof(text) - 1, settings, ARRAY_LEN(settings), &out, &kept, &e), -EINVAL);
        cr_expect_str_eq(e.text, "it must be UTF-8");
}

Test(settings, too_long)
{
        CLEANUP(freep) char *text = xcalloc(SETTINGS_MAX + 1, 1);
        uint64_t kept;
        char *out = NULL;

        memset(text, '\n', SETTINGS_MAX - 10);
        cr_assert_eq(settings_write(text, strlen(text), settings, ARRAY_LEN(settings), &out, &kept, NULL), -EFBIG);
}
