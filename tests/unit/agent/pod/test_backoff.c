/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include "agent/pod/backoff.h"
#include "common/mem.h"

Test(backoff, restarts_wait_as_the_kubelet_has_them_wait)
{
        static const unsigned seconds[] = { 0, 10, 20, 40, 80, 160, 300, 300 };
        uint64_t delay = 0;

        for (size_t i = 0; i < ARRAY_LEN(seconds); i++, delay = backoff_after(delay))
                cr_assert_eq(delay, seconds[i] * USEC_PER_SEC, "%zu", i);
}

Test(backoff, what_an_earlier_agent_has_waited_is_told_by_two_times)
{
        static const struct {
                unsigned between, restarts, delay; /* seconds */
        } rows[] = {
                { 0, 1, 0 },   { 100, 1, 0 }, { 9, 2, 0 },     { 10, 2, 10 },   { 19, 3, 10 },   { 20, 3, 20 },
                { 79, 9, 40 }, { 80, 9, 80 }, { 5000, 3, 20 }, { 299, 9, 160 }, { 300, 9, 300 }, { 9000, 99, 300 },
        };

        for (size_t i = 0; i < ARRAY_LEN(rows); i++)
                cr_assert_eq(backoff_between(7, 7 + rows[i].between * USEC_PER_SEC, rows[i].restarts),
                             rows[i].delay * USEC_PER_SEC, "row %zu", i);
}

Test(backoff, a_delay_that_was_told_is_read_back)
{
        static const struct {
                const char *waiting;
                unsigned delay;
        } rows[] = {
                { "{\"message\":\"back-off 40s restarting failed container=c pod=p\"}", 40 },
                { "{\"message\":\"back-off 5m0s restarting failed container=c pod=p\"}", 10 },
                { "{\"message\":\"back-off 300s restarting failed container=c pod=p\"}", 300 },
                { "{\"message\":\"back-off 999999999s restarting\"}", 300 },
                { "{\"message\":\"something else\"}", 10 },
                { "{}", 10 },
        };

        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                cJSON *waiting = cJSON_Parse(rows[i].waiting);

                cr_assert_eq(backoff_told(waiting), rows[i].delay * USEC_PER_SEC, "row %zu", i);
                cJSON_Delete(waiting);
        }
}

Test(backoff, each_failure_waits_twice_as_long_as_the_one_before)
{
        unsigned failures = 0;

        cr_assert_eq(backoff_next(&failures, 200000), 200000);
        cr_assert_eq(backoff_next(&failures, 200000), 400000);
        for (int i = 0; i < 100; i++)
                cr_assert_leq(backoff_next(&failures, 200000), BACKOFF_MAX);
        cr_assert_eq(backoff_next(&failures, 200000), BACKOFF_MAX);
}

Test(backoff, what_the_helper_does_later_is_asked_for_again_and_told_when_it_takes_long)
{
        static const unsigned halves[] = { 1, 2, 4, 8, 16, 32, 32, 32 };
        unsigned failures = 0;

        for (size_t i = 0; i < ARRAY_LEN(halves); i++) {
                cr_assert_eq(later_next(&failures), halves[i] * USEC_PER_SEC / 2, "%zu", i);
                cr_assert_eq(later_is_long(failures), i >= 4, "%zu", i);
        }
}
