/* SPDX-License-Identifier: Apache-2.0 */
/* build/KIND/vks-helper as systemd starts it, in its cage, on a machine of each test's own. */
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include "common/fd.h"
#include "tests/unit/machine.h"
#include "tests/unit/pid1.h"

static struct pid1 pid1;

/* build/KIND/vks-helper, which lies beside this test. */
static char *program(void)
{
        char self[4096];
        ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

        cr_assert_gt(n, 0);
        self[n] = '\0';
        *strrchr(self, '/') = '\0';
        return xasprintf("%s/vks-helper", self);
}

static int bound(int type, const char *path)
{
        struct sockaddr_un addr = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

        snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
        cr_assert(fd >= 0 && bind(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0 && listen(fd, 5) == 0, "%s", path);
        return fd;
}

/* Starts it as systemd would, with `sock` (-1: none), and what it writes into *ret_out. */
static pid_t start(const char *const *args, int sock, int *ret_out)
{
        CLEANUP(freep) char *path = program();
        int out[2];
        pid_t pid;

        cr_assert_eq(pipe2(out, O_CLOEXEC), 0);
        pid = fork();
        if (pid == 0) {
                char number[16];
                char *const words[] = { path, STR(args[0]), args[0] ? STR(args[1]) : NULL, NULL };

                dup2(out[1], STDOUT_FILENO);
                dup2(out[1], STDERR_FILENO);
                snprintf(number, sizeof(number), "%d", getpid());
                if (sock >= 0 && dup2(sock, 3) == 3) {
                        setenv("LISTEN_PID", number, 1);
                        setenv("LISTEN_FDS", "1", 1);
                }
                setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/run/bus", 1);
                /* LeakSanitizer would make a process, which the cage does not let it */
                setenv("ASAN_OPTIONS", "detect_leaks=0", 1);
                execv(path, words);
                _exit(127);
        }
        fd_close(out[1]);
        *ret_out = out[0];
        return pid;
}

static int ended(pid_t pid, int out, char *text, size_t size)
{
        size_t n = 0;
        int status = 0;

        for (ssize_t k; (k = read(out, text + n, size - 1 - n)) > 0;)
                n += (size_t)k;
        text[n] = '\0';
        fd_close(out);
        cr_assert_eq(waitpid(pid, &status, 0), pid);
        return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static int run(const char *const *args, int sock, char *text, size_t size)
{
        int out;
        pid_t pid = start(args, sock, &out);

        return ended(pid, out, text, size);
}

#define RUN(sock, ...) run((const char *const[]){ __VA_ARGS__, NULL, NULL }, sock, text, sizeof(text))

TestSuite(helper_program, .init = make_machine, .timeout = 600);

Test(helper_program, it_tells_about_itself_and_the_policy)
{
        char text[8192];

        cr_assert_eq(RUN(-1, "--help"), 0);
        cr_assert(starts_with(text, "usage: vks-helper "), "%s", text);
        cr_assert_eq(RUN(-1, "--version"), 0);
        cr_assert(starts_with(text, "vks-helper "), "%s", text);
        cr_assert_eq(RUN(-1, "--no-such"), 2);
        cr_assert_eq(RUN(-1, "--explain"), 0);
        cr_assert(strstr(text, "root = package\n"), "the defaults, without a file: %s", text);
        put("/etc/vks/policy.conf", "root = deny\n", 0644);
        cr_assert_eq(RUN(-1, "--explain"), 0);
        cr_assert(strstr(text, "root = deny\n"));
        put("/etc/other.conf", "root = deny\n", 0644);
        cr_assert_eq(RUN(-1, "--check-policy", "/etc/other.conf"), 0);
        cr_assert_str_eq(text, "");
        cr_assert_eq(RUN(-1, "--check-policy", "/etc/othre.conf"), 1, "what is not there is not checked");
        cr_assert(strstr(text, "/etc/othre.conf: No such file"), "%s", text);
        put("/etc/other.conf", "\nroot = maybe\n", 0644);
        cr_assert_eq(RUN(-1, "--check-policy", "/etc/other.conf"), 1);
        cr_assert(strstr(text, "/etc/other.conf:2: root: wanted: package, allow or deny"), "%s", text);
}

Test(helper_program, it_does_not_start_without_its_socket_its_directories_and_the_bus)
{
        int sock = bound(SOCK_SEQPACKET, "/run/helper.sock"), stream = bound(SOCK_STREAM, "/run/other.sock");
        char text[8192];

        cr_assert_eq(RUN(-1, "--socket-idle", "1"), 1);
        cr_assert(strstr(text, "to be started by its socket"), "%s", text);
        cr_assert_eq(RUN(stream, "--socket-idle", "1"), 1);
        cr_assert(strstr(text, "to be started by its socket"), "%s", text);
        cr_assert_eq(RUN(sock, "--socket-idle", "1"), 1);
        cr_assert(strstr(text, "system bus and event loop"), "%s", text);
        cr_assert_eq(rmdir("/var/lib/vks/pods"), 0);
        cr_assert_eq(RUN(sock, "--socket-idle", "1"), 1);
        cr_assert(strstr(text, "/var/lib/vks/pods: No such file"), "%s", text);
        fd_close(sock), fd_close(stream);
}

/* ---- a connection ------------------------------------------------------------------------------------------------ */

static int dial(void)
{
        struct sockaddr_un addr = { .sun_family = AF_UNIX, .sun_path = "/run/helper.sock" };
        int peer = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

        cr_assert_eq(connect(peer, (struct sockaddr *)&addr, sizeof(addr)), 0);
        return peer;
}

/* What it answers to the WRITE of a pod: the error, and in `said` the rule and the words. */
static char said[2 * WIRE_TEXT_MAX];
static int asked_to_write(int peer, const struct asked *a)
{
        const struct wire_verb *v;
        ProtobufCMessage *got = NULL;
        struct err e = ERR_NONE;
        char byte, text[4096];
        int r;

        cr_assert_eq(wire_send_request(peer, wire_verb_find(VERB_write), &a->m.base, NULL, &e), 0, "%s", e.text);
        cr_assert_gt(recv(peer, &byte, 1, MSG_PEEK), 0);
        cr_assert_eq(wire_recv_reply(peer, &v, &got, &e), 1, "%s", e.text);
        const Vks__Reply *reply = (const Vks__Reply *)(void *)got;
        snprintf(said, sizeof(said), "%s %s", reply->rule, reply->text);
        r = reply->error;
        while (recv(journal, text, sizeof(text), 0) > 0)
                ; /* a journal that nobody reads would hold the helper up */
        protobuf_c_message_free_unpacked(got, NULL);
        return r;
}

/* What was changed is new for a second. Where this process has slept longer, it is changed once more. */
static int asked_while_new(int peer, const struct asked *a, const char *path)
{
        int r = asked_to_write(peer, a);

        for (int i = 0; i < 100 && r != -EAGAIN; i++) {
                cr_assert_eq(utimensat(AT_FDCWD, path, NULL, 0), 0);
                r = asked_to_write(peer, a);
        }
        return r;
}

/* One connection, which stays open: each request is judged by what the file says when it is made. */
Test(helper_program, a_changed_policy_is_in_force_at_the_next_request_and_a_broken_one_allows_nothing)
{
        int sock = bound(SOCK_SEQPACKET, "/run/helper.sock"), bus = bound(SOCK_STREAM, "/run/bus"), peer = dial(), out;
        static const char *const args[] = { "--socket-idle", "1" };
        struct asked *a = sleeper();
        char text[8192];
        pid_t pid;

        put_policy("root = package\n");
        cr_assert_geq(pid1_start(&pid1, bus, NULL), 0);
        pid = start(args, sock, &out);
        cr_assert_eq(asked_to_write(peer, a), 0, "%s", said);
        put_policy("program = /opt/*\n");
        cr_assert_eq(asked_to_write(peer, a), -EPERM);
        cr_assert(strstr(said, "policy rule program: "), "%s", said);
        put_policy("program = /usr/*\n");
        cr_assert_eq(asked_to_write(peer, a), 0, "%s", said);
        put_policy("rot = deny\n");
        cr_assert_eq(asked_to_write(peer, a), -EAGAIN);
        cr_assert(starts_with(said, "policy nothing is allowed while the policy has a mistake: "
                                    "/etc/vks/policy.conf:1: unknown key \"rot\""),
                  "%s", said);
        cr_assert_eq(unlink("/etc/vks/policy.conf"), 0);
        make("/etc/vks/policy.conf");
        long_ago("/etc/vks/policy.conf");
        cr_assert_eq(asked_to_write(peer, a), -EAGAIN);
        cr_assert(strstr(said, "not a regular file"), "%s", said);
        cr_assert_eq(rmdir("/etc/vks/policy.conf"), 0);
        long_ago("/etc/vks");
        cr_assert_eq(asked_to_write(peer, a), 0, "without the file there are the defaults: %s", said);
        fd_close(peer);
        cr_assert_eq(ended(pid, out, text, sizeof(text)), 0, "%s", text);
        pid1_join(&pid1);
        fd_close(sock), fd_close(bus);
}

/* An editor that writes in place has the file short for a moment, and the first lines of a policy may allow what the
 * last one forbids. */
Test(helper_program, a_policy_that_is_being_written_is_neither_the_old_one_nor_a_part_of_the_new)
{
        int sock = bound(SOCK_SEQPACKET, "/run/helper.sock"), bus = bound(SOCK_STREAM, "/run/bus"), peer = dial(), out;
        static const char *const args[] = { "--socket-idle", "1" };
        struct asked *a = sleeper();
        char text[8192];
        pid_t pid;
        int r;

        put_policy("program = /usr/bin/sleep\n");
        cr_assert_geq(pid1_start(&pid1, bus, NULL), 0);
        pid = start(args, sock, &out);
        cr_assert_eq(asked_to_write(peer, a), 0, "%s", said);
        put("/etc/vks/policy.conf", "", 0644);
        cr_assert_eq(asked_while_new(peer, a, "/etc/vks/policy.conf"), -EAGAIN);
        cr_assert(starts_with(said, "policy /etc/vks/policy.conf was changed a moment ago"), "%s", said);
        put("/etc/vks/policy.conf", "program = /opt/*\n", 0644);
        while ((r = asked_to_write(peer, a)) == -EAGAIN) /* for a second */
                nanosleep(&(struct timespec){ .tv_nsec = 10 * 1000 * 1000 }, NULL);
        cr_assert_eq(r, -EPERM, "%d %s", r, said);
        fd_close(peer);
        cr_assert_eq(ended(pid, out, text, sizeof(text)), 0, "%s", text);
        pid1_join(&pid1);
        fd_close(sock), fd_close(bus);
}

/* Some editors take the file away, and then write another one: what is not there for a moment is not the defaults. */
Test(helper_program, a_policy_that_is_away_for_a_moment_is_not_the_defaults)
{
        int sock = bound(SOCK_SEQPACKET, "/run/helper.sock"), bus = bound(SOCK_STREAM, "/run/bus"), peer = dial(), out;
        static const char *const args[] = { "--socket-idle", "1" };
        struct asked *a = sleeper();
        char text[8192];
        pid_t pid;

        put_policy("program = /opt/*\n");
        long_ago("/etc/vks");
        long_ago("/etc");
        cr_assert_geq(pid1_start(&pid1, bus, NULL), 0);
        pid = start(args, sock, &out);
        cr_assert_eq(asked_to_write(peer, a), -EPERM, "%s", said);
        cr_assert_eq(rename("/etc/vks/policy.conf", "/etc/vks/policy.conf~"), 0);
        cr_assert_eq(asked_while_new(peer, a, "/etc/vks"), -EAGAIN, "the file: %s", said);
        cr_assert(starts_with(said, "policy /etc/vks/policy.conf was changed a moment ago"), "%s", said);
        cr_assert_eq(rename("/etc/vks/policy.conf~", "/etc/vks/policy.conf"), 0);
        cr_assert_eq(asked_to_write(peer, a), -EPERM, "it is back, as old as it was: %s", said);
        cr_assert_eq(rename("/etc/vks", "/etc/vks~"), 0);
        cr_assert_eq(asked_while_new(peer, a, "/etc"), -EAGAIN, "the directory: %s", said);
        long_ago("/etc");
        cr_assert_eq(asked_to_write(peer, a), 0, "it is away for good: %s", said);
        fd_close(peer);
        cr_assert_eq(ended(pid, out, text, sizeof(text)), 0, "%s", text);
        pid1_join(&pid1);
        fd_close(sock), fd_close(bus);
}

/* The whole way, inside the cage: the filter lets through all that a request takes. */
Test(helper_program, it_serves_in_its_cage_and_leaves_when_idle)
{
        int sock = bound(SOCK_SEQPACKET, "/run/helper.sock"), bus = bound(SOCK_STREAM, "/run/bus"), peer = dial(),
            out; /* before it could be idle */
        static const char *const args[] = { "--socket-idle", "1" };
        struct asked *a = sleeper();
        char text[8192];
        pid_t pid;

        cr_assert_geq(pid1_start(&pid1, bus, NULL), 0);
        pid = start(args, sock, &out);
        a->c.writes_var = true;
        cr_assert_eq(asked_to_write(peer, a), 0, "%s", said);
        cr_assert(is_there(SLEEP_FILE));
        fd_close(peer);
        cr_assert_eq(ended(pid, out, text, sizeof(text)), 0, "%s", text);
        pid1_join(&pid1);
        fd_close(sock), fd_close(bus);
}

/* A helper that was killed while it removed leaves the rest to the next one, which does not leave before it is done. */
Test(helper_program, what_an_earlier_helper_has_not_removed_is_removed)
{
        static const char *const dirs[] = { POD_RUN_DIR "/.trash", POD_RUN_DIR "/.trash/" UID ".0",
                                            POD_DISK_DIR "/.trash", POD_DISK_DIR "/.trash/" UID ".0" };
        int sock = bound(SOCK_SEQPACKET, "/run/helper.sock"), bus = bound(SOCK_STREAM, "/run/bus"), out;
        static const char *const args[] = { "--socket-idle", "0" };
        char text[8192];
        pid_t pid;

        for (size_t i = 0; i < ARRAY_LEN(dirs); i++)
                make(dirs[i]);
        for (int i = 0; i < 3000; i++) {
                CLEANUP(freep) char *path = xasprintf("%s/d%d", dirs[i % 2 * 2 + 1], i);

                make(path);
        }
        cr_assert_geq(pid1_start(&pid1, bus, NULL), 0);
        pid = start(args, sock, &out);
        cr_assert_eq(ended(pid, out, text, sizeof(text)), 0, "%s", text);
        cr_assert_not(is_there(dirs[0]) || is_there(dirs[2]));
        pid1_join(&pid1);
        fd_close(sock), fd_close(bus);
}

/* It could do nothing any more; the next request starts another one, which connects again. */
Test(helper_program, it_leaves_when_the_bus_does)
{
        int sock = bound(SOCK_SEQPACKET, "/run/helper.sock"), bus = bound(SOCK_STREAM, "/run/bus"), out;
        static const char *const args[] = { "--socket-idle", "1000" };
        char text[8192];
        pid_t pid = start(args, sock, &out);
        FD connection = accept4(bus, NULL, NULL, SOCK_CLOEXEC);

        cr_assert_geq(connection, 0);
        connection = fd_close(connection);
        cr_assert_lt(ended(pid, out, text, sizeof(text)), 1000, "%s", text);
        fd_close(sock), fd_close(bus);
}
