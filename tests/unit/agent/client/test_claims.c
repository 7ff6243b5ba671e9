/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/client/claims.h"

#include "agent/lib/json.h"
#include "tests/unit/api_server.h"

struct run {
        struct server server;
        struct api *api;
        struct claims *claims;
        struct claim *claim;
        const char *const *answers; /* "404 BODY", or a BODY */
        size_t n_answers, at;
        unsigned changes, wanted;
        char seen[512];  /* of each change: "claim volume why; " */
        char asked[512]; /* paths */
};

static void answer(struct server *s, int fd, const char *request)
{
        struct run *t = s->userdata;
        const char *a = t->at < t->n_answers ? t->answers[t->at] : "404 {\"message\":\"too many questions\"}";
        const char *path = request + strlen("GET ");
        size_t n = strlen(t->asked);

        t->at++;
        snprintf(t->asked + n, sizeof(t->asked) - n, "%.*s ", (int)strcspn(path, " "), path);
        if (*a == '4')
                server_answer(fd, a[2] == '3' ? 403 : 404, a + 4);
        else
                server_answer(fd, 200, a);
}

static void on_changed(void *userdata, const char *namespace, const char *name)
{
        struct run *t = userdata;
        struct claim_answer a = claim_look(t->claim);
        const char *claim = json_str(json_get(a.claim, "metadata"), "uid"),
                   *volume = json_str(json_get(a.volume, "metadata"), "name");
        size_t n = strlen(t->seen);

        cr_expect(streq(namespace, "ns") && streq(name, "c"));
        snprintf(t->seen + n, sizeof(t->seen) - n, "%s %s%s; ", claim ? claim : "-", volume ? volume : "-",
                 a.why ? " failed" : "");
        if (++t->changes == t->wanted)
                sd_event_exit(t->server.event, 0);
}

static void begin(struct run *t, const char *const *answers, size_t n, unsigned changes)
{
        *t = (struct run){ .answers = answers, .n_answers = n, .wanted = changes };
        t->api = api_start(&t->server, answer, t, NULL);
        t->claims = claims_new(t->server.event, t->api, on_changed, t);
        t->claim = claim_hold(t->claims, "ns", "c");
        cr_expect_null(claim_look(t->claim).claim);
        cr_expect_null(claim_look(t->claim).why);
        sd_event_loop(t->server.event);
}

static void end(struct run *t)
{
        claim_release(t->claim);
        claims_free(t->claims);
        api_free(t->api);
        server_stop(&t->server);
}

#define CLAIM(version, phase, volume)                                                                                  \
        "{\"metadata\":{\"name\":\"c\",\"uid\":\"u1\",\"resourceVersion\":\"" version                                  \
        "\"},\"spec\":{\"volumeName\":\"" volume "\"},\"status\":{\"phase\":\"" phase "\"}}"
#define VOLUME(version, uid)                                                                                           \
        "{\"metadata\":{\"name\":\"pv\",\"resourceVersion\":\"" version "\"},\"spec\":{\"claimRef\":{\"uid\":\"" uid   \
        "\"}}}"
#define MISSING   "404 {\"reason\":\"NotFound\",\"message\":\"persistentvolumeclaims \\\"c\\\" not found\"}"
#define FORBIDDEN "403 {\"reason\":\"Forbidden\",\"message\":\"no\"}"

Test(claims, a_bound_claim_is_told_with_its_volume)
{
        const char *answers[] = { CLAIM("1", "Bound", "pv"), VOLUME("2", "u1") };
        struct run t;

        begin(&t, answers, 2, 1);
        cr_expect_str_eq(t.seen, "u1 pv; ");
        cr_expect_str_eq(t.asked, "/api/v1/namespaces/ns/persistentvolumeclaims/c /api/v1/persistentvolumes/pv ");
        t.claim = claim_release(t.claim);
        sd_event_run(t.server.event, 700 * 1000);
        cr_expect_eq(t.at, 2, "who has what he wants releases it");
        end(&t);
}

/* As when a pod was deleted by force, and its successor has the same name, and waits for a claim of its own. */
Test(claims, another_claim_of_that_name_is_noticed_by_who_waits_on)
{
        const char *answers[] = { CLAIM("1", "Bound", "pv"),
                                  VOLUME("2", "u1"),
                                  CLAIM("1", "Bound", "pv"),
                                  VOLUME("2", "u1"),
                                  "{\"metadata\":{\"uid\":\"u2\",\"resourceVersion\":\"3\"},\"spec\":{\"volumeName\":"
                                  "\"pw\"},\"status\":{\"phase\":\"Bound\"}}",
                                  "{\"metadata\":{\"name\":\"pw\",\"resourceVersion\":\"4\"},\"spec\":{\"claimRef\":"
                                  "{\"uid\":\"u2\"}}}" };
        struct run t;

        begin(&t, answers, 6, 2);
        cr_expect_str_eq(t.seen, "u1 pv; u2 pw; ", "and what is no news is not told");
        cr_expect_eq(t.at, 6);
        end(&t);
}

Test(claims, a_claim_is_waited_for_until_it_is_there_and_bound)
{
        const char *answers[] = { MISSING,
                                  MISSING, /* no news */
                                  CLAIM("1", "Pending", ""),
                                  CLAIM("1", "Pending", ""),
                                  CLAIM("2", "Pending", "pv"), /* the volume was chosen, and is not given yet */
                                  CLAIM("3", "Bound", "pv"),
                                  VOLUME("4", "u1") };
        struct run t;

        begin(&t, answers, 7, 4);
        cr_expect_str_eq(t.seen, "- - failed; u1 -; u1 -; u1 pv; ");
        end(&t);
}

Test(claims, a_volume_of_another_claim_is_told_and_asked_for_again)
{
        const char *answers[] = { CLAIM("1", "Bound", "pv"), VOLUME("2", "u0"), CLAIM("1", "Bound", "pv"),
                                  VOLUME("3", "u1") };
        struct run t;

        begin(&t, answers, 4, 2);
        cr_expect_str_eq(t.seen, "u1 pv; u1 pv; ");
        end(&t);
}

Test(claims, another_claim_of_that_name_is_news_with_the_volume_that_was_known)
{
        const char *answers[] = { CLAIM("1", "Bound", "pv"), VOLUME("2", "u2"),
                                  "{\"metadata\":{\"uid\":\"u2\",\"resourceVersion\":\"3\"},\"spec\":{\"volumeName\":"
                                  "\"pv\"},\"status\":{\"phase\":\"Bound\"}}",
                                  VOLUME("2", "u2") };
        struct run t;

        begin(&t, answers, 4, 2);
        cr_expect_str_eq(t.seen, "u1 pv; u2 pv; ");
        end(&t);
}

Test(claims, an_authorizer_that_lags_is_not_told)
{
        const char *answers[] = {
                FORBIDDEN, FORBIDDEN, CLAIM("1", "Bound", "pv"), FORBIDDEN, CLAIM("1", "Bound", "pv"), VOLUME("2", "u1")
        };
        struct run t;

        begin(&t, answers, 6, 1);
        cr_expect_str_eq(t.seen, "u1 pv; ");
        end(&t);
}

Test(claims, a_volume_that_stays_forbidden_is_told)
{
        const char *answers[20];
        struct run t;

        for (size_t i = 0; i < ARRAY_LEN(answers); i++)
                answers[i] = i % 2 ? FORBIDDEN : CLAIM("1", "Bound", "pv");
        begin(&t, answers, ARRAY_LEN(answers), 1);
        cr_expect_str_eq(t.seen, "u1 - failed; ");
        end(&t);
}

Test(claims, a_claim_that_goes_takes_its_volume_with_it)
{
        const char *answers[] = { CLAIM("1", "Bound", "pv"), VOLUME("2", "u0"), MISSING };
        struct run t;

        begin(&t, answers, 3, 2);
        cr_expect_str_eq(t.seen, "u1 pv; - - failed; ");
        end(&t);
}

Test(claims, holders_share_the_asking)
{
        const char *answers[] = { CLAIM("1", "Bound", "pv"), VOLUME("2", "u1") };
        struct claim *second;
        struct run t;

        begin(&t, answers, 2, 1);
        second = claim_hold(t.claims, "ns", "c");
        cr_expect_eq(second, t.claim);
        t.claim = claim_release(t.claim);
        cr_expect_not_null(claim_look(second).volume);
        cr_expect_eq(api_request_count(t.api), 2);
        t.claim = second;
        end(&t);
}
