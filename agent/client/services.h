/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Services of the cluster, as variables of containers: NAME_SERVICE_HOST, NAME_SERVICE_PORT, NAME_PORT_80_TCP_ADDR
 * and so on (pkg/kubelet/envvars). One watch serves all pods, and of each Service only its address and its ports are
 * kept; those without an address of their own (headless, ExternalName) have no variables.
 */
#ifndef VKS_AGENT_CLIENT_SERVICES_H
#define VKS_AGENT_CLIENT_SERVICES_H

#include "agent/client/api.h"

struct services;

/* `changed` is called when a namespace has other variables than before, with NULL when the first list is there: never
 * from inside a function of this header. */
struct services *services_new(sd_event *event, struct api *api, void (*changed)(void *userdata, const char *namespace),
                              void *userdata);
struct services *services_free(struct services *s);
DEFINE_FREEP(struct services, services_free)

/* Is it known which Services there are? Also where the API server does not let this node read them: then there are
 * none. */
bool services_known(const struct services *s);

bool services_any(const struct services *s, const char *namespace);

/* Calls `each` with every variable of the namespace, in the order of the Services' names. */
void services_variables(const struct services *s, const char *namespace,
                        void (*each)(void *userdata, const char *name, const char *value), void *userdata);

#endif
