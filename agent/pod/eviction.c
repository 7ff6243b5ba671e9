/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pod/eviction.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/lib/json.h"
#include "agent/lib/quantity.h"
#include "common/buf.h"
#include "common/mem.h"

enum { MESSAGE_MAX = 16 * 1024 };

bool pod_is_critical(const struct pod *p)
{
        return p->demands.priority >= CRITICAL_PRIORITY;
}

/* As a Quantity of bytes prints itself: nothing of it is cut. */
static void bytes_text(uint64_t bytes, char ret[QUANTITY_TEXT_MAX])
{
        if (bytes % 1024)
                snprintf(ret, QUANTITY_TEXT_MAX, "%" PRIu64, bytes);
        else
                quantity_bytes_text(bytes, ret);
}

/* ---- limits of its own ------------------------------------------------------------------------------------------- */

static uint64_t storage_limit(const struct container *c)
{
        return c->init || c->ephemeral
                       ? 0
                       : resource_amount(json_get(c->resources, "limits"), resource_names[RESOURCE_STORAGE]);
}

bool eviction_has_storage_limits(const struct pod *p)
{
        for (size_t i = 0; i < p->n_volumes; i++)
                if (p->volumes[i].size_limit)
                        return true;
        return p->demands.storage_limit > 0;
}

const char *const storage_limit_names[STORAGE_LIMITS] = {
        [LIMIT_EMPTY_DIR] = "emptydirfs.limit",
        [LIMIT_POD] = "ephemeralpodfs.limit",
        [LIMIT_CONTAINER] = "ephemeralcontainerfs.limit",
};

char *eviction_by_storage(const struct pod *p, const struct storage_used *used, enum storage_limit *ret_limit)
{
        char text[QUANTITY_TEXT_MAX];

        *ret_limit = LIMIT_EMPTY_DIR;
        for (size_t i = 0; i < p->n_volumes; i++) {
                const struct volume *v = &p->volumes[i];
                if (v->size_limit && used->volumes[i] > v->size_limit)
                        return xasprintf("Usage of EmptyDir volume \"%s\" exceeds the limit \"%s\". ", v->name,
                                         v->size_text);
        }
        *ret_limit = LIMIT_POD;
        if (p->demands.storage_limit && used->total > p->demands.storage_limit) {
                bytes_text(p->demands.storage_limit, text);
                return xasprintf("Pod ephemeral local storage usage exceeds the total limit of containers %s. ", text);
        }
        *ret_limit = LIMIT_CONTAINER;
        for (size_t i = 0; i < p->n_containers; i++) {
                uint64_t limit = storage_limit(&p->containers[i]);
                if (!limit || used->containers[i] <= limit)
                        continue;
                bytes_text(limit, text);
                return xasprintf("Container %s exceeded its local ephemeral storage limit \"%s\". ",
                                 p->containers[i].name, text);
        }
        return NULL;
}

/* ---- when the machine is short of something ---------------------------------------------------------------------- */

static const char *const resource_words[] = {
        [EVICTION_MEMORY] = "memory", [EVICTION_MEMORY_FILES] = "memory", [EVICTION_STORAGE] = "ephemeral-storage",
        [EVICTION_INODES] = "inodes", [EVICTION_PIDS] = "pids",
};

/* What the pod has asked for of it. Nobody asks for the rest. */
static uint64_t asked(enum eviction_resource resource, const struct pod *p)
{
        const struct resources *r = &p->demands.requests;

        return resource == EVICTION_MEMORY    ? r->of[RESOURCE_MEMORY]
               : resource == EVICTION_STORAGE ? r->of[RESOURCE_STORAGE]
                                              : 0;
}

static uint64_t beyond(enum eviction_resource resource, const struct eviction_candidate *c)
{
        uint64_t request = asked(resource, c->pod);

        return c->used > request ? c->used - request : 0;
}

/* Who uses less than he has asked for comes behind who uses no more than that: by how much less. */
static int compare_use(enum eviction_resource resource, const struct eviction_candidate *a,
                       const struct eviction_candidate *b)
{
        uint64_t more_a = beyond(resource, a), more_b = beyond(resource, b);
        uint64_t less_a = asked(resource, a->pod) + more_a - a->used,
                 less_b = asked(resource, b->pod) + more_b - b->used;

        return more_a != more_b ? (more_a > more_b ? -1 : 1) : less_a != less_b ? (less_a < less_b ? -1 : 1) : 0;
}

static int compare_class(const struct pod *a, const struct pod *b)
{
        static const int order[] = {
                [QOS_CLASS_BEST_EFFORT] = 0,
                [QOS_CLASS_BURSTABLE] = 1,
                [QOS_CLASS_GUARANTEED] = 2,
        };

        return order[a->qos] - order[b->qos];
}

static int compare(const void *x, const void *y, void *arg)
{
        const struct eviction_candidate *a = x, *b = y;
        enum eviction_resource resource = *(const enum eviction_resource *)arg;
        int64_t p = a->pod->demands.priority, q = b->pod->demands.priority;
        bool exceeds_a = a->known && beyond(resource, a) > 0, exceeds_b = b->known && beyond(resource, b) > 0;
        int r = 0;

        if (resource != EVICTION_PIDS && a->known != b->known)
                return a->known ? 1 : -1;
        if (resource != EVICTION_PIDS && exceeds_a != exceeds_b)
                return exceeds_a ? -1 : 1;
        if (p != q)
                return p < q ? -1 : 1;
        if (a->known && b->known)
                r = compare_use(resource, a, b);
        else
                r = compare_class(a->pod, b->pod);
        return r ? r : strcmp(a->pod->id.uid, b->pod->id.uid); /* an order that stays */
}

void eviction_rank(enum eviction_resource resource, struct eviction_candidate *list, size_t n)
{
        if (n)
                qsort_r(list, n, sizeof(*list), compare, &resource);
}

static void amount_text(enum eviction_resource resource, uint64_t amount, char ret[QUANTITY_TEXT_MAX])
{
        if (resource == EVICTION_MEMORY || resource == EVICTION_MEMORY_FILES || resource == EVICTION_STORAGE)
                bytes_text(amount, ret);
        else
                snprintf(ret, QUANTITY_TEXT_MAX, "%" PRIu64, amount);
}

char *eviction_by_shortage(enum eviction_resource resource, uint64_t threshold, uint64_t available, const struct pod *p,
                           const uint64_t *containers)
{
        struct buf b = BUF(MESSAGE_MAX);
        char text[QUANTITY_TEXT_MAX], other[QUANTITY_TEXT_MAX];

        amount_text(resource, threshold, text);
        amount_text(resource, available, other);
        buf_printf(&b, "The node was low on resource: %s. Threshold quantity: %s, available: %s. ",
                   resource_words[resource], text, other);
        for (size_t i = 0; containers && i < p->n_containers; i++) {
                const struct container *c = &p->containers[i];
                uint64_t request = resource_amount(json_get(c->resources, "requests"), resource_words[resource]);

                if (containers[i] <= request)
                        continue;
                amount_text(resource, containers[i], text);
                amount_text(resource, request, other);
                buf_printf(&b, "Container %s was using %s, request is %s, has larger consumption of %s. ", c->name,
                           text, other, resource_words[resource]);
        }
        return buf_steal(&b);
}
