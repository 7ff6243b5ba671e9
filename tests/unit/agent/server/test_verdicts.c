/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <stdio.h>

#include "agent/server/verdicts.h"
#include "common/mem.h"

static struct digest question(unsigned n)
{
        struct digest d = { 0 };

        memcpy(d.bytes, &n, sizeof(n));
        return d;
}

static void put(struct verdicts *v, unsigned n, bool allowed, uint64_t now, uint64_t life)
{
        struct digest d = question(n);

        verdicts_put(v, &d, (struct verdict){ .allowed = allowed, .who = { .name = xasprintf("user%u", n) } }, now,
                     life);
}

static const struct verdict *get(struct verdicts *v, unsigned n, uint64_t now)
{
        struct digest d = question(n);

        return verdicts_get(v, &d, now);
}

Test(verdicts, are_believed_for_their_time)
{
        CLEANUP(verdicts_freep) struct verdicts *v = verdicts_new(10);

        put(v, 1, true, 1000, 300);
        put(v, 2, false, 1000, 30);
        cr_assert(get(v, 1, 1000)->allowed && !get(v, 2, 1029)->allowed);
        cr_assert_null(get(v, 2, 1030));
        cr_assert_str_eq(get(v, 1, 1299)->who.name, "user1");
        cr_assert_null(get(v, 1, 1300));
        cr_assert_null(get(v, 1, 1299), "what was too old once is gone");
        cr_assert_null(get(v, 3, 0));
        cr_assert_eq(verdicts_count(v), 0);
}

Test(verdicts, a_new_one_takes_the_old_ones_place_and_time)
{
        CLEANUP(verdicts_freep) struct verdicts *v = verdicts_new(10);

        put(v, 1, true, 0, 300);
        put(v, 1, false, 10, 30);
        cr_assert_eq(verdicts_count(v), 1);
        cr_assert_not(get(v, 1, 39)->allowed);
        cr_assert_null(get(v, 1, 40));
}

Test(verdicts, are_bounded_and_the_least_used_goes_first)
{
        CLEANUP(verdicts_freep) struct verdicts *v = verdicts_new(3);

        for (unsigned n = 1; n <= 3; n++)
                put(v, n, true, n, 1000);
        cr_assert_not_null(get(v, 1, 5));
        put(v, 4, true, 6, 1000);
        cr_assert(verdicts_count(v) == 3 && !get(v, 2, 7) && get(v, 1, 7) && get(v, 3, 7) && get(v, 4, 7));
        for (unsigned n = 5; n < 1000; n++)
                put(v, n, true, n, 10000);
        cr_assert_eq(verdicts_count(v), 3);
}

Test(verdicts, what_is_too_old_goes_before_what_is_not)
{
        CLEANUP(verdicts_freep) struct verdicts *v = verdicts_new(3);

        put(v, 1, true, 0, 1000);
        put(v, 2, true, 0, 10);
        put(v, 3, true, 0, 1000);
        put(v, 4, true, 20, 1000);
        cr_assert(get(v, 1, 21) && get(v, 3, 21) && get(v, 4, 21) && !get(v, 2, 21));
}
