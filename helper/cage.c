/* SPDX-License-Identifier: Apache-2.0 */
#include <seccomp.h>

#include "common/cage.h"
#include "helper/helper.h"

static const cap_value_t kept[] = {
        CAP_DAC_OVERRIDE, /* what pods leave behind belongs to others, in directories that only they may enter */
        CAP_FOWNER,       /* ... and is removed from sticky directories */
        CAP_CHOWN,        /* the directories of a private /run belong to whom they belong on the machine */
        CAP_FSETID,       /* ... with their set-group-id bits */
};

/* Whatever is not here fails, or is the end (common/cage.h): no program, no process, no socket, no signal, no mount, no
 * module, no clock. */
static const int allowed[] = {
        /* the event loop and the bus */
        SCMP_SYS(epoll_wait),
        SCMP_SYS(epoll_pwait),
        SCMP_SYS(epoll_pwait2),
        SCMP_SYS(epoll_ctl),
        SCMP_SYS(ppoll),
        SCMP_SYS(poll),
        SCMP_SYS(timerfd_settime),
        SCMP_SYS(timerfd_create),
        SCMP_SYS(setitimer),
        SCMP_SYS(read),
        SCMP_SYS(write),
        SCMP_SYS(writev),
        SCMP_SYS(close),
        SCMP_SYS(clock_gettime),
        SCMP_SYS(clock_nanosleep),
        SCMP_SYS(getrandom),
        SCMP_SYS(gettid),
        SCMP_SYS(getpid),
        SCMP_SYS(rt_sigprocmask),
        SCMP_SYS(rt_sigreturn),
        SCMP_SYS(restart_syscall),
        SCMP_SYS(gettimeofday),
        SCMP_SYS(time),
        SCMP_SYS(futex),
        SCMP_SYS(rseq),
        /* peers: accepted, never made */
        SCMP_SYS(accept4),
        SCMP_SYS(recvmsg),
        SCMP_SYS(sendmsg),
        SCMP_SYS(sendto),
        SCMP_SYS(recvfrom),
        SCMP_SYS(getsockopt),
        SCMP_SYS(setsockopt),
        SCMP_SYS(getsockname),
        SCMP_SYS(getpeername),
        SCMP_SYS(shutdown),
        /* memory */
        SCMP_SYS(brk),
        SCMP_SYS(mmap),
        SCMP_SYS(munmap),
        SCMP_SYS(mremap),
        SCMP_SYS(madvise),
        SCMP_SYS(mprotect),
        SCMP_SYS(sysinfo),
        /* files, reading */
        SCMP_SYS(openat),
        SCMP_SYS(openat2),
        SCMP_SYS(fstat),
        SCMP_SYS(newfstatat),
        SCMP_SYS(statx),
        SCMP_SYS(lseek),
        SCMP_SYS(pread64),
        SCMP_SYS(getdents64),
        SCMP_SYS(readlinkat),
        SCMP_SYS(readlink),
        SCMP_SYS(faccessat),
        SCMP_SYS(faccessat2),
        SCMP_SYS(access),
        SCMP_SYS(fcntl),
        SCMP_SYS(dup),
        SCMP_SYS(fstatfs),
        SCMP_SYS(stat),
        SCMP_SYS(lstat),
        SCMP_SYS(open),
        SCMP_SYS(ioctl),
        /* files, writing */
        SCMP_SYS(mkdirat),
        SCMP_SYS(unlinkat),
        SCMP_SYS(mknodat), /* FIFOs: without CAP_MKNOD there are no devices */
        SCMP_SYS(mknod),
        SCMP_SYS(renameat),
        SCMP_SYS(renameat2),
        SCMP_SYS(symlinkat),
        SCMP_SYS(fchmod),
        SCMP_SYS(fchmodat),
        SCMP_SYS(fchown),
        SCMP_SYS(fchownat),
        SCMP_SYS(ftruncate),
        SCMP_SYS(utimensat), /* of PID 1's directory of units: units.c */
        /* the end */
        SCMP_SYS(exit),
        SCMP_SYS(exit_group),
        SCMP_SYS(tgkill),
        SCMP_SYS(rt_sigaction),
};

int helper_cage(struct err *e)
{
        return cage_lock(&(struct cage){ kept, ARRAY_LEN(kept), allowed, ARRAY_LEN(allowed), false }, e);
}
