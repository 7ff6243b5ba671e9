/* SPDX-License-Identifier: Apache-2.0 */
/* The program's own main, in a child, on a machine of the test's own, with the test as journald and as PID 1. */
#include <criterion/criterion.h>

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "tests/unit/machine.h"

int vks_log_main(void);
#define main vks_log_main
#include "helper/log/vks_log.c"
#undef main

#define UNIT   "vks.default.web.x.service"
#define FIELDS "OBJECT_SYSTEMD_UNIT=" UNIT "\nVKS_POD_UID=" UID "\nVKS_CONTAINER=c\n"
#define RUN1   "25f3e3c47cdd4ea6a2ae6d757c2309ec"
#define RUN2   "35f3e3c47cdd4ea6a2ae6d757c2309ed"

enum { WAIT_MS = 20 * 1000, KEPT_MAX = 16 };

static int manager = -1; /* what PID 1 is told arrives here */
static pid_t child;
static struct {
        char name[256];
        int fd;
} kept[KEPT_MAX];
static size_t n_kept;

/* What PID 1 does with a message: true when it was READY=1. */
static bool hear(void)
{
        char text[1024];
        union {
                struct cmsghdr header;
                char space[CMSG_SPACE(sizeof(int))];
        } control;
        struct iovec words = { text, sizeof(text) - 1 };
        struct msghdr m = {
                .msg_iov = &words, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)
        };
        struct pollfd p = { .fd = manager, .events = POLLIN };
        const char *name;
        ssize_t n;

        cr_assert_eq(poll(&p, 1, WAIT_MS), 1, "nothing was told");
        n = recvmsg(manager, &m, MSG_CMSG_CLOEXEC);
        cr_assert_gt(n, 0);
        text[n] = '\0';
        name = strstr(text, "FDNAME=");
        if (starts_with(text, "FDSTORE=1\nFDPOLL=0\n")) {
                cr_assert(name && CMSG_FIRSTHDR(&m) && n_kept < KEPT_MAX);
                snprintf(kept[n_kept].name, sizeof(kept[n_kept].name), "%s", name + strlen("FDNAME="));
                memcpy(&kept[n_kept++].fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(int));
        } else if (starts_with(text, "FDSTOREREMOVE=1\n")) {
                for (size_t i = 0; i < n_kept; i++)
                        if (streq(kept[i].name, name + strlen("FDNAME="))) {
                                fd_close(kept[i].fd);
                                kept[i--] = kept[--n_kept];
                        }
        }
        return streq(text, "READY=1");
}

static void begin(void)
{
        cr_assert_geq(child = fork(), 0);
        if (child == 0) {
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                CLEANUP(buf_done) struct buf names = BUF(65536);
                char number[16];

                setenv("NOTIFY_SOCKET", "/run/notify", 1);
                snprintf(number, sizeof(number), "%d", (int)getpid());
                setenv("LISTEN_PID", number, 1);
                snprintf(number, sizeof(number), "%zu", n_kept);
                setenv("LISTEN_FDS", number, 1);
                for (size_t i = 0; i < n_kept; i++) {
                        buf_printf(&names, "%s%s", i ? ":" : "", kept[i].name);
                        kept[i].fd = fcntl(kept[i].fd, F_DUPFD, 100); /* out of the way of those to come */
                }
                for (size_t i = 0; i < n_kept; i++)
                        dup2(kept[i].fd, FIRST_FD + (int)i);
                setenv("LISTEN_FDNAMES", names.data ? names.data : "", 1);
                _exit(vks_log_main());
        }
        while (!hear())
                ;
}

static int end(int sig)
{
        int status = 0;

        cr_assert_eq(kill(child, sig), 0);
        cr_assert_eq(waitpid(child, &status, 0), child);
        return status;
}

static void setup(void)
{
        struct sockaddr_un addr = { .sun_family = AF_UNIX, .sun_path = "/run/notify" };

        make_machine();
        make("/run/systemd/units");
        manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        cr_assert_eq(bind(manager, (struct sockaddr *)&addr, sizeof(addr)), 0);
        put(LOG_DIR "/" UID ".c", FIELDS, 0600);
}

TestSuite(vks_log, .init = setup, .timeout = 120);

static void run_is(const char *id)
{
        unlink(RUNS_DIR "/invocation:" UNIT);
        cr_assert_eq(symlink(id, RUNS_DIR "/invocation:" UNIT), 0);
}

/* A FIFO as START makes it. */
static void renew(const char *name)
{
        cr_assert_eq(mkfifo(LOG_DIR "/.vks-new", 0622), 0);
        cr_assert_eq(rename(LOG_DIR "/.vks-new", name), 0);
}

#define OUT  LOG_DIR "/" UID ".c.out"
#define ERR  LOG_DIR "/" UID ".c.err"
#define GONE LOG_DIR "/" UID ".c" LOG_GONE

static void wait_gone(const char *path)
{
        for (int i = 0; access(path, F_OK) == 0; i++) {
                cr_assert_lt(i, WAIT_MS / 10, "%s is still there", path);
                (void)poll(NULL, 0, 10);
        }
}

static void say(int fd, const char *text, size_t size)
{
        cr_assert_eq(write(fd, text, size), (ssize_t)size);
}
#define SAY(fd, text) say(fd, text, sizeof(text) - 1)

/* The next datagram is one message, its text exactly that, and the fields before it are `head`. */
static void expect_message(const char *head, const char *text, size_t size)
{
        static char datagram[256 * 1024];
        struct pollfd p = { .fd = journal, .events = POLLIN };
        CLEANUP(freep) char *want = xasprintf("%sMESSAGE\n", head);
        size_t n_want = strlen(want);
        const char *at = datagram + n_want + sizeof(uint64_t);
        uint64_t length;
        ssize_t n;

        cr_assert_eq(poll(&p, 1, WAIT_MS), 1, "no message: %.60s", text);
        n = recv(journal, datagram, sizeof(datagram), 0);
        cr_assert_eq(n, (ssize_t)(n_want + sizeof(length) + size + 1), "%.60s: %zd bytes", text, n);
        cr_assert(memcmp(datagram, want, n_want) == 0, "want %s, got %.400s", want, datagram);
        memcpy(&length, datagram + n_want, sizeof(length));
        cr_assert_eq(le64toh(length), size, "%.60s: %ju", text, (uintmax_t)le64toh(length));
        cr_assert(memcmp(at, text, size) == 0 && at[size] == '\n', "%.60s", text);
}
#define MESSAGE(head, text) expect_message(head, text, sizeof(text) - 1)
#define RUN1_OUT            FIELDS "VKS_STREAM=stdout\nVKS_RUN=" RUN1 "\n"

Test(vks_log, bytes_arrive_as_they_were_written)
{
        int out, err;

        run_is(RUN1);
        renew(OUT), renew(ERR);
        begin();
        out = open(OUT, O_WRONLY | O_CLOEXEC), err = open(ERR, O_WRONLY | O_CLOEXEC);
        SAY(out, "one\n\n  two \t \r\n<6>three\nnul\0in\n");
        MESSAGE(RUN1_OUT, "one");
        MESSAGE(RUN1_OUT, "");
        MESSAGE(RUN1_OUT, "  two \t \r");
        MESSAGE(RUN1_OUT, "<6>three");
        MESSAGE(RUN1_OUT, "nul\0in");
        SAY(err, "MESSAGE=forged\n_SYSTEMD_UNIT=x\n");
        MESSAGE(FIELDS "VKS_STREAM=stderr\nVKS_RUN=" RUN1 "\n", "MESSAGE=forged");
        MESSAGE(FIELDS "VKS_STREAM=stderr\nVKS_RUN=" RUN1 "\n", "_SYSTEMD_UNIT=x");
        SAY(out, "begun ");
        SAY(out, "and ended\nthe last");
        MESSAGE(RUN1_OUT, "begun and ended");
        fd_close(out);
        MESSAGE(RUN1_OUT "VKS_PART=1\n", "the last"); /* nobody wrote its end */
        fd_close(err);
        cr_expect_eq(end(SIGTERM), 0);
}

/* It waits, and so has read all that was written. Then nothing moves. */
static void pause_child(void)
{
        CLEANUP(freep) char *path = xasprintf("/proc/%d/stat", (int)child);
        char stat[64] = "";
        siginfo_t info;

        for (int i = 0; !strstr(stat, ") S "); i++) {
                FD fd = open(path, O_RDONLY | O_CLOEXEC);

                cr_assert(fd >= 0 && read(fd, stat, sizeof(stat) - 1) > 0 && i < WAIT_MS / 10, "%s", stat);
                (void)poll(NULL, 0, 10);
        }
        cr_assert_eq(kill(child, SIGSTOP), 0);
        cr_assert_eq(waitid(P_PID, (id_t)child, &info, WSTOPPED), 0);
}

Test(vks_log, who_wrote_first_comes_first)
{
        static const char *const err_head = FIELDS "VKS_STREAM=stderr\nVKS_RUN=" RUN1 "\n";
        int out, err;

        run_is(RUN1);
        renew(OUT), renew(ERR);
        begin();
        out = open(OUT, O_WRONLY | O_CLOEXEC), err = open(ERR, O_WRONLY | O_CLOEXEC);
        SAY(out, "begin\n");
        MESSAGE(RUN1_OUT, "begin");
        for (int i = 0; i < 3; i++) {
                pause_child();
                SAY(out, "first\n");
                SAY(err, "then\n");
                cr_assert_eq(kill(child, SIGCONT), 0);
                MESSAGE(RUN1_OUT, "first");
                MESSAGE(err_head, "then");
        }
        pause_child();
        SAY(err, "first\n");
        SAY(out, "then\n");
        cr_assert_eq(kill(child, SIGCONT), 0);
        MESSAGE(err_head, "first");
        MESSAGE(RUN1_OUT, "then");
        fd_close(out), fd_close(err);
        end(SIGTERM);
}

Test(vks_log, long_lines_come_in_parts)
{
        static char text[3 * PART_MAX + 1];
        int out;

        memset(text, 'x', sizeof(text));
        text[2 * PART_MAX + 7] = '\n';
        run_is(RUN1);
        renew(OUT);
        begin();
        out = open(OUT, O_WRONLY | O_CLOEXEC);
        say(out, text, 2 * PART_MAX + 8);
        expect_message(RUN1_OUT "VKS_PART=1\n", text, PART_MAX);
        expect_message(RUN1_OUT "VKS_PART=1\n", text, PART_MAX);
        expect_message(RUN1_OUT, text, 7);
        text[PART_MAX] = '\n'; /* as much as a part has: whether there is more is not known yet */
        say(out, text, PART_MAX + 1);
        expect_message(RUN1_OUT "VKS_PART=1\n", text, PART_MAX);
        MESSAGE(RUN1_OUT, "");
        fd_close(out);
        end(SIGTERM);
}

Test(vks_log, each_run_has_its_own_id)
{
        int first, second;

        run_is(RUN1);
        renew(OUT);
        begin();
        first = open(OUT, O_WRONLY | O_CLOEXEC);
        SAY(first, "a\n");
        MESSAGE(RUN1_OUT, "a");
        renew(OUT);
        run_is(RUN2);
        second = open(OUT, O_WRONLY | O_CLOEXEC);
        SAY(second, "b\n");
        MESSAGE(FIELDS "VKS_STREAM=stdout\nVKS_RUN=" RUN2 "\n", "b");
        SAY(first, "late\n");
        MESSAGE(RUN1_OUT, "late");
        SAY(second, "its last");
        fd_close(first), fd_close(second);
        MESSAGE(FIELDS "VKS_STREAM=stdout\nVKS_RUN=" RUN2 "\nVKS_PART=1\n", "its last"); /* the end was seen */
        second = open(OUT, O_WRONLY | O_CLOEXEC); /* as PID 1 does when it restarts the unit by itself */
        unlink(RUNS_DIR "/invocation:" UNIT);
        SAY(second, "c\n");
        MESSAGE(FIELDS "VKS_STREAM=stdout\n", "c");
        fd_close(second);
        end(SIGTERM);
}

/* A container's pipe, which has been written to and is kept open. */
static int one_that_is_kept(void)
{
        int out;

        run_is(RUN1);
        renew(OUT);
        begin();
        out = open(OUT, O_WRONLY | O_CLOEXEC);
        SAY(out, "before\n");
        MESSAGE(RUN1_OUT, "before");
        while (n_kept < 1)
                hear();
        return out;
}

Test(vks_log, whoever_writes_does_not_notice_that_it_is_killed)
{
        int out = one_that_is_kept();

        end(SIGKILL);
        SAY(out, "meanwhile\n");
        unlink(OUT), rename(LOG_DIR "/" UID ".c", GONE); /* and it is removed with its last words unread */
        fd_close(out);
        begin();
        MESSAGE(RUN1_OUT, "meanwhile");
        while (n_kept > 0)
                hear();
        wait_gone(GONE);
        end(SIGTERM);
}

/* A container whose image was changed has another unit, but the same name. */
Test(vks_log, last_words_are_said_of_the_unit_that_wrote_them)
{
        static const char fields[] = "OBJECT_SYSTEMD_UNIT=vks.default.web.y.service\nVKS_CONTAINER=c\n";
        int first, second;

        run_is(RUN1);
        renew(OUT);
        begin();
        first = open(OUT, O_WRONLY | O_CLOEXEC);
        SAY(first, "before\n");
        MESSAGE(RUN1_OUT, "before");
        while (n_kept < 1)
                hear();
        end(SIGKILL);
        SAY(first, "its last\n");
        fd_close(first);
        unlink(OUT), rename(LOG_DIR "/" UID ".c", GONE);
        put(LOG_DIR "/" UID ".c", fields, 0600);
        renew(OUT);
        begin();
        MESSAGE(RUN1_OUT, "its last");
        second = open(OUT, O_WRONLY | O_CLOEXEC);
        SAY(second, "its first\n");
        expect_message("OBJECT_SYSTEMD_UNIT=vks.default.web.y.service\nVKS_CONTAINER=c\nVKS_STREAM=stdout\n",
                       "its first", strlen("its first"));
        unlink(OUT);
        fd_close(second);
        wait_gone(GONE);
        end(SIGTERM);
}

/* By who was handed it: he writes to nobody, and holds none of ours. */
Test(vks_log, a_pipe_of_a_removed_container_is_not_kept_open)
{
        static const char words[] = "forged\n";
        int out;

        signal(SIGPIPE, SIG_IGN);
        out = one_that_is_kept();
        SAY(out, "its last");
        unlink(OUT), rename(LOG_DIR "/" UID ".c", GONE);
        MESSAGE(RUN1_OUT "VKS_PART=1\n", "its last");
        wait_gone(GONE);
        while (n_kept > 0)
                hear();
        cr_expect(write(out, words, strlen(words)) < 0 && errno == EPIPE);
        fd_close(out);
        end(SIGTERM);
}

/* He may write without end, too. */
Test(vks_log, a_pipe_of_a_removed_container_is_not_read_for_ever)
{
        static char flood[PART_MAX];
        pid_t writer;
        int out = one_that_is_kept();

        memset(flood, 'x', sizeof(flood));
        writer = fork();
        for (size_t i = 0; i < n_kept && writer == 0; i++)
                fd_close(kept[i].fd);
        if (writer == 0)
                while (write(out, flood, sizeof(flood)) > 0)
                        ;
        if (writer == 0)
                _exit(0);
        fd_close(out);
        unlink(OUT), rename(LOG_DIR "/" UID ".c", GONE);
        for (int i = 0; access(GONE, F_OK) == 0; i++) {
                struct pollfd p = { .fd = journal, .events = POLLIN };

                cr_assert_lt(i, 100 * LATE_MAX / PART_MAX, "it is still read");
                if (poll(&p, 1, 10) == 1)
                        (void)recv(journal, flood, sizeof(flood), MSG_TRUNC);
        }
        while (n_kept > 0)
                hear();
        cr_assert_eq(waitpid(writer, NULL, 0), writer, "it was told that nobody reads");
        end(SIGTERM);
}

Test(vks_log, pipes_of_few_runs_are_kept_open)
{
        int out[RUNS_MAX + 2];

        signal(SIGPIPE, SIG_IGN);
        run_is(RUN1);
        renew(OUT);
        begin();
        for (size_t i = 0; i < ARRAY_LEN(out); i++) {
                if (i > 0)
                        renew(OUT);
                out[i] = open(OUT, O_WRONLY | O_CLOEXEC);
                SAY(out[i], "x\n");
                MESSAGE(RUN1_OUT, "x");
        }
        SAY(out[1], "late\n");
        MESSAGE(RUN1_OUT, "late");
        for (size_t i = 0; i < ARRAY_LEN(out); i++) /* the others are kept as well, and then one is not any more */
                hear();
        cr_assert_eq(n_kept, ARRAY_LEN(out) - 1);
        cr_expect(write(out[0], "x", 1) < 0 && errno == EPIPE);
        for (size_t i = 0; i < ARRAY_LEN(out); i++)
                fd_close(out[i]);
        end(SIGTERM);
}

/* It was written, never started, and removed. */
Test(vks_log, what_no_pipe_needs_is_ended)
{
        rename(LOG_DIR "/" UID ".c", GONE);
        begin();
        wait_gone(GONE);
        put(LOG_DIR "/" UID ".c", FIELDS, 0600);
        rename(LOG_DIR "/" UID ".c", GONE);
        wait_gone(GONE);
        end(SIGTERM);
}

Test(vks_log, a_container_may_be_called_gone)
{
        static const char called[] = LOG_DIR "/" UID LOG_GONE;
        int out;

        put(LOG_DIR "/" UID ".c.new", FIELDS, 0600);
        cr_assert_eq(rename(LOG_DIR "/" UID ".c.new", called), 0);
        begin();
        renew(LOG_DIR "/" UID LOG_GONE ".out");
        cr_assert_geq(out = open(LOG_DIR "/" UID LOG_GONE ".out", O_WRONLY | O_CLOEXEC), 0);
        SAY(out, "it speaks\n");
        MESSAGE(FIELDS "VKS_STREAM=stdout\n", "it speaks");
        cr_assert_eq(access(called, F_OK), 0);
        fd_close(out);
        end(SIGTERM);
}

Test(vks_log, what_was_read_is_sent_before_it_ends)
{
        int out;

        run_is(RUN1);
        renew(OUT);
        begin();
        out = open(OUT, O_WRONLY | O_CLOEXEC);
        SAY(out, "x\nbegun");
        MESSAGE(RUN1_OUT, "x");
        cr_expect_eq(end(SIGTERM), 0);
        MESSAGE(RUN1_OUT "VKS_PART=1\n", "begun");
        fd_close(out);
}

/* More in one pipe than is read at once: nobody waits until all of that is through. */
Test(vks_log, who_writes_much_does_not_keep_others_waiting)
{
        static char flood[READ_MAX * 8];
        int out, err;

        for (size_t i = 0; i < sizeof(flood); i++)
                flood[i] = i % 64 == 63 ? '\n' : 'x';
        run_is(RUN1);
        renew(OUT), renew(ERR);
        out = open(OUT, O_RDWR | O_CLOEXEC), err = open(ERR, O_RDWR | O_CLOEXEC);
        say(out, flood, sizeof(flood));
        SAY(err, "me too\n");
        begin();
        for (size_t i = 0, before = 0, seen = 0; !seen; i++) {
                static char datagram[256 * 1024];
                struct pollfd p = { .fd = journal, .events = POLLIN };
                ssize_t n;

                cr_assert_eq(poll(&p, 1, WAIT_MS), 1);
                n = recv(journal, datagram, sizeof(datagram), 0);
                cr_assert_gt(n, 0);
                before += (size_t)n;
                seen = memmem(datagram, (size_t)n, "me too", strlen("me too")) != NULL;
                cr_assert(before < 2 * (READ_MAX / 64 + 1) * 400, "%zu bytes before it", before);
        }
        end(SIGKILL);
        fd_close(out), fd_close(err);
}

Test(vks_log, nothing_that_is_no_fifo_is_read)
{
        int out;

        put(OUT, "a file\n", 0600);
        cr_assert_eq(symlink("/etc/passwd", ERR), 0);
        run_is(RUN1);
        begin();
        renew(OUT);
        out = open(OUT, O_WRONLY | O_CLOEXEC);
        SAY(out, "first\n");
        MESSAGE(RUN1_OUT, "first");
        fd_close(out);
        end(SIGTERM);
}
