/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include "agent/certs/when.h"

#define USEC UINT64_C(1000000)
#define DAY  (86400 * USEC)

/* From 1970 to 9999, and nothing at all. */
static const struct cert_life lives[] = {
        { 1800000000 * USEC, 1800000000 * USEC + 600 * USEC },
        { 1800000000 * USEC, 1800000000 * USEC + 365 * DAY },
        { 0, 253402300800 * USEC },
        { 1800000000 * USEC, 1800000001 * USEC },
        { 1800000000 * USEC, 1800000000 * USEC },
        { 1800000000 * USEC, 1700000000 * USEC },
};

Test(when, between_70_and_90_percent)
{
        for (size_t i = 0; i < ARRAY_LEN(lives); i++)
                for (uint32_t random = 0; random < 1u << 18; random += 977) {
                        const struct cert_life *l = &lives[i];
                        uint64_t length = l->not_after > l->not_before ? l->not_after - l->not_before : 0;
                        uint64_t at = cert_renew_at(l, random);

                        cr_assert_geq(at, l->not_before + length / 100 * 70);
                        cr_assert_leq(at, l->not_before + length / 100 * 90);
                }
}

Test(when, chance_spreads_a_fleet)
{
        const struct cert_life *l = &lives[1];
        uint64_t first = cert_renew_at(l, 0), last = cert_renew_at(l, 0xffff);

        cr_assert_eq(first, l->not_before + 365 * DAY / 100 * 70);
        cr_assert_gt(last, l->not_before + 365 * DAY / 1000 * 899);
        cr_assert_gt(cert_renew_at(l, 0x8000), l->not_before + 365 * DAY / 1000 * 799);
        cr_assert_lt(cert_renew_at(l, 0x8000), l->not_before + 365 * DAY / 1000 * 801);
}

Test(when, states)
{
        const struct cert_life l = { 1000 * USEC, 2000 * USEC };
        uint64_t at = 1800 * USEC;

        cr_expect_eq(cert_state(&l, at, 0), CERT_NOT_YET);
        cr_expect_eq(cert_state(&l, at, 1000 * USEC - 1), CERT_NOT_YET);
        cr_expect_eq(cert_state(&l, at, 1000 * USEC), CERT_FRESH);
        cr_expect_eq(cert_state(&l, at, at - 1), CERT_FRESH);
        cr_expect_eq(cert_state(&l, at, at), CERT_DUE);
        cr_expect_eq(cert_state(&l, at, 2000 * USEC - 1), CERT_DUE);
        cr_expect_eq(cert_state(&l, at, 2000 * USEC), CERT_EXPIRED);
        cr_expect_eq(cert_state(&(struct cert_life){ 2, 1 }, 1, 1), CERT_EXPIRED, "a life that never was");
}

Test(when, seconds_that_are_left)
{
        const struct cert_life l = { 1000 * USEC, 2000 * USEC };

        cr_expect_eq(cert_seconds_left(&l, 1500 * USEC), 500);
        cr_expect_eq(cert_seconds_left(&l, 2000 * USEC), 0);
        cr_expect_eq(cert_seconds_left(&l, 2010 * USEC), -10);
}
