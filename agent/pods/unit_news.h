/* SPDX-License-Identifier: Apache-2.0 */
/* What observed.h reports about the units of pods (the handlers are declared in pods.h): updates the containers'
 * states and posts the events that a person wants to see. */
#ifndef VKS_AGENT_PODS_UNIT_NEWS_H
#define VKS_AGENT_PODS_UNIT_NEWS_H

#include "agent/pods/pod_entry.h"

/* Gives the pod the names of its units, and its containers the state of units that have these names already. While
 * another pod has such a name, this pod is blocked. */
void units_take(struct pod_entry *e);

/* The unit names of pod `id` are free now: pods of the same name that were blocked take them. */
void units_pass_on(struct pods *ps, const struct pod_id *id);

#endif
