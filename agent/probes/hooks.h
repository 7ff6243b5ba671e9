/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs lifecycle hooks: an exec as a command beside the container, an httpGet from here, a sleep as a timer. When one
 * is due the plan says (agent/pod/plan.h), and what follows from how it went; this only runs it, and tells.
 */
#ifndef VKS_AGENT_PROBES_HOOKS_H
#define VKS_AGENT_PROBES_HOOKS_H

#include "agent/pods/command.h"
#include "agent/pods/pods.h"

struct hooks; /* all that are under way */

/* `ip`: the pods' address; everything is borrowed and outlives the hooks. */
struct hooks *hooks_new(sd_event *event, struct pods *pods, struct commands *commands, const char *ip);
struct hooks *hooks_free(struct hooks *h); /* what runs is left to itself, and nobody is told */
DEFINE_FREEP(struct hooks, hooks_free)

/* As pods_parts.hook_begin has it; pods_hook_ended() is called once, never from inside. */
void hooks_begin(struct hooks *h, const char *pod_uid, size_t index, enum hook_kind kind, uint64_t usec);

/* Nobody waits for those of this pod any more. */
void hooks_forget(struct hooks *h, const char *pod_uid);

#endif
