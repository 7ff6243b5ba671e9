/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the machine is short of: the operator's thresholds against what there is. Pure, the clock is a parameter. Rules
 * and names are the kubelet's (pkg/kubelet/eviction), with two differences. pid.available has a threshold by default
 * (fewer than 5 % of the pids left), because pods here share the machine's pids with everything else. And
 * memory.available is the kernel's MemAvailable, not derived from the root cgroup's working set.
 */
#ifndef VKS_AGENT_NODE_PRESSURE_H
#define VKS_AGENT_NODE_PRESSURE_H

#include "agent/config/config.h"
#include "agent/node/facts.h"

/* Starts as all zeroes and belongs to whoever calls node_pressure_see(). Times in usec. */
struct node_pressure {
        uint64_t memory, disk, pid; /* when each condition was last seen; 0: it does not hold */
        uint64_t soft_since[EVICTION_SIGNALS];
        bool hard[EVICTION_SIGNALS], soft[EVICTION_SIGNALS]; /* thresholds that are met */
};

/* The amount in what the signal counts, where `all` is what there is of it. */
uint64_t pressure_amount(const struct config_amount *a, uint64_t all);

/* Notes which thresholds `f` meets. True when a condition has changed by that. */
bool node_pressure_see(struct node_pressure *p, const struct config_eviction *c, const struct facts *f, uint64_t now);

struct pressure_need {
        enum eviction_signal signal;
        bool hard;
        uint64_t threshold, available;
};

/* For what a pod is to be evicted: memory before all else. False: for nothing. */
bool node_pressure_needs(const struct node_pressure *p, const struct config_eviction *c, const struct facts *f,
                         struct pressure_need *ret);

#endif
