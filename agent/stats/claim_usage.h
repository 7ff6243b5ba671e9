/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the filesystems have on which PersistentVolumeClaims of this node's pods lie, as a kubelet tells it of each
 * claim (pkg/kubelet/metrics/collectors/volume_stats.go). To ask a server that is away would hold everybody up, so only
 * filesystems of this machine's own are asked; and a path that the agent may not walk, or that leads over a link, is
 * left out.
 */
#ifndef VKS_AGENT_STATS_CLAIM_USAGE_H
#define VKS_AGENT_STATS_CLAIM_USAGE_H

#include "agent/pods/pods.h"
#include "common/buf.h"

enum claim_value {
        CLAIM_AVAILABLE, /* bytes */
        CLAIM_CAPACITY,
        CLAIM_INODES, /* 0: the filesystem counts none */
        CLAIM_INODES_FREE,
        CLAIM_INODES_USED,
        CLAIM_USED, /* bytes */
        CLAIM_VALUES
};

struct claim_usage {
        struct pod_id pod;
        char *volume, *claim; /* the pod's name for it, and its own */
        uint64_t of[CLAIM_VALUES];
};

struct claim_usages {
        struct claim_usage *list; /* by namespace and claim */
        size_t n;
};

/* Reads a line of mountinfo for each mount of the machine, but only where there is a claim. */
void claim_usages_read(struct pods *ps, struct claim_usages *ret);
void claim_usages_done(struct claim_usages *u);

/* The mount points, in the text of /proc/PID/mountinfo (proc(5)), at which there is something of another machine's or
 * of a program's: NULL-terminated, the caller owns them. Pure. */
char **claim_foreign_mounts(const char *mountinfo);

/* Appends what kubelet_volume_stats_* has of one value, each claim once. Pure. */
void claim_usages_text(const struct claim_usages *u, enum claim_value value, struct buf *ret);

#endif
