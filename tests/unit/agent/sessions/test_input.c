/* SPDX-License-Identifier: Apache-2.0 */
/* A queue of input before a pipe that the test reads as it likes. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "agent/sessions/input.h"
#include "common/fd.h"
#include "common/mem.h"

static sd_event *event;
static struct input *in;
static int far, rooms, ends;

static void on_room(UNUSED void *userdata)
{
        rooms++;
}

static void on_ended(UNUSED void *userdata)
{
        ends++;
}

static void begin(void)
{
        static const struct input_handler handler = { .room = on_room, .ended = on_ended };
        int pipe[2];

        signal(SIGPIPE, SIG_IGN); /* as the agent's main() has it */
        cr_assert_eq(sd_event_new(&event), 0);
        cr_assert_eq(pipe2(pipe, O_CLOEXEC | O_NONBLOCK), 0);
        far = pipe[0];
        in = input_new(event, pipe[1], &handler, NULL);
}

static void end(void)
{
        in = input_free(in);
        fd_close(far);
        event = sd_event_unref(event);
}

/* Everything that can happen now. */
static void settle(void)
{
        while (sd_event_run(event, 0) > 0)
                ;
}

/* What the program reads, until there is nothing; the end of it shows in *ret_end. */
static size_t reads(bool *ret_end)
{
        static char part[64 * 1024];
        size_t sum = 0;
        ssize_t n;

        *ret_end = false;
        for (settle(); (n = read(far, part, sizeof(part))) > 0; settle())
                sum += (size_t)n;
        *ret_end = n == 0;
        return sum;
}

TestSuite(input, .init = begin, .fini = end);

Test(input, bytes_come_in_order_and_then_the_end)
{
        char got[16] = "";
        bool ended;

        cr_assert_eq(input_add(in, "one ", 4), 1);
        cr_assert_eq(input_add(in, "two", 3), 1);
        input_end(in);
        cr_assert_eq(ends, 0, "something is left to be written");
        cr_assert_eq(input_add(in, "late", 4), 1);
        settle();
        cr_assert_eq(read(far, got, sizeof(got)), 7);
        cr_assert_str_eq(got, "one two");
        cr_assert_eq(ends, 1);
        cr_assert_eq(reads(&ended), 0);
        cr_assert(ended, "the program sees no end");
}

Test(input, an_end_with_nothing_before_it_comes_at_once)
{
        bool ended;

        input_end(in);
        cr_assert_eq(ends, 1);
        input_end(in);
        cr_assert_eq(ends, 1, "once");
        cr_assert_eq(reads(&ended), 0);
        cr_assert(ended);
}

Test(input, who_sends_too_much_waits_and_then_is_refused)
{
        static char part[64 * 1024];
        size_t sent = 0;
        bool ended;
        int r = 1;

        while (r == 1) {
                r = input_add(in, part, sizeof(part));
                sent += sizeof(part);
        }
        cr_assert_eq(r, 0);
        cr_assert_gt(sent, INPUT_HIGH);
        for (; sent + sizeof(part) <= INPUT_MAX; sent += sizeof(part))
                cr_assert_eq(input_add(in, part, sizeof(part)), 0, "it is to wait still");
        cr_assert_eq(input_add(in, part, sizeof(part)), -ENOBUFS);
        cr_assert_eq(rooms, 0);
        cr_assert_eq(reads(&ended), sent, "what was taken arrives, what was refused does not");
        cr_assert_eq(rooms, 1, "it is told once that it may go on");
        cr_assert_eq(input_add(in, part, sizeof(part)), 1, "a refusal is not for ever");
        cr_assert_eq(reads(&ended), sizeof(part));
        cr_assert(!ended);
}

Test(input, what_nobody_reads_any_more_is_dropped)
{
        static char part[INPUT_HIGH + 1];

        cr_assert_eq(input_add(in, part, sizeof(part)), 0);
        far = fd_close(far);
        settle();
        cr_assert_eq(ends, 1);
        cr_assert_eq(rooms, 1, "who waits must not wait for ever");
        cr_assert_eq(input_add(in, part, sizeof(part)), 1);
        cr_assert_eq(input_add(in, part, sizeof(part)), 1, "nothing is kept");
        input_end(in);
        cr_assert_eq(ends, 1);
}

Test(input, while_it_is_held_nothing_is_written)
{
        bool ended;

        input_hold(in, true);
        cr_assert_eq(input_add(in, "early", 5), 1);
        input_end(in);
        cr_assert_eq(reads(&ended), 0);
        cr_assert(!ended);
        input_hold(in, false);
        cr_assert_eq(reads(&ended), 5);
        cr_assert(ended);
        cr_assert_eq(ends, 1);
}

/* Half of it is written when it is held again. */
Test(input, it_can_be_held_in_the_middle)
{
        static char part[200 * 1024];
        size_t first;
        bool ended;

        cr_assert_eq(input_add(in, part, sizeof(part)), 1);
        settle(); /* as much as the pipe takes */
        input_hold(in, true);
        first = reads(&ended);
        cr_assert_gt(first, 0);
        cr_assert_lt(first, sizeof(part));
        input_hold(in, false);
        cr_assert_eq(reads(&ended), sizeof(part) - first);
}
