/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/client/watch.h"

#include <errno.h>
#include <stdio.h>

#include "agent/lib/json.h"
#include "agent/lib/retry.h"
#include "agent/client/watch_stream.h"
#include "common/log.h"
#include "common/mem.h"

enum {
        CHUNK = 500, /* objects in one answer */
        LIST_TIMEOUT_MS = 60000,
        SILENCE_MS = 150000, /* bookmarks come every minute, from most servers */
        LIFE_MIN_S = 300,
        LIFE_MAX_S = 600,
        RETRY_FIRST_MS = 800,
        RETRY_MOST_MS = 30000,
        DENIED_FIRST_MS = 50, /* see fail() */
        DENIED_RETRIES = 5,
        EMPTY_WATCH_USEC = 1000000,
        VERSION_MAX = 128,
};

struct watch {
        sd_event *event;
        struct api *api;
        char *path, *query;
        struct watch_handler handler;
        void *userdata;
        sd_event_source *timer;
        struct api_call *call;
        struct buf rest;           /* of the stream: the line that is not complete yet */
        char version[VERSION_MAX]; /* to watch from; "": list first */
        char *next_chunk;          /* a list is under way, and goes on here */
        struct retry retry, denied;
        bool synced_once;
        bool heard;     /* the running watch brought an event */
        bool expired;   /* 410, and no event since */
        int last_error; /* of the failure before, 0 after success */
        long last_status;
        unsigned silence_ms;
        bool logged;
        bool busy, dead; /* dead while busy: freed when the handler has returned */
};

static void start(struct watch *w);

static void destroy(struct watch *w)
{
        free(w->path);
        free(w->query);
        free(w->next_chunk);
        buf_done(&w->rest);
        sd_event_unref(w->event);
        free(w);
}

struct watch *watch_free(struct watch *w)
{
        if (!w)
                return NULL;
        w->call = api_cancel(w->call);
        w->timer = sd_event_source_disable_unref(w->timer);
        w->dead = true;
        if (!w->busy)
                destroy(w);
        return NULL;
}

/* Whatever calls the handler stands between these two; afterwards `w` may be gone. */
static void enter(struct watch *w)
{
        w->busy = true;
}

static void leave(struct watch *w)
{
        w->busy = false;
        if (w->dead)
                destroy(w);
}

static int on_timer(sd_event_source *source UNUSED, uint64_t usec UNUSED, void *userdata)
{
        start(userdata);
        return 0;
}

static void start_after(struct watch *w, uint64_t usec)
{
        if (!w->dead)
                timer_arm(w->event, &w->timer, CLOCK_MONOTONIC, usec, on_timer, w);
}

/* ---- success and failure ----------------------------------------------------------------------------------------- */

static void succeed(struct watch *w)
{
        if (w->logged)
                log_info("%s%s%s works again", w->path, w->query ? "?" : "", w->query ? w->query : "");
        w->logged = false;
        w->last_error = 0;
        w->retry.failures = w->denied.failures = 0;
}

/* A failure is worth a line when it stays after a retry; that there is no answer at all, api.c says for everybody. */
static void log_failure(struct watch *w, const struct api_response *r)
{
        bool same = w->last_error == r->error && w->last_status == r->status;

        if (!same)
                w->logged = false;
        else if (!w->logged && r->status != 0) {
                log_warning("%s", r->err.text);
                w->logged = true;
        }
        w->last_error = r->error;
        w->last_status = r->status;
}

static void drop_chunk(struct watch *w)
{
        free(w->next_chunk);
        w->next_chunk = NULL;
}

static void fail(struct watch *w, const struct api_response *r)
{
        unsigned ms;

        if (r->status == 403 && !w->synced_once && w->denied.failures < DENIED_RETRIES) {
                ms = retry_next(&w->denied, random_u32()); /* the authorizer learns of a pod a moment after we do */
        } else {
                ms = retry_next(&w->retry, random_u32());
                log_failure(w, r);
        }
        if (r->retry_after_s * 1000 > ms)
                ms = r->retry_after_s * 1000 + random_u32() % 1000;
        drop_chunk(w);
        start_after(w, (uint64_t)ms * 1000);
        if (w->handler.failed)
                w->handler.failed(w->userdata, r);
}

/* The server has forgotten what came after our version: the ordinary end of a version's life, unless it happens again
 * at once. */
static void expire(struct watch *w, const struct api_response *r)
{
        w->version[0] = '\0';
        if (w->expired)
                fail(w, r);
        else
                start_after(w, 0);
        w->expired = true;
}

static void set_version(struct watch *w, const char *version)
{
        snprintf(w->version, sizeof(w->version), "%s", strlen(version) < VERSION_MAX ? version : "");
}

/* ---- list -------------------------------------------------------------------------------------------------------- */

static void take_list(struct watch *w, const struct api_response *r)
{
        const cJSON *metadata = json_get(r->body, "metadata"), *item;
        const char *go_on = json_str(metadata, "continue");
        bool first = !w->next_chunk;

        drop_chunk(w);
        if (first && w->handler.begin)
                w->handler.begin(w->userdata);
        cJSON_ArrayForEach (item, json_get(r->body, "items")) {
                if (w->dead)
                        return;
                w->handler.upsert(w->userdata, item);
        }
        if (w->dead)
                return;
        if (go_on && *go_on) {
                w->next_chunk = xstrdup(go_on);
                start(w);
                return;
        }
        set_version(w, json_str(metadata, "resourceVersion"));
        w->synced_once = true;
        succeed(w);
        start_after(w, 0);
        if (w->handler.synced)
                w->handler.synced(w->userdata);
}

static void on_list(void *userdata, struct api_response *r)
{
        struct watch *w = userdata;
        const char *version = json_str(json_get(r->body, "metadata"), "resourceVersion");

        w->call = NULL;
        enter(w);
        if (r->error == 0 && (!version || !*version || strlen(version) >= VERSION_MAX))
                r->error = err_set(&r->err, -EIO, NULL, "GET %s: the answer is no list", w->path);
        if (r->error < 0)
                fail(w, r);
        else
                take_list(w, r);
        leave(w);
}

/* ---- watch ------------------------------------------------------------------------------------------------------- */

/* An ERROR event is a Status in a stream's clothes. */
static int take_error(struct watch *w, const cJSON *status)
{
        long code = (long)json_int(status, "code", 500);
        const char *reason = json_str(status, "reason"), *message = json_str(status, "message");
        struct api_response r = { .status = code, .error = api_error(code, reason) };

        if (r.error == 0)
                r.error = -EIO;
        err_set(&r.err, r.error, reason, "watch %s: %s", w->path, message ? message : "an ERROR event");
        w->version[0] = '\0';
        w->call = api_cancel(w->call);
        if (r.error == -EKEYEXPIRED)
                expire(w, &r);
        else
                fail(w, &r);
        return 1;
}

static int take_line(void *userdata, const char *line, size_t size)
{
        struct watch *w = userdata;
        struct watch_event event;
        struct err e;
        int r = watch_event_parse(line, size, &event, &e);

        if (r < 0) {
                log_debug("%s: %s", w->path, e.text);
                return r;
        }
        if (event.type == WATCH_ERROR) {
                r = take_error(w, event.object);
        } else {
                set_version(w, event.resource_version);
                w->heard = true;
                w->expired = false;
                succeed(w);
                if (event.type == WATCH_DELETED)
                        w->handler.gone(w->userdata, event.object);
                else if (event.type != WATCH_BOOKMARK)
                        w->handler.upsert(w->userdata, event.object);
                r = w->dead;
        }
        cJSON_Delete(event.object);
        return r;
}

static void on_watch_data(void *userdata, const char *data, size_t size)
{
        struct watch *w = userdata;
        int r;

        enter(w);
        r = watch_lines(&w->rest, data, size, take_line, w);
        if (r < 0 && !w->dead) { /* not to be understood: what we have may be wrong, so it is listed again */
                struct api_response failed = { .status = 200, .error = r };

                err_errno(&failed.err, r, NULL, "watch %s: cannot be understood", w->path);
                w->version[0] = '\0';
                w->call = api_cancel(w->call);
                fail(w, &failed);
        }
        leave(w);
}

/*
 * The server began to answer, and had nothing more to say: where nothing changes, that of 1.20 sends no bookmarks
 * either. Whether it is still there shows when it is asked again.
 */
static bool is_silence(const struct api_response *r)
{
        return r->error == -ETIMEDOUT && r->status == 200;
}

static void on_watch_done(void *userdata, struct api_response *r)
{
        struct watch *w = userdata;

        w->call = NULL;
        enter(w);
        if (r->error == 0 || is_silence(r))
                start_after(w, w->heard ? 0 : EMPTY_WATCH_USEC);
        else if (r->error == -EKEYEXPIRED)
                expire(w, r);
        else
                fail(w, r);
        leave(w);
}

/* ---- the next request -------------------------------------------------------------------------------------------- */

static char *with_query(const struct watch *w)
{
        return xasprintf("%s?%s%s", w->path, w->query ? w->query : "", w->query ? "&" : "");
}

static void start_list(struct watch *w)
{
        CLEANUP(freep) char *base = with_query(w);
        CLEANUP(freep) char *go_on = w->next_chunk ? api_escape(w->next_chunk) : NULL;
        CLEANUP(freep)
        char *path = xasprintf("%slimit=%d%s%s", base, CHUNK, go_on ? "&continue=" : "", go_on ? go_on : "");

        /* Without a resourceVersion: what is true now, not what a lagging server remembers. */
        w->call = api_call(w->api, API_GET, path, NULL, LIST_TIMEOUT_MS, on_list, w);
}

static void start_watch(struct watch *w)
{
        CLEANUP(freep) char *base = with_query(w);
        CLEANUP(freep) char *version = api_escape(w->version);
        CLEANUP(freep)
        char *path = xasprintf("%swatch=true&allowWatchBookmarks=true&resourceVersion=%s&timeoutSeconds=%u", base,
                               version, random_between(LIFE_MIN_S, LIFE_MAX_S));

        buf_done(&w->rest);
        w->heard = false;
        w->call = api_stream(w->api, path, w->silence_ms, on_watch_data, on_watch_done, w);
}

static void start(struct watch *w)
{
        if (w->next_chunk || !*w->version)
                start_list(w);
        else
                start_watch(w);
}

void watch_set_silence(struct watch *w, unsigned ms)
{
        w->silence_ms = ms;
}

struct watch *watch_new(sd_event *event, struct api *api, const char *path, const char *query,
                        const struct watch_handler *handler, void *userdata)
{
        struct watch *w = NEW(struct watch);

        w->event = sd_event_ref(event);
        w->api = api;
        w->path = xstrdup(path);
        w->query = xstrdup(query);
        w->handler = *handler;
        w->userdata = userdata;
        w->rest = BUF(WATCH_LINE_MAX);
        w->silence_ms = SILENCE_MS;
        w->retry = (struct retry){ .first_ms = RETRY_FIRST_MS, .most_ms = RETRY_MOST_MS };
        w->denied = (struct retry){ .first_ms = DENIED_FIRST_MS, .most_ms = RETRY_MOST_MS };
        start(w);
        return w;
}
