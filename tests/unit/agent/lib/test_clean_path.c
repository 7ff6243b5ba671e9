/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include "agent/lib/clean_path.h"
#include "common/mem.h"

static const struct {
        const char *path, *clean, *tidy;
} rows[] = {
        { "/srv", "/srv", "/srv" },
        { "/srv/", "/srv", "/srv" },
        { "//srv///app//", "/srv/app", "/srv/app" },
        { "/./srv/./app/.", "/srv/app", "/srv/app" },
        { "srv/app", "/srv/app", "srv/app" },
        { "./srv", "/srv", "./srv" },
        { "/srv/../app", "/app", "/srv/../app" },
        { "/srv/app/..", "/srv", "/srv/app/.." },
        { "/../../etc", "/etc", "/../../etc" },
        { "/a/b/../../..", "/", "/a/b/../../.." },
        { "/...", "/...", "/..." },
        { "/.a/b.", "/.a/b.", "/.a/b." },
        { "/", "/", "/" },
        { "//.", "/", "/" },
        { "", "/", "" },
};

Test(clean_path, as_people_write_it)
{
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                CLEANUP(freep) char *clean = path_clean(rows[i].path), *tidy = path_tidy(rows[i].path);

                cr_expect_str_eq(clean, rows[i].clean, "%s", rows[i].path);
                cr_expect_str_eq(tidy, rows[i].tidy, "%s", rows[i].path);
        }
}
