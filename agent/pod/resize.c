/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pod/resize.h"

#include <inttypes.h>
#include <stdio.h>

#include "agent/lib/json.h"
#include "agent/lib/times.h"
#include "agent/pod/limits.h"
#include "common/buf.h"
#include "common/mem.h"

#define RETRY_FIRST (10 * USEC_PER_SEC)

static const char *const lists[] = { "requests", "limits" };

/* The others stay as they are. */
static const enum resource resizable[] = { RESOURCE_CPU, RESOURCE_MEMORY };

static struct resize *resize_of(struct pod_state *s)
{
        if (!s->resize)
                s->resize = NEW(struct resize);
        return s->resize;
}

/* ---- what is asked for ------------------------------------------------------------------------------------------- */

static bool same_amounts(const cJSON *a, const cJSON *b, enum resource r)
{
        for (size_t i = 0; i < ARRAY_LEN(lists); i++)
                if (resource_amount(json_get(a, lists[i]), resource_names[r]) !=
                    resource_amount(json_get(b, lists[i]), resource_names[r]))
                        return false;
        return true;
}

static bool same_resources(const cJSON *a, const cJSON *b)
{
        for (size_t i = 0; i < ARRAY_LEN(resizable); i++)
                if (!same_amounts(a, b, resizable[i]))
                        return false;
        return true;
}

bool resize_is_asked(const struct pod *has, const struct pod *asks)
{
        if (!same_resources(has->resources, asks->resources))
                return true;
        for (size_t i = 0; i < has->n_containers && i < asks->n_containers; i++)
                if (!has->containers[i].ephemeral &&
                    !same_resources(has->containers[i].resources, asks->containers[i].resources))
                        return true;
        return false;
}

/* ---- what was granted -------------------------------------------------------------------------------------------- */

static cJSON *made(cJSON *o, const char *key)
{
        cJSON *item = cJSON_GetObjectItemCaseSensitive(o, key);

        return item ? item : cJSON_AddObjectToObject(o, key);
}

/* The amounts of the list `from` into holder.resources.KEY. */
static void put(cJSON *holder, const char *key, const cJSON *from)
{
        for (size_t i = 0; i < ARRAY_LEN(resizable); i++) {
                const char *name = resource_names[resizable[i]];
                const cJSON *value = json_get(from, name);
                cJSON *to =
                        cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(holder, "resources"), key);

                cJSON_DeleteItemFromObjectCaseSensitive(to, name);
                if (value)
                        cJSON_AddItemToObject(made(made(holder, "resources"), key), name, cJSON_Duplicate(value, true));
        }
}

static void put_all(cJSON *holder, const cJSON *resources)
{
        for (size_t i = 0; i < ARRAY_LEN(lists); i++)
                put(holder, lists[i], json_get(resources, lists[i]));
}

static const char *const containers[] = { "initContainers", "containers" };

void resize_hold(cJSON *object, const struct pod *has)
{
        cJSON *spec = cJSON_GetObjectItemCaseSensitive(object, "spec"), *item;

        if (has->resources || json_get(spec, "resources"))
                put_all(spec, has->resources);
        for (size_t i = 0; i < ARRAY_LEN(containers); i++)
                cJSON_ArrayForEach (item, cJSON_GetObjectItemCaseSensitive(spec, containers[i]))
                        for (size_t k = 0; k < has->n_containers; k++)
                                if (streq(has->containers[k].name, json_str(item, "name")))
                                        put_all(item, has->containers[k].resources);
}

static const cJSON *find_name(const cJSON *list, const char *name)
{
        const cJSON *item;

        cJSON_ArrayForEach (item, list)
                if (streq(json_str(item, "name"), name))
                        return item;
        return NULL;
}

/* Does the status tell of other requests than the spec has now? */
static bool is_recalled(const cJSON *holder, const cJSON *status)
{
        const cJSON *had = json_get(status, "allocatedResources");

        for (size_t i = 0; had && i < ARRAY_LEN(resizable); i++) {
                const char *name = resource_names[resizable[i]];
                const cJSON *requests = json_get(json_get(holder, "resources"), "requests");

                if (resource_amount(requests, name) != resource_amount(had, name))
                        return true;
        }
        return false;
}

/* True if any differs; with `take` they are put into the spec. */
static bool recall(cJSON *object, bool take)
{
        static const char *const statuses[] = { "initContainerStatuses", "containerStatuses" };
        cJSON *spec = cJSON_GetObjectItemCaseSensitive(object, "spec"), *item;
        const cJSON *status = json_get(object, "status");
        bool any = json_get(spec, "resources") && is_recalled(spec, status);

        if (take && json_get(spec, "resources") && json_get(status, "allocatedResources")) {
                put(spec, "requests", json_get(status, "allocatedResources"));
                put(spec, "limits", json_get(json_get(status, "resources"), "limits"));
        }
        for (size_t i = 0; i < ARRAY_LEN(containers); i++)
                cJSON_ArrayForEach (item, cJSON_GetObjectItemCaseSensitive(spec, containers[i])) {
                        const cJSON *told = find_name(json_get(status, statuses[i]), json_str(item, "name"));

                        any |= is_recalled(item, told);
                        if (!take || !json_get(told, "allocatedResources"))
                                continue;
                        put(item, "requests", json_get(told, "allocatedResources"));
                        put(item, "limits", json_get(json_get(told, "resources"), "limits"));
                }
        return any;
}

/*
 * Where the requests are those that were granted, the limits are, too: they are no matter of what a node has left. What
 * is still to be applied of them, resize_adopt() sees.
 */
bool resize_recall(cJSON *object)
{
        return recall(object, false) && recall(object, true);
}

/* ---- the verdict ------------------------------------------------------------------------------------------------- */

void resize_wish(struct pod_state *s, const struct pod *has, const struct pod *asks, int64_t priority)
{
        struct resize *r = resize_of(s);

        if (r->wish != WISH_DEFERRED || r->wish_generation != asks->generation)
                r->wish = WISH_UNJUDGED;
        r->asked = asks->demands.requests;
        r->more = false;
        for (size_t i = 0; i < ARRAY_LEN(resizable); i++)
                r->more |= r->asked.of[resizable[i]] > has->demands.requests.of[resizable[i]];
        r->priority = priority;
        r->wish_generation = asks->generation;
}

static void end_wish(struct resize *r)
{
        r->wish = WISH_NONE;
        r->wish_since = 0;
        free(r->why);
        r->why = NULL;
}

void resize_withdraw(struct pod_state *s)
{
        if (s->resize)
                end_wish(s->resize);
}

int resize_order(const struct pod *a, const struct resize *of_a, const struct pod *b, const struct resize *of_b)
{
        if (of_a->more != of_b->more)
                return of_a->more ? 1 : -1;
        if (of_a->priority != of_b->priority)
                return of_a->priority > of_b->priority ? -1 : 1;
        if (a->qos != b->qos)
                return a->qos == QOS_CLASS_GUARANTEED ? -1 : b->qos == QOS_CLASS_GUARANTEED ? 1 : 0;
        if (of_a->wish_since != of_b->wish_since)
                return of_a->wish_since && (!of_b->wish_since || of_a->wish_since < of_b->wish_since) ? -1 : 1;
        return strcmp(a->id.uid, b->id.uid);
}

bool resize_defer(struct pod_state *s, const char *why, uint64_t now)
{
        struct resize *r = resize_of(s);
        bool news = r->wish != WISH_DEFERRED;

        if (!r->wish_since)
                r->wish_since = now;
        r->wish = WISH_DEFERRED;
        if (!streq(r->why, why)) {
                free(r->why);
                r->why = xstrdup(why);
        }
        return news;
}

/* ---- on its way -------------------------------------------------------------------------------------------------- */

static void note_actual(cJSON **actual, const cJSON *had)
{
        if (!*actual)
                *actual = had ? cJSON_Duplicate(had, true) : cJSON_CreateObject();
}

/* A resource that is changed and whose resizePolicy says so. */
static bool needs_restart(const struct container *c, const cJSON *had)
{
        for (size_t i = 0; i < ARRAY_LEN(resizable); i++)
                if (c->restarts_for[resizable[i]] && !same_amounts(had, c->resources, resizable[i]))
                        return true;
        return false;
}

static void resize_container(struct container_state *c, const struct container *spec, const cJSON *had)
{
        if (spec->ephemeral || !unit_has_processes(c->unit.phase) || same_resources(had, spec->resources))
                return;
        note_actual(&c->actual, had);
        c->resize_restarts = needs_restart(spec, c->actual);
}

static void under_way(struct pod_state *s, int64_t generation, uint64_t now)
{
        struct resize *r = resize_of(s);

        if (!r->under_way)
                r->since = now;
        r->under_way = true;
        r->generation = generation;
        free(r->error);
        r->error = NULL;
        r->send = s->written || s->write_in_flight;
        r->retry_at = 0;
        r->failures = 0;
}

void resize_begin(struct pod_state *s, const struct pod *had, const struct pod *has, uint64_t now)
{
        struct resize *r = resize_of(s);

        end_wish(r);
        if (!r->under_way) {
                struct limits before;

                limits_of_pod(had, 0, &before);
                r->memory = before.memory_max;
        }
        under_way(s, has->generation, now);
        if (has->resources && !same_resources(had->resources, has->resources))
                note_actual(&r->actual, had->resources);
        for (size_t i = 0; i < s->n_containers && i < had->n_containers; i++)
                resize_container(&s->containers[i], &has->containers[i], had->containers[i].resources);
}

static const cJSON *told_of(const cJSON *status, const struct container *c)
{
        return find_name(json_get(status, c->init ? "initContainerStatuses" : "containerStatuses"), c->name);
}

void resize_adopt(struct pod_state *s, const struct pod *p, const cJSON *status, uint64_t now)
{
        const cJSON *all = json_get(status, "resources"), *item;
        bool begun = p->resources && all && !same_resources(all, p->resources);

        if (begun)
                note_actual(&resize_of(s)->actual, all);
        for (size_t i = 0; i < p->n_containers; i++) {
                const struct container *spec = &p->containers[i];
                struct container_state *c = &s->containers[i];
                const cJSON *had = json_get(told_of(status, spec), "resources");

                if (spec->ephemeral || c->phase != CONTAINER_RUNNING || !had || same_resources(had, spec->resources))
                        continue;
                note_actual(&c->actual, had);
                begun = true;
        }
        cJSON_ArrayForEach (item, json_get(status, "conditions")) {
                const char *type = json_str(item, "type");
                uint64_t since = 0;

                if (streq(type, RESIZE_PENDING))
                        (void)resize_of(s);
                if (!streq(type, RESIZE_IN_PROGRESS))
                        continue;
                under_way(s, json_int(item, "observedGeneration", p->generation), now);
                if (json_str(item, "lastTransitionTime") &&
                    time_parse_rfc3339(json_str(item, "lastTransitionTime"), &since) == 0)
                        s->resize->since = since;
                s->resize->send = true;
        }
        if (!begun)
                return;
        if (!resize_of(s)->under_way)
                under_way(s, p->generation, now);
        s->resize->send = true;
}

/* ---- memory that is in use --------------------------------------------------------------------------------------- */

static bool decreases(uint64_t before, uint64_t now)
{
        return now && (!before || now < before);
}

char *resize_refusal(const struct pod *p, const struct pod_state *s, const uint64_t *used, uint64_t all)
{
        CLEANUP(buf_done) struct buf b = BUF(16 * 1024);
        struct limits limits;
        size_t n = 0;

        limits_of_pod(p, 0, &limits);
        if (decreases(s->resize->memory, limits.memory_max) && all != UINT64_MAX && all >= limits.memory_max) {
                buf_printf(&b, "attempting to set pod memory limit (%" PRIu64 ") below current usage (%" PRIu64 ")",
                           limits.memory_max, all);
                n++;
        }
        for (size_t i = 0; i < p->n_containers; i++) {
                const struct container_state *c = &s->containers[i];
                uint64_t had = resource_amount(json_get(c->actual, "limits"), resource_names[RESOURCE_MEMORY]);

                limits_of_container(p, &p->containers[i], &limits);
                if (!c->actual || c->resize_restarts || !decreases(had, limits.memory_max) || used[i] == UINT64_MAX ||
                    used[i] < limits.memory_max)
                        continue;
                buf_printf(&b,
                           "%sattempting to set container \"%s\" memory limit (%" PRIu64
                           ") below current usage (%" PRIu64 ")",
                           n++ ? ", " : "", p->containers[i].name, limits.memory_max, used[i]);
        }
        if (!n)
                return NULL;
        return xasprintf("cannot decrease memory limits: %s%s%s", n > 1 ? "[" : "", b.data, n > 1 ? "]" : "");
}

/* ---- its effect -------------------------------------------------------------------------------------------------- */

bool resize_has_unit(const struct pod *p, const struct pod_state *s, size_t i)
{
        return !p->containers[i].ephemeral && s->containers[i].mark && !s->containers[i].resize_restarts;
}

/* What the pod says nothing of is the package's. */
static bool has_limits(const struct pod *p, const struct container *spec, const struct unit_limits *u)
{
        struct limits want;

        limits_of_container(p, spec, &want);
        return (!want.cpu_weight || want.cpu_weight == u->cpu_weight) &&
               (!want.cpu_milli || want.cpu_milli == u->cpu_milli) &&
               (!want.memory_max || want.memory_max == u->memory_max);
}

static void forget_actual(struct container_state *c)
{
        cJSON_Delete(c->actual);
        c->actual = NULL;
        c->resize_restarts = false;
}

bool resize_settle(const struct pod *p, struct pod_state *s, uint64_t now)
{
        struct resize *r = s->resize;
        bool all = true;

        if (!r || !r->under_way)
                return false;
        for (size_t i = 0; i < s->n_containers; i++) {
                struct container_state *c = &s->containers[i];

                if (c->actual && !unit_has_processes(c->unit.phase) && !c->replacing)
                        forget_actual(c); /* it is begun with what the pod has */
                if (!c->actual || r->send || r->in_flight || c->resize_restarts || !c->unit.limits.known) {
                        all &= !c->actual;
                } else if (has_limits(p, &p->containers[i], &c->unit.limits)) {
                        forget_actual(c);
                } else {
                        CLEANUP(freep)
                        char *why = xasprintf("systemd has other limits of container %s than it was told",
                                              p->containers[i].name);
                        (void)resize_fail(s, why, now); /* so it is sent again, and the others are judged then */
                }
        }
        if (!all || r->send || r->in_flight)
                return false;
        r->under_way = false;
        free(r->error);
        r->error = NULL;
        cJSON_Delete(r->actual);
        r->actual = NULL;
        return true;
}

bool resize_fail(struct pod_state *s, const char *why, uint64_t now)
{
        struct resize *r = resize_of(s);
        bool news = !streq(r->error, why);

        if (news) {
                free(r->error);
                r->error = xstrdup(why);
        }
        r->send = true;
        r->retry_at = now + backoff_next(&r->failures, RETRY_FIRST);
        return news;
}

/* ---- its events -------------------------------------------------------------------------------------------------- */

char *resize_message(const struct pod *p, const char *head, int64_t generation, const char *error)
{
        CLEANUP(json_freep) cJSON *o = cJSON_CreateObject();
        CLEANUP(freep) char *text = NULL;
        cJSON *of_kind[ARRAY_LEN(containers)] = { NULL };

        for (size_t i = 0; i < p->n_containers; i++) {
                const struct container *c = &p->containers[i];
                cJSON **list = &of_kind[c->init ? 0 : 1], *item = cJSON_CreateObject();

                if (c->ephemeral) {
                        cJSON_Delete(item);
                        continue;
                }
                if (!*list)
                        *list = cJSON_AddArrayToObject(o, containers[c->init ? 0 : 1]);
                cJSON_AddStringToObject(item, "name", c->name);
                cJSON_AddItemToObject(item, "resources",
                                      c->resources ? cJSON_Duplicate(c->resources, true) : cJSON_CreateObject());
                cJSON_AddItemToArray(*list, item);
        }
        cJSON_AddNumberToObject(o, "generation", (double)generation);
        if (error)
                cJSON_AddStringToObject(o, "error", error);
        text = cJSON_PrintUnformatted(o);
        return xasprintf("%s: %s", head, text ? text : "");
}
