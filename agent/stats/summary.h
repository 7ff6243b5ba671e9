/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A sample as /stats/summary (k8s.io/kubelet pkg/apis/stats/v1alpha1), in pieces. What the kernel does not tell is
 * absent, and so is a rate (usageNanoCores), which would take a second sample. Pure.
 */
#ifndef VKS_AGENT_STATS_SUMMARY_H
#define VKS_AGENT_STATS_SUMMARY_H

#include "agent/stats/claim_usage.h"
#include "agent/stats/sample.h"
#include "common/buf.h"

struct summary_walk {                /* begins with `next` zero */
        const struct sample *sample; /* of depth USAGE_WHOLE, unless only_cpu_and_memory */
        const char *node_name;
        const struct claim_usages *claims; /* NULL: not known */
        bool only_cpu_and_memory;
        uint64_t pids_max, pids; /* of the machine; 0: not told */
        size_t next;
};

/* Appends the next piece. False: that was all. */
bool summary_next(struct summary_walk *w, struct buf *ret);

#endif
