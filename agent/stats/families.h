/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A sample in Prometheus' text format: /metrics/resource and /metrics/cadvisor. Each is a table of names with what they
 * tell; names, labels and units are the kubelet's (pkg/kubelet/metrics/collectors/resource_metrics.go) and cadvisor's
 * (metrics/prometheus.go, as far as they are true of units: nothing here has a network or a root filesystem of its
 * own). The text is made piece by piece. Pure.
 */
#ifndef VKS_AGENT_STATS_FAMILIES_H
#define VKS_AGENT_STATS_FAMILIES_H

#include "agent/stats/sample.h"
#include "common/buf.h"

struct families;
extern const struct families families_resource, families_cadvisor;

struct families_walk { /* begins with all but `families` and `sample` zero */
        const struct families *families;
        const struct sample *sample;
        size_t family, pod; /* what comes next */
        const char *headed; /* the name whose head was told last: a name without a sample has none */
};

/* Appends some KiB more. False: that was all. */
bool families_next(struct families_walk *w, struct buf *ret);

#endif
