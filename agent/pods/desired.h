/* SPDX-License-Identifier: Apache-2.0 */
/* The pods that the API server wants (the handlers are declared in pods.h), and the leftovers: units of an earlier
 * run of the agent, whose pods may not exist any more. */
#ifndef VKS_AGENT_PODS_DESIRED_H
#define VKS_AGENT_PODS_DESIRED_H

#include "agent/pods/pod_entry.h"

/*
 * Notes a unit that was on disk when the agent started; `ps` is a struct pods. Its pod takes the unit over when the
 * API server shows the pod; the unit is ended if the first complete list has no such pod.
 */
void leftover_keep(void *ps, const struct unit_meta *meta);
void leftovers_forget(struct pods *ps);

/* Ends the leftovers of static pods that no file asks for any more. Not while a file cannot be read: it may be the one
 * that asks for them. */
void leftovers_end_static(struct pods *ps);

/* A pod that is new here, which is taken over with its object. `of_file`: a static pod. */
struct pod_entry *desired_add(struct pods *ps, struct pod *p, const cJSON *object, bool of_file);

/* The pod has from now on the resources that its object asks for (resizing_judge()). */
void desired_grant(struct pod_entry *e);

/* Nobody wants the pod any more: it is ended within its grace and forgotten. */
void desired_lose(struct pod_entry *e);

#endif
