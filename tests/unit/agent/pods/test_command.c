/* SPDX-License-Identifier: Apache-2.0 */
/* Commands beside a container, from the request to the helper to what systemd says of their unit. */
#include "tests/unit/agent/pods/stand_in.h"

static struct {
        int calls, begun, exit_code;
        char text[ERR_TEXT_MAX];
} told;

static void on_ended(UNUSED void *userdata, int exit_code, const char *text)
{
        told.calls++;
        told.exit_code = exit_code;
        snprintf(told.text, sizeof(told.text), "%s", text);
}

static void on_begun(UNUSED void *userdata)
{
        told.begun++;
}

static void on_output(UNUSED void *userdata, int exit_code, const char *text, size_t size)
{
        on_ended(NULL, exit_code, "");
        snprintf(told.text, sizeof(told.text), "%.*s", (int)size, text);
}

static void begin(void)
{
        sd_event *event = NULL;

        cr_assert_geq(sd_event_new(&event), 0);
        stand_in(event);
        sd_event_unref(event);
}

TestSuite(command, .init = begin, .fini = stand_in_done, .timeout = 600);

static struct command *start(void)
{
        static char *const argv[] = { (char *)"cat", (char *)"a b", NULL };
        struct pods_container where = the_container();
        int streams[3];

        for (size_t i = 0; i < 3; i++)
                cr_assert_geq(streams[i] = open("/dev/null", O_RDWR | O_CLOEXEC), 0);
        return command_start(t.commands, &where, argv, "alice", streams, on_ended, NULL);
}

Test(command, its_end_is_told_once)
{
        static const struct {
                struct unit_state state;
                int exit_code;
                const char *text;
        } rows[] = {
                { { .phase = UNIT_INACTIVE, .main_code = CLD_EXITED, .main_status = 0 }, 0, "" },
                { { .phase = UNIT_FAILED, .main_code = CLD_EXITED, .main_status = 7 }, 7, "" },
                { { .phase = UNIT_FAILED, .main_code = CLD_EXITED, .main_status = 203 }, 203, "" },
                { { .phase = UNIT_FAILED, .main_code = CLD_KILLED, .main_status = 9 }, 137, "" },
                { { .phase = UNIT_FAILED, .main_code = CLD_DUMPED, .main_status = 11 }, 139, "" },
                { { .phase = UNIT_FAILED, .main_code = CLD_EXITED, .main_status = 203, .spawn_error = "no such file" },
                  -1,
                  "no such file" },
                { { .phase = UNIT_FAILED, .result = "resources" }, -1, "resources" },
        };

        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                told.calls = 0;
                (void)start();
                cr_assert_str_eq(asked(), "exec cat a b for alice; ");
                unit_is(&(struct unit_state){ .phase = UNIT_INACTIVE }); /* before its first process */
                unit_runs();
                cr_assert_eq(told.calls, 0, "row %zu", i);
                unit_is(&rows[i].state);
                unit_is(&rows[i].state);
                cr_assert_eq(told.calls, 1, "row %zu", i);
                cr_assert_eq(told.exit_code, rows[i].exit_code, "row %zu: %d", i, told.exit_code);
                cr_assert(*rows[i].text ? strstr(told.text, rows[i].text) != NULL : !*told.text, "row %zu: %s", i,
                          told.text);
        }
        cr_assert_str_eq(asked(), "", "what has ended is not stopped");
}

Test(command, an_end_before_the_answer_waits_for_it)
{
        t.silent = true;
        (void)start();
        settle();
        unit_exits(3);
        cr_assert_eq(told.calls, 0);
        answer();
        settle();
        cr_assert(told.calls == 1 && told.exit_code == 3);
}

Test(command, what_the_helper_refuses_did_not_run)
{
        t.answer = -EPERM;
        (void)start();
        cr_assert_str_eq(asked(), "exec cat a b for alice; ");
        cr_assert(told.calls == 1 && told.exit_code == -1 && strstr(told.text, "policy rule exec"), "%s", told.text);
}

Test(command, when_the_helper_goes_it_may_have_begun_and_is_stopped)
{
        t.hang_up = true;
        (void)start();
        settle();
        cr_assert_str_eq(asked(), "exec cat a b for alice; stop; ");
        cr_assert(told.calls == 1 && told.exit_code == -1, "%s", told.text);
}

Test(command, that_it_runs_is_told_once)
{
        struct command *c = start();

        command_tell_begin(c, on_begun);
        settle();
        unit_is(&(struct unit_state){ .phase = UNIT_ACTIVATING, .main_pid = 77 });
        cr_assert_eq(told.begun, 0, "PID 1 has not done with its streams");
        unit_runs();
        unit_runs();
        cr_assert_eq(told.begun, 1);
        unit_exits(0);
        cr_assert(told.begun == 1 && told.calls == 1);
        /* one that was never seen to run */
        command_tell_begin(start(), on_begun);
        settle();
        unit_exits(0);
        cr_assert(told.begun == 1 && told.calls == 2);
}

Test(command, who_gives_it_up_hears_nothing_and_it_is_stopped)
{
        struct command *c = start();

        command_tell_begin(c, on_begun);
        settle();
        command_give_up(c);
        cr_assert_str_eq(asked(), "exec cat a b for alice; stop; ");
        unit_exits(0);
        /* and before the answer is there */
        t.silent = true;
        c = start();
        settle();
        command_give_up(c);
        cr_assert_str_eq(asked(), "exec cat a b for alice; ", "a STOP would overtake it");
        t.silent = false;
        answer();
        cr_assert_str_eq(asked(), "stop; ");
        cr_assert(told.calls == 0 && told.begun == 0);
}

Test(command, a_stop_that_fails_is_tried_again)
{
        struct command *c = start();

        settle();
        t.answer = -EIO;
        command_give_up(c);
        cr_assert_str_eq(asked(), "exec cat a b for alice; stop; ");
        t.answer = 0;
        while (!*t.asked)
                cr_assert_geq(sd_event_run(t.event, UINT64_MAX), 0);
        cr_assert_str_eq(asked(), "stop; ");
        for (int i = 0; i < 3; i++)
                settle();
        cr_assert_str_eq(asked(), "");
}

Test(command, it_ends_with_its_container)
{
        (void)start();
        settle();
        commands_container_ended(t.commands, POD_UID);
        cr_assert_str_eq(asked(), "exec cat a b for alice; ", "another container of the pod has ended");
        t.running = false;
        commands_container_ended(t.commands, "another");
        cr_assert_str_eq(asked(), "");
        commands_container_ended(t.commands, POD_UID);
        cr_assert_str_eq(asked(), "stop; ");
        cr_assert_eq(told.calls, 0, "it has to end first");
        unit_is(&(struct unit_state){ .phase = UNIT_FAILED, .main_code = CLD_KILLED, .main_status = 15 });
        cr_assert(told.calls == 1 && told.exit_code == 143);
}

/* PID 1 gives up what is being started when it is asked to stop it. */
Test(command, one_that_is_stopped_as_it_begins_ends_as_its_process_does)
{
        (void)start();
        settle();
        unit_is(&(struct unit_state){ .phase = UNIT_ACTIVATING, .main_pid = 7 });
        t.running = false;
        commands_container_ended(t.commands, POD_UID);
        cr_assert_str_eq(asked(), "exec cat a b for alice; stop; ");
        commands_job_failed(t.commands, t.unit, "canceled");
        cr_assert_eq(told.calls, 0, "%s", told.text);
        unit_is(&(struct unit_state){ .phase = UNIT_INACTIVE, .main_code = CLD_KILLED, .main_status = 15 });
        cr_assert(told.calls == 1 && told.exit_code == 143);
        /* and one without a process */
        t.running = true;
        (void)start();
        settle();
        commands_job_failed(t.commands, t.unit, "canceled");
        unit_is(&(struct unit_state){ .phase = UNIT_ABSENT });
        cr_assert(told.calls == 2 && told.exit_code == -1 && strstr(told.text, "before it began"), "%s", told.text);
        cr_assert_str_eq(asked(), "exec cat a b for alice; ", "it is not asked for again");
}

Test(command, one_whose_container_ends_before_the_answer_is_stopped)
{
        t.silent = true;
        (void)start();
        settle();
        t.running = false;
        commands_container_ended(t.commands, POD_UID);
        cr_assert_str_eq(asked(), "exec cat a b for alice; ", "nobody knows yet whether it is there");
        t.silent = false;
        answer();
        cr_assert_str_eq(asked(), "stop; ");
        unit_is(&(struct unit_state){ .phase = UNIT_INACTIVE, .main_code = CLD_KILLED, .main_status = 15 });
        cr_assert(told.calls == 1 && told.exit_code == 143);
}

Test(command, one_that_ended_unseen_is_told_to_have)
{
        (void)start();
        settle();
        t.known = true;
        commands_units_synced(t.commands, NULL);
        cr_assert_eq(told.calls, 0);
        t.known = false;
        t.read_at = 1;
        commands_units_synced(t.commands, NULL);
        cr_assert_eq(told.calls, 0, "it was begun when the list was there already");
        t.read_at = UINT64_MAX;
        commands_units_synced(t.commands, NULL);
        cr_assert(told.calls == 1 && told.exit_code == -1 && strstr(told.text, "nobody saw"), "%s", told.text);
}

Test(command, one_that_ended_before_the_answer_and_unseen_is_looked_for)
{
        struct observed *o = (struct observed *)(void *)&t; /* nobody looks at it */

        commands_units_synced(t.commands, o);
        t.silent = true;
        (void)start();
        settle();
        t.known = false;
        t.read_at = UINT64_MAX;
        commands_units_synced(t.commands, o);
        cr_assert_eq(told.calls, 0, "it may be that it is not begun yet");
        answer();
        settle();
        cr_assert_eq(t.readings, 1);
        commands_units_synced(t.commands, o);
        cr_assert(told.calls == 1 && told.exit_code == -1 && strstr(told.text, "nobody saw"), "%s", told.text);
        /* not where it is known, and not without such a reading */
        t.silent = false;
        t.known = true;
        (void)start();
        settle();
        unit_exits(0);
        t.known = false;
        t.read_at = 1;
        (void)start();
        settle();
        unit_exits(0);
        cr_assert(told.calls == 3 && t.readings == 1);
}

Test(command, a_job_that_failed_is_an_end)
{
        (void)start();
        settle();
        commands_job_failed(t.commands, t.unit, "failed"); /* the unit's own state tells more */
        cr_assert_eq(told.calls, 0);
        commands_job_failed(t.commands, t.unit, "timeout");
        cr_assert(told.calls == 1 && told.exit_code == -1 && strstr(told.text, "timeout"), "%s", told.text);
}

/* systemd has read the unit back without what it was to run: of a reload between making and starting it. */
static void is_unborn(void)
{
        commands_job_failed(t.commands, t.unit, "failed");
        unit_is(&(struct unit_state){ .phase = UNIT_INACTIVE });
}

Test(command, what_never_had_a_process_is_asked_for_again)
{
        char first[sizeof(t.unit)];

        (void)start();
        cr_assert_str_eq(asked(), "exec cat a b for alice; ");
        memcpy(first, t.unit, sizeof(first));
        is_unborn();
        cr_assert_str_eq(asked(), "exec cat a b for alice; ");
        cr_assert(!streq(first, t.unit), "systemd may have the first one still");
        unit_is(&(struct unit_state){ .phase = UNIT_INACTIVE }); /* before its first process */
        unit_runs();
        is_unborn();
        cr_assert(streq(asked(), "") && told.calls == 0, "there was one");
        unit_exits(4);
        cr_assert(told.calls == 1 && told.exit_code == 4);
        /* seen by a full reading, or before the helper's answer */
        (void)start();
        settle();
        commands_job_failed(t.commands, t.unit, "failed");
        t.known = false;
        commands_units_synced(t.commands, NULL);
        cr_assert_str_eq(asked(), "exec cat a b for alice; exec cat a b for alice; ");
        t.silent = true;
        is_unborn();
        cr_assert_str_eq(asked(), "exec cat a b for alice; ");
        is_unborn();
        cr_assert_str_eq(asked(), "", "the helper has not answered yet");
        t.silent = false;
        answer();
        cr_assert_str_eq(asked(), "exec cat a b for alice; ");
        unit_exits(0);
        cr_assert(told.calls == 2 && told.exit_code == 0);
}

Test(command, what_went_before_systemd_had_a_name_for_its_run_is_asked_for_again)
{
        (void)start();
        cr_assert_str_eq(asked(), "exec cat a b for alice; ");
        unit_is(&(struct unit_state){ .phase = UNIT_ABSENT });
        cr_assert_str_eq(asked(), "", "its job is to come");
        commands_job_failed(t.commands, t.unit, "failed");
        unit_is(&(struct unit_state){ .phase = UNIT_ABSENT });
        cr_assert_str_eq(asked(), "exec cat a b for alice; ");
        unit_exits(0);
        cr_assert(told.calls == 1 && told.exit_code == 0);
}

Test(command, what_is_never_started_is_told_in_the_end)
{
        (void)start();
        for (int i = 0; i < 9; i++) {
                settle();
                is_unborn();
        }
        cr_assert_str_eq(asked(), "exec cat a b for alice; exec cat a b for alice; exec cat a b for alice; "
                                  "exec cat a b for alice; exec cat a b for alice; ");
        cr_assert(told.calls == 1 && told.exit_code == -1 && strstr(told.text, "did not start"), "%s", told.text);
        /* and nobody asks for what nobody waits for */
        command_give_up(start());
        settle();
        is_unborn();
        cr_assert_str_eq(asked(), "exec cat a b for alice; stop; ");
}

Test(command, its_output_ends_with_it_although_it_may_be_asked_for_again)
{
        static char *const argv[] = { (char *)"cat", NULL };
        struct pods_container where = the_container();
        int ends[2], streams[3];
        char byte;

        cr_assert_eq(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
        streams[0] = open("/dev/null", O_RDWR | O_CLOEXEC);
        streams[1] = ends[1];
        streams[2] = open("/dev/null", O_RDWR | O_CLOEXEC);
        (void)command_start(t.commands, &where, argv, "alice", streams, on_ended, NULL);
        settle();
        is_unborn();
        settle();
        unit_is(&(struct unit_state){ .phase = UNIT_ACTIVATING, .main_pid = 77 });
        cr_assert(read(ends[0], &byte, 1) < 0 && errno == EAGAIN, "the program has it");
        for (size_t i = 0; i < 3; i++)
                t.streams[i] = fd_close(t.streams[i]);
        cr_assert_eq(read(ends[0], &byte, 1), 0);
        fd_close(ends[0]);
        unit_exits(0);
}

Test(command, what_an_earlier_agent_left_is_stopped)
{
        static const uint64_t id = 7;

        exec_unit_name(POD_UID, "main", &id, t.unit);
        unit_is(&(struct unit_state){ .phase = UNIT_FAILED });
        cr_assert_str_eq(asked(), "");
        unit_runs();
        cr_assert_str_eq(asked(), "stop; ");
}

/* ---- a whole output ---- */

static struct command_run *run(size_t max, uint64_t usec)
{
        static char *const argv[] = { (char *)"probe", NULL };
        struct pods_container where = the_container();
        struct command_run *r = command_run(t.commands, &where, argv, "kubelet", max, usec, on_output, NULL);

        settle();
        return r;
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

Test(command, a_whole_output_is_both_streams_and_has_a_bound)
{
        (void)run(10, 600 * USEC_PER_SEC);
        cr_assert_str_eq(asked(), "exec probe for kubelet; ");
        writes(1, "out ");
        writes(2, "err ");
        unit_exits(5);
        cr_assert_eq(told.calls, 0, "its output is not over");
        writes(1, "and more than fits");
        closes();
        cr_assert(told.calls == 1 && told.exit_code == 5);
        cr_assert_str_eq(told.text, "out err an");
        /* the output may be over first */
        (void)run(10, 600 * USEC_PER_SEC);
        closes();
        cr_assert_eq(told.calls, 1);
        unit_exits(0);
        cr_assert(told.calls == 2 && told.exit_code == 0 && !*told.text);
}

Test(command, a_deadline_ends_it)
{
        (void)run(100, 1000);
        while (told.calls == 0)
                cr_assert_geq(sd_event_run(t.event, UINT64_MAX), 0);
        cr_assert_eq(told.exit_code, COMMAND_TIMED_OUT);
        cr_assert_str_eq(told.text, "command timed out");
        cr_assert_str_eq(asked(), "exec probe for kubelet; stop; ");
        unit_exits(0);
        cr_assert_eq(told.calls, 1);
}

Test(command, who_cancels_hears_nothing)
{
        struct command_run *r = run(100, 600 * USEC_PER_SEC);

        command_run_cancel(r);
        cr_assert_str_eq(asked(), "exec probe for kubelet; stop; ");
        unit_exits(0);
        cr_assert_eq(told.calls, 0);
}
