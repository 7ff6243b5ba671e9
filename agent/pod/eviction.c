/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pod/eviction.h"

#include <inttypes.h>
#include <stdio.h>

#include "agent/lib/json.h"
#include "agent/lib/quantity.h"
#include "common/mem.h"

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

char *eviction_by_storage(const struct pod *p, const struct storage_used *used)
{
        char text[QUANTITY_TEXT_MAX];

        for (size_t i = 0; i < p->n_volumes; i++) {
                const struct volume *v = &p->volumes[i];
                if (v->size_limit && used->volumes[i] > v->size_limit)
                        return xasprintf("Usage of EmptyDir volume \"%s\" exceeds the limit \"%s\". ", v->name,
                                         v->size_text);
        }
        if (p->demands.storage_limit && used->total > p->demands.storage_limit) {
                bytes_text(p->demands.storage_limit, text);
                return xasprintf("Pod ephemeral local storage usage exceeds the total limit of containers %s. ", text);
        }
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
