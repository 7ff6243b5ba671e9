/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <sys/time.h>

#include "agent/machine/message_file.h"
#include "common/fd.h"
#include "tests/unit/root.h"

#define FILE_OF "/u.c"

TestSuite(message_file, .init = make_root, .fini = remove_root);

static char *take(uint64_t since)
{
        return message_file_read(root, "u", "c", since);
}

#define SAYS(since, want)                                                                                              \
        do {                                                                                                           \
                CLEANUP(freep) char *got = take(since);                                                                \
                cr_assert(got &&streq(got, want), "%s", got ? got : "nothing");                                        \
        } while (0)

static void nothing(uint64_t since)
{
        CLEANUP(freep) char *got = take(since);

        cr_assert_null(got, "%s", got);
}

Test(message_file, it_is_what_was_written)
{
        nothing(0);
        put(FILE_OF, "");
        nothing(0);
        put(FILE_OF, "could not reach the database\n");
        SAYS(0, "could not reach the database\n");
}

Test(message_file, of_a_long_one_it_is_the_end)
{
        CLEANUP(freep) char *path = in_root(FILE_OF), *got = NULL;
        FD fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

        cr_assert_eq(ftruncate(fd, (off_t)1 << 40), 0, "with a hole before it");
        cr_assert_eq(pwrite(fd, "end", 3, ((off_t)1 << 40) - 3), 3);
        got = take(0);
        cr_assert_eq(strlen(got), MESSAGE_FILE_MAX);
        cr_assert_str_eq(got + MESSAGE_FILE_MAX - 5, "??end");
}

Test(message_file, whatever_is_in_it_becomes_text)
{
        put(FILE_OF, "a\xff\xc3\xa4\xe2\x82 \x1b[0m\t");
        SAYS(0, "a?\xc3\xa4?? \x1b[0m\t");
}

/* systemd has started the container again by itself, with the file of the run before. */
Test(message_file, what_an_earlier_run_wrote_is_not_this_ones)
{
        CLEANUP(freep) char *path = NULL;
        const struct timeval times[2] = { { .tv_sec = 1000 }, { .tv_sec = 1000 } };

        put(FILE_OF, "earlier");
        path = in_root(FILE_OF);
        cr_assert_eq(utimes(path, times), 0);
        nothing(UINT64_C(1002) * 1000000);
        SAYS(UINT64_C(1000) * 1000000, "earlier");
}

/* None of these is what root made there; the agent neither follows nor waits nor reads without end. */
Test(message_file, what_is_no_file_is_not_read)
{
        CLEANUP(freep) char *path = in_root(FILE_OF), *got = NULL;

        cr_assert_eq(mkfifo(path, 0600), 0);
        nothing(0);
        cr_assert_eq(unlink(path), 0);
        cr_assert_eq(mkdir(path, 0755), 0);
        nothing(0);
        cr_assert_eq(rmdir(path), 0);
        put("/secret", "s3cr3t");
        put_link(FILE_OF, "secret");
        got = take(0);
        cr_assert(got && strstr(got, "Error on reading termination log ") && !strstr(got, "s3cr3t"), "%s", got);
        cr_assert_eq(unlink(path), 0);
        put_link(FILE_OF, "/dev/zero");
        free(got);
        got = take(0);
        cr_assert(strstr(got, "Error on reading"));
}
