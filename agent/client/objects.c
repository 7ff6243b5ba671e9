/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/client/objects.h"

#include <errno.h>
#include <uthash.h>

#include "agent/lib/base64.h"
#include "agent/lib/json.h"
#include "agent/client/watch.h"
#include "common/mem.h"

enum { DENIALS = 4 }; /* so many in a row are no mere lag of the authorizer */

struct entry {
        char *key;
        void *data;
        size_t size;
        bool binary; /* of binaryData: a file, never a variable */
};

struct content {
        struct entry *entries;
        size_t n;
};

struct object {
        struct objects *objects;
        char *id; /* "secrets/NAMESPACE/NAME", the hash key */
        enum object_kind kind;
        char *namespace, *name;
        unsigned holders, denials;
        enum object_state state;
        struct content content;
        bool listed; /* a list is under way, and it was in it */
        struct watch *watch;
        UT_hash_handle hh;
};

struct objects {
        sd_event *event;
        struct api *api;
        object_changed changed;
        void *userdata;
        struct object *table;
};

static const char *const resources[] = { [OBJECT_CONFIG_MAP] = "configmaps", [OBJECT_SECRET] = "secrets" };

/* ---- content ----------------------------------------------------------------------------------------------------- */

static void content_done(struct content *c)
{
        for (size_t i = 0; i < c->n; i++) {
                explicit_bzero(c->entries[i].data, c->entries[i].size);
                free(c->entries[i].data);
                free(c->entries[i].key);
        }
        free(c->entries);
        *c = (struct content){ 0 };
}

static bool content_equal(const struct content *a, const struct content *b)
{
        for (size_t i = 0; i < a->n && a->n == b->n; i++)
                if (!streq(a->entries[i].key, b->entries[i].key) || a->entries[i].size != b->entries[i].size ||
                    a->entries[i].binary != b->entries[i].binary ||
                    memcmp(a->entries[i].data, b->entries[i].data, a->entries[i].size) != 0)
                        return false;
        return a->n == b->n;
}

static void content_add(struct content *c, const cJSON *map, bool base64, bool binary)
{
        const cJSON *v;

        cJSON_ArrayForEach (v, map) {
                struct entry e = { .binary = binary };

                if (!cJSON_IsString(v))
                        continue;
                if (!base64) {
                        e.size = strlen(v->valuestring);
                        e.data = xmemdup(v->valuestring, e.size);
                        json_bytes(e.data, e.size);
                } else if (base64_decode(v->valuestring, strlen(v->valuestring), &e.data, &e.size) < 0)
                        continue; /* the API server lets no such thing pass */
                e.key = xstrdup(v->string);
                c->entries = xrealloc(c->entries, c->n + 1, sizeof(*c->entries));
                c->entries[c->n++] = e;
        }
}

static struct content content_of(enum object_kind kind, const cJSON *object)
{
        struct content c = { 0 };

        content_add(&c, json_get(object, "data"), kind == OBJECT_SECRET, false);
        content_add(&c, json_get(object, "binaryData"), true, true);
        return c;
}

/* ---- what the watch says; after changed() the object may be gone ------------------------------------------------- */

static void set_state(struct object *o, enum object_state state)
{
        struct objects *all = o->objects;
        bool same = o->state == state;

        o->state = state;
        if (state != OBJECT_PRESENT)
                content_done(&o->content);
        if (!same)
                all->changed(all->userdata, o->kind, o->namespace, o->name);
}

static void on_begin(void *userdata)
{
        struct object *o = userdata;

        o->listed = false;
}

static void on_upsert(void *userdata, const cJSON *json)
{
        struct object *o = userdata;
        struct objects *all = o->objects;
        struct content c;

        if (!streq(json_str(json_get(json, "metadata"), "name"), o->name))
                return;
        c = content_of(o->kind, json);
        o->listed = true;
        o->denials = 0;
        if (o->state == OBJECT_PRESENT && content_equal(&c, &o->content)) {
                content_done(&c);
                return;
        }
        content_done(&o->content);
        o->content = c;
        o->state = OBJECT_PRESENT;
        all->changed(all->userdata, o->kind, o->namespace, o->name);
}

static void on_gone(void *userdata, const cJSON *json)
{
        struct object *o = userdata;

        if (streq(json_str(json_get(json, "metadata"), "name"), o->name))
                set_state(o, OBJECT_MISSING);
}

static void on_synced(void *userdata)
{
        struct object *o = userdata;

        o->denials = 0;
        if (!o->listed)
                set_state(o, OBJECT_MISSING);
}

/* What is known stays known: a pod that runs does not lose its volumes because the API server forbids or forgets. */
static void on_failed(void *userdata, const struct api_response *r)
{
        struct object *o = userdata;

        if (o->state == OBJECT_PRESENT)
                return;
        if (r->status == 404)
                set_state(o, OBJECT_MISSING);
        else if (r->status == 403 && ++o->denials >= DENIALS)
                set_state(o, OBJECT_DENIED);
}

static const struct watch_handler handler = {
        .begin = on_begin,
        .upsert = on_upsert,
        .gone = on_gone,
        .synced = on_synced,
        .failed = on_failed,
};

/* ---- holding ----------------------------------------------------------------------------------------------------- */

static struct object *object_new(struct objects *all, enum object_kind kind, const char *namespace, const char *name,
                                 char *id)
{
        struct object *o = NEW(struct object);
        CLEANUP(freep) char *ns = api_escape(namespace);
        CLEANUP(freep) char *escaped = api_escape(name);
        CLEANUP(freep) char *path = xasprintf("/api/v1/namespaces/%s/%s", ns, resources[kind]);
        CLEANUP(freep) char *query = xasprintf("fieldSelector=metadata.name%%3D%s", escaped);

        o->objects = all;
        o->id = id;
        o->kind = kind;
        o->namespace = xstrdup(namespace);
        o->name = xstrdup(name);
        HASH_ADD_KEYPTR(hh, all->table, o->id, strlen(o->id), o);
        o->watch = watch_new(all->event, all->api, path, query, &handler, o);
        return o;
}

static void object_free(struct object *o)
{
        HASH_DEL(o->objects->table, o);
        watch_free(o->watch);
        content_done(&o->content);
        free(o->id);
        free(o->namespace);
        free(o->name);
        free(o);
}

struct object *object_hold(struct objects *all, enum object_kind kind, const char *namespace, const char *name)
{
        CLEANUP(freep) char *id = xasprintf("%s/%s/%s", resources[kind], namespace, name);
        struct object *o;

        HASH_FIND_STR(all->table, id, o);
        if (!o)
                o = object_new(all, kind, namespace, name, TAKE(id));
        o->holders++;
        return o;
}

struct object *object_release(struct object *o)
{
        if (o && --o->holders == 0)
                object_free(o);
        return NULL;
}

struct objects *objects_new(sd_event *event, struct api *api, object_changed changed, void *userdata)
{
        struct objects *all = NEW(struct objects);

        all->event = sd_event_ref(event);
        all->api = api;
        all->changed = changed;
        all->userdata = userdata;
        return all;
}

struct objects *objects_free(struct objects *all)
{
        struct object *o, *next;

        if (!all)
                return NULL;
        HASH_ITER (hh, all->table, o, next)
                object_free(o);
        sd_event_unref(all->event);
        free(all);
        return NULL;
}

/* ---- asking ------------------------------------------------------------------------------------------------------ */

enum object_state object_state(const struct object *o)
{
        return o->state;
}

size_t object_n_keys(const struct object *o)
{
        return o->content.n;
}

const char *object_key(const struct object *o, size_t i, const void **ret_data, size_t *ret_size)
{
        if (i >= o->content.n)
                return NULL;
        *ret_data = o->content.entries[i].data;
        *ret_size = o->content.entries[i].size;
        return o->content.entries[i].key;
}

bool object_is_binary(const struct object *o, const char *key)
{
        for (size_t i = 0; i < o->content.n; i++)
                if (streq(o->content.entries[i].key, key))
                        return o->content.entries[i].binary;
        return false;
}

int object_get(const struct object *o, const char *key, const void **ret_data, size_t *ret_size)
{
        for (size_t i = 0; i < o->content.n; i++)
                if (streq(o->content.entries[i].key, key)) {
                        object_key(o, i, ret_data, ret_size);
                        return 0;
                }
        return -ENOENT;
}
