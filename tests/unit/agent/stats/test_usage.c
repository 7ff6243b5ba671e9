/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel's files say of a cgroup, and of the machine. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "agent/stats/machine_usage.h"
#include "common/fd.h"

static const char memory_stat[] =
        "anon 4096000\nfile 90000\nkernel 12\nfile_mapped 3000\ninactive_anon 5\nactive_anon 6\n"
        "inactive_file 20000\nactive_file 70000\npgfault 77\npgmajfault 3\nworkingset_x 9\n";

static void is(const struct usage *u, enum usage_field field, uint64_t want)
{
        uint64_t got;

        cr_expect(usage_get(u, field, &got), "field %d is told", field);
        cr_expect_eq(got, want, "field %d: %lu", field, (unsigned long)got);
}

static void is_not_told(const struct usage *u, enum usage_field field)
{
        uint64_t got;

        cr_expect(!usage_get(u, field, &got), "field %d is not told", field);
}

Test(usage, cpu_stat)
{
        struct usage u = { 0 };

        usage_parse_cpu("usage_usec 1115202\nuser_usec 719023\nsystem_usec 396179\nnice_usec 667769\n", &u);
        is(&u, USAGE_CPU, 1115202);
        is(&u, USAGE_CPU_USER, 719023);
        is(&u, USAGE_CPU_SYSTEM, 396179);
        is_not_told(&u, USAGE_PERIODS);
        usage_parse_cpu("usage_usec 18446744073709551615\nnr_periods 35\nnr_throttled 32\nthrottled_usec 1000", &u);
        is(&u, USAGE_CPU, UINT64_MAX);
        is(&u, USAGE_PERIODS, 35);
        is(&u, USAGE_PERIODS_THROTTLED, 32);
        is(&u, USAGE_THROTTLED, 1000);
}

Test(usage, memory_stat)
{
        struct usage u = { 0 };
        uint64_t set;

        usage_parse_memory(memory_stat, &u);
        is(&u, USAGE_ANONYMOUS, 4096000);
        is(&u, USAGE_FILE, 90000);
        is(&u, USAGE_FILE_MAPPED, 3000);
        is(&u, USAGE_FILE_INACTIVE, 20000);
        is(&u, USAGE_FAULTS, 77);
        is(&u, USAGE_FAULTS_MAJOR, 3);
        cr_assert(!usage_working_set(&u, &set), "it is not known how much is in use");
        usage_set(&u, USAGE_MEMORY, 5000000);
        cr_assert(usage_working_set(&u, &set) && set == 4980000);
        usage_set(&u, USAGE_MEMORY, 100);
        cr_assert(usage_working_set(&u, &set) && set == 0, "never below nothing");
}

Test(usage, what_is_not_understood_is_passed_over)
{
        static const char *const texts[] = { "",
                                             "\n",
                                             "usage_usec",
                                             "usage_usec \n",
                                             "usage_usec x\n",
                                             "usage_usec -1\n",
                                             "usage 1\n",
                                             "usage_usecs 1\n",
                                             " usage_usec 1\n" };

        for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
                struct usage u = { 0 };

                usage_parse_cpu(texts[i], &u);
                cr_expect_eq(u.told, 0, "%s", texts[i]);
        }
}

static char dir[] = "/tmp/test_usage.XXXXXX";

static void put(const char *name, const char *text)
{
        char path[256];
        FILE *f;

        snprintf(path, sizeof(path), "%s/a.slice/%s", dir, name);
        f = fopen(path, "w");
        cr_assert(f);
        fputs(text, f);
        fclose(f);
}

Test(usage, files_are_read_as_far_as_they_are_there)
{
        struct usage u = { 0 };
        char path[256];

        cr_assert(mkdtemp(dir));
        snprintf(path, sizeof(path), "%s/a.slice", dir);
        cr_assert_eq(mkdir(path, 0700), 0);
        FD top = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
        usage_read(top, "no.slice", USAGE_WHOLE, &u);
        cr_assert_eq(u.told, 0);
        put("cpu.stat", "usage_usec 5\n");
        usage_read(top, "a.slice", USAGE_WHOLE, &u);
        is(&u, USAGE_CPU, 5);
        is_not_told(&u, USAGE_MEMORY);
        put("memory.current", "1000\n");
        put("memory.stat", "inactive_file 400\n");
        put("memory.max", "max\n");
        put("memory.swap.current", "7\n");
        put("pids.current", "3\n");
        put("memory.events", "low 0\nhigh 0\nmax 9\noom 1\noom_kill 2\noom_group_kill 0\n");
        usage_read(top, "a.slice", USAGE_WHOLE, &u);
        is(&u, USAGE_MEMORY, 1000);
        is(&u, USAGE_FILE_INACTIVE, 400);
        is_not_told(&u, USAGE_MEMORY_LIMIT);
        is(&u, USAGE_PIDS, 3);
        is(&u, USAGE_OOM_KILLS, 2);
        is_not_told(&u, USAGE_SWAP);
        usage_read_swap(top, "a.slice", &u);
        is(&u, USAGE_SWAP, 7);
        put("memory.max", "5000\n");
        usage_read(top, "a.slice", USAGE_WHOLE, &u);
        is(&u, USAGE_MEMORY_LIMIT, 5000);
        u = (struct usage){ 0 };
        usage_read(top, "a.slice", USAGE_BASIC, &u);
        is(&u, USAGE_MEMORY, 1000);
        is_not_told(&u, USAGE_PIDS);
        snprintf(path, sizeof(path), "rm -r %s", dir);
        cr_assert_eq(system(path), 0);
}

/* ---- the machine ------------------------------------------------------------------------------------------------- */

Test(usage, meminfo_fills_in_what_a_root_cgroup_does_not_count)
{
        static const char text[] = "MemTotal:        1000 kB\nMemFree:          300 kB\nMemAvailable:     500 kB\n"
                                   "Inactive(file):   100 kB\nSwapTotal:        50 kB\nSwapFree:         20 kB\n";
        struct machine_usage m = { 0 };
        uint64_t set;

        machine_parse_meminfo(text, &m);
        cr_assert_eq(m.memory_total, 1000 * 1024);
        is(&m.usage, USAGE_MEMORY, 700 * 1024);
        cr_assert(usage_working_set(&m.usage, &set) && set == 600 * 1024);
        cr_assert(m.has_swap);
        cr_assert_eq(m.swap_free, 20 * 1024);
        is(&m.usage, USAGE_SWAP, 30 * 1024);
        m = (struct machine_usage){ 0 };
        usage_set(&m.usage, USAGE_MEMORY, 5);
        usage_set(&m.usage, USAGE_FILE_INACTIVE, 1);
        machine_parse_meminfo("MemTotal: 1000 kB\nMemFree: 300 kB\nInactive(file): 100 kB\nSwapTotal: 0 kB\n", &m);
        is(&m.usage, USAGE_MEMORY, 5);
        is(&m.usage, USAGE_FILE_INACTIVE, 1);
        is_not_told(&m.usage, USAGE_SWAP);
        m = (struct machine_usage){ 0 };
        machine_parse_meminfo("", &m);
        cr_assert_eq(m.usage.told, 0);
}

Test(usage, proc_stat)
{
        struct machine_usage m = { 0 };

        machine_parse_stat("cpu  100 20 30 4000 50 6 7 8 9 10\ncpu0 1 2 3 4 5 6 7\ncpu11 1 2 3 4 5 6 7\nintr 1\n"
                           "btime 1700000000\n",
                           100, &m);
        cr_assert_eq(m.cpus, 2);
        cr_assert_eq(m.booted, UINT64_C(1700000000) * 1000000);
        is(&m.usage, USAGE_CPU, (100 + 20 + 30 + 6 + 7) * 10000);
        is(&m.usage, USAGE_CPU_USER, 120 * 10000);
        is(&m.usage, USAGE_CPU_SYSTEM, 43 * 10000);
        usage_set(&m.usage, USAGE_CPU, 1);
        machine_parse_stat("cpu  100 20 30 4000 50 6 7\n", 100, &m);
        is(&m.usage, USAGE_CPU, 1);
        m = (struct machine_usage){ 0 };
        machine_parse_stat("nonsense\n", 100, &m);
        cr_assert_eq(m.usage.told, 0);
        cr_assert_eq(m.booted, 0);
}

Test(usage, interfaces)
{
        static const char text[] =
                "Inter-|   Receive                                                |  Transmit\n"
                " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets "
                "errs drop fifo colls carrier compressed\n"
                "    lo:     1       2    3    4    0     0          0         0        5       6    7 "
                "   8    0     0       0          0\n"
                "  eth0:1234567890123 2 3 4 0 0 0 0 5 6 7 8 0 0 0 0\n"
                "wlan0: 1 1 1 1 1 1 1 1 2 2 2 2 2 2 2 2\nbroken: 1 2\n";
        struct machine_usage m = { 0 };

        machine_parse_net_dev(text, &m);
        cr_assert_eq(m.n_interfaces, 2);
        cr_assert_str_eq(m.interfaces[0].name, "eth0");
        cr_assert_eq(m.interfaces[0].rx_bytes, UINT64_C(1234567890123));
        cr_assert_eq(m.interfaces[0].rx_packets, 2);
        cr_assert_eq(m.interfaces[0].rx_errors, 3);
        cr_assert_eq(m.interfaces[0].rx_dropped, 4);
        cr_assert_eq(m.interfaces[0].tx_bytes, 5);
        cr_assert_eq(m.interfaces[0].tx_packets, 6);
        cr_assert_eq(m.interfaces[0].tx_errors, 7);
        cr_assert_eq(m.interfaces[0].tx_dropped, 8);
        cr_assert_str_eq(m.interfaces[1].name, "wlan0");
        for (int i = 0; i < 100; i++)
                machine_parse_net_dev(text, &m);
        cr_assert_eq(m.n_interfaces, MACHINE_INTERFACES_MAX);
}

Test(usage, the_default_routes_interface)
{
        static const char text[] =
                "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
                "eth1\t0000000A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n"
                "eth0\t00000000\t0102000A\t0003\t0\t0\t0\t00000000\t0\t0\t0\n";
        struct machine_usage m = { 0 };

        machine_parse_route(text, &m);
        cr_assert_str_eq(m.main_interface, "eth0");
        m = (struct machine_usage){ 0 };
        machine_parse_route("", &m);
        cr_assert_str_eq(m.main_interface, "");
}

Test(usage, this_machine)
{
        struct machine_usage m;
        uint64_t set;

        machine_usage_read("", NULL, USAGE_WHOLE, &m);
        cr_assert(usage_working_set(&m.usage, &set) && set > 0 && set < m.memory_total);
        cr_assert(m.usage.told & (1 << USAGE_CPU));
        cr_assert(m.fs_total > 0 && m.fs_available <= m.fs_total);
        cr_assert(m.booted > 0);
}
