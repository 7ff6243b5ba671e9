/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Streams out of journals that systemd-journal-remote(8) writes from its export format, which lets a test say all that
 * journald itself would say. The response is a buffer of the test's.
 */
#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/logs/log_journal.h"
#include "agent/server/container_log.h"
#include "common/buf.h"
#include "common/mem.h"

/* ---- a response -------------------------------------------------------------------------------------------------- */

struct response {
        struct buf body;
        char error[256];
        int status;
        bool started, ended;
        size_t high; /* write() says to pause from here on; 0: never */
        size_t writes_while_full;
        void (*on_ready)(void *);
        void (*on_closed)(void *);
        void *userdata;
};

void response_error(struct response *res, int status, const char *fmt, ...)
{
        va_list ap;

        va_start(ap, fmt);
        vsnprintf(res->error, sizeof(res->error), fmt, ap);
        va_end(ap);
        res->status = status;
        res->ended = true;
}

void response_start(struct response *res, const char *content_type, void (*on_ready)(void *), void (*on_closed)(void *),
                    void *userdata)
{
        cr_assert_str_eq(content_type, "text/plain");
        res->started = true;
        res->on_ready = on_ready;
        res->on_closed = on_closed;
        res->userdata = userdata;
}

bool response_write(struct response *res, const void *p, size_t n)
{
        cr_assert(res->started && !res->ended && n > 0);
        buf_add(&res->body, p, n);
        return res->high == 0 || res->body.len < res->high;
}

void response_end(struct response *res)
{
        cr_assert(res->started && !res->ended);
        res->ended = true;
}

/* ---- a journal --------------------------------------------------------------------------------------------------- */

#define UID    "0f6c2a9e-1234-4abc-8def-0123456789ab"
#define UNIT   "vks.default.web.nginx.service"
#define RUN1   "11111111111111111111111111111111"
#define RUN2   "22222222222222222222222222222222"
#define STREAM "_STREAM_ID=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n"

static const uint64_t T0 = 1767366245123456; /* 2026-01-02T15:04:05.123456Z */
static char dir[] = "/tmp/test_logs.XXXXXX";
static struct buf export = { .max = 256 * 1024 * 1024 };
static uint64_t clock_usec;
static sd_event *event;

static void setup(void)
{
        cr_assert(mkdtemp(dir));
        clock_usec = T0;
        sd_event_new(&event);
}

static void teardown(void)
{
        struct dirent *d;
        DIR *folder = opendir(dir);

        while ((d = readdir(folder)))
                unlinkat(dirfd(folder), d->d_name, 0);
        closedir(folder);
        rmdir(dir);
        buf_done(&export);
        sd_event_unref(event);
}

TestSuite(logs, .init = setup, .fini = teardown, .timeout = 600);

/* An entry with exactly these fields, a millisecond after the last one. */
static void entry_bytes(const char *fields, const void *message, size_t size)
{
        uint64_t n = size; /* the format wants little endian, which is what Debian's machines here are */

        buf_printf(&export,
                   "__REALTIME_TIMESTAMP=%" PRIu64 "\n__MONOTONIC_TIMESTAMP=%" PRIu64 "\n_BOOT_ID=%032d\n%sMESSAGE\n",
                   clock_usec, clock_usec - T0 + 1000, 1, fields);
        buf_add(&export, &n, sizeof(n));
        buf_add(&export, message, size);
        buf_str(&export, "\n\n");
        clock_usec += 1000;
}

static void entry(const char *fields, const char *message)
{
        entry_bytes(fields, message, strlen(message));
}

#define OURS   "VKS_POD_UID=" UID "\nVKS_CONTAINER=web\n_SYSTEMD_UNIT=" UNIT "\n"
#define STDOUT OURS "_TRANSPORT=stdout\n" STREAM

static void line(const char *message)
{
        entry(STDOUT "_SYSTEMD_INVOCATION_ID=" RUN1 "\n", message);
}

static unsigned file_number; /* another one: journald has begun another file */

/* Writes what entry() collected behind what is there. */
static void commit(void)
{
        char output[256], input[256];
        char *argv[] = { (char *)"systemd-journal-remote", output, input, NULL };
        posix_spawn_file_actions_t quiet;
        int status = -1;
        pid_t pid;
        FILE *f;

        snprintf(output, sizeof(output), "--output=%s/test%u.journal", dir, file_number);
        snprintf(input, sizeof(input), "%s/export", dir);
        f = fopen(input, "w");
        cr_assert(f && fwrite(export.data, 1, export.len, f) == export.len && fclose(f) == 0);
        buf_reset(&export);
        posix_spawn_file_actions_init(&quiet);
        posix_spawn_file_actions_addopen(&quiet, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
        cr_assert_eq(posix_spawn(&pid, "/lib/systemd/systemd-journal-remote", &quiet, NULL, argv, environ), 0,
                     "the package systemd-journal-remote is missing");
        posix_spawn_file_actions_destroy(&quiet);
        cr_assert_eq(waitpid(pid, &status, 0), pid);
        cr_assert_eq(status, 0);
}

/* What entry() has collected is written when some reader has come to the end of the journal so many times; 0: never. */
static unsigned commit_at_end;

int __real_sd_journal_next(sd_journal *j);
int __wrap_sd_journal_next(sd_journal *j);
int __wrap_sd_journal_next(sd_journal *j)
{
        int r = __real_sd_journal_next(j);

        if (r == 0 && commit_at_end && --commit_at_end == 0)
                commit();
        return r;
}

/* ---- a stream ---------------------------------------------------------------------------------------------------- */

static bool alive;
static unsigned asked;

static bool running(void *userdata, const char *pod_uid, const char *container, const char *run)
{
        cr_assert_eq(userdata, &alive);
        cr_assert(!run || strlen(run) == 32);
        cr_assert_str_eq(pod_uid, UID);
        cr_assert_str_eq(container, "web");
        asked++;
        return alive;
}

static const struct log_options ALL = { .tail = -1, .limit_bytes = -1 };

static void start(struct response *res, const struct log_options *o, const char *invocation_id)
{
        const struct log_source source = {
                .pod_uid = UID,
                .container = "web",
                .unit = UNIT,
                .invocation_id = invocation_id,
                .directory = dir,
        };

        *res = (struct response){ .body = BUF(256 * 1024 * 1024), .high = res->high };
        container_log_start(event, res, &source, o, running, &alive);
        cr_assert(res->started, "%s", res->error);
}

static void run_until_ended(const struct response *res)
{
        while (!res->ended)
                cr_assert_geq(sd_event_run(event, UINT64_MAX), 0);
}

static void run_until_length(const struct response *res, size_t n)
{
        while (res->body.len < n)
                cr_assert_geq(sd_event_run(event, UINT64_MAX), 0);
}

static const char *text_of(const struct response *res)
{
        return res->body.data ? res->body.data : "";
}

static void expect_run(const struct log_options *o, const char *invocation_id, const char *want)
{
        struct response res = { 0 };

        start(&res, o, invocation_id);
        run_until_ended(&res);
        cr_assert_str_eq(text_of(&res), want, "got \"%s\" instead of \"%s\"", text_of(&res), want);
        buf_done(&res.body);
}

static void expect(const struct log_options *o, const char *want)
{
        expect_run(o, NULL, want);
}

static void three_lines(void)
{
        line("one");
        line("two");
        line("three");
        commit();
}

/* ---- which entries ----------------------------------------------------------------------------------------------- */

Test(logs, nothing_is_an_empty_answer)
{
        const struct log_options last = { .tail = 10, .limit_bytes = -1 };

        expect(&ALL, "");
        line("not ours");
        commit();
        expect(&last, "not ours\n");
}

Test(logs, lines_come_in_order)
{
        three_lines();
        expect(&ALL, "one\ntwo\nthree\n");
}

Test(logs, only_this_pods_container_is_shown)
{
        line("ours");
        entry("VKS_POD_UID=another\nVKS_CONTAINER=web\n_SYSTEMD_UNIT=" UNIT "\n_TRANSPORT=stdout\n", "a namesake's");
        entry("VKS_POD_UID=" UID "\n_SYSTEMD_UNIT=vks.default.web.sidecar.service\n_TRANSPORT=syslog\n", "a sidecar's");
        entry("VKS_POD_UID=" UID "\nVKS_CONTAINER=sidecar\n_SYSTEMD_UNIT=vks-log.service\n_TRANSPORT=journal\n",
              "what a sidecar printed");
        entry("VKS_POD_UID=" UID "\nVKS_CONTAINER=web\n_SYSTEMD_UNIT=evil.service\n_TRANSPORT=journal\n", "a forger's");
        entry("_SYSTEMD_UNIT=" UNIT "\n_TRANSPORT=stdout\n", "a unit's without a pod");
        commit();
        expect(&ALL, "ours\n");
}

Test(logs, only_what_the_container_wrote_is_shown)
{
        entry(OURS "_TRANSPORT=syslog\n", "to syslog");
        entry(OURS "_TRANSPORT=journal\n", "to the journal");
        entry(OURS "_TRANSPORT=journal\nUNIT=" UNIT "\n", "of some unit, to the journal");
        entry(OURS "_TRANSPORT=journal\nUNIT=" UNIT "\nINVOCATION_ID=" RUN1 "\n", "Failed at step CHDIR spawning");
        entry(OURS "_TRANSPORT=audit\n", "audit");
        entry(OURS "_TRANSPORT=kernel\n", "kernel");
        entry(OURS, "from nowhere");
        entry("_PID=1\nUNIT=" UNIT "\n_SYSTEMD_UNIT=init.scope\n_TRANSPORT=journal\n", "Started");
        commit();
        expect(&ALL, "to syslog\nto the journal\nof some unit, to the journal\n");
}

/* ---- options ----------------------------------------------------------------------------------------------------- */

Test(logs, tail_shows_the_last_lines)
{
        struct log_options o = ALL;

        three_lines();
        o.tail = 2;
        expect(&o, "two\nthree\n");
        o.tail = 3;
        expect(&o, "one\ntwo\nthree\n");
        o.tail = 1000000;
        expect(&o, "one\ntwo\nthree\n");
        o.tail = 0;
        expect(&o, "");
}

Test(logs, tail_counts_what_is_shown)
{
        struct log_options o = { .tail = 2, .limit_bytes = -1 };

        line("one");
        line("two");
        entry(OURS "_TRANSPORT=journal\nUNIT=x\nINVOCATION_ID=y\n", "systemd's");
        line("three");
        entry(OURS "_TRANSPORT=audit\n", "audit");
        commit();
        expect(&o, "two\nthree\n");
}

Test(logs, a_long_tail_is_found)
{
        struct log_options o = { .tail = 2000, .limit_bytes = -1 };
        struct buf want = BUF(1 << 20);

        for (int i = 0; i < 3000; i++) {
                char text[16];

                snprintf(text, sizeof(text), "%d", i);
                line(text);
                if (i >= 1000)
                        buf_printf(&want, "%d\n", i);
        }
        commit();
        expect(&o, want.data);
        buf_done(&want);
}

Test(logs, since_shows_what_is_not_older)
{
        struct log_options o = ALL;

        three_lines();
        o.since_usec = T0 + 1000;
        expect(&o, "two\nthree\n");
        o.since_usec = T0 + 1001;
        expect(&o, "three\n");
        o.since_usec = T0 + 1000000;
        expect(&o, "");
        o.since_usec = T0 + 1000;
        o.tail = 1;
        expect(&o, "three\n");
        o.tail = 10;
        expect(&o, "two\nthree\n");
        o.since_usec = 1;
        expect(&o, "one\ntwo\nthree\n");
}

Test(logs, timestamps_are_rfc3339_with_nanoseconds)
{
        struct log_options o = { .tail = 2, .limit_bytes = -1, .timestamps = true };

        three_lines();
        expect(&o, "2026-01-02T15:04:05.124456000Z two\n2026-01-02T15:04:05.125456000Z three\n");
}

Test(logs, the_limit_is_exact)
{
        static const char whole[] = "2026-01-02T15:04:05.123456000Z one\n2026-01-02T15:04:05.124456000Z two\n"
                                    "2026-01-02T15:04:05.125456000Z three\n";
        struct log_options o = { .tail = -1, .timestamps = true };
        char want[sizeof(whole)];

        three_lines();
        for (size_t n = 1; n < sizeof(whole) + 5; n++) {
                o.limit_bytes = (int64_t)n;
                snprintf(want, n + 1 < sizeof(want) ? n + 1 : sizeof(want), "%s", whole);
                expect(&o, want);
        }
}

/* ---- lines ------------------------------------------------------------------------------------------------------- */

#define BROKEN STDOUT "_LINE_BREAK=line-max\n"

Test(logs, a_line_that_journald_broke_is_joined)
{
        struct log_options o = { .tail = 2, .limit_bytes = -1 };

        line("first");
        entry(BROKEN, "be");
        entry(BROKEN, "gi");
        entry(STDOUT, "n");
        line("last");
        commit();
        expect(&ALL, "first\nbegin\nlast\n");
        expect(&o, "begin\nlast\n");
        o.timestamps = true;
        expect(&o, "2026-01-02T15:04:05.124456000Z begin\n2026-01-02T15:04:05.127456000Z last\n");
}

Test(logs, lines_of_two_processes_are_not_joined)
{
        entry(STDOUT "_LINE_BREAK=pid-change\n", "one's");
        entry(STDOUT, "another's");
        commit();
        expect(&ALL, "one's\nanother's\n");
}

Test(logs, a_line_of_another_stream_is_not_joined)
{
        entry(BROKEN, "begin");
        entry(OURS "_TRANSPORT=stdout\n_STREAM_ID=bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\n", "other");
        entry(STDOUT, "end");
        entry(BROKEN, "unfinished");
        commit();
        expect(&ALL, "begin\nother\nend\nunfinished"); /* as it was written */
}

Test(logs, a_message_of_several_lines_has_a_timestamp_on_each)
{
        struct log_options o = { .tail = 2, .limit_bytes = -1, .timestamps = true };

        entry(OURS "_TRANSPORT=syslog\n", "a\n\nb\n");
        commit();
        expect(&o,
               "2026-01-02T15:04:05.123456000Z a\n2026-01-02T15:04:05.123456000Z \n2026-01-02T15:04:05.123456000Z b\n");
}

Test(logs, any_bytes_pass_unchanged)
{
        static const char bytes[] = "\xff\xfe\0\x01\x80 \xc3\xa9";
        struct response res = { 0 };

        entry_bytes(STDOUT, bytes, sizeof(bytes) - 1);
        commit();
        start(&res, &ALL, NULL);
        run_until_ended(&res);
        cr_assert_eq(res.body.len, sizeof(bytes));
        cr_assert_eq(memcmp(res.body.data, bytes, sizeof(bytes) - 1), 0);
        buf_done(&res.body);
}

Test(logs, a_huge_message_is_cut_and_says_so)
{
        size_t n = 3 * LOG_LINE_MAX;
        char *huge = xcalloc(n, 1);
        struct response res = { 0 };

        memset(huge, 'x', n); /* compresses well, which is the dangerous kind */
        entry_bytes(STDOUT, huge, n);
        entry_bytes(STDOUT, huge, LOG_LINE_MAX);
        commit();
        start(&res, &ALL, NULL);
        run_until_ended(&res);
        cr_assert_eq(memcmp(res.body.data, huge, LOG_LINE_MAX), 0);
        cr_assert(starts_with(res.body.data + LOG_LINE_MAX, " [cut: the line is longer than 1 MiB]\nxxx"));
        cr_assert(ends_with(res.body.data, "xxx\n"));
        cr_assert_eq(res.body.len, 2 * LOG_LINE_MAX + strlen(" [cut: the line is longer than 1 MiB]\n") + 1);
        buf_done(&res.body);
        free(huge);
}

/* ---- runs -------------------------------------------------------------------------------------------------------- */

static void manager(const char *invocation_id, const char *message)
{
        char fields[256];

        snprintf(fields, sizeof(fields),
                 "_PID=1\nUNIT=" UNIT "\nINVOCATION_ID=%s\n_TRANSPORT=journal\n_SOURCE_REALTIME_TIMESTAMP=%" PRIu64
                 "\n",
                 invocation_id, clock_usec - 10);
        entry(fields, message);
}

#define NEXT_MINUTE (clock_usec += 60 * 1000 * 1000)

/* Three runs; journald came too late to know the run of the last words, as it does when a process dies at once. */
static void three_runs(void)
{
        manager("00000000000000000000000000000000", "Started");
        entry(STDOUT, "zero dies");
        NEXT_MINUTE;
        manager(RUN1, "Started");
        entry(STDOUT "_SYSTEMD_INVOCATION_ID=" RUN1 "\n", "one lives");
        entry(STDOUT, "one dies");
        manager(RUN1, "Main process exited");
        NEXT_MINUTE;
        entry(STDOUT "_SYSTEMD_INVOCATION_ID=" RUN2 "\n", "two lives"); /* a moment before PID 1's word came through */
        manager(RUN2, "Started");
        entry(STDOUT, "two dies");
        commit();
}

Test(logs, one_run_is_shown_with_its_last_words)
{
        struct log_options o = ALL;

        three_runs();
        expect_run(&o, RUN1, "one lives\none dies\n");
        expect_run(&o, RUN2, "two lives\ntwo dies\n");
        expect_run(&o, "00000000000000000000000000000000", "zero dies\n");
        expect_run(&o, "33333333333333333333333333333333", "");
        expect(&o, "zero dies\none lives\none dies\ntwo lives\ntwo dies\n");
        o.tail = 1;
        expect_run(&o, RUN1, "one dies\n");
        expect_run(&o, RUN2, "two dies\n");
        o.tail = 5;
        expect_run(&o, RUN1, "one lives\none dies\n");
        o.since_usec = clock_usec - 3500;
        expect_run(&o, RUN1, "");
}

Test(logs, a_run_that_pid_1_said_nothing_of_is_shown_by_its_id)
{
        entry(STDOUT "_SYSTEMD_INVOCATION_ID=" RUN1 "\n", "one");
        entry(STDOUT, "whose?");
        entry(STDOUT "_SYSTEMD_INVOCATION_ID=" RUN2 "\n", "two");
        commit();
        expect_run(&ALL, RUN1, "one\n");
        expect_run(&ALL, RUN2, "two\n");
}

/* ---- following --------------------------------------------------------------------------------------------------- */

Test(logs, a_follower_sees_what_comes)
{
        struct log_options o = { .follow = true, .tail = 1, .limit_bytes = -1 };
        struct response res = { 0 };

        alive = true;
        three_lines();
        start(&res, &o, NULL);
        run_until_length(&res, strlen("three\n"));
        line("four");
        line("five");
        commit();
        run_until_length(&res, strlen("three\nfour\nfive\n"));
        line("six");
        commit();
        alive = false;
        log_stream_poke(UID);
        run_until_ended(&res);
        cr_assert_str_eq(res.body.data, "three\nfour\nfive\nsix\n");
        buf_done(&res.body);
}

Test(logs, a_follower_of_nothing_sees_only_what_comes)
{
        struct log_options o = { .follow = true, .tail = 0, .limit_bytes = -1 };
        struct response res = { 0 };

        alive = true;
        three_lines();
        start(&res, &o, NULL);
        for (asked = 0; asked == 0;)
                sd_event_run(event, UINT64_MAX);
        line("four");
        commit();
        alive = false;
        run_until_ended(&res);
        cr_assert_str_eq(res.body.data, "four\n");
        buf_done(&res.body);
}

Test(logs, a_follower_may_come_before_the_first_line)
{
        struct log_options o = { .follow = true, .tail = -1, .limit_bytes = -1 };
        struct response res = { 0 }, last = { 0 };

        alive = true;
        entry("_SYSTEMD_UNIT=other.service\n_TRANSPORT=stdout\n", "other");
        commit();
        start(&res, &o, NULL);
        o.tail = 3;
        start(&last, &o, NULL);
        for (asked = 0; asked < 2;)
                sd_event_run(event, UINT64_MAX);
        line("one");
        commit();
        alive = false;
        run_until_ended(&res);
        run_until_ended(&last);
        cr_assert_str_eq(res.body.data, "one\n");
        cr_assert_str_eq(last.body.data, "one\n");
        buf_done(&res.body);
        buf_done(&last.body);
}

Test(logs, a_follower_hears_the_last_words_of_a_container_that_is_gone)
{
        struct log_options o = { .follow = true, .tail = -1, .limit_bytes = -1 };
        struct response res = { 0 };

        alive = false;
        three_lines();
        start(&res, &o, NULL);
        for (asked = 0; asked == 0;)
                sd_event_run(event, UINT64_MAX);
        line("late");
        commit();
        run_until_ended(&res);
        cr_assert_str_eq(res.body.data, "one\ntwo\nthree\nlate\n");
        buf_done(&res.body);
}

Test(logs, a_follower_of_one_run_ends_when_another_has_begun)
{
        struct log_options o = { .follow = true, .tail = -1, .limit_bytes = -1 };
        struct response res = { 0 };

        alive = true;
        manager(RUN1, "Started");
        line("one");
        commit();
        start(&res, &o, RUN1);
        run_until_length(&res, 4);
        NEXT_MINUTE;
        manager(RUN2, "Started");
        entry(STDOUT "_SYSTEMD_INVOCATION_ID=" RUN2 "\n", "two");
        commit();
        run_until_ended(&res);
        cr_assert_str_eq(res.body.data, "one\n");
        buf_done(&res.body);
}

/* All that happens by itself has happened. */
static void settle(void)
{
        while (sd_event_run(event, 0) > 0)
                ;
}

static size_t descriptors(void)
{
        DIR *folder = opendir("/proc/self/fd");
        size_t n = 0;

        while (readdir(folder))
                n++;
        closedir(folder);
        return n;
}

/* Each hears the same, and a thousand descriptors or as many watches as a user may have are not what it takes. */
Test(logs, followers_who_have_read_all_cost_no_reader_of_their_own)
{
        static struct response res[300];
        struct log_options o = { .follow = true, .tail = -1, .limit_bytes = -1 };
        size_t before;

        alive = true;
        three_lines();
        start(&res[0], &o, NULL);
        settle();
        before = descriptors();
        for (size_t i = 1; i < ARRAY_LEN(res); i++) {
                start(&res[i], &o, NULL);
                settle();
        }
        cr_assert_eq(descriptors(), before);
        for (int i = 0; i < 50; i++) {
                char text[16];

                snprintf(text, sizeof(text), "%d", i);
                line(text);
                if (i % 10 == 9)
                        commit();
                if (i % 20 == 9)
                        settle();
        }
        alive = false;
        log_stream_poke(UID);
        for (size_t i = 0; i < ARRAY_LEN(res); i++) {
                run_until_ended(&res[i]);
                cr_assert_str_eq(res[i].body.data, res[0].body.data);
        }
        for (size_t i = 0; i < ARRAY_LEN(res); i++)
                buf_done(&res[i].body);
}

/* Whoever takes nothing for a while goes on where he was, from before as from after he had heard all there was. */
Test(logs, a_follower_who_paused_misses_nothing_and_hears_nothing_twice)
{
        struct log_options o = { .follow = true, .tail = -1, .limit_bytes = -1 };
        struct response res = { .high = 1 };
        struct buf want = BUF(1024 * 1024);

        alive = true;
        line("0");
        commit();
        buf_str(&want, "0\n");
        start(&res, &o, NULL);
        for (int i = 1; i < 40; i++) {
                char text[16];

                snprintf(text, sizeof(text), "%d", i);
                line(text);
                buf_printf(&want, "%d\n", i);
                if (i % 3)
                        commit();
                settle();
                if (i % 4 == 0) {
                        res.on_ready(res.userdata);
                        settle();
                        if (i % 8 == 0)
                                res.on_ready(res.userdata);
                }
        }
        commit();
        res.high = 0;
        alive = false;
        while (!res.ended) {
                res.on_ready(res.userdata);
                cr_assert_geq(sd_event_run(event, 100000), 0);
        }
        cr_assert_str_eq(res.body.data, want.data);
        buf_done(&res.body);
        buf_done(&want);
}

/* journald begins another file while somebody still reads what was there. */
Test(logs, what_comes_while_a_follower_changes_readers_comes_once)
{
        struct log_options o = { .follow = true, .tail = -1, .limit_bytes = -1 };

        for (unsigned end = 1; end <= 3; end++) { /* its own, the shared one, its own once more */
                char one[16], two[16], three[16], want[64];
                struct response res = { 0 };

                snprintf(one, sizeof(one), "one %u", end);
                snprintf(two, sizeof(two), "two %u", end);
                snprintf(three, sizeof(three), "three %u", end);
                snprintf(want, sizeof(want), "%s\n%s\n%s\n", one, two, three);
                alive = true;
                line(one);
                commit();
                line(two);
                o.since_usec = clock_usec - 2000;
                start(&res, &o, NULL);
                commit_at_end = end;
                run_until_length(&res, strlen(one) + strlen(two) + 2);
                cr_assert_eq(commit_at_end, 0);
                line(three);
                commit();
                alive = false;
                log_stream_poke(UID);
                run_until_ended(&res);
                cr_assert_str_eq(res.body.data, want, "at end %u: got \"%s\"", end, res.body.data);
                buf_done(&res.body);
        }
}

Test(logs, a_follower_reads_on_in_files_that_came_later)
{
        struct log_options o = { .follow = true, .tail = -1, .limit_bytes = -1 };
        struct response res = { .high = 1 }, live = { 0 };

        alive = true;
        three_lines();
        start(&res, &o, NULL);
        start(&live, &o, NULL);
        settle();
        file_number++;
        line("four");
        commit();
        settle();
        res.high = 0;
        res.on_ready(res.userdata);
        run_until_length(&res, strlen("one\ntwo\nthree\nfour\n"));
        line("five");
        commit();
        alive = false;
        log_stream_poke(UID);
        run_until_ended(&res);
        run_until_ended(&live);
        cr_assert_str_eq(res.body.data, "one\ntwo\nthree\nfour\nfive\n");
        cr_assert_str_eq(live.body.data, res.body.data);
        buf_done(&res.body);
        buf_done(&live.body);
}

Test(logs, a_follower_hears_nothing_of_others)
{
        struct log_options o = { .follow = true, .tail = -1, .limit_bytes = -1 };
        struct response res = { 0 };

        alive = true;
        three_lines();
        start(&res, &o, NULL);
        settle();
        entry("VKS_POD_UID=" UID "\nVKS_CONTAINER=other\n_SYSTEMD_UNIT=vks-log.service\n_TRANSPORT=journal\n",
              "another container");
        entry("VKS_POD_UID=" UID "\nVKS_CONTAINER=web\n_SYSTEMD_UNIT=else.service\n_TRANSPORT=journal\n", "made up");
        entry("VKS_POD_UID=other\nVKS_CONTAINER=web\n_SYSTEMD_UNIT=" UNIT "\n_TRANSPORT=stdout\n", "another pod");
        entry("VKS_POD_UID=" UID "\nVKS_CONTAINER=web\n_SYSTEMD_UNIT=vks-log.service\n_TRANSPORT=journal\n", "ours");
        commit();
        alive = false;
        log_stream_poke(UID);
        run_until_ended(&res);
        cr_assert_str_eq(res.body.data, "one\ntwo\nthree\nours\n");
        buf_done(&res.body);
}

Test(logs, the_limit_holds_for_a_follower)
{
        struct log_options o = { .follow = true, .tail = -1, .limit_bytes = strlen("one\ntwo\nthree\nfo") };
        struct response res = { 0 };

        alive = true;
        three_lines();
        start(&res, &o, NULL);
        settle();
        line("four");
        line("five");
        commit();
        run_until_ended(&res);
        cr_assert_str_eq(res.body.data, "one\ntwo\nthree\nfo");
        buf_done(&res.body);
}

Test(logs, a_follower_whose_peer_left_is_gone)
{
        struct log_options o = { .follow = true, .tail = -1, .limit_bytes = -1 };
        struct response res = { 0 };

        alive = true;
        three_lines();
        for (int i = 0; i < 3 * LOG_READERS_MAX; i++) { /* or there would be too many */
                start(&res, &o, NULL);
                if (i % 2)
                        run_until_length(&res, 1);
                res.on_closed(res.userdata);
                buf_done(&res.body);
        }
}

Test(logs, of_many_readers_some_wait_for_others)
{
        static struct response res[LOG_READERS_MAX * 3];
        struct log_options o = { .follow = true, .tail = -1, .limit_bytes = -1 };
        size_t before = descriptors();

        alive = true;
        three_lines();
        for (size_t i = 0; i < ARRAY_LEN(res); i++)
                start(&res[i], i % 2 ? &o : &ALL, NULL);
        cr_assert_leq(descriptors(), before + 2 * LOG_READERS_MAX + 10);
        alive = false;
        for (size_t i = 0; i < ARRAY_LEN(res); i++) {
                run_until_ended(&res[i]);
                cr_assert_str_eq(res[i].body.data, "one\ntwo\nthree\n");
                buf_done(&res[i].body);
        }
}

Test(logs, too_many_streams_are_refused)
{
        static struct response res[LOG_STREAMS_MAX], more;
        struct log_source source = { .pod_uid = UID, .container = "web", .unit = UNIT, .directory = dir };
        struct log_options o = { .follow = true, .tail = -1, .limit_bytes = -1 };

        alive = true;
        three_lines();
        for (size_t i = 0; i < ARRAY_LEN(res); i++) {
                start(&res[i], &o, NULL);
                run_until_length(&res[i], 1);
                settle();
        }
        container_log_start(event, &more, &source, &ALL, running, &alive);
        cr_assert_eq(more.status, 429);
        for (size_t i = 0; i < ARRAY_LEN(res); i++) {
                res[i].on_closed(res[i].userdata);
                buf_done(&res[i].body);
        }
}

Test(logs, a_paused_stream_waits)
{
        struct response res = { .high = 100 * 1024 };
        char text[1001] = { 0 };
        size_t paused_at;

        memset(text, 'x', 1000);
        for (int i = 0; i < 1000; i++)
                line(text);
        commit();
        start(&res, &ALL, NULL);
        while (sd_event_run(event, 0) > 0) /* until it does nothing any more */
                ;
        cr_assert_not(res.ended);
        paused_at = res.body.len;
        cr_assert(paused_at >= res.high && paused_at < res.high + 64 * 1024);
        log_stream_poke(UID); /* changes nothing */
        while (sd_event_run(event, 0) > 0)
                ;
        cr_assert_eq(res.body.len, paused_at);
        res.high = 0;
        res.on_ready(res.userdata);
        run_until_ended(&res);
        cr_assert_eq(res.body.len, 1000 * 1001);
        buf_done(&res.body);
}

Test(logs, a_missing_journal_is_an_error)
{
        struct log_source source = { .pod_uid = UID, .container = "web", .unit = UNIT, .directory = "/nonexistent" };
        struct response res = { 0 };

        container_log_start(event, &res, &source, &ALL, running, &alive);
        cr_assert_eq(res.status, 500);
        cr_assert_str_eq(res.error, "cannot read the journal: No such file or directory");
}
