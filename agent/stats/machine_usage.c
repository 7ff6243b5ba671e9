/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/stats/machine_usage.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/node/facts.h"
#include "common/buf.h"
#include "common/fd.h"
#include "common/mem.h"

enum { FILE_MAX = 1024 * 1024, STAT_MAX = 4096 };

/* ---- pure -------------------------------------------------------------------------------------------------------- */

static const char *next_line(const char *line)
{
        const char *end = strchr(line, '\n');

        return end ? end + 1 : line + strlen(line);
}

/* As runc and cadvisor tell a root cgroup's memory, which the kernel does not count: what is not free is in use. */
void machine_parse_meminfo(const char *text, struct machine_usage *ret)
{
        uint64_t mem_free = 0, swap_total = 0, inactive = 0, all;
        bool has_inactive = false;

        for (const char *line = text; *line; line = next_line(line)) {
                char name[32];
                uint64_t kib;

                if (sscanf(line, "%31[^: \n]: %" SCNu64 " kB", name, &kib) != 2)
                        continue;
                if (streq(name, "MemTotal"))
                        ret->memory_total = kib * 1024;
                else if (streq(name, "MemFree"))
                        mem_free = kib * 1024;
                else if (streq(name, "SwapTotal"))
                        swap_total = kib * 1024;
                else if (streq(name, "SwapFree"))
                        ret->swap_free = kib * 1024;
                else if (streq(name, "Inactive(file)")) {
                        inactive = kib * 1024;
                        has_inactive = true;
                }
        }
        if (ret->memory_total && !usage_get(&ret->usage, USAGE_MEMORY, &all))
                usage_set(&ret->usage, USAGE_MEMORY, ret->memory_total - mem_free);
        if (has_inactive && !usage_get(&ret->usage, USAGE_FILE_INACTIVE, &all))
                usage_set(&ret->usage, USAGE_FILE_INACTIVE, inactive);
        ret->has_swap = swap_total > 0;
        if (ret->has_swap && !usage_get(&ret->usage, USAGE_SWAP, &all))
                usage_set(&ret->usage, USAGE_SWAP, swap_total - ret->swap_free);
}

void machine_parse_stat(const char *text, long ticks_per_second, struct machine_usage *ret)
{
        uint64_t user, nice, system, idle, wait, irq, softirq, seconds, known;
        const uint64_t tick = 1000000 / (uint64_t)ticks_per_second;
        const char *at = strstr(text, "btime ");

        ret->cpus = 0;
        for (const char *line = text; *line; line = next_line(line))
                ret->cpus += starts_with(line, "cpu") && line[3] >= '0' && line[3] <= '9';
        if (at && sscanf(at, "btime %" SCNu64, &seconds) == 1)
                ret->booted = seconds * 1000000;
        if (usage_get(&ret->usage, USAGE_CPU, &known) ||
            sscanf(text, "cpu %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64, &user,
                   &nice, &system, &idle, &wait, &irq, &softirq) != 7)
                return;
        usage_set(&ret->usage, USAGE_CPU, (user + nice + system + irq + softirq) * tick);
        usage_set(&ret->usage, USAGE_CPU_USER, (user + nice) * tick);
        usage_set(&ret->usage, USAGE_CPU_SYSTEM, (system + irq + softirq) * tick);
}

/* proc(5): two lines of headings, then "eth0: " and 16 numbers. */
void machine_parse_net_dev(const char *text, struct machine_usage *ret)
{
        for (const char *line = text; *line && ret->n_interfaces < MACHINE_INTERFACES_MAX; line = next_line(line)) {
                struct interface_usage i = { 0 };

                if (sscanf(line,
                           " %15[^: \n]: %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %*u %*u %*u %*u %" SCNu64
                           " %" SCNu64 " %" SCNu64 " %" SCNu64,
                           i.name, &i.rx_bytes, &i.rx_packets, &i.rx_errors, &i.rx_dropped, &i.tx_bytes, &i.tx_packets,
                           &i.tx_errors, &i.tx_dropped) == 9 &&
                    !streq(i.name, "lo"))
                        ret->interfaces[ret->n_interfaces++] = i;
        }
}

/* /proc/net/route: the interface, and its destination and mask in hex; the default route has neither. */
void machine_parse_route(const char *text, struct machine_usage *ret)
{
        for (const char *line = text; *line; line = next_line(line)) {
                char name[IF_NAMESIZE];
                unsigned long to, mask;

                if (sscanf(line, "%15s %8lx %*8x %*x %*d %*d %*d %8lx", name, &to, &mask) == 3 && !to && !mask) {
                        memcpy(ret->main_interface, name, sizeof(name));
                        return;
                }
        }
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

/* The file up to `max` bytes; NULL where there is none. The caller owns it. */
static char *slurp(const char *root, const char *path, size_t max)
{
        CLEANUP(freep) char *full = xasprintf("%s%s", root, path);
        FD fd = open(full, O_RDONLY | O_CLOEXEC);
        struct buf b = BUF(max);
        char chunk[4096];
        ssize_t n;

        while (fd >= 0 && (n = read(fd, chunk, sizeof(chunk))) > 0 && buf_ok(&b))
                buf_add(&b, chunk, (size_t)n);
        return fd >= 0 ? buf_steal(&b) : NULL;
}

static void with(const char *root, const char *path, void (*parse)(const char *text, struct machine_usage *ret),
                 struct machine_usage *ret)
{
        CLEANUP(freep) char *text = slurp(root, path, FILE_MAX);

        if (text)
                parse(text, ret);
}

static void parse_stat(const char *text, struct machine_usage *ret)
{
        long ticks = sysconf(_SC_CLK_TCK);

        machine_parse_stat(text, ticks > 0 ? ticks : 100, ret);
}

static void read_filesystem(const char *root, struct machine_usage *ret)
{
        struct statvfs v;

        if (!facts_filesystem(root, &v))
                return;
        ret->fs_total = (uint64_t)v.f_blocks * v.f_frsize;
        ret->fs_available = (uint64_t)v.f_bavail * v.f_frsize;
        ret->fs_used = (uint64_t)(v.f_blocks - v.f_bfree) * v.f_frsize;
        ret->inodes_total = v.f_files;
        ret->inodes_free = v.f_ffree;
}

void machine_usage_read(const char *root, const char *top, enum usage_depth depth, struct machine_usage *ret)
{
        FD fd = top ? open(top, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;

        *ret = (struct machine_usage){ 0 };
        if (fd >= 0)
                usage_read(fd, ".", USAGE_BASIC, &ret->usage);
        with(root, "/proc/meminfo", machine_parse_meminfo, ret);
        with(root, "/proc/stat", parse_stat, ret);
        if (depth == USAGE_BASIC)
                return;
        with(root, "/proc/net/dev", machine_parse_net_dev, ret);
        with(root, "/proc/net/route", machine_parse_route, ret);
        read_filesystem(root, ret);
}
