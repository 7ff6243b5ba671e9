/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Static pods: pods that a file of the machine asks for, and no API server (pkg/kubelet/config/file.go, common.go).
 * Each is shown to the API server by a mirror pod, which is only a picture of it. Pure.
 */
#ifndef VKS_AGENT_POD_MANIFEST_H
#define VKS_AGENT_POD_MANIFEST_H

#include <cjson/cJSON.h>

#include "common/err.h"
#include "common/ids.h"

enum { MANIFEST_MAX = 1024 * 1024 }; /* bytes of a file */

/*
 * A file's text, YAML or JSON with one Pod, into the object that the API server would have made of it: the name with
 * "-<node>" behind it, a uid that follows from node and content (another content is another pod, a comment or the
 * file's name is nothing to it), Kubernetes' defaults as far as pod_parse() relies on them, tolerations and priority of
 * a static pod. `seen` is when the file was read, microseconds since the epoch. 0, and the caller owns *ret
 * (cJSON_Delete); -EINVAL for what is no such Pod, and for one that needs objects of the API (Secrets, ConfigMaps,
 * service accounts, claims): a static pod has to run where there is none. `e` names the field.
 */
int manifest_parse(const char *text, size_t size, const char *node, uint64_t seen, cJSON **ret, struct err *e);

/* Is that the uid of a static pod? The API server's have dashes in them, these have none. */
bool manifest_is_uid(const char *uid);

/* The mirror of such an object, for the API server; `node_uid` is the Node object's, which owns it. The caller owns the
 * result. */
cJSON *manifest_mirror(const cJSON *object, const char *node_uid);

/* Which static pod (its uid) the object out of the API server is a mirror of; NULL for a pod that is no mirror.
 * Borrowed. */
const char *manifest_mirrored(const cJSON *object);

#endif
