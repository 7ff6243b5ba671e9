/* SPDX-License-Identifier: Apache-2.0 */
/* What the kubelet API has of one container, or pod: its log, and what runs over streams. `segment` are the `n` parts
 * of the path, of which the first is the route's own name (routes.h). */
#ifndef VKS_AGENT_SERVER_CONTAINER_ROUTES_H
#define VKS_AGENT_SERVER_CONTAINER_ROUTES_H

#include "agent/server/kubelet_api.h"

void container_logs(struct kubelet_api *api, const struct request *r, struct response *res, const char *const *segment);
void container_run(struct kubelet_api *api, const struct request *r, struct response *res, const char *const *segment,
                   size_t n);
void container_exec(struct kubelet_api *api, const struct request *r, struct response *res, const char *const *segment,
                    size_t n);
void container_attach(struct kubelet_api *api, const struct request *r, struct response *res,
                      const char *const *segment, size_t n);
void container_port_forward(struct kubelet_api *api, const struct request *r, struct response *res,
                            const char *const *segment, size_t n);

#endif
