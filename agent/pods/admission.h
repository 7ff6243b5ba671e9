/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is let in: each new pod is judged once (agent/pod/admit.h), the oldest first, before anything is done for it. A
 * pod that the API server says has begun (status.startTime), or that has units here, was let in by an earlier run of
 * the agent and is not judged again: neither labels that were changed nor a restart end what runs.
 */
#ifndef VKS_AGENT_PODS_ADMISSION_H
#define VKS_AGENT_PODS_ADMISSION_H

#include "agent/pods/pod_entry.h"

/* The entry is new, `object` is what it was made of, and its units of an earlier run were found: is it to be judged? */
void admission_await(struct pod_entry *e, const cJSON *object);

/* Judges the pods that wait for it, and marks those whose answer has changed. The node's labels are asked for when a
 * pod would be rejected by those that were last told: the pod may have been bound for the sake of a newer one. */
void admission_judge(struct pods *ps);

/* The node's labels, borrowed until they change; NULL: not known. */
const cJSON *admission_node_labels(const struct pods *ps);

void admission_forget(struct pods *ps);

#endif
