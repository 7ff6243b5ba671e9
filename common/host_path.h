/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VKS_COMMON_HOST_PATH_H
#define VKS_COMMON_HOST_PATH_H

#include "common/err.h"

/*
 * A hostPath volume: is there what `type` says (Kubernetes' HostPathType, core/v1; "" asks nothing), and no symbolic link on the way to
 * it? The ...OrCreate types are made. -EPERM for a link, with "host-path" as reason.
 */
int host_path_check(const char *path, const char *type, struct err *e);

#endif
