/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pods/ending.h"

#include <errno.h>

#include "agent/lib/times.h"
#include "agent/pods/helper_request.h"
#include "agent/pods/pod_event.h"
#include "common/log.h"
#include "common/mem.h"

/* ---- of all containers ------------------------------------------------------------------------------------------- */

static void on_stopped(void *userdata, int error, const Vks__Reply *reply, const struct err *err)
{
        struct request *rq = userdata;
        struct pod_entry *e = request_answered(rq);

        if (!e)
                return;
        e->state->stop_in_flight = false;
        if (error < 0) {
                e->state->stop_retry_at = request_retry_at(error, reply, &e->state->stop_failures);
                e->state->stop_sent = e->state->kill_sent = false;
                request_tell_failed(e, NULL, error, e->state->stop_failures, "FailedKillPod",
                                    "error killing pod: ", err->text);
        }
        free(rq);
}

static void begin_end(struct pod_entry *e, uint64_t now)
{
        struct pod_state *s = e->state;

        s->stop_at = now;
        s->kill_at = now + (uint64_t)pod_grace_s(e->pod, s) * USEC_PER_SEC;
}

void ending_begin_each(struct pod_entry *e, uint64_t now)
{
        begin_end(e, now);
        e->state->each = true;
        e->state->by_signal = pod_grace_is_long(e->pod, pod_grace_s(e->pod, e->state));
        pod_mark(e);
}

void ending_stop(struct pod_entry *e, bool kill, uint64_t now)
{
        struct pod_state *s = e->state;
        Vks__Stop stop = VKS__STOP__INIT;
        CLEANUP(content_pod_freep) Vks__Pod *pod = content_pod(&e->pod->id);
        char *units[PLAN_ACTIONS_MAX];

        for (size_t i = 0; i < e->pod->n_containers && stop.n_units < PLAN_ACTIONS_MAX; i++) {
                const struct container *c = &e->pod->containers[i];
                /* A container without a unit cannot be stopped; with its name in it, the helper would refuse the
                 * whole request. */
                if (!s->containers[i].mark || (kill && !unit_has_processes(s->containers[i].unit.phase)))
                        continue;
                units[stop.n_units++] = e->pod->containers[i].unit;
                if (!kill && unit_has_processes(s->containers[i].unit.phase))
                        pod_event(e, c, false, "Killing", "Stopping container %s", c->name);
        }
        if (!kill) {
                begin_end(e, now);
                s->stop_sent = true;
        } else {
                s->kill_sent = true;
        }
        if (!stop.n_units)
                return;
        stop.pod = pod;
        stop.units = units;
        stop.kill = kill;
        s->stop_in_flight = true;
        helper_stop(e->pods->parts.helper, &stop, on_stopped, request_new(e, 0, 0));
}

/* ---- of one container -------------------------------------------------------------------------------------------- */

static void on_ended(void *userdata, int error, const Vks__Reply *reply, const struct err *err)
{
        struct request *rq = userdata;
        struct pod_entry *e = request_answered(rq);

        if (!e)
                return;
        for (size_t i = 0; i < rq->n_units; i++) {
                struct container_state *c = &e->state->containers[rq->units[i]];
                if (error < 0) {
                        c->stop_retry_at = request_retry_at(error, reply, &c->stop_failures);
                        c->term_sent = c->stop_sent = c->kill_sent = false;
                        request_tell_failed(e, &e->pod->containers[rq->units[i]], error, c->stop_failures,
                                            "FailedKillPod", "error killing container: ", err->text);
                } else {
                        c->stop_failures = 0;
                }
        }
        free(rq);
}

static void tell_ending(struct pod_entry *e, size_t i)
{
        const struct container *c = &e->pod->containers[i];
        const struct container_state *state = &e->state->containers[i];
        bool again = c->restarts.policy != RESTART_POLICY_NEVER;

        if (!unit_has_processes(state->unit.phase))
                return;
        if (state->hooks[HOOK_POST_START] == HOOK_FAILED && !state->replacing && !e->state->stop_at)
                pod_event(e, c, false, "Killing", "%s", hook_events[HOOK_POST_START]);
        else if (state->unhealthy && !state->replacing && !e->state->stop_at)
                pod_event(e, c, false, "Killing", "Container %s failed %s probe%s", c->name,
                          state->failed_probe == PROBE_STARTUP ? "startup" : "liveness",
                          again ? ", will be restarted" : "");
        else if (e->state->restarting_all)
                pod_event(e, c, false, "Killing", "Container %s will be restarted with all others of its pod", c->name);
        else if (state->replacing && state->resize_restarts)
                pod_event(e, c, false, "Killing", "Container %s resize requires restart", c->name);
        else if (state->replacing)
                pod_event(e, c, false, "Killing", "Container %s definition changed, will be restarted", c->name);
        else
                pod_event(e, c, false, "Killing", "Stopping container %s", c->name);
}

/* The container is to end: from here on counts the grace of one that ends alone. */
static void begin_to_end(struct pod_entry *e, size_t i, uint64_t now)
{
        const struct container *spec = &e->pod->containers[i];
        struct container_state *c = &e->state->containers[i];

        if (!e->state->stop_at && !e->state->restarting_all) {
                c->replacing = c->mark != spec->mark || c->resize_restarts;
                c->kill_at = now + (uint64_t)container_grace_s(c, spec, e->pod) * USEC_PER_SEC;
        }
        tell_ending(e, i);
}

void ending_pre_stop(struct pod_entry *e, size_t i, uint64_t now)
{
        uint64_t until;

        begin_to_end(e, i, now);
        until = e->state->stop_at ? e->state->kill_at : e->state->containers[i].kill_at;
        if (until > now)
                pod_run_hook(e, i, HOOK_PRE_STOP, until - now);
        else
                e->state->containers[i].hooks[HOOK_PRE_STOP] = HOOK_OVER;
        pod_mark(e);
}

/* TERM, END or END_KILL: all containers of the plan's that are to be asked the same. */
void ending_end(struct pod_entry *e, const struct plan *plan, enum action_kind kind, uint64_t now)
{
        Vks__Stop stop = VKS__STOP__INIT;
        CLEANUP(content_pod_freep) Vks__Pod *pod = content_pod(&e->pod->id);
        struct request *rq = request_new(e, 0, plan->n_actions);
        char *units[PLAN_ACTIONS_MAX];

        if (e->pod->deleting && !e->state->stop_at) {
                begin_end(e, now);
                e->state->by_signal = true;
        }
        for (size_t i = 0; i < plan->n_actions; i++) {
                size_t k = plan->actions[i].index;
                struct container_state *c = &e->state->containers[k];
                if (plan->actions[i].kind != kind)
                        continue;
                units[rq->n_units] = e->pod->containers[k].unit;
                rq->units[rq->n_units++] = k;
                c->requested = false;
                if (kind == ACTION_END_KILL) {
                        c->kill_sent = true;
                        continue;
                }
                /* otherwise its end has begun with the hook */
                if (c->hooks[HOOK_PRE_STOP] == HOOK_TO_COME || e->state->restarting_all)
                        begin_to_end(e, k, now);
                c->signal_at = now;
                c->term_sent |= kind == ACTION_TERM;
                c->stop_sent |= kind == ACTION_END;
        }
        stop.pod = pod;
        stop.units = units;
        stop.n_units = rq->n_units;
        stop.kill = kind == ACTION_END_KILL;
        stop.signal = kind == ACTION_TERM;
        helper_stop(e->pods->parts.helper, &stop, on_ended, rq);
}

static void on_cleared(void *userdata, int error, const Vks__Reply *reply, const struct err *err)
{
        struct request *rq = userdata;
        struct pod_entry *e = request_answered(rq);
        struct container_state *c;

        if (!e)
                return;
        c = &e->state->containers[rq->index];
        c->clear_in_flight = false;
        if (error == -EBUSY) { /* it was started behind our back, or has not quite ended */
                c->clear_retry_at = time_now() + backoff_next(&c->clear_failures, RETRY_SOON_USEC);
                c->stop_sent = c->kill_sent = false;
        } else if (error < 0) {
                c->clear_retry_at = request_retry_at(error, reply, &c->clear_failures);
                request_tell_failed(e, &e->pod->containers[rq->index], error, c->clear_failures, "FailedKillPod",
                                    "error removing container: ", err->text);
        } else {
                if (e->state->restarting_all)
                        container_begin_anew(c, &e->pod->containers[rq->index]);
                else if (c->mark == e->pod->containers[rq->index].mark &&
                         !c->resize_restarts) /* its values have changed */
                        container_refresh(c);
                else
                        container_renew(c);
                container_forget_write(e->state, rq->index);
                if (!pod_entry_rename(e, rq->index))
                        e->state->blocked = true;
        }
        free(rq);
}

void ending_clear(struct pod_entry *e, size_t i)
{
        Vks__Remove request = VKS__REMOVE__INIT;
        CLEANUP(content_pod_freep) Vks__Pod *pod = content_pod(&e->pod->id);
        char *unit = e->pod->containers[i].unit;

        request.pod = pod;
        request.units = &unit;
        request.n_units = 1;
        e->state->containers[i].clear_in_flight = true;
        helper_remove(e->pods->parts.helper, &request, on_cleared, request_new(e, i, 0));
}

/* ---- of the pod -------------------------------------------------------------------------------------------------- */

static void on_removed(void *userdata, int error, const Vks__Reply *reply, const struct err *err)
{
        struct request *rq = userdata;
        struct pod_entry *e = request_answered(rq);

        if (!e)
                return;
        e->state->remove_in_flight = false;
        if (error == -EBUSY) {
                e->state->remove_retry_at = time_now() + backoff_next(&e->state->remove_failures, RETRY_SOON_USEC);
        } else if (error < 0) {
                e->state->remove_retry_at = request_retry_at(error, reply, &e->state->remove_failures);
                request_tell_failed(e, NULL, error, e->state->remove_failures, "FailedKillPod",
                                    "error removing pod: ", err->text);
                log_warning("%s/%s: remove: %s", e->pod->id.namespace, e->pod->id.name, err->text);
        } else {
                e->state->removed = true;
        }
        free(rq);
}

void ending_remove(struct pod_entry *e)
{
        Vks__Remove request = VKS__REMOVE__INIT;
        CLEANUP(content_pod_freep) Vks__Pod *pod = content_pod(&e->pod->id);
        char *units[PLAN_ACTIONS_MAX];

        for (size_t i = 0; i < e->pod->n_containers && request.n_units < PLAN_ACTIONS_MAX; i++)
                if (*e->pod->containers[i].unit)
                        units[request.n_units++] = e->pod->containers[i].unit;
        request.pod = pod;
        request.units = units;
        request.all = true;
        e->state->remove_in_flight = true;
        helper_remove(e->pods->parts.helper, &request, on_removed, request_new(e, 0, 0));
}

static void on_deleted(void *userdata, struct api_response *r)
{
        struct pod_entry *e = userdata;

        e->delete = NULL;
        e->state->delete_in_flight = false;
        if (r->error == 0) {
                e->state->deleted = true;
        } else {
                e->state->delete_retry_at = time_now() + backoff_next(&e->state->delete_failures, RETRY_USEC);
                if (!api_says_gone(r->error))
                        log_warning("%s/%s: delete: %s", e->pod->id.namespace, e->pod->id.name, r->err.text);
        }
        pod_mark(e);
}

void ending_delete(struct pod_entry *e)
{
        CLEANUP(freep) char *path = xasprintf("/api/v1/namespaces/%s/pods/%s", e->pod->id.namespace, e->pod->id.name);
        cJSON *options = cJSON_CreateObject();

        cJSON_AddStringToObject(options, "kind", "DeleteOptions");
        cJSON_AddStringToObject(options, "apiVersion", "v1");
        cJSON_AddNumberToObject(options, "gracePeriodSeconds", 0);
        cJSON_AddStringToObject(cJSON_AddObjectToObject(options, "preconditions"), "uid", e->pod->id.uid);
        e->state->delete_in_flight = true;
        e->delete = api_tell(e->pods->parts.api, API_DELETE, path, options, 0, on_deleted, e);
        cJSON_Delete(options);
}
