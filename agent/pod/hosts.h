/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /etc/hosts of a pod that has hostAliases: the machine's, whose network the pod has, with these names behind it
 * (pkg/kubelet/kubelet_pods.go, ensureHostsFile(), as for a pod with hostNetwork). Other pods have the machine's own.
 */
#ifndef VKS_AGENT_POD_HOSTS_H
#define VKS_AGENT_POD_HOSTS_H

#include <cjson/cJSON.h>

#include "common/err.h"

#define HOSTS_PATH "/etc/hosts"

enum { HOSTS_MAX = 256 * 1024 }; /* of the machine's file */

/* The lines for hostAliases; the caller owns them. -EINVAL names the entry that no hosts file can hold. */
int hosts_of_aliases(const cJSON *aliases, char **ret, struct err *e);

/* The whole file; the caller owns it. */
char *hosts_text(const char *machines, const char *lines);

#endif
