/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pods/executor.h"

#include <errno.h>
#include <stdio.h>

#include "agent/lib/times.h"
#include "agent/machine/cgroups.h"
#include "agent/pod/resize.h"
#include "agent/pods/pod_event.h"
#include "common/log.h"
#include "common/mem.h"

enum {
        /* Before the first try again; later ones wait longer and longer (backoff_next()). */
        RETRY_SOON_USEC = 200 * 1000,          /* the unit had not ended yet */
        RETRY_USEC = 1000 * 1000,              /* the helper exited before it answered */
        RETRY_REFUSED_USEC = 20 * 1000 * 1000, /* the helper refused: policy, a full disk; an operator has to act */
};

/* A request on its way to the helper, and what to do with the answer. */
struct request {
        struct pod_entry *entry;
        size_t index;
        uint64_t hash;
        size_t n_units;
        size_t units[]; /* containers of a START or a STOP */
};

static struct request *request_new(struct pod_entry *e, size_t index, size_t room)
{
        struct request *rq = xcalloc(1, sizeof(*rq) + room * sizeof(size_t));

        rq->entry = e;
        rq->index = index;
        e->in_flight++;
        return rq;
}

/* The kubelet's word for it: what the pod asks for is wrong or not allowed, or it did not work out. */
static void set_reason(struct err *e, int error, const char *otherwise)
{
        if (!*e->reason)
                snprintf(e->reason, sizeof(e->reason), "%s",
                         error == -EINVAL || error == -EPERM ? "CreateContainerConfigError"
                         : error == -EAGAIN                  ? "ContainerCreating"
                                                             : otherwise);
}

/* Without a reply the helper could not be asked, which is temporary; with a reply it has refused, or said "later". */
static uint64_t retry_after(int error, const Vks__Reply *reply, unsigned *failures)
{
        if (error == -EAGAIN)
                return time_now() + later_next(failures);
        return time_now() + backoff_next(failures, reply ? RETRY_REFUSED_USEC : RETRY_USEC);
}

/*
 * Says that a request has failed. "Later" is no failure: nothing was begun, and nobody has to do anything. It is told
 * when it has been so for a while.
 */
static void tell_failed(struct pod_entry *e, const struct container *c, int error, unsigned failures,
                        const char *reason, const char *words, const char *text)
{
        if (error != -EAGAIN)
                pod_event(e, c, true, reason, "%s%s", words, text);
        else if (later_is_long(failures))
                pod_event(e, c, true, "Deferred", "this node will do it later: %s", text);
}

/* Keeps what the status is to show of it: of "later" nothing at first, either. */
static void show_failure(struct kept_err *failure, int error, unsigned failures, const struct err *err,
                         const char *otherwise)
{
        struct err shown = *err;

        if (error == -EAGAIN && !later_is_long(failures)) {
                err_forget(failure);
                return;
        }
        set_reason(&shown, error, otherwise);
        err_keep(failure, &shown);
}

/* Takes the request; the entry, or NULL when nobody waits for the answer any more. */
static struct pod_entry *answered(struct request *rq)
{
        struct pod_entry *e = rq->entry;

        if (!pod_entry_answered(e)) {
                free(rq);
                return NULL;
        }
        pod_mark(e);
        return e;
}

/* ---- volumes ----------------------------------------------------------------------------------------------------- */

static void on_filled(void *userdata, int error, const Vks__Reply *reply, const struct err *err)
{
        struct request *rq = userdata;
        struct pod_entry *e = answered(rq);
        struct volume_state *v;

        if (!e)
                return;
        v = &e->state->volumes[rq->index];
        v->in_flight = false;
        if (error < 0) {
                v->retry_at = retry_after(error, reply, &v->failures);
                CLEANUP(freep) char *which = xasprintf("volumes{%s}: ", e->pod->volumes[rq->index].name);
                err_keep(&v->failure, err);
                tell_failed(e, NULL, error, v->failures, "FailedMount", which, err->text);
        } else {
                v->filled = true;
                v->failures = 0;
                err_forget(&v->failure);
                v->wanted = v->wanted && v->hash != rq->hash; /* the content may have changed again meanwhile */
                v->hash = rq->hash;
                e->content_dirty = true;
        }
        free(rq);
}

static void do_fill(struct pod_entry *e, size_t i)
{
        const struct pods_parts *parts = &e->pods->parts;
        struct volume_state *v = &e->state->volumes[i];
        struct err err = ERR_NONE;
        struct request *rq;
        Vks__Fill *fill;
        uint64_t hash;

        if (content_fill(e->content, e->pod, i, &parts->node, &fill, &hash, &err) < 0) {
                err_keep(&v->failure, &err);
                v->wanted = false; /* what was there a moment ago is gone; news will come */
                return;
        }
        rq = request_new(e, i, 0);
        rq->hash = hash;
        v->in_flight = true;
        helper_fill(parts->helper, fill, on_filled, rq);
        content_fill_free(fill);
}

/* ---- units ------------------------------------------------------------------------------------------------------- */

static void tell_created(struct pod_entry *e, size_t i)
{
        const struct container *c = &e->pod->containers[i];
        const struct package_image *image = &e->images[i];

        if (*image->unit)
                pod_event(e, c, false, "Created", "Created container %s as %s, from unit %s of package %s: %s", c->name,
                          c->unit, image->unit, image->owner, image->why);
        else
                pod_event(e, c, false, "Created", "Created container %s as %s", c->name, c->unit);
}

/* A claim's place is nobody's word in the pod: whose it is stands beside what was said of it. */
static struct err with_volumes(const struct pod *p, const struct err *err)
{
        struct err e = *err;

        for (size_t i = 0; i < p->n_volumes; i++)
                if (p->volumes[i].of && strstr(err->text, p->volumes[i].path))
                        (void)err_prefix(&e, "PersistentVolume \"%s\" of claim \"%s\": ", p->volumes[i].of,
                                         p->volumes[i].claim);
        return e;
}

static void on_written(void *userdata, int error, const Vks__Reply *reply, const struct err *err)
{
        struct request *rq = userdata;
        struct pod_entry *e = answered(rq);
        struct err said;

        if (!e)
                return;
        said = with_volumes(e->pod, err);
        e->state->write_in_flight = false;
        if (error < 0) {
                e->state->write_retry_at = retry_after(error, reply, &e->state->write_failures);
                show_failure(&e->state->write_failure, error, e->state->write_failures, &said, "CreateContainerError");
                tell_failed(e, NULL, error, e->state->write_failures, "Failed", "Error: ", said.text);
        } else {
                err_forget(&e->state->write_failure);
                e->state->write_failures = 0;
                e->state->written = true;
        }
        for (size_t i = 0; i < e->state->n_containers; i++) {
                struct container_state *c = &e->state->containers[i];
                if (error == 0 && c->mark_sent) {
                        c->mark = c->mark_sent;
                        c->values_written = c->values_sent;
                        tell_created(e, i);
                }
                c->mark_sent = c->values_sent = 0;
        }
        free(rq);
}

static void on_added(void *userdata, int error, const Vks__Reply *reply, const struct err *err)
{
        struct request *rq = userdata;
        struct pod_entry *e = answered(rq);
        struct container_state *c;
        struct err said;

        if (!e)
                return;
        said = with_volumes(e->pod, err);
        c = &e->state->containers[rq->index];
        e->state->write_in_flight = false;
        if (error < 0) {
                c->retry_at = retry_after(error, reply, &c->start_failures);
                show_failure(&c->failure, error, c->start_failures, &said, "CreateContainerError");
                tell_failed(e, &e->pod->containers[rq->index], error, c->start_failures, "Failed",
                            "Error: ", said.text);
        } else {
                err_forget(&c->failure);
                c->start_failures = 0;
                c->mark = c->mark_sent;
                c->values_written = c->values_sent;
                tell_created(e, rq->index);
        }
        c->mark_sent = c->values_sent = 0;
        free(rq);
}

/* Container `only` alone, or all that are not ephemeral. */
static const size_t ALL_BUT_EPHEMERAL = SIZE_MAX;

static bool is_left_out(const struct pod_entry *e, size_t i, size_t only)
{
        const struct container *spec = &e->pod->containers[i];
        const struct container_state *c = &e->state->containers[i];

        if (only == ALL_BUT_EPHEMERAL ? spec->ephemeral : i != only)
                return true;
        return c->env_failure.code || (c->mark ? c->mark != spec->mark : !c->image_present);
}

static void do_write(struct pod_entry *e, size_t only)
{
        const struct pods_parts *parts = &e->pods->parts;
        CLEANUP(freep) struct content_image *images = xcalloc(e->pod->n_containers, sizeof(*images));
        struct err err = ERR_NONE;
        bool writes_var = pod_entry_writes_var(e);
        Vks__Write *w;

        for (size_t i = 0; i < e->pod->n_containers; i++) {
                images[i] = (struct content_image){
                        .package = e->images[i].owner,
                        .unit = e->images[i].unit,
                        .program = e->images[i].program,
                        .writes_var = writes_var, /* whichever is left out */
                        .left_out = is_left_out(e, i, only),
                };
        }
        if (content_write(e->content, e->pod, images, &parts->node, &w, &err) < 0) {
                e->content_dirty = true; /* what was there a moment ago is gone */
                if (only == ALL_BUT_EPHEMERAL)
                        e->state->write_retry_at = time_now() + RETRY_SOON_USEC;
                else
                        e->state->containers[only].retry_at = time_now() + RETRY_SOON_USEC;
                pod_mark(e);
                return;
        }
        e->state->write_in_flight = true;
        if (only == ALL_BUT_EPHEMERAL)
                e->state->restarting_all = false; /* the old units are gone, or there would be no WRITE */
        for (size_t i = 0; i < e->pod->n_containers; i++) {
                struct container_state *c = &e->state->containers[i];

                if (images[i].left_out)
                        continue;
                c->values_sent = images[i].values;
                if (!c->mark)
                        c->mark_sent = e->pod->containers[i].mark;
                else if (c->values_written != c->values_sent)
                        c->values_written = 0; /* it is written anew unless it is loaded: nobody knows now */
        }
        if (only == ALL_BUT_EPHEMERAL)
                helper_write(parts->helper, w, on_written, request_new(e, 0, 0));
        else
                helper_write(parts->helper, w, on_added, request_new(e, only, 0));
        content_write_free(w);
}

static void tell_unresolved(struct pod_entry *e, size_t i)
{
        struct container_state *c = &e->state->containers[i];

        c->env_told = true;
        pod_event(e, &e->pod->containers[i], true, "Failed", "Error: %s", kept_text(&c->env_failure));
}

static void on_started(void *userdata, int error, const Vks__Reply *reply, const struct err *err)
{
        struct request *rq = userdata;
        struct pod_entry *e = answered(rq);

        if (!e)
                return;
        for (size_t i = 0; error < 0 && i < rq->n_units; i++) {
                struct container_state *c = &e->state->containers[rq->units[i]];
                c->requested = false;
                c->retry_at = retry_after(error, reply, &c->start_failures);
                show_failure(&c->failure, error, c->start_failures, err, "RunContainerError");
                if (error == -ENOENT && !unit_has_processes(c->unit.phase))
                        c->mark = 0; /* somebody took the unit's files away: they are written again */
                tell_failed(e, &e->pod->containers[rq->units[i]], error, c->start_failures, "Failed",
                            "Error: ", err->text);
        }
        free(rq);
}

/* All containers that may start now go into one request: PID 1 then starts them together. */
static void do_start(struct pod_entry *e, const struct plan *plan, bool restart)
{
        Vks__Start start = VKS__START__INIT;
        CLEANUP(content_pod_freep) Vks__Pod *pod = content_pod(&e->pod->id);
        struct request *rq;
        char *units[PLAN_ACTIONS_MAX];

        rq = request_new(e, 0, plan->n_actions);
        for (size_t i = 0; i < plan->n_actions; i++) {
                size_t k = plan->actions[i].index;
                if (plan->actions[i].kind != (restart ? ACTION_RESTART : ACTION_START))
                        continue;
                units[rq->n_units] = e->pod->containers[k].unit;
                rq->units[rq->n_units++] = k;
                container_request_start(&e->state->containers[k]);
        }
        start.pod = pod;
        start.units = units;
        start.n_units = rq->n_units;
        start.restart = restart;
        helper_start(e->pods->parts.helper, &start, on_started, rq);
}

/* ---- other resources --------------------------------------------------------------------------------------------- */

static void tell_resize_failed(struct pod_entry *e, const char *why, uint64_t now)
{
        CLEANUP(freep) char *message = NULL;

        pod_mark(e);
        if (!resize_fail(e->state, why, now))
                return;
        message = resize_message(e->pod, "Pod resize error", e->state->resize->generation, why);
        pod_event(e, NULL, true, "ResizeError", "%s", message);
}

static void on_resized(void *userdata, int error, const Vks__Reply *reply, const struct err *err)
{
        struct request *rq = userdata;
        struct pod_entry *e = answered(rq);
        struct resize *r;

        if (!e)
                return;
        r = e->state->resize;
        r->in_flight = false;
        if (error == -EAGAIN || (error < 0 && !reply)) {
                r->send = true;
                r->retry_at = retry_after(error, reply, &r->failures);
        } else if (error < 0) {
                tell_resize_failed(e, err->text, time_now());
        }
        for (size_t i = 0; i < e->state->n_containers && error == 0; i++)
                if (e->state->containers[i].actual) {
                        e->state->containers[i].unit.limits.known = false;
                        observed_read_limits(e->pods->parts.observed, e->pod->containers[i].unit);
                }
        free(rq);
}

static uint64_t memory_of(const char *slice, const char *unit)
{
        CLEANUP(buf_done) struct buf path = BUF(4096);
        uint64_t bytes = 0;

        cgroups_slice_path(slice, &path);
        if (unit)
                buf_printf(&path, "/%s", unit);
        return buf_ok(&path) && cgroups_memory(path.data, &bytes) ? bytes : UINT64_MAX;
}

/* Why it cannot be now; the caller owns the text. */
static char *look_at_memory(const struct pod_entry *e)
{
        CLEANUP(freep) uint64_t *used = xcalloc(e->pod->n_containers, sizeof(*used));
        char slice[ID_UNIT_MAX + 1];

        pod_slice_name(e->pod->id.uid, e->pod->qos, slice);
        for (size_t i = 0; i < e->pod->n_containers; i++)
                used[i] = e->state->containers[i].actual ? memory_of(slice, e->pod->containers[i].unit) : UINT64_MAX;
        return resize_refusal(e->pod, e->state, used, memory_of(slice, NULL));
}

static void do_resize(struct pod_entry *e, uint64_t now)
{
        CLEANUP(freep) bool *which = xcalloc(e->pod->n_containers, sizeof(*which));
        CLEANUP(freep) char *refusal = look_at_memory(e);
        Vks__Resize *m;

        if (refusal) {
                tell_resize_failed(e, refusal, now);
                return;
        }
        for (size_t i = 0; i < e->pod->n_containers; i++)
                which[i] = resize_has_unit(e->pod, e->state, i);
        m = content_resize(e->pod, which, &e->pods->parts.node);
        e->state->resize->send = false;
        e->state->resize->in_flight = true;
        helper_resize(e->pods->parts.helper, m, on_resized, request_new(e, 0, 0));
        vks__resize__free_unpacked(m, NULL);
}

/* ---- the end ----------------------------------------------------------------------------------------------------- */

static void on_stopped(void *userdata, int error, const Vks__Reply *reply, const struct err *err)
{
        struct request *rq = userdata;
        struct pod_entry *e = answered(rq);

        if (!e)
                return;
        e->state->stop_in_flight = false;
        if (error < 0) {
                e->state->stop_retry_at = retry_after(error, reply, &e->state->stop_failures);
                e->state->stop_sent = e->state->kill_sent = false;
                tell_failed(e, NULL, error, e->state->stop_failures, "FailedKillPod", "error killing pod: ", err->text);
        }
        free(rq);
}

static void run_hook(struct pod_entry *e, size_t i, enum hook_kind kind, uint64_t usec)
{
        const struct pods_parts *parts = &e->pods->parts;

        e->state->containers[i].hooks[kind] = parts->hook_begin ? HOOK_RUNS : HOOK_OVER;
        if (parts->hook_begin)
                parts->hook_begin(parts->userdata, e->pod->id.uid, i, kind, usec);
}

static void begin_end(struct pod_entry *e, uint64_t now)
{
        struct pod_state *s = e->state;

        s->stop_at = now;
        s->kill_at = now + (uint64_t)pod_grace_s(e->pod, s) * USEC_PER_SEC;
}

static void begin_end_each(struct pod_entry *e, uint64_t now)
{
        begin_end(e, now);
        e->state->each = true;
        e->state->by_signal = e->pod->deleting && e->pod->deletion_grace_s > e->pod->grace_s;
        pod_mark(e);
}

static void do_stop(struct pod_entry *e, bool kill, uint64_t now)
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

/* ---- the end of one container ------------------------------------------------------------------------------------ */

static void on_ended(void *userdata, int error, const Vks__Reply *reply, const struct err *err)
{
        struct request *rq = userdata;
        struct pod_entry *e = answered(rq);

        if (!e)
                return;
        for (size_t i = 0; i < rq->n_units; i++) {
                struct container_state *c = &e->state->containers[rq->units[i]];
                if (error < 0) {
                        c->stop_retry_at = retry_after(error, reply, &c->stop_failures);
                        c->term_sent = c->stop_sent = c->kill_sent = false;
                        tell_failed(e, &e->pod->containers[rq->units[i]], error, c->stop_failures, "FailedKillPod",
                                    "error killing container: ", err->text);
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

static void do_pre_stop(struct pod_entry *e, size_t i, uint64_t now)
{
        uint64_t until;

        begin_to_end(e, i, now);
        until = e->state->stop_at ? e->state->kill_at : e->state->containers[i].kill_at;
        if (until > now)
                run_hook(e, i, HOOK_PRE_STOP, until - now);
        else
                e->state->containers[i].hooks[HOOK_PRE_STOP] = HOOK_OVER;
        pod_mark(e);
}

/* TERM, END or END_KILL: all containers of the plan's that are to be asked the same. */
static void do_end(struct pod_entry *e, const struct plan *plan, enum action_kind kind, uint64_t now)
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
        struct pod_entry *e = answered(rq);
        struct container_state *c;

        if (!e)
                return;
        c = &e->state->containers[rq->index];
        c->clear_in_flight = false;
        if (error == -EBUSY) { /* it was started behind our back, or has not quite ended */
                c->clear_retry_at = time_now() + backoff_next(&c->clear_failures, RETRY_SOON_USEC);
                c->stop_sent = c->kill_sent = false;
        } else if (error < 0) {
                c->clear_retry_at = retry_after(error, reply, &c->clear_failures);
                tell_failed(e, &e->pod->containers[rq->index], error, c->clear_failures, "FailedKillPod",
                            "error removing container: ", err->text);
        } else {
                if (e->state->restarting_all)
                        container_begin_anew(c, &e->pod->containers[rq->index]);
                else if (c->mark == e->pod->containers[rq->index].mark &&
                         !c->resize_restarts) /* its values have changed */
                        container_refresh(c);
                else
                        container_renew(c);
                err_forget(&e->state->write_failure);
                e->state->write_retry_at = 0;
                e->state->write_failures = 0;
                if (!pod_entry_rename(e, rq->index))
                        e->state->blocked = true;
        }
        free(rq);
}

static void do_clear(struct pod_entry *e, size_t i)
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

/* ---- the end of the pod ------------------------------------------------------------------------------------------ */

static void on_removed(void *userdata, int error, const Vks__Reply *reply, const struct err *err)
{
        struct request *rq = userdata;
        struct pod_entry *e = answered(rq);

        if (!e)
                return;
        e->state->remove_in_flight = false;
        if (error == -EBUSY) {
                e->state->remove_retry_at = time_now() + backoff_next(&e->state->remove_failures, RETRY_SOON_USEC);
        } else if (error < 0) {
                e->state->remove_retry_at = retry_after(error, reply, &e->state->remove_failures);
                tell_failed(e, NULL, error, e->state->remove_failures, "FailedKillPod",
                            "error removing pod: ", err->text);
                log_warning("%s/%s: remove: %s", e->pod->id.namespace, e->pod->id.name, err->text);
        } else {
                e->state->removed = true;
        }
        free(rq);
}

static void do_remove(struct pod_entry *e)
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
        if (r->error == 0 || r->error == -ENOENT || r->error == -ESTALE || r->error == -EEXIST) {
                e->state->deleted = true; /* 409: the uid is another pod's */
        } else {
                e->state->delete_retry_at = time_now() + backoff_next(&e->state->delete_failures, RETRY_USEC);
                log_warning("%s/%s: delete: %s", e->pod->id.namespace, e->pod->id.name, r->err.text);
        }
        pod_mark(e);
}

static void do_delete(struct pod_entry *e)
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

void executor_run(struct pod_entry *e, const struct plan *plan, uint64_t now)
{
        bool wanted[ACTION_KINDS] = { false };

        for (size_t i = 0; i < plan->n_actions; i++) {
                const struct action *a = &plan->actions[i];
                wanted[a->kind] = true;
                switch (a->kind) {
                case ACTION_FILL:
                        do_fill(e, a->index);
                        break;
                case ACTION_WRITE:
                        do_write(e, ALL_BUT_EPHEMERAL);
                        break;
                case ACTION_ADD:
                        do_write(e, a->index);
                        break;
                case ACTION_RESIZE:
                        do_resize(e, now);
                        break;
                case ACTION_CLEAR:
                        do_clear(e, a->index);
                        break;
                case ACTION_TELL_UNRESOLVED:
                        tell_unresolved(e, a->index);
                        break;
                case ACTION_BEGIN_END:
                        begin_end_each(e, now);
                        break;
                case ACTION_BEGIN_ANEW:
                        pod_begin_restart_all(e->state, e->pod, now);
                        pod_mark(e);
                        break;
                case ACTION_POST_START:
                        run_hook(e, a->index, HOOK_POST_START, 0);
                        break;
                case ACTION_PRE_STOP:
                        do_pre_stop(e, a->index, now);
                        break;
                case ACTION_START: /* those of one kind go together, below */
                case ACTION_RESTART:
                case ACTION_TERM:
                case ACTION_END:
                case ACTION_END_KILL:
                        break;
                case ACTION_STOP:
                case ACTION_KILL:
                        do_stop(e, a->kind == ACTION_KILL, now);
                        break;
                case ACTION_REMOVE:
                        do_remove(e);
                        break;
                case ACTION_DELETE:
                        do_delete(e);
                        break;
                case ACTION_PULL: /* the turn's: pull.c */
                case ACTION_KINDS:
                        break;
                }
        }
        if (wanted[ACTION_START])
                do_start(e, plan, false);
        if (wanted[ACTION_RESTART])
                do_start(e, plan, true);
        if (wanted[ACTION_TERM])
                do_end(e, plan, ACTION_TERM, now);
        if (wanted[ACTION_END])
                do_end(e, plan, ACTION_END, now);
        if (wanted[ACTION_END_KILL])
                do_end(e, plan, ACTION_END_KILL, now);
}
