/* SPDX-License-Identifier: Apache-2.0 */
/* What pods' files take, asked of a service that lives on the same loop. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "agent/machine/disk_usage.h"
#include "common/buf.h"
#include "common/fd.h"
#include "common/mem.h"

static struct {
        char dir[32], path[64];
        sd_event *event;
        int listener;
        bool mute, hangs_up; /* it says nothing; it goes in the middle of its answer */
        struct buf question;
        unsigned done;
        char said[4096];
        int error;
} t;

/* Each name is answered with its length. */
static void answer(int fd)
{
        CLEANUP(buf_done) struct buf b = BUF(1 << 20);

        for (const char *name = t.question.data; name < t.question.data + t.question.len; name += strlen(name) + 1) {
                buf_printf(&b, "%zu\t%s", strlen(name), name);
                buf_add(&b, "", 1);
        }
        if (t.hangs_up)
                b.len -= 3;
        if (send(fd, b.data, b.len, MSG_NOSIGNAL) < 0)
                cr_assert_eq(errno, EPIPE);
}

static int on_question(sd_event_source *s, int fd, UNUSED uint32_t events, UNUSED void *userdata)
{
        char chunk[1000];
        ssize_t n = recv(fd, chunk, sizeof(chunk), 0);

        cr_assert_geq(n, 0);
        buf_add(&t.question, chunk, (size_t)n);
        if (n > 0 && !t.hangs_up)
                return 0;
        if (!t.mute)
                answer(fd);
        sd_event_source_disable_unref(s);
        fd_close(fd);
        return 0;
}

static int on_connection(UNUSED sd_event_source *s, int fd, UNUSED uint32_t events, UNUSED void *userdata)
{
        int peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        sd_event_source *io;

        cr_assert_geq(peer, 0);
        cr_assert_geq(sd_event_add_io(t.event, &io, peer, EPOLLIN, on_question, NULL), 0);
        return 0;
}

static void begin(void)
{
        struct sockaddr_un addr = { .sun_family = AF_UNIX };

        strcpy(t.dir, "/tmp/usage.XXXXXX");
        cr_assert_not_null(mkdtemp(t.dir));
        snprintf(t.path, sizeof(t.path), "%s/sock", t.dir);
        memcpy(addr.sun_path, t.path, strlen(t.path) + 1);
        t.question = BUF(1 << 20);
        t.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        cr_assert_eq(bind(t.listener, (struct sockaddr *)&addr, sizeof(addr)), 0);
        cr_assert_eq(listen(t.listener, 8), 0);
        cr_assert_geq(sd_event_new(&t.event), 0);
        cr_assert_geq(sd_event_add_io(t.event, NULL, t.listener, EPOLLIN, on_connection, NULL), 0);
}

static void end(void)
{
        sd_event_unref(t.event);
        fd_close(t.listener);
        buf_done(&t.question);
        (void)unlink(t.path);
        (void)rmdir(t.dir);
}

TestSuite(disk_usage, .init = begin, .fini = end);

static void on_done(UNUSED void *userdata, const struct disk_usages *u, const struct err *err)
{
        size_t len = 0;

        t.done++;
        t.error = err ? err->code : 0;
        for (size_t i = 0; i < u->n && len < sizeof(t.said) - 300; i++)
                len += (size_t)snprintf(t.said + len, sizeof(t.said) - len, "%s=%llu ", u->list[i].path,
                                        (unsigned long long)u->list[i].bytes);
}

static void run(void)
{
        for (int i = 0; i < 10000 && !t.done; i++)
                cr_assert_geq(sd_event_run(t.event, 5 * 1000 * 1000), 0);
        cr_assert_eq(t.done, 1);
}

static char dir_a[] = "/disk/a", dir_b[] = "/memory/bb";
static char *const dirs[] = { dir_a, dir_b, NULL };

Test(disk_usage, all_that_was_asked_for_is_answered)
{
        struct err e = ERR_NONE;

        cr_assert_not_null(disk_usage_ask(t.event, t.path, dirs, on_done, NULL, &e), "%s", e.text);
        cr_assert_eq(t.done, 0, "it was called from inside");
        run();
        cr_expect_eq(t.error, 0);
        cr_expect_str_eq(t.said, "/disk/a=7 /memory/bb=10 ");
}

Test(disk_usage, a_question_may_be_larger_than_a_sockets_buffer)
{
        CLEANUP(strv_freep) char **many = NULL;
        struct err e = ERR_NONE;
        size_t n = 0;

        for (int i = 0; i < 10000; i++)
                strv_push(&many, &n, xasprintf("/disk/0f6c2a9e-1234-4abc-8def-0123456789ab/%d", i));
        cr_assert_not_null(disk_usage_ask(t.event, t.path, many, on_done, NULL, &e), "%s", e.text);
        t.mute = true;
        run();
        cr_expect_eq(t.error, 0);
        cr_expect_eq(t.question.len, 10000 * 44 + 38890, "%zu", t.question.len);
}

Test(disk_usage, what_was_told_before_the_end_counts)
{
        struct err e = ERR_NONE;

        t.hangs_up = true;
        cr_assert_not_null(disk_usage_ask(t.event, t.path, dirs, on_done, NULL, &e), "%s", e.text);
        run();
        cr_expect_str_eq(t.said, "/disk/a=7 ");
}

Test(disk_usage, who_asks_may_leave)
{
        struct err e = ERR_NONE;
        struct disk_question *q = disk_usage_ask(t.event, t.path, dirs, on_done, NULL, &e);

        cr_assert_not_null(q);
        cr_expect_null(disk_usage_cancel(q));
        cr_expect_null(disk_usage_cancel(NULL));
        for (int i = 0; i < 4; i++)
                cr_assert_geq(sd_event_run(t.event, 0), 0);
        cr_expect_eq(t.done, 0);
}

Test(disk_usage, nobody_there_is_an_error)
{
        struct err e = ERR_NONE;

        cr_expect_null(disk_usage_ask(t.event, "/nonexistent/sock", dirs, on_done, NULL, &e));
        cr_expect_eq(e.code, -ENOENT);
        cr_expect_str_eq(e.text, "what pods' files take: /nonexistent/sock: No such file or directory");
        cr_expect_null(disk_usage_ask(t.event, t.path, (char *const[]){ NULL }, on_done, NULL, &e));
}

Test(disk_usage, what_is_no_record_is_passed_over)
{
        static const struct {
                const char *text;
                size_t size;
                const char *is;
        } rows[] = {
#define TEXT(t) t, sizeof(t) - 1
                { TEXT(""), "" },
                { TEXT("1\t/a\0"), "/a=1 " },
                { TEXT("1\t/a\0002\t/b"), "/a=1 " },
                { TEXT("\0\0x\t/a\0-1\t/a\0 1\t/a\0001 /a\0003\t/c\0"), "/c=3 " },
                { TEXT("18446744073709551615\t/a\00018446744073709551616\t/b\0"), "/a=18446744073709551615 " },
                { TEXT("1\t\0"), "=1 " },
                { TEXT("4096\t/with\ttab\nand newline\0"), "/with\ttab\nand newline=4096 " },
#undef TEXT
        };

        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                CLEANUP(disk_usages_done) struct disk_usages u = { 0 };

                *t.said = '\0';
                disk_usages_parse(rows[i].text, rows[i].size, &u);
                on_done(NULL, &u, NULL);
                cr_expect_str_eq(t.said, rows[i].is, "row %zu: %s", i, t.said);
        }
}
