/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/stats/evictor.h"

#include "agent/lib/retry.h"
#include "agent/pods/shown.h"
#include "agent/stats/storage.h"
#include "common/log.h"
#include "common/mem.h"

enum {
        LOOK_USEC = 10 * 1000 * 1000, /* the kubelet's, too */
        SWEEP_USEC = 10 * 1000 * 1000,
        SWEEP_SHARE = 100, /* of what it takes: a second is followed by a hundred without */
        SWEEP_MOST_USEC = 300 * 1000 * 1000,
        SWEEP_AT_ONCE = 32,
        GRACE_S = 1, /* of a pod that is beyond its own limits (immediateEvictionGracePeriodSeconds) */
};

/* Pods with limits, one question after the other. */
struct sweep {
        char **uids; /* NULL: none is under way */
        size_t next;
        size_t asked; /* how many of them, before `next`, the present question is about */
        struct disk_question *question;
        uint64_t began, due; /* monotonic */
        bool alone;          /* each has a question of its own, since one of them may have been answered for all */
        bool incomplete;
        bool trouble; /* was logged */
};

struct evictor {
        struct evictor_parts parts;
        sd_event_source *timer;
        struct sweep sweep;
};

static uint64_t monotonic(const struct evictor *v)
{
        uint64_t now = 0;

        (void)sd_event_now(v->parts.event, CLOCK_MONOTONIC, &now);
        return now;
}

/* ---- limits of storage ------------------------------------------------------------------------------------------- */

static void ask(struct evictor *v);

static const struct pod *limited_pod(struct evictor *v, const char *uid)
{
        const struct pod_state *s;
        const struct pod *p;

        return pods_look(v->parts.pods, uid, &p, &s) && s->written && !s->evicted && !p->deleting && !p->terminal &&
                               eviction_has_storage_limits(p)
                       ? p
                       : NULL;
}

static void end_sweep(struct evictor *v)
{
        struct sweep *w = &v->sweep;
        uint64_t now = monotonic(v), took = (now - w->began) * SWEEP_SHARE;

        w->uids = strv_free(w->uids);
        w->due = now + (took < SWEEP_USEC ? SWEEP_USEC : took > SWEEP_MOST_USEC ? SWEEP_MOST_USEC : took);
        w->alone = w->incomplete;
}

static void judge(struct evictor *v, const char *uid, const struct disk_usages *u)
{
        CLEANUP(storage_used_done) struct storage_used used = { 0 };
        const struct pod *p = limited_pod(v, uid);
        CLEANUP(freep) char *message = NULL;

        if (!p)
                return;
        storage_used_init(&used, p);
        if (!storage_count(&used, p, u))
                v->sweep.incomplete = true; /* what is known of it counts */
        message = eviction_by_storage(p, &used);
        if (message)
                (void)pods_evict(v->parts.pods, uid, message, GRACE_S);
}

static void answered(void *userdata, const struct disk_usages *u, const struct err *err)
{
        struct evictor *v = userdata;
        struct sweep *w = &v->sweep;

        w->question = NULL;
        if (err && !w->trouble)
                log_warning("limits of storage: %s", err->text);
        w->trouble = err != NULL;
        for (size_t i = w->next - w->asked; i < w->next; i++)
                judge(v, w->uids[i], u);
        ask(v);
}

static void ask(struct evictor *v)
{
        struct sweep *w = &v->sweep;
        size_t at_once = w->alone ? 1 : SWEEP_AT_ONCE, n = 0;
        CLEANUP(strv_freep) char **dirs = NULL;
        struct err e = ERR_NONE;

        for (w->asked = 0; w->uids[w->next] && w->asked < at_once; w->next++) {
                const struct pod *p = limited_pod(v, w->uids[w->next]);
                if (p)
                        storage_dirs(p, &dirs, &n);
                w->asked++;
        }
        if (dirs)
                w->question = disk_usage_ask(v->parts.event, v->parts.usage_socket, dirs, answered, v, &e);
        if (dirs && !w->question && !w->trouble)
                log_warning("limits of storage: %s", e.text);
        w->trouble |= dirs && !w->question;
        if (!w->question)
                end_sweep(v);
}

static void begin_sweep(struct evictor *v)
{
        struct sweep *w = &v->sweep;
        CLEANUP(strv_freep) char **all = shown_uids(v->parts.pods);
        size_t n = 0;

        for (char **uid = all; uid && *uid; uid++)
                if (limited_pod(v, *uid))
                        strv_push(&w->uids, &n, xstrdup(*uid));
        if (!w->uids)
                return;
        w->next = 0;
        w->incomplete = false;
        w->began = monotonic(v);
        ask(v);
}

/* ---- the whole --------------------------------------------------------------------------------------------------- */

static int look(UNUSED sd_event_source *source, UNUSED uint64_t usec, void *userdata)
{
        struct evictor *v = userdata;

        timer_arm(v->parts.event, &v->timer, CLOCK_MONOTONIC, LOOK_USEC, look, v);
        if (!v->sweep.uids && monotonic(v) >= v->sweep.due)
                begin_sweep(v);
        return 0;
}

struct evictor *evictor_new(const struct evictor_parts *parts)
{
        struct evictor *v = NEW(struct evictor);

        v->parts = *parts;
        timer_arm(parts->event, &v->timer, CLOCK_MONOTONIC, LOOK_USEC, look, v);
        return v;
}

struct evictor *evictor_free(struct evictor *v)
{
        if (!v)
                return NULL;
        disk_usage_cancel(v->sweep.question);
        strv_free(v->sweep.uids);
        sd_event_source_disable_unref(v->timer);
        free(v);
        return NULL;
}
