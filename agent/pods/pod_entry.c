/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pods/pod_entry.h"

#include <stdio.h>

#include "agent/lib/json.h"
#include "agent/pod/object.h"
#include "common/mem.h"
#include "proto/hash.h"

/* ---- marks and queues -------------------------------------------------------------------------------------------- */

void pod_enqueue(struct pod_entry **queue, struct pod_entry *e)
{
        DL_APPEND(*queue, e);
        e->queue = queue;
}

void pod_unqueue(struct pod_entry *e)
{
        if (e->queue)
                DL_DELETE(*e->queue, e);
        e->queue = NULL;
}

void pods_go_on(struct pods *ps)
{
        sd_event_source_set_enabled(ps->work, SD_EVENT_ONESHOT);
}

void pod_mark(struct pod_entry *e)
{
        struct pods *ps = e->pods;

        if (e->queue || e->dropped)
                return;
        pod_enqueue(&ps->marked, e);
        pods_go_on(ps);
}

/* ---- the tables -------------------------------------------------------------------------------------------------- */

struct pod_entry *pods_by_uid(const struct pods *ps, const char *uid)
{
        struct pod_entry *e;

        HASH_FIND_STR(ps->entries, uid, e);
        return e;
}

struct unit_link *pods_by_unit(const struct pods *ps, const char *unit)
{
        struct unit_link *l;

        HASH_FIND_STR(ps->units, unit, l);
        return l;
}

/* The key lies in the pod. */
static void add_by_uid(struct pod_entry *e)
{
        HASH_ADD_KEYPTR(hh, e->pods->entries, e->pod->id.uid, strlen(e->pod->id.uid), e);
}

bool pod_entry_link_units(struct pod_entry *e)
{
        struct unit_link *l;

        for (size_t i = 0; i < e->pod->n_containers; i++) {
                l = pods_by_unit(e->pods, e->pod->containers[i].unit);
                if (l && l->entry != e)
                        return false;
        }
        for (size_t i = 0; i < e->pod->n_containers; i++) {
                if (!*e->pod->containers[i].unit || pods_by_unit(e->pods, e->pod->containers[i].unit))
                        continue;
                l = NEW(struct unit_link);
                snprintf(l->unit, sizeof(l->unit), "%s", e->pod->containers[i].unit);
                l->entry = e;
                l->index = i;
                HASH_ADD_STR(e->pods->units, unit, l);
        }
        return true;
}

static void unlink_units(struct pod_entry *e)
{
        for (size_t i = 0; i < e->pod->n_containers; i++) {
                struct unit_link *l = pods_by_unit(e->pods, e->pod->containers[i].unit);
                if (!l || l->entry != e)
                        continue;
                /* What was found is in a table. NOLINTNEXTLINE(clang-analyzer-core.NullDereference) */
                HASH_DEL(e->pods->units, l);
                free(l);
        }
}

bool pod_entry_rename(struct pod_entry *e, size_t i)
{
        unlink_units(e);
        pod_name_unit(e->pod, i, NULL);
        return pod_entry_link_units(e);
}

/* ---- an entry's life --------------------------------------------------------------------------------------------- */

struct pod_entry *pod_entry_new(struct pods *ps, struct pod *p, uint64_t now)
{
        struct pod_entry *e = NEW(struct pod_entry);

        e->pods = ps;
        e->pod = p;
        e->state = pod_state_new(p, now);
        e->images = xcalloc(p->n_containers, sizeof(*e->images));
        e->image_ids = xcalloc(p->n_containers, sizeof(*e->image_ids));
        e->content_dirty = true;
        add_by_uid(e);
        return e;
}

void pod_entry_keep(struct pod_entry *e, const cJSON *object)
{
        const char *version = json_str(json_get(object, "metadata"), "resourceVersion");
        CLEANUP(freep) char *text = object_text(object, e->pod->terminal);
        size_t size = strlen(text);
        uint64_t hash = hash_bytes(HASH_START, text, size);

        if (!version || snprintf(e->version, sizeof(e->version), "%s", version) >= (int)sizeof(e->version))
                e->version[0] = '\0';
        if (e->object && e->object_hash == hash)
                return; /* only its status has changed, which is our own */
        packed_free(e->object);
        e->object = packed_new(text, size, e->pod->deleting);
        e->object_hash = hash;
}

void pod_entry_grow(struct pod_entry *e, const struct pod *p)
{
        size_t had = e->pod->n_containers, more = p->n_containers - had;

        if (!more)
                return;
        pod_state_grow(e->state, p);
        e->images = xrealloc(e->images, p->n_containers, sizeof(*e->images));
        memset(e->images + had, 0, more * sizeof(*e->images));
        e->image_ids = xrealloc(e->image_ids, p->n_containers, sizeof(*e->image_ids));
        memset(e->image_ids + had, 0, more * sizeof(*e->image_ids));
}

bool pod_entry_replace(struct pod_entry *e, struct pod *p)
{
        struct pod *old = e->pod;
        bool same = p->n_containers == old->n_containers;

        for (size_t i = 0; i < old->n_containers; i++)
                same = same && streq(p->containers[i].unit, old->containers[i].unit);
        if (!same)
                unlink_units(e);
        HASH_DEL(e->pods->entries, e);
        e->pod = p;
        add_by_uid(e);
        pod_free(old);
        return same;
}

static void entry_free(struct pod_entry *e)
{
        for (size_t i = 0; i < e->pod->n_containers; i++)
                free(e->image_ids[i]);
        free(e->image_ids);
        free(e->images);
        content_free(e->content);
        packed_free(e->object);
        pod_state_free(e->state);
        pod_free(e->pod);
        free(e);
}

void pod_entry_drop(struct pod_entry *e)
{
        pod_unqueue(e);
        if (e->pods->parts.pod_forgotten)
                e->pods->parts.pod_forgotten(e->pods->parts.userdata, e->pod->id.uid);
        if (e->pods->parts.events)
                event_forget(e->pods->parts.events, e->pod->id.uid);
        HASH_DEL(e->pods->entries, e);
        unlink_units(e);
        e->timer = sd_event_source_disable_unref(e->timer);
        e->patch = api_cancel(e->patch);
        e->delete = api_cancel(e->delete);
        e->dropped = true;
        if (e->in_flight == 0)
                entry_free(e);
}

bool pod_entry_answered(struct pod_entry *e)
{
        e->in_flight--;
        if (e->pods->held)
                pods_go_on(e->pods);
        if (!e->dropped)
                return true;
        if (e->in_flight == 0)
                entry_free(e);
        return false;
}

void pod_run_hook(struct pod_entry *e, size_t i, enum hook_kind kind, uint64_t usec)
{
        const struct pods_parts *parts = &e->pods->parts;

        e->state->containers[i].hooks[kind] = parts->hook_begin ? HOOK_RUNS : HOOK_OVER;
        if (parts->hook_begin)
                parts->hook_begin(parts->userdata, e->pod->id.uid, i, kind, usec);
}

bool pod_entry_writes_var(const struct pod_entry *e)
{
        bool writes = false;

        for (size_t i = 0; i < e->pod->n_containers; i++)
                writes |= e->images[i].writes_var;
        return writes;
}
