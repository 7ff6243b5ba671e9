/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who has to go, and what he is told: what a pod has taken beyond its own limits of storage, and who makes room when
 * the machine is short of something. Pure. Rules, order and words are the kubelet's (pkg/kubelet/eviction).
 */
#ifndef VKS_AGENT_POD_EVICTION_H
#define VKS_AGENT_POD_EVICTION_H

#include "agent/pod/pod.h"

/* The least priority of the classes system-cluster-critical and system-node-critical
 * (scheduling.SystemCriticalPriority). */
#define CRITICAL_PRIORITY INT64_C(2000000000)

/* That of system-node-critical. */
#define NODE_CRITICAL_PRIORITY (CRITICAL_PRIORITY + 1000)

/* Is the pod spared, whatever it takes? A static pod is, too, which only its entry knows. */
bool pod_is_critical(const struct pod *p);

/* How many had to go, by what they, or the node, had too much of. */
struct eviction_count {
        const char *signal; /* static */
        uint64_t n;
};

/* ---- limits of its own ------------------------------------------------------------------------------------------- */

/* What a pod's files take, in bytes of the disk or the tmpfs that they lie on. 0: nothing, or not known. */
struct storage_used {
        uint64_t *volumes;    /* parallel to pod->volumes; of emptyDirs, their parts (subPath) included */
        uint64_t *containers; /* parallel to pod->containers: what is one's own */
        uint64_t total;       /* of all that counts as ephemeral-storage: not volumes with `medium: Memory` */
        uint64_t in_memory;   /* of all that lies on the tmpfs that pods share */
};

/* Does the pod have limits that storage_used is compared with? */
bool eviction_has_storage_limits(const struct pod *p);

enum storage_limit { LIMIT_EMPTY_DIR, LIMIT_POD, LIMIT_CONTAINER, STORAGE_LIMITS };

/* What a kubelet calls them where it counts evictions. */
extern const char *const storage_limit_names[STORAGE_LIMITS];

/* The message for a pod that has taken more than its limits allow, of which the first counts: *ret_limit; NULL: it has
 * not. The caller owns it. */
char *eviction_by_storage(const struct pod *p, const struct storage_used *used, enum storage_limit *ret_limit);

/* ---- when the machine is short of something ---------------------------------------------------------------------- */

enum eviction_resource {
        EVICTION_MEMORY,
        EVICTION_MEMORY_FILES, /* memory, but on the tmpfs that pods share: files take it, and nobody asks for that */
        EVICTION_STORAGE,
        EVICTION_INODES,
        EVICTION_PIDS
};

/* A pod that may have to go. */
struct eviction_candidate {
        const struct pod *pod;
        bool known;    /* `used` was counted */
        uint64_t used; /* bytes, processes; of inodes: bytes, for nobody counts a pod's */
};

/*
 * Sorts: who goes first comes first. Who is not counted goes before all others; then who uses more than he has asked
 * for; the lower priority; who uses most beyond what he has asked for (helpers.go, rankMemoryPressure() and its
 * siblings). Where nothing is counted at all it is the priority, and then the class: BestEffort first.
 */
void eviction_rank(enum eviction_resource resource, struct eviction_candidate *list, size_t n);

/*
 * The message for the pod that goes. `containers`, parallel to the pod's: what each uses; NULL: not known. The caller
 * owns it.
 */
char *eviction_by_shortage(enum eviction_resource resource, uint64_t threshold, uint64_t available, const struct pod *p,
                           const uint64_t *containers);

#endif
