/* SPDX-License-Identifier: Apache-2.0 */
/* What the units of pods do, as observed.h tells it (the handlers are in pods.h): container states follow, and what a
 * person wants to know of it. */
#ifndef VKS_AGENT_PODS_UNITS_H
#define VKS_AGENT_PODS_UNITS_H

#include "agent/pods/pod_entry.h"

/* The pod takes the names of its units, and what units of these names do; or it is blocked, while another pod has them.
 */
void units_take(struct pod_entry *e);

/* The unit names of that pod are free now: pods of the same name that were blocked take them. */
void units_pass_on(struct pods *ps, const struct pod_id *id);

#endif
