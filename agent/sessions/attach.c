/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/sessions/attach.h"

#include <stdio.h>

#include "agent/lib/times.h"
#include "agent/logs/log_stream.h"
#include "agent/sessions/terminal.h"
#include "common/buf.h"
#include "common/mem.h"

/* A container that has just begun gets its console in a moment, or it gets none: vks-exec waits no longer for it. */
enum { CONSOLE_PATIENCE_USEC = 5 * 1000 * 1000 };

struct attach_session {
        sd_event *event;
        sd_event_source *patience; /* with a console that does not come */
        struct console_wait wait;
        bool waits, impatient;
        struct consoles *consoles;
        struct pods *pods;
        char *namespace, *pod, *container;
        struct streams_wish wish;
        bool once; /* the container's input ends with the first session that had it */

        struct streams *streams;
        struct console *console;  /* NULL: it has none, or none any more */
        struct console_user user; /* of it */
        struct log_stream *lines; /* of a container without a terminal; NULL: they have ended */
        struct buf size;          /* a change of the terminal's size that is not complete */
};

struct attach_session *attach_session_new(sd_event *event, struct consoles *consoles, struct pods *pods,
                                          const struct pods_container *where, const struct streams_wish *wish)
{
        struct attach_session *s = NEW(struct attach_session);

        s->event = event;
        s->consoles = consoles;
        s->pods = pods;
        s->namespace = xstrdup(where->pod->id.namespace);
        s->pod = xstrdup(where->pod->id.name);
        s->container = xstrdup(where->container->name);
        s->once = where->container->stdin_once;
        s->wish = *wish;
        s->size = BUF(TERMINAL_SIZE_MAX);
        return s;
}

static void leave(struct attach_session *s)
{
        struct console *c = TAKE(s->console);

        if (!c)
                return;
        console_leave(c, &s->user);
        if (s->once && s->wish.in)
                console_input_end(c);
}

static void end_wait(struct attach_session *s)
{
        if (s->waits)
                console_wait_end(s->consoles, &s->wait);
        s->waits = false;
}

struct attach_session *attach_session_free(struct attach_session *s)
{
        if (!s)
                return NULL;
        leave(s);
        end_wait(s);
        sd_event_source_disable_unref(s->patience);
        log_stream_free(s->lines);
        buf_done(&s->size);
        free(s->namespace);
        free(s->pod);
        free(s->container);
        free(s);
        return NULL;
}

void attach_session_give(struct attach_session *s, struct streams *streams)
{
        s->streams = streams;
}

static void finish(struct attach_session *s, int exit_code, const char *why)
{
        streams_status(s->streams, exit_code, why);
        streams_finish(s->streams);
        attach_session_free(s);
}

/* ---- the container's side ---------------------------------------------------------------------------------------- */

static bool show(struct attach_session *s, enum stream_kind kind, const void *p, size_t n)
{
        struct stream *to = streams_find(s->streams, kind);

        return !to || stream_write(to, p, n);
}

static bool on_terminal_output(void *userdata, const void *p, size_t n)
{
        return show(userdata, STREAM_STDOUT, p, n);
}

static void on_room(void *userdata)
{
        struct attach_session *s = userdata;

        streams_resume(s->streams);
}

static void on_console_ended(void *userdata)
{
        struct attach_session *s = userdata;
        bool terminal = console_is_terminal(s->console);

        s->console = NULL;
        if (terminal)
                finish(s, 0, "");
        else
                streams_resume(s->streams); /* what still comes for it is nobody's */
}

static bool on_lines(void *userdata, const char *stream, const void *p, size_t n)
{
        return show(userdata, streq(stream, "stderr") ? STREAM_STDERR : STREAM_STDOUT, p, n);
}

static void on_lines_end(void *userdata)
{
        struct attach_session *s = userdata;

        s->lines = NULL;
        finish(s, 0, "");
}

/* ---- the client's side ------------------------------------------------------------------------------------------- */

static void on_data(void *userdata, struct stream *stream, const void *p, size_t n)
{
        struct attach_session *s = userdata;
        unsigned short width, height;
        int r;

        if (!s->console)
                return;
        if (stream_kind(stream) == STREAM_RESIZE && terminal_size(&s->size, p, n, &width, &height))
                console_resize(s->console, width, height);
        if (stream_kind(stream) != STREAM_STDIN)
                return;
        r = console_input(s->console, p, n);
        if (r < 0)
                finish(s, -1, "too much input at a time");
        else if (r == 0)
                streams_pause(s->streams);
}

static void on_ended(void *userdata, struct stream *stream)
{
        struct attach_session *s = userdata;

        if (stream_kind(stream) == STREAM_STDIN && s->console && s->once)
                console_input_end(s->console);
}

static void on_drain(void *userdata)
{
        struct attach_session *s = userdata;

        if (s->console)
                console_go_on(s->console, &s->user);
        if (s->lines)
                log_stream_go_on(s->lines);
}

static int follow(struct attach_session *s, const struct pods_container *where, struct err *e)
{
        const bool early = time_now() < where->state->unit.started + CONSOLE_EARLY_USEC;
        const struct log_options options = { .follow = true, .tail = early ? -1 : 0, .limit_bytes = -1 };
        const struct log_source source = {
                .pod_uid = where->pod->id.uid,
                .container = where->container->name,
                .unit = where->container->unit,
                .invocation_id = where->state->invocation,
        };
        const struct log_sink sink = { .write = on_lines, .end = on_lines_end, .userdata = s, .by_stream = true };

        return log_stream_new(s->event, &source, &options, &sink, pods_is_in_run, s->pods, &s->lines, e);
}

static void on_ready(void *userdata);

static void on_news(void *userdata)
{
        struct attach_session *s = userdata;

        s->waits = false;
        on_ready(s);
}

static int on_patience(UNUSED sd_event_source *source, UNUSED uint64_t usec, void *userdata)
{
        struct attach_session *s = userdata;

        s->impatient = true;
        end_wait(s);
        on_ready(s);
        return 0;
}

static bool wait_for_console(struct attach_session *s, const char *unit)
{
        if (s->impatient)
                return false;
        if (!s->patience && sd_event_add_time_relative(s->event, &s->patience, CLOCK_MONOTONIC, CONSOLE_PATIENCE_USEC,
                                                       0, on_patience, s) < 0)
                return false;
        streams_pause(s->streams); /* what the client types is for the console */
        s->wait = (struct console_wait){ .news = on_news, .userdata = s };
        snprintf(s->wait.unit, sizeof(s->wait.unit), "%s", unit);
        s->waits = true;
        console_wait(s->consoles, &s->wait);
        return true;
}

static void on_ready(void *userdata)
{
        struct attach_session *s = userdata;
        struct pods_container where;
        struct err e = ERR_NONE;

        if (!pods_find_container(s->pods, s->namespace, s->pod, s->container, &where) ||
            !pods_is_running(s->pods, where.pod->id.uid, s->container)) {
                finish(s, -1, "the container has ended");
                return;
        }
        s->console = console_find(s->consoles, where.pod->id.uid, s->container);
        if (!s->console && (where.container->tty || (where.container->has_stdin && s->wish.in)) &&
            wait_for_console(s, where.container->unit))
                return;
        if (s->patience)
                streams_resume(s->streams);
        s->patience = sd_event_source_disable_unref(s->patience);
        s->user = (struct console_user){
                .output = on_terminal_output, .room = on_room, .ended = on_console_ended, .userdata = s
        };
        if (s->console)
                console_enter(s->console, &s->user);
        if ((!s->console || !console_is_terminal(s->console)) && follow(s, &where, &e) < 0)
                finish(s, -1, e.text);
}

static void on_closed(void *userdata)
{
        attach_session_free(userdata);
}

const struct streams_handler attach_session_handler = {
        .ready = on_ready,
        .data = on_data,
        .ended = on_ended,
        .drain = on_drain,
        .closed = on_closed,
};
