/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/stats/evictor.h"

#include "agent/lib/retry.h"
#include "agent/pods/shown.h"
#include "agent/stats/storage.h"
#include "common/log.h"
#include "common/mem.h"

enum {
        LOOK_USEC = 10 * 1000 * 1000,  /* the kubelet's, too */
        URGENT_USEC = 1000 * 1000,     /* while the machine is short of something */
        LEAVE_USEC = 30 * 1000 * 1000, /* how long the next one waits for the end of the last (podCleanupTimeout) */
        SWEEP_USEC = 10 * 1000 * 1000,
        SWEEP_SHARE = 20, /* of what it takes: a second is followed by twenty without */
        SWEEP_MOST_USEC = 300 * 1000 * 1000,
        SWEEP_AT_ONCE = 32,
        GRACE_S = 1, /* of whom no soft threshold ends (immediateEvictionGracePeriodSeconds) */
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

/* The machine is short of something: what each pod has of it is being asked, and one pod will go. */
struct relief {
        struct pressure_need need;
        enum eviction_resource resource; /* that is needed */
        struct sample_wait *sample;
        struct disk_question *question;
        char evicted[ID_UID_MAX + 1]; /* the last that had to go; "": nobody, or all of him has gone */
        uint64_t evicted_at;          /* monotonic */
        bool told_uncounted, told_nobody;
};

struct evictor {
        struct evictor_parts parts;
        struct node *node; /* NULL: not known yet */
        sd_event_source *timer;
        struct sweep sweep;
        struct relief relief;
        uint64_t by_limit[STORAGE_LIMITS], by_signal[EVICTION_SIGNALS]; /* pods that had to go */
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
        enum storage_limit limit;

        if (!p)
                return;
        storage_used_init(&used, p);
        if (!storage_count(&used, p, u))
                v->sweep.incomplete = true; /* what is known of it counts */
        message = eviction_by_storage(p, &used, &limit);
        if (message && pods_evict(v->parts.pods, uid, message, GRACE_S))
                v->by_limit[limit]++;
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

/* ---- pressure ---------------------------------------------------------------------------------------------------- */

static enum eviction_resource resource_of(enum eviction_signal signal, const struct facts *f)
{
        static const enum eviction_resource resources[EVICTION_SIGNALS] = {
                [SIGNAL_MEMORY] = EVICTION_MEMORY,         [SIGNAL_NODEFS] = EVICTION_STORAGE,
                [SIGNAL_NODEFS_INODES] = EVICTION_INODES,  [SIGNAL_IMAGEFS] = EVICTION_STORAGE,
                [SIGNAL_IMAGEFS_INODES] = EVICTION_INODES, [SIGNAL_PIDS] = EVICTION_PIDS,
        };

        return signal == SIGNAL_MEMORY && f->pods_full ? EVICTION_MEMORY_FILES : resources[signal];
}

/* A pod that would make room; NULL: it is spared, or ends already. */
static const struct pod *evictable_pod(struct evictor *v, const char *uid)
{
        const struct pod_state *s;
        const struct pod *p;

        return pods_look(v->parts.pods, uid, &p, &s) && s->written && !s->evicted && !s->gone && !p->deleting &&
                               !p->terminal && !pod_is_critical(p)
                       ? p
                       : NULL;
}

/* The first of them who can go goes. `containers_of` fills what each container of the pod uses, or says that it is not
 * known. */
static void evict_one(struct evictor *v, struct eviction_candidate *list, size_t n,
                      bool (*containers_of)(const void *facts, const struct pod *p, uint64_t *ret), const void *facts)
{
        struct relief *r = &v->relief;

        eviction_rank(r->resource, list, n);
        for (size_t i = 0; i < n; i++) {
                const struct pod *p = list[i].pod;
                CLEANUP(freep) uint64_t *containers = xcalloc(p->n_containers + 1, sizeof(*containers));
                bool known = containers_of && containers_of(facts, p, containers);
                CLEANUP(freep)
                char *message = eviction_by_shortage(r->resource, r->need.threshold, r->need.available, p,
                                                     known ? containers : NULL);
                struct pod_id id = p->id;

                if (!pods_evict(v->parts.pods, id.uid, message, r->need.hard ? GRACE_S : v->parts.config->max_grace_s))
                        continue;
                memcpy(r->evicted, id.uid, sizeof(r->evicted));
                r->evicted_at = monotonic(v);
                r->told_nobody = false;
                v->by_signal[r->need.signal]++;
                return;
        }
        if (!r->told_nobody)
                log_warning("the node is short of %s, and there is no pod that could be evicted",
                            eviction_signal_names[r->need.signal]);
        r->told_nobody = true;
}

/* NULL: it has no processes at the moment. */
static const struct sampled_pod *sampled_of(const struct sample *s, const char *uid)
{
        for (size_t i = 0; i < s->n_pods; i++)
                if (streq(s->pods[i].id.uid, uid))
                        return &s->pods[i];
        return NULL;
}

/* What the pods' cgroups say; `facts` is a sample. */
static bool memory_of_containers(const void *facts, const struct pod *p, uint64_t *ret)
{
        const struct sampled_pod *sampled = sampled_of(facts, p->id.uid);

        for (size_t k = 0; sampled && k < sampled->n_containers; k++)
                for (size_t c = 0; c < p->n_containers; c++)
                        if (streq(p->containers[c].name, sampled->containers[k].name))
                                (void)usage_working_set(&sampled->containers[k].usage, &ret[c]);
        return true;
}

static bool use_of(const struct sampled_pod *p, bool memory, uint64_t *ret)
{
        return memory ? usage_working_set(&p->usage, ret) : usage_get(&p->usage, USAGE_PIDS, ret);
}

/* All pods may go: one between two runs uses nothing, but has its files in memory still. */
static void got_sample(void *userdata, struct sample *sample)
{
        struct evictor *v = userdata;
        CLEANUP(sample_unrefp) struct sample *s = sample;
        CLEANUP(strv_freep) char **uids = shown_uids(v->parts.pods);
        CLEANUP(freep) struct eviction_candidate *list = NULL;
        bool memory = v->relief.need.signal == SIGNAL_MEMORY, counted = false;
        size_t n = 0;

        v->relief.sample = NULL;
        for (size_t i = 0; i < s->n_pods; i++)
                counted |= use_of(&s->pods[i], memory, &(uint64_t){ 0 });
        for (char **uid = uids; uid && *uid; uid++) {
                const struct sampled_pod *sampled = sampled_of(s, *uid);
                struct eviction_candidate c = { .pod = evictable_pod(v, *uid) };

                if (!c.pod)
                        continue;
                c.known = sampled ? use_of(sampled, memory, &c.used) : counted;
                list = xrealloc(list, n + 1, sizeof(*list));
                list[n++] = c;
        }
        if (n && !counted && !v->relief.told_uncounted) {
                log_warning("the kernel does not count what pods use here: who is evicted for %s goes by priority and "
                            "class alone",
                            eviction_signal_names[v->relief.need.signal]);
                v->relief.told_uncounted = true;
        }
        evict_one(v, list, n, memory && counted ? memory_of_containers : NULL, s);
}

/* What pods' files take; `facts` is the answer. */
static bool storage_of_containers(const void *facts, const struct pod *p, uint64_t *ret)
{
        CLEANUP(storage_used_done) struct storage_used used = { 0 };

        storage_used_init(&used, p);
        (void)storage_count(&used, p, facts);
        memcpy(ret, used.containers, p->n_containers * sizeof(*ret));
        return true;
}

static void got_usages(void *userdata, const struct disk_usages *u, const struct err *err)
{
        struct evictor *v = userdata;
        CLEANUP(strv_freep) char **uids = shown_uids(v->parts.pods);
        CLEANUP(freep) struct eviction_candidate *list = NULL;
        size_t n = 0;

        v->relief.question = NULL;
        if (err)
                log_warning("%s", err->text);
        for (char **uid = uids; uid && *uid; uid++) {
                CLEANUP(storage_used_done) struct storage_used used = { 0 };
                const struct pod *p = evictable_pod(v, *uid);

                if (!p)
                        continue;
                storage_used_init(&used, p);
                list = xrealloc(list, n + 1, sizeof(*list));
                list[n].pod = p;
                list[n].known = storage_count(&used, p, u);
                list[n++].used = v->relief.resource == EVICTION_MEMORY_FILES ? used.in_memory : used.total;
        }
        evict_one(v, list, n, v->relief.need.signal == SIGNAL_NODEFS ? storage_of_containers : NULL, u);
}

static void ask_for_usages(struct evictor *v)
{
        CLEANUP(strv_freep) char **uids = shown_uids(v->parts.pods), **dirs = NULL;
        struct err e = ERR_NONE;
        size_t n = 0;

        for (char **uid = uids; uid && *uid; uid++) {
                const struct pod *p = evictable_pod(v, *uid);
                if (p)
                        storage_dirs(p, &dirs, &n);
        }
        if (!dirs) {
                evict_one(v, NULL, 0, NULL, NULL);
                return;
        }
        v->relief.question = disk_usage_ask(v->parts.event, v->parts.usage_socket, dirs, got_usages, v, &e);
        if (!v->relief.question)
                log_warning("%s", e.text);
}

static void got_remains(void *userdata, const struct disk_usages *u, const struct err *err)
{
        struct evictor *v = userdata;
        struct relief *r = &v->relief;

        r->question = NULL;
        if (err || !storage_has_remains(u, r->evicted))
                *r->evicted = '\0';
}

/* Nobody can be asked: what is left of him is taken to be nothing. */
static void ask_for_remains(struct evictor *v)
{
        struct relief *r = &v->relief;
        CLEANUP(strv_freep) char **dirs = NULL;
        size_t n = 0;

        storage_remains_dirs(&dirs, &n);
        r->question = disk_usage_ask(v->parts.event, v->parts.usage_socket, dirs, got_remains, v, NULL);
        if (!r->question)
                *r->evicted = '\0';
}

/* Has the last one who had to go not left yet, or are his files still being removed, as they are behind the answer that
 * he is gone (helper/trash.c)? What he leaves may be enough: nobody else goes before it has been counted. */
static bool is_leaving(struct evictor *v)
{
        struct relief *r = &v->relief;
        const struct pod_state *s;
        const struct pod *p;

        if (!*r->evicted)
                return false;
        if (monotonic(v) >= r->evicted_at + LEAVE_USEC)
                *r->evicted = '\0';
        else if (!pods_look(v->parts.pods, r->evicted, &p, &s) || s->removed)
                ask_for_remains(v);
        return true; /* and what there is now was measured before */
}

/* True when the machine is short of something. */
static bool look_at_pressure(struct evictor *v)
{
        const struct node_pressure *p = node_look_at_pressure(v->node);
        const struct node_conditions conditions = { p->memory > 0, p->disk > 0, p->pid > 0 };
        struct relief *r = &v->relief;
        struct pressure_need need;

        pods_set_conditions(v->parts.pods, &conditions);
        if (!node_pressure_needs(p, v->parts.config, v->parts.facts, &need)) {
                r->told_nobody = false;
                return false;
        }
        if (r->sample || r->question || is_leaving(v))
                return true;
        r->need = need;
        r->resource = resource_of(need.signal, v->parts.facts);
        if (r->resource == EVICTION_MEMORY || r->resource == EVICTION_PIDS)
                r->sample = sample_take(v->parts.sampler, need.signal == SIGNAL_MEMORY ? USAGE_BASIC : USAGE_WHOLE,
                                        got_sample, v);
        else
                ask_for_usages(v);
        return true;
}

/* ---- the whole --------------------------------------------------------------------------------------------------- */

static int look(UNUSED sd_event_source *source, UNUSED uint64_t usec, void *userdata)
{
        struct evictor *v = userdata;
        bool urgent = v->node && look_at_pressure(v);

        timer_arm(v->parts.event, &v->timer, CLOCK_MONOTONIC, urgent ? URGENT_USEC : LOOK_USEC, look, v);
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

void evictor_begin(struct evictor *v, struct node *node)
{
        v->node = node;
        timer_arm(v->parts.event, &v->timer, CLOCK_MONOTONIC, 0, look, v);
}

void evictor_counts(const struct evictor *v, struct eviction_count ret[static EVICTION_COUNTS])
{
        for (size_t i = 0; i < EVICTION_SIGNALS; i++)
                *ret++ = (struct eviction_count){ eviction_signal_names[i], v->by_signal[i] };
        for (size_t i = 0; i < STORAGE_LIMITS; i++)
                *ret++ = (struct eviction_count){ storage_limit_names[i], v->by_limit[i] };
}

struct evictor *evictor_free(struct evictor *v)
{
        if (!v)
                return NULL;
        sample_cancel(v->relief.sample);
        disk_usage_cancel(v->relief.question);
        disk_usage_cancel(v->sweep.question);
        strv_free(v->sweep.uids);
        sd_event_source_disable_unref(v->timer);
        free(v);
        return NULL;
}
