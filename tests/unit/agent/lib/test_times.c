/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <errno.h>

#include "agent/lib/times.h"

static const uint64_t T = 1767366245123456; /* 2026-01-02T15:04:05.123456Z */

static uint64_t parse(const char *s)
{
        uint64_t t = 0;

        cr_assert_eq(time_parse_rfc3339(s, &t), 0, "%s", s);
        return t;
}

static int refused(const char *s)
{
        uint64_t t = 42;
        int r = time_parse_rfc3339(s, &t);

        cr_assert_eq(t, 42);
        return r;
}

Test(times, are_printed_as_kubernetes_does)
{
        char s[32], u[40], n[40];

        time_rfc3339(T, s);
        time_rfc3339_micro(T, u);
        time_rfc3339_nano(T, n);
        cr_assert_str_eq(s, "2026-01-02T15:04:05Z");
        cr_assert_str_eq(u, "2026-01-02T15:04:05.123456Z");
        cr_assert_str_eq(n, "2026-01-02T15:04:05.123456000Z");
        time_rfc3339_micro(0, u);
        cr_assert_str_eq(u, "1970-01-01T00:00:00.000000Z");
        time_rfc3339_nano(UINT64_MAX, n);
        cr_assert_str_eq(n, "586524-01-19T08:01:49.551615000Z");
}

Test(times, are_read_with_fraction_and_offset)
{
        cr_assert_eq(parse("2026-01-02T15:04:05.123456Z"), T);
        cr_assert_eq(parse("2026-01-02T15:04:05.123456789Z"), T);
        cr_assert_eq(parse("2026-01-02T15:04:05Z"), T - 123456);
        cr_assert_eq(parse("2026-01-02T15:04:05.5Z"), T - 123456 + 500000);
        cr_assert_eq(parse("2026-01-02T16:34:05.123456+01:30"), T);
        cr_assert_eq(parse("2026-01-02T07:04:05.123456-08:00"), T);
        cr_assert_eq(parse("1970-01-01T00:00:00Z"), 0);
        cr_assert_eq(parse("2024-02-29T00:00:00Z"), 1709164800000000);
        cr_assert_eq(parse("9999-12-31T23:59:59Z"), 253402300799000000);
}

Test(times, printed_are_read_again)
{
        char s[40];

        for (uint64_t t = 1; t < (uint64_t)1 << 56; t *= 3) {
                time_rfc3339_micro(t, s);
                cr_assert_eq(parse(s), t, "%s", s);
        }
}

Test(times, malformed_are_refused)
{
        static const char *const bad[] = {
                "",
                "2026",
                "2026-01-02",
                "2026-01-02T15:04:05",
                "2026-01-02 15:04:05Z",
                "2026-01-02t15:04:05Z",
                "2026-01-02T15:04:05z",
                "2026-01-02T15:04:05.Z",
                "2026-01-02T15:04:05Z ",
                " 2026-01-02T15:04:05Z",
                "2026-1-02T15:04:05Z",
                "2026-13-02T15:04:05Z",
                "2026-00-02T15:04:05Z",
                "2026-02-29T15:04:05Z",
                "2026-04-31T15:04:05Z",
                "2026-01-00T15:04:05Z",
                "2026-01-02T24:04:05Z",
                "2026-01-02T15:60:05Z",
                "2026-01-02T15:04:60Z",
                "2026-01-02T15:04:05+0100",
                "2026-01-02T15:04:05+24:00",
                "2026-01-02T15:04:05+01:60",
                "-026-01-02T15:04:05Z",
                "2026-01-02T15:04:05+",
                "2100-02-29T00:00:00Z",
        };

        for (size_t i = 0; i < ARRAY_LEN(bad); i++)
                cr_assert_eq(refused(bad[i]), -EINVAL, "%s", bad[i]);
}

Test(times, before_the_epoch_are_out_of_range)
{
        cr_assert_eq(refused("0001-01-01T00:00:00Z"), -ERANGE);
        cr_assert_eq(refused("1970-01-01T00:59:59+01:00"), -ERANGE);
}
