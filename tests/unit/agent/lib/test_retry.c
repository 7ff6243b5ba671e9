/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include "agent/lib/retry.h"

Test(retry, waits_double_up_to_the_most)
{
        struct retry r = { .first_ms = 800, .most_ms = 30000 };
        const unsigned want[] = { 800, 1600, 3200, 6400, 12800, 15000, 15000 };

        for (size_t i = 0; i < ARRAY_LEN(want); i++)
                cr_expect_eq(retry_next(&r, 0), want[i]);
        cr_expect_eq(retry_next(&r, 14999), 29999);
        r.failures = 0;
        cr_expect_eq(retry_next(&r, 799), 1599);
}

Test(retry, many_failures_do_not_overflow)
{
        struct retry r = { .first_ms = 800, .most_ms = 30000, .failures = 4000000000U };
        unsigned ms = retry_next(&r, UINT32_MAX);

        cr_expect(ms >= 15000 && ms < 30000);
}

Test(retry, random_numbers_stay_between)
{
        for (int i = 0; i < 1000; i++) {
                unsigned n = random_between(300, 302);
                cr_expect(n >= 300 && n <= 302);
        }
}
