/* SPDX-License-Identifier: Apache-2.0 */
/* The content of pods' volumes and the values of their environments, from ConfigMaps, Secrets, tokens and fields; and
 * which pods must resolve them again when one of these changes (the handlers are declared in pods.h). */
#ifndef VKS_AGENT_PODS_RESOLVE_H
#define VKS_AGENT_PODS_RESOLVE_H

#include "agent/pods/pod_entry.h"

/* Records for each volume whether it has new content to be filled in, and for each container what its values are, or
 * why there are none. e->content must not be
 * NULL.
 */
void resolve_content(struct pod_entry *e);

/* Is it to be done: has something changed, or is it time to look again at what nobody tells of? */
bool resolve_is_due(const struct pod_entry *e, uint64_t now);

#endif
