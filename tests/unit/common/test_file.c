/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"
#include "common/mem.h"

static char folder[] = "/tmp/vks-test-file-XXXXXX";

static void make_folder(void)
{
        FILE *f;

        cr_assert(mkdtemp(folder) && chdir(folder) == 0);
        f = fopen("ten", "w");
        cr_assert(f && fputs("0123456789", f) >= 0 && fclose(f) == 0);
        cr_assert_eq(mkfifo("pipe", 0600), 0);
}

static void remove_folder(void)
{
        unlink("ten");
        unlink("pipe");
        rmdir(folder);
}

TestSuite(file, .init = make_folder, .fini = remove_folder);

Test(file, is_read_whole)
{
        CLEANUP(freep) char *text = NULL;
        size_t size = 0;

        cr_assert_eq(file_read("ten", 10, &text, &size, NULL), 0);
        cr_expect(size == 10 && streq(text, "0123456789"));
}

Test(file, too_long_is_an_error_that_names_it)
{
        char *text = NULL;
        size_t size = 0;
        struct err e = ERR_NONE;

        cr_expect_eq(file_read("ten", 9, &text, &size, &e), -EFBIG);
        cr_expect_str_eq(e.text, "ten: larger than 9 bytes");
        cr_expect_null(text);
}

Test(file, neither_a_pipe_nor_a_folder_nor_nothing)
{
        char *text = NULL;
        size_t size = 0;
        struct err e = ERR_NONE;

        cr_expect_eq(file_read("pipe", 9, &text, &size, &e), -EINVAL, "and it does not hang");
        cr_expect_eq(file_read(".", 9, &text, &size, &e), -EINVAL);
        cr_expect_eq(file_read("none", 9, &text, &size, &e), -ENOENT);
        cr_expect_str_eq(e.text, "none: No such file or directory");
}
