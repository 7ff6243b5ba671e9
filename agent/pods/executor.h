/* SPDX-License-Identifier: Apache-2.0 */
/* Carries out what plan.h decided, except pulls (pull.h); what ends something is in ending.c. It decides nothing
 * itself: every outcome goes into the pod's state, from which the next plan is made. */
#ifndef VKS_AGENT_PODS_EXECUTOR_H
#define VKS_AGENT_PODS_EXECUTOR_H

#include "agent/pods/pod_entry.h"

/* Sends the plan's requests to the helper and the API server without waiting for answers. Each answer is recorded in
 * the pod's state when it comes, and marks the pod. */
void executor_run(struct pod_entry *e, const struct plan *plan, uint64_t now);

#endif
