/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The orderly end of pods when the machine shuts down, as the kubelet's (shutdownGracePeriod, ...): logind tells, and
 * is held up meanwhile (agent/machine/logind.h); nobody is let in any more; pods end class by class
 * (agent/pod/shutdown.h), each class within its time, and are Failed with reason Terminated. The next class does not
 * wait for longer than until the one before has ended and the API server knows. Whoever still runs then is systemd's.
 */
#ifndef VKS_AGENT_PODS_SHUTDOWN_H
#define VKS_AGENT_PODS_SHUTDOWN_H

#include "agent/pod/shutdown.h"
#include "agent/pods/pods.h"

struct shutdown;

struct shutdown_parts {
        sd_event *event;
        struct pods *pods;
        struct events *events;
        const char *node_name;                   /* must outlive it */
        void (*begun)(void *userdata, bool yes); /* the machine shuts down; no: it was called off */
        void *userdata;
};

/* NULL where the order has no classes: then the machine does not wait for pods. */
struct shutdown *shutdown_new(const struct shutdown_parts *parts, const struct shutdown_order *order);
struct shutdown *shutdown_free(struct shutdown *s);
DEFINE_FREEP(struct shutdown, shutdown_free)

#endif
