/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /etc/hosts of a pod (pkg/kubelet/kubelet_pods.go, ensureHostsFile()): the machine's, whose network and name the pod
 * has, and behind it the pod's own name, where it has one, and its hostAliases. Pure.
 */
#ifndef VKS_AGENT_POD_HOSTS_H
#define VKS_AGENT_POD_HOSTS_H

#include <cjson/cJSON.h>

#include "common/err.h"

#define HOSTS_PATH "/etc/hosts"

enum { HOSTS_MAX = 256 * 1024 }; /* of the machine's file */

/* The lines for hostAliases; the caller owns them. -EINVAL names the entry that no hosts file can hold. */
int hosts_of_aliases(const cJSON *aliases, char **ret, struct err *e);

/* What a pod has beside the machine's names. */
struct hosts_own {
        const char *name;         /* NULL: it has the machine's (hostNetwork) */
        const char *domain;       /* of that name: "subdomain.namespace.svc.cluster.local"; NULL: none */
        const char *addresses[2]; /* of that name; NULL or "": no more */
        const char *aliases;      /* lines, as hosts_of_aliases() makes them */
};

/* The whole file; the caller owns it. */
char *hosts_text(const char *machines, const struct hosts_own *own);

#endif
