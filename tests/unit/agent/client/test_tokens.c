/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/client/tokens.h"
#include "tests/unit/api_server.h"

static const struct pod_id pod = { .namespace = "ns", .name = "web", .uid = "0f6c2a9e-1234-4abc-8def-0123456789ab" };

struct run {
        struct server server;
        struct api *api;
        struct tokens *tokens;
        struct token *token;
        unsigned refuse; /* so many requests first, one with 403, one with 404, and so on */
        unsigned asked, told, wanted;
        const char *expiration;
        char request[2048];
        struct err first; /* why there was no token when it was told for the first time */
};

static void answer(struct server *s, int fd, const char *request)
{
        struct run *t = s->userdata;
        CLEANUP(freep) char *body = NULL;

        snprintf(t->request, sizeof(t->request), "%s", request);
        if (t->asked++ < t->refuse) {
                if (t->asked % 2)
                        server_answer(fd, 403, "{\"reason\":\"Forbidden\",\"message\":\"no\"}");
                else
                        server_answer(fd, 404, "{\"reason\":\"NotFound\",\"message\":\"pod \\\"web\\\" not found\"}");
                return;
        }
        body = xasprintf("{\"spec\":{\"expirationSeconds\":%s},\"status\":{\"token\":\"token-%u\"}}", t->expiration,
                         t->asked);
        server_answer(fd, 201, body);
}

static void on_changed(void *userdata, const struct pod_id *id)
{
        struct run *t = userdata;

        cr_expect_str_eq(id->uid, pod.uid);
        if (t->told == 0)
                token_value(t->token, &t->first);
        if (++t->told == t->wanted)
                sd_event_exit(t->server.event, 0);
}

static void begin(struct run *t, unsigned refuse, unsigned wanted, const char *expiration)
{
        struct err why = { .code = 1 };

        *t = (struct run){ .refuse = refuse, .wanted = wanted, .expiration = expiration };
        t->api = api_start(&t->server, answer, t, NULL);
        t->tokens = tokens_new(t->server.event, t->api, on_changed, t);
        t->token = token_hold(t->tokens, &pod, "default", "vault", 3600);
        cr_expect(!token_value(t->token, &why) && why.code == 0, "not yet, and no reason yet");
        sd_event_loop(t->server.event);
}

static void end(struct run *t)
{
        token_release(t->token);
        tokens_free(t->tokens);
        api_free(t->api);
        server_stop(&t->server);
}

Test(tokens, are_renewed_at_four_fifths_or_after_a_day)
{
        cr_expect_eq(token_renew_after(3600, 0), 2880);
        cr_expect_eq(token_renew_after(3600, 10), 2870);
        cr_expect_eq(token_renew_after(INT64_C(365) * 24 * 3600, 3), 24 * 3600 - 3);
        cr_expect_eq(token_renew_after(1, 10), 1, "and never in a hot loop");
}

Test(tokens, are_bound_to_the_pod)
{
        cJSON *body = token_request(&pod, "vault", 3600);
        CLEANUP(freep) char *text = cJSON_PrintUnformatted(body);

        cr_expect_str_eq(text, "{\"apiVersion\":\"authentication.k8s.io/"
                               "v1\",\"kind\":\"TokenRequest\",\"spec\":{\"audiences\":[\"vault\"],"
                               "\"expirationSeconds\":3600,\"boundObjectRef\":{\"apiVersion\":\"v1\",\"kind\":\"Pod\","
                               "\"name\":\"web\","
                               "\"uid\":\"0f6c2a9e-1234-4abc-8def-0123456789ab\"}}}");
        cJSON_Delete(body);
        body = token_request(&pod, NULL, 3600);
        cr_expect_null(cJSON_GetObjectItem(cJSON_GetObjectItem(body, "spec"), "audiences"));
        cJSON_Delete(body);
}

Test(tokens, come_and_are_shared)
{
        struct token *second, *other;
        struct run t;

        begin(&t, 0, 1, "3600");
        cr_expect(starts_with(t.request, "POST /api/v1/namespaces/ns/serviceaccounts/default/token "));
        cr_expect_str_eq(token_value(t.token, NULL), "token-1");
        second = token_hold(t.tokens, &pod, "default", "vault", 3600);
        other = token_hold(t.tokens, &pod, "default", NULL, 3600);
        cr_expect(second == t.token && other != t.token);
        token_release(second);
        token_release(other);
        cr_expect_str_eq(token_value(t.token, NULL), "token-1");
        end(&t);
}

Test(tokens, are_renewed_and_told_again)
{
        struct run t;

        begin(&t, 0, 2, "1");
        cr_expect_str_eq(token_value(t.token, NULL), "token-2");
        end(&t);
}

/* The authorizer says 403, what looks for the pod that the token is bound to says 404: both know of it in a moment. */
Test(tokens, a_server_that_lags_is_asked_again_soon_and_nobody_is_told)
{
        struct timespec before, after;
        struct run t;

        clock_gettime(CLOCK_MONOTONIC, &before);
        begin(&t, 2, 1, "3600");
        clock_gettime(CLOCK_MONOTONIC, &after);
        cr_expect_str_eq(token_value(t.token, NULL), "token-3");
        cr_expect_eq(t.first.code, 0, "it was told of the lag");
        /* two tries, after 10 to 20 and 20 to 40 ms; what it takes on a busy machine is not what is meant */
        cr_expect_lt((after.tv_sec - before.tv_sec) * 1000 + (after.tv_nsec - before.tv_nsec) / 1000000, 700);
        end(&t);
}

Test(tokens, a_refusal_is_told_once_with_its_reason_and_asked_again)
{
        struct run t;

        begin(&t, 9, 3, "3600");
        cr_expect_str_eq(t.first.text,
                         "POST /api/v1/namespaces/ns/serviceaccounts/default/token: pod \"web\" not found");
        cr_expect_str_eq(t.first.reason, "NotFound");
        cr_expect_str_eq(token_value(t.token, NULL), "token-10");
        end(&t);
}

static void release(void *userdata, const struct pod_id *id)
{
        struct run *t = userdata;

        (void)id;
        t->token = token_release(t->token);
        sd_event_exit(t->server.event, 0);
}

Test(tokens, may_be_released_when_told)
{
        struct run t = { .expiration = "3600" };

        t.api = api_start(&t.server, answer, &t, NULL);
        t.tokens = tokens_new(t.server.event, t.api, release, &t);
        t.token = token_hold(t.tokens, &pod, "default", NULL, 3600);
        sd_event_loop(t.server.event);
        cr_expect_null(t.token);
        end(&t);
}
