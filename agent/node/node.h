/* SPDX-License-Identifier: Apache-2.0 */
/*
 * This machine's Node object in the API: creates it when it is missing, keeps its status up to date, and renews its
 * Lease. All retries are inside. The Lease has a timer and a priority of its own, so that the node does not look dead
 * while the agent is busy.
 */
#ifndef VKS_AGENT_NODE_NODE_H
#define VKS_AGENT_NODE_NODE_H

#include "agent/client/api.h"
#include "agent/client/events.h"
#include "agent/node/node_status.h"

struct node;

struct node_callbacks {
        /* The Node exists: pods may be looked for. Called once, never from inside a function of this header. May be
         * NULL. */
        void (*registered)(void *userdata);
        /* Fills at most `max` images that pods have used; the names must live until the next call. Returns how many.
         * May be NULL. */
        size_t (*images)(void *userdata, struct node_image *ret, size_t max);
};

/* `config` and `facts` are borrowed; the node refreshes `facts` every 10 s; `root` as in facts.h. `callbacks` is
 * copied. */
struct node *node_new(sd_event *event, struct api *api, const struct config *config, struct facts *facts,
                      const char *root, struct events *events, const struct node_callbacks *callbacks, void *userdata);
struct node *node_free(struct node *n);
DEFINE_FREEP(struct node, node_free)

/* The strings are copied. A change is reported at once. Until the first call the node is not Ready ("starting"). */
void node_set_health(struct node *n, const struct node_health *health);

/* `labels` is what package_labels() returns; takes it over. A change is sent at once. */
void node_set_package_labels(struct node *n, cJSON *labels);

/*
 * Handlers (watch.h: upsert, gone) for a watch of the Node, to which others write, too: the node controller sets
 * conditions to Unknown when it has not heard of us for a while, and they stay so until we send them again; and an
 * operator may delete the Node.
 */
void node_seen(void *n, const cJSON *object);
void node_gone(void *n, const cJSON *object);

/* Reads how the machine is now; a condition that has changed by it is told at once. Borrowed. */
const struct node_pressure *node_look_at_pressure(struct node *n);

const char *node_name(const struct node *n);
const char *node_ip(const struct node *n, size_t i);    /* as node_address() */
const char *node_kubelet_version(const struct node *n); /* "" before the first answer of the API server */

#endif
