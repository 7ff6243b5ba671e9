/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/machine/disk_usage.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "common/buf.h"
#include "common/fd.h"
#include "common/mem.h"

enum {
        QUESTION_MAX = 1024 * 1024,
        ANSWER_MAX = 4 * 1024 * 1024,
        TIMEOUT_USEC = 150 * 1000 * 1000, /* RuntimeMaxSec= of the service ends it before */
        CHUNK = 16 * 1024,
};

struct disk_question {
        sd_event_source *io, *timer;
        int sock;
        struct buf question, answer;
        disk_usage_done done;
        void *userdata;
};

void disk_usages_parse(const char *text, size_t size, struct disk_usages *ret)
{
        const char *end = text + size, *nul;

        for (; text < end && (nul = memchr(text, '\0', (size_t)(end - text))); text = nul + 1) {
                char *after;
                uint64_t bytes;

                errno = 0;
                bytes = strtoull(text, &after, 10);
                if (*text < '0' || *text > '9' || *after != '\t' || errno)
                        continue;
                ret->list = xrealloc(ret->list, ret->n + 1, sizeof(*ret->list));
                ret->list[ret->n++] = (struct disk_usage){ .path = xstrdup(after + 1), .bytes = bytes };
        }
}

void disk_usages_done(struct disk_usages *u)
{
        for (size_t i = 0; i < u->n; i++)
                free(u->list[i].path);
        free(u->list);
        *u = (struct disk_usages){ 0 };
}

struct disk_question *disk_usage_cancel(struct disk_question *q)
{
        if (!q)
                return NULL;
        sd_event_source_disable_unref(q->io);
        sd_event_source_disable_unref(q->timer);
        fd_close(q->sock);
        buf_done(&q->question);
        buf_done(&q->answer);
        free(q);
        return NULL;
}
DEFINE_FREEP(struct disk_question, disk_usage_cancel)

static void finish(struct disk_question *question, int error, const char *what)
{
        CLEANUP(disk_usage_cancelp) struct disk_question *q = question;
        CLEANUP(disk_usages_done) struct disk_usages u = { 0 };
        struct err e = ERR_NONE;

        if (error < 0)
                err_errno(&e, error, NULL, "what pods' files take: %s", what);
        if (q->answer.len)
                disk_usages_parse(q->answer.data, q->answer.len, &u);
        q->done(q->userdata, &u, error < 0 ? &e : NULL);
}

static int on_timeout(UNUSED sd_event_source *source, UNUSED uint64_t usec, void *userdata)
{
        finish(userdata, -ETIMEDOUT, DISK_USAGE_SOCKET);
        return 0;
}

/* 1: there is more to write, 0: all is written. */
static int write_question(struct disk_question *q)
{
        while (q->question.len) {
                ssize_t n = send(q->sock, q->question.data, q->question.len, MSG_NOSIGNAL);

                if (n < 0)
                        return errno == EAGAIN || errno == EINTR ? 1 : -errno;
                buf_consume(&q->question, (size_t)n);
        }
        return shutdown(q->sock, SHUT_WR) < 0 ? -errno : 0;
}

/* 1: there may be more to come, 0: that was all. */
static int read_answer(struct disk_question *q)
{
        for (;;) {
                char chunk[CHUNK];
                ssize_t n = recv(q->sock, chunk, sizeof(chunk), 0);

                if (n == 0)
                        return 0;
                if (n < 0)
                        return errno == EAGAIN || errno == EINTR ? 1 : -errno;
                buf_add(&q->answer, chunk, (size_t)n);
                if (!buf_ok(&q->answer))
                        return -E2BIG;
        }
}

static int on_io(UNUSED sd_event_source *source, UNUSED int fd, uint32_t events, void *userdata)
{
        struct disk_question *q = userdata;
        int r = 0;

        if (events & EPOLLOUT && q->question.len)
                r = write_question(q); /* at its end the service sees that this was all */
        if (r == 0 && !q->question.len)
                sd_event_source_set_io_events(q->io, EPOLLIN);
        if (r >= 0)
                r = read_answer(q);
        if (r <= 0)
                finish(q, r, "reading the answer");
        return 0;
}

static int open_socket(const char *path)
{
        struct sockaddr_un addr = { .sun_family = AF_UNIX };
        FD fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        if (fd < 0)
                return -errno;
        if (!str_copy(addr.sun_path, sizeof(addr.sun_path), path, path + strlen(path)))
                return -ENAMETOOLONG;
        return connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 ? -errno : fd_take(&fd);
}

struct disk_question *disk_usage_ask(sd_event *event, const char *socket_path, char *const *dirs, disk_usage_done done,
                                     void *userdata, struct err *e)
{
        CLEANUP(disk_usage_cancelp) struct disk_question *q = NEW(struct disk_question);
        int r;

        q->done = done;
        q->userdata = userdata;
        q->question = BUF(QUESTION_MAX);
        q->answer = BUF(ANSWER_MAX);
        for (; *dirs; dirs++)
                buf_add(&q->question, *dirs, strlen(*dirs) + 1);
        r = q->sock = open_socket(socket_path);
        if (r >= 0)
                r = buf_ok(&q->question) && q->question.len ? 0 : -EINVAL;
        if (r == 0)
                r = sd_event_add_io(event, &q->io, q->sock, EPOLLIN | EPOLLOUT, on_io, q);
        if (r >= 0)
                r = sd_event_add_time_relative(event, &q->timer, CLOCK_MONOTONIC, TIMEOUT_USEC, 1000 * 1000, on_timeout,
                                               q);
        if (r < 0) {
                err_errno(e, r, NULL, "what pods' files take: %s", socket_path);
                return NULL;
        }
        return TAKE(q);
}
