/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include "helper/arena.h"

Test(arena, it_is_full_when_it_is_full_and_wiped_when_it_is_done)
{
        struct arena a;
        uint8_t *first;

        cr_assert_eq(arena_init(&a, 4096), 0);
        first = arena_alloc(&a, 4000);
        cr_assert_not_null(first);
        cr_assert_null(arena_alloc(&a, 4096), "more than is left");
        cr_assert_null(arena_alloc(&a, SIZE_MAX), "what no number can hold when it is rounded up");
        cr_assert_not_null(arena_alloc(&a, 16), "the rest is still there");
        arena_done(&a);
        cr_assert(!a.base && a.size == 0);
        arena_done(&a);
}
