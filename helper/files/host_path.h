/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VKS_HELPER_FILES_HOST_PATH_H
#define VKS_HELPER_FILES_HOST_PATH_H

#include "common/base.h"
#include "common/err.h"

/*
 * Checks a hostPath that policy has allowed (policy/places.c, rule_host_path()). Is it of the `type` that the pod says
 * (Kubernetes' HostPathType, core/v1; "" is not checked), and will the path still lead there when PID 1 mounts it
 * (helper/files/trust.h)? With `may_make`, what a ...OrCreate type names is made if it is missing. -EPERM with
 * "host-path" as reason when a component is a symbolic link, or somebody other than root could replace it by one.
 */
int host_path_check(const char *path, const char *type, bool may_make, struct err *e);

#endif
