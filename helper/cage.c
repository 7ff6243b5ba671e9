/* SPDX-License-Identifier: Apache-2.0 */
#include "helper/cage.h"

#include <errno.h>
#include <seccomp.h>
#include <sys/capability.h>
#include <sys/prctl.h>

static const cap_value_t kept[] = {
        CAP_DAC_OVERRIDE, /* what pods leave behind belongs to others, in directories that only they may enter */
        CAP_FOWNER,       /* ... and is removed from sticky directories */
        CAP_CHOWN,        /* the directories of a private /run belong to whom they belong on the machine */
        CAP_FSETID,       /* ... with their set-group-id bits */
};

/* Whatever is not here fails with EPERM: no program, no process, no socket, no signal, no mount, no module, no clock. */
static const int allowed[] = {
        /* the event loop and the bus */
        SCMP_SYS(epoll_wait), SCMP_SYS(epoll_pwait), SCMP_SYS(epoll_ctl), SCMP_SYS(ppoll), SCMP_SYS(poll), SCMP_SYS(timerfd_settime),
        SCMP_SYS(timerfd_create), SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(writev), SCMP_SYS(close), SCMP_SYS(clock_gettime),
        SCMP_SYS(clock_nanosleep), SCMP_SYS(getrandom), SCMP_SYS(gettid), SCMP_SYS(getpid), SCMP_SYS(rt_sigprocmask),
        SCMP_SYS(rt_sigreturn), SCMP_SYS(restart_syscall), SCMP_SYS(gettimeofday), SCMP_SYS(time), SCMP_SYS(futex), SCMP_SYS(rseq),
        /* peers: accepted, never made */
        SCMP_SYS(accept4), SCMP_SYS(recvmsg), SCMP_SYS(sendmsg), SCMP_SYS(sendto), SCMP_SYS(recvfrom), SCMP_SYS(getsockopt),
        SCMP_SYS(setsockopt), SCMP_SYS(getsockname), SCMP_SYS(getpeername), SCMP_SYS(shutdown),
        /* memory */
        SCMP_SYS(brk), SCMP_SYS(mmap), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise), SCMP_SYS(mprotect),
        /* files, reading */
        SCMP_SYS(openat), SCMP_SYS(openat2), SCMP_SYS(fstat), SCMP_SYS(newfstatat), SCMP_SYS(statx), SCMP_SYS(lseek), SCMP_SYS(pread64),
        SCMP_SYS(getdents64), SCMP_SYS(readlinkat), SCMP_SYS(readlink), SCMP_SYS(faccessat), SCMP_SYS(faccessat2), SCMP_SYS(access),
        SCMP_SYS(fcntl), SCMP_SYS(dup), SCMP_SYS(fstatfs), SCMP_SYS(stat), SCMP_SYS(lstat), SCMP_SYS(open), SCMP_SYS(ioctl),
        /* files, writing */
        SCMP_SYS(mkdirat), SCMP_SYS(unlinkat), SCMP_SYS(renameat), SCMP_SYS(renameat2), SCMP_SYS(symlinkat), SCMP_SYS(fchmod),
        SCMP_SYS(fchmodat), SCMP_SYS(fchown), SCMP_SYS(fchownat), SCMP_SYS(ftruncate),
        /* the end */
        SCMP_SYS(exit), SCMP_SYS(exit_group), SCMP_SYS(tgkill), SCMP_SYS(rt_sigaction),
};

static int drop_capabilities(void)
{
        cap_t c = cap_init();
        int r = c ? 0 : -errno;

        for (cap_value_t v = 0; r == 0 && cap_get_bound(v) >= 0; v++) {
                bool keep = false;
                for (size_t i = 0; i < ARRAY_LEN(kept); i++)
                        keep |= kept[i] == v;
                if (!keep && cap_drop_bound(v) < 0)
                        r = -errno;
        }
        if (r == 0 && (cap_set_flag(c, CAP_PERMITTED, ARRAY_LEN(kept), kept, CAP_SET) < 0 ||
                       cap_set_flag(c, CAP_EFFECTIVE, ARRAY_LEN(kept), kept, CAP_SET) < 0 || cap_set_proc(c) < 0))
                r = -errno;
        cap_free(c);
        return r;
}

static int filter_system_calls(void)
{
        scmp_filter_ctx f = seccomp_init(SCMP_ACT_ERRNO(EPERM));
        int r = f ? 0 : -ENOMEM;

        for (size_t i = 0; r == 0 && i < ARRAY_LEN(allowed); i++)
                r = seccomp_rule_add(f, SCMP_ACT_ALLOW, allowed[i], 0);
        if (r == 0)
                r = seccomp_load(f);
        seccomp_release(f);
        return r;
}

int cage_lock(struct err *e)
{
        int r = drop_capabilities();

        if (r < 0)
                return err_errno(e, r, NULL, "dropping capabilities");
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
                return err_errno(e, -errno, NULL, "no_new_privs");
        r = filter_system_calls();
        return r < 0 ? err_errno(e, r, NULL, "the system call filter") : 0;
}
