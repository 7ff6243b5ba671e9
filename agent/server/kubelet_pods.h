/* SPDX-License-Identifier: Apache-2.0 */
/* The node's pods, for those who ask the node and not the API server: /pods and /runningpods. */
#ifndef VKS_AGENT_SERVER_KUBELET_PODS_H
#define VKS_AGENT_SERVER_KUBELET_PODS_H

#include "agent/pods/pods.h"
#include "agent/server/server.h"

/* Answers with a PodList: of all pods that are wanted here, or, with `running`, of what runs. */
void kubelet_pods_answer(struct pods *pods, bool running, const struct request *r, struct response *res);

#endif
