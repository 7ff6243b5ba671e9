/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the agent tells of itself and of its work at /metrics, under the names by which dashboards and alerts ask a
 * kubelet (pkg/kubelet/metrics/metrics.go, k8s.io/component-base metrics). Only what is true here has a name: there is
 * no container runtime whose operations could be counted, and nothing is listed again and again (PLEG). Pure.
 */
#ifndef VKS_AGENT_STATS_OWN_METRICS_H
#define VKS_AGENT_STATS_OWN_METRICS_H

#include "agent/client/api.h"
#include "agent/pod/eviction.h"
#include "agent/pods/pods.h"
#include "common/buf.h"

struct process_usage {                        /* 0: not told */
        uint64_t cpu_usec, resident, virtual; /* bytes */
        uint64_t open_fds, max_fds;
        uint64_t started; /* microseconds since the epoch */
};

struct own_metrics {
        const char *node_name, *version, *server; /* version "v1.37.0+vks.0.1.0", "": not known; server: its URL */
        const struct pods_counts *pods;
        const struct api_answers *answers;
        size_t n_answers;
        const struct eviction_count *evictions;
        size_t n_evictions;
        uint64_t requests; /* to the API server */
        struct process_usage process;
        int64_t client_seconds_left, server_seconds_left; /* of certificates; INT64_MAX: there is none of ours */
};

void own_metrics_text(const struct own_metrics *m, struct buf *ret);

/* This process, from /proc/self. */
void process_usage_read(struct process_usage *ret);

/* process_start_time_seconds alone, which each registry of a kubelet has. */
void process_start_text(uint64_t started, struct buf *ret);

#endif
