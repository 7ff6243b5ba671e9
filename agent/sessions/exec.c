/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/sessions/exec.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "agent/lib/retry.h"
#include "agent/sessions/input.h"
#include "agent/sessions/terminal.h"
#include "common/buf.h"
#include "common/fd.h"
#include "common/log.h"
#include "common/mem.h"

enum {
        PART = 32 * 1024,
        LAST_WORDS_USEC = 5 * 1000 * 1000,
};

/* What the command writes: from a descriptor to a stream. */
struct output {
        struct exec_session *session;
        struct stream *to;
        sd_event_source *io; /* NULL: it has ended, or there is none */
};

struct exec_session {
        sd_event *event;
        struct commands *commands;
        struct pods *pods;
        char *namespace, *pod, *container, *user;
        char **argv;
        struct streams_wish wish;

        struct streams *streams;
        struct command *command; /* NULL: not begun, or it has ended */
        int terminal, out, err;  /* our ends */
        bool hung;               /* of the terminal: terminal_set_hung() */
        struct output outputs[2];
        sd_event_source *last_words; /* of a terminal whose command has ended; NULL: it has not */
        struct input *in;            /* NULL: none is wished, or the command is not begun */
        struct buf size;             /* a change of the terminal's size that is not complete */
        int exit_code;
        char *text;
};

struct exec_session *exec_session_new(sd_event *event, struct commands *commands, struct pods *pods,
                                      const struct pods_container *where, char **argv, const char *user,
                                      const struct streams_wish *wish)
{
        struct exec_session *s = NEW(struct exec_session);

        s->event = event;
        s->commands = commands;
        s->pods = pods;
        s->namespace = xstrdup(where->pod->id.namespace);
        s->pod = xstrdup(where->pod->id.name);
        s->container = xstrdup(where->container->name);
        s->user = xstrdup(user);
        s->argv = argv;
        s->wish = *wish;
        s->terminal = s->out = s->err = -1;
        s->size = BUF(TERMINAL_SIZE_MAX);
        return s;
}

struct exec_session *exec_session_free(struct exec_session *s)
{
        if (!s)
                return NULL;
        command_give_up(s->command);
        for (size_t i = 0; i < ARRAY_LEN(s->outputs); i++)
                sd_event_source_disable_unref(s->outputs[i].io);
        sd_event_source_disable_unref(s->last_words);
        input_free(s->in);
        fd_close(s->terminal);
        fd_close(s->out);
        fd_close(s->err);
        buf_done(&s->size);
        strv_free(s->argv);
        free(s->namespace);
        free(s->pod);
        free(s->container);
        free(s->user);
        free(s->text);
        free(s);
        return NULL;
}

void exec_session_give(struct exec_session *s, struct streams *streams)
{
        s->streams = streams;
}

/* Everything has come to its end: the client is told how. */
static void finish_if_over(struct exec_session *s)
{
        if (s->command || s->outputs[0].io || s->outputs[1].io)
                return;
        streams_status(s->streams, s->exit_code, s->text);
        streams_finish(s->streams);
        exec_session_free(s);
}

static void give_up(struct exec_session *s, const char *why)
{
        streams_status(s->streams, -1, why);
        streams_finish(s->streams);
        exec_session_free(s);
}

/* ---- from the command to the client ------------------------------------------------------------------------------ */

static int on_output(UNUSED sd_event_source *source, int fd, UNUSED uint32_t events, void *userdata)
{
        struct output *o = userdata;
        struct exec_session *s = o->session;
        char part[PART];
        ssize_t n = read(fd, part, sizeof(part));

        bool over = n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);

        if (n > 0 && !stream_write(o->to, part, (size_t)n))
                sd_event_source_set_enabled(o->io, SD_EVENT_OFF);
        if (s->terminal >= 0) /* EIO: nobody has it open, and the command may open it again */
                terminal_set_hung(o->io, &s->hung, over && s->command);
        if (over && !s->hung) {
                o->io = sd_event_source_disable_unref(o->io);
                finish_if_over(s);
        }
        return 0;
}

static void on_drain(void *userdata)
{
        struct exec_session *s = userdata;

        for (size_t i = 0; i < ARRAY_LEN(s->outputs); i++)
                if (s->outputs[i].io)
                        sd_event_source_set_enabled(s->outputs[i].io, SD_EVENT_ON);
}

static int add_output(struct exec_session *s, size_t i, int fd, enum stream_kind kind)
{
        struct output *o = &s->outputs[i];

        *o = (struct output){ .session = s, .to = streams_find(s->streams, kind) };
        return fd < 0 || !o->to ? 0 : sd_event_add_io(s->event, &o->io, fd, EPOLLIN, on_output, o);
}

/* ---- from the client to the command ------------------------------------------------------------------------------ */

static void on_room(void *userdata)
{
        struct exec_session *s = userdata;

        streams_resume(s->streams);
}

static void on_input_ended(UNUSED void *userdata)
{
        /* what still comes for it is nobody's */
}

static const struct input_handler input_handler = { .room = on_room, .ended = on_input_ended };

static void on_data(void *userdata, struct stream *stream, const void *p, size_t n)
{
        struct exec_session *s = userdata;
        int r;

        if (stream_kind(stream) == STREAM_RESIZE)
                terminal_resize(s->terminal, &s->size, p, n);
        if (stream_kind(stream) != STREAM_STDIN || !s->in)
                return;
        r = input_add(s->in, p, n);
        if (r < 0)
                give_up(s, "too much input at a time");
        else if (r == 0)
                streams_pause(s->streams);
}

static void on_ended_stream(void *userdata, struct stream *stream)
{
        struct exec_session *s = userdata;

        /* a terminal stays: a half of it cannot be closed */
        if (stream_kind(stream) == STREAM_STDIN && s->in)
                input_end(s->in);
}

/* ---- the beginning and the end ----------------------------------------------------------------------------------- */

/*
 * All of the command's processes are gone, and what they wrote was read: whoever has the terminal open all the same
 * (PID 1, or somebody whom it was handed to) will write nothing of the command's, and its client is not to wait for
 * him.
 */
static int on_last_words(sd_event_source *source, UNUSED uint64_t usec, void *userdata)
{
        struct exec_session *s = userdata;

        if (sd_event_source_get_enabled(s->outputs[0].io, NULL) == SD_EVENT_OFF) { /* the client has not read it yet */
                sd_event_source_set_time_relative(source, LAST_WORDS_USEC);
                sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
                return 0;
        }
        log_warning("%s/%s: a command beside container %s has ended, and its terminal is open still", s->namespace,
                    s->pod, s->container);
        s->outputs[0].io = sd_event_source_disable_unref(s->outputs[0].io);
        finish_if_over(s);
        return 0;
}

static void on_command_ended(void *userdata, int exit_code, const char *text)
{
        struct exec_session *s = userdata;

        s->command = NULL;
        s->exit_code = exit_code;
        s->text = xstrdup(text);
        if (s->terminal >= 0 && exit_code < 0) /* nobody ever had it open, so no end of it will be seen */
                s->outputs[0].io = sd_event_source_disable_unref(s->outputs[0].io);
        else if (s->terminal >= 0 && s->outputs[0].io) {
                terminal_set_hung(s->outputs[0].io, &s->hung, false);
                timer_arm(s->event, &s->last_words, CLOCK_MONOTONIC, LAST_WORDS_USEC, on_last_words, s);
        }
        finish_if_over(s);
}

/* `ret`: the command's end, blocking as programs expect it. Ours does not block. */
static int make_pipe(bool wanted, bool to_command, int *ours, int *ret)
{
        int ends[2];

        if (!wanted)
                return *ret = open("/dev/null", O_RDWR | O_CLOEXEC);
        if (pipe2(ends, O_CLOEXEC) < 0)
                return -errno;
        *ours = ends[to_command];
        *ret = ends[!to_command];
        return fcntl(*ours, F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;
}

static int make_streams(struct exec_session *s, int ret[static 3])
{
        FD in = -1;
        int r;

        if (s->wish.tty) {
                r = terminal_new(&s->terminal, &ret[0]);
                if (r >= 0 && s->wish.in) /* once more: an event source wants a descriptor for itself */
                        r = in = fcntl(s->terminal, F_DUPFD_CLOEXEC, 3);
                for (size_t i = 1; i < 3 && r >= 0; i++)
                        r = ret[i] = fcntl(ret[0], F_DUPFD_CLOEXEC, 3);
        } else {
                r = make_pipe(s->wish.in, true, &in, &ret[0]);
                if (r >= 0)
                        r = make_pipe(s->wish.out, false, &s->out, &ret[1]);
                if (r >= 0)
                        r = make_pipe(s->wish.err, false, &s->err, &ret[2]);
        }
        if (r >= 0 && in >= 0)
                s->in = input_new(s->event, fd_take(&in), &input_handler, s);
        return r;
}

/* What came for a terminal before PID 1 had made it the command's may go there now. */
static void on_command_begun(void *userdata)
{
        struct exec_session *s = userdata;

        if (s->in)
                input_hold(s->in, false);
}

static void on_ready(void *userdata)
{
        struct exec_session *s = userdata;
        struct pods_container where;
        int streams[3] = { -1, -1, -1 }, r;

        /* the pod may be another by now: the client had half a minute to open its streams */
        if (!pods_find_container(s->pods, s->namespace, s->pod, s->container, &where) ||
            !pods_is_running(s->pods, where.pod->id.uid, s->container)) {
                give_up(s, "the container has ended");
                return;
        }
        if (!*s->argv[0]) {
                give_up(s, "command: there is no program \"\"");
                return;
        }
        r = make_streams(s, streams);
        if (r >= 0)
                r = add_output(s, 0, s->wish.tty ? s->terminal : s->out, STREAM_STDOUT);
        if (r >= 0)
                r = add_output(s, 1, s->err, STREAM_STDERR);
        if (r < 0) {
                for (size_t i = 0; i < ARRAY_LEN(streams); i++)
                        fd_close(streams[i]);
                give_up(s, "no pipe or terminal could be made for the command");
                return;
        }
        s->command = command_start(s->commands, &where, s->argv, s->user, streams, on_command_ended, s);
        if (s->in && s->wish.tty) {
                /* systemd up to 255 empties a terminal of what was typed when it makes it a command's */
                input_hold(s->in, true);
                command_tell_begin(s->command, on_command_begun);
        }
}

static void on_closed(void *userdata)
{
        exec_session_free(userdata);
}

const struct streams_handler exec_session_handler = {
        .ready = on_ready,
        .data = on_data,
        .ended = on_ended_stream,
        .drain = on_drain,
        .closed = on_closed,
};
