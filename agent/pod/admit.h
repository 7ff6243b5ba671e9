/* SPDX-License-Identifier: Apache-2.0 */
/*
 * May a pod that was bound to this node run here? Pure. What is asked, and the words of the answer, are the kubelet's
 * (pkg/kubelet/lifecycle/predicate.go), but for ports.
 *
 * All pods have the machine's network, so a container that listens on a port has the machine's port. Kubernetes knows
 * that case, as hostNetwork: there each containerPort is a hostPort, two pods with the same one are never on one node,
 * and the second one is Pending until the first has gone. For a pod that does not say `hostNetwork: true` the scheduler
 * knows nothing of it, and so:
 *   - the same hostPort as another pod's: rejected, as by the kubelet. The scheduler prevents it, unless the pod names
 *     its node itself;
 *   - the same containerPort: the second one is held back, Pending with the reason PortConflict, until the first has
 *     gone, which is what the scheduler does for hostNetwork. It is not rejected, since every Deployment that surges
 *     would have one rejected pod after the other, many in a second: its controller makes a new one at once for each
 *     that has failed;
 *   - a port of a pod that is about to end: held back until that has ended.
 */
#ifndef VKS_AGENT_POD_ADMIT_H
#define VKS_AGENT_POD_ADMIT_H

#include "agent/pod/pod_state.h"

/* What the node says that it is short of. */
struct node_conditions {
        bool memory, disk, pid;
};

struct admit_node {
        const char *name;
        const cJSON *labels; /* NULL: not known, and not judged */
        struct resources allocatable;
        uint64_t pods; /* how many it may have */
        struct node_conditions conditions;
};

/* Another pod that was admitted here and is not over. */
struct neighbour {
        const struct pod *pod;
        bool ending;  /* it is being deleted */
        bool lingers; /* the API server has forgotten it, and it does not count; but its processes may still be here */
};

#define ADMIT_AFFINITY "NodeAffinity" /* the reason for a rejection that depends on the node's labels */

/* ADMITTED, HELD or REJECTED. For the latter two `e` has the reason and, in words, why. */
enum admission admit(const struct pod *p, const struct admit_node *node, const struct neighbour *others, size_t n,
                     struct err *e);

/* Does one of these terms of a node selector match the node, whose labels are known? */
bool admit_terms_match(const cJSON *terms, const struct admit_node *node);

/* A pod that runs here asks for other resources, `asked` altogether: are they left beside what the others have? `e`
 * says why not, as for a new pod. */
bool admit_resize(const struct resources *asked, const struct admit_node *node, const struct neighbour *others,
                  size_t n, struct err *e);

#endif
