/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ends pods that have taken more than their limits of storage, and pods that make room when the machine is short of
 * something: agent/pod/eviction.h decides who, agent/node/pressure.h when. Of the first kind only pods that have such
 * limits are looked at, every 10 s, and less often where that takes long. Of the second, one goes at a time.
 */
#ifndef VKS_AGENT_STATS_EVICTOR_H
#define VKS_AGENT_STATS_EVICTOR_H

#include <systemd/sd-event.h>

#include "agent/machine/disk_usage.h"
#include "agent/node/node.h"
#include "agent/pod/eviction.h"
#include "agent/pods/pods.h"
#include "agent/stats/sample.h"

struct evictor;

/* All of it is borrowed. `usage_socket`: DISK_USAGE_SOCKET, except in tests. */
struct evictor_parts {
        sd_event *event;
        struct pods *pods;
        struct sampler *sampler;
        const struct config_eviction *config;
        const struct facts *facts;
        const char *usage_socket;
};

struct evictor *evictor_new(const struct evictor_parts *parts);
struct evictor *evictor_free(struct evictor *v);
DEFINE_FREEP(struct evictor, evictor_free)

/* Since the agent started. */
enum { EVICTION_COUNTS = EVICTION_SIGNALS + STORAGE_LIMITS };
void evictor_counts(const struct evictor *v, struct eviction_count ret[static EVICTION_COUNTS]);

/* Pressure is looked at from now on. The node outlives the evictor. */
void evictor_begin(struct evictor *v, struct node *node);

#endif
