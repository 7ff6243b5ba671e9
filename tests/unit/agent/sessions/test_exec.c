/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A session of kubectl exec between a client's WebSocket and a command that a helper at a socket was asked for: the
 * parser of the one and the streams of the other are the real ones, and the test is the client, the helper and the
 * program.
 */
#include <poll.h>
#include <sys/ioctl.h>

#include "agent/sessions/exec.h"
#include "tests/unit/agent/pods/stand_in.h"
#include "tests/unit/agent/streams/peer.h"

static struct peer p;
static struct streams_wish wish;
static bool is_there = true;

bool pods_find_container(UNUSED struct pods *ps, UNUSED const char *namespace, UNUSED const char *pod,
                         UNUSED const char *container, struct pods_container *ret)
{
        *ret = the_container();
        return is_there;
}

static void begin(void)
{
        sd_event *event = NULL;

        cr_assert_geq(sd_event_new(&event), 0);
        stand_in(event);
        sd_event_unref(event);
}

static void end(void)
{
        if (p.event)
                peer_gone(&p);
        stand_in_done();
}

TestSuite(exec, .init = begin, .fini = end, .timeout = 600);

static const char *word = "sh";

/* The client's connection is there, and all that follows by itself. */
static void connect_with(struct streams_wish w)
{
        struct pods_container where = the_container();
        char **argv = NULL;
        size_t n = 0;
        struct exec_session *s;

        wish = w;
        strv_push(&argv, &n, xstrdup(word));
        s = exec_session_new(t.event, t.commands, NULL, &where, argv, "alice", &wish);
        peer_open_for(&p, &(struct agreement){ .wire = WIRE_WEBSOCKET, .version = 5 }, &wish, 0, 0, t.event,
                      &exec_session_handler, s);
        exec_session_give(s, p.c);
        settle();
}

static void sends(const char *bytes, size_t n)
{
        ws_send(&p, true, WEBSOCKET_BINARY, bytes, n);
        settle();
}

static void writes(size_t stream, const char *text)
{
        cr_assert_eq(write(t.streams[stream], text, strlen(text)), (ssize_t)strlen(text));
        settle();
}

static void closes(void)
{
        for (size_t i = 0; i < 3; i++)
                t.streams[i] = fd_close(t.streams[i]);
        settle();
}

/* What the program reads now, if anything. */
static const char *reads(void)
{
        static char got[4096];
        struct pollfd poll_in = { .fd = t.streams[0], .events = POLLIN };
        ssize_t n = 0;

        settle();
        if (poll(&poll_in, 1, 0) > 0)
                n = read(t.streams[0], got, sizeof(got) - 1);
        cr_assert_geq(n, 0);
        got[n] = '\0';
        return got;
}

static bool at_end(void)
{
        struct pollfd poll_in = { .fd = t.streams[0], .events = POLLIN };

        settle();
        return poll(&poll_in, 1, 0) > 0 && read(t.streams[0], &(char){ 0 }, 1) == 0;
}

Test(exec, output_errors_and_the_exit_code)
{
        connect_with((struct streams_wish){ .out = true, .err = true });
        cr_assert_str_eq(asked(), "exec sh for alice; ");
        unit_runs();
        writes(1, "out");
        writes(2, "err");
        cr_assert_str_eq(ws_sent(&p), "1: out\n2: err\n");
        cr_assert(at_end(), "without -i there is no input");
        writes(1, "last words");
        closes();
        cr_assert_str_eq(ws_sent(&p), "1: last words\n", "the client is told how it ended when that is known");
        unit_exits(3);
        cr_assert(strstr(ws_sent(&p), "NonZeroExitCode"));
        cr_assert(p.carrier_finished);
        cr_assert_str_eq(asked(), "");
}

Test(exec, what_is_written_before_the_end_is_seen_is_not_lost)
{
        connect_with((struct streams_wish){ .out = true });
        unit_exits(0);
        cr_assert_not(p.carrier_finished, "its output is not over");
        writes(1, "last words");
        cr_assert_str_eq(ws_sent(&p), "1: last words\n");
        closes();
        cr_assert(strstr(ws_sent(&p), "Success"));
        cr_assert(p.carrier_finished);
}

Test(exec, input_and_its_end)
{
        connect_with((struct streams_wish){ .in = true, .out = true });
        sends("\0one ", 5);
        sends("\0two", 4);
        cr_assert_str_eq(reads(), "one two", "a pipe does not wait for the program");
        sends("\xff\0", 2);
        cr_assert(at_end());
}

Test(exec, a_program_that_reads_no_more_holds_nobody_up)
{
        static char much[200 * 1024];

        connect_with((struct streams_wish){ .in = true, .out = true });
        unit_runs(); /* until then the agent has its streams, too */
        t.streams[0] = fd_close(t.streams[0]);
        for (int i = 0; i < 20; i++)
                sends(much, sizeof(much));
        cr_assert_not(p.carrier_paused);
        cr_assert_eq(p.in.len, 0);
}

Test(exec, a_client_that_sends_more_than_is_read_waits)
{
        static char much[64 * 1024];
        size_t sum = 0;
        ssize_t n;

        connect_with((struct streams_wish){ .in = true, .out = true });
        for (int i = 0; i < 64; i++)
                sends(much, sizeof(much));
        cr_assert(p.carrier_paused);
        cr_assert_gt(p.in.len, 1024 * 1024, "it lies with the client");
        sends("\xff\0", 2);
        while ((n = read(t.streams[0], much, sizeof(much))) > 0) {
                sum += (size_t)n;
                settle();
                peer_offer(&p);
                settle();
        }
        cr_assert_eq(sum, 64 * (64 * 1024 - 1));
}

/* A terminal takes its time to pass bytes on: they are waited for. */
static void reads_from_terminal(const char *text)
{
        struct buf all = BUF(4096);

        while (!all.data || !strstr(all.data, text)) {
                struct pollfd poll_in = { .fd = t.streams[0], .events = POLLIN };

                cr_assert_geq(poll(&poll_in, 1, -1), 0);
                buf_str(&all, reads());
        }
        cr_assert_str_eq(all.data, text);
        buf_done(&all);
}

static void client_sees(const char *text)
{
        struct buf all = BUF(4096);

        while (!all.data || !strstr(all.data, text)) {
                cr_assert_geq(sd_event_run(t.event, USEC_PER_SEC), 0);
                buf_str(&all, ws_sent(&p));
        }
        buf_done(&all);
}

/* systemd up to 255 empties a terminal when it makes it a command's. */
Test(exec, what_is_typed_before_the_program_runs_waits)
{
        struct winsize size = { 0 };
        struct pollfd early = { .events = POLLIN };

        connect_with((struct streams_wish){ .in = true, .out = true, .tty = true });
        cr_assert(isatty(t.streams[0]) && isatty(t.streams[1]) && isatty(t.streams[2]));
        sends("\4{\"Width\":77,\"Height\":21}", 25);
        sends("\0early\n", 7);
        early.fd = t.streams[0];
        cr_assert_eq(poll(&early, 1, 100), 0, "it is there too early");
        cr_assert_eq(ioctl(t.streams[0], TIOCGWINSZ, &size), 0);
        cr_assert(size.ws_col == 77 && size.ws_row == 21, "the size does not wait");
        unit_runs();
        reads_from_terminal("early\n");
        sends("\0late\n", 6);
        reads_from_terminal("late\n");
        /* a half of a terminal cannot be closed */
        sends("\xff\0", 2);
        writes(1, "there");
        client_sees("there");
        closes();
        unit_exits(0);
        client_sees("Success");
        cr_assert(p.carrier_finished);
}

Test(exec, a_program_that_closes_its_terminal_may_open_it_again)
{
        char name[64];

        connect_with((struct streams_wish){ .in = true, .out = true, .tty = true });
        unit_runs();
        cr_assert_eq(ttyname_r(t.streams[1], name, sizeof(name)), 0);
        closes();
        for (int turns = 0; sd_event_run(t.event, 0) > 0; turns++)
                cr_assert_lt(turns, 50, "there is nothing to do");
        t.streams[1] = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
        writes(1, "again");
        client_sees("again");
        closes();
        cr_assert_not(p.carrier_finished);
        t.streams[1] = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
        writes(1, "last words");
        closes();
        unit_exits(3);
        client_sees("NonZeroExitCode");
        cr_assert(p.carrier_finished);
}

Test(exec, a_terminal_that_no_program_had_does_not_wait_for_its_end)
{
        connect_with((struct streams_wish){ .out = true, .tty = true });
        unit_is(&(struct unit_state){
                .phase = UNIT_FAILED, .main_code = CLD_EXITED, .main_status = 203, .spawn_error = "no program" });
        cr_assert(strstr(ws_sent(&p), "no program"));
        cr_assert(p.carrier_finished);
}

Test(exec, a_terminal_that_somebody_else_holds_open_keeps_nobody_waiting)
{
        connect_with((struct streams_wish){ .out = true, .tty = true });
        unit_runs();
        unit_exits(3);
        writes(1, "exit");
        client_sees("exit");
        cr_assert_not(p.carrier_finished, "there may be more to read");
        while (!p.carrier_finished)
                cr_assert_geq(sd_event_run(t.event, UINT64_MAX), 0);
        cr_assert(strstr(ws_sent(&p), "NonZeroExitCode"));
        closes();
}

Test(exec, a_client_that_goes_takes_the_command_along)
{
        connect_with((struct streams_wish){ .in = true, .out = true });
        cr_assert_str_eq(asked(), "exec sh for alice; ");
        peer_gone(&p);
        cr_assert_str_eq(asked(), "stop; ");
        cr_assert(at_end(), "what it reads has ended");
        cr_assert_eq(write(t.streams[1], "x", 1), -1, "what it writes nobody reads");
        unit_exits(0);
}

Test(exec, a_container_that_has_ended_meanwhile_runs_nothing)
{
        t.running = false;
        connect_with((struct streams_wish){ .out = true });
        cr_assert_str_eq(asked(), "");
        cr_assert(strstr(ws_sent(&p), "the container has ended"));
        cr_assert(p.carrier_finished);
        peer_gone(&p);
        p = (struct peer){ 0 };
        t.running = true;
        is_there = false;
        connect_with((struct streams_wish){ .out = true });
        cr_assert_str_eq(asked(), "");
        cr_assert(strstr(ws_sent(&p), "the container has ended"));
}

Test(exec, an_empty_word_is_no_program)
{
        word = "";
        connect_with((struct streams_wish){ .out = true });
        cr_assert_str_eq(asked(), "");
        cr_assert(strstr(ws_sent(&p), "there is no program \\\"\\\""), "%s", ws_sent(&p));
        cr_assert(p.carrier_finished);
}

Test(exec, what_is_refused_is_said)
{
        t.answer = -EPERM;
        connect_with((struct streams_wish){ .out = true });
        settle();
        cr_assert(strstr(ws_sent(&p), "policy rule exec"));
        cr_assert(p.carrier_finished);
}
