/* SPDX-License-Identifier: Apache-2.0 */
/* The termination message of a container that has just ended: the end of its file (terminationMessagePath), or of its
 * log. */
#ifndef VKS_AGENT_PODS_LAST_WORDS_H
#define VKS_AGENT_PODS_LAST_WORDS_H

#include "agent/pods/pod_entry.h"

/* Adds it to what is known of the latest run of container i. What has to be read from the journal comes later: the
 * run's `awaits_log` is true until then. */
void last_words_take(struct pod_entry *e, size_t i);

#endif
