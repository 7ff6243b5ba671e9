/* SPDX-License-Identifier: Apache-2.0 */
/* Which pods are granted other resources than they have, and when (agent/pod/resize.h). */
#ifndef VKS_AGENT_PODS_RESIZING_H
#define VKS_AGENT_PODS_RESIZING_H

#include "agent/pods/pod_entry.h"

/* `p`, parsed from `object`, is another version of the entry's pod: the same with the resources that the pod has, where
 * it asks for others. Takes `p` over; the caller owns what is returned. */
struct pod *resizing_hold(struct pod_entry *e, struct pod *p, const cJSON *object);

/* `p`, parsed from `object`, is new to this agent: likewise with those that an earlier one has granted. What it asks
 * for beyond that is in *ret_asked, NULL: nothing; the caller owns both. */
struct pod *resizing_recall(struct pod *p, const cJSON *object, struct pod **ret_asked);

/* That is what the entry's pod asks for. */
void resizing_wish(struct pod_entry *e, const struct pod *asked, const cJSON *object);

/* Judges what pods ask for; `grant` gives the entry's pod what its object says. */
void resizing_judge(struct pods *ps, void (*grant)(struct pod_entry *e));

/* The entry's pod is about to become `granted`, which is the same with other resources. */
void resizing_begin(struct pod_entry *e, const struct pod *granted);

/* Has what is under way come into effect? */
void resizing_look(struct pod_entry *e, uint64_t now);

#endif
