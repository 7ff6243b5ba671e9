/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /etc/resolv.conf of a pod that has a dnsConfig: what the pod says behind what the machine has, or alone where its
 * dnsPolicy is None (pkg/kubelet/network/dns, GetPodDNS(), of a node that knows of no cluster DNS). Other pods have the
 * machine's own. Pure.
 */
#ifndef VKS_AGENT_POD_RESOLV_H
#define VKS_AGENT_POD_RESOLV_H

#include <cjson/cJSON.h>

#include "common/err.h"

#define RESOLV_PATH "/etc/resolv.conf"

enum { RESOLV_MAX = 64 * 1024 }; /* of the machine's file */

/* A dnsConfig as such a file; the caller owns it. -EINVAL names the field that no such file can hold. */
int resolv_of_config(const cJSON *config, char **ret, struct err *e);

/*
 * One file of two (`machines`: "" for none): what the machine has comes first, of what both have once; of an option the
 * pod's value counts. No more than the C library reads (resolv.conf(5)): the first three nameservers, 32 domains of
 * 2048 bytes. The caller owns it.
 */
char *resolv_text(const char *machines, const char *own);

#endif
