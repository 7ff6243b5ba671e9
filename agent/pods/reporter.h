/* SPDX-License-Identifier: Apache-2.0 */
/* What the API server hears of a pod: its status, when that has changed. */
#ifndef VKS_AGENT_PODS_REPORTER_H
#define VKS_AGENT_PODS_REPORTER_H

#include "agent/pods/pod_entry.h"

/*
 * Sends the status when it differs from what was sent last, one patch at a time. What will be different in a moment
 * waits for that: *wake_at becomes the time to ask again, if that is earlier (0: no time yet). state->status_current
 * says afterwards whether the API server has it.
 */
void reporter_status(struct pod_entry *e, uint64_t now, uint64_t *wake_at);

#endif
