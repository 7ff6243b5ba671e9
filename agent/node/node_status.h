/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes the Node object: pure, the clock is a parameter. Texts and reasons are the kubelet's
 * (pkg/kubelet/nodestatus/setters.go, pkg/kubelet/eviction), since people and programs read them.
 */
#ifndef VKS_AGENT_NODE_NODE_STATUS_H
#define VKS_AGENT_NODE_NODE_STATUS_H

#include <cjson/cJSON.h>

#include "agent/config/config.h"
#include "agent/node/facts.h"
#include "agent/node/pressure.h"

#define NODE_TAINT_KEY                                                                                                 \
        "virtual-kubelet.io/provider" /* the ancestor's, so that tolerations that exist keep their meaning */
#define NODE_TAINT_VALUE "vks"

enum {
        NODE_STATUS_PERIOD_S = 10,  /* how often the status is computed */
        NODE_REPORT_PERIOD_S = 300, /* how often it is sent though nothing changed */
        NODE_IMAGES_MAX = 50,
};

/* What keeps the node from running pods: each is NULL when all is well, else a clause for a person ("the system bus
 * is gone"). */
struct node_health {
        const char *bus;
        const char *helper;
        const char *packages;
        const char *shutdown; /* the machine shuts down */
};

struct node_image {
        const char *name; /* "nginx=1.22.1-9" */
        uint64_t size;    /* bytes */
};

struct node_inputs {
        const struct config *config;
        const struct facts *facts;
        const struct node_health *health;
        const struct node_pressure *pressure;
        const char *version;             /* node_version() */
        const cJSON *package_labels;     /* package_labels(); NULL: not known yet */
        const struct node_image *images; /* at most NODE_IMAGES_MAX are told, largest first */
        size_t n_images;
        uint64_t now; /* usec since the epoch */
};

/*
 * The kubelet version that the Node reports. `server_version` is what GET /version answered (NULL: no answer). A
 * kubelet may be older than its API server but never newer, and programs compare minor versions. So we report the
 * server's minor release with our version behind it, "v1.20.0+vks.0.1.0"; if the server does not say, v1.20, the
 * oldest release that we support.
 */
void node_version(const cJSON *server_version, const char *vks_version, char ret[64]);

/* The part of the status that the agent writes. `previous` is the Node as last known (or NULL), from which transition
 * times are taken. The caller owns the result. */
cJSON *node_status(const struct node_inputs *in, const cJSON *previous);

/* A Node to create. The caller owns it. */
cJSON *node_object(const struct node_inputs *in);

/* {"status": ...} as a strategic merge patch for nodes/status. The caller owns it. */
cJSON *node_status_patch(const cJSON *status);

/* Does `status` differ from `before` (either may be NULL) in more than heartbeat times, and the declared features,
 * which an API server may be told not to keep? */
bool node_status_differs(const cJSON *status, const cJSON *before);

/*
 * The merge patch that gives an existing Node our labels, or NULL when it has them. Only labels of packages are ever
 * taken away: those that package_labels() does not have any more. The caller owns the result.
 */
cJSON *node_labels_patch(const struct node_inputs *in, const cJSON *node);

/* The reason of the kubelet's event for a change of a condition: "NodeReady", ... NULL for a condition that we do not
 * report. */
const char *node_condition_event(const char *type, bool is_true);

/* The node's address, for pods and for whoever asks: `i` 0 is the primary one (IPv4 before IPv6 unless configured),
 * NULL when there are no more. */
const char *node_address(const struct config *c, const struct facts *f, size_t i);

/* How much of the machine pods may have: what the status calls allocatable. */
struct node_allocatable {
        uint64_t cpu_milli, memory, storage, pods;
};
struct node_allocatable node_allocatable(const struct config *c, const struct facts *f);

#endif
