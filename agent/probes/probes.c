/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/probes/probes.h"

#include <stdarg.h>
#include <stdio.h>
#include <uthash.h>

#include "agent/client/http_get.h"
#include "agent/lib/retry.h"
#include "agent/lib/times.h"
#include "agent/pod/probe_state.h"
#include "agent/probes/attempt.h"
#include "agent/probes/due_heap.h"
#include "common/log.h"
#include "common/mem.h"

enum {
        TRIES_MAX = 3,             /* of one probe, while the container cannot be asked; the kubelet's number */
        ROOM_USEC = 50 * 1000,     /* who finds too many under way looks again after this */
        ACCURACY_USEC = 10 * 1000, /* probes of about the same time share a wake-up */
        TURN_MAX = 32,             /* begun in one turn of the loop, so that others get theirs */
};

/* One probe of one container of a pod that is here. */
struct worker {
        struct due due; /* when it is due; not in the heap while an attempt is under way, nor when nothing is probed */
        struct watched *pod;
        size_t container;
        enum probe_type type;
        struct probe_state state;
        char invocation[33]; /* the run that is probed; "": none */
        struct attempt *attempt;
        bool is_exec; /* of the attempt */
        unsigned tries;
        uint64_t good, bad; /* results so far */
};

struct watched {
        struct probes *all;
        char uid[ID_UID_MAX + 1];
        struct worker *workers;
        size_t n_workers;
        UT_hash_handle hh;
};

struct probes {
        sd_event *event;
        struct pods *pods;
        struct attempt_means means;
        char *ip;
        struct watched *watched; /* by uid */
        struct due_heap heap;
        sd_event_source *timer;
        uint64_t since; /* of the wall clock: what has run longer was probed by an earlier life of the agent */
        unsigned under_way, execs_under_way;
};

static uint64_t now_usec(const struct probes *all)
{
        uint64_t now = 0;

        sd_event_now(all->event, CLOCK_MONOTONIC, &now);
        return now;
}

/* ---- the timer --------------------------------------------------------------------------------------------------- */

static int on_due(sd_event_source *source, uint64_t usec, void *userdata);

static void set_timer(struct probes *all)
{
        const struct due *d = due_first(&all->heap);
        int r;

        if (!d) {
                if (all->timer)
                        sd_event_source_set_enabled(all->timer, SD_EVENT_OFF);
                return;
        }
        if (!all->timer) {
                r = sd_event_add_time(all->event, &all->timer, CLOCK_MONOTONIC, d->at, ACCURACY_USEC, on_due, all);
        } else {
                r = sd_event_source_set_time(all->timer, d->at);
                if (r >= 0)
                        r = sd_event_source_set_enabled(all->timer, SD_EVENT_ONESHOT);
        }
        if (r < 0)
                log_warning("probes cannot be timed: %s", strerrordesc_np(-r));
}

/* ---- a worker ---------------------------------------------------------------------------------------------------- */

static void give_up_attempt(struct worker *w)
{
        struct probes *all = w->pod->all;

        if (!w->attempt)
                return;
        w->attempt = attempt_cancel(w->attempt);
        all->under_way--;
        all->execs_under_way -= w->is_exec;
}

/* Nothing is probed until the next run, or until it may be probed again. */
static void rest(struct worker *w)
{
        give_up_attempt(w);
        due_remove(&w->pod->all->heap, &w->due);
        w->invocation[0] = '\0';
}

static void tell(struct worker *w, const char *reason, const char *fmt, ...) PRINTF(3, 4);
static void tell(struct worker *w, const char *reason, const char *fmt, ...)
{
        CLEANUP(freep) char *text = NULL;
        va_list ap;

        va_start(ap, fmt);
        if (vasprintf(&text, fmt, ap) < 0)
                text = NULL;
        va_end(ap);
        pods_tell(w->pod->all->pods, w->pod->uid, w->container, true, reason, text ? text : "");
}

static void wait_for_next(struct worker *w)
{
        w->tries = 0;
        due_set(&w->pod->all->heap, &w->due, w->state.due);
}

/* It counts for nothing. */
static void no_result(struct worker *w, const struct probe *p, const char *why)
{
        tell(w, "Unhealthy", "%s probe errored and resulted in unknown state: %s", probe_words[w->type], why);
        probe_skip(&w->state, p, now_usec(w->pod->all));
        wait_for_next(w);
}

static void take_result(struct worker *w, const struct probe *p, enum attempt_result result, const char *text)
{
        bool good = result != ATTEMPT_BAD;
        enum probe_verdict verdict;

        w->good += good;
        w->bad += !good;
        if (result == ATTEMPT_WARNED)
                tell(w, "ProbeWarning", "%s probe warning: %s", probe_words[w->type], text);
        else if (!good)
                tell(w, "Unhealthy", "%s probe failed: %s", probe_words[w->type], text);
        verdict = probe_take(&w->state, p, w->type, good, now_usec(w->pod->all));
        if (!w->state.on_hold)
                wait_for_next(w);
        if (verdict != PROBE_NO_NEWS)
                pods_probed(w->pod->all->pods, w->pod->uid, w->container, w->invocation, w->type, good);
}

static void begin_attempt(struct worker *w);

static const struct probe *probe_of(const struct worker *w, struct pods_container *ret)
{
        if (!pods_container_at(w->pod->all->pods, w->pod->uid, w->container, ret))
                return NULL;
        return ret->container->probes[w->type];
}

static void on_attempted(void *userdata, enum attempt_result result, const char *text)
{
        struct worker *w = userdata;
        struct probes *all = w->pod->all;
        struct pods_container where;
        const struct probe *p = probe_of(w, &where);

        w->attempt = NULL;
        all->under_way--;
        all->execs_under_way -= w->is_exec;
        if (!p)
                rest(w);
        else if (result != ATTEMPT_UNKNOWN)
                take_result(w, p, result, text);
        else if (w->tries < TRIES_MAX)
                begin_attempt(w);
        else
                no_result(w, p, text);
        set_timer(all);
}

static void begin_attempt(struct worker *w)
{
        struct probes *all = w->pod->all;
        struct pods_container where;
        const struct probe *p = probe_of(w, &where);

        if (!p) {
                rest(w);
                return;
        }
        if (p->wrong) {
                no_result(w, p, p->wrong);
                return;
        }
        w->is_exec = p->kind == PROBE_EXEC;
        if (all->under_way >= PROBES_AT_ONCE || (w->is_exec && all->execs_under_way >= PROBES_EXEC_AT_ONCE)) {
                due_set(&all->heap, &w->due, now_usec(all) + ROOM_USEC);
                return;
        }
        w->tries++;
        all->under_way++;
        all->execs_under_way += w->is_exec;
        w->attempt = attempt_start(&all->means, &where, p, on_attempted, w);
}

static int on_due(UNUSED sd_event_source *source, UNUSED uint64_t usec, void *userdata)
{
        struct probes *all = userdata;
        uint64_t now = now_usec(all);
        struct due *d;

        for (int i = 0; i < TURN_MAX && (d = due_first(&all->heap)) && d->at <= now; i++) {
                due_remove(&all->heap, d);
                begin_attempt(CONTAINER_OF(d, struct worker, due));
        }
        set_timer(all);
        return 0;
}

/* ---- pods -------------------------------------------------------------------------------------------------------- */

static bool has_probes(const struct pod *p)
{
        for (size_t i = 0; i < p->n_containers; i++)
                for (enum probe_type t = 0; t < PROBE_TYPES; t++)
                        if (p->containers[i].probes[t])
                                return true;
        return false;
}

static struct watched *find(const struct probes *all, const char *uid)
{
        struct watched *w;

        HASH_FIND_STR(all->watched, uid, w);
        return w;
}

/* Which probes a pod has never changes: only ephemeral containers are added to it, and those have none. */
static struct watched *watch(struct probes *all, const struct pod *p)
{
        struct watched *pod = NEW(struct watched);

        pod->all = all;
        snprintf(pod->uid, sizeof(pod->uid), "%s", p->id.uid);
        pod->workers = xcalloc(p->n_containers * PROBE_TYPES, sizeof(*pod->workers));
        for (size_t i = 0; i < p->n_containers; i++)
                for (enum probe_type t = 0; t < PROBE_TYPES; t++)
                        if (p->containers[i].probes[t])
                                pod->workers[pod->n_workers++] =
                                        (struct worker){ .pod = pod, .container = i, .type = t };
        HASH_ADD_STR(all->watched, uid, pod);
        return pod;
}

static void unwatch(struct watched *pod)
{
        HASH_DEL(pod->all->watched, pod);
        for (size_t i = 0; i < pod->n_workers; i++)
                rest(&pod->workers[i]);
        free(pod->workers);
        free(pod);
}

/*
 * May container `i` be probed now? The startup probe comes before all others. Readiness is asked for until the end, as
 * a pod that ends may be out of service already or still serve; the other two would only end what ends anyway.
 */
static bool is_probed(const struct pod *p, const struct pod_state *s, size_t i, enum probe_type type)
{
        const struct container_state *c = &s->containers[i];
        const struct probe *probe = p->containers[i].probes[type];
        bool signalled = c->unit.phase == UNIT_DEACTIVATING;
        bool ends = p->deleting || s->stop_at || c->stop_sent || c->term_sent || signalled;

        if (!container_is_up(c) || !*c->invocation)
                return false;
        if (type != PROBE_READINESS && (ends || c->unhealthy))
                return false;
        if (signalled && probe->kind == PROBE_EXEC) /* no command begins beside it any more: the last result stays */
                return false;
        return container_has_started(c, &p->containers[i]) == (type != PROBE_STARTUP);
}

static void begin_run(struct worker *w, const struct probe *probe, const struct container_state *c)
{
        struct probes *all = w->pod->all;
        uint64_t wall = time_now(), age = wall > c->started ? wall - c->started : 0, spread = 0;

        rest(w);
        memcpy(w->invocation, c->invocation, sizeof(w->invocation));
        if (c->started < all->since)
                spread = probe_spread(probe) / 1000 * random_between(0, 1000);
        probe_begin(&w->state, probe, now_usec(all), age, spread);
        wait_for_next(w);
}

void probes_pod_seen(struct probes *all, const struct pod *p, const struct pod_state *s)
{
        struct watched *pod = find(all, p->id.uid);

        if (!pod && !has_probes(p))
                return;
        if (!pod)
                pod = watch(all, p);
        for (size_t i = 0; i < pod->n_workers; i++) {
                struct worker *w = &pod->workers[i];
                const struct container_state *c = &s->containers[w->container];
                const struct probe *probe = p->containers[w->container].probes[w->type];

                if (!probe || s->gone || !is_probed(p, s, w->container, w->type))
                        rest(w);
                else if (!streq(w->invocation, c->invocation))
                        begin_run(w, probe, c);
        }
        set_timer(all);
}

void probes_pod_forgotten(struct probes *all, const char *pod_uid)
{
        struct watched *pod = find(all, pod_uid);

        if (pod)
                unwatch(pod);
}

bool probes_results(const struct probes *all, const char *pod_uid, size_t index, enum probe_type type,
                    struct probes_results *ret)
{
        const struct watched *pod = find(all, pod_uid);

        for (size_t i = 0; pod && i < pod->n_workers; i++)
                if (pod->workers[i].container == index && pod->workers[i].type == type) {
                        *ret = (struct probes_results){ .good = pod->workers[i].good, .bad = pod->workers[i].bad };
                        return true;
                }
        return false;
}

/* ---- the whole --------------------------------------------------------------------------------------------------- */

struct probes *probes_new(sd_event *event, struct pods *pods, struct commands *commands, const char *ip)
{
        struct probes *all = NEW(struct probes);

        all->event = sd_event_ref(event);
        all->pods = pods;
        all->ip = xstrdup(ip ? ip : "");
        all->since = time_now();
        all->means = (struct attempt_means){ .http = http_get_client(event), .commands = commands, .ip = all->ip };
        return all;
}

struct probes *probes_free(struct probes *all)
{
        struct watched *pod, *next;

        if (!all)
                return NULL;
        HASH_ITER (hh, all->watched, pod, next)
                unwatch(pod);
        due_done(&all->heap);
        sd_event_source_disable_unref(all->timer);
        http_free(all->means.http);
        sd_event_unref(all->event);
        free(all->ip);
        free(all);
        return NULL;
}
