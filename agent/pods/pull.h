/* SPDX-License-Identifier: Apache-2.0 */
/* Images of pods: is an image installed, may it be installed now, and how did its installation go. (The installation
 * itself: agent/packages/installer.h.) */
#ifndef VKS_AGENT_PODS_PULL_H
#define VKS_AGENT_PODS_PULL_H

#include "agent/pods/pod_entry.h"

/* Finds out which of the pod's images are installed already, and need no installation by the pod's pull policy. */
void pull_look(struct pod_entry *e);

/* Takes container i's image as it is installed, whatever the pull policy says, since the pod ran here before. */
void pull_take(struct pod_entry *e, size_t i);

/* ACTION_PULL: has container i's image installed, or records why it cannot be. */
void pull_begin(struct pod_entry *e, size_t i);

/* A pod whose image names a version holds the package in that version. When this pod does so no more, marks the pods
 * that wait for another version. */
void pull_release(struct pod_entry *e);

#endif
