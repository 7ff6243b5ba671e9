/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/client/event_table.h"

#include <inttypes.h>
#include <uthash.h>
#include <utlist.h>

#include "agent/lib/times.h"
#include "common/buf.h"
#include "common/ids.h"
#include "common/mem.h"

#define SAME_USEC         UINT64_C(600000000) /* later than this it is a new event */
#define FLOOD_REFILL_USEC UINT64_C(300000000)
enum { FLOOD_BURST = 25, TRIES_MAX = 8, SUFFIX_MAX = 17 };

/* What makes two events the same one: strings one behind the other, each with its NUL, which are the hash key as they
 * lie. */
enum field { KIND, NAMESPACE, NAME, UID, CONTAINER, TYPE, REASON, MESSAGE, N_FIELDS };

struct event_record {
        char *key;
        size_t key_size;
        const char *field[N_FIELDS];
        char *event_name;
        uint64_t first_wall_usec, last_wall_usec, last_usec;
        unsigned count, tries;
        bool posted, queued, sending;
        bool forgotten;    /* once it is sent */
        UT_hash_handle hh; /* in the order of last occurrence */
        struct event_record *prev, *next;
};

struct flood {
        char *key; /* the object's */
        size_t key_size;
        struct bucket bucket;
        UT_hash_handle hh;
};

struct event_table {
        char *host;
        struct event_record *records, *queue;
        struct flood *floods;
        size_t n_records, n_floods;
};

bool bucket_take(struct bucket *b, unsigned burst, uint64_t refill_usec, uint64_t now_usec)
{
        uint64_t back = b->used ? (now_usec - b->since_usec) / refill_usec : 0;

        if (back >= b->used)
                *b = (struct bucket){ .since_usec = now_usec };
        else {
                b->used -= (unsigned)back;
                b->since_usec += back * refill_usec;
        }
        if (b->used >= burst)
                return false;
        b->used++;
        return true;
}

static void record_free(struct event_table *t, struct event_record *r)
{
        HASH_DEL(t->records, r);
        t->n_records--;
        if (r->queued)
                DL_DELETE(t->queue, r);
        free(r->key);
        free(r->event_name);
        free(r);
}

static void flood_free(struct event_table *t, struct flood *f)
{
        HASH_DEL(t->floods, f);
        t->n_floods--;
        free(f->key);
        free(f);
}

/* Forgets what is too old to be repeated, and makes room for one more. */
static void prune(struct event_table *t, uint64_t now_usec)
{
        struct event_record *r, *next;

        HASH_ITER (hh, t->records, r, next) {
                bool old = now_usec - r->last_usec >= SAME_USEC && !r->queued;

                if (!old && t->n_records < EVENT_TABLE_MAX)
                        break;
                if (!r->sending)
                        record_free(t, r);
        }
        if (t->n_floods >= EVENT_TABLE_MAX)
                flood_free(t, t->floods);
}

static bool floods(struct event_table *t, const char *key, size_t size, uint64_t now_usec)
{
        struct flood *f;

        HASH_FIND(hh, t->floods, key, size, f);
        if (f)
                HASH_DEL(t->floods, f);
        else {
                f = NEW(struct flood);
                f->key = xmemdup(key, size);
                f->key_size = size;
                t->n_floods++;
        }
        HASH_ADD_KEYPTR(hh, t->floods, f->key, f->key_size, f); /* the last heard of is the last in the table */
        return !bucket_take(&f->bucket, FLOOD_BURST, FLOOD_REFILL_USEC, now_usec);
}

/* As client-go names them, OBJECT.HEX-OF-TIME; an over-long object's name is cut. */
static char *name_event(const char *object, uint64_t wall_usec, uint32_t random)
{
        size_t n = strlen(object);

        if (n > ID_NAME_MAX - SUFFIX_MAX)
                n = ID_NAME_MAX - SUFFIX_MAX;
        while (n > 0 && (object[n - 1] == '.' || object[n - 1] == '-'))
                n--;
        return xasprintf("%.*s.%" PRIx64, (int)n, object, wall_usec * 1000 + random % 1000);
}

static struct event_record *record_new(struct event_table *t, struct buf *key, uint64_t wall_usec, uint32_t random)
{
        struct event_record *r = NEW(struct event_record);
        const char *p;

        r->key_size = key->len;
        p = r->key = buf_steal(key);
        for (size_t i = 0; i < N_FIELDS; i++) {
                r->field[i] = p;
                p += strlen(p) + 1;
        }
        r->event_name = name_event(r->field[NAME], wall_usec, random);
        r->first_wall_usec = wall_usec;
        HASH_ADD_KEYPTR(hh, t->records, r->key, r->key_size, r);
        t->n_records++;
        return r;
}

static void enqueue(struct event_table *t, struct event_record *r)
{
        if (!r->queued)
                DL_APPEND(t->queue, r);
        r->queued = true;
}

bool event_table_note(struct event_table *t, const struct event_object *about, bool warning, const char *reason,
                      const char *message, uint64_t now_usec, uint64_t wall_usec, uint32_t random)
{
        const char *fields[N_FIELDS] = { about->kind, about->namespace, about->name,
                                         about->uid,  about->container, warning ? "Warning" : "Normal",
                                         reason,      message };
        struct buf key = BUF(16 * 1024);
        struct event_record *r;
        size_t object_size = 0;
        bool ok;

        for (size_t i = 0; i < N_FIELDS; i++) {
                buf_str(&key, fields[i] ? fields[i] : "");
                buf_char(&key, '\0');
                if (i == UID)
                        object_size = key.len;
        }
        prune(t, now_usec);
        ok = buf_ok(&key) && !floods(t, key.data, object_size, now_usec);
        if (ok) {
                HASH_FIND(hh, t->records, key.data, key.len, r);
                if (!r)
                        r = record_new(t, &key, wall_usec, random);
                else {
                        HASH_DEL(t->records, r);
                        HASH_ADD_KEYPTR(hh, t->records, r->key, r->key_size, r);
                }
                r->count++;
                r->last_usec = now_usec;
                r->last_wall_usec = wall_usec;
                enqueue(t, r);
        }
        buf_done(&key);
        return ok;
}

void event_table_forget(struct event_table *t, const char *uid)
{
        struct event_record *r, *next_record;
        struct flood *f, *next_flood;

        HASH_ITER (hh, t->records, r, next_record) {
                if (!streq(r->field[UID], uid))
                        continue;
                if (r->queued || r->sending)
                        r->forgotten = true;
                else
                        record_free(t, r);
        }
        HASH_ITER (hh, t->floods, f, next_flood) { /* its key ends with the uid */
                size_t n = strlen(uid) + 1;
                if (f->key_size > n && !f->key[f->key_size - n - 1] && memcmp(f->key + f->key_size - n, uid, n) == 0)
                        flood_free(t, f);
        }
}

size_t event_table_size(const struct event_table *t)
{
        return t->n_records;
}

bool event_table_waiting(const struct event_table *t)
{
        return t->queue != NULL;
}

struct event_record *event_table_next(struct event_table *t)
{
        struct event_record *r = t->queue;

        if (!r)
                return NULL;
        DL_DELETE(t->queue, r);
        r->queued = false;
        r->sending = true;
        return r;
}

bool event_table_done(struct event_table *t, struct event_record *r, enum event_outcome outcome)
{
        bool again = outcome == EVENT_UNKNOWN || outcome == EVENT_RETRY;

        r->sending = false;
        if (outcome == EVENT_UNKNOWN && !r->posted) /* there is no such namespace */
                return event_table_done(t, r, EVENT_DROP);
        if (outcome == EVENT_DROP || (again && ++r->tries >= TRIES_MAX)) {
                record_free(t, r);
                return false;
        }
        if (!again && r->forgotten && !r->queued) {
                record_free(t, r);
                return true;
        }
        if (!again) {
                r->tries = 0;
                r->posted = true;
                return true;
        }
        if (outcome == EVENT_UNKNOWN)
                r->posted = false;
        if (r->queued)
                DL_DELETE(t->queue, r);
        DL_PREPEND(t->queue, r);
        r->queued = true;
        return true;
}

/* ---- as JSON ----------------------------------------------------------------------------------------------------- */

static void add(cJSON *o, const char *key, const char *value)
{
        if (*value)
                cJSON_AddStringToObject(o, key, value);
}

static void add_time(cJSON *o, const char *key, uint64_t wall_usec)
{
        char text[32];

        time_rfc3339(wall_usec, text);
        cJSON_AddStringToObject(o, key, text);
}

static const char *namespace_of(const struct event_record *r)
{
        return *r->field[NAMESPACE] ? r->field[NAMESPACE] : "default";
}

static cJSON *whole(const struct event_table *t, const struct event_record *r)
{
        cJSON *root = cJSON_CreateObject(), *o;

        add(root, "apiVersion", "v1");
        add(root, "kind", "Event");
        o = cJSON_AddObjectToObject(root, "metadata");
        add(o, "name", r->event_name);
        add(o, "namespace", namespace_of(r));
        o = cJSON_AddObjectToObject(root, "involvedObject");
        add(o, "apiVersion", "v1");
        add(o, "kind", r->field[KIND]);
        add(o, "namespace", r->field[NAMESPACE]);
        add(o, "name", r->field[NAME]);
        add(o, "uid", r->field[UID]);
        if (*r->field[CONTAINER]) {
                CLEANUP(freep) char *path = xasprintf("spec.containers{%s}", r->field[CONTAINER]);
                add(o, "fieldPath", path);
        }
        add(root, "type", r->field[TYPE]);
        add(root, "reason", r->field[REASON]);
        add(root, "message", r->field[MESSAGE]);
        o = cJSON_AddObjectToObject(root, "source");
        add(o, "component", "kubelet");
        add(o, "host", t->host);
        add(root, "reportingComponent", "kubelet");
        add(root, "reportingInstance", t->host);
        return root;
}

void event_record_request(const struct event_table *t, const struct event_record *r, bool *ret_patch, char **ret_path,
                          cJSON **ret_body)
{
        cJSON *body = r->posted ? cJSON_CreateObject() : whole(t, r);

        if (!r->posted)
                add_time(body, "firstTimestamp", r->first_wall_usec);
        add_time(body, "lastTimestamp", r->last_wall_usec);
        cJSON_AddNumberToObject(body, "count", r->count);
        *ret_patch = r->posted;
        *ret_body = body;
        *ret_path = xasprintf("/api/v1/namespaces/%s/events%s%s", namespace_of(r), r->posted ? "/" : "",
                              r->posted ? r->event_name : "");
}

char *event_record_text(const struct event_record *r)
{
        return xasprintf("%s %s%s%s: %s: %s", r->field[KIND], r->field[NAMESPACE], *r->field[NAMESPACE] ? "/" : "",
                         r->field[NAME], r->field[REASON], r->field[MESSAGE]);
}

struct event_table *event_table_new(const char *host)
{
        struct event_table *t = NEW(struct event_table);

        t->host = xstrdup(host);
        return t;
}

struct event_table *event_table_free(struct event_table *t)
{
        struct event_record *r, *next;
        struct flood *f, *next_flood;

        if (!t)
                return NULL;
        HASH_ITER (hh, t->records, r, next)
                record_free(t, r);
        HASH_ITER (hh, t->floods, f, next_flood)
                flood_free(t, f);
        free(t->host);
        free(t);
        return NULL;
}
