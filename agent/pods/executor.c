/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pods/executor.h"

#include <errno.h>
#include <stdio.h>

#include "agent/lib/times.h"
#include "agent/machine/cgroups.h"
#include "agent/pod/resize.h"
#include "agent/pods/ending.h"
#include "agent/pods/helper_request.h"
#include "agent/pods/pod_event.h"
#include "common/log.h"
#include "common/mem.h"

/* ---- volumes ----------------------------------------------------------------------------------------------------- */

static void on_filled(void *userdata, int error, const Vks__Reply *reply, const struct err *err)
{
        struct request *rq = userdata;
        struct pod_entry *e = request_answered(rq);
        struct volume_state *v;

        if (!e)
                return;
        v = &e->state->volumes[rq->index];
        v->in_flight = false;
        if (error < 0) {
                v->retry_at = request_retry_at(error, reply, &v->failures);
                CLEANUP(freep) char *which = xasprintf("volumes{%s}: ", e->pod->volumes[rq->index].name);
                err_keep(&v->failure, err);
                request_tell_failed(e, NULL, error, v->failures, "FailedMount", which, err->text);
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

/* Containers that are not ephemeral. */
static bool has_several(const struct pod *p)
{
        size_t n = 0;

        for (size_t i = 0; i < p->n_containers; i++)
                n += !p->containers[i].ephemeral;
        return n > 1;
}

static void on_written(void *userdata, int error, const Vks__Reply *reply, const struct err *err)
{
        struct request *rq = userdata;
        struct pod_entry *e = request_answered(rq);
        struct err said;

        if (!e)
                return;
        said = with_volumes(e->pod, err);
        e->state->write_in_flight = false;
        if (error < 0 && error != -EAGAIN && reply && has_several(e->pod)) {
                e->state->write_singly = true; /* whose fault it is will be told then */
                err_forget(&e->state->write_failure);
        } else if (error < 0) {
                e->state->write_retry_at = request_retry_at(error, reply, &e->state->write_failures);
                request_show_failure(&e->state->write_failure, error, e->state->write_failures, &said,
                                     "CreateContainerError");
                request_tell_failed(e, NULL, error, e->state->write_failures, "Failed", "Error: ", said.text);
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
        struct pod_entry *e = request_answered(rq);
        struct container_state *c;
        struct err said;

        if (!e)
                return;
        said = with_volumes(e->pod, err);
        c = &e->state->containers[rq->index];
        e->state->write_in_flight = false;
        if (error < 0) {
                c->retry_at = request_retry_at(error, reply, &c->start_failures);
                request_show_failure(&c->failure, error, c->start_failures, &said, "CreateContainerError");
                request_tell_failed(e, &e->pod->containers[rq->index], error, c->start_failures, "Failed",
                                    "Error: ", said.text);
        } else {
                err_forget(&c->failure);
                c->start_failures = 0;
                e->state->written = true;
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
        return spec->refused.code || c->env_failure.code || (c->mark ? c->mark != spec->mark : !c->image_present);
}

/*
 * Whether the pod's /var is a layer is one answer for all of its units, and given with the first (choose_overlay() in
 * helper/pods.c): a package that is not there yet may be one that keeps data there.
 */
static bool may_write_var(const struct pod_entry *e)
{
        for (size_t i = 0; i < e->pod->n_containers && !e->state->written; i++)
                if (!e->pod->containers[i].ephemeral && !e->pod->containers[i].refused.code &&
                    e->pod->containers[i].parsed.kind != IMAGE_PATH &&
                    e->pod->containers[i].parsed.kind != IMAGE_INVALID && !e->state->containers[i].image_present)
                        return true;
        return pod_entry_writes_var(e);
}

static void do_write(struct pod_entry *e, size_t only)
{
        const struct pods_parts *parts = &e->pods->parts;
        CLEANUP(freep) struct content_image *images = xcalloc(e->pod->n_containers, sizeof(*images));
        struct err err = ERR_NONE;
        bool writes_var = may_write_var(e);
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
        if (only == ALL_BUT_EPHEMERAL || !e->pod->containers[only].ephemeral)
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
        struct pod_entry *e = request_answered(rq);
        bool several;

        if (!e)
                return;
        several = error < 0 && error != -EAGAIN && reply && rq->n_units > 1;
        e->state->start_singly |= several;
        for (size_t i = 0; error < 0 && i < rq->n_units; i++) {
                struct container_state *c = &e->state->containers[rq->units[i]];
                c->requested = false;
                if (several) { /* some may have begun: that is heard of meanwhile */
                        c->retry_at = time_now() + RETRY_SOON_USEC;
                        continue;
                }
                c->retry_at = request_retry_at(error, reply, &c->start_failures);
                request_show_failure(&c->failure, error, c->start_failures, err, "RunContainerError");
                if (error == -ENOENT && !unit_has_processes(c->unit.phase))
                        c->mark = 0; /* somebody took the unit's files away: they are written again */
                request_tell_failed(e, &e->pod->containers[rq->units[i]], error, c->start_failures, "Failed",
                                    "Error: ", err->text);
        }
        free(rq);
}

/* The plan's containers from action `from` on: all of them, or the first. */
static void start_from(struct pod_entry *e, const struct plan *plan, size_t from, bool restart, bool all)
{
        Vks__Start start = VKS__START__INIT;
        CLEANUP(content_pod_freep) Vks__Pod *pod = content_pod(&e->pod->id);
        struct request *rq;
        char *units[PLAN_ACTIONS_MAX];

        rq = request_new(e, 0, plan->n_actions);
        for (size_t i = from; i < plan->n_actions && (all || rq->n_units == 0); i++) {
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

/* All containers that may start now go into one request: PID 1 then starts them together. */
static void do_start(struct pod_entry *e, const struct plan *plan, bool restart)
{
        if (!e->state->start_singly) {
                start_from(e, plan, 0, restart, true);
                return;
        }
        for (size_t i = 0; i < plan->n_actions; i++)
                if (plan->actions[i].kind == (restart ? ACTION_RESTART : ACTION_START))
                        start_from(e, plan, i, restart, false);
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
        struct pod_entry *e = request_answered(rq);
        struct resize *r;

        if (!e)
                return;
        r = e->state->resize;
        r->in_flight = false;
        if (error == -EAGAIN || (error < 0 && !reply)) {
                r->send = true;
                r->retry_at = request_retry_at(error, reply, &r->failures);
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

/* ---- what the plan says ------------------------------------------------------------------------------------------ */

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
                        ending_clear(e, a->index);
                        break;
                case ACTION_TELL_UNRESOLVED:
                        tell_unresolved(e, a->index);
                        break;
                case ACTION_BEGIN_END:
                        ending_begin_each(e, now);
                        break;
                case ACTION_BEGIN_ANEW:
                        pod_begin_restart_all(e->state, e->pod, now);
                        pod_mark(e);
                        break;
                case ACTION_POST_START:
                        pod_run_hook(e, a->index, HOOK_POST_START, 0);
                        break;
                case ACTION_PRE_STOP:
                        ending_pre_stop(e, a->index, now);
                        break;
                case ACTION_START: /* those of one kind go together, below */
                case ACTION_RESTART:
                case ACTION_TERM:
                case ACTION_END:
                case ACTION_END_KILL:
                        break;
                case ACTION_STOP:
                case ACTION_KILL:
                        ending_stop(e, a->kind == ACTION_KILL, now);
                        break;
                case ACTION_REMOVE:
                        ending_remove(e);
                        break;
                case ACTION_DELETE:
                        ending_delete(e);
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
                ending_end(e, plan, ACTION_TERM, now);
        if (wanted[ACTION_END])
                ending_end(e, plan, ACTION_END, now);
        if (wanted[ACTION_END_KILL])
                ending_end(e, plan, ACTION_END_KILL, now);
}
