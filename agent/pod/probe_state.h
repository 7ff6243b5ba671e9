/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a probe stands in one run of its container: when it is due, and what its results add up to. Pure; time is a
 * parameter (microseconds of any one clock that does not jump). The rules are the kubelet's (pkg/kubelet/prober/
 * worker.go), but that the first probe comes when it is due and not at a tick that began with the pod, and that those
 * behind it are at full tenths of a second: those of many pods then come together, and share what it costs to wake up.
 */
#ifndef VKS_AGENT_POD_PROBE_STATE_H
#define VKS_AGENT_POD_PROBE_STATE_H

#include "agent/pod/probe.h"

struct probe_state {
        uint64_t due;
        unsigned run; /* results in a row that are `last` */
        bool last;
        bool on_hold; /* startup has succeeded, or the container is to be ended: nothing is probed any more */
};

enum probe_verdict { PROBE_NO_NEWS, PROBE_SUCCEEDED, PROBE_FAILED };

/*
 * A run of the container may be probed from now on, which began `age` ago. `spread`: none of the container's first
 * probes is earlier than this after now, so that those of many pods do not come at once; 0 for a container that was
 * seen to start.
 */
void probe_begin(struct probe_state *s, const struct probe *p, uint64_t now, uint64_t age, uint64_t spread);

/* The greatest `spread`, of which the caller takes a random part. */
uint64_t probe_spread(const struct probe *p);

/*
 * The probe that was due at s->due has gone well or not. Sets the next time, and tells once the results are as many in
 * a row as the thresholds ask for (then each further one like them, too).
 */
enum probe_verdict probe_take(struct probe_state *s, const struct probe *p, enum probe_type type, bool good,
                              uint64_t now);

/* Nobody can tell how the probe went: it counts for nothing, and is due again at its next time. */
void probe_skip(struct probe_state *s, const struct probe *p, uint64_t now);

#endif
