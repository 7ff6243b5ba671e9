/* SPDX-License-Identifier: Apache-2.0 */
/* The tests of test_dir.c on a machine whose kernel or container manager has no openat2(2): a filter answers for it. */
#include <errno.h>
#include <seccomp.h>
#include <sys/syscall.h>

static int without_openat2(unsigned answer)
{
        scmp_filter_ctx f = seccomp_init(SCMP_ACT_ALLOW);
        int r = f && seccomp_rule_add(f, SCMP_ACT_ERRNO(answer), SCMP_SYS(openat2), 0) == 0 ? seccomp_load(f) : -1;

        seccomp_release(f);
        return r;
}

enum { RACES = 500 };
static void before(void);
#define WITHOUT_OPENAT2
#include "tests/unit/helper/files/test_dir.c"

static void before(void)
{
        cr_assert_eq(without_openat2(ENOSYS), 0);
}

Test(dir, it_is_really_without)
{
        cr_assert_eq(dir_ensure(at, "d", 0755), 0);
        cr_assert(syscall(SYS_openat2, at, "d", NULL, 0) == -1 && errno == ENOSYS);
}

Test(dir, it_does_without_when_the_answer_is_that_it_may_not)
{
        FD d = dir_make(at, "d", 0755);

        cr_assert_eq(without_openat2(EPERM), 0); /* of two filters that refuse, the later one is heard */
        cr_assert(syscall(SYS_openat2, at, "d", NULL, 0) == -1 && errno == EPERM);
        FD again = dir_open(at, "d");
        cr_assert(d >= 0 && again >= 0);
        cr_assert_eq(symlinkat("d", at, "link"), 0);
        cr_assert_lt(dir_open(at, "link"), 0);
        cr_assert_eq(dir_open(d, ".."), -EXDEV);
}
