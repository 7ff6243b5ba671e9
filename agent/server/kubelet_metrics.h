/* SPDX-License-Identifier: Apache-2.0 */
/* /metrics and /metrics/probes: what the agent tells of its own work. */
#ifndef VKS_AGENT_SERVER_KUBELET_METRICS_H
#define VKS_AGENT_SERVER_KUBELET_METRICS_H

#include "agent/server/kubelet_api.h"

void kubelet_metrics(const struct kubelet_api *api, const struct request *r, struct response *res);
void kubelet_metrics_probes(const struct kubelet_api *api, const struct request *r, struct response *res);

#endif
