/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Those actions of a plan that end something: containers together or one by one, a unit that has to make room, what
 * the pod has on the machine, and the object at the API server. As in executor.h: nothing waits, and each outcome goes
 * into the pod's state.
 */
#ifndef VKS_AGENT_PODS_ENDING_H
#define VKS_AGENT_PODS_ENDING_H

#include "agent/pods/pod_entry.h"

/* ACTION_STOP, and ACTION_KILL with `kill`: all containers of the pod at once. */
void ending_stop(struct pod_entry *e, bool kill, uint64_t now);

/* ACTION_BEGIN_END: from here on containers end each in its turn. */
void ending_begin_each(struct pod_entry *e, uint64_t now);

/* ACTION_PRE_STOP */
void ending_pre_stop(struct pod_entry *e, size_t i, uint64_t now);

/* ACTION_TERM, ACTION_END or ACTION_END_KILL: all containers of the plan's that are to be asked the same. */
void ending_end(struct pod_entry *e, const struct plan *plan, enum action_kind kind, uint64_t now);

/* ACTION_CLEAR: the unit of one container goes, for one with another image or other values. */
void ending_clear(struct pod_entry *e, size_t i);

void ending_remove(struct pod_entry *e); /* ACTION_REMOVE */
void ending_delete(struct pod_entry *e); /* ACTION_DELETE */

#endif
