/* SPDX-License-Identifier: Apache-2.0 */
/* ConfigMaps, Secrets, tokens and fields that a pod's volumes are made of: who is to look again when one of them
 * changes (the handlers are in pods.h). */
#ifndef VKS_AGENT_PODS_RESOLVE_H
#define VKS_AGENT_PODS_RESOLVE_H

#include "agent/pods/pod_entry.h"

/* Records for each volume whether there is new content to be filled, or why there is none; the entry must have content.
 */
void resolve_content(struct pod_entry *e);

#endif
