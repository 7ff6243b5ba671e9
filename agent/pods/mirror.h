/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mirror pods: by them the API server knows of static pods (pkg/kubelet/pod/mirror_client.go). There is one for each
 * static pod as long as the pod is here; what somebody deletes or what shows an earlier state of the file is made
 * again, and one without a static pod is deleted, but not while a file cannot be read that may ask for it. Nothing that
 * happens to a mirror ends the static pod. Until the API server's first list is complete nothing is asked of it.
 */
#ifndef VKS_AGENT_PODS_MIRROR_H
#define VKS_AGENT_PODS_MIRROR_H

#include "agent/pods/pod_entry.h"

/* The static pod is wanted, as `object` (manifest.h) has it, which is copied. A second call for the same name
 * replaces the first. */
void mirror_want(struct pods *ps, const cJSON *object);
/* The static pod with this uid is wanted no more. The mirror goes when the pod has ended. */
void mirror_unwant(struct pods *ps, const struct pod_id *id);

/* What the API server tells. */
void mirror_seen(struct pods *ps, const cJSON *object);
void mirror_gone(struct pods *ps, const cJSON *object);
void mirrors_list_begin(struct pods *ps);
void mirrors_list_synced(struct pods *ps);
void mirrors_node_seen(struct pods *ps, const char *node_uid);

/* Makes and deletes what is due. At each turn. */
void mirrors_look(struct pods *ps);

struct mirrors *mirrors_free(struct mirrors *all);

#endif
