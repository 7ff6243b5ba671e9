/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/lib/quantity.h"

#include <criterion/criterion.h>
#include <errno.h>

static const struct {
        const char *text;
        int want;
        uint64_t milli, bytes;
} quantities[] = {
        { "0", 0, 0, 0 },
        { "2", 0, 2000, 2 },
        { "100m", 0, 100, 1 },
        { "0.5", 0, 500, 1 },
        { ".5", 0, 500, 1 },
        { "1.", 0, 1000, 1 },
        { "1500u", 0, 2, 1 },
        { "1k", 0, 1000000, 1000 },
        { "200Mi", 0, 209715200000, 209715200 },
        { "1.5Gi", 0, 1610612736000, 1610612736 },
        { "1e3", 0, 1000000, 1000 },
        { "12E-1", 0, 1200, 2 },
        { "1E", -ERANGE, 0, 1000000000000000000 },
        { "9999999999999999", -ERANGE, 0, 9999999999999999 },
        { "9223372036854775807", -ERANGE, 0, INT64_MAX },
        { "9223372036854775808", -ERANGE, 0, 0 },
        { "9223372036854775807m", 0, INT64_MAX, 9223372036854776 },
        { "9999999999999999999Ei", -ERANGE, 0, 0 },
        { "9999999999999999999e18", -ERANGE, 0, 0 },
        { "12345678901234567890", -ERANGE, 0, 0 },
        { "0.0000000001", 0, 1, 1 },
        { "0000000000000000000000001", 0, 1000, 1 },
        { "999999999999999Ei", -ERANGE, 0, 0 },
        { "1e99", -EINVAL, 0, 0 },
        { "", -EINVAL, 0, 0 },
        { ".", -EINVAL, 0, 0 },
        { "1.2.3", -EINVAL, 0, 0 },
        { "-1", -EINVAL, 0, 0 },
        { "1 Gi", -EINVAL, 0, 0 },
        { "Mi", -EINVAL, 0, 0 },
        { "1MiB", -EINVAL, 0, 0 },
};

Test(quantity, is_what_the_api_server_takes)
{
        for (size_t i = 0; i < ARRAY_LEN(quantities); i++) {
                uint64_t milli = 0, bytes = 0;

                cr_expect_eq(quantity_milli(quantities[i].text, &milli), quantities[i].want, "%s", quantities[i].text);
                cr_expect_eq(milli, quantities[i].milli, "%s: %llu", quantities[i].text, (unsigned long long)milli);
                if (quantity_value(quantities[i].text, &bytes) == 0)
                        cr_expect_eq(bytes, quantities[i].bytes, "%s: %llu", quantities[i].text,
                                     (unsigned long long)bytes);
        }
}

Test(quantity, is_rounded_up_to_its_divisor)
{
        cr_expect_eq(quantity_ceil(1500, 1000), 2);
        cr_expect_eq(quantity_ceil(2000, 1000), 2);
        cr_expect_eq(quantity_ceil(0, 1000), 0);
        cr_expect_eq(quantity_ceil(1, UINT64_MAX), 1);
        cr_expect_eq(quantity_ceil(UINT64_MAX, 1), UINT64_MAX);
        cr_expect_eq(quantity_ceil(7, 0), 7, "no divisor");
}
