/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pod/shutdown.h"

#include <stdlib.h>

#include "agent/pod/eviction.h"

static int by_priority(const void *a, const void *b)
{
        int64_t x = ((const struct config_shutdown_class *)a)->priority,
                y = ((const struct config_shutdown_class *)b)->priority;

        return x < y ? -1 : x > y;
}

void shutdown_order(const struct config_shutdown *c, struct shutdown_order *ret)
{
        const uint64_t second = 1000000;

        *ret = (struct shutdown_order){ .n = c->n };
        memcpy(ret->classes, c->classes, sizeof(ret->classes));
        if (c->n) {
                qsort(ret->classes, ret->n, sizeof(ret->classes[0]), by_priority);
                return;
        }
        if (!c->whole_usec)
                return;
        ret->n = 2;
        ret->classes[0] = (struct config_shutdown_class){ 0, (c->whole_usec - c->critical_usec) / second };
        ret->classes[1] = (struct config_shutdown_class){ CRITICAL_PRIORITY, c->critical_usec / second };
}

size_t shutdown_class(const struct shutdown_order *o, int64_t priority)
{
        size_t found = 0;

        for (size_t i = 1; i < o->n; i++)
                if (o->classes[i].priority <= priority)
                        found = i;
        return found;
}

uint64_t shutdown_seconds(const struct shutdown_order *o)
{
        uint64_t sum = 0;

        for (size_t i = 0; i < o->n; i++)
                sum += o->classes[i].seconds;
        return sum;
}
