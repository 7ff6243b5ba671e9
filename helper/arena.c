/* SPDX-License-Identifier: Apache-2.0 */
#include "helper/arena.h"

#include <errno.h>
#include <sys/mman.h>

enum { ALIGN = 16 };

int arena_init(struct arena *a, size_t size)
{
        void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

        *a = (struct arena){ .base = p == MAP_FAILED ? NULL : p, .size = size };
        return a->base ? 0 : -ENOMEM;
}

void *arena_alloc(void *arena, size_t n)
{
        struct arena *a = arena;
        size_t want = (n + ALIGN - 1) / ALIGN * ALIGN;
        void *p = a->base + a->used;

        if (want < n || want > a->size - a->used)
                return NULL;
        a->used += want;
        return p;
}

void arena_done(struct arena *a)
{
        if (a->base)
                munmap(a->base, a->size);
        *a = (struct arena){ 0 };
}
