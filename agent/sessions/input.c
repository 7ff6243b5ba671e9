/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/sessions/input.h"

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/fd.h"
#include "common/log.h"
#include "common/mem.h"

struct input {
        sd_event *event;
        sd_event_source *writable; /* while something can be written */
        int fd;                    /* -1: it has ended */
        struct buf waiting;
        bool full; /* somebody was told to wait */
        bool ending, held;
        const struct input_handler *handler;
        void *userdata;
};

struct input *input_new(sd_event *event, int fd, const struct input_handler *h, void *userdata)
{
        struct input *in = NEW(struct input);

        in->event = event;
        in->fd = fd;
        in->waiting = BUF(INPUT_MAX);
        in->handler = h;
        in->userdata = userdata;
        return in;
}

struct input *input_free(struct input *in)
{
        if (!in)
                return NULL;
        sd_event_source_disable_unref(in->writable);
        fd_close(in->fd);
        buf_done(&in->waiting);
        free(in);
        return NULL;
}

static void end(struct input *in)
{
        in->writable = sd_event_source_disable_unref(in->writable);
        in->fd = fd_close(in->fd);
        buf_done(&in->waiting);
        in->handler->ended(in->userdata);
}

static int on_writable(UNUSED sd_event_source *source, int fd, uint32_t events, void *userdata)
{
        struct input *in = userdata;
        bool room;
        ssize_t n;

        /* A full terminal that nobody has open for now. To try would be told as a change in its turn. */
        if (!(events & (EPOLLOUT | EPOLLERR)))
                return 0;
        do
                n = write(fd, in->waiting.data, in->waiting.len);
        while (n < 0 && errno == EINTR);
        if (n < 0 && errno == EAGAIN)
                return 0;
        if (n < 0) /* nobody reads it any more */
                buf_done(&in->waiting);
        else
                buf_consume(&in->waiting, (size_t)n);
        room = in->full && in->waiting.len < INPUT_LOW;
        if (room)
                in->full = false;
        if (in->waiting.len == 0)
                in->writable = sd_event_source_disable_unref(in->writable);
        if (room)
                in->handler->room(in->userdata);
        if (n < 0 || (in->ending && in->waiting.len == 0))
                end(in);
        return 0;
}

/* Is there something to write, and may it be? */
static void write_if_wanted(struct input *in)
{
        if (in->fd < 0 || in->held || in->waiting.len == 0) {
                in->writable = sd_event_source_disable_unref(in->writable);
                return;
        }
        /* Changes alone are told: that nobody has a terminal open would be told without end. */
        if (!in->writable && sd_event_add_io(in->event, &in->writable, in->fd, EPOLLOUT | EPOLLET, on_writable, in) < 0)
                log_warning("the input of a program cannot be written");
}

int input_add(struct input *in, const void *p, size_t n)
{
        if (in->fd < 0 || in->ending)
                return 1;
        if (n > INPUT_MAX - in->waiting.len)
                return -ENOBUFS;
        buf_add(&in->waiting, p, n);
        write_if_wanted(in);
        in->full |= in->waiting.len > INPUT_HIGH;
        return !in->full;
}

void input_end(struct input *in)
{
        if (in->fd < 0 || in->ending)
                return;
        in->ending = true;
        if (in->waiting.len == 0)
                end(in);
}

void input_hold(struct input *in, bool held)
{
        in->held = held;
        write_if_wanted(in);
}
