/* SPDX-License-Identifier: Apache-2.0 */
/*
 * In which order pods end when the machine shuts down, and how long each group has: pure, by the kubelet's rules
 * (pkg/kubelet/nodeshutdown/nodeshutdown_manager.go).
 */
#ifndef VKS_AGENT_POD_SHUTDOWN_H
#define VKS_AGENT_POD_SHUTDOWN_H

#include "agent/config/config.h"

#define SHUTDOWN_REASON       "Terminated"
#define SHUTDOWN_MESSAGE      "Pod was terminated in response to imminent node shutdown."
#define SHUTDOWN_NOT_ADMITTED "NodeShutdown"

struct shutdown_order { /* the lowest priority first, which ends first; n 0: nobody waits for pods */
        size_t n;
        struct config_shutdown_class classes[SHUTDOWN_CLASSES_MAX];
};

void shutdown_order(const struct config_shutdown *c, struct shutdown_order *ret);

/* The class that pods of this priority end with: that of the greatest priority which is not above theirs, else the
 * first. */
size_t shutdown_class(const struct shutdown_order *o, int64_t priority);

uint64_t shutdown_seconds(const struct shutdown_order *o); /* of all classes together */

#endif
