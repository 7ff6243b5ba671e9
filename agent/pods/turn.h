/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The turn: each marked pod is planned once, its plan is carried out, and its status is reported. It runs when the
 * loop has nothing else to do, so that a burst of events leads to one plan per pod.
 */
#ifndef VKS_AGENT_PODS_TURN_H
#define VKS_AGENT_PODS_TURN_H

#include "agent/pods/pod_entry.h"

/* The handler of pods->work; `ps` is a struct pods. */
int turn(sd_event_source *source, void *ps);

#endif
