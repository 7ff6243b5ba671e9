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

Test(helper_program, it_never_falls_back_to_allowing)
{
        int sock = bound(SOCK_SEQPACKET, "/run/helper.sock");
        char text[8192];

        put("/etc/vks/policy.conf", "rot = deny\n", 0644);
        cr_assert_eq(RUN(sock, "--socket-idle", "1"), 1);
        cr_assert(strstr(text, "policy.conf:1: unknown key \"rot\""), "%s", text);
        cr_assert_eq(unlink("/etc/vks/policy.conf"), 0);
        make("/etc/vks/policy.conf");
        cr_assert_eq(RUN(sock, "--socket-idle", "1"), 1);
        cr_assert(strstr(text, "not a regular file"), "%s", text);
        fd_close(sock);
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

/* The whole way, inside the cage: the filter lets through all that a request takes. */
Test(helper_program, it_serves_in_its_cage_and_leaves_when_idle)
{
        struct sockaddr_un addr = { .sun_family = AF_UNIX, .sun_path = "/run/helper.sock" };
        int sock = bound(SOCK_SEQPACKET, "/run/helper.sock"), bus = bound(SOCK_STREAM, "/run/bus"),
            peer = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), out;
        static const char *const args[] = { "--socket-idle", "1" };
        const struct wire_verb *v;
        ProtobufCMessage *got = NULL;
        struct asked *a = sleeper();
        struct err e = ERR_NONE;
        char text[8192];
        pid_t pid;

        cr_assert_geq(pid1_start(&pid1, bus, NULL), 0);
        cr_assert_eq(connect(peer, (struct sockaddr *)&addr, sizeof(addr)), 0); /* before it could be idle */
        pid = start(args, sock, &out);
        a->c.writes_var = true;
        cr_assert_eq(wire_send_request(peer, wire_verb_find(VERB_write), &a->m.base, &e), 0);
        cr_assert_gt(recv(peer, text, 1, MSG_PEEK), 0);
        cr_assert_eq(wire_recv_reply(peer, &v, &got, &e), 1, "%s", e.text);
        cr_assert_eq(((const Vks__Reply *)(void *)got)->error, 0, "%s", ((const Vks__Reply *)(void *)got)->text);
        protobuf_c_message_free_unpacked(got, NULL);
        cr_assert(is_there(SLEEP_FILE));
        fd_close(peer);
        cr_assert_eq(ended(pid, out, text, sizeof(text)), 0, "%s", text);
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
