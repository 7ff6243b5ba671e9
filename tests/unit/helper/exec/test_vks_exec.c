/* SPDX-License-Identifier: Apache-2.0 */
/* The program's own main, in a child, which it replaces by another. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

int vks_exec_main(int argc, char **argv);
static int putenv_as_nobody(char *s);
#define JOURNAL_SOCKET "vks-test-journal"
#define CONSOLE_SOCKET "/tmp/vks-test-console"
#define main           vks_exec_main
#define putenv         putenv_as_nobody
#include "helper/exec/vks_exec.c"
#undef putenv
#undef main

enum { HEARD_AS_ROOT = 77 };

static bool leaves_root;

/* What root's C library would be told by a pod ends the test's program. */
static int putenv_as_nobody(char *s)
{
        if (leaves_root && (getuid() == 0 || geteuid() == 0))
                _exit(HEARD_AS_ROOT);
        return putenv(s);
}

static char dir[64];

static void setup(void)
{
        snprintf(dir, sizeof(dir), "/tmp/vks-test-XXXXXX");
        cr_assert(mkdtemp(dir));
}

static void teardown(void)
{
        CLEANUP(freep) char *path = xasprintf("%s/" UNIT_TEXT_CARRIED, dir);

        unlink(path);
        cr_assert_eq(rmdir(dir), 0);
}

TestSuite(vks_exec, .init = setup, .fini = teardown);

static void credential(const void *bytes, size_t size)
{
        CLEANUP(freep) char *path = xasprintf("%s/" UNIT_TEXT_CARRIED, dir);
        FD fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0400);

        cr_assert(fd >= 0 && write(fd, bytes, size) == (ssize_t)size);
}

/* Its exit code; what it writes is in `out`, with NULs as newlines. */
static int run(const char *const *args, char *out, size_t size)
{
        int p[2], status = 0, argc = 0;
        size_t n = 0;
        pid_t pid;

        while (args[argc])
                argc++;
        cr_assert_eq(pipe2(p, O_CLOEXEC), 0);
        cr_assert_geq(pid = fork(), 0);
        if (pid == 0) {
                dup2(p[1], STDOUT_FILENO);
                clearenv();
                setenv("PATH", "/usr/bin:/bin", 1);
                setenv("CREDENTIALS_DIRECTORY", dir, 1);
                setenv("INVOCATION_ID", "00000000000000000000000000000001", 1);
                _exit(vks_exec_main(argc, (char **)(uintptr_t)args));
        }
        fd_close(p[1]);
        for (ssize_t k; (k = read(p[0], out + n, size - 1 - n)) > 0;)
                n += (size_t)k;
        fd_close(p[0]);
        for (size_t i = 0; i < n; i++)
                out[i] = out[i] ? out[i] : '\n';
        out[n] = '\0';
        cr_assert_eq(waitpid(pid, &status, 0), pid);
        return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}
#define RUN(...) run((const char *const[]){ "vks-exec", __VA_ARGS__, NULL }, out, sizeof(out))

Test(vks_exec, variables_arrive_byte_for_byte)
{
        static const char bytes[] = "a-b.c=1\0EMPTY=\0BINARY=\x01\x1b\xff=$X\0PATH=/nowhere:/usr/bin";
        char out[4096];

        credential(bytes, sizeof(bytes));
        cr_assert_eq(RUN("cat", "/proc/self/environ"), 0, "%s", out);
        cr_assert(strstr(out, "\na-b.c=1\n"), "%s", out);
        cr_assert(strstr(out, "EMPTY=\n") && strstr(out, "BINARY=\x01\x1b\xff=$X\n") &&
                  strstr(out, "PATH=/nowhere:/usr/bin\n"));
}

#define NONE "0000000000000000"
Test(vks_exec, the_user_changes_for_good_before_a_variable_is_heard)
{
        static const char bytes[] = "X=1";
        char out[4096];

        if (geteuid() != 0)
                cr_skip_test("only root can become somebody else");
        credential(bytes, sizeof(bytes));
        leaves_root = true;
        cr_assert_eq(RUN("--user=54321", "--group=54322", "/bin/sh", "-c", "echo x$X; cat /proc/self/status"), 0, "%s",
                     out);
        cr_assert(starts_with(out, "x1\n"), "%s", out);
        cr_assert(strstr(out, "\nUid:\t54321\t54321\t54321\t54321\n") &&
                          strstr(out, "\nGid:\t54322\t54322\t54322\t54322\n"),
                  "%s", out);
        cr_assert(strstr(out, "\nGroups:\t \n") && strstr(out, "\nNoNewPrivs:\t1\n"), "%s", out);
        cr_assert(strstr(out, "\nCapInh:\t" NONE "\nCapPrm:\t" NONE "\nCapEff:\t" NONE "\nCapBnd:\t" NONE
                              "\nCapAmb:\t" NONE "\n"),
                  "%s", out);
        cr_assert_eq(RUN("--user=0", "--group=0", "/bin/true"), HEARD_AS_ROOT, "this test would see it");
}

Test(vks_exec, whoever_it_becomes_has_a_home)
{
        char out[4096];

        if (geteuid() != 0)
                cr_skip_test("only root can become somebody else");
        credential("X=1", 4);
        cr_assert_eq(RUN("--user=54321", "--group=54322", "/bin/sh", "-c", "echo $HOME"), 0, "%s", out);
        cr_assert_str_eq(out, "/\n", "nobody knows the user");
        cr_assert_eq(RUN("--user=65534", "--group=54322", "/bin/sh", "-c", "echo $HOME"), 0, "%s", out);
        cr_assert_str_eq(out, "/nonexistent\n", "as /etc/passwd has it");
}

Test(vks_exec, a_home_of_the_pods_own_wins)
{
        char out[4096];

        if (geteuid() != 0)
                cr_skip_test("only root can become somebody else");
        credential("HOME=/data", sizeof("HOME=/data"));
        cr_assert_eq(RUN("--user=54321", "--group=54322", "/bin/sh", "-c", "echo $HOME"), 0, "%s", out);
        cr_assert_str_eq(out, "/data\n");
        cr_assert_eq(RUN("/bin/sh", "-c", "echo $HOME"), 0, "%s", out);
        cr_assert_str_eq(out, "/data\n");
}

Test(vks_exec, it_is_in_the_groups_that_are_given_and_in_no_other)
{
        static const char *const wrong[] = { "--groups=x", "--groups=1,", "--groups=1,,2", "--groups=1;2" };
        CLEANUP(buf_done) struct buf many = BUF(4096);
        char out[4096];

        if (geteuid() != 0)
                cr_skip_test("only root can become somebody else");
        credential("", 0);
        cr_assert_eq(RUN("--user=54321", "--group=54322", "--groups=7,65535", "/bin/cat", "/proc/self/status"), 0, "%s",
                     out);
        cr_assert(strstr(out, "\nGroups:\t7 65535 \n"), "%s", out);
        for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
                cr_expect_eq(RUN("--user=54321", "--group=54322", wrong[i], "/bin/echo", "ran"), NOT_RUN, "%s",
                             wrong[i]);
        buf_str(&many, "--groups=1");
        for (int i = 0; i < GROUPS_MAX; i++)
                buf_str(&many, ",1");
        cr_expect_eq(RUN("--user=54321", "--group=54322", many.data, "/bin/echo", "ran"), NOT_RUN,
                     "more than there is room for");
}

Test(vks_exec, where_everybody_may_be_root_the_way_back_stays_open)
{
        char out[4096];

        if (geteuid() != 0)
                cr_skip_test("only root can become somebody else");
        credential("", 0);
        cr_assert_eq(RUN("--user=54321", "--group=54322", "--may-gain", "/bin/cat", "/proc/self/status"), 0, "%s", out);
        cr_assert(strstr(out, "\nUid:\t54321\t54321\t54321\t54321\n") && strstr(out, "\nNoNewPrivs:\t0\n"), "%s", out);
        cr_assert(strstr(out, "\nCapPrm:\t" NONE "\nCapEff:\t" NONE "\n") && !strstr(out, "\nCapBnd:\t" NONE "\n"),
                  "%s", out);
}

Test(vks_exec, a_directory_that_is_missing_is_made_and_entered)
{
        CLEANUP(freep) char *deep = xasprintf("%s/a/b", dir), *above = xasprintf("%s/a", dir);
        struct stat st = { 0 };
        char out[4096];

        credential("", 0);
        for (int again = 0; again < 2; again++) {
                cr_assert_eq(RUN("--dir", deep, "/bin/pwd"), 0, "%s", out);
                cr_assert(strncmp(out, deep, strlen(deep)) == 0, "%s", out);
        }
        cr_assert(stat(deep, &st) == 0 && st.st_uid == geteuid() && (st.st_mode & 07022) == 0);
        rmdir(deep);
        rmdir(above);
}

/* As its user, and with that user's rights. */
Test(vks_exec, a_directory_is_made_by_the_user_whose_it_is)
{
        CLEANUP(freep)
        char *open_dir = xasprintf("%s/open", dir), *mine = xasprintf("%s/open/x", dir),
             *closed = xasprintf("%s/closed", dir);
        struct stat st = { 0 };
        char out[4096];

        if (geteuid() != 0)
                cr_skip_test("only root can become somebody else");
        credential("", 0);
        cr_assert(chmod(dir, 0755) == 0 && mkdir(open_dir, 0700) == 0 && chmod(open_dir, 0777) == 0);
        cr_assert_eq(RUN("--user=54321", "--group=54322", "--dir", mine, "/bin/pwd"), 0, "%s", out);
        cr_expect(stat(mine, &st) == 0 && st.st_uid == 54321 && st.st_gid == 54322);
        cr_expect_eq(RUN("--user=54321", "--group=54322", "--dir", closed, "/bin/echo", "ran"), NOT_RUN);
        cr_expect_str_eq(out, "");
        cr_expect_lt(stat(closed, &st), 0);
        rmdir(mine);
        rmdir(open_dir);
}

/* The links may be another container's, and this process root's. */
Test(vks_exec, no_directory_is_made_through_a_link)
{
        CLEANUP(freep)
        char *link = xasprintf("%s/link", dir), *through = xasprintf("%s/link/new", dir),
             *there = xasprintf("%s/there", dir), *made = xasprintf("%s/there/new", dir),
             *dangling = xasprintf("%s/dangling", dir);
        struct stat st;
        char out[4096];

        credential("", 0);
        cr_assert(mkdir(there, 0755) == 0 && symlink("there", link) == 0 && symlink("made", dangling) == 0);
        cr_expect_eq(RUN("--dir", through, "/bin/echo", "ran"), NOT_RUN);
        cr_expect_lt(stat(made, &st), 0);
        cr_expect_eq(RUN("--dir", dangling, "/bin/echo", "ran"), NOT_RUN);
        cr_expect_eq(RUN("--dir", "/proc/self/root/vks-none/x", "/bin/echo", "ran"), NOT_RUN);
        cr_expect_lt(stat("/vks-none", &st), 0);
        cr_expect_eq(RUN("--dir", "/sys/fs/cgroup/vks-none", "/bin/echo", "ran"), NOT_RUN);
        cr_expect_lt(stat("/sys/fs/cgroup/vks-none", &st), 0);
        cr_expect_eq(RUN("--dir", link, "/bin/pwd"), 0, "what is there may be entered through one");
        unlink(link);
        unlink(dangling);
        rmdir(there);
}

Test(vks_exec, the_first_word_may_be_another)
{
        char out[4096];

        credential("", 0);
        cr_assert_eq(RUN("--argv0", "name", "/bin/cat", "/proc/self/cmdline"), 0);
        cr_assert_str_eq(out, "name\n/proc/self/cmdline\n");
}

Test(vks_exec, hidden_words_take_their_places)
{
        static const char bytes[] = "A=1\0=1=two\nlines\0=3=\0=4==\x01\xff";
        char out[4096];

        credential(bytes, sizeof(bytes));
        cr_assert_eq(RUN("printf", "$(F)", "shown", "$(E)", "$(B)"), 0, "%s", out);
        cr_assert_str_eq(out, "two\nlines", "printf's format is one of them");
        cr_assert_eq(RUN("--argv0", "cat", "/bin/echo", "x", "-", "y", "z", "end"), 0);
        cr_assert_str_eq(out, "two\nlines -  =\x01\xff end\n");
        cr_assert_eq(RUN("/bin/echo", "1", "2", "3"), NOT_RUN, "there is no fourth");
}

Test(vks_exec, another_command_line_gets_the_variables_and_none_of_the_words)
{
        static const char bytes[] = "A=1\0=1=two\0=7=x";
        char out[4096];

        credential(bytes, sizeof(bytes));
        cr_assert_eq(RUN("--other", "sh", "-c", "echo $A"), 0, "%s", out);
        cr_assert_str_eq(out, "1\n");
}

Test(vks_exec, a_word_that_has_no_place_runs_nothing)
{
        static const char *const entries[] = {
                "=0=/bin/sh", "=2=x", "=x", "==x", "=-1=x", "=1", "=1 =x", "=18446744073709551617=x", "=4294967297=x",
        };
        char out[4096];

        for (size_t i = 0; i < ARRAY_LEN(entries); i++) {
                CLEANUP(freep) char *path = xasprintf("%s/" UNIT_TEXT_CARRIED, dir);

                credential(entries[i], strlen(entries[i]) + 1);
                cr_expect_eq(RUN("/bin/echo", "a"), NOT_RUN, "%s", entries[i]);
                cr_expect_str_eq(out, "", "%s", entries[i]);
                cr_assert_eq(unlink(path), 0);
        }
}

Test(vks_exec, what_is_not_whole_runs_nothing)
{
        char out[4096];

        cr_assert_eq(RUN("/bin/echo", "ran"), NOT_RUN, "without its credential");
        credential("X=1", 4);
        cr_assert_eq(RUN("--user=4294967295", "--group=1", "/bin/echo", "ran"), NOT_RUN, "the uid that means none");
        cr_assert_eq(RUN("--user=1", "--group=4294967295", "/bin/echo", "ran"), NOT_RUN);
        cr_assert_eq(RUN("--colour", "/bin/echo", "ran"), NOT_RUN);
        cr_assert_eq(RUN("--user=1"), NOT_RUN);
        cr_assert_eq(RUN("/nowhere/program"), NOT_RUN);
        cr_assert_str_eq(out, "");
}

/* Beside the exit code, which any program may end with. */
Test(vks_exec, what_could_not_be_executed_is_told_to_the_journal)
{
        const char *missing[] = { "vks-exec", "/usr/bin/no-such-program", NULL };
        const char *there[] = { "vks-exec", "/bin/sh", "-c", "exit 203", NULL };
        const struct sockaddr_un own = { .sun_family = AF_UNIX, .sun_path = JOURNAL_SOCKET };
        FD fd = -1;
        char out[4096];
        ssize_t n;

        cr_assert_eq(chdir(dir), 0);
        fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        cr_assert(fd >= 0 && bind(fd, (const struct sockaddr *)&own, sizeof(own)) == 0);
        credential("", 0);
        cr_expect_eq(run(there, out, sizeof(out)), 203);
        cr_expect_lt(recv(fd, out, sizeof(out), 0), 0);
        cr_expect_eq(run(missing, out, sizeof(out)), 203);
        n = recv(fd, out, sizeof(out) - 1, 0);
        unlink(JOURNAL_SOCKET);
        cr_assert_gt(n, 0);
        out[n] = '\0';
        cr_expect(starts_with(out, "MESSAGE_ID=641257651c1b4ec9a8624d7a40a9e1e7\n"));
        cr_expect(strstr(out, "\nINVOCATION_ID=00000000000000000000000000000001\n"), "%s", out);
        cr_expect(strstr(out, "\nMESSAGE=Failed to execute: /usr/bin/no-such-program: No such file or directory\n"));
}

/* ---- --console: an agent of the test's, in a child ------------------------------------------------------------- */

/* Answers one vks-exec with `kind` and `fd`; what it was sent is written to, which is the program's output. */
static pid_t agent(char kind, int fd)
{
        struct sockaddr_un addr = { .sun_family = AF_UNIX, .sun_path = CONSOLE_SOCKET };
        int listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
        pid_t pid;

        unlink(CONSOLE_SOCKET);
        cr_assert(bind(listener, (struct sockaddr *)&addr, sizeof(addr)) == 0 && listen(listener, 1) == 0);
        cr_assert_geq(pid = fork(), 0);
        if (pid == 0) {
                _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))] = { 0 };
                char got = 0;
                struct iovec iov = { &got, 1 };
                struct msghdr m = {
                        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)
                };
                int sock = accept(listener, NULL, NULL), out = -1;

                if (recvmsg(sock, &m, 0) != 1 || got != CONSOLE_HELLO || !CMSG_FIRSTHDR(&m))
                        _exit(1);
                memcpy(&out, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(int));
                if (write(out, "agent;", 6) != 6)
                        _exit(2);
                close(out);
                got = kind;
                m.msg_controllen = fd >= 0 ? sizeof(control) : 0;
                if (fd >= 0)
                        memcpy(CMSG_DATA(CMSG_FIRSTHDR(&m)), &fd, sizeof(int));
                _exit(kind && sendmsg(sock, &m, 0) != 1 ? 3 : 0);
        }
        close(listener);
        return pid;
}

static int run_with(pid_t pid, char *out, size_t size)
{
        int status = 0;
        int r = run((const char *const[]){ "vks-exec", "--console", "/bin/sh", "-c", "test -t 0 && tty; cat", NULL },
                    out, size);

        cr_assert_eq(waitpid(pid, &status, 0), pid);
        cr_assert_eq(status, 0, "the agent: %d", status);
        unlink(CONSOLE_SOCKET);
        return r;
}

Test(vks_exec, standard_input_comes_from_the_agent_which_gets_the_output)
{
        char out[4096];
        int p[2];

        credential("", 0);
        cr_assert(pipe(p) == 0 && write(p[1], "typed", 5) == 5);
        close(p[1]);
        cr_assert_eq(run_with(agent(CONSOLE_INPUT, p[0]), out, sizeof(out)), 0, "%s", out);
        cr_assert_str_eq(out, "agent;typed");
}

Test(vks_exec, an_agent_that_gives_nothing_keeps_no_program_from_running)
{
        char out[4096];
        int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

        credential("", 0);
        dup2(null, STDIN_FILENO);
        cr_assert_eq(run_with(agent(CONSOLE_INPUT, -1), out, sizeof(out)), 0, "no descriptor: %s", out);
        cr_assert_eq(run_with(agent(0, -1), out, sizeof(out)), 0, "no answer: %s", out);
        cr_assert_eq(RUN("--console", "/bin/echo", "alone"), 0);
        cr_assert_str_eq(out, "alone\n", "no agent at all");
}

Test(vks_exec, a_terminal_becomes_all_three_streams)
{
        char shown[256] = "";
        int near = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC), far, status = 0;
        const char *const args[] = {
                "vks-exec", "--console", "/bin/sh", "-c", "tty </dev/tty; test -t 1 && test -t 2 && echo all", NULL
        };
        ssize_t n = 0;
        pid_t pid, child;

        credential("", 0);
        cr_assert_eq(unlockpt(near), 0);
        far = ioctl(near, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
        pid = agent(CONSOLE_TERMINAL, far);
        cr_assert_geq(child = fork(), 0);
        if (child == 0) { /* PID 1 makes a container's first process the leader of a session */
                setsid();
                clearenv();
                setenv("PATH", "/usr/bin:/bin", 1);
                setenv("CREDENTIALS_DIRECTORY", dir, 1);
                _exit(vks_exec_main(5, (char **)(uintptr_t)args));
        }
        cr_assert_eq(waitpid(child, &status, 0), child);
        cr_assert_eq(waitpid(pid, NULL, 0), pid);
        close(far);
        for (ssize_t k;
             n < (ssize_t)sizeof(shown) - 1 && (k = read(near, shown + n, sizeof(shown) - 1 - (size_t)n)) > 0;)
                n += k;
        cr_assert(strstr(shown, "all"), "%s", shown);
        unlink(CONSOLE_SOCKET);
}

/* It is read as root, and its way lies in what is the pod's. */
Test(vks_exec, nothing_is_read_that_a_link_leads_to)
{
        char out[4096];
        CLEANUP(freep)
        char *closed = xasprintf("%s/closed", dir), *file = xasprintf("%s/closed/" UNIT_TEXT_CARRIED, dir),
             *link = xasprintf("%s/" UNIT_TEXT_CARRIED, dir);
        CLEANUP(freep) char *own = xstrdup(dir);
        FD fd = -1;

        cr_assert_eq(mkdir(closed, 0700), 0);
        fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0400);
        cr_assert(fd >= 0 && write(fd, "SECRET=x", 9) == 9);
        cr_assert_eq(symlink("closed/" UNIT_TEXT_CARRIED, link), 0);
        cr_expect_eq(RUN("/usr/bin/env"), NOT_RUN, "the credential is a link");
        cr_assert_eq(unlink(link), 0);
        cr_assert_eq(mkfifo(link, 0600), 0);
        cr_expect_eq(RUN("/usr/bin/env"), NOT_RUN, "it is no file");
        cr_assert_eq(unlink(link), 0);

        link[strlen(dir) + 1] = 'w', link[strlen(dir) + 2] = '\0';
        cr_assert_eq(symlink("closed", link), 0);
        snprintf(dir, sizeof(dir), "%s", link);
        cr_expect_eq(RUN("/usr/bin/env"), NOT_RUN, "its directory is a link");
        snprintf(dir, sizeof(dir), "%s", closed);
        cr_expect_eq(RUN("/usr/bin/env"), 0, "where it is, it is read: %s", out);
        cr_expect(strstr(out, "SECRET=x"), "%s", out);

        snprintf(dir, sizeof(dir), "%s", own);
        unlink(link);
        unlink(file);
        rmdir(closed);
}
