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
