/* SPDX-License-Identifier: Apache-2.0 */
/* What a pod's requests and limits mean for the kernel, as a kubelet reckons it. Pure. */
#ifndef VKS_AGENT_POD_LIMITS_H
#define VKS_AGENT_POD_LIMITS_H

#include "agent/pod/pod.h"

/* 0: nothing is said. */
struct limits {
        uint32_t cpu_weight; /* as cgroups(7) has cpu.weight */
        uint32_t cpu_milli;
        uint64_t memory_max; /* bytes */
        uint32_t tasks_max;
};

/*
 * Of all that is the pod's together (pkg/kubelet/cm, ResourceConfigForPod()). A limit counts where each container has
 * one, or the pod itself. `pids`: podPidsLimit, 0: none. A pod of the class BestEffort has nothing else, since all of
 * these share what is left alike.
 */
void limits_of_pod(const struct pod *p, uint32_t pids, struct limits *ret);

/* Of one container (pkg/kubelet/kuberuntime, generateLinuxContainerResources()). */
void limits_of_container(const struct pod *p, const struct container *c, struct limits *ret);

/*
 * Whom the kernel kills first when the machine's memory runs out (pkg/kubelet/qos, GetContainerOOMScoreAdjust()).
 * `memory`: the machine's, in bytes. A pod that is critical to the node is spared where its memory has a limit; one
 * that has none counts by its class.
 */
int limits_oom_score(const struct pod *p, const struct container *c, uint64_t memory);

#endif
