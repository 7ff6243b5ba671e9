/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pods/pods.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "agent/machine/conditions.h"
#include "agent/lib/json.h"
#include "agent/pods/pod_entry.h"
#include "agent/pod/status.h"
#include "common/log.h"
#include "common/mem.h"

/* Which container a unit is. */
struct unit_link {
        char unit[ID_UNIT_MAX + 1];
        struct pod_entry *entry;
        size_t index;
        UT_hash_handle hh;
};

/* Units that were on disk when the agent started, until their pods are known. */
struct leftover {
        struct unit_meta meta;
        struct leftover *next;
};

/* Requests at the helper beyond which new pods wait. */
enum { BUSY = 100 };

struct pods {
        struct pods_parts parts;
        struct pod_entry *entries; /* by uid */
        struct unit_link *units;
        struct leftover *leftovers;
        struct pod_entry *marked;
        struct pod_entry *held; /* new ones that wait for the helper to have time: see on_work() */
        sd_event_source *work;
        bool started, listed;
};

const struct pods_parts *pods_parts(const struct pods *ps)
{
        return &ps->parts;
}

struct pod_entry *pods_first(const struct pods *ps)
{
        return ps->entries;
}

uint64_t pods_now_usec(void)
{
        struct timespec ts;

        clock_gettime(CLOCK_REALTIME, &ts);
        return (uint64_t)ts.tv_sec * USEC_PER_SEC + (uint64_t)ts.tv_nsec / 1000;
}

static void enqueue(struct pod_entry **queue, struct pod_entry *e)
{
        DL_APPEND(*queue, e);
        e->queue = queue;
}

static void unqueue(struct pod_entry *e)
{
        if (e->queue)
                DL_DELETE(*e->queue, e);
        e->queue = NULL;
}

static void go_on(struct pods *ps)
{
        sd_event_source_set_enabled(ps->work, SD_EVENT_ONESHOT);
}

void pods_mark(struct pod_entry *e)
{
        struct pods *ps = e->pods;

        if (e->queue || e->dropped)
                return;
        enqueue(&ps->marked, e);
        go_on(ps);
}

/* ---- entries ----------------------------------------------------------------------------------------------------- */

static struct pod_entry *find(const struct pods *ps, const char *uid)
{
        struct pod_entry *e;

        HASH_FIND_STR(ps->entries, uid, e);
        return e;
}

static void entry_free(struct pod_entry *e)
{
        for (size_t i = 0; i < e->pod->n_containers; i++)
                free(e->image_ids[i]);
        free(e->image_ids);
        free(e->images);
        content_free(e->content);
        pod_state_free(e->state);
        pod_free(e->pod);
        free(e);
}

static void unlink_units(struct pod_entry *e)
{
        for (size_t i = 0; i < e->pod->n_containers; i++) {
                struct unit_link *l;
                HASH_FIND_STR(e->pods->units, e->pod->containers[i].unit, l);
                if (!l || l->entry != e)
                        continue;
                HASH_DEL(e->pods->units, l);
                free(l);
        }
}

/* False when a unit of that name belongs to another pod that is not gone yet. */
static bool link_units(struct pod_entry *e)
{
        struct unit_link *l;

        for (size_t i = 0; i < e->pod->n_containers; i++) {
                HASH_FIND_STR(e->pods->units, e->pod->containers[i].unit, l);
                if (l && l->entry != e)
                        return false;
        }
        for (size_t i = 0; i < e->pod->n_containers; i++) {
                if (!*e->pod->containers[i].unit)
                        continue;
                l = NEW(struct unit_link);
                snprintf(l->unit, sizeof(l->unit), "%s", e->pod->containers[i].unit);
                l->entry = e;
                l->index = i;
                HASH_ADD_STR(e->pods->units, unit, l);
        }
        return true;
}

static void take_units(struct pod_entry *e);

void pods_drop(struct pod_entry *e)
{
        struct pods *ps = e->pods;
        struct pod_entry *other, *next;

        unqueue(e);
        HASH_DEL(ps->entries, e);
        unlink_units(e);
        e->timer = sd_event_source_disable_unref(e->timer);
        e->patch = api_cancel(e->patch);
        e->delete = api_cancel(e->delete);
        e->dropped = true;
        HASH_ITER (hh, ps->entries, other, next) {
                if (other->state->blocked && streq(other->pod->id.name, e->pod->id.name) &&
                    streq(other->pod->id.namespace, e->pod->id.namespace)) {
                        take_units(other);
                        pods_mark(other);
                }
        }
        pull_release(e);
        if (e->in_flight == 0)
                entry_free(e);
}

bool pod_entry_answered(struct pod_entry *e)
{
        e->in_flight--;
        if (e->pods->held)
                go_on(e->pods);
        if (!e->dropped)
                return true;
        if (e->in_flight == 0)
                entry_free(e);
        return false;
}

static struct pod_entry *entry_new(struct pods *ps, struct pod *p, uint64_t now)
{
        struct pod_entry *e = NEW(struct pod_entry);

        e->pods = ps;
        e->pod = p;
        e->state = pod_state_new(p, now);
        e->images = xcalloc(p->n_containers, sizeof(*e->images));
        e->image_ids = xcalloc(p->n_containers, sizeof(*e->image_ids));
        e->content_dirty = true;
        HASH_ADD_KEYPTR(hh, ps->entries, e->pod->id.uid, strlen(e->pod->id.uid), e);
        return e;
}

/* ---- units and containers ---------------------------------------------------------------------------------------- */

/* What a daemon fails for that is as vks has it, and not as its package: its own words will hardly say so. */
static void explain_failure(const struct pod_entry *e, size_t i, struct termination *t)
{
        const struct container *spec = &e->pod->containers[i];
        CLEANUP(buf_done) struct buf paths = BUF(100);

        if (!t->exit_code || *t->message || !*e->images[i].unit)
                return;
        if (!spec->has_user && fallback_user_of(spec->unit)) {
                snprintf(t->message, sizeof(t->message),
                         "it ran as " FALLBACK_USER ", but as its package has it %.70s runs as root: policy rule root "
                         "%s (see /etc/vks/policy.conf)",
                         e->images[i].unit,
                         spec->command || spec->args ? "is for a command line that the pod does not change"
                                                     : "allows that to nobody");
                return;
        }
        read_only_of(spec->unit, &paths);
        if (paths.len && buf_ok(&paths))
                snprintf(t->message, sizeof(t->message),
                         "its unit writes to %.100s, which for a pod is read-only, since it is the machine's: mount a "
                         "volume there",
                         paths.data);
}

static void tell_phase(struct pod_entry *e, size_t i, enum container_phase before, uint32_t restarts)
{
        const struct container *spec = &e->pod->containers[i];
        struct container_state *c = &e->state->containers[i];

        if (c->phase == CONTAINER_RUNNING && (before != CONTAINER_RUNNING || c->restarts != restarts))
                reporter_event(e, spec, false, "Started", "Started container %s", spec->name);
        if (c->phase == CONTAINER_TERMINATED && before != CONTAINER_TERMINATED) {
                explain_failure(e, i, &c->now);
                if (e->pods->parts.container_ended)
                        e->pods->parts.container_ended(e->pod->id.uid);
                if (container_backs_off(c, spec, e->pod))
                        reporter_event(e, spec, true, "BackOff",
                                       "Back-off restarting failed container %s in pod %s_%s(%s)", spec->name,
                                       e->pod->id.name, e->pod->id.namespace, e->pod->id.uid);
                if (*c->now.message)
                        reporter_event(e, spec, true, "Failed", "Error: %s", c->now.message);
        }
}

static void tell_unmet(struct pod_entry *e, size_t i)
{
        struct container_state *c = &e->state->containers[i];
        CLEANUP(buf_done) struct buf conditions = BUF(400);

        conditions_of(e->pod->containers[i].unit, &conditions);
        err_set(&c->failure, -EAGAIN, "RunContainerError",
                "systemd skips the unit, since not all of its conditions are met: %s",
                conditions.len ? conditions.data : "see systemctl cat");
        reporter_event(e, &e->pod->containers[i], true, "Failed", "Error: %s", c->failure.text);
}

static void observe(struct pod_entry *e, size_t i, const struct unit_state *u, bool silent)
{
        struct container_state *c = &e->state->containers[i];
        enum container_phase before = c->phase;
        uint64_t unmet_at = c->unmet_at;
        uint32_t restarts = c->restarts;

        container_observe(c, u, e->pod, pods_now_usec());
        if (c->unmet_at != unmet_at)
                tell_unmet(e, i);
        if (!silent)
                tell_phase(e, i, before, restarts);
        pods_mark(e);
}

/* The names are ours now: what do the units of these names do? */
static void take_units(struct pod_entry *e)
{
        struct pods *ps = e->pods;

        if (!link_units(e)) {
                e->state->blocked = true;
                return;
        }
        e->state->blocked = false;
        for (size_t i = 0; i < e->pod->n_containers; i++) {
                struct unit_state u = { .phase = UNIT_ABSENT };
                observed_state(ps->parts.observed, e->pod->containers[i].unit, &u);
                observe(e, i, &u, true);
        }
}

void pods_unit_changed(void *userdata, const char *unit, const struct unit_state *state)
{
        struct pods *ps = userdata;
        struct unit_link *l;

        if (ps->parts.installer && starts_with(unit, "vks-install-"))
                installer_unit_changed(ps->parts.installer, unit, state);
        HASH_FIND_STR(ps->units, unit, l);
        if (l)
                observe(l->entry, l->index, state, false);
}

void pods_units_synced(void *userdata)
{
        struct pods *ps = userdata;
        struct unit_link *l, *next;
        struct unit_state ended = { .phase = UNIT_INACTIVE, .ended = pods_now_usec() };
        const char *unit = ps->parts.installer ? installer_unit(ps->parts.installer) : "";

        if (*unit && !observed_state(ps->parts.observed, unit, &(struct unit_state){ 0 }))
                installer_unit_changed(ps->parts.installer, unit,
                                       &ended); /* it ended while nobody looked: the packages tell how */
        HASH_ITER (hh, ps->units, l, next) {
                struct unit_state u = { .phase = UNIT_ABSENT };
                if (!observed_state(ps->parts.observed, l->unit, &u) &&
                    l->entry->state->containers[l->index].unit.phase != UNIT_ABSENT)
                        observe(l->entry, l->index, &u, false);
        }
}

void pods_job_failed(void *userdata, const char *unit, const char *result)
{
        struct pods *ps = userdata;
        struct container_state *c;
        struct unit_link *l;

        HASH_FIND_STR(ps->units, unit, l);
        if (!l)
                return;
        c = &l->entry->state->containers[l->index];
        if (c->requested && !streq(result, "failed") &&
            !streq(result, "canceled")) { /* "failed" shows in the unit's own state */
                c->requested = false;
                err_set(&c->failure, -EIO, "RunContainerError", "systemd did not start %s: its job ended with \"%s\"",
                        unit, result);
                c->retry_at = pods_now_usec() + BACKOFF_FIRST;
                reporter_event(l->entry, &l->entry->pod->containers[l->index], true, "Failed", "Error: %s",
                               c->failure.text);
        } else if (streq(result, "canceled")) {
                c->requested = false;
        }
        pods_mark(l->entry);
}

/* ---- what a pod needs -------------------------------------------------------------------------------------------- */

/* Is there new content for a volume, and if there is none: why? */
static void resolve_content(struct pod_entry *e)
{
        struct pod_state *s = e->state;

        e->content_dirty = false;
        s->env_failure = ERR_NONE;
        for (size_t i = 0; i < e->pod->n_volumes; i++) {
                struct volume_state *v = &s->volumes[i];
                struct err err = ERR_NONE;
                Vks__Fill *fill;
                uint64_t hash;
                if (e->pod->volumes[i].kind != VOLUME_FILES)
                        continue;
                if (content_fill(e->content, e->pod, i, &e->pods->parts.node, &fill, &hash, &err) < 0) {
                        /* what was filled before stays: a deleted ConfigMap does not take files from a running pod */
                        if (*err.reason && !v->filled && !streq(err.text, v->failure.text))
                                reporter_event(e, NULL, true, "FailedMount",
                                               "MountVolume.SetUp failed for volume \"%s\" : %s",
                                               e->pod->volumes[i].name, err.text);
                        v->failure = err;
                        v->wanted = false;
                        continue;
                }
                content_fill_free(fill);
                v->failure = ERR_NONE;
                v->wanted = !v->filled || hash != v->hash;
        }
}

void pods_content_changed(void *userdata, enum object_kind kind, const char *namespace, const char *name)
{
        struct pods *ps = userdata;
        struct pod_entry *e, *next;

        HASH_ITER (hh, ps->entries, e, next) {
                if (e->content && content_refers(e->content, kind, namespace, name)) {
                        e->content_dirty = true;
                        pods_mark(e);
                }
        }
}

void pods_token_changed(void *userdata, const struct pod_id *pod)
{
        struct pod_entry *e = find(userdata, pod->uid);

        if (e) {
                e->content_dirty = true;
                pods_mark(e);
        }
}

/* ---- what the API server says ------------------------------------------------------------------------------------ */

static void check_leftovers(struct pod_entry *e)
{
        size_t n = 0;

        for (struct leftover *l = e->pods->leftovers; l; l = l->next)
                if (streq(l->meta.pod.uid, e->pod->id.uid))
                        n++;
        /* Its unit files are all there: it was written in an earlier life of the agent. */
        e->state->written = n > 0 && n >= e->pod->n_containers;
        for (size_t i = 0; e->state->written && i < e->pod->n_containers; i++)
                pull_take(e, i);
        for (size_t i = 0; e->state->written && i < e->pod->n_containers; i++)
                e->state->containers[i].image_present = true;
        e->told_present = e->state->written;
}

static void greet(struct pod_entry *e)
{
        const struct pod *p = e->pod;

        if (p->refused.code && !p->deleting && !p->terminal)
                reporter_event(e, p->refused_container, true,
                               streq(p->refused.reason, "InvalidImageName") ? "InspectFailed"
                               : *p->refused.reason                         ? p->refused.reason
                                                                            : "Failed",
                               "%s", p->refused.text);
        if (p->ignored && !p->deleting && !p->terminal && !e->state->written)
                reporter_event(e, NULL, true, "FieldsIgnored", "not supported yet and without effect: %s", p->ignored);
}

static void add_pod(struct pods *ps, struct pod *p, const cJSON *object)
{
        struct pod_entry *e = entry_new(ps, p, pods_now_usec());

        pod_state_adopt(e->state, p, json_get(object, "status"));
        if (!p->terminal && !ps->parts.dry_run)
                e->content = content_new(p, ps->parts.objects, ps->parts.tokens);
        e->listed = true;
        check_leftovers(e);
        take_units(e);
        greet(e);
        pods_mark(e);
}

static bool same_shape(const struct pod *a, const struct pod *b)
{
        if (a->n_containers != b->n_containers || a->n_volumes != b->n_volumes)
                return false;
        for (size_t i = 0; i < a->n_containers; i++)
                if (!streq(a->containers[i].unit, b->containers[i].unit))
                        return false;
        return true;
}

static void update_pod(struct pod_entry *e, struct pod *p)
{
        struct pods *ps = e->pods;
        struct content *content = NULL;
        struct pod *old = e->pod;

        e->listed = true;
        if (!same_shape(old, p)) { /* an image was changed in place, or an ephemeral container was added */
                reporter_event(e, NULL, true, "FieldsIgnored",
                               "changing the containers of a running pod is not supported yet");
                pod_free(p);
                return;
        }
        if (p->refused.code == 0 && old->refused.code)
                p->refused = old->refused, p->refused_container = NULL; /* found out later than by parsing */
        if (e->content && !p->terminal)
                content = content_new(p, ps->parts.objects, ps->parts.tokens);
        if (p->deleting && e->state->stop_at)
                e->state->kill_at = e->state->stop_at + (uint64_t)p->deletion_grace_s *
                                                                USEC_PER_SEC; /* a later delete may shorten the grace */
        HASH_DEL(ps->entries, e);                                             /* the key lives in the pod */
        content_free(e->content);
        e->content = content;
        e->pod = p;
        HASH_ADD_KEYPTR(hh, ps->entries, e->pod->id.uid, strlen(e->pod->id.uid), e);
        pod_free(old);
        e->content_dirty = true;
        pods_mark(e);
}

void pods_upsert(void *userdata, const cJSON *object)
{
        struct pods *ps = userdata;
        struct err err = ERR_NONE;
        struct pod_entry *e;
        struct pod *p;

        if (pod_parse(object, &p, &err) < 0) {
                log_warning("a pod that cannot be identified: %s", err.text);
                return;
        }
        e = find(ps, p->id.uid);
        if (e && e->state->gone)
                e->state->gone = false;
        if (e)
                update_pod(e, p);
        else
                add_pod(ps, p, object);
}

static void lose(struct pod_entry *e)
{
        e->state->gone = true;
        e->pod->deleting = true;
        if (e->pod->deletion_grace_s > e->pod->grace_s || e->pod->deletion_grace_s < 1)
                e->pod->deletion_grace_s = 1; /* "kubectl delete --force": gone at once, and so shall its processes */
        pods_mark(e);
}

void pods_object_gone(void *userdata, const cJSON *object)
{
        const char *uid = json_str(json_get(object, "metadata"), "uid");
        struct pod_entry *e = uid ? find(userdata, uid) : NULL;

        if (e)
                lose(e);
}

void pods_list_begin(void *userdata)
{
        struct pods *ps = userdata;
        struct pod_entry *e, *next;

        HASH_ITER (hh, ps->entries, e, next)
                e->listed = false;
}

/* Units of pods that the API server does not know: they are ended, as the pod of which they were would have been. */
static void end_leftovers(struct pods *ps)
{
        while (ps->leftovers) {
                struct leftover *l = ps->leftovers;
                struct pod_entry *e = find(ps, l->meta.pod.uid);
                ps->leftovers = l->next;
                if (!e) {
                        size_t n = 1;
                        struct pod *p = NEW(struct pod);
                        p->id = l->meta.pod;
                        for (struct leftover *k = ps->leftovers; k; k = k->next)
                                n += streq(k->meta.pod.uid, p->id.uid);
                        p->containers = xcalloc(n, sizeof(*p->containers));
                        p->deleting = true;
                        p->deletion_grace_s = 30;
                        for (struct leftover *k = l; k; k = k == l ? ps->leftovers : k->next) {
                                struct container *c;
                                if (!streq(k->meta.pod.uid, p->id.uid))
                                        continue;
                                c = &p->containers[p->n_containers++];
                                c->name = xstrdup(k->meta.container);
                                c->image = xstrdup("");
                                snprintf(c->unit, sizeof(c->unit), "%s", k->meta.unit);
                        }
                        log_info("%s/%s (%s) is no longer wanted: ending its units", p->id.namespace, p->id.name,
                                 p->id.uid);
                        e = entry_new(ps, p, pods_now_usec());
                        e->state->gone = true;
                        take_units(e);
                        pods_mark(e);
                }
                free(l);
        }
}

void pods_list_synced(void *userdata)
{
        struct pods *ps = userdata;
        struct pod_entry *e, *next;

        HASH_ITER (hh, ps->entries, e, next) {
                if (!e->listed && !e->state->gone)
                        lose(e);
                pods_mark(e); /* what could not be told while the API server was away is told now */
        }
        ps->listed = true;
        end_leftovers(ps);
        go_on(ps);
}

/* ---- the turn ---------------------------------------------------------------------------------------------------- */

static int on_timer(UNUSED sd_event_source *source, UNUSED uint64_t usec, void *userdata)
{
        pods_mark(userdata);
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
        char line[1024];

        for (size_t i = 0; i < plan->n_actions; i++) {
                action_describe(&plan->actions[i], e->pod, line, sizeof(line));
                fprintf(ps->parts.dry_run, "%s\n", line);
        }
        if (!plan->n_actions)
                fprintf(ps->parts.dry_run, "%s/%s: nothing to do%s%s\n", e->pod->id.namespace, e->pod->id.name,
                        e->pod->refused.code ? ": " : "", e->pod->refused.code ? e->pod->refused.text : "");
}

static void work(struct pod_entry *e)
{
        struct pods *ps = e->pods;
        uint64_t now = pods_now_usec(), wake;
        struct plan plan;
        bool run = !e->pod->deleting && !e->state->gone && !e->pod->terminal;

        if (run && !e->pod->refused.code)
                pull_look(e);
        if (run && e->content && e->content_dirty)
                resolve_content(e);
        if (run && e->pod->active_deadline_s >= 0 &&
            now >= e->state->start_time + (uint64_t)e->pod->active_deadline_s * USEC_PER_SEC &&
            !pod_is_finished(e->pod, e->state)) {
                if (!e->state->deadline_exceeded)
                        reporter_event(e, NULL, false, "DeadlineExceeded",
                                       "Pod was active on the node longer than the specified deadline");
                e->state->deadline_exceeded = true;
        }
        plan_pod(e->pod, e->state, now, &plan);
        wake = plan.wake_at;
        if (ps->parts.dry_run) {
                print_plan(ps, e, &plan);
                return;
        }
        executor_run(e, &plan, now);
        pull_release(e);
        reporter_status(e, now, &wake);
        if (e->state->gone && e->state->removed) {
                pods_drop(e);
                return;
        }
        /* The report may have made the next step possible (nothing changed, so nothing will be acknowledged). */
        if (plan.n_actions == 0 && e->state->status_current) {
                plan_pod(e->pod, e->state, now, &plan);
                if (plan.n_actions)
                        pods_mark(e);
        }
        wake_at(e, wake, now);
}

static bool helper_is_busy(const struct pods *ps)
{
        return ps->parts.helper && helper_client_pending(ps->parts.helper) >= BUSY;
}

/*
 * Many new pods are taken in turns of about BUSY: while PID 1 starts some, the helper writes the next. Not one by one,
 * since PID 1 reads all unit directories again when a file is new in one.
 */
static void work_or_hold(struct pod_entry *e)
{
        unqueue(e);
        e->begun |= !helper_is_busy(e->pods);
        if (e->begun)
                work(e);
        else
                enqueue(&e->pods->held, e);
}

static int on_work(UNUSED sd_event_source *source, void *userdata)
{
        struct pods *ps = userdata;
        struct err err = ERR_NONE;
        struct pod_entry *e;
        size_t n;

        if (!ps->started || !ps->listed)
                return 0;
        if (ps->marked && packages_refresh(ps->parts.packages, &err) < 0)
                log_warning("%s", err.text);
        /* What is marked meanwhile waits for the next turn. */
        DL_COUNT(ps->marked, e, n);
        for (; n > 0 && ps->marked; n--)
                work_or_hold(ps->marked);
        while (ps->held && !helper_is_busy(ps))
                work_or_hold(ps->held);
        return 0;
}

struct pods *pods_new(const struct pods_parts *parts)
{
        struct pods *ps = NEW(struct pods);

        ps->parts = *parts;
        if (sd_event_add_defer(parts->event, &ps->work, on_work, ps) < 0)
                return pods_free(ps);
        sd_event_source_set_enabled(ps->work, SD_EVENT_OFF);
        /* behind everything that may still mark pods in this turn, so that a burst is planned as one */
        sd_event_source_set_priority(ps->work, SD_EVENT_PRIORITY_NORMAL + 10);
        return ps;
}

static void keep_leftover(void *userdata, const struct unit_meta *meta)
{
        struct pods *ps = userdata;
        struct leftover *l = NEW(struct leftover);

        l->meta = *meta;
        l->next = ps->leftovers;
        ps->leftovers = l;
}

void pods_start(struct pods *ps)
{
        observed_units_on_disk(NULL, keep_leftover, ps);
        ps->started = true;
        go_on(ps);
}

struct pods *pods_free(struct pods *ps)
{
        struct pod_entry *e, *next;

        if (!ps)
                return NULL;
        HASH_ITER (hh, ps->entries, e, next) {
                e->in_flight = 0; /* the helper client is gone before us: nobody calls back */
                pods_drop(e);
        }
        while (ps->leftovers) {
                struct leftover *l = ps->leftovers;
                ps->leftovers = l->next;
                free(l);
        }
        sd_event_source_disable_unref(ps->work);
        free(ps);
        return NULL;
}

/* ---- questions --------------------------------------------------------------------------------------------------- */

static struct pod_entry *find_name(const struct pods *ps, const char *namespace, const char *name)
{
        struct pod_entry *e, *next, *found = NULL;

        HASH_ITER (hh, ps->entries, e, next)
                if (streq(e->pod->id.name, name) && streq(e->pod->id.namespace, namespace) &&
                    (!found || found->state->gone))
                        found = e;
        return found;
}

bool pods_find(struct pods *ps, const char *namespace, const char *pod)
{
        return find_name(ps, namespace, pod) != NULL;
}

bool pods_find_container(struct pods *ps, const char *namespace, const char *pod, const char *container,
                         struct pods_container *ret)
{
        struct pod_entry *e = find_name(ps, namespace, pod);

        for (size_t i = 0; e && i < e->pod->n_containers; i++)
                if (streq(e->pod->containers[i].name, container)) {
                        *ret = (struct pods_container){ e->pod, &e->pod->containers[i], &e->state->containers[i] };
                        return true;
                }
        return false;
}

bool pods_is_running(void *userdata, const char *pod_uid, const char *container)
{
        struct pod_entry *e = find(userdata, pod_uid);

        for (size_t i = 0; e && i < e->pod->n_containers; i++)
                if (streq(e->pod->containers[i].name, container))
                        return unit_has_processes(e->state->containers[i].unit.phase);
        return false;
}

size_t pods_count(const struct pods *ps)
{
        return HASH_COUNT(ps->entries);
}

size_t pods_images(void *userdata, struct node_image *ret, size_t max)
{
        struct pods *ps = userdata;
        struct pod_entry *e, *next;
        size_t n = 0;

        HASH_ITER (hh, ps->entries, e, next)
                for (size_t i = 0; i < e->pod->n_containers; i++) {
                        struct package found;
                        bool known = e->image_ids[i] == NULL;
                        for (size_t k = 0; k < n && !known; k++)
                                known = streq(ret[k].name, e->image_ids[i]);
                        if (known || n == max ||
                            !packages_find(ps->parts.packages, e->pod->containers[i].parsed.name, &found))
                                continue;
                        ret[n++] = (struct node_image){ .name = e->image_ids[i], .size = found.installed_size };
                }
        return n;
}
