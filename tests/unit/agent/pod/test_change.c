/* SPDX-License-Identifier: Apache-2.0 */
/* A pod that is changed while it runs, and a grace that is changed while it ends: what follows, step by step. */
#include <criterion/criterion.h>
#include <errno.h>
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
        for (size_t i = 0; i < w->pod->n_containers; i++) {
                w->state->containers[i].image_present = true;
                w->state->containers[i].mark = w->pod->containers[i].mark;
        }
        for (size_t i = 0; i < w->pod->n_volumes; i++)
                w->state->volumes[i].filled = true;
        w->state->written = true;
}

static void observe(struct world *w, size_t i, struct unit_state u)
{
        container_observe(&w->state->containers[i], &u, w->state, w->now);
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

/* ---- an image that is changed in place --------------------------------------------------------------------------- */

/* kubectl set image: the same pod, with other images; units keep their names until they are gone. */
static void change_image(struct world *w, size_t i, const char *image)
{
        struct container *c = &w->pod->containers[i];
        uint64_t mark = c->mark;

        free(c->image);
        c->image = xstrdup(image);
        (void)image_parse(c->image, &c->parsed, NULL);
        c->mark = mark + 1;
}

#define TWO(policy)                                                                                                    \
        POD("\"restartPolicy\":\"" policy                                                                              \
            "\",\"containers\":[{\"name\":\"a\",\"image\":\"nginx\"},{\"name\":\"b\",\"image\":\"redis\"}]")

Test(change, a_changed_image_ends_its_container_alone_and_starts_it_anew)
{
        static const char *const policies[] = { TWO("Always"), TWO("OnFailure"), TWO("Never") };

        for (size_t k = 0; k < ARRAY_LEN(policies); k++) {
                struct world w = world(policies[k]);
                struct container_state *c = &w.state->containers[0];

                prepare(&w);
                runs(&w, 0);
                runs(&w, 1);
                change_image(&w, 0, "caddy");
                cr_assert_str_eq(plan(&w), "end 0");
                c->stop_sent = c->replacing = true;
                c->kill_at = w.now + 30 * USEC_PER_SEC;
                cr_assert_str_eq(plan(&w), "", "it has its grace");
                w.now += 30 * USEC_PER_SEC;
                cr_assert_str_eq(plan(&w), "end-kill 0");
                c->kill_sent = true;
                ends(&w, 0, UNIT_FAILED, CLD_KILLED, SIGKILL, "signal");
                expect_phase(&w, "Running");
                expect_container(&w, 0, "waiting", "ContainerCreating", -1, 0);
                cr_assert_str_eq(plan(&w), "clear 0", "whatever the policy says");
                c->clear_in_flight = true;
                cr_assert_str_eq(plan(&w), "");
                c->clear_in_flight = false;
                container_renew(c);
                expect_phase(&w, "Running");
                expect_container(&w, 0, "waiting", "ContainerCreating", -1, 0);
                cr_assert_str_eq(plan(&w), "pull 0");
                c->image_present = true;
                cr_assert_str_eq(plan(&w), "write 0");
                c->mark = w.pod->containers[0].mark;
                cr_assert_str_eq(plan(&w), "start 0");
                runs(&w, 0);
                expect_container(&w, 0, "running", NULL, -1, 1);
                expect_container(&w, 1, "running", NULL, -1, 0);
                cr_assert_eq(c->last.exit_code, 137);
                done(&w);
        }
}

Test(change, a_changed_image_waits_for_no_back_off)
{
        struct world w = world(ONE("Always"));
        struct container_state *c = &w.state->containers[0];

        prepare(&w);
        runs(&w, 0);
        ends(&w, 0, UNIT_HOLDOFF, CLD_EXITED, 1, "exit-code");
        runs(&w, 0);
        ends(&w, 0, UNIT_HOLDOFF, CLD_EXITED, 1, "exit-code");
        cr_assert_str_eq(plan(&w), "");
        change_image(&w, 0, "caddy");
        cr_assert_str_eq(plan(&w), "end 0", "out of its holdoff, or systemd would start it");
        c->stop_sent = c->replacing = true;
        ends(&w, 0, UNIT_INACTIVE, CLD_EXITED, 1, "success");
        cr_assert_str_eq(plan(&w), "clear 0");
        container_renew(c);
        c->image_present = true;
        c->mark = w.pod->containers[0].mark;
        cr_assert_str_eq(plan(&w), "start 0");
        runs(&w, 0);
        expect_container(&w, 0, "running", NULL, -1, 2);
        cr_assert_eq(c->last.exit_code, 1);
        done(&w);
}

/* systemd gives a new run its id and forgets the old one's result before the unit leaves "failed": no end of the new
 * one. */
Test(change, a_run_that_begins_in_a_failed_unit_has_not_ended_well)
{
        static const enum unit_phase phases[] = { UNIT_FAILED, UNIT_HOLDOFF };

        for (size_t k = 0; k < ARRAY_LEN(phases); k++) {
                struct world w = world(POD("\"initContainers\":[{\"name\":\"i\",\"image\":\"/bin/i\"}],"
                                           "\"containers\":[{\"name\":\"a\",\"image\":\"nginx\"}]"));
                struct unit_state u = { .phase = phases[k], .result = "success" };

                prepare(&w);
                runs(&w, 0);
                ends(&w, 0, phases[k], CLD_EXITED, 1, "exit-code");
                cr_assert_str_eq(plan(&w), "restart 0");
                w.state->containers[0].requested = true;
                snprintf(u.invocation, sizeof(u.invocation), "%032x", ++w.runs);
                observe(&w, 0, u);
                cr_assert_str_eq(plan(&w), "", "nothing starts behind an init container that has only begun");
                expect_phase(&w, "Pending");
                done(&w);
        }
}

Test(change, what_is_over_stays_over_when_its_image_changes)
{
        struct world w =
                world(POD("\"restartPolicy\":\"Never\",\"initContainers\":[{\"name\":\"i\",\"image\":\"/bin/i\"}],"
                          "\"containers\":[{\"name\":\"a\",\"image\":\"nginx\"},"
                          "{\"name\":\"b\",\"image\":\"redis\"}]"));

        prepare(&w);
        runs(&w, 0);
        change_image(&w, 0, "/bin/j");
        cr_assert_str_eq(plan(&w), "", "an init container that runs is let finish");
        ends(&w, 0, UNIT_EXITED, CLD_EXITED, 0, "success");
        cr_assert_str_eq(plan(&w), "start 1, start 2");
        runs(&w, 1);
        runs(&w, 2);
        ends(&w, 1, UNIT_EXITED, CLD_EXITED, 0, "success");
        change_image(&w, 1, "caddy");
        cr_assert_str_eq(plan(&w), "");
        done(&w);
}

Test(change, a_changed_image_that_cannot_be_had_is_said_and_the_others_go_on)
{
        struct world w = world(TWO("Always"));
        struct container_state *c = &w.state->containers[0];

        prepare(&w);
        runs(&w, 0);
        runs(&w, 1);
        change_image(&w, 0, "Not An Image");
        ends(&w, 0, UNIT_INACTIVE, CLD_KILLED, SIGTERM, "success");
        container_renew(c);
        err_keep_set(&c->pull_failure, -EINVAL, "InvalidImageName", "image: no");
        cr_assert_str_eq(plan(&w), "", "no later try would change it");
        expect_container(&w, 0, "waiting", "InvalidImageName", -1, 0);
        ends(&w, 1, UNIT_HOLDOFF, CLD_EXITED, 1, "exit-code");
        cr_assert_str_eq(plan(&w), "restart 1");
        change_image(&w, 0, "caddy");
        container_forget_image(c);
        cr_assert_str_eq(plan(&w), "pull 0, restart 1", "and mended it runs");
        done(&w);
}

Test(change, deletion_goes_on_in_the_middle_of_a_change)
{
        struct world w = world(TWO("Always"));
        struct container_state *c = &w.state->containers[0];

        prepare(&w);
        runs(&w, 0);
        runs(&w, 1);
        change_image(&w, 0, "caddy");
        w.pod->deleting = true;
        w.pod->deletion_grace_s = 30;
        cr_assert_str_eq(plan(&w), "stop 0");
        w.pod->deleting = false;
        c->stop_sent = c->replacing = true;
        c->kill_at = w.now + 30 * USEC_PER_SEC;
        ends(&w, 0, UNIT_INACTIVE, CLD_KILLED, SIGTERM, "success");
        container_renew(c);
        w.pod->deleting = true;
        cr_assert_str_eq(plan(&w), "stop 0");
        w.state->stop_sent = true;
        w.state->stop_at = w.now;
        w.state->kill_at = w.now + 30 * USEC_PER_SEC;
        ends(&w, 1, UNIT_INACTIVE, CLD_KILLED, SIGTERM, "success");
        w.state->status_current = true;
        cr_assert_str_eq(plan(&w), "remove 0");
        done(&w);
}

/* ---- a longer grace at delete ------------------------------------------------------------------------------------ */

Test(change, a_longer_grace_is_a_signal_first_and_a_stop_when_it_has_ended)
{
        struct world w = world(TWO("Always"));
        struct pod_state *s = w.state;

        w.pod->grace_s = 2;
        prepare(&w);
        runs(&w, 0);
        runs(&w, 1);
        w.pod->deleting = true;
        w.pod->deletion_grace_s = 40;
        cr_assert_str_eq(plan(&w), "term 0, term 1");
        s->by_signal = true;
        s->stop_at = w.now;
        s->kill_at = w.now + 40 * USEC_PER_SEC;
        s->containers[0].term_sent = s->containers[1].term_sent = true;
        cr_assert_str_eq(plan(&w), "");
        ends(&w, 0, UNIT_HOLDOFF, CLD_EXITED, 0, "success");
        cr_assert_str_eq(plan(&w), "end 0", "or systemd would start it again");
        s->containers[0].stop_sent = true;
        ends(&w, 0, UNIT_INACTIVE, CLD_EXITED, 0, "success");
        w.now += 39 * USEC_PER_SEC;
        cr_assert_str_eq(plan(&w), "");
        w.now += USEC_PER_SEC;
        cr_assert_str_eq(plan(&w), "end-kill 1");
        s->containers[1].kill_sent = true;
        ends(&w, 1, UNIT_FAILED, CLD_KILLED, SIGKILL, "signal");
        s->status_current = true;
        cr_assert_str_eq(plan(&w), "remove 0");
        done(&w);
}

Test(change, a_grace_that_is_shortened_later_ends_earlier)
{
        struct world w = world(ONE("Always"));
        struct pod_state *s = w.state;

        w.pod->grace_s = 2;
        prepare(&w);
        runs(&w, 0);
        w.pod->deleting = true;
        w.pod->deletion_grace_s = 40;
        s->by_signal = s->containers[0].term_sent = true;
        s->stop_at = w.now;
        s->kill_at = w.now + 40 * USEC_PER_SEC;
        w.now += 3 * USEC_PER_SEC;
        cr_assert_str_eq(plan(&w), "");
        w.pod->deletion_grace_s = 1; /* desired.c counts it from the beginning */
        s->kill_at = s->stop_at + USEC_PER_SEC;
        cr_assert_str_eq(plan(&w), "end-kill 0");
        done(&w);
}

/* ---- what is repeated backs off ---------------------------------------------------------------------------------- */

Test(change, a_condition_that_is_never_met_is_looked_at_less_and_less_often)
{
        struct world w = world(ONE("Always"));
        struct container_state *c = &w.state->containers[0];
        struct unit_state u = { .phase = UNIT_ABSENT, .unmet_at = 77 };
        static const uint64_t waits[] = { 10, 20, 40, 80, 160, 300, 300 };

        prepare(&w);
        for (size_t i = 0; i < ARRAY_LEN(waits); i++) {
                c->requested = true;
                u.unmet_at++;
                observe(&w, 0, u);
                w.now += waits[i] * USEC_PER_SEC - 1;
                cr_assert_str_eq(plan(&w), "", "%zu", i);
                w.now += 1;
                cr_assert_str_eq(plan(&w), "start 0", "%zu", i);
        }
        runs(&w, 0);
        cr_assert_eq(c->start_failures, 0);
        done(&w);
}
