/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Static pods: one for each file in a folder (staticPodPath), which the agent watches. Names that begin with a dot are
 * passed over, as are folders. They go the same way as all pods (plan, policy, helper), and wait for no API server;
 * there each has a mirror (mirror.h). A file that cannot be read or understood is an event on the Node, and the pod
 * that came out of it before runs on.
 */
#ifndef VKS_AGENT_PODS_STATIC_PODS_H
#define VKS_AGENT_PODS_STATIC_PODS_H

#include "agent/pods/pod_entry.h"

/* Reads the folder (pods_parts.static_path) and begins to watch it. At pods_start(). */
void static_pods_start(struct pods *ps);
struct static_pods *static_pods_free(struct static_pods *s);

/* An entry of a static pod has gone: a pod that waited for that begins. At each turn. */
void static_pods_look(struct pods *ps);

#endif
