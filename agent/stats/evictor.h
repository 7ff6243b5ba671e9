/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ends pods that have taken more than their limits of storage (agent/pod/eviction.h decides). Only pods that have such
 * limits are looked at, every 10 s, and less often where that takes long.
 */
#ifndef VKS_AGENT_STATS_EVICTOR_H
#define VKS_AGENT_STATS_EVICTOR_H

#include <systemd/sd-event.h>

#include "agent/machine/disk_usage.h"
#include "agent/pods/pods.h"

struct evictor;

/* All of it is borrowed. `usage_socket`: DISK_USAGE_SOCKET, except in tests. */
struct evictor_parts {
        sd_event *event;
        struct pods *pods;
        const char *usage_socket;
};

struct evictor *evictor_new(const struct evictor_parts *parts);
struct evictor *evictor_free(struct evictor *v);
DEFINE_FREEP(struct evictor, evictor_free)

#endif
