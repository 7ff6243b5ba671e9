/* SPDX-License-Identifier: Apache-2.0 */
/* How long something took, as Prometheus counts it: how often within each of some bounds, and altogether. */
#ifndef VKS_AGENT_LIB_HISTOGRAM_H
#define VKS_AGENT_LIB_HISTOGRAM_H

#include "common/base.h"

enum { HISTOGRAM_BOUNDS = 25 };

/* From half a second to an hour: the kubelet's for what a pod waits for (pkg/kubelet/metrics). Milliseconds, rising. */
extern const uint32_t histogram_bounds_ms[HISTOGRAM_BOUNDS];

struct histogram {
        uint64_t within[HISTOGRAM_BOUNDS]; /* each counts what the ones before it count, too */
        uint64_t count, sum_usec;
};

void histogram_add(struct histogram *h, uint64_t usec);

#endif
