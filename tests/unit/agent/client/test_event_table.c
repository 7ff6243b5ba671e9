/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <stdio.h>

#include "agent/client/event_table.h"
#include "common/ids.h"
#include "agent/lib/json.h"
#include "common/mem.h"

#define SECOND UINT64_C(1000000)
#define WALL   UINT64_C(1700000000000000) /* 2023-11-14T22:13:20Z */

static const struct event_object pod = { "Pod", "ns", "web", "uid-1", "main" };

static bool note(struct event_table *t, const char *message, uint64_t second)
{
        return event_table_note(t, &pod, true, "BackOff", message, second * SECOND, WALL + second * SECOND, 7);
}

/* The next request as "METHOD PATH", its body into *ret_body. */
static char *next(struct event_table *t, struct event_record **ret, cJSON **ret_body)
{
        CLEANUP(freep) char *path = NULL;
        bool patch;

        *ret = event_table_next(t);
        cr_assert_not_null(*ret);
        event_record_request(t, *ret, &patch, &path, ret_body);
        return xasprintf("%s %s", patch ? "PATCH" : "POST", path);
}

static void expect_next(struct event_table *t, const char *request, int count, enum event_outcome outcome, bool kept)
{
        struct event_record *r;
        cJSON *body = NULL;
        CLEANUP(freep) char *got = next(t, &r, &body);

        cr_expect(starts_with(got, request), "%s", got);
        cr_expect_eq(json_int(body, "count", 0), count);
        cr_expect_eq(event_table_done(t, r, outcome), kept);
        cJSON_Delete(body);
}

#define POST  "POST /api/v1/namespaces/ns/events"
#define PATCH "PATCH /api/v1/namespaces/ns/events/web."

Test(event_table, an_event_is_what_the_kubelet_would_post)
{
        CLEANUP(event_table_freep) struct event_table *t = event_table_new("node1");
        struct event_record *r;
        cJSON *body = NULL;
        CLEANUP(freep) char *text = NULL;

        cr_assert(note(t, "Back-off", 0));
        free(next(t, &r, &body));
        text = cJSON_PrintUnformatted(body);
        cr_expect_str_eq(text,
                         "{\"apiVersion\":\"v1\",\"kind\":\"Event\",\"metadata\":{\"name\":\"web.17979cfe362a0007\","
                         "\"namespace\":\"ns\"},"
                         "\"involvedObject\":{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"namespace\":\"ns\",\"name\":"
                         "\"web\",\"uid\":\"uid-1\","
                         "\"fieldPath\":\"spec.containers{main}\"},\"type\":\"Warning\",\"reason\":\"BackOff\","
                         "\"message\":\"Back-off\","
                         "\"source\":{\"component\":\"kubelet\",\"host\":\"node1\"},\"reportingComponent\":\"kubelet\","
                         "\"reportingInstance\":\"node1\",\"firstTimestamp\":\"2023-11-14T22:13:20Z\","
                         "\"lastTimestamp\":\"2023-11-14T22:13:20Z\",\"count\":1}");
        cJSON_Delete(body);
}

Test(event_table, of_a_node_it_is_in_the_default_namespace)
{
        CLEANUP(event_table_freep) struct event_table *t = event_table_new("node1");
        const struct event_object node = { "Node", NULL, "node1", "node1", NULL };
        struct event_record *r;
        cJSON *body = NULL;
        CLEANUP(freep) char *request = NULL;

        cr_assert(event_table_note(t, &node, false, "Starting", "m", 0, WALL, 0));
        request = next(t, &r, &body);
        cr_expect_str_eq(request, "POST /api/v1/namespaces/default/events");
        cr_expect_null(json_get(json_get(body, "involvedObject"), "namespace"));
        cr_expect_null(json_get(json_get(body, "involvedObject"), "fieldPath"));
        cr_expect_str_eq(json_str(body, "type"), "Normal");
        cJSON_Delete(body);
}

Test(event_table, the_same_again_is_counted)
{
        CLEANUP(event_table_freep) struct event_table *t = event_table_new("n");

        cr_assert(note(t, "a", 0) && note(t, "a", 1));
        expect_next(t, POST, 2, EVENT_POSTED, true);
        cr_expect_not(event_table_waiting(t));
        cr_assert(note(t, "a", 599));
        expect_next(t, PATCH, 3, EVENT_POSTED, true);
        cr_assert(note(t, "a", 599 + 600));
        expect_next(t, POST, 1, EVENT_POSTED, true);
        cr_expect_eq(event_table_size(t), 1, "what is old is forgotten");
}

Test(event_table, another_message_is_another_event)
{
        CLEANUP(event_table_freep) struct event_table *t = event_table_new("n");

        cr_assert(note(t, "a", 0) && note(t, "b", 1));
        expect_next(t, POST, 1, EVENT_POSTED, true);
        expect_next(t, POST, 1, EVENT_POSTED, true);
        cr_expect_not(event_table_waiting(t));
}

Test(event_table, what_is_gone_from_the_api_is_posted_anew)
{
        CLEANUP(event_table_freep) struct event_table *t = event_table_new("n");

        cr_assert(note(t, "a", 0));
        expect_next(t, POST, 1, EVENT_POSTED, true);
        cr_assert(note(t, "a", 1));
        expect_next(t, PATCH, 2, EVENT_UNKNOWN, true);
        expect_next(t, POST, 2, EVENT_UNKNOWN, false); /* there is no such namespace */
        cr_expect_eq(event_table_size(t), 0);
}

Test(event_table, a_failed_post_is_tried_a_few_times_before_others)
{
        CLEANUP(event_table_freep) struct event_table *t = event_table_new("n");

        cr_assert(note(t, "a", 0) && note(t, "b", 0));
        for (int i = 0; i < 7; i++)
                expect_next(t, POST, 1, EVENT_RETRY, true);
        expect_next(t, POST, 1, EVENT_RETRY, false);
        expect_next(t, POST, 1, EVENT_POSTED, true);
        cr_expect_not(event_table_waiting(t));
}

Test(event_table, what_happens_again_while_it_is_sent_is_sent_again)
{
        CLEANUP(event_table_freep) struct event_table *t = event_table_new("n");
        struct event_record *r;

        cr_assert(note(t, "a", 0));
        r = event_table_next(t);
        cr_assert(note(t, "a", 0));
        cr_assert(event_table_done(t, r, EVENT_POSTED));
        expect_next(t, PATCH, 2, EVENT_POSTED, true);
        r = NULL;
        cr_assert(note(t, "a", 0));
        r = event_table_next(t);
        cr_assert(note(t, "a", 0));
        cr_assert(event_table_done(t, r, EVENT_RETRY));
        expect_next(t, PATCH, 4, EVENT_POSTED, true);
        cr_expect_not(event_table_waiting(t), "it is queued once");
}

Test(event_table, an_object_that_floods_is_cut_short)
{
        CLEANUP(event_table_freep) struct event_table *t = event_table_new("n");
        const struct event_object other = { "Pod", "ns", "other", "uid-2", NULL };
        char message[16];

        for (int i = 0; i < 25; i++) {
                snprintf(message, sizeof(message), "%d", i);
                cr_expect(note(t, message, 0));
        }
        cr_expect_not(note(t, "more", 0));
        cr_expect(event_table_note(t, &other, false, "Pulled", "m", 0, WALL, 0), "others are heard");
        cr_expect_not(note(t, "more", 299));
        cr_expect(note(t, "more", 300));
        cr_expect_not(note(t, "more", 301));
}

Test(event_table, is_bounded_and_the_oldest_goes_first)
{
        CLEANUP(event_table_freep) struct event_table *t = event_table_new("n");
        struct event_record *sending;
        char name[16];
        struct event_object o = { "Pod", "ns", name, "u", NULL };
        CLEANUP(freep) char *text = NULL;

        snprintf(name, sizeof(name), "first");
        cr_assert(event_table_note(t, &o, false, "r", "m", 0, WALL, 0));
        sending = event_table_next(t); /* this one has to stay */
        for (int i = 0; i < EVENT_TABLE_MAX + 10; i++) {
                snprintf(name, sizeof(name), "pod-%d", i);
                cr_assert(event_table_note(t, &o, false, "r", "m", 0, WALL, 0));
        }
        cr_expect_eq(event_table_size(t), EVENT_TABLE_MAX);
        text = event_record_text(sending);
        cr_expect_str_eq(text, "Pod ns/first: r: m");
        cr_expect(event_table_done(t, sending, EVENT_POSTED));
        sending = event_table_next(t);
        free(text);
        text = event_record_text(sending);
        cr_expect_str_eq(text, "Pod ns/pod-11: r: m");
        event_table_done(t, sending, EVENT_POSTED);
}

Test(event_table, names_stay_names)
{
        CLEANUP(event_table_freep) struct event_table *t = event_table_new("n");
        char name[ID_NAME_MAX + 1];
        struct event_object o = { "Pod", "ns", name, "u", NULL };
        struct event_record *r;
        cJSON *body = NULL;

        memset(name, 'a', ID_NAME_MAX);
        name[ID_NAME_MAX] = '\0';
        name[235] = '.';
        name[234] = '-';
        cr_assert(event_table_note(t, &o, false, "r", "m", 0, WALL, 0));
        free(next(t, &r, &body));
        cr_expect(id_is_name(json_str(json_get(body, "metadata"), "name")));
        cJSON_Delete(body);
}

Test(event_table, a_bucket_fills_again)
{
        struct bucket b = { 0 };

        cr_expect(bucket_take(&b, 2, 10, 1000) && bucket_take(&b, 2, 10, 1000) && !bucket_take(&b, 2, 10, 1000));
        cr_expect(!bucket_take(&b, 2, 10, 1009) && bucket_take(&b, 2, 10, 1010) && !bucket_take(&b, 2, 10, 1019));
        cr_expect(bucket_take(&b, 2, 10, 1500) && bucket_take(&b, 2, 10, 1500) && !bucket_take(&b, 2, 10, 1500));
}

Test(event_table, of_an_object_that_is_gone_nothing_is_remembered_once_it_is_sent)
{
        static const struct event_object other = { "Pod", "ns", "web", "1", "main" };
        CLEANUP(event_table_freep) struct event_table *t = event_table_new("node1");
        struct event_record *r;
        cJSON *body = NULL;

        cr_assert(note(t, "sent", 0) && note(t, "under way", 0) && note(t, "waits", 0));
        expect_next(t, POST, 1, EVENT_POSTED, true);
        free(next(t, &r, &body));
        cJSON_Delete(body);
        cr_assert(event_table_note(t, &other, true, "BackOff", "another's", 0, WALL, 7));
        event_table_forget(t, "uid-1");
        cr_expect_eq(event_table_size(t), 3, "what was sent is gone");
        cr_expect(event_table_done(t, r, EVENT_POSTED));
        cr_expect_eq(event_table_size(t), 2);
        expect_next(t, POST, 1, EVENT_RETRY, true);
        expect_next(t, POST, 1, EVENT_POSTED, true);
        cr_expect_eq(event_table_size(t), 1, "what waited was sent");
        expect_next(t, POST, 1, EVENT_POSTED, true);
        cr_expect_eq(event_table_size(t), 1, "another's stays");
        for (int i = 0; i < 24; i++)
                cr_assert(note(t, "again", 1), "and its flood is over");
}
