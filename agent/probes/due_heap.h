/* SPDX-License-Identifier: Apache-2.0 */
/* What is due when: a heap whose first item has the earliest time. Items are embedded in what they stand for. Pure. */
#ifndef VKS_AGENT_PROBES_DUE_HEAP_H
#define VKS_AGENT_PROBES_DUE_HEAP_H

#include "common/base.h"

struct due {
        uint64_t at;
        size_t place; /* in the heap, from 1 on; 0: it is not there */
};

struct due_heap {
        struct due **items;
        size_t n, room;
};

void due_set(struct due_heap *h, struct due *d, uint64_t at); /* puts it in, or moves it to another time */
void due_remove(struct due_heap *h, struct due *d);           /* one that is not there is left alone */
struct due *due_first(const struct due_heap *h);              /* NULL: nothing is due, ever */
void due_done(struct due_heap *h);                            /* frees the heap, not the items */

#endif
