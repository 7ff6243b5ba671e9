/* SPDX-License-Identifier: Apache-2.0 */
/* Facts about the machine, read from /proc, /sys and /etc. Nothing is decided here: node_status.h says what follows
 * from the numbers. */
#ifndef VKS_AGENT_NODE_FACTS_H
#define VKS_AGENT_NODE_FACTS_H

#include <netinet/in.h>
#include <sys/statvfs.h>

#include "common/err.h"

struct facts {
        /* These do not change while the machine runs. */
        char hostname[254]; /* lower case */
        char machine_id[33];
        char boot_id[37];
        char system_uuid[37]; /* of the firmware where it may be read, else the machine id in that form */
        char kernel[128];
        char os_image[128]; /* PRETTY_NAME */
        char arch[16];      /* as Go names it: amd64, arm64, ... */
        char systemd[64];   /* "252.39-1~deb12u1", "" when the caller does not know */
        unsigned cpus;      /* online */
        uint64_t mem_total; /* bytes */
        bool hugepages_2m, hugepages_1g;
        /* These do. */
        uint64_t mem_available;
        /* Of the memory that pods' own directories may take, less than a quarter is left, or of the names: root's
         * helper writes no pod then (room_left()). */
        bool pods_full, pods_full_of_names;
        uint64_t fs_total, fs_available; /* of the filesystem that holds pods */
        uint64_t inodes_total, inodes_free;
        uint64_t image_total, image_available; /* of the filesystem that holds packages */
        uint64_t image_inodes_total, image_inodes_free;
        uint64_t pids_max, pids;
        char ipv4[INET_ADDRSTRLEN], ipv6[INET6_ADDRSTRLEN]; /* "" when there is none */
};

/*
 * Reads everything. `root` is put in front of every path ("" for the machine); `systemd_version` is the Manager's
 * property Version, or NULL. Fails only on a machine without /proc; other facts that cannot be read stay empty.
 */
int facts_read(const char *root, const char *systemd_version, struct facts *ret, struct err *e);

/* Reads the facts that change again. Cheap: a handful of system calls. A fact that cannot be read keeps its value. */
void facts_refresh(const char *root, struct facts *f);

/* The filesystem that holds pods: that of the first of /var/lib/vks, /var and / that is there. */
bool facts_filesystem(const char *root, struct statvfs *ret);

/* The machine's name in lower case, without its domain's trailing dot. */
void facts_hostname(char ret[254]);

#endif
