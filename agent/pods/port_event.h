/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A port that a pod declares, and that somebody else has whom admission (agent/pod/admit.h) does not know: a daemon of
 * the machine's own, or a pod that does not say so. The pod is started all the same: whether its process wants that
 * port on that address is its own matter. But if it fails, an event says why.
 */
#ifndef VKS_AGENT_PODS_PORT_EVENT_H
#define VKS_AGENT_PODS_PORT_EVENT_H

#include "agent/pods/pod_entry.h"

/* Posts an event for each TCP port of the pod's on which somebody else listens. */
void tell_taken_ports(struct pod_entry *e);

#endif
