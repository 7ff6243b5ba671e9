/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A connection of streams whose client, carrier and session all do what the input says. What must hold, whatever they
 * do: nothing calls a session that has finished, has paused or is not ready; no stream is heard of after its end, or
 * before its pair; nothing is written behind the end; and a client that reads nothing cannot make us write without end.
 */
#ifndef VKS_TESTS_FUZZ_STREAMS_H
#define VKS_TESTS_FUZZ_STREAMS_H

#include "agent/streams/carrier.h"
#include "common/buf.h"
#include "common/mem.h"
#include "tests/fuzz/fuzz.h"

enum { WORLD_IN_MAX = 256 * 1024, WORLD_ROOM = 4096, WORLD_REPLIES_MAX = 18 * 1024 };

struct world {
        struct streams *c;
        struct buf in, out;
        size_t chunk;        /* bytes that the carrier offers at a time */
        size_t from_session; /* bytes that the session has written since the client last read */
        bool carrier_paused, carrier_finished, want_drain;
        bool session_paused, ready, finished, over;
        uint8_t habits;            /* HABIT_ */
        struct stream *stream[64]; /* that the session knows; NULL: a free place */
};

enum { HABIT_ECHO = 1, HABIT_PAUSE = 2, HABIT_RELEASE = 4, HABIT_FINISH = 8, HABIT_RESUME = 16, HABIT_STATUS = 32 };

static inline void must(bool holds)
{
        if (!holds)
                __builtin_trap();
}

/* ---- the carrier ------------------------------------------------------------------------------------------------ */

static inline bool world_write(void *userdata, const void *p, size_t n)
{
        struct world *w = userdata;

        must(!w->carrier_finished && !w->over);
        buf_add(&w->out, p, n);
        must(buf_ok(&w->out));
        w->want_drain = w->want_drain || w->out.len > WORLD_ROOM;
        return w->out.len <= WORLD_ROOM;
}

static inline void world_pause(void *userdata)
{
        ((struct world *)userdata)->carrier_paused = true;
}

static inline void world_resume(void *userdata)
{
        ((struct world *)userdata)->carrier_paused = false;
}

static inline void world_finish(void *userdata)
{
        ((struct world *)userdata)->carrier_finished = true;
}

/* ---- the session ------------------------------------------------------------------------------------------------ */

static inline void world_add(struct world *w, struct stream *s)
{
        must(stream_user(s) == NULL);
        stream_set_user(s, w);
        for (size_t i = 0; i < ARRAY_LEN(w->stream); i++) {
                if (!w->stream[i]) {
                        w->stream[i] = s;
                        return;
                }
        }
}

static inline void world_release(struct world *w, struct stream *s)
{
        for (size_t i = 0; i < ARRAY_LEN(w->stream); i++)
                if (w->stream[i] == s)
                        w->stream[i] = NULL;
        stream_release(s);
}

static inline void world_finish_session(struct world *w)
{
        if (w->habits & HABIT_STATUS)
                streams_status(w->c, (w->habits & 3) - 1, "why");
        w->from_session += 1024 + 16 * STREAMS_MAX;
        streams_finish(w->c);
        w->ready = false; /* from now on nothing may call */
        w->finished = true;
}

static inline void world_on_ready(void *userdata)
{
        struct world *w = userdata;

        must(!w->ready && !w->over);
        w->ready = true;
        for (int kind = STREAM_ERROR; kind <= STREAM_DATA; kind++) {
                struct stream *s = streams_find(w->c, (enum stream_kind)kind);

                if (s)
                        world_add(w, s);
        }
}

static inline void world_on_pair(void *userdata, struct stream *error, struct stream *data, uint16_t port)
{
        struct world *w = userdata;

        must(w->ready && !w->session_paused && port > 0);
        must(stream_kind(error) == STREAM_ERROR && stream_kind(data) == STREAM_DATA);
        world_add(w, error);
        world_add(w, data);
}

static inline void world_put(struct world *w, struct stream *s, const void *p, size_t n)
{
        w->from_session += n + n / 2 + 64 * (n / 4096 + 1);
        if (!stream_write(s, p, n) && w->habits & HABIT_PAUSE) {
                w->session_paused = true;
                streams_pause(w->c);
        }
}

static inline void world_on_data(void *userdata, struct stream *s, const void *p, size_t n)
{
        struct world *w = userdata;
        struct stream *to = stream_kind(s) == STREAM_DATA ? s : streams_find(w->c, STREAM_STDOUT);

        must(w->ready && !w->session_paused && n > 0 && p);
        must(stream_user(s) == w);
        must(stream_kind(s) == STREAM_STDIN || stream_kind(s) == STREAM_RESIZE || stream_kind(s) == STREAM_DATA);
        if (w->habits & HABIT_ECHO && to && w->out.len < WORLD_IN_MAX)
                world_put(w, to, p, n);
        if (w->habits & HABIT_PAUSE && ((const char *)p)[0] & 1) {
                w->session_paused = true;
                streams_pause(w->c);
        }
        if (w->habits & HABIT_FINISH && ((const char *)p)[0] & 2)
                world_finish_session(w);
}

static inline void world_on_ended(void *userdata, struct stream *s)
{
        struct world *w = userdata;

        must(w->ready && !w->session_paused);
        must(stream_user(s) == w || stream_is_reset(s)); /* once more only for a reset */
        if (stream_kind(s) == STREAM_DATA && w->habits & HABIT_RELEASE)
                world_release(w, s);
        else
                stream_set_user(s, &w->c);
}

static inline void world_on_drain(void *userdata)
{
        struct world *w = userdata;

        must(w->ready);
        if (w->habits & HABIT_RESUME && w->session_paused) {
                w->session_paused = false;
                streams_resume(w->c);
        }
}

static inline void world_on_closed(void *userdata)
{
        struct world *w = userdata;

        must(!w->over && !w->finished);
        w->over = true;
}

/* ---- the world -------------------------------------------------------------------------------------------------- */

static inline sd_event *world_event(void)
{
        static sd_event *event; /* one for all runs: it costs more than a run */

        if (!event)
                sd_event_new(&event);
        return event;
}

static inline void world_open(struct world *w, const struct agreement *agreement, const struct streams_wish *wish)
{
        static const struct streams_handler handler = {
                .ready = world_on_ready,
                .pair = world_on_pair,
                .data = world_on_data,
                .ended = world_on_ended,
                .drain = world_on_drain,
                .closed = world_on_closed,
        };
        const struct carrier carrier = { world_write, world_pause, world_resume, world_finish, w };
        const struct streams_config config = {
                .carrier = &carrier, .agreement = agreement, .wish = wish, .handler = &handler, .userdata = w
        };

        w->in = BUF(2 * WORLD_IN_MAX);
        w->out = BUF(64 * 1024 * 1024);
        w->chunk = SIZE_MAX;
        w->c = streams_new(world_event(), &config);
}

static inline void world_turn(struct world *w)
{
        (void)w;
        while (sd_event_run(world_event(), 0) > 0)
                ;
}

static inline void world_offer(struct world *w)
{
        size_t seen = w->chunk < w->in.len ? w->chunk : w->in.len;

        while (w->in.len > 0 && !w->carrier_paused && !w->carrier_finished) {
                size_t took = streams_input(w->c, w->in.data, seen);

                must(took <= seen);
                buf_consume(&w->in, took);
                seen -= took;
                if (took == 0 && seen == w->in.len)
                        break;
                if (took == 0 || seen == 0)
                        seen = w->chunk < w->in.len - seen ? seen + w->chunk : w->in.len;
        }
        must(w->out.len <= WORLD_ROOM + WORLD_REPLIES_MAX + w->from_session);
}

/* False: too much lies there, since nobody takes it. */
static inline bool world_feed(struct world *w, const void *p, size_t n)
{
        buf_add(&w->in, p, n);
        world_offer(w);
        return w->in.len < WORLD_IN_MAX;
}

static inline void world_drain(struct world *w, void (*check)(struct world *w))
{
        check(w);
        buf_reset(&w->out);
        w->from_session = 0;
        if (w->want_drain && !w->carrier_finished) {
                w->want_drain = false;
                streams_drained(w->c);
        }
        world_offer(w);
}

/* One of the things that a session may do at any time. */
static inline void world_act(struct world *w, uint8_t what)
{
        struct stream *s = w->stream[(what >> 3) % 8];

        if (!w->ready)
                return;
        switch (what & 7) {
        case 0:
                w->session_paused = true;
                streams_pause(w->c);
                break;
        case 1:
        case 2:
                w->session_paused = false;
                streams_resume(w->c);
                break;
        case 3:
        case 4:
                if (s)
                        world_put(w, s, "what the session has to say", 27);
                break;
        case 5:
                if (s)
                        stream_end(s);
                break;
        case 6:
                if (s && !streams_find(w->c, STREAM_ERROR))
                        world_release(w, s);
                break;
        default:
                if (what == 0xff)
                        world_finish_session(w);
                break;
        }
        w->from_session += 64;
}

static inline void world_close(struct world *w, void (*check)(struct world *w))
{
        world_turn(w);
        check(w);
        streams_gone(w->c);
        buf_done(&w->in);
        buf_done(&w->out);
}

#endif
