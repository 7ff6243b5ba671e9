/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The node's heartbeat: the Lease kube-node-lease/<node>, good for 40 s and renewed every 10 s (client-go's and the
 * kubelet's numbers). Its timer has priority over everything else on the loop. When two renewals in a row do not
 * reach the server, the connections are taken for dead and shut down (api_close_connections).
 */
#ifndef VKS_AGENT_NODE_LEASE_H
#define VKS_AGENT_NODE_LEASE_H

#include "agent/client/api.h"

enum { LEASE_DURATION_S = 40, LEASE_RENEW_S = 10 };

struct lease;

/* `lost` is called when the Lease had to be created again, which happens when its owner, the Node, was deleted.
 * Nothing is sent before lease_start(). */
struct lease *lease_new(sd_event *event, struct api *api, const char *node_name, void (*lost)(void *userdata),
                        void *userdata);
struct lease *lease_free(struct lease *l);
DEFINE_FREEP(struct lease, lease_free)

/* Starts to renew the Lease for the Node of that uid; later calls change the uid. */
void lease_start(struct lease *l, const char *node_uid);

/* The object to send; `resource_version` is NULL to create it. Pure; the caller owns it. */
cJSON *lease_object(const char *node_name, const char *node_uid, const char *resource_version, uint64_t now);

#endif
