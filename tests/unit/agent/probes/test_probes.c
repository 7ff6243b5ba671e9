/* SPDX-License-Identifier: Apache-2.0 */
/* Who is probed and when: real sockets and the real clock, and pods that this test makes up (the three functions of
 * pods.h by which probes reach the pods are its own). */
#include "agent/probes/probes.h"

#include "agent/lib/times.h"
#include "common/buf.h"
#include "tests/unit/http_server.h"

bool __wrap_pods_container_at(struct pods *ps, const char *pod_uid, size_t index, struct pods_container *ret);
void __wrap_pods_probed(struct pods *ps, const char *pod_uid, size_t index, const char *invocation,
                        enum probe_type type, bool good);
void __wrap_pods_tell(struct pods *ps, const char *pod_uid, size_t index, bool warning, const char *reason,
                      const char *text);

struct run {
        struct server server;
        struct probes *probes;
        struct pod *pod;
        struct pod_state *state;
        struct buf verdicts, events;
        unsigned asked[3]; /* requests for /startup, /readiness, /liveness */
        int status[3];     /* their answers; 0: none */
};

static struct run *now; /* the one test that runs in this process */

static const char *const paths[] = { "GET /startup ", "GET /readiness ", "GET /liveness " };

static void answer(struct server *s, int fd, const char *request)
{
        (void)s;
        for (size_t i = 0; i < ARRAY_LEN(paths); i++)
                if (starts_with(request, paths[i])) {
                        now->asked[i]++;
                        if (now->status[i])
                                server_answer(fd, now->status[i], "");
                }
}

bool __wrap_pods_container_at(struct pods *ps, const char *pod_uid, size_t index, struct pods_container *ret)
{
        (void)ps;
        if (!streq(pod_uid, now->pod->id.uid) || index >= now->pod->n_containers)
                return false;
        *ret = (struct pods_container){ .pod = now->pod, .container = &now->pod->containers[index] };
        return true;
}

/* As the pods do it. */
void __wrap_pods_probed(struct pods *ps, const char *pod_uid, size_t index, const char *invocation,
                        enum probe_type type, bool good)
{
        (void)ps;
        cr_assert_str_eq(pod_uid, now->pod->id.uid);
        cr_assert_str_eq(invocation, now->state->containers[index].invocation);
        if (container_probed(&now->state->containers[index], type, good))
                buf_printf(&now->verdicts, "%s %s;", probe_words[type], good ? "good" : "bad");
}

void __wrap_pods_tell(struct pods *ps, const char *pod_uid, size_t index, bool warning, const char *reason,
                      const char *text)
{
        (void)ps, (void)pod_uid, (void)index;
        cr_assert(warning);
        if (!now->events.data || !strstr(now->events.data, text))
                buf_printf(&now->events, "%s: %s;", reason, text);
}

static char *http_probe(struct run *t, const char *which, const char *more)
{
        return xasprintf("\"%sProbe\":{\"httpGet\":{\"host\":\"127.0.0.1\",\"path\":\"/%s\",\"port\":%d},"
                         "\"periodSeconds\":1,\"timeoutSeconds\":300%s}",
                         which, which, t->server.port, more);
}

static void begin(struct run *t, const char *startup, const char *readiness, const char *liveness)
{
        const char *const which[] = { "startup", "readiness", "liveness" }, *const more[] = { startup, readiness,
                                                                                              liveness };
        CLEANUP(buf_done) struct buf json = BUF(16384);
        struct err e = ERR_NONE;
        cJSON *o;

        *t = (struct run){ .verdicts = BUF(4096), .events = BUF(4096), .status = { 200, 200, 200 } };
        now = t;
        server_start(&t->server, answer, t);
        buf_str(&json, "{\"metadata\":{\"namespace\":\"default\",\"name\":\"web\",\"uid\":"
                       "\"0f6c2a9e-1234-4abc-8def-0123456789ab\"},\"spec\":{\"containers\":[{\"name\":\"c\","
                       "\"image\":\"nginx\"");
        for (size_t i = 0; i < ARRAY_LEN(which); i++)
                if (more[i]) {
                        CLEANUP(freep) char *probe = http_probe(t, which[i], more[i]);
                        buf_printf(&json, ",%s", probe);
                }
        buf_str(&json, "}]}}");
        o = cJSON_Parse(json.data);
        cr_assert_not_null(o, "%s", json.data);
        cr_assert_eq(pod_parse(o, &t->pod, &e), 0, "%s", e.text);
        cr_assert_eq(t->pod->refused.code, 0, "%s", kept_text(&t->pod->refused));
        cJSON_Delete(o);
        t->state = pod_state_new(t->pod, time_now());
        t->probes = probes_new(t->server.event, NULL, NULL, "127.0.0.1");
}

static void finish(struct run *t)
{
        probes_free(t->probes);
        pod_state_free(t->state);
        pod_free(t->pod);
        buf_done(&t->verdicts);
        buf_done(&t->events);
        server_stop(&t->server);
}

/* A new run of the container, or the same in another phase. */
static void observe(struct run *t, const char *invocation, enum unit_phase phase)
{
        struct unit_state u = { .phase = phase, .main_pid = 42, .started = time_now(), .result = "success" };

        snprintf(u.invocation, sizeof(u.invocation), "%s", invocation);
        if (t->state->containers[0].started)
                u.started = t->state->containers[0].started;
        container_observe(&t->state->containers[0], &u, t->state, time_now());
        probes_pod_seen(t->probes, t->pod, t->state);
}

enum { PATIENCE_S = 120, SECOND_USEC = 1000 * 1000 };

/* Lets the loop run until it is so; as the pods do, each verdict is a turn. What never comes fails: the probes go on,
 * so the loop never has nothing to do. */
static void until_so(struct run *t, bool (*is_so)(const struct run *t), const char *what)
{
        uint64_t begun = time_now();

        while (!is_so(t)) {
                size_t before = t->verdicts.len;
                cr_assert_lt(time_now() - begun, (uint64_t)PATIENCE_S * SECOND_USEC,
                             "%s never came; verdicts: %s events: %s", what, t->verdicts.data ? t->verdicts.data : "",
                             t->events.data ? t->events.data : "");
                cr_assert(sd_event_run(t->server.event, SECOND_USEC) >= 0);
                if (t->verdicts.len != before)
                        probes_pod_seen(t->probes, t->pod, t->state);
        }
}

#define until(t, is_so) until_so(t, is_so, #is_so)

/* Lets the loop do what it can do at once. */
static void settle(struct run *t)
{
        for (int i = 0; i < 50; i++)
                cr_assert(sd_event_run(t->server.event, 2000) >= 0);
}

static bool two_verdicts(const struct run *t)
{
        const char *first = t->verdicts.data ? strchr(t->verdicts.data, ';') : NULL;

        return first && first[1];
}

static bool one_verdict(const struct run *t)
{
        return t->verdicts.len;
}

static bool startup_asked(const struct run *t)
{
        return t->asked[0];
}

static bool readiness_asked(const struct run *t)
{
        return t->asked[1];
}

static bool something_said(const struct run *t)
{
        return t->events.len;
}

static unsigned asked_before; /* for the next one */
static bool two_more_asked(const struct run *t)
{
        return t->asked[1] + t->asked[2] >= asked_before + 2;
}

static bool liveness_twice(const struct run *t)
{
        return t->asked[2] >= 2;
}

Test(probes, nothing_is_asked_before_the_startup_probe_has_succeeded)
{
        struct run t;

        begin(&t, "", "", "");
        t.status[0] = 0; /* the server keeps it waiting */
        observe(&t, "1", UNIT_ACTIVATING);
        settle(&t);
        cr_expect_eq(t.asked[0], 0, "the unit is not active yet");
        observe(&t, "1", UNIT_ACTIVE);
        until(&t, startup_asked);
        settle(&t);
        cr_expect_eq(t.asked[0], 1);
        cr_expect_eq(t.asked[1] + t.asked[2], 0);
        finish(&t);
        begin(&t, "", "", "");
        observe(&t, "1", UNIT_ACTIVE);
        until(&t, two_verdicts);
        cr_expect_str_eq(t.verdicts.data, "Startup good;Readiness good;");
        until(&t, liveness_twice);
        cr_expect_eq(t.asked[0], 1, "once it has succeeded it is done");
        cr_expect_eq(t.events.len, 0, "%s", t.events.data);
        finish(&t);
}

Test(probes, a_failed_liveness_probe_is_a_verdict_and_then_silence)
{
        struct run t;

        begin(&t, NULL, NULL, ",\"failureThreshold\":2");
        t.status[2] = 500;
        observe(&t, "1", UNIT_ACTIVE);
        until(&t, one_verdict);
        cr_expect_str_eq(t.verdicts.data, "Liveness bad;");
        cr_expect_str_eq(t.events.data, "Unhealthy: Liveness probe failed: HTTP probe failed with statuscode: 500;");
        cr_expect_eq(t.asked[2], 2);
        cr_expect(t.state->containers[0].unhealthy);
        settle(&t);
        cr_expect_eq(t.asked[2], 2);
        t.status[2] = 200; /* the next run */
        observe(&t, "2", UNIT_ACTIVE);
        cr_expect(!t.state->containers[0].unhealthy);
        until(&t, liveness_twice);
        cr_expect_str_eq(t.verdicts.data, "Liveness bad;");
        finish(&t);
}

Test(probes, who_ends_is_asked_for_readiness_alone)
{
        struct run t;

        begin(&t, NULL, "", "");
        t.pod->deleting = true;
        observe(&t, "1", UNIT_ACTIVE);
        until(&t, readiness_asked);
        until(&t, one_verdict);
        settle(&t);
        cr_expect_eq(t.asked[2], 0);
        cr_expect_str_eq(t.verdicts.data, "Readiness good;");
        finish(&t);
}

Test(probes, the_first_waits_for_its_delay)
{
        struct run t;
        uint64_t before, after;

        begin(&t, NULL, ",\"initialDelaySeconds\":1", NULL);
        before = time_now();
        observe(&t, "1", UNIT_ACTIVE);
        until(&t, one_verdict);
        after = time_now();
        cr_expect_geq(after - before, 990000);
        finish(&t);
}

Test(probes, what_is_under_way_ends_with_the_run_and_with_the_pod)
{
        struct run t;

        begin(&t, NULL, "", "");
        t.status[1] = t.status[2] = 0;
        asked_before = 0;
        observe(&t, "1", UNIT_ACTIVE);
        until(&t, two_more_asked);
        observe(&t, "1", UNIT_INACTIVE); /* the answers are not waited for any more */
        asked_before = 2;
        observe(&t, "2", UNIT_ACTIVE);
        until(&t, two_more_asked);
        probes_pod_forgotten(t.probes, t.pod->id.uid);
        probes_pod_forgotten(t.probes, "another");
        settle(&t);
        cr_expect_eq(t.verdicts.len, 0);
        asked_before = 4;
        observe(&t, "2", UNIT_ACTIVE); /* and some more at the end of the agent */
        until(&t, two_more_asked);
        cr_expect_eq(t.asked[1] + t.asked[2], 6);
        finish(&t);
}

static bool readiness_failed(const struct run *t)
{
        return t->verdicts.data && strstr(t->verdicts.data, "Readiness bad;");
}

static bool liveness_asked(const struct run *t)
{
        return t->asked[2];
}

Test(probes, what_was_told_to_end_is_asked_whether_it_still_serves)
{
        struct run t;
        unsigned lively;

        begin(&t, NULL, ",\"failureThreshold\":1", "");
        observe(&t, "1", UNIT_ACTIVE);
        until(&t, one_verdict); /* that it is alive is none */
        until(&t, liveness_asked);
        cr_expect_str_eq(t.verdicts.data, "Readiness good;");
        t.status[1] = 503;
        observe(&t, "1", UNIT_DEACTIVATING);
        lively = t.asked[2];
        until(&t, readiness_failed);
        cr_expect_str_eq(t.verdicts.data, "Readiness good;Readiness bad;");
        cr_expect_leq(t.asked[2], lively + 1, "one may be on its way; another would only end what ends anyway");
        finish(&t);
}

Test(probes, no_command_begins_beside_what_was_told_to_end)
{
        struct run t;

        begin(&t, NULL, "", NULL);
        observe(&t, "1", UNIT_ACTIVE);
        until(&t, one_verdict);
        t.pod->containers[0].probes[PROBE_READINESS]->kind = PROBE_EXEC;
        observe(&t, "1", UNIT_DEACTIVATING);
        settle(&t);
        cr_expect_str_eq(t.verdicts.data, "Readiness good;");
        cr_expect_null(t.events.data);
        finish(&t);
}

Test(probes, what_can_never_be_asked_is_said)
{
        struct run t;
        struct probe *p;

        begin(&t, NULL, "", NULL);
        p = t.pod->containers[0].probes[PROBE_READINESS];
        p->wrong = xstrdup("port nope not found");
        observe(&t, "1", UNIT_ACTIVE);
        until(&t, something_said);
        cr_expect_eq(t.asked[1], 0);
        cr_expect_eq(t.verdicts.len, 0);
        cr_expect_str_eq(t.events.data,
                         "Unhealthy: Readiness probe errored and resulted in unknown state: port nope not found;");
        finish(&t);
}
