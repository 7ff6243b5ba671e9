/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "agent/lib/json.h"
#include "agent/client/watch.h"
#include "common/buf.h"
#include "tests/unit/api_server.h"

/* What the server does with one request after the other; what the
 * reflector makes of it is written down as one string. */
struct step {
        const char *expect; /* how the request begins */
        int status;         /* 0: a stream that ends at once */
        const char *body;
        bool open; /* the stream does not end */
};

struct run {
        struct server server;
        struct api *api;
        struct watch *watch;
        const struct step *steps;
        size_t n_steps, at;
        struct buf seen;
        const char *free_at; /* free the watch when this is seen */
};

static void answer(struct server *s, int fd, const char *request)
{
        struct run *t = s->userdata;
        const struct step *step = &t->steps[t->at];

        if (t->at >= t->n_steps) {
                sd_event_exit(s->event, 0);
                return;
        }
        t->at++;
        cr_expect(starts_with(request, step->expect), "%.200s\n instead of %s", request, step->expect);
        if (step->status)
                server_answer(fd, step->status, step->body);
        else {
                server_stream(fd);
                server_write(fd, "%s", step->body);
                if (!step->open)
                        server_end(fd);
        }
}

static void see(struct run *t, const char *what, const cJSON *object)
{
        const char *name = json_str(json_get(object, "metadata"), "name");

        buf_printf(&t->seen, "%s%s%s", t->seen.len ? " " : "", what, name ? name : "");
        if (t->free_at && ends_with(t->seen.data, t->free_at)) {
                t->watch = watch_free(t->watch);
                sd_event_exit(t->server.event, 0);
        }
        if (name && streq(name, "end"))
                sd_event_exit(t->server.event, 0);
}

static void on_begin(void *userdata)
{
        see(userdata, "begin", NULL);
}

static void on_upsert(void *userdata, const cJSON *object)
{
        see(userdata, "+", object);
}

static void on_gone(void *userdata, const cJSON *object)
{
        see(userdata, "-", object);
}

static void on_synced(void *userdata)
{
        see(userdata, "synced", NULL);
}

static void on_failed(void *userdata, const struct api_response *r)
{
        char what[64];

        snprintf(what, sizeof(what), "failed:%ld", r->status);
        see(userdata, what, NULL);
}

static void play(const struct step *steps, size_t n, const char *free_at, unsigned silence_ms, const char *want)
{
        static const struct watch_handler handler = { on_begin, on_upsert, on_gone, on_synced, on_failed };
        struct run t = { .steps = steps, .n_steps = n, .seen = BUF(10000), .free_at = free_at };

        t.api = api_start(&t.server, answer, &t, NULL);
        t.watch = watch_new(t.server.event, t.api, "/api/v1/pods", "fieldSelector=a%3Db", &handler, &t);
        if (silence_ms)
                watch_set_silence(t.watch, silence_ms);
        cr_expect_eq(t.seen.len, 0, "nothing is called from inside watch_new()");
        sd_event_loop(t.server.event);
        cr_expect_str_eq(t.seen.data, want, "%s", t.seen.data);
        cr_expect_eq(t.at, n, "request %zu of %zu", t.at, n);
        watch_free(t.watch);
        api_free(t.api);
        server_stop(&t.server);
        buf_done(&t.seen);
}

#define PLAY(steps, want) play(steps, ARRAY_LEN(steps), NULL, 0, want)
#define LIST              "GET /api/v1/pods?fieldSelector=a%3Db&limit=500 "
#define WATCH(version)                                                                                                 \
        "GET /api/v1/pods?fieldSelector=a%3Db&watch=true&allowWatchBookmarks=true&resourceVersion=" version            \
        "&timeoutSeconds="
#define OBJECT(name, version)      "{\"metadata\":{\"name\":\"" name "\",\"resourceVersion\":\"" version "\"}}"
#define EVENT(type, name, version) "{\"type\":\"" type "\",\"object\":" OBJECT(name, version) "}\n"
#define ITEMS(version, items)      "{\"metadata\":{\"resourceVersion\":\"" version "\"},\"items\":[" items "]}"
#define STATUS(code, reason)       "{\"kind\":\"Status\",\"code\":" code ",\"reason\":\"" reason "\",\"message\":\"m\"}"

Test(watch, lists_and_then_watches_from_there)
{
        const struct step steps[] = {
                { LIST, 200, ITEMS("5", OBJECT("a", "1") "," OBJECT("b", "2")), false },
                { WATCH("5"), 0, EVENT("ADDED", "c", "6") EVENT("DELETED", "a", "7") EVENT("MODIFIED", "end", "8"),
                  true },
        };
        PLAY(steps, "begin +a +b synced +c -a +end");
}

Test(watch, a_list_in_chunks_is_one_list)
{
        const struct step steps[] = {
                { LIST, 200,
                  "{\"metadata\":{\"resourceVersion\":\"5\",\"continue\":\"x/=\"},\"items\":[" OBJECT("a", "1") "]}",
                  false },
                { "GET /api/v1/pods?fieldSelector=a%3Db&limit=500&continue=x%2F%3D ", 200, ITEMS("5", OBJECT("b", "1")),
                  false },
                { WATCH("5"), 0, EVENT("ADDED", "end", "6"), true },
        };
        PLAY(steps, "begin +a +b synced +end");
}

Test(watch, a_watch_that_ended_goes_on_where_it_was)
{
        const struct step steps[] = {
                { LIST, 200, ITEMS("5", ""), false },
                { WATCH("5"), 0, EVENT("ADDED", "a", "6"), false },
                { WATCH("6"), 0, EVENT("BOOKMARK", "", "9"), false },
                { WATCH("9"), 0, EVENT("ADDED", "end", "10"), true },
        };
        PLAY(steps, "begin synced +a +end");
}

Test(watch, a_watch_that_ended_without_an_event_goes_on_too)
{
        const struct step steps[] = {
                { LIST, 200, ITEMS("5", ""), false },
                { WATCH("5"), 0, "", false },
                { WATCH("5"), 0, EVENT("ADDED", "end", "6"), true },
        };
        PLAY(steps, "begin synced +end");
}

/* What no server does for so long that is well: but that of 1.20 does while nothing changes. */
Test(watch, a_watch_that_is_silent_is_begun_again_without_a_word)
{
        const struct step steps[] = {
                { LIST, 200, ITEMS("5", OBJECT("a", "1")), false },
                { WATCH("5"), 0, "", true },
                { WATCH("5"), 0, EVENT("ADDED", "end", "6"), true },
        };
        play(steps, ARRAY_LEN(steps), NULL, 1000, "begin +a synced +end");
}

Test(watch, gone_lists_again_at_once_whether_status_or_event)
{
        const struct step steps[] = {
                { LIST, 200, ITEMS("5", OBJECT("a", "1")), false },
                { WATCH("5"), 410, STATUS("410", "Expired"), false },
                { LIST, 200, ITEMS("7", ""), false },
                { WATCH("7"), 0, EVENT("ADDED", "b", "8") "{\"type\":\"ERROR\",\"object\":" STATUS("410", "Gone") "}\n",
                  true },
                { LIST, 200, ITEMS("9", ""), false },
                { WATCH("9"), 0, EVENT("ADDED", "end", "10"), true },
        };
        PLAY(steps, "begin +a synced begin synced +b begin synced +end");
}

Test(watch, gone_again_and_again_is_a_failure)
{
        const struct step steps[] = {
                { LIST, 200, ITEMS("5", ""), false },
                { WATCH("5"), 410, STATUS("410", "Expired"), false },
                { LIST, 200, ITEMS("5", ""), false },
                { WATCH("5"), 410, STATUS("410", "Expired"), false },
                { LIST, 200, ITEMS("6", OBJECT("end", "6")), false },
        };
        PLAY(steps, "begin synced begin synced failed:410 begin +end synced");
}

Test(watch, other_error_events_and_what_cannot_be_understood_list_again)
{
        const struct step steps[] = {
                { LIST, 200, ITEMS("5", ""), false },
                { WATCH("5"), 0, "{\"type\":\"ERROR\",\"object\":" STATUS("500", "InternalError") "}\n", true },
                { LIST, 200, ITEMS("6", ""), false },
                { WATCH("6"), 0, EVENT("ADDED", "a", "7") "{]\n", true },
                { LIST, 200, ITEMS("8", OBJECT("end", "1")), false },
        };
        PLAY(steps, "begin synced failed:500 begin synced +a failed:200 begin +end synced");
}

Test(watch, failures_are_told_and_tried_again)
{
        const struct step steps[] = {
                { LIST, 403, STATUS("403", "Forbidden"), false },
                { LIST, 403, STATUS("403", "Forbidden"), false },
                { LIST, 200, "{}", false },
                { LIST, 200, ITEMS("5", ""), false },
                { WATCH("5"), 500, "", false },
                { WATCH("5"), 0, EVENT("ADDED", "end", "6"), true },
        };
        PLAY(steps, "failed:403 failed:403 failed:200 begin synced failed:500 +end");
}

Test(watch, a_chunk_that_expired_starts_the_list_anew)
{
        const struct step steps[] = {
                { LIST, 200,
                  "{\"metadata\":{\"resourceVersion\":\"5\",\"continue\":\"x\"},\"items\":[" OBJECT("a", "1") "]}",
                  false },
                { "GET /api/v1/pods?fieldSelector=a%3Db&limit=500&continue=x ", 410, STATUS("410", "Expired"), false },
                { LIST, 200, ITEMS("6", OBJECT("end", "6")), false },
        };
        PLAY(steps, "begin +a failed:410 begin +end synced");
}

Test(watch, may_be_freed_by_its_handler_anywhere)
{
        const struct step steps[] = {
                { LIST, 200, ITEMS("5", OBJECT("a", "1") "," OBJECT("b", "2")), false },
                { WATCH("5"), 0, EVENT("ADDED", "c", "6") EVENT("DELETED", "d", "7") "{]\n", true },
        };
        const struct step forbidden[] = { { LIST, 403, STATUS("403", "Forbidden"), false } };

        play(steps, 1, "begin", 0, "begin");
        play(steps, 1, "+a", 0, "begin +a");
        play(steps, 1, "+b", 0, "begin +a +b");
        play(steps, 1, "synced", 0, "begin +a +b synced");
        play(steps, 2, "+c", 0, "begin +a +b synced +c");
        play(steps, 2, "-d", 0, "begin +a +b synced +c -d");
        play(steps, 2, "failed:200", 0, "begin +a +b synced +c -d failed:200");
        play(forbidden, 1, "failed:403", 0, "failed:403");
}
