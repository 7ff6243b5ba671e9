/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The probes of all pods: who is probed, and when. The pods tell at each turn what runs; a container's probes begin
 * with each of its runs, once its unit is active, and end with it. What a probe's results come to is told to the pods
 * (pods_probed()), and what went wrong to whoever reads events. One timer for all; nothing is remembered between two
 * lives of the agent but what the API server has (pod_state_adopt()).
 */
#ifndef VKS_AGENT_PROBES_PROBES_H
#define VKS_AGENT_PROBES_PROBES_H

#include <systemd/sd-event.h>

#include "agent/pods/command.h"

/*
 * As many are under way at a time; who is due then waits a moment, and is late. A command costs PID 1 a unit each; the
 * others cost a descriptor.
 */
enum { PROBES_AT_ONCE = 256, PROBES_EXEC_AT_ONCE = 16 };

struct probes;

/* Everything is borrowed and outlives the probes; `ip` is the address that pods have. */
struct probes *probes_new(sd_event *event, struct pods *pods, struct commands *commands, const char *ip);
struct probes *probes_free(struct probes *all); /* ends what is under way; to be called while the helper can be asked */
DEFINE_FREEP(struct probes, probes_free)

/* What the pods report (pods_parts.pod_seen, pod_forgotten). */
void probes_pod_seen(struct probes *all, const struct pod *p, const struct pod_state *s);
void probes_pod_forgotten(struct probes *all, const char *pod_uid);

/* What one probe has come to since the pod was first seen by this agent. False: the container has no such probe, or the
 * pod is not looked after. */
struct probes_results {
        uint64_t good, bad;
};
bool probes_results(const struct probes *all, const char *pod_uid, size_t index, enum probe_type type,
                    struct probes_results *ret);

#endif
