/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/fd.h"
#include "common/file.h"
#include "common/mem.h"
#include "helper/files/dir.h"
#include "helper/files/ways.h"

static char base[] = "/tmp/vks-test-XXXXXX";
static int pod = -1;

static void make_pod(void)
{
        cr_assert(mkdtemp(base));
        pod = open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        cr_assert(pod >= 0);
}

static void remove_pod(void)
{
        FD tmp = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        pod = fd_close(pod);
        dir_remove(tmp, base + strlen("/tmp/"));
}

TestSuite(ways, .init = make_pod, .fini = remove_pod);

static int note(enum way_kind kind, const char *path)
{
        const struct way way = { kind, path };

        return ways_note(pod, &way, 1, NULL);
}

Test(ways, nothing_is_mounted_beneath_what_is_given_away_whichever_came_first)
{
        cr_assert_eq(note(WAY_GIVEN, "/var/lib/iwd"), 0);
        cr_assert_eq(note(WAY_MOUNT, "/var/lib/iwd/x"), -EPERM);
        cr_assert_eq(note(WAY_MOUNT, "/var/lib/iwd/x/y/z"), -EPERM);
        cr_assert_eq(note(WAY_MOUNT, "/run/a/b"), 0);
        cr_assert_eq(note(WAY_GIVEN, "/run/a"), -EPERM);
        cr_assert_eq(note(WAY_GIVEN, "/run/a/b"), 0, "what is mounted over it is not inside it");
}

Test(ways, what_root_makes_or_reads_lies_in_nothing_that_is_given_away)
{
        cr_assert_eq(note(WAY_GIVEN, "/run/a"), 0);
        cr_assert_eq(note(WAY_ROOTS, "/run/a/b"), -EPERM);
        cr_assert_eq(note(WAY_ROOTS, "/run/a"), 0);
        cr_assert_eq(note(WAY_ROOTS, "/run/c/d.pid"), 0);
        cr_assert_eq(note(WAY_GIVEN, "/run/c"), -EPERM);
        cr_assert_eq(note(WAY_MOUNT, "/run/c/d.pid/x"), 0, "it is nobody's but root's");
        cr_assert(ways_is_given(pod, "/run/a/b") && !ways_is_given(pod, "/run/a") && !ways_is_given(pod, "/run/c/d"));
}

Test(ways, a_volume_at_the_directory_itself_or_beside_it_is_none_of_that)
{
        cr_assert_eq(note(WAY_GIVEN, "/var/lib/iwd"), 0);
        cr_assert_eq(note(WAY_MOUNT, "/var/lib/iwd"), 0);
        cr_assert_eq(note(WAY_MOUNT, "/var/lib/iwd2"), 0);
        cr_assert_eq(note(WAY_MOUNT, "/var/lib"), 0);
        cr_assert_eq(note(WAY_GIVEN, "/var/lib/iw"), 0);
}

Test(ways, nothing_is_given_beneath_what_is_given_whose_unit_it_ever_is)
{
        const struct way nested[] = { { WAY_GIVEN, "/run/a" }, { WAY_GIVEN, "/run/a/b" } };
        const struct way mount[] = { { WAY_GIVEN, "/run/d" }, { WAY_MOUNT, "/run/d/e" } };

        cr_assert_eq(ways_note(pod, nested, 2, NULL), -EPERM);
        cr_assert_eq(ways_note(pod, mount, 2, NULL), -EPERM);
        cr_assert_eq(note(WAY_GIVEN, "/run/a"), 0);
        cr_assert_eq(ways_note(pod, nested, 2, NULL), -EPERM, "what is noted already is compared as well");
        cr_assert_eq(note(WAY_GIVEN, "/run/a/c"), -EPERM);
        cr_assert_eq(note(WAY_GIVEN, "/run/a"), 0, "written again, it is the same");
}

Test(ways, what_was_refused_is_not_noted_and_what_was_noted_is_noted_once)
{
        CLEANUP(freep) char *path = xasprintf("%s/ways", base), *text = NULL;
        const struct way ways[] = { { WAY_MOUNT, "/tmp/a" }, { WAY_GIVEN, "/run/b" }, { WAY_MOUNT, "/run/b/c" } };
        size_t size;

        cr_assert_eq(ways_note(pod, ways, 2, NULL), 0);
        cr_assert_eq(ways_note(pod, ways, 2, NULL), 0);
        cr_assert_eq(ways_note(pod, ways, 3, NULL), -EPERM);
        cr_assert_eq(file_read(path, 1000, &text, &size, NULL), 0);
        cr_assert_str_eq(text, "m /tmp/a\ng /run/b\n");
}

Test(ways, an_account_that_is_full_takes_nothing_more)
{
        static char paths[256][900];
        struct way ways[256];
        int r = 0;

        for (int round = 0; round < 4 && r == 0; round++) {
                for (int i = 0; i < 256; i++) {
                        memset(paths[i], 'y', sizeof(paths[i]) - 1);
                        memcpy(paths[i], "/tmp/", 5);
                        paths[i][5] = (char)('a' + round), paths[i][6] = (char)('a' + i / 16),
                        paths[i][7] = (char)('a' + i % 16);
                        ways[i] = (struct way){ WAY_MOUNT, paths[i] };
                }
                r = ways_note(pod, ways, 256, NULL);
        }
        cr_assert_eq(r, -E2BIG);
        cr_assert_eq(note(WAY_GIVEN, "/tmp"), -EPERM, "what it has stays in force");
}
