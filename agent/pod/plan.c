/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pod/plan.h"

#include <stdio.h>

static void add(struct plan *plan, enum action_kind kind, size_t index)
{
        if (plan->n_actions < PLAN_ACTIONS_MAX)
                plan->actions[plan->n_actions++] = (struct action){ kind, index };
}

/* True when `at` has come; otherwise the plan is to be made again then. */
static bool due(struct plan *plan, uint64_t at, uint64_t now)
{
        if (at <= now)
                return true;
        if (!plan->wake_at || at < plan->wake_at)
                plan->wake_at = at;
        return false;
}

/* ---- a pod that shall end
 * ---------------------------------------------------------------------------------------- */

/* A unit that has no processes, but that systemd would start again (HOLDOFF) or keeps active (EXITED). */
static bool is_held(const struct container_state *c)
{
        return c->unit.phase == UNIT_HOLDOFF || c->unit.phase == UNIT_EXITED;
}

/*
 * What systemd keeps of a unit that ended well is the only account of how it ended until the API server has it: the
 * agent may be killed any moment. Stopped, it would be forgotten.
 */
static bool is_untold(const struct pod_state *s, const struct container_state *c)
{
        return c->unit.phase == UNIT_EXITED && !c->requested && !s->gone && !s->status_current;
}

/* The hook before the signal: true when there is none, when it is over, and when it has taken all of the grace. */
static bool plan_pre_stop(const struct pod *p, const struct pod_state *s, size_t i, uint64_t now, struct plan *plan)
{
        const struct container_state *c = &s->containers[i];

        if (!p->containers[i].hooks[HOOK_PRE_STOP] || c->phase != CONTAINER_RUNNING || c->term_sent || c->stop_sent ||
            c->unit.phase == UNIT_DEACTIVATING)
                return true;
        if (c->hooks[HOOK_PRE_STOP] == HOOK_TO_COME) {
                add(plan, ACTION_PRE_STOP, i);
                return false;
        }
        return c->hooks[HOOK_PRE_STOP] != HOOK_RUNS || due(plan, s->stop_at ? s->kill_at : c->kill_at, now);
}

/* When the container that was asked to end is killed. */
static uint64_t kills_at(const struct pod *p, const struct pod_state *s, size_t i)
{
        const struct container_state *c = &s->containers[i];
        uint64_t at = s->stop_at ? s->kill_at : c->kill_at;
        bool late = p->containers[i].hooks[HOOK_PRE_STOP] || p->containers[i].sidecar;

        return late && at < c->signal_at + GRACE_LEAST ? c->signal_at + GRACE_LEAST : at;
}

/*
 * A sidecar serves those that were started behind it until they have ended: the last one is asked to end first. When
 * the grace is over all are (kuberuntime_termination_order.go).
 */
static bool waits_for_others(const struct pod *p, const struct pod_state *s, size_t i)
{
        for (size_t k = i + 1; p->containers[i].sidecar && k < s->n_containers; k++)
                if (!p->containers[k].ephemeral && unit_has_processes(s->containers[k].unit.phase))
                        return true;
        return false;
}

/*
 * When systemd has been asked to stop a unit it kills the processes after the unit's own timeout, which cannot be
 * changed any more. So if the grace is longer, the unit is not stopped: its processes get the same signal, and only
 * when they have ended the unit is stopped, or systemd would restart it.
 */
static void plan_each(const struct pod *p, const struct pod_state *s, size_t i, bool by_signal, uint64_t now,
                      struct plan *plan)
{
        const struct container_state *c = &s->containers[i];

        if (!unit_has_processes(c->unit.phase)) {
                if ((is_held(c) || c->requested) && !is_untold(s, c) && !c->stop_sent &&
                    due(plan, c->stop_retry_at, now))
                        add(plan, ACTION_END, i);
        } else if (!c->term_sent && !c->stop_sent) {
                bool ready = plan_pre_stop(p, s, i, now, plan);
                if (ready && waits_for_others(p, s, i))
                        ready = s->stop_at && due(plan, s->kill_at, now);
                if (ready && due(plan, c->stop_retry_at, now))
                        add(plan, by_signal ? ACTION_TERM : ACTION_END, i);
        } else if (s->stop_at && due(plan, kills_at(p, s, i), now) && !c->kill_sent &&
                   due(plan, c->stop_retry_at, now)) {
                add(plan, ACTION_END_KILL, i);
        }
}

/* One by one. The least that is left for a signal may be more than a unit's own timeout, too. */
static void plan_stop_each(const struct pod *p, const struct pod_state *s, bool by_signal, uint64_t now,
                           struct plan *plan)
{
        by_signal |= (uint64_t)p->grace_s * USEC_PER_SEC < GRACE_LEAST;
        for (size_t i = 0; i < s->n_containers; i++)
                plan_each(p, s, i, by_signal, now, plan);
}

static bool wants_each(const struct pod *p, const struct pod_state *s)
{
        for (size_t i = 0; i < s->n_containers; i++)
                if (unit_has_processes(s->containers[i].unit.phase) &&
                    (p->containers[i].hooks[HOOK_PRE_STOP] || p->containers[i].sidecar))
                        return true;
        return false;
}

static bool is_long(const struct pod *p, const struct pod_state *s)
{
        return s->by_signal || (!s->stop_at && pod_grace_is_long(p, pod_grace_s(p, s)));
}

static void plan_stop(const struct pod *p, const struct pod_state *s, uint64_t now, struct plan *plan)
{
        if (!s->stop_at && (wants_each(p, s) || (is_long(p, s) && !p->deleting))) {
                add(plan, ACTION_BEGIN_END, 0);
        } else if (s->each || is_long(p, s) || (!s->stop_sent && wants_each(p, s))) {
                plan_stop_each(p, s, is_long(p, s), now, plan);
        } else if (!s->stop_sent) {
                if (!s->stop_in_flight && due(plan, s->stop_retry_at, now))
                        add(plan, ACTION_STOP, 0);
        } else if (!s->kill_sent && due(plan, s->kill_at, now)) {
                add(plan, ACTION_KILL, 0);
        }
}

/* A unit in its holdoff, or one whose start is on the way, has no processes and yet must be stopped. */
static bool stopped(const struct pod_state *s)
{
        for (size_t i = 0; i < s->n_containers; i++) {
                const struct container_state *c = &s->containers[i];
                if (unit_has_processes(c->unit.phase) || is_held(c))
                        return false;
                if (c->requested && !s->stop_sent && !c->stop_sent)
                        return false;
        }
        return true;
}

/* Nothing of it runs, and nothing of it would: there is no hurry to stop it. */
static bool waits_to_be_told(const struct pod_state *s)
{
        bool untold = false;

        for (size_t i = 0; i < s->n_containers; i++) {
                const struct container_state *c = &s->containers[i];
                if (unit_has_processes(c->unit.phase) || c->unit.phase == UNIT_HOLDOFF || c->requested)
                        return false;
                untold |= is_untold(s, c);
        }
        return untold;
}

static void plan_remove(const struct pod_state *s, uint64_t now, struct plan *plan)
{
        if (!s->remove_in_flight && !s->write_in_flight && due(plan, s->remove_retry_at, now))
                add(plan, ACTION_REMOVE, 0);
}

static void plan_end(const struct pod *p, const struct pod_state *s, uint64_t now, struct plan *plan)
{
        if (!stopped(s)) {
                if (!waits_to_be_told(s))
                        plan_stop(p, s, now, plan);
                return;
        }
        if (!s->gone && !s->status_current)
                return; /* first the status must tell how the containers ended: a Job reads it there */
        /* For a pod that was rejected root's part has nothing to clear away, and need not be woken. */
        if (!s->removed && (s->written || s->gone || s->admission != REJECTED)) {
                plan_remove(s, now, plan);
                return;
        }
        if (p->deleting && !s->gone && !s->delete_in_flight && due(plan, s->delete_retry_at, now))
                add(plan, ACTION_DELETE, 0);
}

/* ---- a pod that shall run
 * ---------------------------------------------------------------------------------------- */

/*
 * True when the pod may begin: there is every image, or it is known that one cannot be had yet, or it takes its time.
 * That is its own container's matter, and the others begin without it; at first they wait, so that most pods are one
 * WRITE. Those of ephemeral containers are not among them.
 */
static bool plan_images(const struct pod *p, const struct pod_state *s, uint64_t now, struct plan *plan)
{
        bool all = true, any = false;

        for (size_t i = 0; i < s->n_containers; i++) {
                const struct container_state *c = &s->containers[i];
                const struct container *spec = &p->containers[i];

                any |= c->image_present && !spec->ephemeral;
                if (c->image_present || c->mark || spec->refused.code ||
                    (spec->ephemeral && !container_is_wanted(c, spec)))
                        continue;
                all = all && (spec->ephemeral || c->pull_failure.code);
                if (!c->pulling && !container_pull_is_final(c) && due(plan, c->pull_at, now))
                        add(plan, ACTION_PULL, i);
        }
        return all || s->written || (any && due(plan, s->start_time + IMAGES_TOGETHER, now));
}

static bool plan_volumes(const struct pod *p, const struct pod_state *s, uint64_t now, struct plan *plan)
{
        bool all = true;

        for (size_t i = 0; i < s->n_volumes; i++) {
                const struct volume_state *v = &s->volumes[i];

                if (volume_is_nowhere(&p->volumes[i])) {
                        all = false;
                        (void)due(plan, v->retry_at, now);
                }
                if (p->volumes[i].kind != VOLUME_FILES)
                        continue;
                if (v->wanted && !v->in_flight && due(plan, v->retry_at, now))
                        add(plan, ACTION_FILL, i);
                all = all && v->filled;
        }
        return all;
}

static void plan_container(const struct pod *p, const struct pod_state *s, size_t i, uint64_t now, struct plan *plan)
{
        const struct container_state *c = &s->containers[i];

        if (c->requested || !c->mark || c->env_failure.code)
                return;
        if (c->phase == CONTAINER_WAITING && (c->unit.phase == UNIT_ABSENT || c->unit.phase == UNIT_INACTIVE)) {
                if (due(plan, c->retry_at, now))
                        add(plan, ACTION_START, i);
        } else if (container_is_to_follow(c)) {
                if (due(plan, c->retry_at, now))
                        add(plan, ACTION_RESTART, i);
        } else if (container_restarts(c, &p->containers[i]) && c->unit.phase != UNIT_DEACTIVATING) {
                if (due(plan, c->restart_at > c->retry_at ? c->restart_at : c->retry_at, now))
                        add(plan, ACTION_RESTART, i);
        }
}

/* Its start has to wait for what its environment refers to: that is said, and systemd does not bring it back with what
 * it had meanwhile. */
static void plan_unresolved(const struct pod *p, const struct pod_state *s, size_t i, uint64_t now, struct plan *plan)
{
        const struct container_state *c = &s->containers[i];

        if (container_is_unresolved(p, s, i, now) && !c->env_told)
                add(plan, ACTION_TELL_UNRESOLVED, i);
        if (c->unit.phase == UNIT_HOLDOFF && !c->requested && !c->stop_sent && due(plan, c->stop_retry_at, now))
                add(plan, ACTION_END, i);
        if (c->phase == CONTAINER_TERMINATED && container_restarts(c, &p->containers[i]))
                (void)due(plan, c->restart_at, now);
}

/* The container's image was changed, or its values were: its unit alone is ended and cleared away, to make room for a
 * new one. */
static void plan_replace(const struct pod *p, const struct pod_state *s, size_t i, uint64_t now, struct plan *plan)
{
        const struct container_state *c = &s->containers[i];

        bool runs = unit_has_processes(c->unit.phase), by_signal = runs && pod_grace_is_long(p, p->grace_s);
        bool asked = by_signal ? c->term_sent : c->stop_sent;

        if (runs && !plan_pre_stop(p, s, i, now, plan))
                return;
        if (runs || is_held(c) || c->requested) {
                if (!asked && due(plan, c->stop_retry_at, now))
                        add(plan, by_signal ? ACTION_TERM : ACTION_END, i);
                else if (asked && !c->kill_sent && due(plan, kills_at(p, s, i), now))
                        add(plan, ACTION_END_KILL, i);
        } else if (!c->clear_in_flight && due(plan, c->clear_retry_at, now)) {
                add(plan, ACTION_CLEAR, i);
        }
}

/*
 * A startup or a liveness probe has failed, or the hook after the start has: the unit alone is ended, and restartPolicy
 * starts it again. Where the probe gives more time than the unit's own stop timeout has (the pod's grace), it is
 * signalled and not stopped, as plan_each() does it.
 */
static void plan_unhealthy(const struct pod *p, const struct pod_state *s, size_t i, uint64_t now, struct plan *plan)
{
        const struct container_state *c = &s->containers[i];
        bool by_signal = pod_grace_is_long(p, container_grace_s(c, &p->containers[i], p));

        if (!plan_pre_stop(p, s, i, now, plan))
                return;
        if (!(by_signal ? c->term_sent : c->stop_sent)) {
                if (due(plan, c->stop_retry_at, now))
                        add(plan, by_signal ? ACTION_TERM : ACTION_END, i);
        } else if (!c->kill_sent && due(plan, kills_at(p, s, i), now)) {
                add(plan, ACTION_END_KILL, i);
        }
}

static void plan_post_start(const struct pod *p, const struct pod_state *s, size_t i, struct plan *plan)
{
        const struct container_state *c = &s->containers[i];

        if (p->containers[i].hooks[HOOK_POST_START] && c->hooks[HOOK_POST_START] == HOOK_TO_COME &&
            c->phase == CONTAINER_RUNNING && c->unit.phase == UNIT_ACTIVE)
                add(plan, ACTION_POST_START, i);
}

/* Has it no unit, and is there all that one is made of? */
static bool lacks_unit(const struct pod *p, const struct pod_state *s, size_t i)
{
        const struct container_state *c = &s->containers[i];

        return !c->mark && c->image_present && !c->env_failure.code && !p->containers[i].refused.code;
}

/* The first WRITE has all units of the pod, but for those that cannot be had yet: their images are not there, they
 * refer to what does not exist. Later ones have the units that are missing, as soon as there is what they wait for. */
static void plan_write(const struct pod *p, const struct pod_state *s, bool images, bool volumes, uint64_t now,
                       struct plan *plan)
{
        bool missing = false, pending = false;

        if (s->write_singly)
                return;
        for (size_t i = 0; i < s->n_containers; i++) {
                const struct container_state *c = &s->containers[i];

                if (p->containers[i].ephemeral)
                        continue;
                missing |= lacks_unit(p, s, i);
                pending |= c->env_failure.code && !*c->env_failure.reason;
        }
        if (missing && ((images && !pending) || s->written) && volumes && !s->write_in_flight &&
            due(plan, s->write_retry_at, now))
                add(plan, ACTION_WRITE, 0);
}

/* Each ephemeral container is written by itself, one at a time and not beside a WRITE of the others. It waits for none
 * of them: an init container that hangs is just what somebody wants to look into. So is each of the others where all
 * together were refused. */
static void plan_add(const struct pod *p, const struct pod_state *s, bool volumes, uint64_t now, struct plan *plan)
{
        if (s->write_in_flight || !volumes)
                return;
        for (size_t i = 0; i < plan->n_actions; i++)
                if (plan->actions[i].kind == ACTION_WRITE)
                        return;
        for (size_t i = 0; i < p->n_containers; i++) {
                const struct container *spec = &p->containers[i];
                const struct container_state *c = &s->containers[i];
                bool wanted = spec->ephemeral ? s->written && container_is_wanted(c, spec) : s->write_singly;

                if (!wanted || !lacks_unit(p, s, i) || !due(plan, c->retry_at, now))
                        continue;
                add(plan, ACTION_ADD, i);
                return;
        }
}

/* All units make room, the sidecars' last. Whatever is to be written waits until there is none. */
static void plan_restart_all(const struct pod *p, const struct pod_state *s, uint64_t now, struct plan *plan)
{
        for (size_t i = 0; i < s->n_containers; i++)
                if (!p->containers[i].ephemeral && s->containers[i].mark && !waits_for_others(p, s, i))
                        plan_replace(p, s, i, now, plan);
}

/* Before any container of the pod starts with what it has now: what lies around it has room then. */
static void plan_resize(const struct pod_state *s, uint64_t now, struct plan *plan)
{
        if (s->resize && s->resize->send && !s->resize->in_flight && s->written && !s->write_in_flight &&
            due(plan, s->resize->retry_at, now))
                add(plan, ACTION_RESIZE, 0);
}

static void plan_run(const struct pod *p, const struct pod_state *s, uint64_t now, struct plan *plan)
{
        bool images = plan_images(p, s, now, plan), volumes = plan_volumes(p, s, now, plan);
        bool init_blocks;
        size_t init, reason;

        plan_resize(s, now, plan);
        if (s->restarting_all && (s->write_in_flight || pod_has_old_units(p, s))) {
                plan_restart_all(p, s, now, plan);
                return;
        }
        if (!s->restarting_all && pod_restarts_all(p, s, &reason)) {
                if (due(plan, s->containers[reason].restart_at, now))
                        add(plan, ACTION_BEGIN_ANEW, reason);
                return;
        }
        plan_write(p, s, images, volumes, now, plan);
        plan_add(p, s, volumes, now, plan);
        init = pod_first_blocking_init(p, s);
        init_blocks = init < p->n_containers && p->containers[init].init;
        for (size_t i = 0; i < p->n_containers; i++) {
                const struct container *c = &p->containers[i];

                if (c->ephemeral ? !container_is_wanted(&s->containers[i], c) : i > init && init_blocks)
                        continue; /* nothing starts behind an init container that is not over */
                if (container_is_replaced(&s->containers[i], c) || container_is_stale(&s->containers[i], c))
                        plan_replace(p, s, i, now, plan);
                else if (container_is_unhealthy(&s->containers[i]))
                        plan_unhealthy(p, s, i, now, plan);
                else if (*s->containers[i].env_failure.reason)
                        plan_unresolved(p, s, i, now, plan);
                else
                        plan_container(p, s, i, now, plan);
                if (!container_is_replaced(&s->containers[i], c))
                        plan_post_start(p, s, i, plan);
        }
}

void plan_pod(const struct pod *p, const struct pod_state *s, uint64_t now, struct plan *ret)
{
        *ret = (struct plan){ 0 };
        if (s->blocked || s->deleted)
                return;
        if (p->deleting || s->gone || p->terminal || pod_is_finished(p, s)) {
                plan_end(p, s, now, ret);
                return;
        }
        if (s->admission != ADMITTED)
                return;
        if (s->evicted) {
                plan_end(p, s, now, ret);
                return;
        }
        if (p->active_deadline_s >= 0) {
                if (due(ret, s->start_time + (uint64_t)p->active_deadline_s * USEC_PER_SEC, now) ||
                    s->deadline_exceeded) {
                        plan_end(p, s, now, ret);
                        return;
                }
        }
        if (!p->refused.code)
                plan_run(p, s, now, ret);
}

static const char *const names[ACTION_KINDS] = {
        [ACTION_PULL] = "pull",
        [ACTION_FILL] = "fill",
        [ACTION_WRITE] = "write",
        [ACTION_START] = "start",
        [ACTION_RESTART] = "restart",
        [ACTION_STOP] = "stop",
        [ACTION_KILL] = "kill",
        [ACTION_REMOVE] = "remove",
        [ACTION_DELETE] = "delete",
        [ACTION_TERM] = "term",
        [ACTION_END] = "end",
        [ACTION_END_KILL] = "end-kill",
        [ACTION_CLEAR] = "clear",
        [ACTION_TELL_UNRESOLVED] = "unresolved",
        [ACTION_ADD] = "add",
        [ACTION_BEGIN_END] = "begin-end",
        [ACTION_BEGIN_ANEW] = "begin-anew",
        [ACTION_RESIZE] = "resize",
        [ACTION_POST_START] = "post-start",
        [ACTION_PRE_STOP] = "pre-stop",
};

const char *action_name(enum action_kind kind)
{
        return names[kind];
}

void action_describe(const struct action *a, const struct pod *p, char *ret, size_t size)
{
        const char *what = "";

        if (a->kind == ACTION_PULL)
                what = p->containers[a->index].image;
        else if (a->kind != ACTION_FILL && a->kind != ACTION_WRITE && a->kind != ACTION_STOP &&
                 a->kind != ACTION_KILL && a->kind != ACTION_REMOVE && a->kind != ACTION_DELETE &&
                 a->kind != ACTION_BEGIN_END && a->kind != ACTION_RESIZE)
                what = p->containers[a->index].unit;
        else if (a->kind == ACTION_FILL)
                what = p->volumes[a->index].name;
        snprintf(ret, size, "%s/%s: %s%s%s", p->id.namespace, p->id.name, names[a->kind], *what ? " " : "", what);
}
