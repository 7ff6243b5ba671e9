/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pod/pod_state.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>

#include "agent/lib/json.h"
#include "agent/lib/times.h"
#include "agent/pod/shutdown.h"
#include "common/mem.h"

/* ---- runs that are over ------------------------------------------------------------------------------------------ */

void termination_say(struct termination *t, const char *text)
{
        char *all;

        if (!text || !*text)
                return;
        all = t->message ? xasprintf("%s: %s", t->message, text) : xstrdup(text);
        free(t->message);
        t->message = all;
}

static void termination_done(struct termination *t)
{
        free(t->message);
        *t = (struct termination){ 0 };
}

/* The run that was `from` is `to` now. */
static void termination_move(struct termination *to, struct termination *from)
{
        free(to->message);
        *to = *from;
        *from = (struct termination){ 0 };
}

struct pod_state *pod_state_new(const struct pod *p, uint64_t now)
{
        struct pod_state *s = NEW(struct pod_state);

        s->seen = s->start_time = now;
        s->n_containers = p->n_containers;
        s->n_volumes = p->n_volumes;
        s->containers = xcalloc(p->n_containers, sizeof(*s->containers));
        s->volumes = xcalloc(p->n_volumes, sizeof(*s->volumes));
        return s;
}

void pod_state_grow(struct pod_state *s, const struct pod *p)
{
        if (p->n_containers <= s->n_containers)
                return;
        s->containers = xrealloc(s->containers, p->n_containers, sizeof(*s->containers));
        memset(s->containers + s->n_containers, 0, (p->n_containers - s->n_containers) * sizeof(*s->containers));
        s->n_containers = p->n_containers;
}

static void resize_free(struct resize *r)
{
        if (!r)
                return;
        free(r->why);
        free(r->error);
        cJSON_Delete(r->actual);
        free(r);
}

struct pod_state *pod_state_free(struct pod_state *s)
{
        if (!s)
                return NULL;
        for (size_t i = 0; i < s->n_containers; i++) {
                termination_done(&s->containers[i].now);
                termination_done(&s->containers[i].last);
                cJSON_Delete(s->containers[i].actual);
                err_forget(&s->containers[i].failure);
                err_forget(&s->containers[i].env_failure);
                err_forget(&s->containers[i].pull_failure);
        }
        for (size_t i = 0; i < s->n_volumes; i++)
                err_forget(&s->volumes[i].failure);
        for (size_t i = 0; i < CONDITION_TYPES; i++)
                free(s->conditions[i].message);
        err_forget(&s->write_failure);
        resize_free(s->resize);
        free(s->containers);
        free(s->volumes);
        free(s->unfit);
        free(s->evicted);
        free(s);
        return NULL;
}

void pod_state_judge(struct pod_state *s, enum admission admission, const struct err *why, uint64_t now)
{
        if (s->admission != ADMITTED && admission == ADMITTED)
                s->start_time = now;
        s->admission = admission;
        free(s->unfit);
        s->unfit = why ? xmemdup(why, sizeof(*why)) : NULL;
}

void pod_state_evict(struct pod_state *s, const char *message, int64_t grace_s, uint64_t now)
{
        struct condition *c = &s->conditions[CONDITION_DISRUPTION];

        if (s->evicted)
                return;
        s->evicted = xstrdup(message);
        s->evicted_grace_s = grace_s;
        if (s->stop_at && s->kill_at > now + (uint64_t)grace_s * USEC_PER_SEC)
                s->kill_at = now + (uint64_t)grace_s * USEC_PER_SEC;
        free(c->message);
        *c = (struct condition){ .known = true, .is_true = true, .since = now, .reason = EVICTED_BY_THIS_NODE };
}

void pod_state_shut_down(struct pod_state *s, int64_t grace_s, uint64_t now)
{
        if (s->evicted)
                return;
        pod_state_evict(s, SHUTDOWN_MESSAGE, grace_s, now);
        s->shut_down = true;
}

int64_t pod_grace_s(const struct pod *p, const struct pod_state *s)
{
        int64_t grace = p->deleting ? p->deletion_grace_s : p->grace_s;

        return s->evicted && s->evicted_grace_s < grace ? s->evicted_grace_s : grace;
}

enum { GRACE_OF_A_JOB_S = 60 };

bool pod_grace_is_long(const struct pod *p, int64_t grace_s)
{
        return grace_s > p->grace_s || grace_s > GRACE_OF_A_JOB_S;
}

/* ---- taking over what the API server remembers ------------------------------------------------------------------- */

static const char *invocation_of(const char *container_id)
{
        return container_id && starts_with(container_id, "systemd://") ? container_id + strlen("systemd://") : "";
}

static uint64_t when(const cJSON *o, const char *key)
{
        const char *s = json_str(o, key);
        uint64_t t;

        return s && time_parse_rfc3339(s, &t) == 0 ? t : 0;
}

static void adopt_termination(struct termination *t, const cJSON *state)
{
        const cJSON *o = json_get(state, "terminated");
        const char *reason = json_str(o, "reason"), *message = json_str(o, "message");

        if (!o)
                return;
        t->valid = true;
        t->exit_code = (int)json_int(o, "exitCode", 0);
        t->signal = (int)json_int(o, "signal", 0);
        t->started = when(o, "startedAt");
        t->ended = when(o, "finishedAt");
        snprintf(t->reason, sizeof(t->reason), "%s", reason ? reason : "");
        termination_say(t, message);
        snprintf(t->invocation, sizeof(t->invocation), "%s", invocation_of(json_str(o, "containerID")));
}

/* Its newest run is the one that is told as its last. */
static bool is_between_runs(const struct container_state *c)
{
        return c->last.valid && *c->invocation && streq(c->last.invocation, c->invocation);
}

/*
 * A restart of the agent is no amnesty: what crashes goes on waiting as long as it was told to, and longer the next
 * time. The kubelet forgets its back-offs when it is restarted; but here that is an upgrade of a package, on all nodes
 * at the same time, which is no moment for everything that crashes to be started at once.
 */
static void adopt_backoff(struct container_state *c, const cJSON *state, uint64_t now)
{
        const cJSON *waiting = json_get(state, "waiting");
        uint64_t delay = 0;

        if (c->phase == CONTAINER_WAITING) {
                if (!streq(json_str(waiting, "reason"), "CrashLoopBackOff") || !is_between_runs(c))
                        return;
                delay = backoff_told(waiting);
                termination_move(&c->now, &c->last);
                c->phase = CONTAINER_TERMINATED;
                if (c->now.ended > now) /* the clock was set back: a machine without one of its own has rebooted */
                        c->now.ended = now;
                c->restart_at = c->now.ended + delay;
        } else if (c->phase == CONTAINER_RUNNING) {
                if (!c->restarts || !c->last.valid)
                        return;
                delay = backoff_between(c->last.ended, c->started, c->restarts);
        }
        c->backoff = backoff_after(delay);
}

static void adopt_container(struct container_state *c, const cJSON *status, uint64_t now)
{
        const cJSON *state = json_get(status, "state");

        c->restarts = (uint32_t)json_int(status, "restartCount", 0);
        snprintf(c->invocation, sizeof(c->invocation), "%s", invocation_of(json_str(status, "containerID")));
        adopt_termination(&c->last, json_get(status, "lastState"));
        adopt_termination(&c->now, state);
        if (c->now.valid)
                c->phase = CONTAINER_TERMINATED;
        c->startup_passed = json_bool(status, "started", false);
        if (c->startup_passed) /* a hook that was still under way is run again */
                c->hooks[HOOK_POST_START] = HOOK_OVER;
        c->was_active = c->readiness_passed = json_bool(status, "ready", false);
        c->started = when(json_get(state, "running"), "startedAt");
        if (json_get(state, "running"))
                c->phase = CONTAINER_RUNNING; /* until the unit says otherwise */
        adopt_backoff(c, state, now);
}

const char *const condition_names[CONDITION_TYPES] = {
        [CONDITION_READY_TO_START] = "PodReadyToStartContainers",
        [CONDITION_INITIALIZED] = "Initialized",
        [CONDITION_READY] = "Ready",
        [CONDITION_CONTAINERS_READY] = "ContainersReady",
        [CONDITION_SCHEDULED] = "PodScheduled",
        [CONDITION_ALL_RESTARTING] = "AllContainersRestarting",
        [CONDITION_DISRUPTION] = "DisruptionTarget",
};

/* Nothing else tells that a pod which is over has never begun here. */
static void adopt_rejection(struct pod_state *s, const struct pod *p, const cJSON *status)
{
        const char *reason = json_str(status, "reason"), *message = json_str(status, "message");
        struct err why = ERR_NONE;

        if (!p->failed || !reason || !message || !starts_with(message, REJECTED_PREFIX) ||
            json_len(json_get(status, "containerStatuses")) > 0)
                return;
        err_set(&why, -EPERM, reason, "%s", message + strlen(REJECTED_PREFIX));
        pod_state_judge(s, REJECTED, &why, s->start_time);
}

/* An agent that comes back ends what the one before has begun to evict. Of the grace no more is known. */
static void adopt_eviction(struct pod_state *s, const cJSON *status, const cJSON *condition)
{
        const char *message = json_str(status, "message");

        if (streq(json_str(condition, "reason"), EVICTED_BY_THIS_NODE) && streq(json_str(status, "reason"), EVICTED))
                pod_state_evict(s, message ? message : "", 0, when(condition, "lastTransitionTime"));
}

void pod_state_adopt(struct pod_state *s, const struct pod *p, const cJSON *status)
{
        static const char *const lists[] = { "initContainerStatuses", "containerStatuses",
                                             "ephemeralContainerStatuses" };
        const cJSON *item;
        uint64_t start = when(status, "startTime");

        if (start)
                s->start_time = start;
        adopt_rejection(s, p, status);
        for (size_t l = 0; l < ARRAY_LEN(lists); l++)
                cJSON_ArrayForEach (item, json_get(status, lists[l]))
                        for (size_t i = 0; i < p->n_containers; i++)
                                if (p->containers[i].init == (l == 0) && p->containers[i].ephemeral == (l == 2) &&
                                    streq(p->containers[i].name, json_str(item, "name")))
                                        adopt_container(&s->containers[i], item, s->seen);
        cJSON_ArrayForEach (item, json_get(status, "conditions"))
                for (size_t i = 0; i < CONDITION_TYPES; i++)
                        if (i == CONDITION_DISRUPTION && streq(json_str(item, "type"), condition_names[i])) {
                                adopt_eviction(s, status, item);
                        } else if (streq(json_str(item, "type"), condition_names[i])) {
                                s->conditions[i].known = true;
                                s->conditions[i].is_true = streq(json_str(item, "status"), "True");
                                s->conditions[i].since = when(item, "lastTransitionTime");
                        }
        s->restarting_all = s->conditions[CONDITION_ALL_RESTARTING].is_true;
}

void pod_state_recall(struct pod_state *s, const struct pod *p, const cJSON *status)
{
        static const char *const lists[] = { "initContainerStatuses", "containerStatuses" };
        uint64_t start = when(status, "startTime");
        const cJSON *item;

        if (start && start < s->start_time)
                s->start_time = start;
        for (size_t l = 0; l < ARRAY_LEN(lists); l++)
                cJSON_ArrayForEach (item, json_get(status, lists[l]))
                        for (size_t i = 0; i < p->n_containers; i++) {
                                struct container_state *c = &s->containers[i];
                                int64_t restarts = json_int(item, "restartCount", 0);

                                if (p->containers[i].init != (l == 0) ||
                                    !streq(p->containers[i].name, json_str(item, "name")))
                                        continue;
                                if (restarts > c->restarts && restarts <= UINT32_MAX)
                                        c->restarts = (uint32_t)restarts;
                                if (!c->last.valid)
                                        adopt_termination(&c->last, json_get(item, "lastState"));
                        }
}

/* ---- what a unit's state means ----------------------------------------------------------------------------------- */

/* `asked`: it was told to end. That it took longer than its grace is nothing to tell: so does whatever ignores SIGTERM.
 */
static void terminate(struct container_state *c, const struct unit_state *u, bool asked, uint64_t now)
{
        struct termination *t = &c->now;
        bool oom = streq(u->result, "oom-kill");

        termination_done(t);
        *t = (struct termination){ .valid = true, .started = c->started, .ended = u->ended ? u->ended : now };
        snprintf(t->invocation, sizeof(t->invocation), "%s", c->invocation);
        if (u->main_code == CLD_EXITED) {
                t->exit_code = u->main_status;
        } else if (u->main_code == CLD_KILLED || u->main_code == CLD_DUMPED) {
                t->signal = u->main_status;
                t->exit_code = 128 + u->main_status;
        } else {
                /* No main process has ended: it was never started (a condition, an ExecStartPre= that failed), or
                 * systemd lost sight of it. Then the unit's result tells failure from success. */
                t->exit_code = streq(u->result, "success") ? 0 : 128;
        }
        if (*u->spawn_error) {
                t->message = xasprintf("systemd could not start the process: %s", u->spawn_error);
                snprintf(t->reason, sizeof(t->reason), "StartError");
                t->exit_code = 128;
        } else if ((streq(u->result, "timeout") && !asked) || streq(u->result, "watchdog") ||
                   streq(u->result, "protocol") || streq(u->result, "resources") ||
                   streq(u->result, "exec-condition") || streq(u->result, "start-limit-hit")) {
                t->message = xasprintf("systemd says: Result=%s", u->result);
        }
        if (!*t->reason)
                snprintf(t->reason, sizeof(t->reason), "%s", oom ? "OOMKilled" : t->exit_code ? "Error" : "Completed");
        c->phase = CONTAINER_TERMINATED;
}

/* A run that was known is over, and the agent did not see how it ended: after a reboot, since the agent did not run, or
 * since the unit was cleared away before its end was heard of. */
static void terminate_unseen(struct termination *t, const struct container_state *c, uint64_t now)
{
        termination_done(t);
        *t = (struct termination){ .valid = true, .exit_code = 137, .started = c->started, .ended = now };
        snprintf(t->reason, sizeof(t->reason), "ContainerStatusUnknown");
        t->message = xstrdup("the unit is gone: the node was restarted, or somebody else removed it");
        snprintf(t->invocation, sizeof(t->invocation), "%s", c->invocation);
}

static void new_run(struct container_state *c, const struct unit_state *u, uint64_t now)
{
        if (*c->invocation) {
                if (c->now.valid)
                        termination_move(&c->last, &c->now);
                else if (!c->last.valid || !streq(c->last.invocation, c->invocation))
                        terminate_unseen(&c->last, c, now);
                /* While we were away systemd may have restarted it more than once. */
                c->restarts += u->restarts > c->unit_restarts ? u->restarts - c->unit_restarts : 1;
        }
        memcpy(c->invocation, u->invocation, sizeof(c->invocation));
        c->unit_restarts = u->restarts;
        termination_done(&c->now);
        c->started = 0;
        c->phase = CONTAINER_WAITING;
        err_forget(&c->failure);
        c->start_failures = 0;
        c->env_told = false;
        c->start_untold = true;
        c->was_active = c->startup_passed = c->readiness_passed = c->unhealthy = false;
        c->hooks[HOOK_POST_START] = c->hooks[HOOK_PRE_STOP] = HOOK_TO_COME;
        c->signal_at = 0;
        c->term_sent = c->kill_sent = false; /* they were for the run before, which systemd brought back meanwhile */
        if (!c->stop_sent) /* otherwise it began before the unit could be stopped, and ends for another image all the
                              same */
                c->replacing = false;
}

static void schedule_restart(struct container_state *c)
{
        uint64_t ran = c->now.ended > c->now.started ? c->now.ended - c->now.started : 0;

        if ((c->now.started && ran >= BACKOFF_RESET) || c->replacing)
                c->backoff = 0;
        c->restart_at = c->now.ended + c->backoff;
        c->backoff = backoff_after(c->backoff);
}

/* If a unit's conditions are not met at a start, that is no failure for systemd: the job ends as "done", and the unit
 * stays as it was. */
static void give_up_start(struct container_state *c, uint64_t now)
{
        if (c->unmet_at == c->unit.unmet_at || !c->unit.unmet_at || !c->requested)
                return;
        c->unmet_at = c->unit.unmet_at;
        c->requested = false;
        c->retry_at = now + backoff_next(&c->start_failures, BACKOFF_FIRST);
        err_keep_set(&c->failure, -EAGAIN, "RunContainerError",
                     "a condition of its unit is not met, so systemd skipped it");
}

void container_observe(struct container_state *c, const struct unit_state *u, const struct pod_state *s, uint64_t now)
{
        bool was_over = c->phase == CONTAINER_TERMINATED || is_between_runs(c); /* its unit tells that end again */
        bool asked = s->stop_at || c->stop_sent || c->term_sent;

        if (*u->invocation && !streq(u->invocation, c->invocation))
                new_run(c, u, now), was_over = false;
        else
                c->unit_restarts = u->restarts; /* those before a run that is counted were counted with it */
        c->unit = *u;
        if (u->started)
                c->started = u->started;
        if (!unit_has_processes(u->phase))
                give_up_start(c, now);
        switch (u->phase) {
        case UNIT_ACTIVATING:
                if (u->main_pid && !was_over)
                        c->phase = CONTAINER_RUNNING;
                break;
        case UNIT_ACTIVE:
                c->phase = CONTAINER_RUNNING;
                c->was_active = true;
                c->requested = false;
                break;
        case UNIT_DEACTIVATING:
                break;
        case UNIT_ABSENT:
        case UNIT_INACTIVE:
                if (c->phase == CONTAINER_RUNNING || (c->phase == CONTAINER_WAITING && u->main_code && !was_over)) {
                        if (*u->invocation || u->main_code) {
                                terminate(c, u, asked, now);
                        } else {
                                terminate_unseen(&c->now, c, now);
                                c->phase = CONTAINER_TERMINATED;
                        }
                        schedule_restart(c);
                        c->requested = false; /* a oneshot can end without ever having been "active" */
                }
                break;
        case UNIT_EXITED:
        case UNIT_FAILED:
        case UNIT_HOLDOFF:
                if (c->phase == CONTAINER_WAITING && u->phase != UNIT_EXITED && !u->main_code &&
                    streq(u->result, "success"))
                        break; /* a new run has its id already, while its unit is still called what the old one left */
                if (!was_over) { /* and not the same end once more, on the unit's way out of its holdoff */
                        terminate(c, u, asked, now);
                        schedule_restart(c);
                        c->requested = false;
                }
                break;
        }
}

bool container_start_is_news(struct container_state *c)
{
        const struct unit_state *u = &c->unit;
        bool was = c->start_untold;

        if (c->phase == CONTAINER_RUNNING)
                c->start_untold &=
                        !(u->phase == UNIT_ACTIVE || u->executed || (u->phase == UNIT_DEACTIVATING && !u->main_code));
        else if (c->phase == CONTAINER_TERMINATED && u->main_code)
                c->start_untold &= streq(c->now.reason, "StartError");
        return was && !c->start_untold;
}

bool container_is_replaced(const struct container_state *c, const struct container *spec)
{
        if (!c->mark || (c->mark == spec->mark && !c->resize_restarts))
                return false;
        if (c->replacing || c->phase == CONTAINER_WAITING)
                return true;
        if (c->phase == CONTAINER_TERMINATED)
                return container_restarts(c, spec);
        return !spec->init || spec->sidecar;
}

bool container_is_stale(const struct container_state *c, const struct container *spec)
{
        if (c->mark != spec->mark || c->env_failure.code || c->values == c->values_written || c->requested ||
            unit_has_processes(c->unit.phase))
                return false;
        return c->phase == CONTAINER_WAITING || container_restarts(c, spec);
}

void container_refresh(struct container_state *c)
{
        c->mark = 0;
        c->values_written = 0;
        c->term_sent = c->stop_sent = c->kill_sent = false;
        c->stop_failures = c->clear_failures = c->start_failures = 0;
        c->kill_at = c->stop_retry_at = c->clear_retry_at = c->retry_at = 0;
        c->requested = false;
        c->unit = (struct unit_state){ .phase = UNIT_ABSENT };
        c->unit_restarts = 0;
        c->unmet_at = 0;
}

bool container_is_unresolved(const struct pod *p, const struct pod_state *s, size_t i, uint64_t now)
{
        const struct container_state *c = &s->containers[i];
        size_t init = pod_first_blocking_init(p, s);

        if (!*c->env_failure.reason || c->requested || unit_has_processes(c->unit.phase) ||
            !(c->image_present || c->mark))
                return false;
        for (size_t k = 0; k < s->n_volumes; k++) /* these come first */
                if (volume_is_nowhere(&p->volumes[k]) || (p->volumes[k].kind == VOLUME_FILES && !s->volumes[k].filled))
                        return false;
        if (init < i && p->containers[init].init)
                return false;
        return c->phase == CONTAINER_WAITING || (container_restarts(c, &p->containers[i]) && c->restart_at <= now);
}

void container_renew(struct container_state *c)
{
        struct container_state next = {
                .restarts = c->restarts,
                .mark_sent = c->mark_sent,
                .values = c->values,
                .values_sent = c->values_sent,
                .env_failure = c->env_failure,
                .env_told = c->env_told,
        };

        if (c->phase == CONTAINER_RUNNING && !c->now.valid) /* the last that is known of it is its start */
                terminate_unseen(&c->now, c, c->started);
        termination_move(&next.last, c->now.valid ? &c->now : &c->last);
        termination_done(&c->now);
        termination_done(&c->last);
        memcpy(next.invocation, c->invocation, sizeof(next.invocation));
        cJSON_Delete(c->actual);
        err_forget(&c->failure);
        err_forget(&c->pull_failure);
        *c = next;
}

void container_request_start(struct container_state *c)
{
        c->requested = true;
        err_forget(&c->failure);
        c->term_sent = c->stop_sent = c->kill_sent = false;
}

void container_forget_write(struct pod_state *s, size_t i)
{
        struct container_state *c = &s->containers[i];

        err_forget(&s->write_failure);
        s->write_retry_at = 0;
        s->write_failures = 0;
        err_forget(&c->failure);
        c->retry_at = 0;
        c->start_failures = 0;
}

void container_forget_image(struct container_state *c)
{
        c->image_present = c->told_present = c->pulling = false;
        c->pull_backoff = c->pull_at = 0;
        err_forget(&c->pull_failure);
}

bool container_pull_is_final(const struct container_state *c)
{
        static const char *const reasons[] = { "ErrImageNeverPull", "InvalidImageName", "CreateContainerConfigError" };

        for (size_t i = 0; i < ARRAY_LEN(reasons); i++)
                if (streq(c->pull_failure.reason, reasons[i]))
                        return true;
        return false;
}

bool container_is_up(const struct container_state *c)
{
        return c->phase == CONTAINER_RUNNING && (c->unit.phase == UNIT_ACTIVE || (c->unit.phase == UNIT_DEACTIVATING &&
                                                                                  c->was_active && !c->unit.main_code));
}

bool container_has_started(const struct container_state *c, const struct container *spec)
{
        return c->phase == CONTAINER_RUNNING && (!spec->probes[PROBE_STARTUP] || c->startup_passed) &&
               (!spec->hooks[HOOK_POST_START] || c->hooks[HOOK_POST_START] == HOOK_OVER);
}

static bool change(bool *b, bool to)
{
        bool news = *b != to;

        *b = to;
        return news;
}

bool container_probed(struct container_state *c, enum probe_type type, bool good)
{
        bool news = false;

        if (type == PROBE_READINESS)
                return change(&c->readiness_passed, good);
        if (type == PROBE_STARTUP)
                news = change(&c->startup_passed, good);
        if (good || c->unhealthy)
                return news;
        c->unhealthy = true;
        c->failed_probe = type;
        return true;
}

bool container_is_unhealthy(const struct container_state *c)
{
        return (c->unhealthy || c->hooks[HOOK_POST_START] == HOOK_FAILED) && unit_has_processes(c->unit.phase);
}

int64_t container_grace_s(const struct container_state *c, const struct container *spec, const struct pod *p)
{
        const struct probe *probe = c->unhealthy && !c->replacing ? spec->probes[c->failed_probe] : NULL;

        return probe && probe->grace_s >= 0 ? probe->grace_s : p->grace_s;
}

bool container_is_to_follow(const struct container_state *c)
{
        return c->phase == CONTAINER_WAITING && is_between_runs(c) && !unit_has_processes(c->unit.phase);
}

const struct termination *container_latest_end(const struct container_state *c)
{
        if (c->phase == CONTAINER_TERMINATED)
                return &c->now;
        return c->phase == CONTAINER_WAITING && is_between_runs(c) ? &c->last : NULL;
}

bool container_restarts(const struct container_state *c, const struct container *spec)
{
        enum restart_policy policy = spec->restarts.policy;
        enum restart_verdict rule = restarts_by_rule(&spec->restarts, c->now.exit_code);
        bool failed = c->now.exit_code != 0;

        if (c->phase != CONTAINER_TERMINATED)
                return false;
        if (c->replacing)
                return true;
        if (spec->ephemeral)
                return false;
        if (c->unhealthy && policy != RESTART_POLICY_NEVER) /* it was ended, whatever its exit code says */
                return true;
        if (spec->init && !spec->sidecar) /* must succeed once; Never means that the first failure is the pod's */
                return rule == RESTART_ALL || (failed && (rule == RESTART_IT || policy != RESTART_POLICY_NEVER));
        return rule != RESTART_NOT || policy == RESTART_POLICY_ALWAYS ||
               (policy == RESTART_POLICY_ON_FAILURE && failed);
}

bool pod_restarts_all(const struct pod *p, const struct pod_state *s, size_t *ret)
{
        for (size_t i = 0; i < s->n_containers; i++) {
                const struct container_state *c = &s->containers[i];

                *ret = i;
                if (!p->containers[i].ephemeral && c->phase == CONTAINER_TERMINATED && !c->replacing &&
                    restarts_by_rule(&p->containers[i].restarts, c->now.exit_code) == RESTART_ALL)
                        return true;
        }
        return false;
}

void pod_begin_restart_all(struct pod_state *s, const struct pod *p, uint64_t now)
{
        s->restarting_all = true;
        for (size_t i = 0; i < s->n_containers; i++) {
                struct container_state *c = &s->containers[i];

                if (p->containers[i].ephemeral || !c->mark)
                        continue;
                c->replacing = true;
                c->kill_at = now + GRACE_LEAST; /* nobody's grace counts here, nor a hook (kuberuntime_manager.go) */
                c->hooks[HOOK_PRE_STOP] = HOOK_OVER;
        }
}

bool pod_has_old_units(const struct pod *p, const struct pod_state *s)
{
        for (size_t i = 0; i < s->n_containers; i++)
                if (!p->containers[i].ephemeral && s->containers[i].mark)
                        return true;
        return false;
}

void container_begin_anew(struct container_state *c, const struct container *spec)
{
        bool reason = restarts_by_rule(&spec->restarts, c->now.exit_code) == RESTART_ALL;
        uint64_t backoff = reason ? c->backoff : 0;

        container_renew(c);
        c->backoff = backoff;
}

bool container_has_failed(const struct container_state *c, const struct container *spec)
{
        return c->phase == CONTAINER_TERMINATED && c->now.exit_code != 0 && !container_restarts(c, spec);
}

bool container_backs_off(const struct container_state *c, const struct container *spec, const struct pod *p)
{
        return container_restarts(c, spec) && c->restart_at > c->now.ended && !p->deleting;
}

const struct termination *container_last_run(const struct container_state *c, const struct container *spec,
                                             const struct pod *p)
{
        bool waits = c->replacing || ((*c->env_failure.reason || c->unhealthy) && container_restarts(c, spec));

        return container_backs_off(c, spec, p) || (waits && c->now.valid) ? &c->now : &c->last;
}

static bool any_main_runs(const struct pod *p, const struct pod_state *s)
{
        for (size_t i = 0; i < p->n_containers; i++)
                if (!p->containers[i].init && !p->containers[i].ephemeral &&
                    unit_has_processes(s->containers[i].unit.phase))
                        return true;
        return false;
}

size_t pod_first_blocking_init(const struct pod *p, const struct pod_state *s)
{
        bool begun = any_main_runs(p, s);
        size_t i;

        for (i = 0; i < p->n_containers && p->containers[i].init; i++) {
                const struct container_state *c = &s->containers[i];
                bool over = p->containers[i].sidecar
                                    ? c->unit.phase == UNIT_ACTIVE && container_has_started(c, &p->containers[i])
                                    : c->phase == CONTAINER_TERMINATED && c->now.exit_code == 0;
                if (!over)
                        break;
        }
        while (begun && i < p->n_containers && p->containers[i].init)
                i++;
        return i;
}

bool container_is_wanted(const struct container_state *c, const struct container *spec)
{
        return !spec->refused.code && (c->phase != CONTAINER_TERMINATED || c->replacing);
}

bool pod_has_processes(const struct pod_state *s)
{
        for (size_t i = 0; i < s->n_containers; i++)
                if (unit_has_processes(s->containers[i].unit.phase))
                        return true;
        return false;
}

bool pod_is_finished(const struct pod *p, const struct pod_state *s)
{
        if (s->admission == REJECTED || ((s->deadline_exceeded || s->evicted) && !pod_has_processes(s)))
                return true;
        if (s->restarting_all)
                return false;
        for (size_t i = 0; i < p->n_containers; i++) {
                const struct container *spec = &p->containers[i];
                const struct container_state *c = &s->containers[i];
                if (spec->init && container_has_failed(c, spec))
                        return true;
                if (spec->init || spec->ephemeral)
                        continue;
                if (c->phase != CONTAINER_TERMINATED || container_restarts(c, spec))
                        return false;
        }
        return p->n_containers > 0;
}
