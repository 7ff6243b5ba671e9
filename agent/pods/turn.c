/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pods/turn.h"

#include <stdio.h>

#include "agent/lib/times.h"
#include "agent/pod/status.h"
#include "agent/pods/admission.h"
#include "agent/pods/executor.h"
#include "agent/pods/mirror.h"
#include "agent/pods/pod_event.h"
#include "agent/pods/pull.h"
#include "agent/pods/reporter.h"
#include "agent/pods/desired.h"
#include "agent/pods/resizing.h"
#include "agent/pods/resolve.h"
#include "agent/pods/static_pods.h"
#include "agent/pods/unit_news.h"
#include "common/log.h"
#include "common/mem.h"

/* Requests at the helper beyond which new pods wait. */
enum { BUSY = 100 };

static int on_timer(UNUSED sd_event_source *source, UNUSED uint64_t usec, void *userdata)
{
        pod_mark(userdata);
        return 0;
}

static void wake_at(struct pod_entry *e, uint64_t at, uint64_t now)
{
        uint64_t delay = at > now ? at - now : 0;

        if (!at) {
                if (e->timer)
                        sd_event_source_set_enabled(e->timer, SD_EVENT_OFF);
        } else if (!e->timer) {
                sd_event_add_time_relative(e->pods->parts.event, &e->timer, CLOCK_MONOTONIC, delay, 1000, on_timer, e);
        } else {
                sd_event_source_set_time_relative(e->timer, delay);
                sd_event_source_set_enabled(e->timer, SD_EVENT_ONESHOT);
        }
}

static void print_plan(struct pods *ps, const struct pod_entry *e, const struct plan *plan)
{
        const char *why = e->state->unfit ? e->state->unfit->text : kept_text(&e->pod->refused);
        char line[1024];

        for (size_t i = 0; i < e->pod->n_containers && !*why; i++)
                why = kept_text(&e->pod->containers[i].refused);
        for (size_t i = 0; i < plan->n_actions; i++) {
                action_describe(&plan->actions[i], e->pod, line, sizeof(line));
                fprintf(ps->parts.dry_run, "%s\n", line);
        }
        if (!plan->n_actions)
                fprintf(ps->parts.dry_run, "%s/%s: nothing to do%s%s\n", e->pod->id.namespace, e->pod->id.name,
                        *why ? ": " : "", why);
}

/* Nothing of the pod is left here: pods that waited for its package or its unit names go on. */
static void drop(struct pod_entry *e)
{
        struct pods *ps = e->pods;
        struct pod_id id = e->pod->id;

        pull_release(e);
        ps->statics_due |= e->of_file;
        pod_entry_drop(e);
        units_pass_on(ps, &id);
}

/* spec.activeDeadlineSeconds */
static void look_at_deadline(struct pod_entry *e, uint64_t now)
{
        int64_t limit = e->pod->active_deadline_s;

        if (limit < 0 || e->state->deadline_exceeded || pod_is_finished(e->pod, e->state) ||
            now < e->state->start_time + (uint64_t)limit * USEC_PER_SEC)
                return;
        e->state->deadline_exceeded = true;
        pod_event(e, NULL, false, "DeadlineExceeded", "Pod was active on the node longer than the specified deadline");
}

/* A pod that ran before the agent began was not waited for. */
static void count_start(struct pod_entry *e, uint64_t now)
{
        bool waited = true;

        if (e->start_told || !streq(status_phase(e->pod, e->state), "Running"))
                return;
        for (size_t i = 0; i < e->state->n_containers; i++)
                waited = waited &&
                         !(e->state->containers[i].started && e->state->containers[i].started < e->state->seen);
        if (waited)
                histogram_add(&e->pods->starts, now > e->state->seen ? now - e->state->seen : 0);
        e->start_told = true;
}

static void work(struct pod_entry *e)
{
        struct pods *ps = e->pods;
        uint64_t now = time_now(), wake;
        struct plan plan;
        bool run = !e->pod->deleting && !e->state->gone && !e->pod->terminal && e->state->admission == ADMITTED;

        if (run && !e->pod->refused.code)
                pull_look(e);
        if (run && e->content && resolve_is_due(e, now))
                resolve_content(e);
        if (run)
                look_at_deadline(e, now);
        e->state->status_current = false; /* what has marked the pod may be news: reporter_status() will know */
        resizing_look(e, now);
        plan_pod(e->pod, e->state, now, &plan);
        wake = plan.wake_at;
        if (ps->parts.dry_run) {
                print_plan(ps, e, &plan);
                return;
        }
        for (size_t i = 0; i < plan.n_actions; i++)
                if (plan.actions[i].kind == ACTION_PULL)
                        pull_begin(e, plan.actions[i].index);
        executor_run(e, &plan, now);
        count_start(e, now);
        if (ps->parts.pod_seen)
                ps->parts.pod_seen(ps->parts.userdata, e->pod, e->state);
        pull_release(e);
        reporter_status(e, now, &wake);
        if (e->state->gone && e->state->removed) {
                drop(e);
                return;
        }
        /* What waits until the API server knows how the pod is can be done now, if it knows. */
        if (plan.n_actions == 0 && e->state->status_current) {
                plan_pod(e->pod, e->state, now, &plan);
                if (plan.n_actions)
                        executor_run(e, &plan, now);
                if (plan.wake_at && (!wake || plan.wake_at < wake))
                        wake = plan.wake_at;
        }
        wake_at(e, wake, now);
}

static bool helper_is_busy(const struct pods *ps)
{
        return ps->parts.helper && helper_client_pending(ps->parts.helper) >= BUSY;
}

/*
 * Many new pods are taken in groups of about BUSY: while PID 1 starts one group, the helper writes the next. They are
 * not taken one by one, since PID 1 reads all unit directories again after each new file.
 */
static void work_or_hold(struct pod_entry *e)
{
        pod_unqueue(e);
        if (!e->pods->listed && !e->of_file && !e->state->gone) {
                pod_enqueue(&e->pods->marked, e); /* pods_list_synced() goes on */
                return;
        }
        e->begun |= !helper_is_busy(e->pods);
        if (e->begun)
                work(e);
        else
                pod_enqueue(&e->pods->held, e);
}

int turn(UNUSED sd_event_source *source, void *userdata)
{
        struct pods *ps = userdata;
        struct err err = ERR_NONE;
        struct pod_entry *e;
        size_t n;

        if (!ps->started)
                return 0;
        if (ps->marked && packages_refresh(ps->parts.packages, &err) < 0)
                log_warning("%s", err.text);
        admission_judge(ps);
        resizing_judge(ps, desired_grant);
        /* What is marked meanwhile waits for the next turn. */
        DL_COUNT(ps->marked, e, n);
        for (; n > 0 && ps->marked; n--)
                work_or_hold(ps->marked);
        while (ps->held && !helper_is_busy(ps))
                work_or_hold(ps->held);
        static_pods_look(ps);
        mirrors_look(ps);
        admission_judge(ps); /* what has ended in this turn has made room */
        resizing_judge(ps, desired_grant);
        return 0;
}
