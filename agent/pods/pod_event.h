/* SPDX-License-Identifier: Apache-2.0 */
/* Posts events about a pod, or about one of its containers (`c`, NULL for none). No event is posted about a pod that
 * the API server does not have any more, nor in a dry run. */
#ifndef VKS_AGENT_PODS_POD_EVENT_H
#define VKS_AGENT_PODS_POD_EVENT_H

#include "agent/pods/pod_entry.h"

/* `reason` is the kubelet's word where it has one (pkg/kubelet/events/event.go). */
void pod_event(struct pod_entry *e, const struct container *c, bool warning, const char *reason, const char *fmt, ...)
        PRINTF(5, 6);

#endif
