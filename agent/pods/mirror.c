/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pods/mirror.h"

#include <errno.h>
#include <stdio.h>

#include "agent/lib/json.h"
#include "agent/lib/retry.h"
#include "agent/lib/times.h"
#include "agent/pod/manifest.h"
#include "common/log.h"
#include "common/mem.h"

enum { RETRY_USEC = 1000 * 1000 };

struct mirror {
        struct pods *pods;
        char key[ID_LABEL_MAX + 1 + ID_NAME_MAX + 1]; /* NAMESPACE/NAME */
        struct pod_id id;                             /* of the static pod that was wanted last */
        cJSON *object;                                /* that pod; NULL: no file asks for it */

        char uid[ID_UID_MAX + 1];  /* of the mirror that the API server has; "": none */
        char of[ID_UID_MAX + 1];   /* the static pod that it mirrors */
        char dead[ID_UID_MAX + 1]; /* of the one that was deleted last: news of it come late */
        bool deleting, listed;

        struct api_call *call;
        sd_event_source *timer;
        uint64_t retry_at;
        unsigned failures;
        char told[ERR_TEXT_MAX]; /* what was said last of why it cannot be made */
        UT_hash_handle hh;
};

struct mirrors {
        struct mirror *table;
        char node_uid[ID_UID_MAX + 1]; /* "": the Node was not seen yet */
};

/* ---- the table --------------------------------------------------------------------------------------------------- */

static struct mirrors *mirrors_of(struct pods *ps)
{
        if (!ps->mirrors)
                ps->mirrors = NEW(struct mirrors);
        return ps->mirrors;
}

static struct mirror *find(struct pods *ps, const char *namespace, const char *name, bool make)
{
        char key[sizeof(((struct mirror *)0)->key)];
        struct mirrors *all = mirrors_of(ps);
        struct mirror *m;

        snprintf(key, sizeof(key), "%s/%s", namespace, name);
        HASH_FIND_STR(all->table, key, m);
        if (m || !make)
                return m;
        m = NEW(struct mirror);
        m->pods = ps;
        memcpy(m->key, key, sizeof(key));
        snprintf(m->id.namespace, sizeof(m->id.namespace), "%s", namespace);
        snprintf(m->id.name, sizeof(m->id.name), "%s", name);
        HASH_ADD_STR(all->table, key, m);
        return m;
}

static void forget(struct mirrors *all, struct mirror *m)
{
        /* What is looped over is in the table. NOLINTNEXTLINE(clang-analyzer-core.NullDereference) */
        HASH_DEL(all->table, m);
        api_cancel(m->call);
        sd_event_source_disable_unref(m->timer);
        cJSON_Delete(m->object);
        free(m);
}

struct mirrors *mirrors_free(struct mirrors *all)
{
        struct mirror *m, *next;

        if (!all)
                return NULL;
        HASH_ITER (hh, all->table, m, next)
                forget(all, m);
        free(all);
        return NULL;
}

/* The static pod's entry, where it is one that is wanted. */
static struct pod_entry *entry_of(const struct mirror *m)
{
        struct pod_entry *e = m->object ? pods_by_uid(m->pods, m->id.uid) : NULL;

        return e && e->of_file && !e->state->gone ? e : NULL;
}

/* A static pod of that name is still here, if only to end. */
static bool is_here(const struct mirror *m)
{
        for (const struct pod_entry *e = m->pods->entries; e; e = e->hh.next)
                if (e->of_file && streq(e->pod->id.name, m->id.name) && streq(e->pod->id.namespace, m->id.namespace))
                        return true;
        return false;
}

/* The entry learns by which mirror it is to be reported. */
static void tell_entry(const struct mirror *m)
{
        struct pod_entry *e = entry_of(m);
        const char *uid = !m->deleting && streq(m->of, m->id.uid) ? m->uid : "";

        if (!e || streq(e->mirror_uid, uid))
                return;
        snprintf(e->mirror_uid, sizeof(e->mirror_uid), "%s", uid);
        e->status_acked = e->status_sent = 0;
        e->patch_retry_at = 0;
        e->patch = api_cancel(e->patch);
        pod_mark(e);
}

static void set_mirror(struct mirror *m, const char *uid, const char *of, bool deleting)
{
        snprintf(m->uid, sizeof(m->uid), "%s", uid);
        snprintf(m->of, sizeof(m->of), "%s", of);
        m->deleting = deleting;
        tell_entry(m);
        pods_go_on(m->pods);
}

/* ---- what is wanted ---------------------------------------------------------------------------------------------- */

void mirror_want(struct pods *ps, const cJSON *object)
{
        const cJSON *meta = json_get(object, "metadata");
        struct mirror *m = find(ps, json_str(meta, "namespace"), json_str(meta, "name"), true);

        cJSON_Delete(m->object);
        m->object = cJSON_Duplicate(object, true);
        snprintf(m->id.uid, sizeof(m->id.uid), "%s", json_str(meta, "uid"));
        m->retry_at = 0;
        m->failures = 0;
        tell_entry(m);
        pods_go_on(ps);
}

void mirror_unwant(struct pods *ps, const struct pod_id *id)
{
        struct mirror *m = find(ps, id->namespace, id->name, false);

        if (!m || !streq(m->id.uid, id->uid))
                return;
        cJSON_Delete(m->object);
        m->object = NULL;
        pods_go_on(ps);
}

/* ---- what the API server tells ----------------------------------------------------------------------------------- */

void mirror_seen(struct pods *ps, const cJSON *object)
{
        const cJSON *meta = json_get(object, "metadata");
        const char *namespace = json_str(meta, "namespace"), *name = json_str(meta, "name"),
                   *uid = json_str(meta, "uid");
        struct pod_entry *e;
        struct mirror *m;
        struct pod_id id;

        if (pod_id_parse(namespace, name, uid, &id, NULL) < 0)
                return;
        m = find(ps, namespace, name, true);
        m->listed = true;
        if (streq(uid, m->dead))
                return;
        e = entry_of(m);
        if (e && !e->recalled && streq(manifest_mirrored(object), m->id.uid)) {
                pod_state_recall(e->state, e->pod, json_get(object, "status"));
                e->recalled = true;
        }
        set_mirror(m, uid, manifest_mirrored(object), json_str(meta, "deletionTimestamp") != NULL);
}

void mirror_gone(struct pods *ps, const cJSON *object)
{
        const cJSON *meta = json_get(object, "metadata");
        const char *namespace = json_str(meta, "namespace"), *name = json_str(meta, "name");
        struct mirror *m = namespace && name ? find(ps, namespace, name, false) : NULL;

        if (m && streq(m->uid, json_str(meta, "uid")))
                set_mirror(m, "", "", false);
}

void mirrors_list_begin(struct pods *ps)
{
        struct mirror *m, *next;

        HASH_ITER (hh, mirrors_of(ps)->table, m, next)
                m->listed = false;
}

void mirrors_list_synced(struct pods *ps)
{
        struct mirror *m, *next;

        HASH_ITER (hh, mirrors_of(ps)->table, m, next) {
                if (!m->listed && *m->uid)
                        set_mirror(m, "", "", false);
                m->retry_at = 0;
        }
        pods_go_on(ps);
}

void mirrors_node_seen(struct pods *ps, const char *node_uid)
{
        struct mirrors *all = mirrors_of(ps);

        if (!node_uid || streq(all->node_uid, node_uid) || !id_is_uid(node_uid))
                return;
        snprintf(all->node_uid, sizeof(all->node_uid), "%s", node_uid);
        pods_go_on(ps);
}

/* ---- making and deleting ----------------------------------------------------------------------------------------- */

static int on_retry(UNUSED sd_event_source *source, UNUSED uint64_t usec, void *userdata)
{
        pods_go_on(userdata);
        return 0;
}

/* Said once: the namespace is missing, admission refuses it, another pod has the name. */
static void tell_failed(struct mirror *m, const char *text)
{
        const char *node = m->pods->parts.node.name;
        const struct event_object about = { .kind = "Node", .name = node, .uid = node };

        if (streq(m->told, text))
                return;
        snprintf(m->told, sizeof(m->told), "%s", text);
        log_warning("static pod %s runs, but its mirror cannot be made: %s", m->key, text);
        event_post(m->pods->parts.events, &about, true, "FailedMirrorPod",
                   "static pod %s runs, but its mirror cannot be made: %s", m->key, text);
}

static void wait_longer(struct mirror *m)
{
        uint64_t wait = backoff_next(&m->failures, RETRY_USEC);

        m->retry_at = time_now() + wait;
        timer_arm(m->pods->parts.event, &m->timer, CLOCK_MONOTONIC, wait, on_retry, m->pods);
}

static void fail_to_make(struct mirror *m, const struct api_response *r)
{
        wait_longer(m);
        if (r->status && m->failures > 2) /* the first may be the list's age, or admission's that has just begun */
                tell_failed(m, r->err.text);
}

static void on_made(void *userdata, struct api_response *r)
{
        struct mirror *m = userdata;
        const char *uid = json_str(json_get(r->body, "metadata"), "uid"),
                   *of = r->body ? manifest_mirrored(r->body) : NULL;

        m->call = NULL;
        if (r->error < 0 || !uid || !of) {
                fail_to_make(m, r);
        } else {
                m->failures = 0;
                m->told[0] = '\0';
                set_mirror(m, uid, of, false);
        }
        pods_go_on(m->pods);
}

static void make(struct mirror *m)
{
        cJSON *o = manifest_mirror(m->object, m->pods->mirrors->node_uid);
        CLEANUP(freep) char *path = xasprintf("/api/v1/namespaces/%s/pods", m->id.namespace);

        m->call = api_call(m->pods->parts.api, API_POST, path, o, 0, on_made, m);
        cJSON_Delete(o);
}

static void on_deleted(void *userdata, struct api_response *r)
{
        struct mirror *m = userdata;

        m->call = NULL;
        if (r->error < 0) {
                wait_longer(m);
        } else {
                m->failures = 0;
                snprintf(m->dead, sizeof(m->dead), "%s", m->uid);
                set_mirror(m, "", "", false);
        }
        pods_go_on(m->pods);
}

static void delete_mirror(struct mirror *m)
{
        CLEANUP(freep) char *path = xasprintf("/api/v1/namespaces/%s/pods/%s", m->id.namespace, m->id.name);
        cJSON *options = cJSON_CreateObject();

        cJSON_AddStringToObject(options, "kind", "DeleteOptions");
        cJSON_AddStringToObject(options, "apiVersion", "v1");
        cJSON_AddNumberToObject(options, "gracePeriodSeconds", 0);
        cJSON_AddStringToObject(cJSON_AddObjectToObject(options, "preconditions"), "uid", m->uid);
        m->call = api_tell(m->pods->parts.api, API_DELETE, path, options, 0, on_deleted, m);
        cJSON_Delete(options);
}

static void look(struct mirrors *all, struct mirror *m, uint64_t now)
{
        if (m->call || now < m->retry_at)
                return;
        if (*m->uid) {
                bool stale = m->object && !streq(m->of, m->id.uid),
                     orphan = !m->object && !is_here(m) && !m->pods->statics_unsure;

                if (m->deleting || stale || orphan)
                        delete_mirror(m);
        } else if (m->object) {
                if (*all->node_uid)
                        make(m);
        } else if (!is_here(m)) {
                forget(all, m);
        }
}

void mirrors_look(struct pods *ps)
{
        uint64_t now = time_now();
        struct mirror *m, *next;

        if (!ps->mirrors || !ps->listed || ps->parts.dry_run)
                return;
        HASH_ITER (hh, ps->mirrors->table, m, next)
                look(ps->mirrors, m, now);
}
