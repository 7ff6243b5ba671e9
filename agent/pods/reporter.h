/* SPDX-License-Identifier: Apache-2.0 */
/* Tells the API server a pod's status when it has changed. */
#ifndef VKS_AGENT_PODS_REPORTER_H
#define VKS_AGENT_PODS_REPORTER_H

#include "agent/pods/pod_entry.h"

/*
 * Sends the status when it differs from what was sent last, one patch at a time. A status that will change in a
 * moment (the pod is starting) is not sent yet; *wake_at then becomes the time to call this again, if that is earlier
 * (0: no time is set). Afterwards state->status_current says whether the API server has the status.
 */
void reporter_status(struct pod_entry *e, uint64_t now, uint64_t *wake_at);

#endif
