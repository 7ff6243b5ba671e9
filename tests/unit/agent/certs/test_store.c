/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/certs/request.h"
#include "agent/certs/store.h"
#include "common/mem.h"

static char dir[] = "/tmp/test_store.XXXXXX";

static void setup(void)
{
        cr_assert_not_null(mkdtemp(dir));
}

static void teardown(void)
{
        CLEANUP(freep) char *rm = xasprintf("rm -rf %s", dir);

        cr_assert_eq(system(rm), 0);
}

TestSuite(store, .init = setup, .fini = teardown);

static void expect(const char *text)
{
        CLEANUP(cert_wipep) char *got = NULL;
        size_t size;

        cr_assert_eq(cert_store_read(dir, "x.pem", &got, &size, NULL), 0);
        cr_expect_str_eq(got, text);
}

Test(store, replaces_a_file_as_a_whole)
{
        CLEANUP(freep) char *path = cert_store_path(dir, "x.pem"), *temporary = cert_store_path(dir, "x.pem.new");
        CLEANUP(freep) char *old = NULL;
        struct stat st;
        struct err e;
        size_t size;
        int fd;

        umask(0);
        cr_expect_eq(cert_store_read(dir, "x.pem", &old, &size, &e), -ENOENT);
        cr_assert_eq(cert_store_write(dir, "x.pem", "first", CERT_NO_OWNER, 0, &e), 0, "%s", e.text);
        expect("first");
        cr_assert_eq(stat(path, &st), 0);
        cr_expect_eq(st.st_mode & 07777, 0600);
        fd = open(path, O_RDONLY);
        cr_assert_eq(cert_store_write(dir, "x.pem", "second", CERT_NO_OWNER, 0, &e), 0);
        expect("second");
        cr_expect_eq(fstat(fd, &st), 0);
        cr_expect_eq(st.st_size, 5, "who has the old one open reads the old one");
        cr_expect_eq(access(temporary, F_OK), -1);
        close(fd);
}

Test(store, what_a_crash_has_left_is_in_nobodys_way)
{
        CLEANUP(freep) char *temporary = cert_store_path(dir, "x.pem.new"), *other = cert_store_path(dir, "other");
        struct stat st;

        cr_assert_eq(cert_store_write(dir, "x.pem.new", "half", CERT_NO_OWNER, 0, NULL), 0);
        cr_assert_eq(cert_store_write(dir, "x.pem", "whole", CERT_NO_OWNER, 0, NULL), 0);
        expect("whole");
        /* nor a link: it is not followed */
        cr_assert_eq(symlink(other, temporary), 0);
        cr_assert_eq(cert_store_write(dir, "x.pem", "again", CERT_NO_OWNER, 0, NULL), 0);
        expect("again");
        cr_expect_eq(lstat(other, &st), -1);
}

Test(store, the_owner_that_root_names)
{
        CLEANUP(freep) char *path = cert_store_path(dir, "x.pem");
        struct stat st;

        cr_assert_eq(geteuid(), 0, "this test gives a file away: it needs root");
        cr_assert_eq(cert_store_write(dir, "x.pem", "text", 4321, 1234, NULL), 0);
        cr_assert_eq(stat(path, &st), 0);
        cr_expect_eq(st.st_uid, 4321);
        cr_expect_eq(st.st_gid, 1234);
        cr_expect_eq(st.st_mode & 07777, 0600);
        cr_assert_eq(cert_store_write_mode(dir, "x.pem", "text", 0640, 0, 1234, NULL), 0);
        cr_assert_eq(stat(path, &st), 0);
        cr_expect(st.st_uid == 0 && (st.st_mode & 07777) == 0640);
}

Test(store, trouble_leaves_what_was_there)
{
        CLEANUP(freep) char *temporary = cert_store_path(dir, "x.pem.new");
        struct err e = ERR_NONE;

        cr_assert_eq(cert_store_write(dir, "x.pem", "good", CERT_NO_OWNER, 0, NULL), 0);
        cr_assert_eq(mkdir(temporary, 0700), 0);
        cr_expect_lt(cert_store_write(dir, "x.pem", "bad", CERT_NO_OWNER, 0, &e), 0);
        cr_expect(strstr(e.text, "x.pem.new"), "%s", e.text);
        expect("good");
        cr_expect_eq(cert_store_write("/nonexistent", "x.pem", "bad", CERT_NO_OWNER, 0, &e), -ENOENT);
        cr_expect_str_eq(e.text, "cannot open /nonexistent: No such file or directory");
}
