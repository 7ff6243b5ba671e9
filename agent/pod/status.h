/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pod's status for the API server: pure, the counterpart of plan.h. Phases and reasons are the kubelet's
 * (pkg/kubelet/kubelet_pods.go getPhase, convertStatusToAPIStatus; pkg/kubelet/status/generate.go).
 */
#ifndef VKS_AGENT_POD_STATUS_H
#define VKS_AGENT_POD_STATUS_H

#include "agent/pod/pod_state.h"

/*
 * Makes the status and moves the transition times in s->conditions along. The caller owns the result. `imageID` of a
 * container is `image_ids[i]`, parallel to pod->containers; NULL entries are "".
 */
cJSON *status_build(const struct pod *p, struct pod_state *s, const struct pod_node *node, const char *const *image_ids,
                    uint64_t now);

/* The strategic merge patch for the pods/status subresource that carries `status`, of the object with that uid.
 * `resized`: conditions of a resize that are not in it may have been told, and are taken away. Takes `status` over; the
 * caller owns the result. */
cJSON *status_patch(const char *uid, cJSON *status, bool resized);

/* Why the i-th container waits, in the status' one word: "ContainerCreating". The caller owns it. */
char *status_waiting_reason(const struct pod *p, const struct pod_state *s, size_t i, uint64_t now);

/* Pending, Running, Succeeded or Failed. */
const char *status_phase(const struct pod *p, const struct pod_state *s);

#endif
