/* SPDX-License-Identifier: Apache-2.0 */
/* Carries out what plan.h decided, but for images: thin, and every outcome goes back into the pod's state, from where
 * the next plan is made. */
#ifndef VKS_AGENT_PODS_EXECUTOR_H
#define VKS_AGENT_PODS_EXECUTOR_H

#include "agent/pods/pod_entry.h"

/* Asks the helper and the API server, and waits for neither: when an answer is recorded, the pod is marked. */
void executor_run(struct pod_entry *e, const struct plan *plan, uint64_t now);

#endif
