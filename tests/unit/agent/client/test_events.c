/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/client/events.h"
#include "common/buf.h"
#include "tests/unit/api_server.h"

struct run {
        struct server server;
        struct api *api;
        struct events *events;
        const int *statuses;
        size_t n_statuses, at;
        const char *second; /* its message, posted while the first one is under way */
        struct buf seen;    /* "POST:count PATCH:count" */
};

static const struct event_object pod = { "Pod", "ns", "web", "uid-1", NULL };

static void answer(struct server *s, int fd, const char *request)
{
        struct run *t = s->userdata;
        const char *count = strstr(request, "\"count\":");

        buf_printf(&t->seen, "%s%.*s:%d", t->seen.len ? " " : "", (int)strcspn(request, " "), request,
                   count ? (int)strtol(count + strlen("\"count\":"), NULL, 10) : 0);
        server_answer(fd, t->statuses[t->at++], "{\"reason\":\"AlreadyExists\"}");
        if (t->at == 1)
                event_post(t->events, &pod, true, "BackOff", "%s", t->second);
        if (t->at == t->n_statuses)
                sd_event_exit(s->event, 0);
}

static void play(const int *statuses, size_t n, const char *second, const char *want)
{
        struct run t = { .statuses = statuses, .n_statuses = n, .second = second, .seen = BUF(1000) };

        t.api = api_start(&t.server, answer, &t, NULL);
        t.events = events_new(t.server.event, t.api, "node1");
        event_post(t.events, &pod, true, "BackOff", "%s", "again");
        sd_event_loop(t.server.event);
        cr_expect_str_eq(t.seen.data, want);
        events_free(t.events);
        api_free(t.api);
        server_stop(&t.server);
        buf_done(&t.seen);
}

Test(events, a_repeated_one_is_posted_and_then_patched)
{
        play((const int[]){ 201, 200 }, 2, "again", "POST:1 PATCH:2");
}

Test(events, a_failed_post_is_tried_again)
{
        play((const int[]){ 500, 429, 201 }, 3, "again", "POST:1 POST:2 POST:2");
}

Test(events, one_that_is_gone_is_posted_anew)
{
        play((const int[]){ 201, 404, 201 }, 3, "again", "POST:1 PATCH:2 POST:2");
}

Test(events, one_that_is_there_already_was_posted)
{
        play((const int[]){ 409, 200 }, 2, "again", "POST:1 PATCH:2");
}

Test(events, what_is_refused_is_dropped)
{
        play((const int[]){ 403, 201 }, 2, "another", "POST:1 POST:1");
}

/* ---- the pace --------------------------------------------------------------------------------------------------- */

struct crowd {
        struct server server;
        struct api *api;
        struct events *events;
        size_t posted, wanted;
};

static void ignore(void *userdata UNUSED, struct api_response *r UNUSED)
{
}

static void take(struct server *s, int fd, const char *request)
{
        struct crowd *c = s->userdata;

        server_answer(fd, 201, "{}");
        if (strncmp(request, "POST", 4) == 0 && ++c->posted == c->wanted)
                sd_event_exit(s->event, 0);
}

static int ask(sd_event_source *source, uint64_t usec UNUSED, void *userdata)
{
        struct crowd *c = userdata;

        api_call(c->api, API_GET, "/api/v1/pods/other", NULL, 0, ignore, NULL);
        sd_event_source_set_time_relative(source, 50000);
        return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

/* Seconds until the first event of each of so many pods is posted; `others`: the agent asks something else all the
 * time. */
static double seconds_for(size_t pods, bool others)
{
        struct crowd c = { .wanted = pods };
        sd_event_source *asking = NULL;
        uint64_t before = 0, after = 0;

        c.api = api_start(&c.server, take, &c, NULL);
        c.events = events_new(c.server.event, c.api, "node1");
        sd_event_now(c.server.event, CLOCK_MONOTONIC, &before);
        for (size_t i = 0; i < pods; i++) {
                CLEANUP(freep) char *name = xasprintf("web-%zu", i);

                event_post(c.events, &(struct event_object){ "Pod", "ns", name, name, NULL }, false, "Started",
                           "started");
        }
        if (others)
                sd_event_add_time_relative(c.server.event, &asking, CLOCK_MONOTONIC, 1, 0, ask, &c);
        sd_event_loop(c.server.event);
        sd_event_now(c.server.event, CLOCK_MONOTONIC, &after);
        sd_event_source_disable_unref(asking);
        events_free(c.events);
        api_free(c.api);
        server_stop(&c.server);
        return (double)(after - before) / 1e6;
}

/* 100 of 150 would wait 20 s for the bucket. */
Test(events, many_are_sent_at_once_when_the_agent_has_nothing_else_to_ask)
{
        cr_expect_lt(seconds_for(150, false), 15.0);
}

/* 10 of 60 wait for a fifth of a second each. */
Test(events, many_wait_while_the_agent_has_something_else_to_ask)
{
        cr_expect_geq(seconds_for(60, true), 1.9);
}
