/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/logs/log_stream.h"

#include <errno.h>
#include <stdio.h>

#include "agent/logs/journal_tail.h"
#include "agent/logs/log_journal.h"
#include "agent/lib/times.h"
#include "common/buf.h"
#include "common/log.h"
#include "common/mem.h"

enum {
        ENTRIES_PER_RUN = 256,
        BATCH = 32 * 1024,           /* lines are small, chunks should not be */
        PRIORITY_BEHIND_OTHERS = 10, /* whoever reads a million lines holds nothing up */
};

struct log_stream {
        struct log_stream *prev, *next;
        struct log_sink sink;
        char stream[40]; /* of what is in `batch`, for a sink by streams */
        struct log_journal *journal;
        struct tail_listener listener; /* while it follows */
        unsigned generation;           /* of the files that `journal` has open */
        bool live;                     /* all that was there is read: the listener hears the rest */
        bool done;                     /* the limit is reached */
        int error;                     /* of the listener's */
        sd_event_source *work, *timer;
        char *pod_uid, *container, *run;
        bool (*running)(void *userdata, const char *pod_uid, const char *container, const char *run);
        void *userdata;
        bool follow, timestamps;
        int64_t left;     /* bytes until limitBytes; -1: no limit */
        char open[40];    /* the stream whose line waits for more; "" none */
        struct buf batch; /* not written yet */
        bool full;        /* the sink said to pause */
        unsigned looks;   /* at an empty journal since the container ended */
};

/* The streams there are. The exception to "no globals": log_stream_poke() has no other way to find them. */
static struct log_stream *streams;
static unsigned n_streams;

struct log_stream *log_stream_free(struct log_stream *s)
{
        if (!s)
                return NULL;
        *(s->prev ? &s->prev->next : &streams) = s->next;
        if (s->next)
                s->next->prev = s->prev;
        n_streams--;
        sd_event_source_disable_unref(s->work);
        sd_event_source_disable_unref(s->timer);
        journal_tail_leave(&s->listener);
        log_journal_free(s->journal);
        buf_done(&s->batch);
        free(s->pod_uid);
        free(s->container);
        free(s->run);
        free(s);
        return NULL;
}

static void look_again(struct log_stream *s)
{
        sd_event_source_set_enabled(s->work, SD_EVENT_ONESHOT);
}

static void flush(struct log_stream *s)
{
        if (s->batch.len > 0 && !s->sink.write(s->sink.userdata, s->stream, s->batch.data, s->batch.len))
                s->full = true;
        buf_done(&s->batch);
}

/* False when the limit is reached with it. */
static bool put(struct log_stream *s, const void *p, size_t n)
{
        if (s->left >= 0 && (uint64_t)s->left < n)
                n = (size_t)s->left;
        if (s->left >= 0)
                s->left -= (int64_t)n;
        buf_add(&s->batch, p, n);
        if (s->batch.len >= BATCH)
                flush(s);
        return s->left != 0;
}

static bool put_line(struct log_stream *s, const struct log_line *l)
{
        static const char cut[] = " [cut: the line is longer than 1 MiB]";
        const char *p = l->text, *end = p + l->size;
        bool goes_on = *s->open && streq(s->open, l->stream);
        char time[41];

        if (*s->open && !goes_on && !put(s, "\n", 1))
                return false;
        if (s->sink.by_stream && !streq(s->stream, l->stream)) {
                flush(s);
                snprintf(s->stream, sizeof(s->stream), "%s", l->stream);
        }
        snprintf(s->open, sizeof(s->open), "%s", l->open ? l->stream : "");
        time_rfc3339_nano(l->usec, time);
        time[strlen(time) + 1] = '\0';
        time[strlen(time)] = ' ';
        do { /* one round for each line of a message that has several */
                const char *newline = memchr(p, '\n', (size_t)(end - p));
                size_t n = (size_t)((newline ? newline : end) - p);

                if ((s->timestamps && !goes_on && !put(s, time, strlen(time))) || !put(s, p, n))
                        return false;
                if (!newline && l->cut && !put(s, cut, sizeof(cut) - 1))
                        return false;
                if ((newline || !*s->open) && !put(s, "\n", 1))
                        return false;
                p = newline ? newline + 1 : end;
                goes_on = false;
        } while (p < end);
        return true;
}

static void end_stream(struct log_stream *s)
{
        flush(s);
        s->sink.end(s->sink.userdata);
        log_stream_free(s);
}

/*
 * The journal has no more for now. journald writes in its own time, so the last words of a container that has ended may
 * still be on their way: we look again after 0.1, 0.5 and 1 s of quiet.
 */
static void drained(struct log_stream *s)
{
        static const uint64_t pauses[] = { 100000, 400000, 500000 };
        bool ended = s->follow &&
                     (log_journal_is_over(s->journal) || !s->running(s->userdata, s->pod_uid, s->container, s->run));

        if (!s->follow || (ended && s->looks >= ARRAY_LEN(pauses))) {
                end_stream(s);
        } else if (!ended) {
                s->looks = 0;
        } else if (sd_event_source_get_enabled(s->timer, NULL) == 0) {
                sd_event_source_set_time_relative(s->timer, pauses[s->looks]);
                sd_event_source_set_enabled(s->timer, SD_EVENT_ONESHOT);
        }
}

static void fail(struct log_stream *s, int error)
{
        log_warning("cannot read the journal: %s", strerrordesc_np(-error));
        end_stream(s);
}

static size_t readers(void)
{
        size_t n = 0;

        for (const struct log_stream *s = streams; s; s = s->next)
                n += s->journal && !log_journal_rests(s->journal);
        return n;
}

/* Puts what is there, and says whether that was anything. 0: it was all, -EAGAIN: it was not. */
static int read_own(struct log_stream *s, bool *ret_any)
{
        unsigned budget = ENTRIES_PER_RUN;
        struct log_line line;
        int r = -EAGAIN;

        *ret_any = false;
        if (log_journal_rests(s->journal) && readers() >= LOG_READERS_MAX)
                return -EAGAIN; /* these have their turns in the same loop, so it will be fewer */
        if (s->follow && log_journal_rests(s->journal))
                s->generation = journal_tail_generation(s->listener.tail);
        while (!s->full && !s->done && (r = log_journal_next(s->journal, &budget, &line)) > 0) {
                s->looks = 0;
                s->done = !put_line(s, &line);
                *ret_any = true;
        }
        return s->full || s->done ? -EAGAIN : r;
}

/*
 * All was read once. When the listener's reader has been at the end, and after that there is still nothing more here,
 * then what it hears from now on is what follows: nothing is missed, and nothing comes twice.
 */
static int go_live(struct log_stream *s)
{
        int r = journal_tail_read(s->listener.tail);
        bool any;

        if (r < 0)
                return r;
        if (s->generation != journal_tail_generation(s->listener.tail)) {
                log_journal_rest(s->journal, NULL, true); /* there are files that it does not know */
                return -EAGAIN;
        }
        r = read_own(s, &any);
        if (r < 0 || log_journal_is_over(s->journal))
                return r;
        if (any)
                return -EAGAIN; /* it came meanwhile: the listener's reader may have it before it, or behind it */
        log_journal_rest(s->journal, NULL, true);
        s->live = true;
        return 0;
}

/* Listeners are told of what came meanwhile, this one among them. */
static int read_more(struct log_stream *s)
{
        bool any;
        int r;

        if (s->live)
                return journal_tail_read(s->listener.tail);
        r = read_own(s, &any);
        return r == 0 && s->follow && !log_journal_is_over(s->journal) ? go_live(s) : r;
}

static int on_work(sd_event_source *source UNUSED, void *userdata)
{
        struct log_stream *s = userdata;
        int r = s->error;

        if (r >= 0 && !s->done && !s->full)
                r = read_more(s);
        flush(s);
        if (s->done) {
                end_stream(s);
        } else if (s->full) { /* log_stream_go_on() goes on */
                if (!s->live && readers() > LOG_READERS_MAX / 2)
                        log_journal_rest(s->journal, NULL, true);
        } else if (r == -EAGAIN) {
                look_again(s);
        } else if (r < 0) {
                fail(s, r);
        } else {
                drained(s);
        }
        return 0;
}

static int on_timer(sd_event_source *source UNUSED, uint64_t usec UNUSED, void *userdata)
{
        struct log_stream *s = userdata;

        s->looks++;
        look_again(s);
        return 0;
}

/* ---- what the listener hears ------------------------------------------------------------------------------------- */

/* While the sink takes nothing, the place is remembered and the rest is read when it does. */
static void wait_at(struct log_stream *s, sd_journal *j, bool taken)
{
        log_journal_rest(s->journal, j, taken);
        s->live = false;
}

static void on_entry(void *userdata, sd_journal *j)
{
        struct log_stream *s = userdata;
        struct log_line line;

        if (!s->live || s->done)
                return;
        if (s->full) {
                wait_at(s, j, false);
                return;
        }
        look_again(s); /* also where another run begins */
        if (!log_journal_take(s->journal, j, &line))
                return;
        s->looks = 0;
        s->done = !put_line(s, &line);
        if (s->full)
                wait_at(s, j, true);
}

static void on_tail_failed(void *userdata, int error)
{
        struct log_stream *s = userdata;

        s->error = error;
        look_again(s);
}

void log_stream_go_on(struct log_stream *s)
{
        s->full = false;
        look_again(s);
}

static int add_sources(struct log_stream *s, sd_event *event, struct err *e)
{
        int r = sd_event_add_defer(event, &s->work, on_work, s); /* which starts it */

        if (r >= 0)
                r = sd_event_source_set_priority(s->work, SD_EVENT_PRIORITY_NORMAL + PRIORITY_BEHIND_OTHERS);
        if (r >= 0 && s->follow)
                r = sd_event_add_time_relative(event, &s->timer, CLOCK_MONOTONIC, 0, 0, on_timer, s);
        if (r >= 0 && s->follow)
                r = sd_event_source_set_enabled(s->timer, SD_EVENT_OFF);
        return r < 0 ? err_errno(e, r, NULL, "cannot follow the journal") : 0;
}

int log_stream_new(sd_event *event, const struct log_source *source, const struct log_options *options,
                   const struct log_sink *sink,
                   bool (*running)(void *userdata, const char *pod_uid, const char *container, const char *run),
                   void *userdata, struct log_stream **ret, struct err *e)
{
        CLEANUP(log_stream_freep) struct log_stream *s = NULL;
        int r;

        if (n_streams >= LOG_STREAMS_MAX)
                return err_set(e, -EUSERS, NULL, "%d log streams are open already", LOG_STREAMS_MAX);
        s = NEW(struct log_stream);
        s->next = streams;
        if (streams)
                streams->prev = s;
        streams = s;
        n_streams++;
        s->sink = *sink;
        s->pod_uid = xstrdup(source->pod_uid);
        s->container = xstrdup(source->container);
        s->run = xstrdup(source->invocation_id);
        s->running = running;
        s->userdata = userdata;
        s->follow = options->follow;
        s->timestamps = options->timestamps;
        s->left = options->limit_bytes;
        s->batch = BUF(BATCH + LOG_LINE_MAX + BATCH);
        s->listener = (struct tail_listener){
                .pod_uid = s->pod_uid,
                .entry = on_entry,
                .failed = on_tail_failed,
                .userdata = s,
        };
        r = s->follow ? journal_tail_join(event, source->directory, &s->listener, e) : 0;
        if (r < 0)
                return r;
        s->generation = s->follow ? journal_tail_generation(s->listener.tail) : 0;
        s->journal = log_journal_new(source, options->tail, options->since_usec);
        if (readers() < LOG_READERS_MAX && (r = log_journal_open(s->journal)) < 0)
                return err_errno(e, r, NULL, "cannot read the journal");
        r = add_sources(s, event, e);
        if (r < 0)
                return r;
        *ret = TAKE(s);
        return 0;
}

void log_stream_poke(const char *pod_uid)
{
        for (struct log_stream *s = streams; s; s = s->next)
                if (streq(s->pod_uid, pod_uid) && !s->full)
                        look_again(s);
}
