/* SPDX-License-Identifier: Apache-2.0 */
/* Another machine's files, for what can be told to read below a
 * directory: `root` is one, once make_root() was called. */
#ifndef VKS_TESTS_ROOT_H
#define VKS_TESTS_ROOT_H

#include <criterion/criterion.h>

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/mem.h"

static char root[] = "/tmp/vks-root-XXXXXX";

static void make_root(void)
{
        cr_assert_not_null(mkdtemp(root));
}

static int root_unlink(const char *path, const struct stat *st UNUSED, int type UNUSED, struct FTW *ftw UNUSED)
{
        return remove(path);
}

static void remove_root(void)
{
        nftw(root, root_unlink, 16, FTW_DEPTH | FTW_PHYS);
}

/* The path below `root`, with the directories that lead to it; the caller's. */
static char *in_root(const char *path)
{
        char *full = xasprintf("%s%s", root, path);

        for (char *s = full + strlen(root) + 1; (s = strchr(s, '/')); s++) {
                *s = '\0';
                (void)mkdir(full, 0755);
                *s = '/';
        }
        return full;
}

static void put(const char *path, const char *text)
{
        CLEANUP(freep) char *full = in_root(path);
        FILE *f = fopen(full, "w");

        cr_assert_not_null(f, "%s", full);
        fputs(text, f);
        fclose(f);
}

static UNUSED void put_link(const char *path, const char *target)
{
        CLEANUP(freep) char *full = in_root(path);

        cr_assert_eq(symlink(target, full), 0);
}

#endif
