/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pods/resolve.h"

#include <errno.h>

#include "agent/lib/mountinfo.h"
#include "agent/lib/times.h"
#include "agent/pods/admission.h"
#include "agent/pods/pod_event.h"
#include "common/file.h"
#include "common/mem.h"

enum { LOOK_AGAIN_USEC = 5 * 1000 * 1000 };

/* What would the container be started with now, and if nobody knows: why? */
static void resolve_values(struct pod_entry *e, size_t i)
{
        struct container_state *c = &e->state->containers[i];
        struct err err = ERR_NONE;

        if (e->pod->containers[i].refused.code || !content_may_change(e->content, &e->pod->containers[i])) {
                c->values = CONTENT_FIXED; /* a Service that it had variables for may have gone */
                return;
        }
        if (content_values(e->content, e->pod, i, &e->pods->parts.node, &c->values, &err) == 0)
                err = ERR_NONE;
        if (!streq(err.text, kept_text(&c->env_failure)))
                c->env_told = false;
        err_keep(&c->env_failure, &err);
}

static void take_place(struct pod_entry *e, struct volume *v, struct place *place)
{
        v->path = TAKE(place->path);
        v->type = TAKE(place->type);
        v->of = TAKE(place->of);
        v->read_only = place->read_only;
        if (place->ignored && !e->state->written)
                pod_event(e, NULL, true, "FieldsIgnored", "without effect with PersistentVolume \"%s\": %s",
                          v->of ? v->of : "", place->ignored);
        place_done(place);
}

/* Where does it lie on this machine? */
static void resolve_place(struct pod_entry *e, size_t i)
{
        const struct pods_parts *parts = &e->pods->parts;
        struct volume *v = &e->pod->volumes[i];
        struct volume_state *s = &e->state->volumes[i];
        struct place_claim claim = content_claim(e->content, i);
        struct place_node node = { .name = parts->node.name, .labels = admission_node_labels(e->pods) };
        CLEANUP(freep) char *mounts = NULL;
        struct place place;
        struct err err = ERR_NONE;
        size_t size;
        bool asks = place_asks_for_mounts(v, &claim);

        if (asks && file_read(MOUNTINFO_PATH, MOUNTINFO_MAX, &mounts, &size, NULL) == 0)
                node.mounts = mounts;
        s->retry_at = 0;
        if (place_find(e->pod, v, &claim, &node, e->state->written, &place, &err) == 0) {
                err_forget(&s->failure);
                take_place(e, v, &place);
                content_claim_done(e->content, i);
                return;
        }
        if (asks && err.code == -EAGAIN)
                s->retry_at = time_now() + LOOK_AGAIN_USEC; /* nobody tells that something was mounted */
        if (*err.reason && !streq(err.text, kept_text(&s->failure)))
                pod_event(e, NULL, true, "FailedMount", "%s", err.text);
        err_keep(&s->failure, &err);
}

bool resolve_is_due(const struct pod_entry *e, uint64_t now)
{
        for (size_t i = 0; i < e->pod->n_volumes && !e->content_dirty; i++)
                if (volume_is_nowhere(&e->pod->volumes[i]) && e->state->volumes[i].retry_at &&
                    e->state->volumes[i].retry_at <= now)
                        return true;
        return e->content_dirty;
}

/* Is there new content for a volume, and if there is none: why? */
void resolve_content(struct pod_entry *e)
{
        struct pod_state *s = e->state;

        e->content_dirty = false;
        for (size_t i = 0; i < e->pod->n_containers; i++)
                resolve_values(e, i);
        for (size_t i = 0; i < e->pod->n_volumes; i++) {
                struct volume_state *v = &s->volumes[i];
                struct err err = ERR_NONE;
                Vks__Fill *fill;
                uint64_t hash;

                if (volume_is_nowhere(&e->pod->volumes[i]))
                        resolve_place(e, i);
                if (e->pod->volumes[i].kind != VOLUME_FILES)
                        continue;
                if (content_fill(e->content, e->pod, i, &e->pods->parts.node, &fill, &hash, &err) < 0) {
                        /* what was filled before stays: a deleted ConfigMap does not take files from a running pod */
                        if (*err.reason && !v->filled && !streq(err.text, kept_text(&v->failure)))
                                pod_event(e, NULL, true, "FailedMount",
                                          "MountVolume.SetUp failed for volume \"%s\" : %s", e->pod->volumes[i].name,
                                          err.text);
                        err_keep(&v->failure, &err);
                        v->wanted = false;
                        continue;
                }
                content_fill_free(fill);
                err_forget(&v->failure);
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
                        pod_mark(e);
                }
        }
}

void pods_claim_changed(void *userdata, const char *namespace, const char *name)
{
        struct pods *ps = userdata;
        struct pod_entry *e, *next;

        HASH_ITER (hh, ps->entries, e, next) {
                if (e->content && content_claims(e->content, namespace, name)) {
                        e->content_dirty = true;
                        pod_mark(e);
                }
        }
}

void pods_services_changed(void *userdata, const char *namespace)
{
        struct pods *ps = userdata;
        struct pod_entry *e, *next;

        HASH_ITER (hh, ps->entries, e, next) {
                if (e->content && e->pod->service_links && (!namespace || streq(e->pod->id.namespace, namespace))) {
                        e->content_dirty = true;
                        pod_mark(e);
                }
        }
}

void pods_token_changed(void *userdata, const struct pod_id *pod)
{
        struct pod_entry *e = pods_by_uid(userdata, pod->uid);

        if (e) {
                e->content_dirty = true;
                pod_mark(e);
        }
}
