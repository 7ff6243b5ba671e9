/* SPDX-License-Identifier: Apache-2.0 */
/* What a container gives up of what it could do: the part of its securityContext, and of its pod's, that takes rights
 * away. Pure. */
#ifndef VKS_AGENT_POD_SANDBOX_H
#define VKS_AGENT_POD_SANDBOX_H

#include <cjson/cJSON.h>

#include "common/base.h"
#include "common/err.h"

struct sandbox {
        bool no_new_privileges;   /* allowPrivilegeEscalation: false */
        bool read_only_root;      /* readOnlyRootFilesystem */
        bool filter_system_calls; /* seccompProfile: RuntimeDefault */
        uint64_t drop;            /* capabilities that it drops and does not add: bit 1 << number */
};

/*
 * The container's own word wins over the pod's. -EINVAL, with the reason that a kubelet would show, for what cannot be
 * given and must not be left out: a profile of the operator's, a capability that nobody knows.
 */
int sandbox_parse(const cJSON *pod_context, const cJSON *context, struct sandbox *ret, struct err *e);

#endif
