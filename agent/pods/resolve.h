/* SPDX-License-Identifier: Apache-2.0 */
/* The content of pods' volumes, from ConfigMaps, Secrets, tokens and fields; and which pods must resolve it again
 * when one of these changes (the handlers are declared in pods.h). */
#ifndef VKS_AGENT_PODS_RESOLVE_H
#define VKS_AGENT_PODS_RESOLVE_H

#include "agent/pods/pod_entry.h"

/* Records for each volume whether it has new content to be filled in, or why it has none. e->content must not be
 * NULL.
 */
void resolve_content(struct pod_entry *e);

#endif
