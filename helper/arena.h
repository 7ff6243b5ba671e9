/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bounded block of memory that holds what one request unpacks to. It is only freed as a whole, and wiped then.
 * Address space is taken at once, memory page by page.
 */
#ifndef VKS_HELPER_ARENA_H
#define VKS_HELPER_ARENA_H

#include "common/base.h"

struct arena {
        uint8_t *base;
        size_t used, size;
};

int arena_init(struct arena *a, size_t size); /* -ENOMEM */
void *arena_alloc(void *arena, size_t n);     /* NULL when it is full; `arena` is a struct arena */
void arena_done(struct arena *a);

#endif
