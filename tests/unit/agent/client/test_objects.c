/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "agent/client/objects.h"
#include "tests/unit/api_server.h"

struct run {
        enum object_kind kind;
        struct server server;
        struct api *api;
        struct objects *objects;
        struct object *object;
        const char *const *answers; /* "403 BODY", or a BODY that is a list, or "stream BODY" */
        size_t n_answers, at;
        unsigned changes, wanted;
        enum object_state states[8];
        char first_line[256];
};

static void answer(struct server *s, int fd, const char *request)
{
        struct run *t = s->userdata;
        const char *a = t->at < t->n_answers ? t->answers[t->at] : "stream ";

        if (t->at++ == 0)
                snprintf(t->first_line, sizeof(t->first_line), "%.*s", (int)strcspn(request, "\r"), request);
        if (starts_with(a, "stream ")) {
                server_stream(fd);
                server_write(fd, "%s", a + 7);
        } else if (starts_with(a, "403 ") || starts_with(a, "410 ")) {
                server_answer(fd, *a == '4' && a[1] == '0' ? 403 : 410, a + 4);
        } else
                server_answer(fd, 200, a);
}

static void on_changed(void *userdata, enum object_kind kind, const char *namespace, const char *name)
{
        struct run *t = userdata;

        cr_expect(kind == t->kind && streq(namespace, "ns") && streq(name, "s"));
        t->states[t->changes++] = object_state(t->object);
        if (t->changes == t->wanted)
                sd_event_exit(t->server.event, 0);
}

static void begin_kind(struct run *t, enum object_kind kind, const char *const *answers, size_t n, unsigned changes)
{
        *t = (struct run){ .kind = kind, .answers = answers, .n_answers = n, .wanted = changes };
        t->api = api_start(&t->server, answer, t, NULL);
        t->objects = objects_new(t->server.event, t->api, on_changed, t);
        t->object = object_hold(t->objects, t->kind, "ns", "s");
        cr_expect_eq(object_state(t->object), OBJECT_UNKNOWN);
        sd_event_loop(t->server.event);
}

static void begin(struct run *t, const char *const *answers, size_t n, unsigned changes)
{
        begin_kind(t, OBJECT_SECRET, answers, n, changes);
}

static void end(struct run *t)
{
        object_release(t->object);
        objects_free(t->objects);
        api_free(t->api);
        server_stop(&t->server);
}

static void expect_key(const struct run *t, const char *key, const char *value)
{
        const void *data;
        size_t size;

        cr_assert_eq(object_get(t->object, key, &data, &size), 0, "%s", key);
        cr_expect(size == strlen(value) && memcmp(data, value, size) == 0, "%s", key);
}

#define SECRET(data)                                                                                                   \
        "{\"metadata\":{\"name\":\"s\",\"namespace\":\"ns\",\"resourceVersion\":\"3\"},\"data\":{" data "}}"
#define LIST(items)         "{\"metadata\":{\"resourceVersion\":\"5\"},\"items\":[" items "]}"
#define EVENT(type, object) "stream {\"type\":\"" type "\",\"object\":" object "}\n"
#define FORBIDDEN           "403 {\"reason\":\"Forbidden\",\"message\":\"no\"}"

Test(objects, content_is_decoded)
{
        const char *answers[] = { LIST(SECRET("\"a\":\"aGFsbG8=\",\"b\":\"\"")) };
        const void *data;
        size_t size;
        struct run t;

        begin(&t, answers, 1, 1);
        cr_expect_str_eq(t.first_line,
                         "GET /api/v1/namespaces/ns/secrets?fieldSelector=metadata.name%3Ds&limit=500 HTTP/1.1");
        cr_expect_eq(t.states[0], OBJECT_PRESENT);
        cr_expect_eq(object_n_keys(t.object), 2);
        expect_key(&t, "a", "hallo");
        expect_key(&t, "b", "");
        cr_expect_str_eq(object_key(t.object, 0, &data, &size), "a");
        cr_expect_null(object_key(t.object, 2, &data, &size));
        cr_expect_eq(object_get(t.object, "c", &data, &size), -ENOENT);
        end(&t);
}

Test(objects, data_of_a_config_map_may_hold_nuls_and_binary_data_is_told_from_it)
{
        const char *answers[] = { LIST("{\"metadata\":{\"name\":\"s\",\"namespace\":\"ns\",\"resourceVersion\":\"3\"},"
                                       "\"data\":{\"list\":\"a\\u0000b\\u0000\"},\"binaryData\":{\"bin\":\"/wA=\"}}") };
        const void *data;
        size_t size;
        struct run t;

        begin_kind(&t, OBJECT_CONFIG_MAP, answers, 1, 1);
        cr_assert_eq(object_get(t.object, "list", &data, &size), 0);
        cr_assert_eq(size, 4);
        cr_expect_arr_eq(data, "a\0b\0", 4);
        cr_assert_eq(object_get(t.object, "bin", &data, &size), 0);
        cr_assert_eq(size, 2);
        cr_expect_arr_eq(data, "\xff\0", 2);
        cr_expect(object_is_binary(t.object, "bin") && !object_is_binary(t.object, "list"));
        end(&t);
}

Test(objects, what_is_not_there_is_missing_until_it_comes_and_after_it_went)
{
        const char *answers[] = {
                LIST(""), EVENT("ADDED", SECRET("\"a\":\"MQ==\"")) "{\"type\":\"DELETED\",\"object\":" SECRET("") "}\n"
        };
        struct run t;

        begin(&t, answers, 2, 3);
        cr_expect(t.states[0] == OBJECT_MISSING && t.states[1] == OBJECT_PRESENT && t.states[2] == OBJECT_MISSING);
        cr_expect_eq(object_n_keys(t.object), 0);
        end(&t);
}

Test(objects, only_new_content_is_news)
{
        const char *answers[] = {
                LIST(SECRET("\"a\":\"MQ==\"")),
                EVENT("MODIFIED",
                      SECRET("\"a\":\"MQ==\"")) "{\"type\":\"MODIFIED\",\"object\":" SECRET("\"a\":\"Mg==\"") "}\n"
        };
        struct run t;

        begin(&t, answers, 2, 2);
        expect_key(&t, "a", "2");
        end(&t);
}

Test(objects, an_authorizer_that_lags_is_not_told)
{
        const char *answers[] = { FORBIDDEN, FORBIDDEN, LIST(SECRET("\"a\":\"MQ==\"")) };
        struct run t;

        begin(&t, answers, 3, 1);
        cr_expect_eq(t.states[0], OBJECT_PRESENT);
        end(&t);
}

Test(objects, an_authorizer_that_insists_is_told_and_asked_again)
{
        const char *answers[] = {
                FORBIDDEN, FORBIDDEN, FORBIDDEN, FORBIDDEN, FORBIDDEN, LIST(SECRET("\"a\":\"MQ==\""))
        };
        struct run t;

        begin(&t, answers, 6, 2);
        cr_expect(t.states[0] == OBJECT_DENIED && t.states[1] == OBJECT_PRESENT);
        end(&t);
}

Test(objects, what_was_there_stays_while_the_server_refuses)
{
        const char *answers[] = { LIST(SECRET("\"a\":\"MQ==\"")), "410 {}", FORBIDDEN, LIST(SECRET("\"a\":\"Mg==\"")) };
        struct run t;

        begin(&t, answers, 4, 2);
        cr_expect(t.states[0] == OBJECT_PRESENT && t.states[1] == OBJECT_PRESENT);
        expect_key(&t, "a", "2");
        end(&t);
}

Test(objects, holders_share_one_watch)
{
        const char *answers[] = { LIST(SECRET("\"a\":\"MQ==\"")) };
        struct object *second;
        struct run t;

        begin(&t, answers, 1, 1);
        second = object_hold(t.objects, OBJECT_SECRET, "ns", "s");
        cr_expect_eq(second, t.object);
        t.object = object_release(t.object);
        cr_expect_eq(object_state(second), OBJECT_PRESENT);
        cr_expect_eq(api_request_count(t.api), 1);
        t.object = second;
        end(&t);
}

static void release(void *userdata, enum object_kind kind, const char *namespace, const char *name)
{
        struct run *t = userdata;

        (void)kind, (void)namespace, (void)name;
        t->object = object_release(t->object);
        sd_event_exit(t->server.event, 0);
}

Test(objects, may_be_released_when_told)
{
        const char *answers[] = { LIST(SECRET("\"a\":\"MQ==\"")) };
        struct run t = { .answers = answers, .n_answers = 1 };

        t.api = api_start(&t.server, answer, &t, NULL);
        t.objects = objects_new(t.server.event, t.api, release, &t);
        t.object = object_hold(t.objects, OBJECT_SECRET, "ns", "s");
        sd_event_loop(t.server.event);
        cr_expect_null(t.object);
        end(&t);
}
