/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kubectl attach, from a client's WebSocket to the console of a container: the streams, the session and the console are
 * the real ones; the test is the client, vks-exec at the socket, the program behind the console, and PID 1, who keeps
 * descriptors. The log pipes lie in a /run/vks/log of the test's own. Root only.
 */
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <termios.h>

#include "agent/lib/times.h"
#include "agent/logs/log_stream.h"
#include "agent/sessions/attach.h"
#include "agent/sessions/terminal.h"
#include "common/console.h"
#include "tests/unit/agent/pods/stand_in.h"
#include "tests/unit/agent/streams/peer.h"

enum { FIRST = 100 }; /* of the descriptors that PID 1 hands over */

static struct consoles *consoles;
static struct peer p;
static struct streams_wish wish;
static struct log_sink lines; /* of the session, when it follows the container's log */
static char kept[1024];       /* what PID 1 was told to keep and to let go: "t.UID.main, -t.UID.main, " */
static int64_t first_line;    /* what it asked for then: -1, all of the run; 0, what comes from now on */
static const char *console_path;
static bool is_there = true, known = true;
static int pipe_end = -1; /* of the log pipe: what comes out of it */

#define UNIT "vks.default.web.main.service"
static struct unit_state unit = { .phase = UNIT_ACTIVE, .invocation = "0123456789abcdef0123456789abcdef" };

/* ---- what is around ---------------------------------------------------------------------------------------------- */

bool pods_find_container(UNUSED struct pods *ps, UNUSED const char *namespace, UNUSED const char *pod,
                         UNUSED const char *container, struct pods_container *ret)
{
        *ret = the_container();
        state.unit = unit;
        return is_there;
}

bool pods_find_main(UNUSED struct pods *ps, uint32_t pid, struct pods_container *ret)
{
        *ret = the_container();
        state.unit = unit;
        return known && pid == (uint32_t)getpid();
}

bool pods_is_in_run(UNUSED void *ps, UNUSED const char *pod_uid, UNUSED const char *container, UNUSED const char *run)
{
        return true;
}

void observed_units_on_disk(UNUSED const char *dir, void (*each)(void *userdata, const struct unit_meta *meta),
                            void *userdata)
{
        each(userdata, &(struct unit_meta){ .unit = UNIT, .pod = { .uid = POD_UID }, .container = "main" });
}

int log_stream_new(UNUSED sd_event *event, UNUSED const struct log_source *source, const struct log_options *options,
                   const struct log_sink *sink,
                   UNUSED bool (*running)(void *userdata, const char *pod_uid, const char *container, const char *run),
                   UNUSED void *userdata, struct log_stream **ret, struct err *e)
{
        cr_assert(options->follow && sink->by_stream, "byte for byte");
        first_line = options->tail;
        if (t.silent)
                return err_set(e, -EUSERS, NULL, "too many logs");
        lines = *sink;
        *ret = (struct log_stream *)(void *)&lines;
        return 0;
}

struct log_stream *log_stream_free(struct log_stream *s)
{
        if (s)
                lines = (struct log_sink){ 0 };
        return NULL;
}

void log_stream_go_on(UNUSED struct log_stream *s)
{
}

static void write_kept(const char *sign, const char *name)
{
        size_t n = strlen(kept);

        snprintf(kept + n, sizeof(kept) - n, "%s%.2s, ", sign, name);
}

int sd_pid_notify_with_fds(UNUSED pid_t pid, UNUSED int unset, const char *text, UNUSED const int *fds, unsigned n)
{
        cr_assert_eq(n, 1);
        cr_assert(strstr(text, "." POD_UID ".main."));
        cr_assert(!strstr(text, "FDNAME=t.") == !strstr(text, "FDPOLL=0"), "a terminal that hangs up is kept");
        write_kept("", strstr(text, "FDNAME=") + strlen("FDNAME="));
        return 1;
}

int sd_notifyf(UNUSED int unset, const char *format, ...)
{
        char text[256];
        va_list ap;

        va_start(ap, format);
        vsnprintf(text, sizeof(text), format, ap);
        va_end(ap);
        write_kept("-", strstr(text, "FDNAME=") + strlen("FDNAME="));
        return 1;
}

static const char *told_pid1(void)
{
        static char text[sizeof(kept)];

        memcpy(text, kept, sizeof(text));
        *kept = '\0';
        return text;
}

static void make_log_pipe(void)
{
        cr_assert(unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
                          mount("test", "/run", "tmpfs", 0, "mode=0755") == 0,
                  "%s (these tests make mounts: they need root)", strerror(errno));
        cr_assert(mkdir("/run/vks", 0755) == 0 && mkdir(LOG_DIR, 0700) == 0);
        cr_assert_eq(mkfifo(LOG_DIR "/" POD_UID ".main.out", 0600), 0);
        pipe_end = open(LOG_DIR "/" POD_UID ".main.out", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
        cr_assert_geq(pipe_end, 0);
}

static void begin(void)
{
        static char *names[] = { (char *)(uintptr_t) "console", NULL };
        struct sockaddr_un addr = { .sun_family = AF_UNIX };
        sd_event *event = NULL;
        int listener;

        make_log_pipe();
        cr_assert_geq(sd_event_new(&event), 0);
        stand_in(event);
        sd_event_unref(event);
        t.pod->containers[0].has_stdin = true;
        snprintf(t.pod->containers[0].unit, sizeof(t.pod->containers[0].unit), "%s", UNIT);
        console_path = "/run/vks/console.sock";
        snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", console_path);
        listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        cr_assert(bind(listener, (struct sockaddr *)&addr, sizeof(addr)) == 0 && listen(listener, 200) == 0);
        cr_assert_eq(dup2(listener, FIRST), FIRST);
        close(listener);
        consoles = consoles_new(t.event, NULL, names, FIRST);
}

static void end(void)
{
        if (p.event)
                peer_gone(&p);
        consoles = consoles_free(consoles);
        fd_close(pipe_end);
        stand_in_done();
}

TestSuite(attach, .init = begin, .fini = end, .timeout = 600);

/* ---- vks-exec ---------------------------------------------------------------------------------------------------- */

static int connect_to_agent(void)
{
        struct sockaddr_un addr = { .sun_family = AF_UNIX };
        int sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

        snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", console_path);
        cr_assert_eq(connect(sock, (struct sockaddr *)&addr, sizeof(addr)), 0);
        return sock;
}

static void say(int sock, char word, int fd)
{
        _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))] = { 0 };
        struct iovec iov = { &word, 1 };
        struct msghdr m = {
                .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)
        };
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);

        *c = (struct cmsghdr){ .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int)) };
        memcpy(CMSG_DATA(c), &fd, sizeof(int));
        cr_assert_eq(sendmsg(sock, &m, MSG_NOSIGNAL), 1);
}

static int log_pipe(void)
{
        return open(LOG_DIR "/" POD_UID ".main.out", O_WRONLY | O_CLOEXEC);
}

/* What it got: CONSOLE_TERMINAL or CONSOLE_INPUT, and the descriptor; 0: the agent has hung up; -1: nothing yet. */
static int answer_to(int sock, int *ret)
{
        _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))] = { 0 };
        char word = 0;
        struct iovec iov = { &word, 1 };
        struct msghdr m = {
                .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)
        };
        ssize_t n;

        settle();
        n = recvmsg(sock, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        if (n <= 0)
                return n == 0 ? 0 : -1;
        cr_assert(CMSG_FIRSTHDR(&m));
        memcpy(ret, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(int));
        return word;
}

/* The container starts, and has its console. */
static int start(int expected)
{
        int sock = connect_to_agent(), out = log_pipe(), mine = -1;

        say(sock, CONSOLE_HELLO, out);
        close(out);
        cr_assert_eq(answer_to(sock, &mine), expected);
        close(sock);
        return mine;
}

static int start_terminal(void)
{
        struct termios mode;
        int mine;

        t.pod->containers[0].tty = true;
        mine = start(CONSOLE_TERMINAL);
        cr_assert_eq(tcgetattr(mine, &mode), 0);
        cfmakeraw(&mode); /* nothing is echoed, and a line feed is one */
        cr_assert_eq(tcsetattr(mine, TCSANOW, &mode), 0);
        return mine;
}

/* As PID 1 tells it. */
static void the_run_ends(void)
{
        struct unit_state over = unit;

        over.phase = UNIT_FAILED;
        consoles_unit_changed(consoles, UNIT, &over);
        settle();
}

static bool has(int fd)
{
        struct pollfd in = { .fd = fd, .events = POLLIN };

        return poll(&in, 1, 0) > 0 && (in.revents & POLLIN);
}

/* The kernel brings what is written to one end of a terminal to the other in its own time. */
#define UNTIL(condition)                                                                                               \
        for (int turns = 0; turns < 1000 && !(condition); turns++)                                                     \
        cr_assert_geq(sd_event_run(t.event, 10 * 1000), 0)

static const char *read_from(int fd)
{
        static char got[65536];
        ssize_t n = 0;

        settle();
        if (has(fd))
                n = read(fd, got, sizeof(got) - 1);
        cr_assert_geq(n, 0);
        got[n] = '\0';
        return got;
}

static bool is_at_end(int fd)
{
        struct pollfd in = { .fd = fd, .events = POLLIN };

        settle();
        return poll(&in, 1, 0) > 0 && read(fd, &(char){ 0 }, 1) == 0;
}

/* Writes for as long as somebody makes room; returns how much. What comes out of the log is read when `drain`. */
static size_t flood(int fd, bool drain)
{
        static char text[4096];
        size_t written = 0;

        memset(text, 'x', sizeof(text));
        cr_assert_eq(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
        for (int refused = 0; refused < 20 && written < 4 << 20;) {
                ssize_t n = write(fd, text, sizeof(text));

                written += n > 0 ? (size_t)n : 0;
                refused = n > 0 ? 0 : refused + 1;
                cr_assert_geq(sd_event_run(t.event, n > 0 ? 0 : 10 * 1000), 0);
                if (drain)
                        (void)read_from(pipe_end);
        }
        return written;
}

static void put(int fd, const char *text)
{
        cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
        settle();
}

/* ---- the client -------------------------------------------------------------------------------------------------- */

static void come(struct streams_wish w)
{
        struct pods_container where = the_container();
        struct attach_session *s;

        wish = w;
        s = attach_session_new(t.event, consoles, NULL, &where, &wish);
        peer_open_for(&p, &(struct agreement){ .wire = WIRE_WEBSOCKET, .version = 5 }, &wish, 0, 0, t.event,
                      &attach_session_handler, s);
        attach_session_give(s, p.c);
        settle();
}

static void type(const char *bytes, size_t n)
{
        ws_send(&p, true, WEBSOCKET_BINARY, bytes, n);
        settle();
}

static void hang_up(void)
{
        peer_gone(&p);
        p = (struct peer){ 0 };
        settle();
}

static const struct streams_wish in_and_out = { .in = true, .out = true },
                                 tty = { .in = true, .out = true, .tty = true };

/* ---- consoles ---------------------------------------------------------------------------------------------------- */

Test(attach, a_container_gets_its_input_as_it_starts)
{
        int mine = start(CONSOLE_INPUT);

        cr_assert(console_find(consoles, POD_UID, "main"));
        cr_assert_str_eq(told_pid1(), "i., ", "PID 1 keeps it beyond the agent's end");
        close(mine);
        settle();
        cr_assert_not(console_find(consoles, POD_UID, "main"), "nobody has the other end any more");
        cr_assert_str_eq(told_pid1(), "-i., ");
}

Test(attach, who_is_not_known_yet_waits_until_the_unit_is_seen)
{
        int sock = connect_to_agent(), out = log_pipe(), mine = -1;

        known = false;
        say(sock, CONSOLE_HELLO, out);
        cr_assert_eq(answer_to(sock, &mine), -1);
        known = true;
        consoles_unit_changed(consoles, UNIT, &unit);
        cr_assert_eq(answer_to(sock, &mine), CONSOLE_INPUT);
}

Test(attach, who_has_not_the_containers_log_pipe_gets_nothing)
{
        int others[2], sock, mine = -1, out;

        cr_assert_eq(pipe(others), 0);
        sock = connect_to_agent();
        say(sock, CONSOLE_HELLO, others[1]); /* a pipe of its own */
        cr_assert_eq(answer_to(sock, &mine), 0);

        cr_assert_eq(mkfifo("/run/" POD_UID ".main.out", 0600), 0); /* the name, in another place */
        out = open("/run/" POD_UID ".main.out", O_RDWR | O_CLOEXEC);
        sock = connect_to_agent();
        say(sock, CONSOLE_HELLO, out);
        cr_assert_eq(answer_to(sock, &mine), 0);

        cr_assert_eq(mkfifo(LOG_DIR "/" POD_UID ".other.out", 0600), 0); /* another container's */
        out = open(LOG_DIR "/" POD_UID ".other.out", O_RDWR | O_CLOEXEC);
        sock = connect_to_agent();
        say(sock, CONSOLE_HELLO, out);
        cr_assert_eq(answer_to(sock, &mine), -1, "it waits, for a container that this process is none of");
        consoles_unit_changed(consoles, UNIT, &unit);
        cr_assert_eq(answer_to(sock, &mine), -1);
        cr_assert_not(console_find(consoles, POD_UID, "main"));
}

Test(attach, another_word_than_hello_is_none)
{
        int sock = connect_to_agent(), out = log_pipe(), mine = -1;

        say(sock, 'x', out);
        cr_assert_eq(answer_to(sock, &mine), 0);
        sock = connect_to_agent();
        cr_assert_eq(send(sock, "c", 1, MSG_NOSIGNAL), 1); /* without a descriptor */
        cr_assert_eq(answer_to(sock, &mine), 0);
}

Test(attach, those_who_say_nothing_are_bounded)
{
        int first = connect_to_agent(), mine = -1;

        settle();
        for (int i = 0; i < 64; i++)
                (void)connect_to_agent();
        cr_assert_eq(answer_to(first, &mine), 0, "the oldest has had its time");
}

Test(attach, a_containers_other_processes_do_not_keep_its_main_process_out)
{
        int socks[5], mine = -1;

        known = false;
        for (size_t i = 0; i < ARRAY_LEN(socks); i++) {
                int out = log_pipe();

                socks[i] = connect_to_agent();
                say(socks[i], CONSOLE_HELLO, out);
                close(out);
                settle();
        }
        cr_assert_eq(answer_to(socks[0], &mine), 0, "the oldest of more than four");
        cr_assert_eq(answer_to(socks[4], &mine), -1);
}

Test(attach, a_container_without_stdin_and_tty_has_no_console)
{
        int sock = connect_to_agent(), out = log_pipe(), mine = -1;

        t.pod->containers[0].has_stdin = false;
        say(sock, CONSOLE_HELLO, out);
        cr_assert_eq(answer_to(sock, &mine), -1);
        cr_assert_not(console_find(consoles, POD_UID, "main"));
}

Test(attach, the_next_run_has_a_console_of_its_own)
{
        int old = start(CONSOLE_INPUT), new;
        struct console *first = console_find(consoles, POD_UID, "main");

        (void)told_pid1();
        new = start(CONSOLE_INPUT);
        cr_assert(first);
        cr_assert_str_eq(told_pid1(), "-i., i., ");
        cr_assert(is_at_end(old));
        cr_assert_eq(console_input(console_find(consoles, POD_UID, "main"), "x", 1), 1);
        cr_assert_str_eq(read_from(new), "x");
}

Test(attach, what_appears_on_a_terminal_is_in_the_log_too)
{
        int mine = start_terminal();

        cr_assert_str_eq(told_pid1(), "t., l., ");
        put(mine, "hello\n");
        UNTIL(has(pipe_end));
        cr_assert_str_eq(read_from(pipe_end), "hello\n");
        close(mine);
        the_run_ends();
        cr_assert_str_eq(told_pid1(), "-t., -l., ");
        cr_assert_not(console_find(consoles, POD_UID, "main"));
}

/* Closes the far end; its name. */
static const char *close_terminal(int far)
{
        static char name[64];

        cr_assert_eq(ttyname_r(far, name, sizeof(name)), 0);
        close(far);
        settle();
        return name;
}

/* Is there something to do at once, again and again? */
static bool is_busy(void)
{
        int turns = 0;

        while (turns < 50 && sd_event_run(t.event, 0) > 0)
                turns++;
        return turns == 50;
}

Test(attach, a_container_that_closes_its_terminal_may_open_it_again)
{
        int mine = start_terminal();
        const char *name = close_terminal(mine);
        struct winsize size = { 0 };

        (void)told_pid1();
        for (int i = 0; i < 2; i++) {
                cr_assert_not(is_busy());
                cr_assert(console_find(consoles, POD_UID, "main"), "closing it is no end of the container");
                mine = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
                cr_assert_geq(mine, 0, "nobody has hung up: %s", strerror(errno));
                put(mine, "again\n");
                UNTIL(has(pipe_end));
                cr_assert_str_eq(read_from(pipe_end), "again\n");
                close(mine);
        }
        come(tty);
        (void)ws_sent(&p);
        mine = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
        put(mine, "seen\n");
        UNTIL(p.out.len);
        cr_assert_str_eq(ws_sent(&p), "1: seen\n\n");
        close(mine);
        settle();
        cr_assert_not(p.carrier_finished);
        type("\4{\"Width\":100,\"Height\":40}", 26);
        type("\0typed", 6);
        mine = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
        UNTIL(has(mine));
        cr_assert_str_eq(read_from(mine), "typed");
        cr_assert_eq(ioctl(mine, TIOCGWINSZ, &size), 0);
        cr_assert(size.ws_col == 100 && size.ws_row == 40);
        cr_assert_str_eq(told_pid1(), "");
        the_run_ends();
        cr_assert(strstr(ws_sent(&p), "Success"));
        cr_assert_str_eq(told_pid1(), "-t., -l., ");
}

Test(attach, a_full_terminal_that_nobody_has_open_keeps_nobody_busy)
{
        static char words[16 * 1024];
        int mine = start_terminal();
        struct console *c = console_find(consoles, POD_UID, "main");
        const char *name = close_terminal(mine);
        size_t got = 0;

        memset(words, 'x', sizeof(words));
        for (int i = 0; i < 4; i++)
                cr_assert_geq(console_input(c, words, sizeof(words)), 0);
        cr_assert_not(is_busy());
        mine = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
        UNTIL((got += strlen(read_from(mine))) == 4 * sizeof(words));
        cr_assert_eq(got, 4 * sizeof(words), "nothing is lost");
}

Test(attach, what_is_left_on_a_terminal_is_read_when_its_run_has_ended)
{
        int mine = start_terminal();
        size_t written, got = 0;

        come(tty);
        p.room = 8192;
        written = flood(mine, false);
        the_run_ends();
        cr_assert_not(console_find(consoles, POD_UID, "main"), "it is nothing to who comes now");
        cr_assert_not(p.carrier_finished);
        hang_up();
        UNTIL((got += strlen(read_from(pipe_end))) == written);
        settle();
        cr_assert_str_eq(told_pid1(), "t., l., -t., -l., ", "although somebody has it open still");
}

/* A container may have handed its terminal to a process that is not its own, which is not ended with it. */
Test(attach, who_goes_on_writing_when_the_run_has_ended_is_not_heard_for_ever)
{
        static char text[4096];
        int mine = start_terminal();

        (void)flood(mine, false);
        (void)told_pid1();
        memset(text, 'x', sizeof(text));
        consoles_unit_changed(consoles, UNIT, &(struct unit_state){ .phase = UNIT_FAILED });
        for (int i = 0; i < 2000; i++) { /* there is always more, and the log takes it */
                (void)!write(mine, text, sizeof(text));
                cr_assert_geq(sd_event_run(t.event, 0), 0);
                if (has(pipe_end))
                        cr_assert_gt(read(pipe_end, text, sizeof(text)), 0);
        }
        cr_assert_str_eq(told_pid1(), "-t., -l., ");
}

Test(attach, what_an_ended_run_has_left_is_read_while_the_next_has_begun)
{
        int mine = start_terminal(), next;
        size_t written = flood(mine, false), got = 0;

        unit.invocation[0] = 'f'; /* vks-exec may be heard of before the old run's end is */
        next = start(CONSOLE_TERMINAL);
        cr_assert_eq(console_input(console_find(consoles, POD_UID, "main"), "x\n", 2), 1);
        UNTIL(has(next));
        cr_assert_str_eq(read_from(next), "x\n");
        UNTIL((got += strlen(read_from(pipe_end))) >= written);
        cr_assert(strstr(told_pid1(), "-t., -l., "), "the old one's");
        cr_assert(console_find(consoles, POD_UID, "main"));
}

Test(attach, another_run_or_no_unit_is_an_end)
{
        struct unit_state other = unit;

        start_terminal();
        consoles_unit_changed(consoles, "vks.default.other.main.service", &(struct unit_state){ 0 });
        cr_assert(console_find(consoles, POD_UID, "main"));
        other.invocation[0] = 'f';
        consoles_unit_changed(consoles, UNIT, &other);
        cr_assert_not(console_find(consoles, POD_UID, "main"));
        settle();

        start_terminal();
        t.known = true;
        consoles_units_synced(consoles, NULL);
        cr_assert(console_find(consoles, POD_UID, "main"));
        t.known = false;
        consoles_units_synced(consoles, NULL);
        cr_assert_not(console_find(consoles, POD_UID, "main"));
}

Test(attach, a_log_that_nobody_reads_holds_the_terminal_up_and_loses_nothing)
{
        int mine = start_terminal();
        size_t written = flood(mine, false), got = 0;

        cr_assert_lt(written, 1 << 20, "the writer waits");
        UNTIL((got += strlen(read_from(pipe_end))) == written);
        cr_assert_eq(got, written);
}

Test(attach, consoles_outlive_the_agent)
{
        static char *names[] = { (char *)(uintptr_t) "l." POD_UID ".main.0123456789abcdef0123456789abcdef",
                                 (char *)(uintptr_t) "t." POD_UID ".main.0123456789abcdef0123456789abcdef",
                                 (char *)(uintptr_t) "i." POD_UID ".other.0123456789abcdef0123456789abcdef",
                                 (char *)(uintptr_t) "stored",
                                 (char *)(uintptr_t) "i",
                                 (char *)(uintptr_t) "",
                                 NULL };
        int near, far, out = log_pipe(), input[2];

        consoles = consoles_free(consoles);
        cr_assert(terminal_new(&near, &far) == 0 && pipe(input) == 0);
        cr_assert(dup2(out, FIRST) >= 0 && dup2(near, FIRST + 1) >= 0 && dup2(input[1], FIRST + 2) >= 0);
        for (int i = 3; i < 6; i++)
                cr_assert_geq(dup2(pipe_end, FIRST + i), 0);
        close(near);
        close(input[1]);
        consoles = consoles_new(t.event, NULL, names, FIRST);
        cr_assert(console_is_terminal(console_find(consoles, POD_UID, "main")));
        cr_assert_not(console_is_terminal(console_find(consoles, POD_UID, "other")));
        for (int i = 3; i < 6; i++)
                cr_assert(fcntl(FIRST + i, F_GETFD) < 0 && errno == EBADF, "what is no console is closed");
        put(far, "still here");
        UNTIL(has(pipe_end));
        cr_assert_str_eq(read_from(pipe_end), "still here", "its log pipe has come back to it, though it came first");
        cr_assert_eq(console_input(console_find(consoles, POD_UID, "other"), "y", 1), 1);
        cr_assert_str_eq(read_from(input[0]), "y");
        consoles_unit_changed(consoles, UNIT, &unit);
        cr_assert(console_find(consoles, POD_UID, "main"));
        the_run_ends();
        cr_assert_not(console_find(consoles, POD_UID, "main"), "its unit is known");
        t.known = true;
        consoles_units_synced(consoles, NULL);
}

Test(attach, consoles_that_an_earlier_vks_had_kept_are_kept_by_their_runs_name)
{
        static char *names[] = { (char *)(uintptr_t) "l." POD_UID ".main", (char *)(uintptr_t) "t." POD_UID ".main",
                                 NULL };
        int near, far, out = log_pipe();

        consoles = consoles_free(consoles);
        cr_assert_eq(terminal_new(&near, &far), 0);
        cr_assert(dup2(out, FIRST) >= 0 && dup2(near, FIRST + 1) >= 0);
        close(near);
        consoles = consoles_new(t.event, NULL, names, FIRST);
        consoles_unit_changed(consoles, UNIT, &unit);
        cr_assert_str_eq(told_pid1(), "-t., -l., t., l., ");
        consoles_unit_changed(consoles, UNIT, &unit);
        cr_assert_str_eq(told_pid1(), "", "once");
        cr_assert(console_find(consoles, POD_UID, "main"));
}

/* ---- sessions ---------------------------------------------------------------------------------------------------- */

Test(attach, a_terminal_is_seen_and_typed_at)
{
        int mine = start_terminal();
        struct winsize size = { 0 };

        come(tty);
        put(mine, "$ ");
        UNTIL(p.out.len);
        cr_assert_str_eq(ws_sent(&p), "1: $ \n");
        type("\0ls\n", 4);
        UNTIL(has(mine));
        cr_assert_str_eq(read_from(mine), "ls\n");
        type("\4{\"Width\":100,\"Height\":40}", 26);
        cr_assert_eq(ioctl(mine, TIOCGWINSZ, &size), 0);
        cr_assert(size.ws_col == 100 && size.ws_row == 40);
        close(mine);
        the_run_ends();
        cr_assert(strstr(ws_sent(&p), "Success"), "it ends with the container");
        cr_assert(p.carrier_finished);
}

/* kubectl run comes when it has seen that the container runs. */
Test(attach, what_a_container_has_said_as_it_began_is_shown_to_the_first_who_comes)
{
        int mine = start_terminal();

        put(mine, "hello\n");
        UNTIL(has(pipe_end));
        come(tty);
        cr_assert_str_eq(ws_sent(&p), "1: hello\n\n");
        put(mine, "more\n");
        UNTIL(p.out.len);
        cr_assert_str_eq(ws_sent(&p), "1: more\n\n");
        hang_up();
        come(tty);
        cr_assert_str_eq(ws_sent(&p), "", "once");
        put(mine, "now\n");
        UNTIL(p.out.len);
        cr_assert_str_eq(ws_sent(&p), "1: now\n\n");
}

Test(attach, more_than_a_beginning_is_not_kept_for_who_may_come)
{
        int mine = start_terminal();

        for (int i = 0; i < 12; i++) {
                static char text[4096];

                memset(text, 'x', sizeof(text) - 1);
                put(mine, text);
                UNTIL(has(pipe_end));
                (void)read_from(pipe_end);
        }
        come(tty);
        cr_assert_str_eq(ws_sent(&p), "");
}

Test(attach, of_a_run_that_has_just_begun_all_is_shown)
{
        unit.started = time_now();
        (void)start(CONSOLE_INPUT);
        come(in_and_out);
        cr_assert_eq(first_line, -1);
        hang_up();
        unit.started = time_now() - 60 * USEC_PER_SEC;
        come(in_and_out);
        cr_assert_eq(first_line, 0);
}

Test(attach, the_terminal_stays_when_the_client_goes)
{
        int mine = start_terminal();

        come(tty);
        hang_up();
        put(mine, "still\n");
        UNTIL(has(pipe_end));
        cr_assert_str_eq(read_from(pipe_end), "still\n");
        come(tty);
        put(mine, "again\n");
        UNTIL(p.out.len);
        cr_assert_str_eq(ws_sent(&p), "1: again\n\n");
}

Test(attach, a_client_that_does_not_read_holds_the_terminal_up)
{
        int mine = start_terminal();

        come(tty);
        p.room = 8192;
        cr_assert_lt(flood(mine, true), 1 << 20, "the writer waits");
        hang_up();
        cr_assert_geq(flood(mine, true), 4 << 20, "and does not wait for one who is gone");
}

Test(attach, what_a_container_without_a_terminal_prints_comes_from_its_log)
{
        int mine = start(CONSOLE_INPUT);

        come((struct streams_wish){ .in = true, .out = true, .err = true });
        cr_assert(lines.write(lines.userdata, "stdout", "out\n", 4));
        cr_assert(lines.write(lines.userdata, "stderr", "err\n", 4));
        settle();
        cr_assert_str_eq(ws_sent(&p), "1: out\n\n2: err\n\n");
        type("\0words", 6);
        cr_assert_str_eq(read_from(mine), "words");
        lines.end(lines.userdata);
        settle();
        cr_assert(strstr(ws_sent(&p), "Success"));
        cr_assert(p.carrier_finished);
}

Test(attach, input_ends_for_the_container_with_stdin_once_alone)
{
        int mine = start(CONSOLE_INPUT);

        come(in_and_out);
        type("\xff\0", 2);
        cr_assert_str_eq(read_from(mine), "");
        hang_up();
        cr_assert_not(is_at_end(mine), "another session may come");
        t.pod->containers[0].stdin_once = true;
        come(in_and_out);
        type("\0x", 2);
        type("\xff\0", 2);
        cr_assert_str_eq(read_from(mine), "x");
        cr_assert(is_at_end(mine));
}

Test(attach, with_stdin_once_a_client_that_goes_ends_the_input)
{
        int mine = start(CONSOLE_INPUT);

        t.pod->containers[0].stdin_once = true;
        come((struct streams_wish){ .out = true });
        hang_up();
        cr_assert_not(is_at_end(mine), "a session that only looks is not the one");
        come(in_and_out);
        hang_up();
        cr_assert(is_at_end(mine));
}

Test(attach, a_program_that_closes_its_input_is_no_end_of_the_session)
{
        int mine = start(CONSOLE_INPUT);

        come(in_and_out);
        close(mine);
        settle();
        cr_assert_not(p.carrier_finished);
        type("\0for nobody", 11);
        cr_assert(lines.write(lines.userdata, "stdout", "on\n", 3));
        settle();
        cr_assert_str_eq(ws_sent(&p), "1: on\n\n");
}

Test(attach, a_container_that_has_just_begun_gets_its_console_in_a_moment)
{
        int mine;

        t.pod->containers[0].tty = true;
        come(tty);
        type("\0early", 6);
        cr_assert_not(p.carrier_finished);
        consoles_unit_changed(consoles, UNIT, &unit);
        consoles_unit_changed(consoles, "vks.default.other.service", &unit);
        mine = start_terminal();
        for (int turns = 0; turns < 300 && !has(mine); turns++) { /* three seconds: its patience is of five */
                peer_offer(&p);
                cr_assert_geq(sd_event_run(t.event, 10 * 1000), 0);
        }
        cr_assert(has(mine), "it is told, and does not only look when it has waited long enough");
        cr_assert_str_eq(read_from(mine), "early", "what was typed meanwhile is the console's");
}

Test(attach, a_container_that_ends_before_it_has_its_console_says_so)
{
        t.pod->containers[0].tty = true;
        come(tty);
        cr_assert_not(p.carrier_finished);
        t.running = false;
        consoles_unit_changed(consoles, UNIT, &(struct unit_state){ .phase = UNIT_FAILED });
        settle();
        cr_assert(strstr(ws_sent(&p), "the container has ended"));
        cr_assert(p.carrier_finished);
}

Test(attach, who_leaves_before_there_is_a_console_waits_no_longer)
{
        t.pod->containers[0].tty = true;
        come(tty);
        cr_assert_not(p.carrier_finished);
        peer_gone(&p);
        p.event = NULL;
        settle();
        consoles_unit_changed(consoles, UNIT, &unit); /* nobody is told: ASan would say so */
        (void)start_terminal();
}

Test(attach, one_that_is_over_says_so)
{
        t.running = false;
        come(in_and_out);
        cr_assert(strstr(ws_sent(&p), "the container has ended"));
        cr_assert(p.carrier_finished);
}

Test(attach, a_log_that_cannot_be_followed_is_told)
{
        (void)start(CONSOLE_INPUT);
        t.silent = true;
        come(in_and_out);
        cr_assert(strstr(ws_sent(&p), "too many logs"));
        cr_assert(p.carrier_finished);
}
