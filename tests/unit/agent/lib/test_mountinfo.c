/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/lib/mountinfo.h"

#include <criterion/criterion.h>

#include "common/base.h"

static void is(const struct mountinfo *m, const char *device, const char *root, const char *at, const char *type,
               const char *source)
{
        cr_expect_str_eq(m->device, device);
        cr_expect_str_eq(m->root, root);
        cr_expect_str_eq(m->at, at);
        cr_expect_str_eq(m->type, type);
        cr_expect_str_eq(m->source, source);
}

Test(mountinfo, lines_with_any_number_of_options)
{
        const char *text = "23 28 0:21 / /proc rw,relatime - proc proc rw\n"
                           "36 35 8:1 /srv /mnt/two\\040words rw shared:1 master:2 - ext4 /dev/sda1 rw\n"
                           "40 35 0:52 / /mnt/nfs rw - nfs4 [2001:db8::1]:/x rw";
        struct mountinfo m = { 0 };

        cr_assert(mountinfo_next(&text, &m));
        is(&m, "0:21", "/", "/proc", "proc", "proc");
        cr_assert(mountinfo_next(&text, &m));
        is(&m, "8:1", "/srv", "/mnt/two words", "ext4", "/dev/sda1");
        cr_assert(mountinfo_next(&text, &m));
        is(&m, "0:52", "/", "/mnt/nfs", "nfs4", "[2001:db8::1]:/x");
        cr_assert_not(mountinfo_next(&text, &m));
        cr_expect_null(m.at, "nothing is left to be freed");
}

Test(mountinfo, a_line_that_makes_no_sense_is_passed_over)
{
        const char *text = "\n36 35\n36 35 8:1 / /a rw\n36 35 8:1 / /b rw - ext4\n40 35 8:1 / /c rw - ext4 \\1 rw\n";
        struct mountinfo m = { 0 };

        cr_assert(mountinfo_next(&text, &m));
        is(&m, "8:1", "/", "/c", "ext4", "\\1");
        cr_assert_not(mountinfo_next(&text, &m));
        cr_assert_not(mountinfo_next(&text, &m), "the end stays the end");
}
