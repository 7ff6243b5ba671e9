/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include "agent/stats/rates.h"
#include "tests/unit/agent/stats/sampled.h"

enum { S = 1000000 };

/* The same sample, so much later; `cpu_usec` was used meanwhile by each. */
static struct sample *later(uint64_t usec, uint64_t cpu_usec)
{
        struct sample *s = sampled();
        struct usage *all[] = { &s->machine.usage,
                                &s->all_pods,
                                &s->pods[0].usage,
                                &s->pods[0].containers[0].usage,
                                &s->pods[0].containers[1].usage,
                                &s->pods[1].usage,
                                &s->pods[1].containers[0].usage };

        s->at += usec;
        for (size_t i = 0; i < s->n_pods; i++) {
                s->pods[i].at += usec;
                for (size_t k = 0; k < s->pods[i].n_containers; k++)
                        s->pods[i].containers[k].at += usec;
        }
        for (size_t i = 0; i < ARRAY_LEN(all); i++)
                all[i]->of[USAGE_CPU] += cpu_usec;
        return s;
}

static uint64_t rate_of(const struct usage *u)
{
        uint64_t rate = 0;

        return usage_get(u, USAGE_CPU_RATE, &rate) ? rate : UINT64_MAX;
}

Test(rates, what_was_used_by_the_time_between)
{
        CLEANUP(sample_unrefp) struct sample *before = sampled();
        CLEANUP(sample_unrefp) struct sample *s = later(10 * S, 5 * S);

        sample_rates(s, before);
        cr_expect_eq(rate_of(&s->machine.usage), 500000000, "half a core");
        cr_expect_eq(rate_of(&s->all_pods), 500000000);
        cr_expect_eq(rate_of(&s->agent), UINT64_MAX, "of which nothing is told");
        for (size_t i = 0; i < s->n_pods; i++) {
                cr_expect_eq(rate_of(&s->pods[i].usage), 500000000, "pod %zu", i);
                for (size_t k = 0; k < s->pods[i].n_containers; k++)
                        cr_expect_eq(rate_of(&s->pods[i].containers[k].usage), 500000000, "%zu %zu", i, k);
        }
        cr_expect_eq(rate_of(&before->machine.usage), UINT64_MAX, "the earlier one is as it was");
}

Test(rates, nothing_used_is_said_too)
{
        CLEANUP(sample_unrefp) struct sample *before = sampled();
        CLEANUP(sample_unrefp) struct sample *s = later(10 * S, 0);

        sample_rates(s, before);
        cr_expect_eq(rate_of(&s->pods[0].usage), 0);
}

Test(rates, a_pod_is_found_wherever_it_is)
{
        CLEANUP(sample_unrefp) struct sample *before = sampled();
        CLEANUP(sample_unrefp) struct sample *s = later(10 * S, 5 * S);
        struct sampled_pod first = s->pods[0];

        s->pods[0] = s->pods[1];
        s->pods[1] = first;
        sample_rates(s, before);
        cr_expect_eq(rate_of(&s->pods[0].usage), 500000000);
        cr_expect_eq(rate_of(&s->pods[1].usage), 500000000);
}

Test(rates, what_is_new_has_none_yet)
{
        CLEANUP(sample_unrefp) struct sample *before = sampled();
        CLEANUP(sample_unrefp) struct sample *s = later(10 * S, 5 * S);

        snprintf(s->pods[0].id.uid, sizeof(s->pods[0].id.uid), "another");
        snprintf(s->pods[1].containers[0].invocation, sizeof(s->pods[1].containers[0].invocation), "another run");
        sample_rates(s, before);
        cr_expect_eq(rate_of(&s->pods[0].usage), UINT64_MAX, "a pod");
        cr_expect_eq(rate_of(&s->pods[0].containers[0].usage), UINT64_MAX);
        cr_expect_eq(rate_of(&s->pods[1].usage), 500000000);
        cr_expect_eq(rate_of(&s->pods[1].containers[0].usage), UINT64_MAX, "a run of a container");
}

Test(rates, a_counter_that_has_begun_again_says_nothing)
{
        CLEANUP(sample_unrefp) struct sample *before = sampled();
        CLEANUP(sample_unrefp) struct sample *s = later(10 * S, 0);

        s->pods[0].usage.of[USAGE_CPU] -= 1;
        sample_rates(s, before);
        cr_expect_eq(rate_of(&s->pods[0].usage), UINT64_MAX);
}

Test(rates, a_moment_is_too_short_to_say_anything_else)
{
        CLEANUP(sample_unrefp) struct sample *before = sampled();
        CLEANUP(sample_unrefp) struct sample *s = later(S - 1, 5 * S);

        usage_set(&before->pods[0].usage, USAGE_CPU_RATE, 42);
        sample_rates(s, before);
        cr_expect_eq(rate_of(&s->pods[0].usage), 42, "as before");
        cr_expect_eq(rate_of(&s->pods[1].usage), UINT64_MAX, "of which nothing was known before");
}

Test(rates, a_second_is_enough)
{
        CLEANUP(sample_unrefp) struct sample *before = sampled();
        CLEANUP(sample_unrefp) struct sample *s = later(S, 2 * S);

        sample_rates(s, before);
        cr_expect_eq(rate_of(&s->machine.usage), 2000000000, "two cores");
}

Test(rates, without_an_earlier_pod)
{
        struct sample before = { .at = AT };
        CLEANUP(sample_unrefp) struct sample *s = later(10 * S, 5 * S);

        sample_rates(s, &before);
        cr_expect_eq(rate_of(&s->pods[0].usage), UINT64_MAX);
}
