/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pods/resolve.h"

#include "agent/pods/pod_event.h"
#include "common/mem.h"

/* What would the container be started with now, and if nobody knows: why? */
static void resolve_values(struct pod_entry *e, size_t i)
{
        struct container_state *c = &e->state->containers[i];
        struct err err = ERR_NONE;

        if (e->pod->containers[i].refused.code || !content_may_change(e->content, &e->pod->containers[i])) {
                c->values = 0; /* a Service that it had variables for may have gone */
                return;
        }
        if (content_values(e->content, e->pod, i, &e->pods->parts.node, &c->values, &err) == 0)
                err = ERR_NONE;
        if (!streq(err.text, c->env_failure.text))
                c->env_told = false;
        c->env_failure = err;
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
                if (e->pod->volumes[i].kind != VOLUME_FILES)
                        continue;
                if (content_fill(e->content, e->pod, i, &e->pods->parts.node, &fill, &hash, &err) < 0) {
                        /* what was filled before stays: a deleted ConfigMap does not take files from a running pod */
                        if (*err.reason && !v->filled && !streq(err.text, v->failure.text))
                                pod_event(e, NULL, true, "FailedMount",
                                          "MountVolume.SetUp failed for volume \"%s\" : %s", e->pod->volumes[i].name,
                                          err.text);
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
