/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pods/desired.h"

#include <stdio.h>

#include "agent/lib/json.h"
#include "agent/lib/times.h"
#include "agent/pod/image_meaning.h"
#include "agent/pod/manifest.h"
#include "agent/pod/resize.h"
#include "agent/pods/admission.h"
#include "agent/pods/mirror.h"
#include "agent/pods/pod_event.h"
#include "agent/pods/pull.h"
#include "agent/pods/resizing.h"
#include "agent/pods/unit_news.h"
#include "common/log.h"
#include "common/mem.h"

/* ---- left by an earlier life of the agent ------------------------------------------------------------------------ */

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

/* The mark for a unit that must not be kept: no image has it. */
enum { MARK_FOREIGN = 1 };

/*
 * Takes over the container's unit from an earlier run of the agent. The unit keeps the name of its file, whatever the
 * pod's image is by now. A unit that is incomplete, or was made for another image, gets another mark, and so is
 * cleared away.
 */
static void take_over(struct pod_entry *e, const struct unit_meta *meta)
{
        for (size_t i = 0; i < e->pod->n_containers; i++) {
                struct container *spec = &e->pod->containers[i];
                struct container_state *c = &e->state->containers[i];
                bool same;

                if (!streq(spec->name, meta->container))
                        continue;
                same = meta->complete && (meta->mark == spec->mark || (!meta->mark && streq(meta->unit, spec->unit)));
                if (same && !streq(meta->unit, spec->unit)) /* whether others have that image, too, has changed since */
                        spec->shares_image = strlen(meta->unit) > strlen(spec->unit);
                snprintf(spec->unit, sizeof(spec->unit), "%s", meta->unit);
                c->mark = same ? spec->mark : MARK_FOREIGN;
                e->state->written = true;
                if (!same)
                        return;
                pull_take(e, i);
                c->image_present = c->told_present = true;
                return;
        }
}

static void check_leftovers(struct pod_entry *e)
{
        for (struct leftover *l = e->pods->leftovers; l; l = l->next)
                if (streq(l->meta.pod.uid, e->pod->id.uid))
                        take_over(e, &l->meta);
}

/* What is wrong with containers, from container `first` on. */
static void greet_containers(struct pod_entry *e, size_t first)
{
        const struct pod *p = e->pod;

        for (size_t i = first; i < p->n_containers && !p->deleting && !p->terminal; i++)
                if (p->containers[i].refused.code && !e->state->containers[i].mark)
                        pod_event(e, &p->containers[i], true, "Failed", "Error: %s",
                                  kept_text(&p->containers[i].refused));
}

static void greet(struct pod_entry *e)
{
        const struct pod *p = e->pod;

        if (p->refused.code && !p->deleting && !p->terminal) {
                bool sandbox = starts_with(p->refused.reason, "Failed"); /* FailedMount, FailedCreatePodSandBox */
                pod_event(e, NULL, true, sandbox ? p->refused.reason : "Failed", "%s%s",
                          sandbox ? "" : "Error: ", kept_text(&p->refused));
        }
        if (p->ignored && !p->deleting && !p->terminal && !e->state->written)
                pod_event(e, NULL, true, "FieldsIgnored", "not supported yet and without effect: %s", p->ignored);
        greet_containers(e, 0);
}

/* Takes the leftovers of that pod: an entry that only has to end. */
static void end_leftover(struct pods *ps, const struct pod_id *id)
{
        struct pod *p = NEW(struct pod);
        struct pod_entry *e;

        p->id = *id;
        p->deleting = true;
        p->deletion_grace_s = 30;
        for (struct leftover **next = &ps->leftovers, *l; (l = *next);) {
                struct container *c;

                if (!streq(l->meta.pod.uid, p->id.uid)) {
                        next = &l->next;
                        continue;
                }
                p->containers = xrealloc(p->containers, p->n_containers + 1, sizeof(*p->containers));
                c = &p->containers[p->n_containers++];
                *c = (struct container){ .name = xstrdup(l->meta.container), .image = xstrdup("") };
                snprintf(c->unit, sizeof(c->unit), "%s", l->meta.unit);
                *next = l->next;
                free(l);
        }
        log_info("%s/%s (%s) is no longer wanted: ending its units", p->id.namespace, p->id.name, p->id.uid);
        e = pod_entry_new(ps, p, time_now());
        e->state->gone = true;
        for (size_t i = 0; i < p->n_containers; i++)
                e->state->containers[i].mark = MARK_FOREIGN;
        units_take(e);
        pod_mark(e);
}

/* Units of an earlier pod of that name are in the new one's way, and nobody wants them: they end first. */
static void end_namesakes(struct pods *ps, const struct pod_id *id)
{
        for (struct leftover **next = &ps->leftovers, *l; (l = *next);) {
                struct pod_id other = l->meta.pod;

                next = &l->next;
                if (streq(other.uid, id->uid) || !streq(other.name, id->name) ||
                    !streq(other.namespace, id->namespace) || pods_by_uid(ps, other.uid))
                        continue;
                end_leftover(ps, &other);
                next = &ps->leftovers;
        }
}

struct pod_entry *desired_add(struct pods *ps, struct pod *p, const cJSON *object, bool of_file)
{
        CLEANUP(pod_freep) struct pod *asked = NULL;
        struct pod_entry *e;

        end_namesakes(ps, &p->id);
        if (!of_file)
                p = resizing_recall(p, object, &asked);
        image_meaning_apply(ps->parts.images, p);
        e = pod_entry_new(ps, p, time_now());
        e->of_file = of_file;
        pod_entry_keep(e, object);
        pod_state_adopt(e->state, p, json_get(object, "status"));
        if (!of_file && !p->terminal)
                resize_adopt(e->state, p, json_get(object, "status"), time_now());
        if (!p->terminal && !ps->parts.dry_run)
                e->content = content_new(p, ps->parts.objects, ps->parts.tokens, ps->parts.services, ps->parts.claims);
        e->listed = true;
        check_leftovers(e);
        admission_await(e, object);
        units_take(e);
        greet(e);
        if (asked)
                resizing_wish(e, asked, object);
        pod_mark(e);
        return e;
}

/* Are the volumes and the containers still the same, but for ephemeral containers that were added? */
static bool same_shape(const struct pod *old, const struct pod *now)
{
        if (old->n_containers > now->n_containers || old->n_volumes != now->n_volumes)
                return false;
        for (size_t i = 0; i < old->n_containers; i++)
                if (!streq(old->containers[i].name, now->containers[i].name) ||
                    old->containers[i].ephemeral != now->containers[i].ephemeral)
                        return false;
        for (size_t i = old->n_containers; i < now->n_containers; i++)
                if (!now->containers[i].ephemeral)
                        return false;
        return true;
}

/*
 * Of a container only the image may change. An existing unit keeps its name, whatever name the new image would give
 * it, so that the unit is found, ended and removed.
 */
static void carry_units(struct pod_entry *e, struct pod *p)
{
        for (size_t i = 0; i < e->pod->n_containers; i++) {
                struct container *now = &p->containers[i];
                struct container *was = &e->pod->containers[i];
                struct container_state *c = &e->state->containers[i];

                if (c->mark || c->mark_sent) {
                        if (streq(now->image, was->image))
                                image_meaning_keep(now, was);
                        memcpy(now->unit, was->unit, sizeof(now->unit));
                        if (was->unit_image || now->mark != was->mark) {
                                free(now->unit_image);
                                now->unit_image = xstrdup(was->unit_image ? was->unit_image : was->parsed.name);
                        }
                        now->shares_image = was->shares_image;
                } else if (now->mark != was->mark) {
                        container_forget_image(c);
                        container_forget_write(e->state, i);
                }
        }
        for (size_t i = 0; i < p->n_containers; i++)
                if (!e->state->containers[i].mark && !e->state->containers[i].mark_sent)
                        pod_name_unit(p, i, NULL);      /* none of those that were carried over */
        if (e->state->written && !e->pod->refused.code) /* it was good enough to run */
                err_forget(&p->refused);
}

/* What was added to a pod that runs (with an ephemeral container) and is not supported yet. */
static void tell_ignored(struct pod_entry *e, const struct pod *p)
{
        if (p->ignored && !p->deleting && !p->terminal && !streq(p->ignored, e->pod->ignored))
                pod_event(e, NULL, true, "FieldsIgnored", "not supported yet and without effect: %s", p->ignored);
}

/* Where a volume lies stays so for as long as the pod is here. */
static void carry_places(struct pod *p, struct pod *was)
{
        for (size_t i = 0; i < p->n_volumes; i++) {
                struct volume *now = &p->volumes[i], *old = &was->volumes[i];

                if (!volume_is_nowhere(now) || volume_is_nowhere(old) || now->kind != old->kind ||
                    !streq(now->name, old->name))
                        continue;
                now->path = TAKE(old->path);
                now->type = TAKE(old->type);
                now->of = TAKE(old->of);
                now->read_only = old->read_only;
        }
}

/* Takes `p`, a newer version of the entry's pod, as it was parsed. */
static void replace(struct pod_entry *e, struct pod *p)
{
        const struct pods_parts *parts = &e->pods->parts;
        struct content *content = NULL;

        image_meaning_apply(parts->images, p);
        pod_entry_grow(e, p);
        carry_units(e, p);
        carry_places(p, e->pod);
        tell_ignored(e, p);
        if (e->content && !p->terminal)
                content = content_new(p, parts->objects, parts->tokens, parts->services, parts->claims);
        content_free(e->content);
        e->content = content;
        if (!pod_entry_replace(e, p))
                units_take(e);
        e->content_dirty = true;
}

void desired_grant(struct pod_entry *e)
{
        CLEANUP(freep) char *text = packed_text(e->object);
        CLEANUP(json_freep) cJSON *object = text ? json_parse(text, strlen(text)) : NULL;
        struct err err = ERR_NONE;
        struct pod *p = NULL;

        if (!object || pod_parse(object, &p, &err) < 0)
                return; /* it was parsed before, so this is no case */
        resizing_begin(e, p);
        replace(e, p);
}

static void update_pod(struct pod_entry *e, struct pod *p, const cJSON *object)
{
        struct pod *old = e->pod;
        size_t had;

        e->listed = true;
        if (old->deleting && p->deletion_grace_s > old->deletion_grace_s)
                p->deletion_grace_s = old->deletion_grace_s; /* a later delete may shorten the grace, and only that */
        if (p->deleting && e->state->stop_at)
                e->state->kill_at = e->state->stop_at + (uint64_t)pod_grace_s(p, e->state) * USEC_PER_SEC;
        if (!same_shape(old, p)) { /* no API server allows it */
                pod_event(e, NULL, true, "FieldsIgnored", "a running pod's containers stay those that it began with");
                old->deleting = p->deleting;
                old->deletion_grace_s = p->deletion_grace_s;
                pod_free(p);
                pod_mark(e);
                return;
        }
        had = old->n_containers;
        if (!e->of_file)
                p = resizing_hold(e, p, object);
        replace(e, p);
        pod_entry_keep(e, object);
        greet_containers(e, had);
        pod_mark(e);
}

void pods_upsert(void *userdata, const cJSON *object)
{
        struct pods *ps = userdata;
        struct err err = ERR_NONE;
        struct pod_entry *e;
        struct pod *p;

        if (manifest_mirrored(object)) {
                mirror_seen(ps, object);
                return;
        }
        if (pod_parse(object, &p, &err) < 0) {
                log_warning("a pod that cannot be identified: %s", err.text);
                return;
        }
        e = pods_by_uid(ps, p->id.uid);
        if (e && e->state->gone)
                e->state->gone = false;
        if (e)
                update_pod(e, p, object);
        else
                desired_add(ps, p, object, false);
}

/* Is there a container whose unit is still to be made? */
static bool is_incomplete(const struct pod_entry *e)
{
        for (size_t i = 0; i < e->pod->n_containers; i++)
                if (!e->state->containers[i].mark && !e->state->containers[i].mark_sent)
                        return true;
        return false;
}

void pods_set_images(struct pods *ps, const struct image_table *images)
{
        struct pod_entry *e, *next;

        ps->parts.images = images;
        HASH_ITER (hh, ps->entries, e, next) {
                CLEANUP(json_freep) cJSON *object = NULL;
                CLEANUP(freep) char *text = NULL;
                struct pod *p = NULL;

                if (e->state->gone || e->pod->terminal || e->pod->deleting || !is_incomplete(e))
                        continue;
                text = packed_text(e->object);
                object = text ? json_parse(text, strlen(text)) : NULL;
                if (!object || pod_parse(object, &p, NULL) < 0)
                        continue; /* it was parsed before, so this is no case */
                if (!e->of_file)
                        p = resizing_hold(e, p, object);
                replace(e, p);
                pod_mark(e);
        }
}

void desired_lose(struct pod_entry *e)
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

        if (manifest_mirrored(object))
                mirror_gone(userdata, object);
        else if (e)
                desired_lose(e);
}

void pods_list_begin(void *userdata)
{
        struct pods *ps = userdata;
        struct pod_entry *e, *next;

        HASH_ITER (hh, ps->entries, e, next)
                e->listed = e->of_file;
        mirrors_list_begin(ps);
}

/* Units of pods that nobody wants any more are ended in the same way as a pod that was deleted: those of static pods,
 * or all. */
static void end_leftovers(struct pods *ps, bool all)
{
        for (struct leftover **next = &ps->leftovers, *l; (l = *next);) {
                bool of_file = manifest_is_uid(l->meta.pod.uid);
                struct pod_id id = l->meta.pod;

                if (pods_by_uid(ps, id.uid) && (all || of_file)) {
                        *next = l->next;
                        free(l);
                } else if (of_file ? ps->statics_unsure : !all) {
                        next = &l->next;
                } else {
                        end_leftover(ps, &id);
                        next = &ps->leftovers;
                }
        }
}

void leftovers_end_static(struct pods *ps)
{
        end_leftovers(ps, false);
}

void pods_list_synced(void *userdata)
{
        struct pods *ps = userdata;
        struct pod_entry *e, *next;

        HASH_ITER (hh, ps->entries, e, next) {
                if (!e->listed && !e->state->gone)
                        desired_lose(e);
                pod_mark(e); /* what could not be told while the API server was away is told now */
        }
        mirrors_list_synced(ps);
        ps->listed = true;
        ps->undecided++; /* those that have waited for the rest of the list can be judged now */
        end_leftovers(ps, true);
        pods_go_on(ps);
}
