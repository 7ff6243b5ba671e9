/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/streams/streams.h"

#include "agent/streams/command_status.h"
#include "agent/streams/core.h"
#include "agent/streams/messages.h"
#include "common/log.h"
#include "common/mem.h"

/* ---- time ------------------------------------------------------------------------------------------------------- */

static uint64_t now(const struct streams *c)
{
        uint64_t t = 0;

        sd_event_now(c->event, CLOCK_MONOTONIC, &t);
        return t;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
        return a < b ? a : b;
}

/* Of a pair whose other stream the client has not opened yet. */
static bool is_half(const struct stream *s)
{
        return s->connection->wish.port_forward && !s->other && !s->told;
}

void streams_look_at_times(struct streams *c)
{
        uint64_t next = c->active + c->idle_usec;

        if (!c->ready && !c->wish.port_forward)
                next = earlier(next, c->begun + c->creation_usec);
        for (size_t i = 0; i < c->n_streams; i++)
                if (is_half(c->streams[i]))
                        next = earlier(next, c->streams[i]->born + c->creation_usec);
        sd_event_source_set_time(c->timer, next);
        sd_event_source_set_enabled(c->timer, SD_EVENT_ONESHOT);
}

/* The client opened one stream of a pair, and not the other one. */
static void drop_halves(struct streams *c)
{
        for (size_t i = c->n_streams; i-- > 0;) {
                static const char text[] = "timed out waiting for the other stream of the pair";
                struct stream *s = c->streams[i];

                if (!is_half(s) || now(c) < s->born + c->creation_usec)
                        continue;
                if (s->kind == STREAM_ERROR)
                        stream_write(s, text, sizeof(text) - 1);
                stream_end(s);
                streams_remove(s);
        }
}

/* The client of a command is told, or kubectl would take the end for a success. */
static void end_idle(struct streams *c)
{
        CLEANUP(freep)
        char *text = xasprintf("nothing has passed for %llu s, after which this node ends a connection "
                               "(streamingConnectionIdleTimeout)",
                               (unsigned long long)c->idle_usec / 1000000);

        if (c->ready && !c->wish.port_forward && !c->finished)
                streams_status(c, -1, text);
        log_debug("a connection of streams is closed: %s", text);
        streams_close(c);
}

static int on_timer(sd_event_source *source UNUSED, uint64_t usec UNUSED, void *userdata)
{
        struct streams *c = userdata;

        if (c->over)
                return 0;
        if (now(c) >= c->active + c->idle_usec) {
                end_idle(c);
                return 0;
        }
        if (c->wish.port_forward) {
                drop_halves(c);
        } else if (!c->ready && now(c) >= c->begun + c->creation_usec) {
                log_debug("a connection of streams is closed: the client has not opened all of them");
                streams_close(c);
                return 0;
        }
        streams_look_at_times(c);
        return 0;
}

/* ---- the connection --------------------------------------------------------------------------------------------- */

static int on_work(sd_event_source *source, void *userdata);

struct streams *streams_new(sd_event *event, const struct streams_config *config)
{
        struct streams *c = NEW(struct streams);
        int r;

        *c = (struct streams){
                .carrier = *config->carrier,
                .version = config->agreement->version,
                .base64 = config->agreement->base64,
                .wish = *config->wish,
                .handler = config->handler,
                .userdata = config->userdata,
                .event = sd_event_ref(event),
                .creation_usec = config->creation_usec ?: STREAMS_CREATION_TIMEOUT_S * UINT64_C(1000000),
                .idle_usec = config->idle_usec ?: STREAMS_IDLE_TIMEOUT_S * UINT64_C(1000000),
        };
        c->wish.err = c->wish.err && !c->wish.tty; /* a terminal has one output */
        c->begun = c->active = now(c);
        r = sd_event_add_defer(event, &c->work, on_work, c);
        if (r >= 0)
                r = sd_event_add_time(event, &c->timer, CLOCK_MONOTONIC, UINT64_MAX, 0, on_timer, c);
        if (r < 0) { /* there is no descriptor left: it is closed at once */
                log_error("cannot wait for events: %s", strerrordesc_np(-r));
                c->over = true;
                c->carrier.finish(c->carrier.userdata);
        }
        if (config->agreement->wire == WIRE_TUNNEL)
                c->tunnel = tunnel_new();
        if (config->agreement->wire == WIRE_WEBSOCKET)
                wire_channels_init(c, config->agreement);
        else
                wire_spdy_init(c);
        streams_look_at_times(c);
        return c;
}

void streams_gone(struct streams *c)
{
        bool tell = !c->finished;

        c->over = true;
        if (tell) {
                c->finished = true;
                c->handler->closed(c->userdata);
        }
        c->wire->free(c);
        tunnel_free(c->tunnel);
        for (size_t i = 0; i < c->n_streams; i++)
                free(c->streams[i]);
        free(c->streams);
        sd_event_source_disable_unref(c->work);
        sd_event_source_disable_unref(c->timer);
        sd_event_unref(c->event);
        free(c);
}

bool streams_blocked(const struct streams *c)
{
        return c->paused || c->flooded || c->over;
}

/* False: the carrier has enough. */
static bool put(struct streams *c, const void *p, size_t n)
{
        return n == 0 || c->carrier.write(c->carrier.userdata, p, n);
}

static bool put_all(struct streams *c, const void *head, size_t head_size, const void *p, size_t n)
{
        uint8_t message[WEBSOCKET_SENT_HEAD_MAX];
        bool room = true;

        c->active = now(c);
        if (c->tunnel)
                room = put(c, message, websocket_head(message, WEBSOCKET_BINARY, head_size + n));
        room = put(c, head, head_size) && room;
        return put(c, p, n) && room;
}

void streams_send(struct streams *c, const void *head, size_t head_size, const void *p, size_t n)
{
        if (!c->over && !put_all(c, head, head_size, p, n))
                c->drain_due = true;
}

/* A client that does not read may go on sending for a while, but it cannot make us keep answers without end. */
static void count_reply(struct streams *c, bool room, size_t n)
{
        c->replied = room ? 0 : c->replied + n;
        if (c->replied <= REPLIES_MAX || c->flooded)
                return;
        c->flooded = true;
        c->carrier.pause(c->carrier.userdata);
}

void streams_reply(struct streams *c, const void *p, size_t n)
{
        if (!c->over)
                count_reply(c, put_all(c, NULL, 0, p, n), n);
}

void streams_reply_below(struct streams *c, const void *p, size_t n)
{
        if (!c->over)
                count_reply(c, put(c, p, n), n);
}

void streams_work(struct streams *c)
{
        sd_event_source_set_enabled(c->work, SD_EVENT_ONESHOT);
}

static void may_resume(struct streams *c)
{
        if (streams_blocked(c))
                return;
        streams_work(c);
        c->carrier.resume(c->carrier.userdata);
}

void streams_drained(struct streams *c)
{
        c->replied = 0;
        if (c->flooded) {
                c->flooded = false;
                may_resume(c);
        }
        if (c->drain_due && !c->finished) {
                c->drain_due = false;
                c->handler->drain(c->userdata);
        }
}

static void say_goodbye(struct streams *c, bool bad)
{
        if (c->over)
                return;
        c->wire->goodbye(c, bad);
        if (c->tunnel)
                websocket_goodbye(c, bad);
        c->over = true;
        c->carrier.finish(c->carrier.userdata);
}

void streams_fail(struct streams *c, const char *why)
{
        if (c->over)
                return;
        log_debug("a connection of streams is closed: %s", why);
        say_goodbye(c, true);
}

void streams_close(struct streams *c)
{
        say_goodbye(c, false);
}

void streams_finish(struct streams *c)
{
        for (size_t i = 0; i < c->n_streams; i++)
                stream_end(c->streams[i]);
        c->finished = true;
        say_goodbye(c, false);
}

void streams_pause(struct streams *c)
{
        c->paused = true;
        c->carrier.pause(c->carrier.userdata);
}

void streams_resume(struct streams *c)
{
        c->paused = false;
        may_resume(c);
}

/* ---- calls of the session --------------------------------------------------------------------------------------- */

/* What is due, in the order that the session expects; each call may pause, finish, or release a stream. */
static void call_session(struct streams *c)
{
        bool again = true;

        while (again && !streams_blocked(c) && c->ready) {
                again = false;
                for (size_t i = 0; i < c->n_streams && !again; i++) {
                        struct stream *s = c->streams[i];

                        if (s->other && !s->told && s->kind == STREAM_DATA) {
                                s->told = s->other->told = true;
                                again = true;
                                c->handler->pair(c->userdata, s->other, s, s->port);
                        } else if (s->end_due && (!c->wish.port_forward || s->told)) {
                                s->end_due = false;
                                again = true;
                                c->handler->ended(c->userdata, s);
                        }
                }
        }
}

static void tell_ready(struct streams *c)
{
        if (c->over)
                return;
        c->ready = true;
        if (c->wire->begun)
                c->wire->begun(c);
        c->handler->ready(c->userdata);
        call_session(c);
}

static int on_work(sd_event_source *source UNUSED, void *userdata)
{
        struct streams *c = userdata;

        streams_check_ready(c);
        call_session(c);
        if (c->tunnel)
                tunnel_resume(c);
        return 0;
}

size_t streams_input(struct streams *c, const char *p, size_t n)
{
        c->active = now(c);
        streams_check_ready(c);
        call_session(c);
        return c->tunnel ? tunnel_input(c, p, n) : c->wire->input(c, p, n);
}

/* ---- the streams ------------------------------------------------------------------------------------------------ */

/* Where the stream with that id is, or would be. */
static size_t place(const struct streams *c, uint32_t id)
{
        size_t low = 0, high = c->n_streams;

        while (low < high) {
                size_t middle = (low + high) / 2;

                if (c->streams[middle]->id < id)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

struct stream *streams_by_id(const struct streams *c, uint32_t id)
{
        size_t i = place(c, id);

        return i < c->n_streams && c->streams[i]->id == id ? c->streams[i] : NULL;
}

struct stream *streams_add(struct streams *c, uint32_t id, enum stream_kind kind)
{
        struct stream *s;

        if (c->n_streams >= STREAMS_MAX)
                return NULL;
        s = NEW(struct stream);
        s->connection = c;
        s->id = id;
        s->kind = kind;
        s->born = now(c);
        c->streams = xrealloc(c->streams, c->n_streams + 1, sizeof(*c->streams));
        c->streams[c->n_streams++] = s;
        return s;
}

void streams_remove(struct stream *s)
{
        struct streams *c = s->connection;
        size_t i = place(c, s->id);

        if (s->other)
                s->other->other = NULL;
        c->n_streams--;
        memmove(c->streams + i, c->streams + i + 1, (c->n_streams - i) * sizeof(*c->streams));
        free(s);
}

struct stream *streams_find(const struct streams *c, enum stream_kind kind)
{
        for (size_t i = 0; i < c->n_streams && !c->wish.port_forward; i++)
                if (c->streams[i]->kind == kind)
                        return c->streams[i];
        return NULL;
}

bool streams_expects(const struct streams *c, enum stream_kind kind)
{
        switch (kind) {
        case STREAM_ERROR:
                return true;
        case STREAM_STDIN:
                return c->wish.in;
        case STREAM_STDOUT:
                return c->wish.out;
        case STREAM_STDERR:
                return c->wish.err;
        case STREAM_RESIZE: /* which clients of versions 1 and 2 do not open */
                return c->wish.tty && (c->version >= 3 || c->wire == &wire_channels);
        default:
                return false;
        }
}

void streams_check_ready(struct streams *c)
{
        if (c->ready)
                return;
        for (int kind = STREAM_ERROR; kind <= STREAM_RESIZE && !c->wish.port_forward; kind++)
                if (streams_expects(c, (enum stream_kind)kind) && !streams_find(c, (enum stream_kind)kind))
                        return;
        tell_ready(c);
}

void streams_match(struct stream *s)
{
        struct streams *c = s->connection;

        for (size_t i = 0; i < c->n_streams && !s->other; i++) {
                struct stream *t = c->streams[i];

                if (t->kind != s->kind && !t->other && !t->told && streq(t->request, s->request)) {
                        t->other = s;
                        s->other = t;
                }
        }
        if (s->other)
                call_session(c);
        else
                streams_look_at_times(c);
}

static bool is_read(const struct stream *s)
{
        return s->kind == STREAM_STDIN || s->kind == STREAM_RESIZE || s->kind == STREAM_DATA;
}

void streams_received(struct stream *s, const void *p, size_t n)
{
        struct streams *c = s->connection;

        if (is_read(s) && !s->client_ended && !c->over && n > 0)
                c->handler->data(c->userdata, s, p, n);
}

void streams_received_end(struct stream *s)
{
        if (s->client_ended)
                return;
        s->client_ended = true;
        if (!is_read(s))
                return;
        s->end_due = true;
        call_session(s->connection);
}

void streams_received_reset(struct stream *s)
{
        if (s->reset)
                return;
        s->reset = true;
        s->client_ended = false;
        streams_received_end(s);
}

enum stream_kind stream_kind(const struct stream *s)
{
        return s->kind;
}

void stream_set_user(struct stream *s, void *user)
{
        s->user = user;
}

void *stream_user(const struct stream *s)
{
        return s->user;
}

bool stream_is_reset(const struct stream *s)
{
        return s->reset;
}

bool stream_write(struct stream *s, const void *p, size_t n)
{
        struct streams *c = s->connection;
        const char *bytes = p;

        if (s->ended || s->reset || c->over)
                return true;
        while (n > 0) {
                size_t now_n = n < PAYLOAD_MAX ? n : PAYLOAD_MAX;

                c->wire->write(s, bytes, now_n);
                bytes += now_n;
                n -= now_n;
        }
        return !c->drain_due;
}

void stream_end(struct stream *s)
{
        if (s->ended)
                return;
        s->ended = true;
        if (!s->reset && !s->connection->over)
                s->connection->wire->end(s);
}

void stream_release(struct stream *s)
{
        stream_end(s);
        streams_remove(s);
}

/* ---- how a command ended ---------------------------------------------------------------------------------------- */

void streams_status(struct streams *c, int exit_code, const char *text)
{
        struct stream *s = streams_find(c, STREAM_ERROR);
        CLEANUP(freep) char *status = NULL;

        if (!s)
                return;
        status = command_status(c->version, exit_code, text);
        stream_write(s, status, strlen(status));
        stream_end(s);
}
