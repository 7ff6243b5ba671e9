/* SPDX-License-Identifier: Apache-2.0 */
/* The pods that the API server wants (the handlers are declared in pods.h), and the leftovers: units of an earlier
 * run of the agent, whose pods may not exist any more. */
#ifndef VKS_AGENT_PODS_DESIRED_H
#define VKS_AGENT_PODS_DESIRED_H

#include "agent/pods/pod_entry.h"

/*
 * Notes a unit that was on disk when the agent started; `ps` is a struct pods. Its pod takes the unit over when the
 * API server shows the pod; the unit is ended if the first complete list has no such pod.
 */
void leftover_keep(void *ps, const struct unit_meta *meta);
void leftovers_forget(struct pods *ps);

#endif
