/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers to /logs/ out of journals that systemd-journal-remote(8) writes from its export format, and out of a folder
 * of the test's. The response is a buffer.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <inttypes.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/server/http1.h"
#include "agent/server/node_logs.h"
#include "common/buf.h"
#include "common/mem.h"

/* ---- a response -------------------------------------------------------------------------------------------------- */

struct response {
        struct buf body;
        char type[64], location[1024];
        int status;
        bool started, ended, slow;
        void (*on_ready)(void *);
        void (*on_closed)(void *);
        void *userdata;
};

void response_error(struct response *res, int status, const char *fmt, ...)
{
        char text[1024];
        va_list ap;

        va_start(ap, fmt);
        vsnprintf(text, sizeof(text), fmt, ap);
        va_end(ap);
        buf_str(&res->body, text);
        res->status = status;
        res->ended = true;
}

void response_moved(struct response *res, const char *location)
{
        snprintf(res->location, sizeof(res->location), "%s", location);
        res->status = 301;
        res->ended = true;
}

void response_start(struct response *res, const char *content_type, void (*on_ready)(void *), void (*on_closed)(void *),
                    void *userdata)
{
        snprintf(res->type, sizeof(res->type), "%s", content_type);
        res->started = true;
        res->status = 200;
        res->on_ready = on_ready;
        res->on_closed = on_closed;
        res->userdata = userdata;
}

bool response_write(struct response *res, const void *p, size_t n)
{
        cr_assert(res->started && !res->ended && n > 0);
        buf_add(&res->body, p, n);
        return !res->slow;
}

void response_end(struct response *res)
{
        cr_assert(res->started && !res->ended);
        res->ended = true;
}

/* ---- a journal and a folder -------------------------------------------------------------------------------------- */

static const uint64_t T0 = 1767366245123456; /* 2026-01-02T15:04:05.123456Z */
static char dir[] = "/tmp/test_node_logs.XXXXXX", folder[sizeof(dir) + 16], journal[sizeof(dir) + 16];
static struct buf export = { .max = 64 * 1024 * 1024 };
static uint64_t clock_usec;
static const char *boot;
static const char this_boot[] = "33333333333333333333333333333333";
static struct node_logs logs;

static void setup(void)
{
        cr_assert(mkdtemp(dir));
        snprintf(folder, sizeof(folder), "%s/log", dir);
        snprintf(journal, sizeof(journal), "%s/journal", dir);
        cr_assert(mkdir(folder, 0755) == 0 && mkdir(journal, 0755) == 0);
        boot = this_boot;
        clock_usec = T0;
        logs = (struct node_logs){ .enabled = true, .queries = true, .folder = folder, .journal = journal };
        sd_event_new(&logs.event);
}

static void teardown(void)
{
        char *argv[] = { (char *)"rm", (char *)"-rf", dir, NULL };
        pid_t pid;

        cr_assert_eq(posix_spawn(&pid, "/bin/rm", NULL, NULL, argv, environ), 0);
        cr_assert_eq(waitpid(pid, NULL, 0), pid);
        buf_done(&export);
        sd_event_unref(logs.event);
}

TestSuite(node_logs, .init = setup, .fini = teardown, .timeout = 600);

/* A second after the last one. */
static void entry(const char *fields, const char *message)
{
        uint64_t n = strlen(message);

        buf_printf(&export,
                   "__REALTIME_TIMESTAMP=%" PRIu64 "\n__MONOTONIC_TIMESTAMP=%" PRIu64
                   "\n_BOOT_ID=%s\n_HOSTNAME=host\n%sMESSAGE\n",
                   clock_usec, clock_usec - T0 + 1000, boot, fields);
        buf_add(&export, &n, sizeof(n));
        buf_add(&export, message, n);
        buf_str(&export, "\n\n");
        clock_usec += 1000000;
}

static void ssh(const char *message)
{
        entry("_SYSTEMD_UNIT=ssh.service\nSYSLOG_IDENTIFIER=sshd\n_COMM=sshd\n_PID=42\n", message);
}

static void commit(void)
{
        char output[256], input[256];
        char *argv[] = { (char *)"systemd-journal-remote", output, input, NULL };
        posix_spawn_file_actions_t quiet;
        int status = -1;
        pid_t pid;
        FILE *f;

        snprintf(output, sizeof(output), "--output=%s/test.journal", journal);
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

static void file(const char *name, const char *content)
{
        CLEANUP(freep) char *path = xasprintf("%s/%s", folder, name);
        FILE *f = fopen(path, "w");

        cr_assert(f && fwrite(content, 1, strlen(content), f) == strlen(content) && fclose(f) == 0);
}

static void ask(const char *target, struct response *res)
{
        CLEANUP(freep) char *text = xasprintf("GET %s HTTP/1.1\r\nHost: n\r\n\r\n", target);
        struct http_head h;
        struct err e = ERR_NONE;

        *res = (struct response){ .body = BUF(64 * 1024 * 1024), .slow = res->slow };
        buf_str(&res->body, "");
        cr_assert_eq(http_head_parse(text, strlen(text), &h, &e), 0, "%s", e.text);
        node_logs_answer(&logs, &h.request, res);
        http_head_done(&h);
}

static void expect(const char *target, int status, const char *want)
{
        struct response res = { 0 };

        ask(target, &res);
        while (!res.ended)
                cr_assert_geq(sd_event_run(logs.event, UINT64_MAX), 0);
        cr_expect_eq(res.status, status, "%s: %d", target, res.status);
        cr_expect_str_eq(res.body.data, want, "%s: \"%s\"", target, res.body.data);
        cr_expect_eq(logs.under_way, 0);
        buf_done(&res.body);
}

static void expect_moved(const char *target, const char *location)
{
        struct response res = { 0 };

        ask(target, &res);
        cr_expect_eq(res.status, 301, "%s: %d", target, res.status);
        cr_expect_str_eq(res.location, location, "%s: %s", target, res.location);
        cr_expect_eq(logs.under_way, 0);
        buf_done(&res.body);
}

#define AT(second) "Jan 02 15:04:" #second ".123456 host "

/* ---- units ------------------------------------------------------------------------------------------------------- */

Test(node_logs, lines_of_a_unit_and_about_it)
{
        ssh("one");
        entry("_SYSTEMD_UNIT=other.service\nSYSLOG_IDENTIFIER=other\n_PID=1\n", "another's");
        entry("_PID=1\nUNIT=ssh.service\nSYSLOG_IDENTIFIER=systemd\n", "Started.");
        entry("_PID=7\n_UID=0\nOBJECT_SYSTEMD_UNIT=ssh.service\nSYSLOG_IDENTIFIER=vks-log\n", "of root's");
        entry("_PID=7\n_UID=5\nOBJECT_SYSTEMD_UNIT=ssh.service\nSYSLOG_IDENTIFIER=forger\n", "a forger's");
        entry("_PID=8\nUNIT=ssh.service\nSYSLOG_IDENTIFIER=forger\n", "a forger's");
        entry("_SYSTEMD_UNIT=ssh.service\n_COMM=sshd\n", "a\nb \n");
        entry("_SYSTEMD_UNIT=ssh.service\n_COMM=sshd\n_PID=3\n", "\x1b[31mred");
        commit();
        expect("/logs/?query=ssh", 200,
               AT(05) "sshd[42]: one\n" AT(07) "systemd[1]: Started.\n" AT(08) "vks-log[7]: of root's\n" AT(
                       11) "sshd: a\n"
                           "                                  "
                           "b\n" AT(12) "sshd[3]: [8B blob data]\n");
        expect("/logs/?query=other.service", 200, AT(06) "other[1]: another's\n");
        expect("/logs/?query=ssh&query=other&tailLines=1&untilTime=2026-01-02T15:04:06.5Z", 200,
               AT(06) "other[1]: another's\n");
}

Test(node_logs, a_span_of_time)
{
        for (const char *s = "a\0b\0c\0d\0"; *s; s += 2)
                ssh(s);
        commit();
        expect("/logs/?query=ssh&sinceTime=2026-01-02T15:04:06.5Z", 200, AT(07) "sshd[42]: c\n" AT(08) "sshd[42]: d\n");
        expect("/logs/?query=ssh&untilTime=2026-01-02T15:04:06.5Z", 200, AT(05) "sshd[42]: a\n" AT(06) "sshd[42]: b\n");
        expect("/logs/?query=ssh&sinceTime=2026-01-02T15:04:06.123456Z&untilTime=2026-01-02T15:04:07.123456Z", 200,
               AT(06) "sshd[42]: b\n" AT(07) "sshd[42]: c\n");
        expect("/logs/?query=ssh&sinceTime=2030-01-01T00:00:00Z", 200, "-- No entries --\n");
}

Test(node_logs, the_last_lines)
{
        for (const char *s = "a\0b\0c\0d\0"; *s; s += 2)
                ssh(s);
        commit();
        expect("/logs/?query=ssh&tailLines=2", 200, AT(07) "sshd[42]: c\n" AT(08) "sshd[42]: d\n");
        expect("/logs/?query=ssh&tailLines=1&untilTime=2026-01-02T15:04:07Z", 200, AT(06) "sshd[42]: b\n");
        expect("/logs/?query=ssh&tailLines=9&sinceTime=2026-01-02T15:04:08Z", 200, AT(08) "sshd[42]: d\n");
        expect("/logs/?query=ssh&tailLines=0", 200, "-- No entries --\n");
        expect("/logs/?query=ssh&tailLines=100&untilTime=2026-01-02T15:04:05.2Z", 200, AT(05) "sshd[42]: a\n");
        expect("/logs/?query=ssh&tailLines=100&untilTime=2026-01-01T15:04:05Z", 200, "-- No entries --\n");
}

Test(node_logs, a_pattern)
{
        for (const char *s = "Failed\0good\0failed\0good\0"; *s; s += strlen(s) + 1)
                ssh(s);
        commit();
        expect("/logs/?query=ssh&pattern=failed", 200, AT(05) "sshd[42]: Failed\n" AT(07) "sshd[42]: failed\n");
        expect("/logs/?query=ssh&pattern=F%5Ba-z%5D%2B", 200, AT(05) "sshd[42]: Failed\n");
        expect("/logs/?query=ssh&pattern=failed&tailLines=1", 200, AT(07) "sshd[42]: failed\n");
        expect("/logs/?query=ssh&pattern=nobody", 200, "-- No entries --\n");
        expect("/logs/?query=ssh&pattern=nobody&tailLines=3", 200, "-- No entries --\n");
}

Test(node_logs, what_a_pattern_cannot_be_sought_in_is_left_out_and_that_is_said)
{
        ssh("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaac");
        ssh("ab");
        commit();
        expect("/logs/?query=ssh&pattern=(a%2B)%2B%5Bbd%5D", 200,
               AT(06) "sshd[42]: ab\n-- Some messages are left out: to seek this pattern in them takes too long --\n");
}

Test(node_logs, boots)
{
        CLEANUP(freep)
        char *both = xasprintf(AT(05) "sshd[42]: first\n-- Boot %s --\n" AT(07) "sshd[42]: now\n", this_boot);

        boot = "11111111111111111111111111111111";
        ssh("first");
        boot = "22222222222222222222222222222222";
        entry("_SYSTEMD_UNIT=other.service\nSYSLOG_IDENTIFIER=other\n", "a boot without ssh");
        boot = this_boot;
        ssh("now");
        commit();
        expect("/logs/?query=ssh&boot=0", 200, AT(07) "sshd[42]: now\n");
        expect("/logs/?query=ssh&boot=-1", 200, "-- No entries --\n");
        expect("/logs/?query=ssh&boot=-2", 200, AT(05) "sshd[42]: first\n");
        expect("/logs/?query=ssh&boot=-3", 200, "the journal has nothing of that boot\n");
        expect("/logs/?query=ssh&boot=-100000", 200, "the journal has nothing of that boot\n");
        expect("/logs/?query=ssh", 200, both);
}

Test(node_logs, a_long_journal_waits_for_its_reader)
{
        struct response res = { .slow = true };
        size_t n;

        for (int i = 0; i < 3000; i++)
                ssh("a line of the journal that is as long as such lines are, give or take some");
        commit();
        ask("/logs/?query=ssh", &res);
        while (res.body.len == 0)
                cr_assert_geq(sd_event_run(logs.event, UINT64_MAX), 0);
        n = res.body.len;
        cr_expect_leq(n, 64 * 1024);
        cr_expect_eq(sd_event_run(logs.event, 100000), 0, "it waits");
        while (!res.ended) {
                res.on_ready(res.userdata);
                cr_assert_geq(sd_event_run(logs.event, UINT64_MAX), 0);
        }
        cr_expect_gt(res.body.len, 3000 * 80);
        buf_done(&res.body);
}

Test(node_logs, a_reader_that_goes_is_forgotten)
{
        struct response res = { 0 };

        ssh("one");
        commit();
        ask("/logs/?query=ssh", &res);
        cr_assert_eq(logs.under_way, 1);
        res.on_closed(res.userdata);
        cr_expect_eq(logs.under_way, 0);
        cr_expect_eq(sd_event_run(logs.event, 1000), 0);
        buf_done(&res.body);
}

Test(node_logs, an_answer_has_a_time)
{
        struct response res = { .slow = true };

        logs.deadline_ms = 20;
        for (int i = 0; i < 1000; i++)
                ssh("more than a client takes that does not read");
        commit();
        ask("/logs/?query=ssh", &res);
        while (!res.ended)
                cr_assert_geq(sd_event_run(logs.event, UINT64_MAX), 0);
        cr_expect(strstr(res.body.data, "error: it took too long"), "%s", res.body.data);
        buf_done(&res.body);
}

Test(node_logs, there_are_only_so_many)
{
        struct response res[NODE_LOGS_MAX + 1] = { 0 };

        ssh("one");
        commit();
        for (size_t i = 0; i < ARRAY_LEN(res); i++)
                ask("/logs/?query=ssh", &res[i]);
        cr_expect_eq(res[NODE_LOGS_MAX].status, 429);
        for (size_t i = 0; i < NODE_LOGS_MAX; i++) {
                res[i].on_closed(res[i].userdata);
                buf_done(&res[i].body);
        }
        buf_done(&res[NODE_LOGS_MAX].body);
        expect("/logs/?query=ssh", 200, AT(05) "sshd[42]: one\n");
}

/* ---- files ------------------------------------------------------------------------------------------------------- */

Test(node_logs, files_and_folders)
{
        CLEANUP(freep)
        char *inner = xasprintf("%s/apt", folder), *link = xasprintf("%s/out", folder),
             *fifo = xasprintf("%s/fifo", folder), *within = xasprintf("%s/within", folder);

        file("syslog", "some text\n");
        file("a&b <c>", "x");
        file("cut", "");
        cr_assert(mkdir(inner, 0755) == 0 && symlink("/etc/passwd", link) == 0 && mkfifo(fifo, 0644) == 0);
        cr_assert_eq(symlink("syslog", within), 0);
        file("apt/history.log", "installed\n");
        expect("/logs/syslog", 200, "some text\n");
        expect("/logs/cut", 200, "");
        expect("/logs/within", 403, "within: a link is not followed");
        expect("/logs//apt/./history.log", 200, "installed\n");
        expect("/logs/apt/history.log", 200, "installed\n");
        expect("/logs/", 200,
               "<!doctype html>\n<meta name=\"viewport\" content=\"width=device-width\">\n<pre>\n"
               "<a href=\"a%26b%20%3Cc%3E\">a&amp;b &lt;c&gt;</a>\n<a href=\"apt/\">apt/</a>\n"
               "<a href=\"cut\">cut</a>\n<a href=\"fifo\">fifo</a>\n<a href=\"out\">out</a>\n"
               "<a href=\"syslog\">syslog</a>\n<a href=\"within\">within</a>\n</pre>\n");
        expect("/logs/nothing", 404, "nothing: No such file or directory");
        expect("/logs/syslog/x", 404, "syslog/x: Not a directory");
}

Test(node_logs, no_way_leads_out)
{
        CLEANUP(freep) char *link = xasprintf("%s/out", folder), *fifo = xasprintf("%s/fifo", folder);
        static const char *const targets[] = { "/logs/out",           "/logs/../export",      "/logs/..",
                                               "/logs/%2e%2e/export", "/logs/x/../../export", "/logs/out/passwd" };
        struct response res = { 0 };

        cr_assert(symlink("/etc", link) == 0 && mkfifo(fifo, 0644) == 0);
        ssh("one");
        commit(); /* which leaves `export` */
        for (size_t i = 0; i < ARRAY_LEN(targets); i++) {
                ask(targets[i], &res);
                cr_expect(res.status == 403 || res.status == 404, "%s: %d %s", targets[i], res.status, res.body.data);
                buf_done(&res.body);
        }
        expect("/logs/fifo", 403, "fifo is neither a file nor a folder");
        ask("/logs/?query=../export", &res);
        cr_expect_eq(res.status, 406, "%s", res.body.data);
        buf_done(&res.body);
        ask("/logs/?query=..", &res);
        while (!res.ended)
                cr_assert_geq(sd_event_run(logs.event, UINT64_MAX), 0);
        cr_expect(starts_with(res.body.data, "\nerror getting log for ..: ..: .. is not followed"), "%s",
                  res.body.data);
        buf_done(&res.body);
}

Test(node_logs, addresses_of_folders_end_with_a_slash)
{
        CLEANUP(freep) char *inner = xasprintf("%s/a b", folder);

        file("syslog", "some text\n");
        cr_assert_eq(mkdir(inner, 0755), 0);
        expect_moved("/logs", "logs/");
        expect_moved("/logs/a%20b", "a%20b/");
        expect_moved("/logs/syslog/", "../syslog");
}

Test(node_logs, a_service_may_have_a_file)
{
        CLEANUP(freep) char *inner = xasprintf("%s/deep", folder);

        cr_assert_eq(mkdir(inner, 0755), 0);
        file("plain", "plain\n");
        file("dotted.log", "dotted\n");
        file("deep/deep.log", "deep\n");
        ssh("one");
        commit();
        expect("/logs/?query=plain", 200, "plain\n");
        expect("/logs/?query=dotted", 200, "dotted\n");
        expect("/logs/?query=deep", 200, "deep\n");
        expect("/logs/?query=nobody", 200, "\nlog not found for nobody\n");
        expect("/logs/?query=plain&query=ssh&query=deep", 200, AT(05) "sshd[42]: one\nplain\ndeep\n");
        expect("/logs/?query=plain&query=deep&tailLines=1", 200,
               "\noptions present and query resolved to log files for [plain deep]\ntry without specifying options\n");
        expect("/logs/?query=/deep/deep.log", 200, "deep\n");
        expect("/logs/?query=deep%5Cdeep.log", 200, "deep\n");
        expect("/logs/?query=/nobody", 406, "nobody: No such file or directory");
}

Test(node_logs, it_can_be_turned_off)
{
        file("syslog", "some text\n");
        logs.queries = false;
        expect("/logs/syslog?query=ssh&tailLines=x", 200, "some text\n");
        logs.enabled = false;
        expect("/logs/syslog", 405, "logs endpoint is disabled.");
}

Test(node_logs, a_large_file_comes_in_pieces)
{
        CLEANUP(freep) char *large = xcalloc(1024 * 1024 + 1, 1);
        struct response res = { .slow = true };

        memset(large, 'x', 1024 * 1024);
        file("large", large);
        ask("/logs/large", &res);
        while (res.body.len == 0)
                cr_assert_geq(sd_event_run(logs.event, UINT64_MAX), 0);
        cr_expect_eq(res.body.len, 32 * 1024);
        while (!res.ended) {
                res.on_ready(res.userdata);
                cr_assert_geq(sd_event_run(logs.event, UINT64_MAX), 0);
        }
        cr_expect_eq(res.body.len, 1024 * 1024);
        buf_done(&res.body);
}
