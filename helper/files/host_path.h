/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VKS_HELPER_FILES_HOST_PATH_H
#define VKS_HELPER_FILES_HOST_PATH_H

#include "common/base.h"
#include "common/err.h"

/*
 * A hostPath volume: is there what `type` says (Kubernetes' HostPathType, core/v1; "" asks nothing), and will it still
 * be there when PID 1 mounts it (helper/files/trust.h)? `may_make`: the ...OrCreate types are made. -EPERM with
 * "host-path" as reason where a symbolic link is on the way, or somebody else than root could put one there.
 */
int host_path_check(const char *path, const char *type, bool may_make, struct err *e);

#endif
