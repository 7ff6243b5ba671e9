/* SPDX-License-Identifier: Apache-2.0 */
/* CPU, memory and ephemeral storage: what a container asks for, what a pod does, what a node has. Pure. */
#ifndef VKS_AGENT_POD_RESOURCES_H
#define VKS_AGENT_POD_RESOURCES_H

#include <cjson/cJSON.h>

#include "common/base.h"

enum resource { RESOURCE_CPU, RESOURCE_MEMORY, RESOURCE_STORAGE, RESOURCES };

extern const char *const resource_names[RESOURCES]; /* as the API has them */

struct resources {
        uint64_t of[RESOURCES]; /* CPU in thousandths, the others in bytes; 0: none */
};

/*
 * An amount out of a list of resources ({"cpu": "100m", ...}), as struct resources has it: 0 when it is not there, and
 * INT64_MAX when it is more.
 */
uint64_t resource_amount(const cJSON *list, const char *name);

void resources_parse(const cJSON *list, struct resources *ret);
void resources_add(struct resources *to, const struct resources *more);
void resources_most(struct resources *to, const struct resources *other); /* of each the larger one */

/*
 * What the containers of a pod take at most at a time (component-helpers resource.PodRequests): all containers and
 * sidecars, or an init container with the sidecars that began before it; and the overhead. What the pod says for itself
 * (spec.resources) counts instead of what its containers say. `key` is "requests" or "limits".
 */
void resources_of_pod(const cJSON *spec, const char *key, struct resources *ret);

/* The limits of the whole pod, each only where every container has one, or the pod itself: else it bounds nothing. */
void resources_bounds(const cJSON *spec, struct resources *ret);

/* What the pod asks for of memory beyond what its containers do, for each of these: the pod's own request shared out.
 */
uint64_t resources_spare_memory(const cJSON *spec);

/*
 * The value of a resourceFieldRef, such as "limits.cpu" of a container with these `resources` (requests and limits;
 * NULL: none), in whole divisors, rounded up. A limit that is not set is the node's allocatable. The text is that of a
 * number; the caller owns it. NULL for a field that does not exist, or a divisor that is none. (pkg/api/v1/resource,
 * helpers.go)
 */
char *resource_field(const cJSON *resources, const char *field, const char *divisor,
                     const struct resources *allocatable);

#endif
