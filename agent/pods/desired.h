/* SPDX-License-Identifier: Apache-2.0 */
/* What the API server wants (the handlers are in pods.h), and what an earlier life of the agent has left here that
 * nobody may want any more. */
#ifndef VKS_AGENT_PODS_DESIRED_H
#define VKS_AGENT_PODS_DESIRED_H

#include "agent/pods/pod_entry.h"

/*
 * A unit that was on disk when the agent started; `ps` is a struct pods. Its pod takes it over when it is seen, or it
 * is ended when the first list is complete and has no such pod.
 */
void leftover_keep(void *ps, const struct unit_meta *meta);
void leftovers_forget(struct pods *ps);

#endif
