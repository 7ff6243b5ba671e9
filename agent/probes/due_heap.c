/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/probes/due_heap.h"

#include "common/mem.h"

static void put(struct due_heap *h, size_t place, struct due *d)
{
        h->items[place - 1] = d;
        d->place = place;
}

static void rise(struct due_heap *h, struct due *d)
{
        size_t place = d->place;

        while (place > 1 && h->items[place / 2 - 1]->at > d->at) {
                put(h, place, h->items[place / 2 - 1]);
                place /= 2;
        }
        put(h, place, d);
}

static void sink(struct due_heap *h, struct due *d)
{
        size_t place = d->place;

        for (;;) {
                size_t below = 2 * place;

                if (below > h->n)
                        break;
                if (below < h->n && h->items[below]->at < h->items[below - 1]->at)
                        below++;
                if (h->items[below - 1]->at >= d->at)
                        break;
                put(h, place, h->items[below - 1]);
                place = below;
        }
        put(h, place, d);
}

void due_set(struct due_heap *h, struct due *d, uint64_t at)
{
        d->at = at;
        if (!d->place) {
                if (h->n == h->room) {
                        h->room = h->room ? 2 * h->room : 16;
                        h->items = xrealloc(h->items, h->room, sizeof(struct due *));
                }
                put(h, ++h->n, d);
        }
        rise(h, d);
        sink(h, d);
}

void due_remove(struct due_heap *h, struct due *d)
{
        struct due *last;

        if (!d->place)
                return;
        last = h->items[--h->n];
        if (last != d) {
                put(h, d->place, last);
                rise(h, last);
                sink(h, last);
        }
        d->place = 0;
}

struct due *due_first(const struct due_heap *h)
{
        return h->n ? h->items[0] : NULL;
}

void due_done(struct due_heap *h)
{
        for (size_t i = 0; i < h->n; i++)
                h->items[i]->place = 0;
        free(h->items);
        *h = (struct due_heap){ 0 };
}
