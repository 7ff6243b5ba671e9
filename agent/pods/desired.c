/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pods/desired.h"

#include <stdio.h>

#include "agent/lib/json.h"
#include "agent/lib/times.h"
#include "agent/pods/pod_event.h"
#include "agent/pods/pull.h"
#include "agent/pods/units.h"
#include "common/log.h"
#include "common/mem.h"

/* ---- left by an earlier life of the agent -------------------------------------------------------------------------
 */

struct leftover {
        struct unit_meta meta;
        struct leftover *next;
};

void leftover_keep(void *userdata, const struct unit_meta *meta)
{
        struct pods *ps = userdata;
        struct leftover *l = NEW(struct leftover);

        l->meta = *meta;
        l->next = ps->leftovers;
        ps->leftovers = l;
}

void leftovers_forget(struct pods *ps)
{
        while (ps->leftovers) {
                struct leftover *l = ps->leftovers;
                ps->leftovers = l->next;
                free(l);
        }
}

/* ---- pods --- */

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
                pod_event(e, p->refused_container, true,
                          streq(p->refused.reason, "InvalidImageName") ? "InspectFailed"
                          : *p->refused.reason                         ? p->refused.reason
                                                                       : "Failed",
                          "%s", p->refused.text);
        if (p->ignored && !p->deleting && !p->terminal && !e->state->written)
                pod_event(e, NULL, true, "FieldsIgnored", "not supported yet and without effect: %s", p->ignored);
}

static void add_pod(struct pods *ps, struct pod *p, const cJSON *object)
{
        struct pod_entry *e = pod_entry_new(ps, p, time_now());

        pod_state_adopt(e->state, p, json_get(object, "status"));
        if (!p->terminal && !ps->parts.dry_run)
                e->content = content_new(p, ps->parts.objects, ps->parts.tokens);
        e->listed = true;
        check_leftovers(e);
        units_take(e);
        greet(e);
        pod_mark(e);
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
        const struct pods_parts *parts = &e->pods->parts;
        const struct pod *old = e->pod;
        struct content *content = NULL;

        e->listed = true;
        if (!same_shape(old, p)) { /* an image was changed in place, or an ephemeral container was added */
                pod_event(e, NULL, true, "FieldsIgnored",
                          "changing the containers of a running pod is not supported yet");
                pod_free(p);
                return;
        }
        if (p->refused.code == 0 && old->refused.code)
                p->refused = old->refused, p->refused_container = NULL; /* found out later than by parsing */
        if (e->content && !p->terminal)
                content = content_new(p, parts->objects, parts->tokens);
        if (p->deleting && e->state->stop_at)
                e->state->kill_at = e->state->stop_at + (uint64_t)p->deletion_grace_s *
                                                                USEC_PER_SEC; /* a later delete may shorten the grace */
        content_free(e->content);
        e->content = content;
        pod_entry_replace(e, p);
        e->content_dirty = true;
        pod_mark(e);
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
        e = pods_by_uid(ps, p->id.uid);
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
        pod_mark(e);
}

void pods_object_gone(void *userdata, const cJSON *object)
{
        const char *uid = json_str(json_get(object, "metadata"), "uid");
        struct pod_entry *e = uid ? pods_by_uid(userdata, uid) : NULL;

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
                struct pod_entry *e = pods_by_uid(ps, l->meta.pod.uid);
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
                        e = pod_entry_new(ps, p, time_now());
                        e->state->gone = true;
                        units_take(e);
                        pod_mark(e);
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
                pod_mark(e); /* what could not be told while the API server was away is told now */
        }
        ps->listed = true;
        end_leftovers(ps);
        pods_go_on(ps);
}
