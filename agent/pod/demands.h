/* SPDX-License-Identifier: Apache-2.0 */
/* What a pod asks of the node that it is to run on: labels, an operating system, resources, ports, sysctls. Parsed
 * once, with the pod; admit.h judges it. */
#ifndef VKS_AGENT_POD_DEMANDS_H
#define VKS_AGENT_POD_DEMANDS_H

#include <cjson/cJSON.h>

#include "agent/pod/resources.h"

/* A port that a container declares. Its processes bind `container`, for a pod has the machine's network. */
struct port {
        const char *protocol; /* "TCP", "UDP", "SCTP" */
        uint16_t container;
        uint16_t host; /* 0: none is asked for */
        char *host_ip; /* NULL: every address of the machine */
};

enum { PORTS_MAX = 1024 }; /* of one pod; the API server sets no bound but the object's size */

struct demands {
        cJSON *selector;            /* spec.nodeSelector, or NULL */
        cJSON *terms;               /* nodeSelectorTerms of the required node affinity, or NULL */
        char *os;                   /* spec.os.name, or NULL */
        char *unsafe_sysctl;        /* the first that no node has without its operator's word; NULL: none */
        char *sysctl;               /* the first of the others; NULL: none */
        struct resources requests;  /* of the whole pod, as the scheduler reckons */
        struct resources limits;    /* that the pod sets for itself (spec.resources), not those of its containers */
        struct resources bounds;    /* of the whole pod, where they bound it (resources_bounds()) */
        uint64_t spare_memory;      /* resources_spare_memory() */
        uint64_t storage_limit;     /* of ephemeral-storage, of those containers together that have one; 0: none has */
        int64_t priority;           /* spec.priority: who has less makes room first */
        bool under_memory_pressure; /* it tolerates a node that is short of memory */
        char hugepages[32];         /* a kind of these that is asked for, "hugepages-2Mi"; "": none */
        uint64_t hugepages_asked;   /* bytes */
        struct port *ports;         /* of containers and sidecars */
        size_t n_ports;
};

/* Takes what the pod's spec has; what cannot be understood is left out, but for terms of an affinity, which then match
 * no node. */
void demands_parse(const cJSON *spec, struct demands *ret);
void demands_done(struct demands *d);

#endif
