/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pods/pods.h"

#include "agent/lib/times.h"
#include "agent/pod/eviction.h"
#include "agent/pods/admission.h"
#include "agent/pods/desired.h"
#include "agent/pods/mirror.h"
#include "agent/pods/pod_entry.h"
#include "agent/pods/pod_event.h"
#include "agent/pods/static_pods.h"
#include "agent/pods/turn.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/utf8.h"

struct pods *pods_new(const struct pods_parts *parts)
{
        struct pods *ps = NEW(struct pods);

        ps->parts = *parts;
        if (sd_event_add_defer(parts->event, &ps->work, turn, ps) < 0)
                return pods_free(ps);
        sd_event_source_set_enabled(ps->work, SD_EVENT_OFF);
        /* behind everything that may still mark pods in this turn, so that a burst is planned as one */
        sd_event_source_set_priority(ps->work, SD_EVENT_PRIORITY_NORMAL + 10);
        return ps;
}

void pods_start(struct pods *ps)
{
        observed_units_on_disk(NULL, leftover_keep, ps);
        ps->started = true;
        if (ps->parts.static_path)
                static_pods_start(ps);
        pods_go_on(ps);
}

struct pods *pods_free(struct pods *ps)
{
        struct pod_entry *e, *next;

        if (!ps)
                return NULL;
        HASH_ITER (hh, ps->entries, e, next) {
                e->in_flight = 0; /* the helper client is gone before us: nobody calls back */
                pod_entry_drop(e);
        }
        ps->statics = static_pods_free(ps->statics);
        ps->mirrors = mirrors_free(ps->mirrors);
        leftovers_forget(ps);
        admission_forget(ps);
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

const struct pod *pods_find(struct pods *ps, const char *namespace, const char *pod)
{
        const struct pod_entry *e = find_name(ps, namespace, pod);

        return e ? e->pod : NULL;
}

static void describe(struct pod_entry *e, size_t i, struct pods_container *ret)
{
        *ret = (struct pods_container){
                .pod = e->pod,
                .container = &e->pod->containers[i],
                .state = &e->state->containers[i],
                .image = &e->images[i],
                .writes_var = pod_entry_writes_var(e),
        };
}

bool pods_find_container(struct pods *ps, const char *namespace, const char *pod, const char *container,
                         struct pods_container *ret)
{
        struct pod_entry *e = find_name(ps, namespace, pod);

        for (size_t i = 0; e && i < e->pod->n_containers; i++)
                if (streq(e->pod->containers[i].name, container)) {
                        describe(e, i, ret);
                        return true;
                }
        return false;
}

bool pods_container_at(struct pods *ps, const char *pod_uid, size_t index, struct pods_container *ret)
{
        struct pod_entry *e = pods_by_uid(ps, pod_uid);

        if (!e || index >= e->pod->n_containers)
                return false;
        describe(e, index, ret);
        return true;
}

bool pods_find_main(struct pods *ps, uint32_t pid, struct pods_container *ret)
{
        struct pod_entry *e, *next;

        HASH_ITER (hh, ps->entries, e, next)
                for (size_t i = 0; i < e->pod->n_containers; i++)
                        if (e->state->containers[i].unit.main_pid == pid &&
                            unit_has_processes(e->state->containers[i].unit.phase)) {
                                describe(e, i, ret);
                                return true;
                        }
        return false;
}

static const struct container_state *state_of(struct pods *ps, const char *pod_uid, const char *container)
{
        struct pod_entry *e = pods_by_uid(ps, pod_uid);

        for (size_t i = 0; e && i < e->pod->n_containers; i++)
                if (streq(e->pod->containers[i].name, container))
                        return &e->state->containers[i];
        return NULL;
}

bool pods_is_running(void *userdata, const char *pod_uid, const char *container)
{
        const struct container_state *c = state_of(userdata, pod_uid, container);

        return c && unit_has_processes(c->unit.phase);
}

bool pods_is_in_run(void *userdata, const char *pod_uid, const char *container, const char *invocation)
{
        const struct container_state *c = state_of(userdata, pod_uid, container);

        return c && unit_has_processes(c->unit.phase) && streq(c->invocation, invocation);
}

void pods_probed(struct pods *ps, const char *pod_uid, size_t index, const char *invocation, enum probe_type type,
                 bool good)
{
        struct pod_entry *e = pods_by_uid(ps, pod_uid);

        if (e && index < e->pod->n_containers && streq(e->state->containers[index].invocation, invocation) &&
            container_probed(&e->state->containers[index], type, good))
                pod_mark(e);
}

void pods_tell(struct pods *ps, const char *pod_uid, size_t index, bool warning, const char *reason, const char *text)
{
        struct pod_entry *e = pods_by_uid(ps, pod_uid);
        CLEANUP(freep) char *clean = xstrdup(text);

        utf8_mend(clean, "\t\n");
        if (e && index < e->pod->n_containers)
                pod_event(e, &e->pod->containers[index], warning, reason, "%s", clean);
}

void pods_hook_ended(struct pods *ps, const char *pod_uid, size_t index, const char *invocation, enum hook_kind kind,
                     const char *text)
{
        struct pod_entry *e = pods_by_uid(ps, pod_uid);
        struct container_state *c = e && index < e->pod->n_containers ? &e->state->containers[index] : NULL;

        if (!c || !streq(c->invocation, invocation) || c->hooks[kind] != HOOK_RUNS)
                return;
        c->hooks[kind] = text ? HOOK_FAILED : HOOK_OVER;
        if (text && unit_has_processes(c->unit.phase))
                pods_tell(ps, pod_uid, index, true, hook_events[kind], text);
        pod_mark(e);
}

bool pods_look(struct pods *ps, const char *pod_uid, const struct pod **ret, const struct pod_state **ret_state)
{
        const struct pod_entry *e = pods_by_uid(ps, pod_uid);

        *ret = e ? e->pod : NULL;
        *ret_state = e ? e->state : NULL;
        return e != NULL;
}

void pods_set_conditions(struct pods *ps, const struct node_conditions *conditions)
{
        ps->conditions = *conditions;
}

/* A kubelet takes every static pod for critical (kubelettypes.IsCriticalPod). */
bool pods_evict(struct pods *ps, const char *pod_uid, const char *message, int64_t grace_s)
{
        struct pod_entry *e = pods_by_uid(ps, pod_uid);

        if (!e || e->of_file || pod_is_critical(e->pod) || e->pod->deleting || e->pod->terminal || e->state->gone ||
            e->state->evicted || e->state->admission != ADMITTED)
                return false;
        log_info("%s/%s is evicted: %s", e->pod->id.namespace, e->pod->id.name, message);
        pod_state_evict(e->state, message, grace_s, time_now());
        pod_event(e, NULL, true, EVICTED, "%s", message);
        pod_mark(e);
        return true;
}

size_t pods_count(const struct pods *ps)
{
        return HASH_COUNT(ps->entries);
}

void pods_count_all(const struct pods *ps, struct pods_counts *ret)
{
        struct pod_entry *e, *next;

        *ret = (struct pods_counts){ .starts = ps->starts };
        HASH_ITER (hh, ps->entries, e, next) {
                if (!e->state->gone) {
                        ret->pods++;
                        ret->from_files += e->of_file;
                }
                ret->running += pod_has_processes(e->state);
                for (size_t i = 0; i < e->state->n_containers; i++) {
                        const struct container_state *c = &e->state->containers[i];

                        ret->containers_running += unit_has_processes(c->unit.phase);
                        ret->containers_exited += c->phase == CONTAINER_TERMINATED;
                }
        }
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
