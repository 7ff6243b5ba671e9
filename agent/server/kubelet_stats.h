/* SPDX-License-Identifier: Apache-2.0 */
/* What is used: /metrics/resource, /metrics/cadvisor and /stats/summary, each from a sample that is taken for it. */
#ifndef VKS_AGENT_SERVER_KUBELET_STATS_H
#define VKS_AGENT_SERVER_KUBELET_STATS_H

#include "agent/server/server.h"
#include "agent/stats/families.h"

void kubelet_stats_metrics(struct sampler *sampler, const struct families *families, enum usage_depth depth,
                           const struct request *r, struct response *res);

void kubelet_stats_summary(struct sampler *sampler, struct pods *pods, const char *node_name, const struct request *r,
                           struct response *res);

#endif
