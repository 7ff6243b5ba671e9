/* SPDX-License-Identifier: Apache-2.0 */
/* Images of pods: are they there, may they be had, and how did having them installed go. */
#ifndef VKS_AGENT_PODS_PULL_H
#define VKS_AGENT_PODS_PULL_H

#include "agent/pods/pod_entry.h"

/* Which of the pod's images are there, as far as its pull policy is content with what is there. */
void pull_look(struct pod_entry *e);

/* Container i's image, if it is there, whatever the pull policy says: the pod ran here before. */
void pull_take(struct pod_entry *e, size_t i);

/* ACTION_PULL: has container i's image installed, or records why that is not to be. */
void pull_begin(struct pod_entry *e, size_t i);

/* A pod that names a package's version holds it. When this one holds none any more, those that wait for a version are
 * marked. */
void pull_release(struct pod_entry *e);

#endif
