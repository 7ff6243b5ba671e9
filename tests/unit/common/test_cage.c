/* SPDX-License-Identifier: Apache-2.0 */
/* Each test locks up a child: a filter is for good. System calls are made without libc's help, and sanitizers get no
 * say at the end. */
#include <criterion/criterion.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <sys/klog.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/cage.h"
#include "common/cage.h"
#include "common/mem.h"
#include "helper/helper.h"

typedef int (*body)(void);

static void needs_root(void)
{
        if (geteuid() != 0)
                cr_skip_test("what is to be dropped is root's");
}

/* How a child ends that does `lock` and then `f`: its exit code, or minus the signal. */
static int ends(int (*lock)(struct err *e), body f)
{
        int status = 0;
        pid_t pid = fork();

        if (pid == 0) {
                struct err e = ERR_NONE;
                int r = lock(&e);
                syscall(SYS_exit_group, r < 0 ? 99 : f());
        }
        cr_assert(pid > 0 && waitpid(pid, &status, 0) == pid);
        return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static int exec_something(void)
{
        char *argv[] = { (char *)"/bin/true", NULL };

        return (int)syscall(SYS_execve, argv[0], argv, argv + 1);
}

static int mount_something(void)
{
        return (int)syscall(SYS_mount, "none", "/mnt", "tmpfs", 0, NULL);
}

static int trace_somebody(void)
{
        return (int)syscall(SYS_ptrace, 16 /* PTRACE_ATTACH */, getppid(), NULL, NULL);
}

/* What is merely not allowed fails with EPERM, and life goes on. */
static int make_processes(void)
{
        struct {
                uint64_t flags, rest[10];
        } args = { .flags = 0 };
        bool fork_fails = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0) == -1 && errno == EPERM;
        bool clone3_fails = syscall(SYS_clone3, &args, sizeof(args)) == -1 && (errno == EPERM || errno == ENOSYS);
        bool vfork_fails = syscall(SYS_vfork) == -1 && errno == EPERM;

        return fork_fails && clone3_fails && vfork_fails ? 0 : 1;
}

static int make_files(void)
{
        return syscall(SYS_mkdirat, AT_FDCWD, "/tmp/vks-cage-test", 0700) == -1 && errno == EPERM &&
                               syscall(SYS_symlinkat, "/etc", AT_FDCWD, "/tmp/vks-cage-test") == -1 && errno == EPERM &&
                               syscall(SYS_fchmod, 0, 0777) == -1 && errno == EPERM
                       ? 0
                       : 1;
}

static int make_sockets(void)
{
        return syscall(SYS_socket, 1, 1, 0) == -1 && errno == EPERM ? 0 : 1;
}

static int signal_others(void)
{
        return syscall(SYS_kill, getppid(), 0) == -1 && errno == EPERM ? 0 : 1;
}

static void *thread(void *ran)
{
        *(bool *)ran = true;
        return NULL;
}

static int make_a_thread(void)
{
        bool ran = false;
        pthread_t t;

        return pthread_create(&t, NULL, thread, &ran) == 0 && pthread_join(t, NULL) == 0 && ran ? 0 : 1;
}

Test(cage, another_program_another_memory_or_a_mount_is_the_end_of_both)
{
        needs_root();
        cr_expect_eq(ends(agent_cage, exec_something), -SIGSYS);
        cr_expect_eq(ends(agent_cage, mount_something), -SIGSYS);
        cr_expect_eq(ends(agent_cage, trace_somebody), -SIGSYS);
        cr_expect_eq(ends(helper_cage, exec_something), -SIGSYS);
        cr_expect_eq(ends(helper_cage, mount_something), -SIGSYS);
        cr_expect_eq(ends(helper_cage, trace_somebody), -SIGSYS);
}

Test(cage, neither_makes_processes_or_signals_them)
{
        needs_root();
        cr_expect_eq(ends(agent_cage, make_processes), 0);
        cr_expect_eq(ends(agent_cage, signal_others), 0);
        cr_expect_eq(ends(helper_cage, make_processes), 0);
        cr_expect_eq(ends(helper_cage, signal_others), 0);
}

Test(cage, the_agent_makes_threads_but_no_folders_and_links)
{
        cr_expect_eq(ends(agent_cage, make_a_thread), 0);
        cr_expect_eq(ends(agent_cage, make_files), 0);
}

Test(cage, the_helper_makes_no_sockets)
{
        needs_root();
        cr_expect_eq(ends(helper_cage, make_sockets), 0);
}

/* No way back: what is effective is all that is permitted, bounded, and that a program could ever get. */
static int status_says(const char *capabilities)
{
        static const char *const sets[] = { "CapPrm", "CapEff", "CapBnd" };
        char text[4096], line[64];
        int fd = (int)syscall(SYS_openat, AT_FDCWD, "/proc/self/status", O_RDONLY);
        long n = syscall(SYS_read, fd, text, sizeof(text) - 1);
        bool same = n > 0;

        text[n > 0 ? n : 0] = '\0';
        for (size_t i = 0; i < ARRAY_LEN(sets); i++) {
                snprintf(line, sizeof(line), "\n%s:\t%s\n", sets[i], capabilities);
                same &= strstr(text, line) != NULL;
        }
        return same && strstr(text, "\nCapInh:\t0000000000000000\n") && strstr(text, "\nNoNewPrivs:\t1\n") ? 0 : 1;
}

static int hold_nothing(void)
{
        return status_says("0000000000000000");
}

static int hold_four(void)
{
        return status_says("000000000000001b"); /* CHOWN, DAC_OVERRIDE, FOWNER, FSETID */
}

Test(cage, capabilities_are_gone_for_good)
{
        needs_root();
        cr_expect_eq(ends(agent_cage, hold_nothing), 0);
        cr_expect_eq(ends(helper_cage, hold_four), 0);
}

/* A thread that was there before is locked up, too. */
static pthread_barrier_t locked, done;
static int thread_saw;

static void *early(UNUSED void *nothing)
{
        pthread_barrier_wait(&locked);
        thread_saw = make_processes();
        pthread_barrier_wait(&done);
        return NULL;
}

static int lock_with_a_thread(struct err *e)
{
        pthread_t t;
        int r;

        pthread_barrier_init(&locked, NULL, 2);
        pthread_barrier_init(&done, NULL, 2);
        thread_saw = 1;
        if (pthread_create(&t, NULL, early, NULL) != 0)
                return -1;
        r = agent_cage(e);
        pthread_barrier_wait(&locked);
        pthread_barrier_wait(&done);
        return r;
}

static int what_the_thread_saw(void)
{
        return thread_saw;
}

Test(cage, a_thread_that_was_there_before_is_in_it_too)
{
        cr_expect_eq(ends(lock_with_a_thread, what_the_thread_saw), 0);
}

/* ---- the line in the audit log ----------------------------------------------------------------------------------- */

/* Numbers that no kernel has yet. */
static int call_the_unknown(void)
{
        for (long nr = 600; nr < 1000; nr += 57)
                if (syscall(nr) != -1 || errno != EPERM)
                        return 1;
        return 0;
}

Test(cage, what_no_list_knows_fails_and_does_not_kill)
{
        needs_root();
        cr_expect_eq(ends(agent_cage, call_the_unknown), 0);
        cr_expect_eq(ends(helper_cage, call_the_unknown), 0);
}

/* The flags with which `lock` gives the kernel its filter, read where the kernel reads them; 0 when it gives none. */
static unsigned long filter_flags(int (*lock)(struct err *e))
{
        struct __ptrace_syscall_info call;
        unsigned long flags = 0;
        int status;
        pid_t pid = fork();

        if (pid == 0) {
                struct err e = ERR_NONE;
                ptrace(PTRACE_TRACEME, 0, NULL, NULL);
                raise(SIGSTOP);
                syscall(SYS_exit_group, lock(&e) < 0);
        }
        cr_assert(pid > 0 && waitpid(pid, &status, 0) == pid && WIFSTOPPED(status));
        cr_assert_eq(ptrace(PTRACE_SETOPTIONS, pid, NULL, (void *)(PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL)), 0);
        while (ptrace(PTRACE_SYSCALL, pid, NULL, NULL) == 0 && waitpid(pid, &status, 0) == pid && WIFSTOPPED(status))
                if (WSTOPSIG(status) == (SIGTRAP | 0x80) &&
                    ptrace(PTRACE_GET_SYSCALL_INFO, pid, (void *)sizeof(call), &call) > 0 &&
                    call.op == PTRACE_SYSCALL_INFO_ENTRY && call.entry.nr == SYS_seccomp &&
                    call.entry.args[0] == SECCOMP_SET_MODE_FILTER &&
                    call.entry.args[2]) /* without a filter it only asks what the kernel knows */
                        flags = call.entry.args[1];
        cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        return flags;
}

Test(cage, the_kernel_is_told_to_log_what_is_refused_in_all_threads)
{
        needs_root();
        for (size_t i = 0; i < 2; i++) {
                unsigned long flags = filter_flags(i ? helper_cage : agent_cage),
                              both = SECCOMP_FILTER_FLAG_LOG | SECCOMP_FILTER_FLAG_TSYNC;
                cr_expect_eq(flags & both, both, "%lx", flags);
        }
}

static long unknown; /* a number that no kernel has, and no other process tries */

static int call_unknown(void)
{
        return syscall(unknown) == -1 && errno == EPERM ? 0 : 1;
}

/* A filter that certainly logs: where its line does not arrive, none does. */
static int log_all(UNUSED struct err *e)
{
        scmp_filter_ctx f = seccomp_init(SCMP_ACT_ERRNO(EPERM));

        return !f || seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(exit_group), 0) ||
                               seccomp_attr_set(f, SCMP_FLTATR_CTL_LOG, 1) || seccomp_load(f)
                       ? -1
                       : 0;
}

/* Somebody in this cage tries something: is there a line about that in the kernel's log? It may drop some when there
 * are many. */
static bool is_logged(int (*lock)(struct err *e))
{
        int size = klogctl(10 /* its size */, NULL, 0);
        CLEANUP(freep) char *text = xcalloc((size_t)(size > 0 ? size : 0) + 1, 1), *line = NULL;

        unknown++;
        cr_assert_eq(ends(lock, call_unknown), 0);
        line = xasprintf(" syscall=%ld compat=0 ip=", unknown);
        return size > 0 && klogctl(3 /* all of it */, text, size) > 0 && strstr(text, "type=1326 audit(") &&
               strstr(text, line);
}

Test(cage, a_refused_call_leaves_a_line_in_the_audit_log)
{
        bool agent = false, helper = false;
        int others = 0;

        needs_root();
        unknown = 1000 + (getpid() & 0xffff) * 256;
        for (int i = 0; i < 60 && !(agent && helper) && (others || i < 20); i++) {
                agent |= is_logged(agent_cage);
                helper |= is_logged(helper_cage);
                others += is_logged(log_all);
                usleep(agent && helper ? 0 : 250000);
        }
        if (others < 20 && !(agent && helper))
                cr_skip_test("the kernel's log is not to be read here, it drops most lines, or those of audit go to a "
                             "daemon");
        cr_assert(agent && helper, "the agent's: %d, the helper's: %d, somebody else's: %d", agent, helper, others);
}
