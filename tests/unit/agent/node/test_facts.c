/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "agent/node/facts.h"
#include "common/mem.h"
#include "tests/unit/root.h"

static void machine(void)
{
        make_root();
        put("/proc/meminfo", "MemFree:   1 kB\nMemTotal:       2048000 kB\nMemAvailable:   1024000 kB\n");
        put("/proc/loadavg", "0.10 0.20 0.30 3/137 4242\n");
        put("/proc/sys/kernel/pid_max", "32768\n");
        put("/proc/sys/kernel/threads-max", "15000\n");
        put("/proc/sys/kernel/random/boot_id", "9a9a1c5e-0000-4000-8000-000000000001\n");
        put("/etc/machine-id", "0123456789abcdef0123456789abcdef\n");
        put("/etc/os-release", "ID=debian\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n");
        put("/var/lib/vks/x", "");
}

TestSuite(facts, .init = machine, .fini = remove_root);

Test(facts, are_read_from_the_machines_files)
{
        struct facts f;
        struct err e = ERR_NONE;

        cr_assert_eq(facts_read(root, "252.39-1~deb12u1", &f, &e), 0, "%s", e.text);
        cr_assert(f.mem_total == 2048000ULL * 1024 && f.mem_available == 1024000ULL * 1024);
        cr_assert(f.pids_max == 15000 && f.pids == 137);
        cr_assert_str_eq(f.boot_id, "9a9a1c5e-0000-4000-8000-000000000001");
        cr_assert_str_eq(f.machine_id, "0123456789abcdef0123456789abcdef");
        cr_assert_str_eq(f.system_uuid, "01234567-89ab-cdef-0123-456789abcdef");
        cr_assert_str_eq(f.os_image, "Debian GNU/Linux 12 (bookworm)");
        cr_assert_str_eq(f.systemd, "252.39-1~deb12u1");
        cr_assert(f.cpus >= 1 && f.fs_total > 0 && f.fs_available <= f.fs_total && f.kernel[0] && f.arch[0]);
        cr_assert_not(f.hugepages_2m || f.hugepages_1g);
}

Test(facts, firmware_names_the_machine_where_it_may_be_read)
{
        struct facts f;

        put("/sys/class/dmi/id/product_uuid", "4c4c4544-0000-4000-8000-0000000000ff\n");
        put("/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "0\n");
        cr_assert_eq(facts_read(root, NULL, &f, NULL), 0);
        cr_assert_str_eq(f.system_uuid, "4c4c4544-0000-4000-8000-0000000000ff");
        cr_assert(f.hugepages_2m && !f.systemd[0]);
}

Test(facts, refreshing_keeps_what_cannot_be_read)
{
        struct facts f;

        cr_assert_eq(facts_read(root, NULL, &f, NULL), 0);
        put("/proc/meminfo", "MemTotal: 5 kB\nMemAvailable:   7 kB\n");
        put("/proc/loadavg", "garbage\n");
        facts_refresh(root, &f);
        cr_assert(f.mem_total == 2048000ULL * 1024 && f.mem_available == 7 * 1024 && f.pids == 137);
}

/* As root's helper sees it before it writes a pod: by bytes, and by names. */
Test(facts, the_tmpfs_of_pods_is_full_before_it_is)
{
        static const char *const options[] = { "size=64k", "size=1m,nr_inodes=8" };
        CLEANUP(freep) char *pods = in_root("/run/vks/pods");
        char text[10001] = { 0 };
        struct facts f;

        memset(text, 'x', sizeof(text) - 1);
        cr_assert(unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
        cr_assert(facts_read(root, NULL, &f, NULL) == 0 && !f.pods_full && !f.pods_full_of_names, "there is none yet");
        cr_assert_eq(mkdir(pods, 0700), 0);
        for (size_t i = 0; i < ARRAY_LEN(options); i++) {
                cr_assert_eq(mount("test", pods, "tmpfs", 0, options[i]), 0);
                facts_refresh(root, &f);
                cr_assert_not(f.pods_full || f.pods_full_of_names);
                for (char name = 'a'; name < 'g'; name++) {
                        CLEANUP(freep) char *path = xasprintf("/run/vks/pods/%c", name);

                        put(path, i ? "" : text);
                }
                facts_refresh(root, &f);
                cr_assert_eq(f.pods_full, i == 0, "%s", options[i]);
                cr_assert_eq(f.pods_full_of_names, i == 1, "%s", options[i]);
                cr_assert_eq(umount(pods), 0);
        }
}

Test(facts, a_machine_without_proc_is_an_error_that_says_so)
{
        struct facts f;
        struct err e = ERR_NONE;

        cr_assert_lt(facts_read("/nonexistent", NULL, &f, &e), 0);
        cr_assert_not_null(strstr(e.text, "/nonexistent/proc/meminfo"));
}

Test(facts, addresses_are_reachable_ones)
{
        struct facts f;
        struct in_addr v4;
        struct in6_addr v6;

        cr_assert_eq(facts_read("", NULL, &f, NULL), 0);
        if (f.ipv4[0])
                cr_assert(inet_pton(AF_INET, f.ipv4, &v4) == 1 && ntohl(v4.s_addr) >> 24 != 127);
        if (f.ipv6[0])
                cr_assert(inet_pton(AF_INET6, f.ipv6, &v6) == 1 && !IN6_IS_ADDR_LOOPBACK(&v6) &&
                          !IN6_IS_ADDR_LINKLOCAL(&v6));
}

Test(facts, the_hostname_is_in_lower_case)
{
        char name[254];

        facts_hostname(name);
        for (char *s = name; *s; s++)
                cr_assert_not(*s >= 'A' && *s <= 'Z');
}
