/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /healthz, as every part of Kubernetes answers it (k8s.io/apiserver pkg/server/healthz): "ok" with 200, or with 500
 * which check has failed. Pure. The checks are the kubelet's:
 *
 *      ping       somebody answers
 *      log        what the agent logs can be written
 *      syncloop   pods are looked after: the event loop turns (or nobody would answer), the bus is there, and systemd's
 *                 units were read. As with the kubelet the API server may be away: pods run on, and whoever restarted
 *                 the agent for that would help nobody.
 */
#ifndef VKS_AGENT_SERVER_HEALTH_H
#define VKS_AGENT_SERVER_HEALTH_H

#include "agent/server/server.h"
#include "common/buf.h"

enum { HEALTH_CHECKS = 3 };

/* What /healthz as a whole has found, for /metrics/slis; who asks for one check alone is not counted. */
struct health_counts {
        struct health_count {
                uint64_t good, bad;
                bool is_good; /* the last time */
        } of[HEALTH_CHECKS];
};

struct health {
        const char *log, *syncloop;   /* NULL: well; else what is wrong, in words */
        struct health_counts *counts; /* NULL: nobody counts */
};

/* Appends the answer to a request for /healthz or what lies below it, and returns its status. */
int health_answer(const struct health *h, const struct request *r, struct buf *ret);

/* /metrics/slis: nothing of a check that was not made yet, as with the kubelet. */
void health_counts_text(const struct health_counts *c, struct buf *ret);

/* Can what is written to the standard error output arrive, as far as the kernel knows? health.log. */
const char *health_of_log(void);

#endif
