/* SPDX-License-Identifier: Apache-2.0 */
/* Probes: what a spec asks for, when each is due and what its results add up to, and what that does to the pod. */
#include "agent/pod/probe_state.h"
#include "tests/unit/agent/pod/story.h"

static const char PORTS[] = "[{\"name\":\"web\",\"containerPort\":8080},{\"containerPort\":81},"
                            "{\"name\":\"zero\",\"containerPort\":0}]";

/* The caller owns the result. */
static struct probe *parse(enum probe_type type, const char *json, struct err *e)
{
        cJSON *spec = cJSON_Parse(json), *ports = cJSON_Parse(PORTS);
        struct probe *p = (struct probe *)(uintptr_t)1; /* not what is told of it */
        int r;

        cr_assert_not_null(spec, "bad test JSON: %s", json);
        r = probe_parse(type, spec, ports, &p, e);
        cr_assert_eq(r < 0, p == NULL, "%s", json);
        cr_assert_eq(r, e->code, "%s", json);
        cJSON_Delete(spec);
        cJSON_Delete(ports);
        return p;
}

static struct probe *good(const char *json)
{
        struct err e = ERR_NONE;
        struct probe *p = parse(PROBE_READINESS, json, &e);

        cr_assert_not_null(p, "%s: %s", json, e.text);
        return p;
}

Test(probe, the_defaults_are_the_apis)
{
        CLEANUP(probe_freep) struct probe *p = good("{\"tcpSocket\":{\"port\":80}}");

        cr_expect_eq(p->kind, PROBE_TCP);
        cr_expect_eq(p->port, 80);
        cr_expect_null(p->host);
        cr_expect_null(p->wrong);
        cr_expect_eq(p->initial_delay_s, 0);
        cr_expect_eq(p->period_s, 10);
        cr_expect_eq(p->timeout_s, 1);
        cr_expect_eq(p->success_threshold, 1);
        cr_expect_eq(p->failure_threshold, 3);
        cr_expect_eq(p->grace_s, -1);
}

Test(probe, each_number_has_its_place)
{
        struct err e = ERR_NONE;
        CLEANUP(probe_freep)
        struct probe *p = good("{\"exec\":{\"command\":[\"cat\",\"/x\"]},\"initialDelaySeconds\":1,\"periodSeconds\":2,"
                               "\"timeoutSeconds\":3,\"successThreshold\":4,\"failureThreshold\":5,"
                               "\"terminationGracePeriodSeconds\":6}"),
                     *live = parse(PROBE_LIVENESS,
                                   "{\"exec\":{\"command\":[\"cat\"]},\"terminationGracePeriodSeconds\":6}", &e);

        cr_expect_eq(p->kind, PROBE_EXEC);
        cr_expect_str_eq(p->command[0], "cat");
        cr_expect_str_eq(p->command[1], "/x");
        cr_expect_null(p->command[2]);
        cr_expect_eq(p->initial_delay_s, 1);
        cr_expect_eq(p->period_s, 2);
        cr_expect_eq(p->timeout_s, 3);
        cr_expect_eq(p->success_threshold, 4);
        cr_expect_eq(p->failure_threshold, 5);
        cr_expect_eq(p->grace_s, -1, "readiness ends nothing");
        cr_expect_eq(live->grace_s, 6);
}

Test(probe, http)
{
        CLEANUP(probe_freep)
        struct probe *p = good("{\"httpGet\":{\"scheme\":\"HTTPS\",\"host\":\"h.example\",\"path\":\"/a?b\","
                               "\"port\":\"web\",\"httpHeaders\":[{\"name\":\"X-A\",\"value\":\"1\"},"
                               "{\"name\":\"X-B\"}]}}"),
                     *plain = good("{\"httpGet\":{\"scheme\":\"HTTP\",\"host\":\"\",\"path\":\"\",\"port\":1}}");

        cr_expect_eq(p->kind, PROBE_HTTP);
        cr_expect(p->https);
        cr_expect_str_eq(p->host, "h.example");
        cr_expect_str_eq(p->path, "/a?b");
        cr_expect_eq(p->port, 8080);
        cr_expect_str_eq(p->headers[0], "X-A: 1");
        cr_expect_str_eq(p->headers[1], "X-B: ");
        cr_expect_null(p->headers[2]);
        cr_expect(!plain->https && !plain->host && !plain->path && !plain->headers);
}

Test(probe, grpc)
{
        CLEANUP(probe_freep)
        struct probe *p = good("{\"grpc\":{\"port\":9000,\"service\":\"a.B\"}}"),
                     *whole = good("{\"grpc\":{\"port\":9000,\"service\":null}}");

        cr_expect_eq(p->kind, PROBE_GRPC);
        cr_expect_eq(p->port, 9000);
        cr_expect_str_eq(p->service, "a.B");
        cr_expect_str_eq(whole->service, "");
}

Test(probe, what_the_kubelet_finds_wrong_only_when_it_probes)
{
        static const struct {
                const char *handler, *wrong;
        } cases[] = {
                { "\"tcpSocket\":{\"port\":\"nope\"}", "port nope not found" },
                { "\"tcpSocket\":{\"port\":\"zero\"}", "invalid port number: 0" },
                { "\"tcpSocket\":{\"port\":65536}", "invalid port number: 65536" },
                { "\"tcpSocket\":{\"port\":-1}", "invalid port number: -1" },
                { "\"tcpSocket\":{\"port\":\"65536\"}", "invalid port number: 65536" },
                { "\"tcpSocket\":{\"port\":\"99999999999999999999\"}", "port 99999999999999999999 not found" },
                { "\"tcpSocket\":{\"port\":\"\"}", "port  not found" },
                { "\"tcpSocket\":{}", "invalid port number: 0" },
                { "\"grpc\":{\"port\":\"web\"}", "port web not found" },
                { "\"httpGet\":{\"port\":1,\"httpHeaders\":[{\"name\":\"A\",\"value\":\"b\\r\\nC: d\"}]}",
                  "net/http: invalid header field value for \"A\"" },
        };

        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                CLEANUP(freep) char *json = xasprintf("{%s}", cases[i].handler);
                CLEANUP(probe_freep) struct probe *p = good(json);
                cr_expect_str_eq(p->wrong, cases[i].wrong, "%s: %s", json, p->wrong);
        }
        CLEANUP(probe_freep) struct probe *digits = good("{\"tcpSocket\":{\"port\":\"65535\"}}");
        cr_expect_eq(digits->port, 65535);
        cr_expect_null(digits->wrong);
}

Test(probe, bad_fields_are_named)
{
        static const struct {
                const char *json, *text;
        } cases[] = {
                { "{}", "livenessProbe.exec, httpGet, tcpSocket, grpc: none of them is given" },
                { "{\"exec\":{}}", "livenessProbe.exec.command: not a command" },
                { "{\"exec\":{\"command\":[]}}", "livenessProbe.exec.command: not a command" },
                { "{\"exec\":{\"command\":[7]}}", "livenessProbe.exec.command: no word can hold a NUL" },
                { "{\"httpGet\":{\"port\":1,\"scheme\":\"ftp\"}}",
                  "livenessProbe.httpGet.scheme: neither HTTP nor HTTPS" },
                { "{\"httpGet\":{\"port\":1,\"httpHeaders\":[{\"name\":\"A B\"}]}}",
                  "livenessProbe.httpGet.httpHeaders.name: not a header's name" },
                { "{\"tcpSocket\":{\"port\":1},\"periodSeconds\":-1}", "livenessProbe.periodSeconds: out of range" },
                { "{\"tcpSocket\":{\"port\":1},\"timeoutSeconds\":2147483648}",
                  "livenessProbe.timeoutSeconds: out of range" },
                { "{\"tcpSocket\":{\"port\":1},\"successThreshold\":2}", "livenessProbe.successThreshold: must be 1" },
        };

        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                struct err e = ERR_NONE;
                cr_expect_null(parse(PROBE_LIVENESS, cases[i].json, &e));
                cr_expect_str_eq(e.text, cases[i].text, "%s: %s", cases[i].json, e.text);
        }
}

Test(probe, there_is_a_bound_to_words_and_headers)
{
        static const struct {
                const char *head, *one, *tail;
                size_t most;
                const char *error;
        } rows[] = {
                { "{\"exec\":{\"command\":[", "\"x\"", "]}}", 1024, "livenessProbe.exec.command: not a command" },
                { "{\"httpGet\":{\"port\":1,\"httpHeaders\":[", "{\"name\":\"A\",\"value\":\"b\"}", "]}}", 256,
                  "livenessProbe.httpGet.httpHeaders: too many" },
        };

        for (size_t i = 0; i < ARRAY_LEN(rows); i++)
                for (size_t more = 0; more < 2; more++) {
                        CLEANUP(buf_done) struct buf b = BUF(64 * 1024);
                        CLEANUP(probe_freep) struct probe *p = NULL;
                        struct err e = ERR_NONE;

                        buf_str(&b, rows[i].head);
                        for (size_t k = 0; k < rows[i].most + more; k++)
                                buf_printf(&b, "%s%s", k ? "," : "", rows[i].one);
                        buf_str(&b, rows[i].tail);
                        p = parse(PROBE_LIVENESS, b.data, &e);
                        cr_expect_eq(p == NULL, more == 1, "%s", e.text);
                        cr_expect_str_eq(e.text, more ? rows[i].error : "");
                }
}

/* ---- when, and what the results add up to ------------------------------------------------------------------------ */

#define S USEC_PER_SEC

static const struct probe every_ten = {
        .period_s = 10, .timeout_s = 1, .initial_delay_s = 30, .success_threshold = 2, .failure_threshold = 3
};

Test(probe_state, the_first_is_due_when_its_delay_is_over)
{
        struct probe_state s;

        probe_begin(&s, &every_ten, 100 * S, 0, 0);
        cr_expect_eq(s.due, 130 * S);
        probe_begin(&s, &every_ten, 100 * S, 12 * S, 0);
        cr_expect_eq(s.due, 118 * S);
        probe_begin(&s, &every_ten, 100 * S, 1000 * S, 0);
        cr_expect_eq(s.due, 100 * S);
        probe_begin(&s, &every_ten, 100 * S, 1000 * S, 7 * S);
        cr_expect_eq(s.due, 107 * S, "not all at once after the agent's start");
        probe_begin(&s, &every_ten, 100 * S, 12 * S, 7 * S);
        cr_expect_eq(s.due, 118 * S);
        cr_expect_eq(probe_spread(&every_ten), 10 * S);
}

Test(probe_state, they_keep_their_period)
{
        struct probe_state s;

        probe_begin(&s, &every_ten, 0, 30 * S, 0);
        probe_take(&s, &every_ten, PROBE_READINESS, true, 1 * S);
        cr_expect_eq(s.due, 10 * S);
        probe_take(&s, &every_ten, PROBE_READINESS, true, 24 * S); /* it took 14 s: the tick at 20 is made up for */
        cr_expect_eq(s.due, 24 * S);
        probe_take(&s, &every_ten, PROBE_READINESS, true, 25 * S);
        cr_expect_eq(s.due, 34 * S);
        probe_skip(&s, &every_ten, 35 * S);
        cr_expect_eq(s.due, 44 * S);
        probe_take(&s, &every_ten, PROBE_READINESS, true, 1000 * S); /* the machine slept: no burst */
        cr_expect_eq(s.due, 1000 * S);
}

Test(probe_state, those_of_many_pods_come_together)
{
        struct probe_state s;

        probe_begin(&s, &every_ten, 30 * S + 30001, 30 * S, 0);
        cr_expect_eq(s.due, 30 * S + 30001, "the first waits for nobody");
        probe_take(&s, &every_ten, PROBE_READINESS, true, 31 * S);
        cr_expect_eq(s.due, 40 * S + S / 10);
        probe_take(&s, &every_ten, PROBE_READINESS, true, 41 * S);
        cr_expect_eq(s.due, 50 * S + S / 10, "and then the period is kept");
        probe_skip(&s, &every_ten, 60 * S + S / 10 + 1);
        cr_expect_eq(s.due, 60 * S + S / 5);
}

/* "+" and "-" are results, and what each comes to follows: "." nothing new, "S" success, "F" failure. */
static void results(enum probe_type type, const char *script, bool on_hold)
{
        struct probe one = every_ten;
        struct probe_state s;

        if (type != PROBE_READINESS)
                one.success_threshold = 1;
        probe_begin(&s, &one, 0, 0, 0);
        for (const char *c = script; *c; c += 2) {
                static const char words[] = { [PROBE_NO_NEWS] = '.', [PROBE_SUCCEEDED] = 'S', [PROBE_FAILED] = 'F' };
                char got = words[probe_take(&s, &one, type, *c == '+', 0)];
                cr_expect_eq(got, c[1], "%s: after %zu: %c", script, (size_t)(c - script), got);
        }
        cr_expect_eq(s.on_hold, on_hold, "%s", script);
}

Test(probe_state, thresholds_count_results_in_a_row)
{
        results(PROBE_READINESS, "+.+S+S", false);
        results(PROBE_READINESS, "-.-.-F-F+.+S", false);
        results(PROBE_READINESS, "+.-.+.-.-.+.+S-.-.+.+S-.-.-F", false);
        results(PROBE_LIVENESS, "+S-.-.+S-.-.-F", true);
        results(PROBE_LIVENESS, "+S-.-.+S", false);
        results(PROBE_STARTUP, "-.-.+S", true);
        results(PROBE_STARTUP, "-.-.-F", true);
        results(PROBE_STARTUP, "-.-.", false);
}

Test(probe_state, what_nobody_can_tell_does_not_count)
{
        struct probe_state s;

        probe_begin(&s, &every_ten, 0, 0, 0);
        probe_take(&s, &every_ten, PROBE_LIVENESS, false, 0);
        probe_take(&s, &every_ten, PROBE_LIVENESS, false, 0);
        probe_skip(&s, &every_ten, 0);
        cr_expect_eq(probe_take(&s, &every_ten, PROBE_LIVENESS, false, 0), PROBE_FAILED);
}

/* ---- the pod ----------------------------------------------------------------------------------------------------- */

#define TCP "{\"tcpSocket\":{\"port\":80}}"
#define POD(spec)                                                                                                      \
        "{\"metadata\":{\"namespace\":\"default\",\"name\":\"web\",\"uid\":\"0f6c2a9e-1234-4abc-8def-0123456789ab\"}," \
        "\"spec\":{\"terminationGracePeriodSeconds\":30," spec "}}"
#define C(probes)            "{\"name\":\"c\",\"image\":\"pkg-c\"" probes "}"
#define READINESS            ",\"readinessProbe\":" TCP
#define STARTUP              ",\"startupProbe\":" TCP
#define LIVENESS             ",\"livenessProbe\":" TCP
#define WITH(policy, probes) POD("\"restartPolicy\":\"" policy "\",\"containers\":[" C(probes) "]")
#define ALL(policy)          WITH(policy, READINESS STARTUP LIVENESS)
#define SIDECAR                                                                                                        \
        POD("\"initContainers\":[{\"name\":\"i\",\"image\":\"pkg-i\",\"restartPolicy\":\"Always\"" STARTUP             \
            "}],\"containers\":[" C("") "]")
#define GRACE(n)                                                                                                       \
        WITH("Always", ",\"livenessProbe\":{\"tcpSocket\":{\"port\":80},\"terminationGracePeriodSeconds\":" n "}")

Test(probed, ready)
{
        static const struct story stories[] = {
                { "who has a readiness probe is not ready before it succeeds", WITH("Always", READINESS),
                  "ready; c runs", "", "Running | c running", NULL },
                { "then it is", WITH("Always", READINESS), "ready; c runs; c probed readiness good", "",
                  "Running | c running ready", NULL },
                { "until it fails", WITH("Always", READINESS),
                  "ready; c runs; c probed readiness good; c probed readiness bad", "", "Running | c running", NULL },
                { "or a new run begins", WITH("Always", READINESS),
                  "ready; c runs; c probed readiness good; c exits 0; c runs", "",
                  "Running | c running x1 was Completed 0", NULL },
                { "but not because the unit is told to end", WITH("Always", READINESS),
                  "ready; c runs; c probed readiness good; c is deactivating", "", "Running | c running ready", NULL },
                { "not before the startup probe has succeeded", ALL("Always"), "ready; c runs; c probed readiness good",
                  "", "Running | c running", NULL },
                { "liveness has no part in it", WITH("Always", LIVENESS), "ready; c runs", "",
                  "Running | c running ready", NULL },
        };
        TELL(stories);
}

Test(probed, conditions_and_started)
{
        static const struct value values[] = {
                { "it has not started", ALL("Always"), "ready; c runs", "containerStatuses.0.started", "false", NULL },
                { "it has", ALL("Always"), "ready; c runs; c probed startup good", "containerStatuses.0.started",
                  "true", NULL },
                { "without a startup probe it starts as it runs", WITH("Always", READINESS), "ready; c runs",
                  "containerStatuses.0.started", "true", NULL },
                { "not ready", WITH("Always", READINESS), "ready; c runs", "conditions.2.status", "False", NULL },
                { "and why", WITH("Always", READINESS), "ready; c runs", "conditions.3.reason", "ContainersNotReady",
                  NULL },
                { "who", WITH("Always", READINESS), "ready; c runs", "conditions.2.message",
                  "containers with unready status: [c]", NULL },
                { "ready", WITH("Always", READINESS), "ready; c runs; c probed readiness good", "conditions.2.status",
                  "True", NULL },
        };
        LOOK(values);
}

Test(probed, a_failed_run_is_ended_and_started_again)
{
        static const struct story stories[] = {
                { "its unit alone is stopped", ALL("Always"), "ready; c runs; c probed startup bad", "end c",
                  "Running | c running", NULL },
                { "killed when the grace is over", ALL("Always"),
                  "ready; c runs; c probed liveness bad; c stop_sent; c kill_at +30s", "wake 30s", NULL, NULL },
                { "now", ALL("Always"), "ready; c runs; c probed liveness bad; c stop_sent; c kill_at +30s; +30s",
                  "end-kill c", NULL, NULL },
                { "asked again where that failed", ALL("Always"),
                  "ready; c runs; c probed liveness bad; c stop_retry_at +5s", "wake 5s", NULL, NULL },
                { "and started again", WITH("Always", LIVENESS),
                  "ready; c runs; c probed liveness bad; c stop_sent; c is deactivating; c killed 15 inactive",
                  "restart c", "Running | c waiting ContainerCreating was Error 143", NULL },
                { "OnFailure, even if it ends well", WITH("OnFailure", LIVENESS),
                  "ready; c runs; c probed liveness bad; c stop_sent; c exits 0 inactive", "restart c",
                  "Running | c waiting ContainerCreating was Completed 0", NULL },
                { "but not with Never", WITH("Never", LIVENESS),
                  "ready; c runs; c probed liveness bad; c stop_sent; c exits 0 inactive; status_current", "remove",
                  "Succeeded | c terminated Completed 0", NULL },
                { "the next time only after the back-off", WITH("Always", LIVENESS),
                  "ready; c runs; c probed liveness bad; c killed 15 inactive; c requested; c runs; "
                  "c probed liveness bad; c killed 15 inactive",
                  "wake 10s", NULL, NULL },
                { "the new run is healthy until its own probe fails", WITH("Always", LIVENESS),
                  "ready; c runs; c probed liveness bad; c killed 15 inactive; c requested; c runs", "",
                  "Running | c running ready x1 was Error 143", NULL },
                { "a pod that ends goes on ending", WITH("Always", LIVENESS),
                  "ready; c runs; c probed liveness bad; deleting; deletion_grace_s 30s", "stop", NULL, NULL },
                { "an image that was changed comes first", WITH("Always", LIVENESS),
                  "ready; c runs; c probed liveness bad; c image other; c stop_sent; c is inactive", "clear c", NULL,
                  NULL },
        };
        TELL(stories);
}

Test(probed, the_probes_own_grace)
{
        static const struct story stories[] = {
                { "a shorter one ends with a kill", GRACE("5"), "ready; c runs; c probed liveness bad", "end c", NULL,
                  NULL },
                { "a longer one begins with a signal", GRACE("60"), "ready; c runs; c probed liveness bad", "term c",
                  NULL, NULL },
                { "and is waited for", GRACE("60"), "ready; c runs; c probed liveness bad; c term_sent; c kill_at +60s",
                  "wake 60s", NULL, NULL },
                { "after which it starts, though systemd would, too", GRACE("60"),
                  "ready; c runs; c probed liveness bad; c term_sent; c killed 15 holdoff", "restart c", NULL, NULL },
        };
        struct world w = world(GRACE("5"));

        TELL(stories);
        happen(&w, "ready; c runs");
        cr_expect_eq(container_grace_s(&w.state->containers[0], &w.pod->containers[0], w.pod), 30);
        happen(&w, "c probed liveness bad");
        cr_expect_eq(container_grace_s(&w.state->containers[0], &w.pod->containers[0], w.pod), 5);
        happen(&w, "c replacing");
        cr_expect_eq(container_grace_s(&w.state->containers[0], &w.pod->containers[0], w.pod), 30);
        world_done(&w);
}

Test(probed, a_sidecar_is_waited_for_until_it_has_started)
{
        static const struct story stories[] = {
                { "not yet", SIDECAR, "ready; i runs", "", NULL, NULL },
                { "now", SIDECAR, "ready; i runs; i probed startup good", "start c", NULL, NULL },
                { "it can fail", SIDECAR, "ready; i runs; i probed startup bad", "end i", NULL, NULL },
        };
        TELL(stories);
}

Test(probed, what_the_api_server_remembers)
{
        static const char remembered[] =
                "{\"containerStatuses\":[{\"name\":\"c\",\"ready\":true,\"started\":true,\"restartCount\":0,"
                "\"containerID\":\"systemd://00000000000000000000000000000001\","
                "\"state\":{\"running\":{\"startedAt\":\"2023-11-14T22:13:20Z\"}}}]}";
        struct world w = world(ALL("Always"));

        w.remembered = remembered;
        happen(&w, "adopt; ready; c runs");
        CLEANUP(freep) char *same = status_text(&w);
        cr_expect(strstr(same, "c running ready"), "%s", same);
        happen(&w, "c exits 1; c runs");
        CLEANUP(freep) char *other = status_text(&w);
        cr_expect(!strstr(other, "ready"), "%s", other);
        world_done(&w);
}

Test(probed, a_verdict_is_news_once)
{
        struct container_state c = { 0 };

        cr_expect(container_probed(&c, PROBE_READINESS, true));
        cr_expect(!container_probed(&c, PROBE_READINESS, true));
        cr_expect(container_probed(&c, PROBE_READINESS, false));
        cr_expect(!container_probed(&c, PROBE_LIVENESS, true));
        cr_expect(container_probed(&c, PROBE_STARTUP, true));
        cr_expect(container_probed(&c, PROBE_LIVENESS, false));
        cr_expect_eq(c.failed_probe, PROBE_LIVENESS);
        cr_expect(!container_probed(&c, PROBE_LIVENESS, false));
        cr_expect(c.startup_passed);
}

Test(probed, who_has_probes)
{
        struct world w = world(POD("\"initContainers\":[{\"name\":\"i\",\"image\":\"a\"" LIVENESS
                                   "}],\"ephemeralContainers\":[{\"name\":\"e\",\"image\":\"b\"" LIVENESS
                                   "}],\"containers\":[" C(LIVENESS READINESS) "]"));

        cr_expect_null(w.pod->ignored, "%s", w.pod->ignored);
        cr_expect_null(w.pod->containers[0].probes[PROBE_LIVENESS]);
        cr_expect_not_null(w.pod->containers[1].probes[PROBE_LIVENESS]);
        cr_expect_not_null(w.pod->containers[1].probes[PROBE_READINESS]);
        cr_expect_null(w.pod->containers[1].probes[PROBE_STARTUP]);
        cr_expect_null(w.pod->containers[2].probes[PROBE_LIVENESS]);
        world_done(&w);
        w = world(WITH("Always", ",\"livenessProbe\":{}"));
        cr_expect_str_eq(kept_text(&w.pod->containers[0].refused),
                         "containers{c}.livenessProbe.exec, httpGet, tcpSocket, grpc: none of them is given");
        world_done(&w);
}
