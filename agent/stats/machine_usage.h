/* SPDX-License-Identifier: Apache-2.0 */
/* What the machine has used, from its root cgroup and /proc. Nothing is polled: it is read when somebody asks. */
#ifndef VKS_AGENT_STATS_MACHINE_USAGE_H
#define VKS_AGENT_STATS_MACHINE_USAGE_H

#include <net/if.h>

#include "agent/stats/usage.h"

enum { MACHINE_INTERFACES_MAX = 64 };

struct interface_usage {
        char name[IF_NAMESIZE];
        uint64_t rx_bytes, rx_packets, rx_errors, rx_dropped, tx_bytes, tx_packets, tx_errors, tx_dropped;
};

struct machine_usage {
        struct usage usage;    /* swap included */
        uint64_t memory_total; /* bytes; 0: not told, as below */
        uint64_t cpus;         /* that are at work */
        bool has_swap;
        uint64_t swap_free;
        uint64_t booted;                                                     /* microseconds since the epoch */
        uint64_t fs_total, fs_available, fs_used, inodes_total, inodes_free; /* of the filesystem that holds pods */
        size_t n_interfaces; /* without loopback; what is more than the table holds is left out */
        struct interface_usage interfaces[MACHINE_INTERFACES_MAX];
        char main_interface[IF_NAMESIZE]; /* that of the IPv4 default route; "": there is none */
};

/* `root` stands before each path ("" for the machine), and `top` is where its cgroup v2 is mounted; NULL: nowhere. A
 * container's root cgroup may tell less than a machine's; then /proc fills in. */
void machine_usage_read(const char *root, const char *top, enum usage_depth depth, struct machine_usage *ret);

/* The texts of files in /proc. Pure. */
void machine_parse_meminfo(const char *text, struct machine_usage *ret);
void machine_parse_stat(const char *text, long ticks_per_second, struct machine_usage *ret);
void machine_parse_net_dev(const char *text, struct machine_usage *ret);
void machine_parse_route(const char *text, struct machine_usage *ret);

#endif
