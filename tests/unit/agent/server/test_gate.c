/* SPDX-License-Identifier: Apache-2.0 */
/* The gate, before an API server that is a handler in the test. */
#include <errno.h>

#include "agent/server/gate.h"
#include "tests/unit/api_server.h"

enum { CALLERS = 64 };

struct caller {
        struct run *run;
        struct gate_wait *wait;
        int status; /* 0: no answer yet */
        char name[64], text[GATE_TEXT_MAX];
};

struct run {
        struct server server;
        struct api *api;
        struct gate *gate;
        unsigned tokens, accesses; /* questions that came */
        unsigned fail;             /* so many answers first are this HTTP status */
        int fail_status;
        bool mute;           /* nothing is answered */
        const char *allow;   /* a question with this in it gets a yes */
        char asked[8][2048]; /* the questions about access */
        struct caller caller[CALLERS];
        unsigned n_callers, answered, wanted;
};

static void on_request(struct server *s, int fd, const char *request)
{
        struct run *t = s->userdata;
        bool token = request_is(request, "POST " REVIEW_TOKEN_PATH);
        const char *body = strstr(request, "\r\n\r\n");

        cr_assert(body && (token || request_is(request, "POST " REVIEW_ACCESS_PATH)), "%s", request);
        if (token)
                t->tokens++;
        else
                snprintf(t->asked[t->accesses++ % ARRAY_LEN(t->asked)], sizeof(t->asked[0]), "%s", body + 4);
        if (t->mute) {
                if (t->tokens + t->accesses == t->wanted)
                        sd_event_exit(t->server.event, 0);
        } else if (t->fail > 0) {
                t->fail--;
                server_answer(fd, t->fail_status, "{\"message\":\"no\"}");
        } else if (token && strstr(body, "\"good")) {
                server_answer(fd, 201,
                              "{\"status\":{\"authenticated\":true,\"user\":{\"username\":\"ann\",\"uid\":\"7\","
                              "\"groups\":[\"devs\"],\"extra\":{\"k\":[\"v\"]}}}}");
        } else if (token) {
                server_answer(fd, 201, "{\"status\":{\"error\":\"expired\"}}");
        } else {
                server_answer(fd, 201,
                              t->allow && strstr(body, t->allow) ? "{\"status\":{\"allowed\":true}}"
                                                                 : "{\"status\":{\"allowed\":false}}");
        }
}

static void begin_with(struct run *t, unsigned deadline_ms)
{
        struct gate_config config = { .node_name = "n1", .deadline_ms = deadline_ms };
        struct err e;

        *t = (struct run){ .fail_status = 500, .allow = "\"proxy\"" };
        t->api = api_start(&t->server, on_request, t, NULL);
        config.event = t->server.event;
        config.api = t->api;
        cr_assert_eq(gate_new(&config, &t->gate, &e), 0);
}

static void begin(struct run *t)
{
        begin_with(t, 0);
}

static void end(struct run *t)
{
        cr_expect_eq(gate_asked(t->gate), 0);
        gate_free(t->gate);
        api_free(t->api);
        server_stop(&t->server);
}

static void note(struct caller *c, const struct gate_answer *a)
{
        c->wait = NULL;
        c->status = a->status;
        snprintf(c->name, sizeof(c->name), "%s", a->who ? a->who->name : "");
        snprintf(c->text, sizeof(c->text), "%s", a->text);
}

static void on_answer(void *userdata, const struct gate_answer *a)
{
        struct caller *c = userdata;

        note(c, a);
        if (++c->run->answered == c->run->wanted)
                sd_event_exit(c->run->server.event, 0);
}

/* Asks; the answer may be there at once. */
static struct caller *call(struct run *t, const char *user, const char *authorization, const char *method,
                           const char *path)
{
        struct user_info peer = { .name = (char *)(uintptr_t)user };
        struct gate_question q = {
                .peer = user ? &peer : NULL,
                .authorization = authorization,
                .method = method,
                .path = path,
        };
        struct caller *c = &t->caller[t->n_callers++ % CALLERS];
        struct gate_answer a;

        *c = (struct caller){ .run = t };
        c->wait = gate_ask(t->gate, &q, &a, on_answer, c);
        if (!c->wait) {
                note(c, &a);
                gate_answer_done(&a);
        }
        return c;
}

static void wait_for(struct run *t, unsigned answers)
{
        t->answered = 0;
        t->wanted = answers;
        sd_event_loop(t->server.event);
}

/* One caller alone, to his answer. */
static struct caller *expect(struct run *t, const char *user, const char *authorization, const char *method,
                             const char *path, int status, bool waits)
{
        struct caller *c = call(t, user, authorization, method, path);

        cr_expect_eq(c->wait != NULL, waits, "%s %s", method, path);
        for (; c->wait;)
                cr_assert(sd_event_run(t->server.event, UINT64_MAX) >= 0);
        cr_expect_eq(c->status, status, "%s %s: %d %s", method, path, c->status, c->text);
        return c;
}

Test(gate, a_yes_is_remembered_and_so_is_a_no)
{
        struct run t;

        begin(&t);
        expect(&t, "ann", NULL, "GET", "/containerLogs/a/b/c", 200, true);
        expect(&t, "ann", NULL, "GET", "/containerLogs/d/e/f", 200, false);
        cr_expect_eq(t.accesses, 1);
        cr_expect_not_null(strstr(t.asked[0], "\"verb\":\"get\",\"version\":\"v1\",\"resource\":\"nodes\","
                                              "\"subresource\":\"proxy\",\"name\":\"n1\"},\"user\":\"ann\","
                                              "\"groups\":[\"system:authenticated\"]"));
        expect(&t, "ann", NULL, "GET", "/metrics", 403, true);
        expect(&t, "ann", NULL, "GET", "/metrics/cadvisor", 403, false);
        cr_expect_eq(t.accesses, 2);
        expect(&t, "bob", NULL, "GET", "/metrics", 403, true);
        expect(&t, "ann", NULL, "POST", "/metrics", 403, true);
        cr_expect_eq(t.accesses, 4, "another user or verb is another question");
        end(&t);
}

Test(gate, the_finer_right_is_asked_about_first_and_proxy_is_enough)
{
        struct run t;
        struct caller *c;

        begin(&t);
        expect(&t, "ann", NULL, "GET", "/pods", 200, true);
        cr_expect(t.accesses == 2 && strstr(t.asked[0], "\"pods\"") && strstr(t.asked[1], "\"proxy\""));
        t.allow = "\"healthz\"";
        expect(&t, "bob", NULL, "GET", "/healthz", 200, true);
        cr_expect(t.accesses == 3 && strstr(t.asked[2], "\"healthz\""));
        c = expect(&t, "bob", NULL, "GET", "/configz", 403, true);
        cr_expect_str_eq(c->text, "Forbidden (user=bob, verb=get, resource=nodes, subresource(s)=[configz proxy])");
        c = expect(&t, "bob", NULL, "PUT", "/x", 403, true);
        cr_expect_str_eq(c->text, "Forbidden (user=bob, verb=update, resource=nodes, subresource(s)=[proxy])");
        cr_expect_str_eq(c->name, "bob");
        end(&t);
}

Test(gate, nobody_is_masters_here)
{
        struct user_info peer = { .name = (char *)(uintptr_t) "root" };
        struct gate_question q = { .peer = &peer, .method = "GET", .path = "/healthz" };
        struct gate_answer a;
        struct run t;
        struct caller c = { .run = &t };
        size_t n = 0;

        begin(&t);
        t.allow = NULL;
        strv_push(&peer.groups, &n, xstrdup("system:masters"));
        t.wanted = 1;
        c.wait = gate_ask(t.gate, &q, &a, on_answer, &c);
        strv_free(peer.groups); /* it was copied */
        cr_assert_not_null(c.wait);
        sd_event_loop(t.server.event);
        cr_expect_eq(c.status, 403);
        cr_expect_not_null(strstr(t.asked[0], "\"groups\":[\"system:masters\",\"system:authenticated\"]"));
        end(&t);
}

Test(gate, strangers_are_refused_without_a_question)
{
        static const char *const headers[] = {
                NULL, "", "Bearer", "Bearer ", "Bearer  x", "Basic x", "bearer\tx", "Bearer x\x80y", "x", "Bearerx y",
        };
        struct run t;

        begin(&t);
        for (size_t i = 0; i < ARRAY_LEN(headers); i++) {
                struct caller *c = expect(&t, NULL, headers[i], "GET", "/healthz", 401, false);

                cr_expect_str_eq(c->text, "Unauthorized");
                cr_expect_str_eq(c->name, "");
        }
        cr_expect_eq(t.server.requests, 0);
        end(&t);
}

Test(gate, a_token_is_asked_about_once_and_its_bearer_as_he_is)
{
        struct run t;
        struct caller *c;

        begin(&t);
        c = expect(&t, NULL, "Bearer good", "GET", "/containerLogs/a/b/c", 200, true);
        cr_expect_str_eq(c->name, "ann");
        cr_expect_not_null(strstr(t.asked[0], "\"user\":\"ann\",\"groups\":[\"devs\",\"system:authenticated\"],\"uid\":"
                                              "\"7\",\"extra\":{\"k\":[\"v\"]}"));
        expect(&t, NULL, "bEARER good rest", "GET", "/x", 200, false);
        expect(&t, NULL, "Bearer good", "GET", "/metrics", 403, true);
        cr_expect(t.tokens == 1 && t.accesses == 2);
        expect(&t, NULL, "Bearer good2", "GET", "/x", 200, true);
        cr_expect(t.tokens == 2 && t.accesses == 2, "the same user by another token");
        expect(&t, "bob", "Bearer good", "GET", "/x", 200, true);
        cr_expect(t.tokens == 2 && strstr(t.asked[2], "\"bob\""), "the certificate counts, not the token");
        end(&t);
}

Test(gate, a_refused_token_is_asked_about_anew)
{
        struct run t;

        begin(&t);
        expect(&t, NULL, "Bearer bad", "GET", "/x", 401, true);
        expect(&t, NULL, "Bearer bad", "GET", "/x", 401, true);
        cr_expect(t.tokens == 2 && t.accesses == 0);
        end(&t);
}

Test(gate, who_waits_for_the_same_answer_shares_it)
{
        struct run t;

        begin(&t);
        for (int i = 0; i < 20; i++) {
                cr_expect_not_null(call(&t, "ann", NULL, "GET", "/pods")->wait);
                cr_expect_not_null(call(&t, NULL, "Bearer good", "GET", "/x")->wait);
        }
        cr_expect_eq(gate_asked(t.gate), 2);
        wait_for(&t, 40);
        for (int i = 0; i < 40; i++)
                cr_expect_eq(t.caller[i].status, 200);
        cr_expect(t.tokens == 1 && t.accesses == 3, "%u %u", t.tokens, t.accesses);
        end(&t);
}

Test(gate, a_failure_is_tried_again_and_then_refused)
{
        struct run t;
        struct caller *c;

        begin(&t);
        t.fail = 2;
        expect(&t, "ann", NULL, "GET", "/x", 200, true);
        cr_expect_eq(t.accesses, 3);
        t.fail = 3;
        c = expect(&t, "bob", NULL, "GET", "/x", 500, true);
        cr_expect_str_eq(c->text,
                         "Authorization error (user=bob, verb=get, resource=nodes, subresource=proxy): the API "
                         "server could not be asked");
        expect(&t, "bob", NULL, "GET", "/x", 200, true);
        t.fail = 1;
        t.fail_status = 403; /* the node may not ask: that is an answer, but to another question */
        expect(&t, "cid", NULL, "GET", "/x", 500, true);
        cr_expect_eq(t.accesses, 8);
        t.fail = 3;
        t.fail_status = 503;
        expect(&t, NULL, "Bearer good", "GET", "/x", 401, true);
        expect(&t, NULL, "Bearer good", "GET", "/x", 200, true);
        end(&t);
}

Test(gate, what_is_remembered_needs_no_api_server)
{
        struct run t;

        begin(&t);
        expect(&t, "ann", NULL, "GET", "/x", 200, true);
        t.fail = 1000;
        expect(&t, "ann", NULL, "GET", "/x", 200, false);
        expect(&t, "ann", NULL, "GET", "/metrics", 500, true);
        expect(&t, "bob", NULL, "GET", "/x", 500, true);
        end(&t);
}

Test(gate, a_silent_api_server_is_not_waited_for_for_ever)
{
        struct run t;

        begin_with(&t, 200);
        t.mute = true;
        expect(&t, "ann", NULL, "GET", "/x", 500, true);
        expect(&t, NULL, "Bearer good", "GET", "/x", 401, true);
        end(&t);
}

Test(gate, whoever_leaves_costs_nothing)
{
        struct caller *a, *b, *c;
        struct run t;

        begin(&t);
        t.mute = true;
        a = call(&t, "ann", NULL, "GET", "/x");
        b = call(&t, "ann", NULL, "GET", "/x");
        c = call(&t, NULL, "Bearer good", "GET", "/x");
        wait_for(&t, 1); /* the second waits for the first's connection, since that may turn out to be HTTP/2 */
        cr_expect_eq(gate_asked(t.gate), 2);
        gate_cancel(a->wait);
        cr_expect_eq(gate_asked(t.gate), 2, "another one waits for it still");
        gate_cancel(b->wait);
        gate_cancel(c->wait);
        cr_expect_eq(gate_asked(t.gate), 0);
        gate_cancel(NULL);
        end(&t);
}

Test(gate, questions_at_once_are_bounded)
{
        struct run t;

        begin(&t);
        t.mute = true;
        for (int i = 0; i < GATE_TOKENS_ASKED_MAX; i++) {
                CLEANUP(freep) char *header = xasprintf("Bearer t%d", i);

                cr_expect_not_null(call(&t, NULL, header, "GET", "/x")->wait);
        }
        cr_expect_eq(call(&t, NULL, "Bearer more", "GET", "/x")->status, 429);
        cr_expect_not_null(call(&t, NULL, "Bearer t0", "GET", "/x")->wait);
        for (int i = 0; i < GATE_VERDICTS_ASKED_MAX; i++) {
                CLEANUP(freep) char *user = xasprintf("u%d", i);

                cr_expect_not_null(call(&t, user, NULL, "GET", "/x")->wait, "strangers stand in nobody's way");
        }
        cr_expect_eq(call(&t, "more", NULL, "GET", "/x")->status, 429);
        for (int i = 0; i < CALLERS; i++)
                gate_cancel(t.caller[i].wait);
        end(&t);
}

static void on_answer_cancel_others(void *userdata, const struct gate_answer *a)
{
        struct caller *c = userdata;

        note(c, a);
        for (unsigned i = 0; i < c->run->n_callers; i++)
                c->run->caller[i].wait = gate_cancel(c->run->caller[i].wait);
        sd_event_exit(c->run->server.event, 0);
}

Test(gate, one_who_hears_the_answer_may_send_the_others_away)
{
        struct user_info peer = { .name = (char *)(uintptr_t) "ann" };
        struct gate_question q = { .peer = &peer, .method = "GET", .path = "/x" };
        struct gate_answer a;
        struct run t;

        begin(&t);
        for (t.n_callers = 0; t.n_callers < 3; t.n_callers++) {
                struct caller *c = &t.caller[t.n_callers];

                c->run = &t;
                c->wait = gate_ask(t.gate, &q, &a, on_answer_cancel_others, c);
        }
        sd_event_loop(t.server.event);
        cr_expect(t.caller[0].status == 200 && t.caller[1].status == 0 && t.caller[2].status == 0);
        end(&t);
}

Test(gate, always_allow_asks_only_who_it_is)
{
        struct gate_config config = { .node_name = "n1", .always_allow = true };
        struct run t;

        begin(&t);
        gate_free(t.gate);
        config.event = t.server.event;
        config.api = t.api;
        cr_assert_eq(gate_new(&config, &t.gate, NULL), 0);
        expect(&t, "bob", NULL, "GET", "/x", 200, false);
        expect(&t, NULL, NULL, "GET", "/x", 401, false);
        expect(&t, NULL, "Bearer good", "GET", "/x", 200, true);
        expect(&t, NULL, "Bearer bad", "GET", "/x", 401, true);
        cr_expect_eq(t.accesses, 0);
        end(&t);
}

Test(gate, without_an_api_server_nobody_enters)
{
        struct gate_config config = { .node_name = "n1" };
        struct run t;

        begin(&t);
        gate_free(t.gate);
        config.event = t.server.event;
        cr_assert_eq(gate_new(&config, &t.gate, NULL), 0);
        expect(&t, "ann", NULL, "GET", "/x", 500, false);
        expect(&t, NULL, "Bearer good", "GET", "/x", 401, false);
        end(&t);
}
