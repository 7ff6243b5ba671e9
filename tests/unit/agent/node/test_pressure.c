/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/node/pressure.h"

#include <criterion/criterion.h>

#define SECOND UINT64_C(1000000)
#define T0     (UINT64_C(1700000000) * SECOND)
#define MI     (UINT64_C(1) << 20)
#define GI     (UINT64_C(1) << 30)

static struct facts facts;
static struct config_eviction config;
static struct node_pressure pressure;

static void machine(void)
{
        facts = (struct facts){
                .mem_total = 8 * GI,
                .mem_available = 6 * GI,
                .fs_total = 100 * GI,
                .fs_available = 50 * GI,
                .inodes_total = 1000000,
                .inodes_free = 900000,
                .image_total = 50 * GI,
                .image_available = GI,
                .image_inodes_total = 1000,
                .image_inodes_free = 1,
                .pids_max = 32768,
                .pids = 200,
        };
        config = config_eviction_default;
        pressure = (struct node_pressure){ 0 };
}

TestSuite(pressure, .init = machine);

static bool see(uint64_t seconds)
{
        return node_pressure_see(&pressure, &config, &facts, T0 + seconds * SECOND);
}

static bool needs(struct pressure_need *ret)
{
        return node_pressure_needs(&pressure, &config, &facts, ret);
}

Test(pressure, an_amount_is_bytes_or_a_part)
{
        cr_expect_eq(pressure_amount(&(struct config_amount){ true, false, 7 }, 100), 7);
        cr_expect_eq(pressure_amount(&(struct config_amount){ true, true, 10000 }, 101), 10);
        cr_expect_eq(pressure_amount(&(struct config_amount){ true, true, 99999 }, UINT64_MAX),
                     UINT64_C(18446559606268814519));
}

Test(pressure, nothing_is_short)
{
        struct pressure_need need;

        cr_expect_not(see(0));
        cr_expect_not(needs(&need));
}

Test(pressure, the_first_of_what_is_short_is_what_a_pod_goes_for)
{
        struct pressure_need need;

        facts.fs_available = 9 * GI;
        facts.pids = 32000;
        cr_expect(see(0));
        cr_assert(needs(&need));
        cr_expect(need.signal == SIGNAL_NODEFS && need.hard);
        cr_expect_eq(need.threshold, 10 * GI);
        cr_expect_eq(need.available, 9 * GI);
        cr_expect(!pressure.memory && pressure.disk && pressure.pid);
        facts.mem_available = 99 * MI;
        cr_expect(see(10));
        cr_assert(needs(&need));
        cr_expect_eq(need.signal, SIGNAL_MEMORY);
        cr_expect_eq(need.threshold, 100 * MI);
}

/* No other pod begins then, however much memory there is. */
Test(pressure, a_full_tmpfs_of_pods_is_a_shortage_of_memory)
{
        struct pressure_need need;

        bool *const ways[] = { &facts.pods_full, &facts.pods_full_of_names };

        for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
                *ways[i] = true;
                cr_expect_eq(see(i), i == 0);
                cr_assert(needs(&need));
                cr_expect(need.signal == SIGNAL_MEMORY && need.hard && need.available == 0);
                cr_expect(pressure.memory && !pressure.disk);
                *ways[i] = false;
                cr_expect_not(see(10 + i));
                cr_expect_not(needs(&need));
        }
}

Test(pressure, evicting_ends_when_there_is_enough_and_the_condition_later)
{
        struct pressure_need need;

        facts.mem_available = 99 * MI;
        cr_expect(see(0));
        facts.mem_available = 100 * MI;
        cr_expect_not(see(10));
        cr_expect_not(needs(&need));
        cr_expect_not(see(299));
        cr_expect(see(300));
        cr_expect_eq(pressure.memory, 0);
}

Test(pressure, so_much_more_is_reclaimed)
{
        struct pressure_need need;

        config.reclaim[SIGNAL_MEMORY] = (struct config_amount){ true, false, 50 * MI };
        facts.mem_available = 149 * MI;
        cr_expect_not(see(0), "only who was short reclaims more");
        facts.mem_available = 99 * MI;
        cr_expect(see(10));
        facts.mem_available = 149 * MI;
        (void)see(20);
        cr_assert(needs(&need));
        cr_expect_eq(need.threshold, 100 * MI);
        facts.mem_available = 150 * MI;
        (void)see(30);
        cr_expect_not(needs(&need));
        facts.mem_available = 149 * MI;
        (void)see(40);
        cr_expect_not(needs(&need));
}

Test(pressure, a_soft_threshold_counts_when_it_has_lasted)
{
        struct pressure_need need;

        config.soft[SIGNAL_MEMORY] = (struct config_amount){ true, true, 50000 };
        config.grace_usec[SIGNAL_MEMORY] = 60 * SECOND;
        facts.mem_available = 3 * GI;
        cr_expect_not(see(0));
        cr_expect_not(see(59));
        facts.mem_available = 4 * GI;
        cr_expect_not(see(60), "there was enough in between");
        facts.mem_available = 3 * GI;
        cr_expect_not(see(61));
        cr_expect_not(see(120));
        cr_expect_not(needs(&need));
        cr_expect(see(121));
        cr_assert(needs(&need));
        cr_expect(!need.hard && need.signal == SIGNAL_MEMORY);
        cr_expect_eq(need.threshold, 4 * GI);
        facts.mem_available = 99 * MI;
        (void)see(122);
        cr_assert(needs(&need));
        cr_expect(need.hard && need.threshold == 100 * MI);
}

Test(pressure, packages_have_thresholds_where_the_operator_says_so)
{
        struct pressure_need need;

        cr_expect_not(see(0));
        config.hard[SIGNAL_IMAGEFS_INODES] = (struct config_amount){ true, true, 5000 };
        cr_expect(see(10));
        cr_assert(needs(&need));
        cr_expect(need.signal == SIGNAL_IMAGEFS_INODES && pressure.disk);
}

Test(pressure, what_cannot_be_counted_is_not_short)
{
        facts = (struct facts){ 0 };
        cr_expect_not(see(0));
}
