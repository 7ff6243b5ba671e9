/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "agent/lib/json.h"
#include "tests/unit/api_server.h"

struct run {
        struct server server;
        struct api *api;
        struct api_response r;
        char request[4096];
        int status;
        const char *answer;
};

static void on_done(void *userdata, struct api_response *r)
{
        struct run *t = userdata;

        t->r = *r;
        r->body = NULL; /* ours now */
        sd_event_exit(t->server.event, 0);
}

static void answer(struct server *s, int fd, const char *request)
{
        struct run *t = s->userdata;

        snprintf(t->request, sizeof(t->request), "%s", request);
        server_answer(fd, t->status, t->answer);
}

/* One request, answered with that. */
static void ask(struct run *t, int status, const char *text)
{
        *t = (struct run){ .status = status, .answer = text };
        t->api = api_start(&t->server, answer, t, NULL);
        api_call(t->api, API_GET, "/x?y=z", NULL, 0, on_done, t);
        sd_event_loop(t->server.event);
}

/* One request of which only success or failure matters, answered with that. */
static void tell(struct run *t, int status, const char *text)
{
        *t = (struct run){ .status = status, .answer = text };
        t->api = api_start(&t->server, answer, t, NULL);
        api_tell(t->api, API_DELETE, "/x", NULL, 0, on_done, t);
        sd_event_loop(t->server.event);
}

static void end(struct run *t)
{
        cJSON_Delete(t->r.body);
        api_free(t->api);
        server_stop(&t->server);
}

Test(api, statuses_become_errors)
{
        cr_expect_eq(api_error(201, NULL), 0);
        cr_expect_eq(api_error(401, "Unauthorized"), -EACCES);
        cr_expect_eq(api_error(403, "Forbidden"), -EACCES);
        cr_expect_eq(api_error(404, "NotFound"), -ENOENT);
        cr_expect_eq(api_error(409, "AlreadyExists"), -EEXIST);
        cr_expect_eq(api_error(409, "Conflict"), -ESTALE);
        cr_expect_eq(api_error(409, NULL), -ESTALE);
        cr_expect_eq(api_error(410, "Expired"), -EKEYEXPIRED);
        cr_expect_eq(api_error(422, "Invalid"), -EINVAL);
        cr_expect_eq(api_error(429, "TooManyRequests"), -EBUSY);
        cr_expect_eq(api_error(302, NULL), -EIO);
        cr_expect_eq(api_error(500, NULL), -EIO);
}

Test(api, escapes_what_a_query_cannot_hold)
{
        CLEANUP(freep) char *s = api_escape("a=b/c d\xc3\xa9-._~");

        cr_expect_str_eq(s, "a%3Db%2Fc%20d%C3%A9-._~");
}

Test(api, an_answer_is_parsed_and_the_request_says_who_asks)
{
        struct run t;

        ask(&t, 200, "{\"kind\":\"List\"}\n");
        cr_expect(t.r.error == 0 && t.r.status == 200);
        cr_expect_str_eq(json_str(t.r.body, "kind"), "List");
        cr_expect(starts_with(t.request, "GET /x?y=z HTTP/1.1\r\n"));
        cr_expect(strstr(t.request, "\r\nAuthorization: Bearer secret\r\n"));
        cr_expect(strstr(t.request, "\r\nAccept: application/json\r\n"));
        cr_expect(strstr(t.request, "\r\nUser-Agent: vks-agent/"));
        end(&t);
}

Test(api, a_status_tells_its_reason_and_its_message)
{
        struct run t;

        ask(&t, 409,
            "{\"kind\":\"Status\",\"reason\":\"AlreadyExists\",\"message\":\"pods \\\"a\\\" already exists\","
            "\"details\":{\"retryAfterSeconds\":3}}");
        cr_expect(t.r.error == -EEXIST && t.r.err.code == -EEXIST && t.r.retry_after_s == 3);
        cr_expect_str_eq(t.r.err.reason, "AlreadyExists");
        cr_expect_str_eq(t.r.err.text, "GET /x?y=z: pods \"a\" already exists");
        end(&t);
}

Test(api, an_error_without_a_status_shows_the_body)
{
        struct run t;

        ask(&t, 502, "Bad Gateway");
        cr_expect_eq(t.r.error, -EIO);
        cr_expect_str_eq(t.r.err.text, "GET /x?y=z: HTTP status 502: Bad Gateway");
        end(&t);
}

Test(api, success_that_is_not_json_is_a_failure)
{
        struct run t;

        ask(&t, 200, "<html>");
        cr_expect_eq(t.r.error, -EIO);
        cr_expect_str_eq(t.r.err.text, "GET /x?y=z: the answer is not JSON");
        end(&t);
        ask(&t, 200, "");
        cr_expect(t.r.error == 0 && !t.r.body, "but no body at all is none");
        end(&t);
}

Test(api, what_is_only_told_gets_no_body_back_unless_it_failed)
{
        struct run t;

        tell(&t, 200, "{\"kind\":\"Pod\"}");
        cr_expect(t.r.error == 0 && t.r.status == 200 && !t.r.body);
        end(&t);
        tell(&t, 409, "{\"kind\":\"Status\",\"reason\":\"Conflict\",\"message\":\"the uid is another's\"}");
        cr_expect_eq(t.r.error, -ESTALE);
        cr_expect_str_eq(t.r.err.text, "DELETE /x: the uid is another's");
        end(&t);
}

Test(api, patches_and_posts_name_their_types)
{
        struct run t = { .status = 200, .answer = "{}" };
        cJSON *body = cJSON_CreateObject();

        t.api = api_start(&t.server, answer, &t, NULL);
        api_call(t.api, API_PATCH, "/x", body, 0, on_done, &t);
        sd_event_loop(t.server.event);
        cr_expect(starts_with(t.request, "PATCH /x "));
        cr_expect(strstr(t.request, "\r\nContent-Type: application/strategic-merge-patch+json\r\n"));
        cr_expect(ends_with(t.request, "\r\n\r\n{}"));
        end(&t);

        t = (struct run){ .status = 200, .answer = "{}" };
        t.api = api_start(&t.server, answer, &t, NULL);
        api_call(t.api, API_POST, "/x", body, 0, on_done, &t);
        sd_event_loop(t.server.event);
        cr_expect(strstr(t.request, "\r\nContent-Type: application/json\r\n"));
        cJSON_Delete(body);
        end(&t);
}

/* Refuses the token that was in the file at first, after having put another one there. */
static void rotate(struct server *s, int fd, const char *request)
{
        struct run *t = s->userdata;

        if (strstr(request, "\r\nAuthorization: Bearer one\r\n")) {
                FILE *f = fopen(t->answer, "w");
                cr_assert(f && fputs("two\n", f) >= 0 && fclose(f) == 0);
                server_answer(fd, 401, "{}");
        } else
                server_answer(fd, strstr(request, "\r\nAuthorization: Bearer two\r\n") ? 200 : 400, "{}");
}

static void ask_again(void *userdata, struct api_response *r)
{
        struct run *t = userdata;

        cr_expect_eq(r->error, -EACCES);
        api_call(t->api, API_GET, "/x", NULL, 0, on_done, t);
}

Test(api, a_token_file_is_read_again_once_its_token_was_refused)
{
        char path[] = "/tmp/vks-test-api-XXXXXX";
        struct run t = { .answer = path };
        int fd = mkstemp(path);

        cr_assert(fd >= 0 && dprintf(fd, "one\n") > 0);
        close(fd);
        t.api = api_start(&t.server, rotate, &t, path);
        api_call(t.api, API_GET, "/x", NULL, 0, ask_again, &t);
        sd_event_loop(t.server.event);
        cr_expect_eq(t.r.status, 200);
        end(&t);
        unlink(path);
}

static void stop(void *userdata, const char *data, size_t size)
{
        struct run *t = userdata;

        (void)data, (void)size;
        t->api = api_free(t->api);
        sd_event_exit(t->server.event, 0);
}

static void stream(struct server *s, int fd, const char *request)
{
        (void)s, (void)request;
        server_stream(fd);
        server_write(fd, "data");
}

Test(api, may_be_freed_while_calls_are_under_way)
{
        struct run t = { 0 };

        t.api = api_start(&t.server, stream, &t, NULL);
        for (int i = 0; i < 3; i++)
                api_stream(t.api, "/x", 0, stop, on_done, &t);
        sd_event_loop(t.server.event);
        cr_expect_eq(t.r.status, 0, "and nobody is called back");
        server_stop(&t.server);
}
