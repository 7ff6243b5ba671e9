/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include "agent/probes/due_heap.h"

enum { N = 256 };

/* Against the plainest way to find the earliest of all. */
Test(due, the_first_is_the_earliest_whatever_is_done)
{
        struct due items[N] = { 0 };
        struct due_heap h = { 0 };
        unsigned chance = 1;

        for (int step = 0; step < 20000; step++) {
                struct due *d, *earliest = NULL, *first;

                chance = chance * 1103515245 + 12345;
                d = &items[chance >> 16 & 0xff];
                if (chance >> 8 & 3)
                        due_set(&h, d, chance >> 12 & 0xfff);
                else
                        due_remove(&h, d);
                for (int i = 0; i < N; i++)
                        if (items[i].place && (!earliest || items[i].at < earliest->at))
                                earliest = &items[i];
                first = due_first(&h);
                cr_assert_eq(first == NULL, earliest == NULL);
                cr_assert(!first || first->at == earliest->at, "step %d", step);
        }
        cr_assert_gt(h.n, 50);
        due_done(&h);
        for (int i = 0; i < N; i++)
                cr_assert_eq(items[i].place, 0);
        cr_assert_null(due_first(&h));
}
