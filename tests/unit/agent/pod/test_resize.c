/* SPDX-License-Identifier: Apache-2.0 */
/* A pod's resources are changed while it runs: what is asked for, what was granted, when it is in effect. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>

#include "agent/lib/json.h"
#include "agent/pod/limits.h"
#include "agent/pod/plan.h"
#include "agent/pod/resize.h"
#include "agent/pod/status.h"
#include "common/buf.h"
#include "common/mem.h"

#define T0 (UINT64_C(1700000000) * USEC_PER_SEC)

static const struct pod_node node = { .name = "n1", .ip = "10.0.0.1" };

/* `spec` and `status` are JSON without the braces around them. */
static cJSON *object_of(const char *spec, const char *status)
{
        CLEANUP(freep)
        char *text = xasprintf("{\"metadata\":{\"namespace\":\"default\",\"name\":\"web\",\"generation\":3,"
                               "\"uid\":\"0f6c2a9e-1234-4abc-8def-0123456789ab\"},\"spec\":{%s},"
                               "\"status\":{\"qosClass\":\"Burstable\"%s%s}}",
                               spec, *status ? "," : "", status);
        cJSON *o = cJSON_Parse(text);

        cr_assert_not_null(o, "bad test JSON: %s", text);
        return o;
}

static struct pod *parse(const cJSON *o)
{
        struct err e = ERR_NONE;
        struct pod *p = NULL;

        cr_assert_eq(pod_parse(o, &p, &e), 0, "%s", e.text);
        return p;
}

static struct pod *pod_of(const char *spec)
{
        CLEANUP(json_freep) cJSON *o = object_of(spec, "");

        return parse(o);
}

#define C(name, resources, more)                                                                                       \
        "{\"name\":\"" name "\",\"image\":\"/bin/sleep\",\"resources\":{" resources "}" more "}"
#define GUEST            "\"ephemeralContainers\":[{\"name\":\"e\",\"image\":\"/bin/sh\"}]"
#define ALL(resources)   ",\"resources\":{" resources "}"
#define ONE(resources)   "\"containers\":[" C("c", resources, "") "]"
#define REQ(cpu, memory) "\"requests\":{\"cpu\":\"" cpu "\",\"memory\":\"" memory "\"}"
#define LIM(cpu, memory) "\"limits\":{\"cpu\":\"" cpu "\",\"memory\":\"" memory "\"}"

Test(resize, is_asked_where_an_amount_of_cpu_or_memory_is_another)
{
        static const struct {
                const char *has, *asks;
                bool is;
        } rows[] = {
                { ONE(""), ONE(""), false },
                { ONE(REQ("1", "1Gi")), ONE(REQ("1000m", "1024Mi")), false },
                { ONE(REQ("1", "1Gi")), ONE(REQ("1001m", "1Gi")), true },
                { ONE(REQ("1", "1Gi")), ONE(REQ("1", "2Gi")), true },
                { ONE(REQ("1", "1Gi")), ONE(REQ("1", "1Gi") "," LIM("2", "1Gi")), true },
                { ONE("\"requests\":{\"ephemeral-storage\":\"1Gi\"}"),
                  ONE("\"requests\":{\"ephemeral-storage\":\"2Gi\"}"), false },
                { ONE("") ",\"resources\":{" LIM("1", "1Gi") "}", ONE("") ",\"resources\":{" LIM("2", "1Gi") "}",
                  true },
                { ONE("") ",\"initContainers\":[" C("i", REQ("1", "1Gi"), "") "]",
                  ONE("") ",\"initContainers\":[" C("i", REQ("2", "1Gi"), "") "]", true },
                { ONE(REQ("1", "1Gi")), ONE(REQ("1", "1Gi")) "," GUEST, false },
                { ONE(REQ("1", "1Gi")) "," GUEST, ONE(REQ("1", "2Gi")) "," GUEST, true },
                { "\"containers\":[" C("c", "", "") "," C("d", REQ("1", "1Gi"), "") "]", ONE(""),
                  false }, /* of what both have */
                { ONE(""), "\"containers\":[" C("c", "", "") "," C("d", REQ("1", "1Gi"), "") "]", false },
        };

        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                CLEANUP(pod_freep) struct pod *has = pod_of(rows[i].has), *asks = pod_of(rows[i].asks);

                cr_assert_eq(resize_is_asked(has, asks), rows[i].is, "row %zu", i);
        }
}

Test(resize, a_pod_that_waits_has_what_it_was_granted)
{
        static const struct {
                const char *has, *asks;
        } rows[] = {
                { ONE(REQ("1", "1Gi") "," LIM("2", "2Gi")), ONE(REQ("3", "3Gi") "," LIM("4", "4Gi")) },
                { ONE(REQ("1", "1Gi")), ONE(REQ("3", "3Gi") "," LIM("4", "4Gi")) },
                { ONE("\"requests\":{\"cpu\":\"1\"}"), ONE(REQ("3", "3Gi")) },
                { ONE("") ",\"resources\":{" REQ("1", "1Gi") "}",
                  ONE(REQ("1", "1Gi")) ",\"resources\":{" REQ("2", "1Gi") "," LIM("4", "4Gi") "}" },
                { ONE(""), ONE("") ALL(REQ("2", "1Gi") "," LIM("4", "4Gi")) },
                { ONE(REQ("1", "1Gi")) "," GUEST, ONE(REQ("3", "3Gi")) "," GUEST },
                { ONE("") ",\"initContainers\":[" C("i", REQ("1", "1Gi"), ",\"restartPolicy\":\"Always\"") "]",
                  ONE("") ",\"initContainers\":[" C("i", REQ("2", "1Gi"), ",\"restartPolicy\":\"Always\"") "]" },
        };

        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                CLEANUP(pod_freep) struct pod *has = pod_of(rows[i].has), *held = NULL;
                CLEANUP(json_freep) cJSON *o = object_of(rows[i].asks, "");

                resize_hold(o, has);
                held = parse(o);
                cr_assert_not(resize_is_asked(has, held), "row %zu", i);
                for (size_t r = 0; r < RESOURCES; r++)
                        cr_assert_eq(held->demands.requests.of[r], has->demands.requests.of[r], "row %zu", i);
        }
}

#define TOLD(allocated, limits)                                                                                        \
        "\"containerStatuses\":[{\"name\":\"c\",\"allocatedResources\":{" allocated                                    \
        "},\"resources\":{\"requests\":{" allocated "},\"limits\":{" limits "}}}]"

Test(resize, an_agent_that_comes_back_knows_what_was_granted)
{
        static const struct {
                const char *shows, *spec, *status;
                bool is;
                uint64_t cpu, memory_limit;
        } rows[] = {
                { "nothing is told", ONE(REQ("1", "1Gi")), "", false, 1000, 0 },
                { "the same", ONE(REQ("1", "1Gi")), TOLD("\"cpu\":\"1\",\"memory\":\"1Gi\"", ""), false, 1000, 0 },
                { "more is asked for", ONE(REQ("2", "1Gi") "," LIM("2", "8Ki")),
                  TOLD("\"cpu\":\"1\",\"memory\":\"1Gi\"", "\"memory\":\"4Ki\""), true, 1000, 4096 },
                { "limits alone are no matter of what is left", ONE(REQ("1", "1Gi") "," LIM("2", "8Ki")),
                  TOLD("\"cpu\":\"1\",\"memory\":\"1Gi\"", "\"memory\":\"4Ki\""), false, 1000, 8192 },
                { "an older agent has told of no requests", ONE(REQ("2", "1Gi")),
                  "\"containerStatuses\":[{\"name\":\"c\",\"resources\":{}}]", false, 2000, 0 },
        };

        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                CLEANUP(json_freep) cJSON *o = object_of(rows[i].spec, rows[i].status);
                CLEANUP(pod_freep) struct pod *p = NULL;

                cr_assert_eq(resize_recall(o), rows[i].is, "%s", rows[i].shows);
                p = parse(o);
                cr_assert_eq(p->demands.requests.of[RESOURCE_CPU], rows[i].cpu, "%s", rows[i].shows);
                cr_assert_eq(resource_amount(json_get(p->containers[0].resources, "limits"), "memory"),
                             rows[i].memory_limit, "%s", rows[i].shows);
        }
}

#define SIDECAR(resources)     "\"initContainers\":[" C("i", resources, ",\"restartPolicy\":\"Always\"") "]"
#define ALLOCATED(cpu, memory) "\"allocatedResources\":{\"cpu\":\"" cpu "\",\"memory\":\"" memory "\"}"
#define HAD(name, cpu, memory) "{\"name\":\"" name "\"," ALLOCATED(cpu, memory) ",\"resources\":{" REQ(cpu, memory) "}}"

/* All of it: what stands in the spec afterwards, as "requests limits" of the pod and of each container. */
static char *amounts(const cJSON *object)
{
        static const char *const keys[] = { "initContainers", "containers" };
        CLEANUP(buf_done) struct buf b = BUF(4096);
        const cJSON *spec = json_get(object, "spec"), *item;
        CLEANUP(freep) char *all = cJSON_PrintUnformatted(json_get(spec, "resources"));

        buf_str(&b, all ? all : "-");
        for (size_t k = 0; k < ARRAY_LEN(keys); k++)
                cJSON_ArrayForEach (item, json_get(spec, keys[k])) {
                        CLEANUP(freep) char *text = cJSON_PrintUnformatted(json_get(item, "resources"));

                        buf_printf(&b, " %s:%s", json_str(item, "name"), text);
                }
        return buf_steal(&b);
}

Test(resize, what_was_granted_is_recalled_of_the_pod_and_of_each_container)
{
        static const struct {
                const char *shows, *spec, *status;
                bool is;
                const char *amounts;
        } rows[] = {
                { "memory alone", ONE(REQ("1", "2Gi")), "\"containerStatuses\":[" HAD("c", "1", "1Gi") "]", true,
                  "- c:{" REQ("1", "1Gi") "}" },
                { "a sidecar's", ONE(REQ("1", "1Gi")) "," SIDECAR(REQ("2", "1Gi")),
                  "\"containerStatuses\":[" HAD("c", "1", "1Gi") "],\"initContainerStatuses\":[" HAD("i", "1",
                                                                                                     "1Gi") "]",
                  true, "- i:{" REQ("1", "1Gi") "} c:{" REQ("1", "1Gi") "}" },
                { "the status of another kind is not its", ONE(REQ("1", "1Gi")) "," SIDECAR(REQ("2", "1Gi")),
                  "\"containerStatuses\":[" HAD("i", "1", "1Gi") "]", false,
                  "- i:{" REQ("2", "1Gi") "} c:{" REQ("1", "1Gi") "}" },
                { "of whom nothing is told, what he asks for",
                  "\"containers\":[" C("c", REQ("2", "1Gi"), "") "," C("d", REQ("3", "3Gi") "," LIM("4", "4Gi"),
                                                                       "") "]",
                  "\"containerStatuses\":[" HAD("c", "1", "1Gi") "]", true,
                  "- c:{" REQ("1", "1Gi") "} d:{" REQ("3", "3Gi") "," LIM("4", "4Gi") "}" },
                { "the pod's", ONE("") ALL(REQ("2", "2Gi") "," LIM("4", "4Gi")),
                  ALLOCATED("1", "1Gi") ",\"resources\":{" REQ("1", "1Gi") "," LIM("3", "3Gi") "}", true,
                  "{\"requests\":{\"cpu\":\"1\",\"memory\":\"1Gi\"},\"limits\":{\"cpu\":\"3\",\"memory\":\"3Gi\"}} "
                  "c:{}" },
                { "its limits alone are granted", ONE("") ALL(REQ("1", "1Gi") "," LIM("4", "4Gi")),
                  ALLOCATED("1", "1Gi") ",\"resources\":{" REQ("1", "1Gi") "," LIM("3", "3Gi") "}", false,
                  "{" REQ("1", "1Gi") "," LIM("4", "4Gi") "} c:{}" },
                { "nothing is told of the pod's", ONE(REQ("2", "1Gi")) ALL(REQ("2", "2Gi")),
                  "\"containerStatuses\":[" HAD("c", "1", "1Gi") "]", true,
                  "{" REQ("2", "2Gi") "} c:{" REQ("1", "1Gi") "}" },
                { "a pod that has none of its own", ONE(REQ("1", "1Gi")), ALLOCATED("1", "1Gi"), false,
                  "- c:{" REQ("1", "1Gi") "}" },
        };

        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                CLEANUP(json_freep) cJSON *o = object_of(rows[i].spec, rows[i].status);
                CLEANUP(freep) char *is = NULL;

                cr_expect_eq(resize_recall(o), rows[i].is, "%s", rows[i].shows);
                is = amounts(o);
                cr_expect_str_eq(is, rows[i].amounts, "%s: %s", rows[i].shows, is);
        }
}

/* Who is asked first, of two; either of them may be the one that is looked at first. */
Test(resize, of_two_the_same_one_comes_first_whoever_is_looked_at_first)
{
        static const struct {
                const char *shows;
                struct resize first, second;
                enum qos of_first, of_second;
        } rows[] = {
                { "no more than it has",
                  { .priority = -9 },
                  { .more = true, .priority = 9 },
                  QOS_CLASS_BURSTABLE,
                  QOS_CLASS_GUARANTEED },
                { "priority", { .priority = 2 }, { .priority = 1 }, QOS_CLASS_BURSTABLE, QOS_CLASS_GUARANTEED },
                { "class", { .wish_since = 2 }, { .wish_since = 1 }, QOS_CLASS_GUARANTEED, QOS_CLASS_BURSTABLE },
                { "time", { .wish_since = 1 }, { .wish_since = 2 }, QOS_CLASS_BURSTABLE, QOS_CLASS_BURSTABLE },
                { "waiting at all",
                  { .wish_since = 5 },
                  { .wish_since = 0 },
                  QOS_CLASS_BURSTABLE,
                  QOS_CLASS_BURSTABLE },
                { "uid", { .wish_since = 5 }, { .wish_since = 5 }, QOS_CLASS_BURSTABLE, QOS_CLASS_BURSTABLE },
                { "uid where nobody waits",
                  { .wish_since = 0 },
                  { .wish_since = 0 },
                  QOS_CLASS_BURSTABLE,
                  QOS_CLASS_BURSTABLE },
        };

        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct pod a = { .qos = rows[i].of_first }, b = { .qos = rows[i].of_second };

                snprintf(a.id.uid, sizeof(a.id.uid), "a");
                snprintf(b.id.uid, sizeof(b.id.uid), "b");
                cr_expect_lt(resize_order(&a, &rows[i].first, &b, &rows[i].second), 0, "%s", rows[i].shows);
                cr_expect_gt(resize_order(&b, &rows[i].second, &a, &rows[i].first), 0, "%s", rows[i].shows);
        }
}

Test(resize, turns_are_taken_in_the_kubelets_order)
{
        struct pod guaranteed = { .qos = QOS_CLASS_GUARANTEED }, burstable = { .qos = QOS_CLASS_BURSTABLE };
        struct resize less = { .priority = 0 }, more = { .more = true }, high = { .more = true, .priority = 5 },
                      first = { .more = true, .wish_since = 1 }, second = { .more = true, .wish_since = 2 };

        snprintf(guaranteed.id.uid, sizeof(guaranteed.id.uid), "a");
        snprintf(burstable.id.uid, sizeof(burstable.id.uid), "b");
        cr_assert_lt(resize_order(&burstable, &less, &guaranteed, &high), 0, "who asks for no more");
        cr_assert_lt(resize_order(&burstable, &high, &guaranteed, &more), 0, "the higher priority");
        cr_assert_lt(resize_order(&guaranteed, &second, &burstable, &first), 0, "the better class");
        cr_assert_lt(resize_order(&burstable, &first, &burstable, &second), 0, "who waits longer");
        cr_assert_lt(resize_order(&burstable, &second, &burstable, &more), 0);
        cr_assert_lt(resize_order(&guaranteed, &more, &burstable, &more), 0);
}

/* ---- from the wish to its effect --------------------------------------------------------------------------------- */

struct world {
        struct pod *pod;
        struct pod_state *state;
};

static void run(struct container_state *c, const struct pod_state *s, const char *invocation)
{
        struct unit_state u = { .phase = UNIT_ACTIVE, .main_pid = 7, .started = T0, .limits = c->unit.limits };

        snprintf(u.invocation, sizeof(u.invocation), "%s", invocation);
        container_observe(c, &u, s, T0);
}

static struct world running(const char *spec)
{
        struct world w = { .pod = pod_of(spec) };

        w.state = pod_state_new(w.pod, T0);
        w.state->written = true;
        for (size_t i = 0; i < w.pod->n_containers; i++) {
                w.state->containers[i].mark = w.pod->containers[i].mark;
                w.state->containers[i].image_present = true;
                run(&w.state->containers[i], w.state, "a");
        }
        return w;
}

static void grant(struct world *w, const char *spec)
{
        struct pod *had = w->pod;

        w->pod = pod_of(spec);
        resize_begin(w->state, had, w->pod, T0);
        pod_free(had);
}

static void done(struct world *w)
{
        pod_state_free(w->state);
        pod_free(w->pod);
}

/* PID 1 was told, and was asked. */
static void read_back(struct world *w, size_t i, uint64_t weight, uint64_t milli, uint64_t memory)
{
        w->state->resize->send = w->state->resize->in_flight = false;
        w->state->containers[i].unit.limits = (struct unit_limits){ true, weight, milli, memory };
}

static bool plans(const struct world *w, enum action_kind kind)
{
        struct plan plan;

        plan_pod(w->pod, w->state, T0, &plan);
        for (size_t i = 0; i < plan.n_actions; i++)
                if (plan.actions[i].kind == kind)
                        return true;
        return false;
}

static const char *condition(const struct world *w, const char *type, const char *key)
{
        static char value[400];
        CLEANUP(json_freep) cJSON *status = status_build(w->pod, w->state, &node, NULL, T0);
        const cJSON *item;
        bool found = false;

        value[0] = '\0';
        cJSON_ArrayForEach (item, json_get(status, "conditions"))
                if (streq(json_str(item, "type"), type)) {
                        cr_assert_not(found, "told twice");
                        cr_assert_str_eq(json_str(item, "status"), "True");
                        found = true;
                        snprintf(value, sizeof(value), "%s", json_str(item, key) ? json_str(item, key) : "-");
                }
        return found ? value : NULL;
}

/* resources.limits.memory and allocatedResources.cpu of the first container */
static void tells(const struct world *w, const char *memory_limit, const char *cpu)
{
        CLEANUP(json_freep) cJSON *status = status_build(w->pod, w->state, &node, NULL, T0);
        const cJSON *c = cJSON_GetArrayItem(json_get(status, "containerStatuses"), 0);

        cr_assert_str_eq(json_str(json_get(json_get(c, "resources"), "limits"), "memory"), memory_limit);
        cr_assert_str_eq(json_str(json_get(c, "allocatedResources"), "cpu"), cpu);
}

#define SMALL ONE(REQ("100m", "32Mi") "," LIM("200m", "64Mi"))
#define LARGE ONE(REQ("1", "64Mi") "," LIM("2", "128Mi"))

Test(resize, is_over_when_pid_1_says_so)
{
        struct world w = running(SMALL);
        struct limits want;

        cr_assert_not(plans(&w, ACTION_RESIZE));
        grant(&w, LARGE);
        cr_assert(plans(&w, ACTION_RESIZE));
        cr_assert_str_eq(condition(&w, "PodResizeInProgress", "reason"), "-");
        tells(&w, "64Mi", "1");
        cr_assert_not(resize_settle(w.pod, w.state, T0), "the helper was not asked");
        w.state->resize->send = false, w.state->resize->in_flight = true;
        cr_assert_not(plans(&w, ACTION_RESIZE));
        cr_assert_not(resize_settle(w.pod, w.state, T0), "it has not answered");
        w.state->resize->in_flight = false;
        cr_assert_not(resize_settle(w.pod, w.state, T0), "PID 1 has not answered");
        tells(&w, "64Mi", "1");
        limits_of_container(w.pod, &w.pod->containers[0], &want);
        read_back(&w, 0, want.cpu_weight, 2000, 128 << 20);
        cr_assert(resize_settle(w.pod, w.state, T0));
        cr_assert_not(resize_settle(w.pod, w.state, T0), "once");
        cr_assert_null(condition(&w, "PodResizeInProgress", "reason"));
        tells(&w, "128Mi", "1");
        cr_assert_not(plans(&w, ACTION_RESIZE));
        done(&w);
}

Test(resize, what_pid_1_has_not_is_an_error_and_tried_again)
{
        struct world w = running(SMALL);
        unsigned failures;

        grant(&w, LARGE);
        read_back(&w, 0, 1, 200, 64 << 20);
        cr_assert_not(resize_settle(w.pod, w.state, T0));
        cr_assert_str_eq(condition(&w, "PodResizeInProgress", "reason"), "Error");
        cr_assert_str_eq(condition(&w, "PodResizeInProgress", "message"),
                         "systemd has other limits of container c than it was told");
        tells(&w, "64Mi", "1");
        cr_assert_not(plans(&w, ACTION_RESIZE), "not at once");
        failures = w.state->resize->failures;
        cr_assert_gt(failures, 0);
        w.state->resize->retry_at = T0;
        cr_assert(plans(&w, ACTION_RESIZE));
        grant(&w, ONE(REQ("1", "64Mi") "," LIM("3", "128Mi")));
        cr_assert_str_eq(condition(&w, "PodResizeInProgress", "reason"), "-");
        tells(&w, "64Mi", "1");
        cr_assert(resize_fail(w.state, "why", T0));
        read_back(&w, 0, 39, 3000, 128 << 20);
        cr_assert(resize_settle(w.pod, w.state, T0), "it was a matter of time after all");
        grant(&w, SMALL);
        cr_assert_str_eq(condition(&w, "PodResizeInProgress", "reason"), "-", "and nothing of that is left");
        done(&w);
}

/* PID 1 still has the limits of before. That is an error only once all of this is behind it. */
Test(resize, nothing_is_judged_before_it_is_told_and_answered)
{
        static const struct {
                const char *shows;
                bool send, in_flight, restarts, unknown;
                const char *error;
        } rows[] = {
                { "told and answered", false, false, false, false,
                  "systemd has other limits of container c than it was told" },
                { "the helper was not asked", true, false, false, false, NULL },
                { "the helper has not answered", false, true, false, false, NULL },
                { "its container is begun anew", false, false, true, false, NULL },
                { "PID 1 has not told", false, false, false, true, NULL },
        };

        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct world w = running(SMALL);
                struct resize *r;

                grant(&w, LARGE);
                r = w.state->resize;
                read_back(&w, 0, 1, 200, 64 << 20);
                r->send = rows[i].send, r->in_flight = rows[i].in_flight;
                w.state->containers[0].resize_restarts = rows[i].restarts;
                w.state->containers[0].unit.limits.known = !rows[i].unknown;
                cr_expect_not(resize_settle(w.pod, w.state, T0), "%s", rows[i].shows);
                cr_expect(streq(r->error, rows[i].error), "%s: %s", rows[i].shows, r->error ? r->error : "(none)");
                cr_expect(r->under_way && w.state->containers[0].actual, "%s", rows[i].shows);
                done(&w);
        }
}

Test(resize, of_two_that_are_wrong_the_first_is_told_and_counts_once)
{
        struct world w = running("\"containers\":[" C("c", LIM("1", "100"), "") "," C("d", LIM("1", "100"), "") "]");

        grant(&w, "\"containers\":[" C("c", LIM("1", "200"), "") "," C("d", LIM("1", "200"), "") "]");
        read_back(&w, 0, 1, 1000, 100);
        read_back(&w, 1, 1, 1000, 100);
        cr_expect_not(resize_settle(w.pod, w.state, T0));
        cr_expect_str_eq(w.state->resize->error, "systemd has other limits of container c than it was told");
        cr_expect_eq(w.state->resize->failures, 1);
        done(&w);
}

Test(resize, what_was_changed_again_meanwhile_begins_anew)
{
        struct world w = running(SMALL);
        struct resize *r;

        grant(&w, LARGE);
        r = w.state->resize;
        cr_assert(resize_fail(w.state, "why", T0));
        cr_assert_eq(r->retry_at, T0 + 10 * USEC_PER_SEC);
        cr_assert_not(resize_fail(w.state, "why", T0), "the same is no news");
        cr_assert_eq(r->retry_at, T0 + 20 * USEC_PER_SEC);
        cr_assert(resize_fail(w.state, "because", T0));
        cr_assert_not(plans(&w, ACTION_RESIZE));
        r->since = T0 - 5;
        grant(&w, ONE(REQ("1", "64Mi") "," LIM("3", "128Mi")));
        cr_assert(plans(&w, ACTION_RESIZE), "at once");
        cr_assert_eq(r->failures, 0);
        cr_assert_eq(r->since, T0 - 5, "it has been under way since then");
        cr_assert_str_eq(condition(&w, "PodResizeInProgress", "message"), "-");
        done(&w);
}

Test(resize, nothing_is_sent_for_what_is_not_written)
{
        static const struct {
                bool written, write_in_flight, sends;
        } rows[] = { { false, false, false }, { true, false, true }, { false, true, true } };

        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct world w = running(SMALL);

                w.state->written = rows[i].written;
                w.state->write_in_flight = rows[i].write_in_flight;
                grant(&w, LARGE);
                cr_expect_eq(w.state->resize->send, rows[i].sends, "row %zu", i);
                cr_expect_eq(plans(&w, ACTION_RESIZE), rows[i].sends && !rows[i].write_in_flight, "row %zu", i);
                done(&w);
        }
}

/* Each of the three may be what is wrong, and what the pod says nothing of is the package's. */
Test(resize, each_limit_counts)
{
        static const struct {
                const char *spec;
                uint64_t weight, milli, memory;
                bool is;
        } rows[] = {
                { LARGE, 39, 2000, 128 << 20, true },
                { LARGE, 40, 2000, 128 << 20, false },
                { LARGE, 39, 2001, 128 << 20, false },
                { LARGE, 39, 2000, 127 << 20, false },
                { ONE(REQ("1", "64Mi")), 39, 7, 7, true },
                { ONE(LIM("2", "128Mi")), 79, 2000, 128 << 20, true },
                { ONE("\"requests\":{\"memory\":\"64Mi\"},\"limits\":{\"memory\":\"128Mi\"}"), 7, 7, 128 << 20, false },
        };

        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct world w = running(SMALL);

                grant(&w, rows[i].spec);
                read_back(&w, 0, rows[i].weight, rows[i].milli, rows[i].memory);
                cr_expect_eq(resize_settle(w.pod, w.state, T0), rows[i].is, "row %zu", i);
                done(&w);
        }
}

/* resources of the pod and of its first container, as the status tells them */
static void tells_all(struct world *w, const char *pod, const char *container)
{
        CLEANUP(json_freep) cJSON *status = status_build(w->pod, w->state, &node, NULL, T0);
        CLEANUP(freep) char *all = cJSON_PrintUnformatted(json_get(status, "resources"));
        CLEANUP(freep)
        char *own = cJSON_PrintUnformatted(
                json_get(cJSON_GetArrayItem(json_get(status, "containerStatuses"), 0), "resources"));

        cr_expect_str_eq(all ? all : "-", pod);
        cr_expect_str_eq(own, container);
}

Test(resize, a_pods_own_resources_are_told_as_they_are_in_effect)
{
        struct world w = running(ONE("") ALL(REQ("1", "64Mi") "," LIM("2", "128Mi")));
        struct limits want;

        grant(&w, ONE("") ALL(REQ("2", "64Mi") "," LIM("3", "128Mi")));
        tells_all(&w, "{" REQ("1", "64Mi") "," LIM("2", "128Mi") "}", "{}");
        cr_assert_null(w.state->containers[0].actual, "it has none");
        limits_of_container(w.pod, &w.pod->containers[0], &want);
        read_back(&w, 0, want.cpu_weight, want.cpu_milli, want.memory_max);
        cr_assert(resize_settle(w.pod, w.state, T0));
        tells_all(&w, "{" REQ("2", "64Mi") "," LIM("3", "128Mi") "}", "{}");
        done(&w);
}

Test(resize, a_pods_own_resources_that_stay_are_not_under_way)
{
        struct world w = running(ONE(REQ("100m", "32Mi")) ALL(REQ("1000m", "64Mi")));

        grant(&w, ONE(REQ("200m", "32Mi")) ALL(REQ("1", "64Mi")));
        cr_assert_null(w.state->resize->actual);
        tells_all(&w, "{" REQ("1", "64Mi") "}", "{" REQ("100m", "32Mi") "}");
        done(&w);
}

Test(resize, a_guest_that_comes_with_it_had_nothing_before)
{
        struct world w = running(SMALL);
        struct pod *had = w.pod;

        w.pod = pod_of(LARGE "," GUEST);
        pod_state_grow(w.state, w.pod);
        resize_begin(w.state, had, w.pod, T0);
        cr_expect_not_null(w.state->containers[0].actual);
        cr_expect_null(w.state->containers[1].actual);
        pod_free(had);
        done(&w);
}

Test(resize, what_had_no_resources_has_none_until_then)
{
        struct world w = running(ONE(""));

        grant(&w, LARGE);
        tells_all(&w, "-", "{}");
        read_back(&w, 0, 39, 2000, 128 << 20);
        cr_assert(resize_settle(w.pod, w.state, T0));
        tells_all(&w, "-", "{" REQ("1", "64Mi") "," LIM("2", "128Mi") "}");
        done(&w);
}

Test(resize, a_unit_is_resized_where_there_is_one)
{
        struct world w = running(SMALL "," GUEST);

        cr_expect(resize_has_unit(w.pod, w.state, 0));
        cr_expect_not(resize_has_unit(w.pod, w.state, 1), "a guest takes what is left");
        w.state->containers[0].mark = 0;
        cr_expect_not(resize_has_unit(w.pod, w.state, 0));
        done(&w);
}

/* Only what runs has to be resized. */
Test(resize, what_does_not_run_begins_with_what_the_pod_has)
{
        struct world w = running(SMALL);
        struct unit_state u = { .phase = UNIT_FAILED, .main_code = 1, .main_status = 1, .started = T0, .ended = T0 };

        snprintf(u.result, sizeof(u.result), "exit-code");
        snprintf(u.invocation, sizeof(u.invocation), "a");
        container_observe(&w.state->containers[0], &u, w.state, T0);
        grant(&w, LARGE);
        tells(&w, "128Mi", "1");
        cr_assert_null(w.state->containers[0].actual, "it has nothing of before");
        cr_assert(plans(&w, ACTION_RESIZE), "its unit is loaded, and its slice is there");
        cr_assert_not(resize_settle(w.pod, w.state, T0), "the helper was not asked");
        w.state->resize->send = false, w.state->resize->in_flight = true;
        cr_assert_not(resize_settle(w.pod, w.state, T0), "it has not answered");
        w.state->resize->in_flight = false;
        cr_assert(resize_settle(w.pod, w.state, T0));
        done(&w);
}

Test(resize, what_ends_meanwhile_is_waited_for_no_longer)
{
        struct world w = running(SMALL);
        struct unit_state u = { .phase = UNIT_FAILED, .main_code = 1, .main_status = 1, .started = T0, .ended = T0 };

        grant(&w, LARGE);
        snprintf(u.result, sizeof(u.result), "exit-code");
        snprintf(u.invocation, sizeof(u.invocation), "a");
        container_observe(&w.state->containers[0], &u, w.state, T0);
        w.state->resize->send = false;
        cr_assert(resize_settle(w.pod, w.state, T0));
        cr_assert_null(w.state->containers[0].actual);
        done(&w);
}

/* A memory request alone is nothing to the kernel. */
Test(resize, a_request_of_memory_needs_no_more_than_to_be_told)
{
        struct world w = running(SMALL);
        struct limits want;

        grant(&w, ONE(REQ("100m", "48Mi") "," LIM("200m", "64Mi")));
        limits_of_container(w.pod, &w.pod->containers[0], &want);
        read_back(&w, 0, want.cpu_weight, 200, 64 << 20);
        cr_assert(resize_settle(w.pod, w.state, T0));
        done(&w);
}

#define RESTARTS(cpu, memory)                                                                                          \
        "\"containers\":[" C(                                                                                          \
                "c", LIM(cpu, memory) "," REQ(cpu, memory),                                                            \
                ",\"resizePolicy\":[{\"resourceName\":\"memory\",\"restartPolicy\":\"RestartContainer\"},"             \
                "{\"resourceName\":\"cpu\",\"restartPolicy\":\"NotRequired\"}]") "]"

Test(resize, a_container_is_begun_anew_where_its_policy_says_so)
{
        struct world w = running(RESTARTS("1", "64Mi"));
        struct container_state *c = &w.state->containers[0];

        grant(&w, RESTARTS("2", "64Mi"));
        cr_assert_not(c->resize_restarts, "for other memory alone");
        cr_assert(resize_has_unit(w.pod, w.state, 0));
        grant(&w, RESTARTS("2", "128Mi"));
        cr_assert(c->resize_restarts);
        cr_assert_not(resize_has_unit(w.pod, w.state, 0));
        cr_assert(container_is_replaced(c, &w.pod->containers[0]));
        cr_assert(plans(&w, ACTION_RESIZE) && plans(&w, ACTION_END));
        w.state->resize->send = false;
        cr_assert_not(resize_settle(w.pod, w.state, T0), "it runs with what it had");
        tells(&w, "64Mi", "2");
        container_renew(c);
        cr_assert_not(c->resize_restarts);
        cr_assert(resize_settle(w.pod, w.state, T0));
        tells(&w, "128Mi", "2");
        done(&w);
}

/* Then there is nothing to replace: it is begun with what the pod has, and the next change is a matter of its own. */
Test(resize, what_has_ended_is_not_begun_anew_for_it)
{
        struct world w = running(RESTARTS("1", "64Mi"));
        struct unit_state u = { .phase = UNIT_FAILED, .main_code = 1, .main_status = 1, .started = T0, .ended = T0 };

        grant(&w, RESTARTS("2", "128Mi"));
        snprintf(u.result, sizeof(u.result), "exit-code");
        snprintf(u.invocation, sizeof(u.invocation), "a");
        container_observe(&w.state->containers[0], &u, w.state, T0);
        w.state->resize->send = false;
        cr_assert(resize_settle(w.pod, w.state, T0));
        cr_assert_not(w.state->containers[0].resize_restarts);
        cr_assert(resize_has_unit(w.pod, w.state, 0));
        done(&w);
}

Test(resize, memory_that_is_in_use_is_not_limited_away)
{
        static const char two[] = "\"containers\":[" C("a", LIM("1", "100"), "") "," C("b", LIM("1", "100"), "") "]",
                          less[] = "\"containers\":[" C("a", LIM("1", "50"), "") "," C("b", LIM("1", "60"), "") "]";
        static const struct {
                uint64_t a, b, all;
                const char *words;
        } rows[] = {
                { 49, 59, 109, NULL },
                { 50, 59, 109,
                  "cannot decrease memory limits: attempting to set container \"a\" memory limit (50) below current "
                  "usage "
                  "(50)" },
                { 49, 59, 110,
                  "cannot decrease memory limits: attempting to set pod memory limit (110) below current usage (110)" },
                { 70, 80, 150,
                  "cannot decrease memory limits: [attempting to set pod memory limit (110) below current usage (150), "
                  "attempting to set container \"a\" memory limit (50) below current usage (70), attempting to set "
                  "container \"b\" memory limit (60) below current usage (80)]" },
                { UINT64_MAX, UINT64_MAX, UINT64_MAX, NULL },
        };

        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct world w = running(two);
                CLEANUP(freep) char *words = NULL, *again = NULL;

                grant(&w, less);
                words = resize_refusal(w.pod, w.state, (uint64_t[]){ rows[i].a, rows[i].b }, rows[i].all);
                cr_assert(rows[i].words ? streq(words, rows[i].words) : !words, "row %zu: %s", i, words);
                done(&w);
        }
}

/* What it had when the first change began is what it may still have. */
Test(resize, memory_that_is_in_use_is_compared_with_what_the_pod_had_before_any_of_it)
{
        static const struct {
                const char *shows, *had, *first, *then;
                uint64_t used, all;
                const char *words;
        } rows[] = {
                { "up and down again", ONE(LIM("1", "100")), ONE(LIM("1", "200")), ONE(LIM("1", "100")), 150, 150,
                  NULL },
                { "down in two steps", ONE(LIM("1", "200")), ONE(LIM("1", "150")), ONE(LIM("1", "100")), 0, 120,
                  "cannot decrease memory limits: attempting to set pod memory limit (100) below current usage (120)" },
                { "a limit where none was", ONE(""), ONE(LIM("1", "100")), NULL, 100, 0,
                  "cannot decrease memory limits: attempting to set container \"c\" memory limit (100) below current "
                  "usage (100)" },
                { "nobody counts the container's", ONE(""), ONE(LIM("1", "100")), NULL, UINT64_MAX, 99, NULL },
                { "one that is begun anew for it", RESTARTS("1", "200"), RESTARTS("1", "100"), NULL, 150, 0, NULL },
        };

        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct world w = running(rows[i].had);
                CLEANUP(freep) char *words = NULL;

                grant(&w, rows[i].first);
                if (rows[i].then)
                        grant(&w, rows[i].then);
                words = resize_refusal(w.pod, w.state, &rows[i].used, rows[i].all);
                cr_expect(streq(words, rows[i].words), "%s: %s", rows[i].shows, words ? words : "(none)");
                done(&w);
        }
}

Test(resize, memory_that_is_in_use_is_no_matter_where_no_limit_falls)
{
        struct world w = running(SMALL);
        CLEANUP(freep) char *words = NULL;

        grant(&w, ONE(REQ("100m", "32Mi") "," LIM("300m", "64Mi")));
        words = resize_refusal(w.pod, w.state, (uint64_t[]){ 64 << 20 }, 64 << 20);
        cr_assert_null(words, "%s", words);
        done(&w);
}

Test(resize, who_has_to_wait_is_told_so_once)
{
        struct world w = running(SMALL);
        CLEANUP(pod_freep) struct pod *asks = pod_of(LARGE);

        resize_wish(w.state, w.pod, asks, 7);
        cr_assert(w.state->resize->wish == WISH_UNJUDGED && w.state->resize->more && w.state->resize->priority == 7);
        cr_assert_null(condition(&w, "PodResizePending", "reason"));
        cr_assert(resize_defer(w.state, "Node didn't have enough resource: cpu", T0));
        cr_assert_not(resize_defer(w.state, "Node didn't have enough resource: memory", T0 + 1));
        cr_assert_str_eq(condition(&w, "PodResizePending", "reason"), "Deferred");
        cr_assert_str_eq(condition(&w, "PodResizePending", "message"), "Node didn't have enough resource: memory");
        resize_wish(w.state, w.pod, asks, 7);
        cr_assert_eq(w.state->resize->wish, WISH_DEFERRED, "the same version of the pod is no news");
        asks->generation++;
        resize_wish(w.state, w.pod, asks, 7);
        cr_assert(resize_defer(w.state, "Node didn't have enough resource: cpu", T0 + 2), "another is");
        tells(&w, "64Mi", "100m");
        resize_withdraw(w.state);
        cr_assert_null(condition(&w, "PodResizePending", "reason"), "it was taken back");
        resize_wish(w.state, w.pod, asks, 7);
        cr_assert(resize_defer(w.state, "Node didn't have enough resource: cpu", T0 + 3));
        cr_assert_eq(w.state->resize->wish_since, T0 + 3, "a wish of its own");
        grant(&w, LARGE);
        cr_assert_null(condition(&w, "PodResizePending", "reason"));
        done(&w);
}

Test(resize, a_wish_is_for_more_where_any_of_it_is)
{
        static const struct {
                const char *asks;
                bool more;
        } rows[] = {
                { ONE(REQ("100m", "32Mi")), false }, { ONE(REQ("101m", "32Mi")), true },
                { ONE(REQ("100m", "33Mi")), true },  { ONE(REQ("99m", "33Mi")), true },
                { ONE(REQ("99m", "31Mi")), false },
        };
        struct world w = running(SMALL);

        resize_withdraw(w.state);
        cr_assert_null(w.state->resize, "there was none");
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                CLEANUP(pod_freep) struct pod *asks = pod_of(rows[i].asks);

                resize_wish(w.state, w.pod, asks, 0);
                cr_expect_eq(w.state->resize->more, rows[i].more, "row %zu", i);
                cr_expect_eq(w.state->resize->asked.of[RESOURCE_CPU], asks->demands.requests.of[RESOURCE_CPU]);
                cr_expect_eq(w.state->resize->wish_generation, 3);
        }
        resize_withdraw(w.state);
        cr_expect_eq(w.state->resize->wish, WISH_NONE);
        done(&w);
}

Test(resize, its_conditions_say_of_which_version_of_the_pod_and_since_when)
{
        struct world w = running(SMALL);

        for (int64_t generation = 3; generation >= 0; generation -= 3) {
                CLEANUP(json_freep) cJSON *status = NULL;
                const cJSON *item, *told = NULL;

                grant(&w, LARGE);
                w.state->resize->generation = generation; /* 0: of an API server that counts none */
                status = status_build(w.pod, w.state, &node, NULL, T0);
                cJSON_ArrayForEach (item, json_get(status, "conditions"))
                        if (streq(json_str(item, "type"), "PodResizeInProgress")) {
                                told = json_get(item, "observedGeneration");
                                cr_expect_str_eq(json_str(item, "lastTransitionTime"), "2023-11-14T22:13:20Z");
                                cr_expect(cJSON_IsNull(json_get(item, "lastProbeTime")),
                                          "the API wants it to be there");
                        }
                cr_expect_eq(told != NULL, generation > 0);
                cr_expect(!told || told->valueint == generation);
        }
        done(&w);
}

/* The patch merges, so what is over has to be taken away. */
Test(resize, conditions_that_are_over_are_taken_away)
{
        struct world w = running(SMALL);
        CLEANUP(json_freep) cJSON *patch = NULL, *plain = NULL;
        const cJSON *item;
        unsigned taken = 0, told = 0;

        grant(&w, LARGE);
        patch = status_patch("u", status_build(w.pod, w.state, &node, NULL, T0), true);
        cJSON_ArrayForEach (item, json_get(json_get(patch, "status"), "conditions")) {
                const char *type = json_str(item, "type");

                if (streq(json_str(item, "$patch"), "delete"))
                        taken += streq(type, "PodResizePending") ? 1 : 100;
                told += streq(type, "PodResizeInProgress") && !json_get(item, "$patch");
        }
        cr_assert(taken == 1 && told == 1);
        plain = status_patch("u", status_build(w.pod, w.state, &node, NULL, T0), false);
        cJSON_ArrayForEach (item, json_get(json_get(plain, "status"), "conditions"))
                cr_assert_null(json_get(item, "$patch"));
        done(&w);
}

Test(resize, an_agent_that_comes_back_goes_on)
{
        CLEANUP(json_freep)
        cJSON *o = object_of(
                LARGE,
                "\"containerStatuses\":[{\"name\":\"c\",\"state\":{\"running\":{}},"
                "\"allocatedResources\":{\"cpu\":\"1\",\"memory\":\"64Mi\"},"
                "\"resources\":{" LIM("200m", "64Mi") "," REQ(
                        "100m", "32Mi") "}}],"
                                        "\"conditions\":[{\"type\":\"PodResizeInProgress\",\"status\":\"True\","
                                        "\"observedGeneration\":2,\"lastTransitionTime\":\"2023-11-14T22:13:20Z\"}]");
        struct world w = { .pod = parse(o) };

        cr_assert_not(resize_recall(o));
        w.state = pod_state_new(w.pod, T0 + 5);
        pod_state_adopt(w.state, w.pod, json_get(o, "status"));
        resize_adopt(w.state, w.pod, json_get(o, "status"), T0 + 5);
        w.state->written = true;
        w.state->containers[0].mark = w.pod->containers[0].mark;
        run(&w.state->containers[0], w.state, "a");
        cr_assert(w.state->resize->under_way && w.state->resize->generation == 2 && w.state->resize->since == T0);
        cr_assert(plans(&w, ACTION_RESIZE));
        tells(&w, "64Mi", "1");
        done(&w);
}

/* Found by test_property.c. Limits alone are no matter of what a node has left: they are granted at once, and nobody
 * has told of it yet. */
Test(resize, an_agent_that_comes_back_applies_limits_that_were_changed_while_none_ran)
{
        CLEANUP(json_freep)
        cJSON *o = object_of(ONE(REQ("100m", "32Mi") "," LIM("300m", "96Mi")),
                             "\"containerStatuses\":[{\"name\":\"c\",\"state\":{\"running\":{}},"
                             "\"allocatedResources\":{\"cpu\":\"100m\",\"memory\":\"32Mi\"},"
                             "\"resources\":{" LIM("200m", "64Mi") "," REQ("100m", "32Mi") "}}]");
        struct world w = { .pod = parse(o) };

        cr_assert_not(resize_recall(o));
        w.state = pod_state_new(w.pod, T0);
        pod_state_adopt(w.state, w.pod, json_get(o, "status"));
        resize_adopt(w.state, w.pod, json_get(o, "status"), T0);
        w.state->written = true;
        w.state->containers[0].mark = w.pod->containers[0].mark;
        run(&w.state->containers[0], w.state, "a");
        cr_assert_not_null(w.state->resize);
        cr_assert_eq(w.state->resize->generation, 3);
        cr_assert_str_eq(condition(&w, "PodResizeInProgress", "reason"), "-");
        cr_assert(plans(&w, ACTION_RESIZE));
        tells(&w, "64Mi", "100m");
        done(&w);
}

Test(resize, an_agent_that_comes_back_takes_up_what_conditions_say)
{
#define RUNS                                                                                                           \
        "\"containerStatuses\":[{\"name\":\"c\",\"state\":{\"running\":{}},\"resources\":{" REQ(                       \
                "100m", "32Mi") "," LIM("200m", "64Mi") "}}]"
#define IN_PROGRESS(more) ",\"conditions\":[{\"type\":\"PodResizeInProgress\",\"status\":\"True\"" more "}]"
        static const struct {
                const char *shows, *spec, *status;
                bool resize, under_way, pod_actual, container_actual;
                int64_t generation;
                uint64_t since;
        } rows[] = {
                { "nothing", SMALL, RUNS, false, false, false, false, 0, 0 },
                { "what waited: its condition may have to be taken away", SMALL,
                  RUNS ",\"conditions\":[{\"type\":\"PodResizePending\",\"status\":\"True\"}]", true, false, false,
                  false, 0, 0 },
                { "under way, and nobody knows since when", SMALL, RUNS IN_PROGRESS(""), true, true, false, false, 3,
                  T0 + 5 },
                { "nor does a time that is none tell", SMALL, RUNS IN_PROGRESS(",\"lastTransitionTime\":\"yesterday\""),
                  true, true, false, false, 3, T0 + 5 },
                { "since when, and which", SMALL,
                  RUNS IN_PROGRESS(",\"observedGeneration\":2,\"lastTransitionTime\":\"2023-11-14T22:13:20Z\""), true,
                  true, false, false, 2, T0 },
                { "the pod's own", ONE("") ALL(REQ("2", "1Gi")), "\"resources\":{" REQ("1", "1Gi") "}", true, true,
                  true, false, 3, T0 + 5 },
                { "which is the same", ONE("") ALL(REQ("2", "1Gi")), "\"resources\":{" REQ("2", "1024Mi") "}", false,
                  false, false, false, 0, 0 },
                { "of a pod that has none", ONE(""), "\"resources\":{" REQ("2", "1Gi") "}", false, false, false, false,
                  0, 0 },
                { "what does not run begins with what the pod has", SMALL,
                  "\"containerStatuses\":[{\"name\":\"c\",\"state\":{\"waiting\":{}},\"resources\":{}}]", false, false,
                  false, false, 0, 0 },
                { "a sidecar's are in another list", SMALL "," SIDECAR(REQ("2", "1Gi")),
                  "\"initContainerStatuses\":[{\"name\":\"i\",\"state\":{\"running\":{}},\"resources\":{" REQ(
                          "1", "1Gi") "}}]",
                  true, true, false, true, 3, T0 + 5 },
        };

        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                CLEANUP(json_freep) cJSON *o = object_of(rows[i].spec, rows[i].status);
                struct world w = { .pod = parse(o) };
                const struct resize *r;

                w.state = pod_state_new(w.pod, T0);
                pod_state_adopt(w.state, w.pod, json_get(o, "status"));
                resize_adopt(w.state, w.pod, json_get(o, "status"), T0 + 5);
                r = w.state->resize;
                cr_expect_eq(r != NULL, rows[i].resize, "%s", rows[i].shows);
                cr_expect_eq(r && r->under_way && r->send, rows[i].under_way, "%s", rows[i].shows);
                cr_expect_eq(r && r->actual, rows[i].pod_actual, "%s", rows[i].shows);
                cr_expect_eq(w.state->containers[0].actual != NULL, rows[i].container_actual, "%s", rows[i].shows);
                cr_expect_eq(r ? r->generation : 0, rows[i].generation, "%s", rows[i].shows);
                cr_expect_eq(r ? r->since : 0, rows[i].since, "%s", rows[i].shows);
                done(&w);
        }
}

Test(resize, nothing_is_made_of_a_pod_that_was_never_resized)
{
        CLEANUP(json_freep)
        cJSON *o = object_of(SMALL, "\"containerStatuses\":[{\"name\":\"c\",\"state\":{\"running\":{}},"
                                    "\"allocatedResources\":{\"cpu\":\"100m\",\"memory\":\"32Mi\"},"
                                    "\"resources\":{" LIM("0.2", "64Mi") "," REQ("100m", "32Mi") "}}]");
        struct world w = { .pod = parse(o) };

        w.state = pod_state_new(w.pod, T0);
        pod_state_adopt(w.state, w.pod, json_get(o, "status"));
        resize_adopt(w.state, w.pod, json_get(o, "status"), T0);
        cr_assert_null(w.state->resize);
        cr_assert_null(w.state->containers[0].actual);
        done(&w);
}

Test(resize, its_events_say_what_each_container_has)
{
        CLEANUP(pod_freep)
        struct pod *p = pod_of(
                ONE(REQ("1", "1Gi")) ",\"initContainers\":[" C("i", "", "") "],\"ephemeralContainers\":["
                                                                            "{\"name\":\"e\",\"image\":\"/bin/sh\"}]");
        CLEANUP(freep)
        char *text = resize_message(p, "Pod resize completed", 4, NULL),
             *bad = resize_message(p, "Pod resize error", 4, "why");

        cr_assert_str_eq(text, "Pod resize completed: {\"initContainers\":[{\"name\":\"i\",\"resources\":{}}],"
                               "\"containers\":[{\"name\":\"c\",\"resources\":{\"requests\":{\"cpu\":\"1\",\"memory\":"
                               "\"1Gi\"}}}],\"generation\":4}");
        cr_assert(strstr(bad, ",\"generation\":4,\"error\":\"why\"}"), "%s", bad);
}
