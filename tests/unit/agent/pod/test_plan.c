/* SPDX-License-Identifier: Apache-2.0 */
/* The semantics of Kubernetes as tables: pod JSON + what was observed -> plan -> status. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>

#include "agent/lib/json.h"
#include "agent/pod/plan.h"
#include "agent/pod/status.h"
#include "common/mem.h"

#define T0 (UINT64_C(1700000000) * USEC_PER_SEC)

static const struct pod_node node = { .name = "n1", .ip = "10.0.0.1" };

struct world {
        struct pod *pod;
        struct pod_state *state;
        uint64_t now;
        unsigned runs;
};

#define POD(spec)                                                                                                      \
        "{\"metadata\":{\"namespace\":\"default\",\"name\":\"web\",\"uid\":\"0f6c2a9e-1234-4abc-8def-0123456789ab\"}," \
        "\"spec\":{" spec "}}"
#define ONE(policy) POD("\"restartPolicy\":\"" policy "\",\"containers\":[{\"name\":\"c\",\"image\":\"nginx\"}]")

static struct world world(const char *json)
{
        struct world w = { .now = T0 };
        struct err e = ERR_NONE;
        cJSON *o = cJSON_Parse(json);

        cr_assert_not_null(o, "bad test JSON: %s", json);
        cr_assert_eq(pod_parse(o, &w.pod, &e), 0, "%s", e.text);
        cJSON_Delete(o);
        w.state = pod_state_new(w.pod, w.now);
        return w;
}

static void done(struct world *w)
{
        pod_state_free(w->state);
        pod_free(w->pod);
}

/* The plan as words: "start 0, stop 0". */
static const char *plan(struct world *w)
{
        static char words[512];
        struct plan p;
        size_t n = 0;

        plan_pod(w->pod, w->state, w->now, &p);
        words[0] = '\0';
        for (size_t i = 0; i < p.n_actions; i++)
                n += (size_t)snprintf(words + n, sizeof(words) - n, "%s%s %zu", i ? ", " : "",
                                      action_name(p.actions[i].kind), p.actions[i].index);
        return words;
}

static void prepare(struct world *w)
{
        for (size_t i = 0; i < w->pod->n_containers; i++)
                w->state->containers[i].image_present = true;
        for (size_t i = 0; i < w->pod->n_volumes; i++)
                w->state->volumes[i].filled = true;
        w->state->written = true;
}

static void observe(struct world *w, size_t i, struct unit_state u)
{
        container_observe(&w->state->containers[i], &u, w->pod, w->now);
}

/* A fresh run of container i begins. */
static void runs(struct world *w, size_t i)
{
        struct unit_state u = { .phase = UNIT_ACTIVE, .main_pid = 42, .started = w->now };

        snprintf(u.invocation, sizeof(u.invocation), "%032x", ++w->runs);
        observe(w, i, u);
}

static void ends(struct world *w, size_t i, enum unit_phase phase, int code, int status, const char *result)
{
        struct unit_state u = w->state->containers[i].unit;

        u.phase = phase;
        u.main_pid = 0;
        u.main_code = code;
        u.main_status = status;
        u.ended = w->now;
        snprintf(u.result, sizeof(u.result), "%s", result);
        observe(w, i, u);
}

static cJSON *status(struct world *w)
{
        return status_build(w->pod, w->state, &node, NULL, w->now);
}

/* A value inside the first container's status, as text: "state.running" -> JSON. */
static void expect_container(struct world *w, size_t i, const char *state, const char *reason, int exit_code,
                             int restarts)
{
        cJSON *s = status(w);
        const cJSON *c = cJSON_GetArrayItem(json_get(s, "containerStatuses"), (int)i),
                    *st = json_get(json_get(c, "state"), state);

        cr_assert_not_null(st, "state is not %s: %s", state, cJSON_PrintUnformatted(c));
        if (reason)
                cr_assert_str_eq(json_str(st, "reason"), reason);
        if (exit_code >= 0)
                cr_assert_eq(json_int(st, "exitCode", -1), exit_code);
        cr_assert_eq(json_int(c, "restartCount", -1), restarts, "restartCount %d",
                     (int)json_int(c, "restartCount", -1));
        cJSON_Delete(s);
}

static void expect_phase(struct world *w, const char *phase)
{
        cr_assert_str_eq(status_phase(w->pod, w->state), phase, "phase is %s", status_phase(w->pod, w->state));
}

Test(plan, a_new_pod_goes_from_image_to_units_to_start)
{
        struct world w = world(ONE("Always"));

        cr_assert_str_eq(plan(&w), "pull 0");
        expect_phase(&w, "Pending");
        w.state->containers[0].pulling = true;
        cr_assert_str_eq(plan(&w), "");
        w.state->containers[0].pulling = false;
        w.state->containers[0].image_present = true;
        cr_assert_str_eq(plan(&w), "write 0");
        w.state->write_in_flight = true;
        cr_assert_str_eq(plan(&w), "");
        w.state->write_in_flight = false;
        w.state->written = true;
        cr_assert_str_eq(plan(&w), "start 0");
        w.state->containers[0].requested = true;
        cr_assert_str_eq(plan(&w), "");
        runs(&w, 0);
        cr_assert_str_eq(plan(&w), "");
        expect_phase(&w, "Running");
        expect_container(&w, 0, "running", NULL, -1, 0);
        done(&w);
}

Test(plan, a_start_is_asked_for_once)
{
        struct world w = world(ONE("Always"));
        struct unit_state u = { .phase = UNIT_INACTIVE, .invocation = "00000000000000000000000000000001" };

        prepare(&w);
        w.state->containers[0].requested = true;
        observe(&w, 0, u); /* systemd gives a unit its new invocation id before it leaves "inactive" */
        cr_assert_str_eq(plan(&w), "");
        u.phase = UNIT_ACTIVATING;
        observe(&w, 0, u);
        cr_assert_str_eq(plan(&w), "");
        done(&w);
}

Test(plan, a_start_whose_condition_is_not_met_is_told_and_tried_again_later)
{
        struct world w = world(ONE("Always"));
        struct container_state *c = &w.state->containers[0];
        struct unit_state u = { .phase = UNIT_ABSENT, .unmet_at = 77 };

        prepare(&w);
        c->requested = true;
        observe(&w, 0, u);
        expect_container(&w, 0, "waiting", "RunContainerError", -1, 0);
        cr_assert_str_eq(plan(&w), "");
        w.now += BACKOFF_FIRST;
        cr_assert_str_eq(plan(&w), "start 0");
        c->requested = true;
        observe(&w, 0, u); /* the same look: no answer to the new start */
        cr_assert(c->requested);
        u.unmet_at = 78;
        observe(&w, 0, u);
        cr_assert_not(c->requested);
        runs(&w, 0);
        expect_phase(&w, "Running");
        done(&w);
}

Test(plan, what_was_never_active_but_ended_is_started_again)
{
        struct world w = world(ONE("Always"));
        struct unit_state u = { .phase = UNIT_ACTIVATING,
                                .main_pid = 42,
                                .started = w.now,
                                .invocation = "00000000000000000000000000000001" };

        prepare(&w);
        w.state->containers[0].requested = true;
        observe(&w, 0, u);
        expect_container(&w, 0, "running", NULL, -1, 0);
        ends(&w, 0, UNIT_INACTIVE, CLD_EXITED, 0, "success");
        expect_container(&w, 0, "terminated", "Completed", 0, 0);
        cr_assert_str_eq(plan(&w), "restart 0");
        done(&w);
}

Test(plan, content_comes_before_units)
{
        struct world w = world(POD("\"volumes\":[{\"name\":\"v\",\"configMap\":{\"name\":\"m\"}}],\"containers\":[{"
                                   "\"name\":\"c\",\"image\":\"nginx\","
                                   "\"volumeMounts\":[{\"name\":\"v\",\"mountPath\":\"/etc/nginx/conf.d\"}]}]"));

        w.state->containers[0].image_present = true;
        cr_assert_str_eq(plan(&w), "", "nothing to fill yet, nothing to write");
        w.state->volumes[0].wanted = true;
        cr_assert_str_eq(plan(&w), "fill 0");
        w.state->volumes[0].wanted = false;
        w.state->volumes[0].filled = true;
        cr_assert_str_eq(plan(&w), "write 0");
        w.state->env_failure.code = -11;
        cr_assert_str_eq(plan(&w), "", "an environment that cannot be resolved holds the units back");
        done(&w);
}

Test(plan, a_crash_restarts_at_once_and_then_with_back_off)
{
        struct world w = world(ONE("Always"));
        struct plan p;

        prepare(&w);
        runs(&w, 0);
        w.now += 2 * USEC_PER_SEC;
        ends(&w, 0, UNIT_HOLDOFF, CLD_EXITED, 7, "exit-code");
        expect_container(&w, 0, "terminated", "Error", 7, 0);
        cr_assert_str_eq(plan(&w), "restart 0", "the first restart does not wait");
        runs(&w, 0);
        expect_container(&w, 0, "running", NULL, -1, 1);
        w.now += 2 * USEC_PER_SEC;
        ends(&w, 0, UNIT_HOLDOFF, CLD_KILLED, SIGKILL, "signal");
        cr_assert_str_eq(plan(&w), "");
        expect_container(&w, 0, "waiting", "CrashLoopBackOff", -1, 1);
        expect_phase(&w, "Running");
        plan_pod(w.pod, w.state, w.now, &p);
        cr_assert_eq(p.wake_at, w.now + 10 * USEC_PER_SEC);
        w.now += 10 * USEC_PER_SEC;
        cr_assert_str_eq(plan(&w), "restart 0");
        runs(&w, 0);
        ends(&w, 0, UNIT_HOLDOFF, CLD_EXITED, 1, "exit-code");
        plan_pod(w.pod, w.state, w.now, &p);
        cr_assert_eq(p.wake_at, w.now + 20 * USEC_PER_SEC, "it doubles");
        cr_assert_eq(w.state->containers[0].last.exit_code, 137, "lastState has 128 + the signal");
        done(&w);
}

Test(plan, a_restart_is_asked_for_once)
{
        struct world w = world(ONE("Always"));

        prepare(&w);
        runs(&w, 0);
        ends(&w, 0, UNIT_HOLDOFF, CLD_EXITED, 7, "exit-code");
        cr_assert_str_eq(plan(&w), "restart 0");
        w.state->containers[0].requested = true;
        ends(&w, 0, UNIT_FAILED, CLD_EXITED, 7, "exit-code"); /* systemd takes it out of its holdoff to start it */
        cr_assert_str_eq(plan(&w), "");
        runs(&w, 0);
        expect_container(&w, 0, "running", NULL, -1, 1);
        done(&w);
}

Test(plan, ten_minutes_of_running_reset_the_back_off)
{
        struct world w = world(ONE("Always"));

        prepare(&w);
        runs(&w, 0);
        w.state->containers[0].backoff = BACKOFF_MAX;
        w.now += 601 * USEC_PER_SEC;
        ends(&w, 0, UNIT_HOLDOFF, CLD_EXITED, 1, "exit-code");
        cr_assert_str_eq(plan(&w), "restart 0");
        done(&w);
}

Test(plan, restart_policy_decides_what_a_clean_exit_means)
{
        static const struct {
                const char *json;
                int exit_code;
                const char *plan, *phase;
        } table[] = {
                { ONE("Always"), 0, "restart 0", "Running" },
                { ONE("OnFailure"), 0, "stop 0", "Succeeded" },
                { ONE("OnFailure"), 1, "restart 0", "Running" },
                { ONE("Never"), 0, "stop 0", "Succeeded" },
                { ONE("Never"), 3, "", "Failed" },
        };

        for (size_t i = 0; i < ARRAY_LEN(table); i++) {
                struct world w = world(table[i].json);
                prepare(&w);
                runs(&w, 0);
                w.now += USEC_PER_SEC;
                ends(&w, 0, table[i].exit_code ? UNIT_FAILED : UNIT_EXITED, CLD_EXITED, table[i].exit_code,
                     table[i].exit_code ? "exit-code" : "success");
                cr_assert_str_eq(plan(&w), table[i].plan, "row %zu: %s", i, plan(&w));
                expect_phase(&w, table[i].phase);
                done(&w);
        }
}

Test(plan, a_finished_pod_is_cleared_away_once_its_status_has_arrived)
{
        struct world w = world(ONE("Never"));

        prepare(&w);
        runs(&w, 0);
        ends(&w, 0, UNIT_FAILED, CLD_EXITED, 3, "exit-code");
        cr_assert_str_eq(plan(&w), "");
        w.state->status_current = true;
        cr_assert_str_eq(plan(&w), "remove 0");
        w.state->removed = true;
        cr_assert_str_eq(plan(&w), "", "the object stays: its owner or its user deletes it");
        done(&w);
}

Test(plan, deletion_stops_waits_removes_and_then_deletes)
{
        struct world w = world(ONE("Always"));

        prepare(&w);
        runs(&w, 0);
        w.pod->deleting = true;
        w.pod->deletion_grace_s = 30;
        cr_assert_str_eq(plan(&w), "stop 0");
        w.state->stop_sent = true;
        w.state->kill_at = w.now + 30 * USEC_PER_SEC;
        cr_assert_str_eq(plan(&w), "");
        w.now += 31 * USEC_PER_SEC;
        cr_assert_str_eq(plan(&w), "kill 0", "the grace is over");
        w.state->kill_sent = true;
        ends(&w, 0, UNIT_FAILED, CLD_KILLED, SIGKILL, "timeout");
        expect_phase(&w, "Failed");
        cr_assert_str_eq(plan(&w), "", "its end is reported before it is forgotten");
        w.state->status_current = true;
        cr_assert_str_eq(plan(&w), "remove 0");
        w.state->removed = true;
        cr_assert_str_eq(plan(&w), "delete 0");
        w.state->deleted = true;
        cr_assert_str_eq(plan(&w), "");
        done(&w);
}

Test(plan, a_pod_that_left_the_api_is_ended_without_a_word)
{
        struct world w = world(ONE("Always"));

        prepare(&w);
        runs(&w, 0);
        w.state->gone = true;
        cr_assert_str_eq(plan(&w), "stop 0");
        w.state->stop_sent = true;
        w.state->kill_at = w.now + USEC_PER_SEC;
        ends(&w, 0, UNIT_INACTIVE, CLD_KILLED, SIGTERM, "success");
        cr_assert_str_eq(plan(&w), "remove 0");
        w.state->removed = true;
        cr_assert_str_eq(plan(&w), "");
        done(&w);
}

Test(plan, init_containers_run_one_after_the_other)
{
        struct world w = world(
                POD("\"restartPolicy\":\"OnFailure\",\"initContainers\":[{\"name\":\"a\",\"image\":\"/bin/"
                    "a\"},{\"name\":\"b\",\"image\":\"/bin/b\"}],"
                    "\"containers\":[{\"name\":\"c\",\"image\":\"nginx\"},{\"name\":\"d\",\"image\":\"redis\"}]"));

        prepare(&w);
        cr_assert_str_eq(plan(&w), "start 0");
        runs(&w, 0);
        cr_assert_str_eq(plan(&w), "");
        ends(&w, 0, UNIT_FAILED, CLD_EXITED, 1, "exit-code");
        cr_assert_str_eq(plan(&w), "restart 0", "a failed init container is tried again");
        runs(&w, 0);
        ends(&w, 0, UNIT_EXITED, CLD_EXITED, 0, "success");
        cr_assert_str_eq(plan(&w), "start 1");
        runs(&w, 1);
        ends(&w, 1, UNIT_EXITED, CLD_EXITED, 0, "success");
        cr_assert_str_eq(plan(&w), "start 2, start 3");
        expect_phase(&w, "Pending");
        done(&w);
}

Test(plan, a_failed_init_container_ends_a_pod_that_never_restarts)
{
        struct world w =
                world(POD("\"restartPolicy\":\"Never\",\"initContainers\":[{\"name\":\"a\",\"image\":\"/bin/a\"}],"
                          "\"containers\":[{\"name\":\"c\",\"image\":\"nginx\"}]"));

        prepare(&w);
        runs(&w, 0);
        ends(&w, 0, UNIT_FAILED, CLD_EXITED, 1, "exit-code");
        expect_phase(&w, "Failed");
        cr_assert_str_eq(plan(&w), "");
        done(&w);
}

Test(plan, after_a_reboot_containers_are_started_again_and_counted)
{
        struct world w = world(ONE("Always"));
        cJSON *status = cJSON_Parse(
                "{\"startTime\":\"2023-11-14T22:00:00Z\",\"containerStatuses\":[{\"name\":\"c\",\"restartCount\":2,"
                "\"containerID\":\"systemd://"
                "0123456789abcdef0123456789abcdef\",\"state\":{\"running\":{\"startedAt\":\"2023-11-14T22:00:01Z\"}}}]"
                "}");

        pod_state_adopt(w.state, w.pod, status);
        cJSON_Delete(status);
        observe(&w, 0, (struct unit_state){ .phase = UNIT_ABSENT });
        expect_container(&w, 0, "terminated", "ContainerStatusUnknown", 137, 2);
        w.state->containers[0].image_present = true;
        cr_assert_str_eq(plan(&w), "write 0");
        w.state->written = true;
        cr_assert_str_eq(plan(&w), "restart 0");
        runs(&w, 0);
        expect_container(&w, 0, "running", NULL, -1, 3);
        done(&w);
}

Test(plan, an_agent_that_comes_back_finds_its_containers_running)
{
        struct world w = world(ONE("Always"));
        cJSON *status = cJSON_Parse("{\"containerStatuses\":[{\"name\":\"c\",\"restartCount\":1,"
                                    "\"containerID\":\"systemd://"
                                    "00000000000000000000000000000001\",\"state\":{\"running\":{\"startedAt\":\"2023-"
                                    "11-14T22:00:01Z\"}}}]}");

        pod_state_adopt(w.state, w.pod, status);
        cJSON_Delete(status);
        prepare(&w);
        runs(&w, 0);
        cr_assert_str_eq(plan(&w), "");
        expect_container(&w, 0, "running", NULL, -1, 1);
        done(&w);
}

Test(plan, restarts_by_systemd_while_the_agent_was_away_are_counted)
{
        struct world w = world(ONE("Always"));
        struct unit_state u = {
                .phase = UNIT_ACTIVE, .invocation = "ffffffffffffffffffffffffffffffff", .restarts = 3, .started = T0
        };
        cJSON *status = cJSON_Parse(
                "{\"containerStatuses\":[{\"name\":\"c\",\"restartCount\":1,"
                "\"containerID\":\"systemd://00000000000000000000000000000001\",\"state\":{\"running\":{}}}]}");

        pod_state_adopt(w.state, w.pod, status);
        cJSON_Delete(status);
        prepare(&w);
        observe(&w, 0, u);
        expect_container(&w, 0, "running", NULL, -1, 4);
        done(&w);
}

Test(plan, what_systemd_could_not_start_says_so)
{
        struct world w = world(ONE("Never"));
        struct unit_state u = { .phase = UNIT_FAILED,
                                .main_code = CLD_EXITED,
                                .main_status = 203,
                                .started = T0,
                                .ended = T0,
                                .result = "exit-code",
                                .spawn_error = "Failed at step EXEC spawning /x: No such file or directory",
                                .invocation = "00000000000000000000000000000001" };

        prepare(&w);
        observe(&w, 0, u);
        expect_container(&w, 0, "terminated", "StartError", 128, 0);
        done(&w);
}

Test(plan, a_program_may_end_with_any_code)
{
        for (int code = 0; code < 256; code++) {
                struct world w = world(ONE("Never"));
                struct unit_state u = { .phase = code ? UNIT_FAILED : UNIT_INACTIVE,
                                        .main_code = CLD_EXITED,
                                        .main_status = code,
                                        .started = T0,
                                        .ended = T0,
                                        .result = "exit-code",
                                        .invocation = "00000000000000000000000000000001" };

                prepare(&w);
                observe(&w, 0, u);
                expect_container(&w, 0, "terminated", code ? "Error" : "Completed", code, 0);
                done(&w);
        }
}

Test(plan, an_oom_kill_has_its_own_reason)
{
        struct world w = world(ONE("Never"));

        prepare(&w);
        runs(&w, 0);
        ends(&w, 0, UNIT_FAILED, CLD_KILLED, SIGKILL, "oom-kill");
        expect_container(&w, 0, "terminated", "OOMKilled", 137, 0);
        done(&w);
}

Test(plan, a_deadline_ends_the_pod)
{
        struct world w = world(POD("\"restartPolicy\":\"Always\",\"activeDeadlineSeconds\":60,\"containers\":[{"
                                   "\"name\":\"c\",\"image\":\"nginx\"}]"));

        prepare(&w);
        runs(&w, 0);
        cr_assert_str_eq(plan(&w), "");
        w.now += 61 * USEC_PER_SEC;
        w.state->deadline_exceeded = true;
        cr_assert_str_eq(plan(&w), "stop 0");
        ends(&w, 0, UNIT_INACTIVE, CLD_KILLED, SIGTERM, "success");
        expect_phase(&w, "Failed");
        done(&w);
}

Test(plan, image_failures_wait_as_kubernetes_does)
{
        struct world w = world(ONE("Always"));
        struct container_state *c = &w.state->containers[0];

        err_set(&c->pull_failure, -5, "ErrImagePull", "E: Unable to locate package nginx");
        c->pull_backoff = BACKOFF_FIRST;
        c->pull_at = w.now + BACKOFF_FIRST;
        cr_assert_str_eq(plan(&w), "");
        expect_container(&w, 0, "waiting", "ErrImagePull", -1, 0);
        c->pull_backoff = 2 * BACKOFF_FIRST;
        expect_container(&w, 0, "waiting", "ImagePullBackOff", -1, 0);
        w.now += BACKOFF_FIRST;
        cr_assert_str_eq(plan(&w), "pull 0");
        done(&w);
}

Test(plan, a_status_does_not_change_by_being_made_again)
{
        struct world w = world(ONE("Always"));
        cJSON *a, *b;

        prepare(&w);
        runs(&w, 0);
        a = status(&w);
        w.now += 100 * USEC_PER_SEC;
        b = status(&w);
        cr_assert(cJSON_Compare(a, b, true));
        cJSON_Delete(a);
        cJSON_Delete(b);
        done(&w);
}

Test(plan, ready_follows_the_unit)
{
        struct world w = world(ONE("Always"));
        struct unit_state u = {
                .phase = UNIT_ACTIVATING, .main_pid = 1, .started = T0, .invocation = "00000000000000000000000000000001"
        };

        prepare(&w);
        observe(&w, 0, u);
        cJSON_Delete(status(&w));
        cr_assert_not(w.state->conditions[CONDITION_READY].is_true,
                      "a Type=notify daemon is not ready before it says so");
        u.phase = UNIT_ACTIVE;
        observe(&w, 0, u);
        cJSON_Delete(status(&w));
        cr_assert(w.state->conditions[CONDITION_READY].is_true);
        done(&w);
}
