/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What machine, pods and containers have used, read once from the kernel. With a thousand pods that is thousands of
 * files, so it is done in slices between which the event loop turns; who asks meanwhile gets the same sample.
 */
#ifndef VKS_AGENT_STATS_SAMPLE_H
#define VKS_AGENT_STATS_SAMPLE_H

#include <systemd/sd-event.h>

#include "agent/pods/pods.h"
#include "agent/stats/machine_usage.h"

/* Times are microseconds since the epoch. */
struct sampled_container {
        char *name, *image;
        char *cgroup;        /* "/kubepods.slice/.../vks.a.b.c.service" */
        char invocation[33]; /* of the present run */
        uint64_t started, at;
        struct usage usage;
};

struct sampled_pod { /* has at least one container with processes */
        struct pod_id id;
        char *cgroup; /* of the slice: commands beside the containers are in it, too */
        uint64_t started, at;
        struct usage usage;
        struct sampled_container *containers; /* those with processes */
        size_t n_containers;
};

struct sample {
        bool failed; /* there is no cgroup v2, so that nothing is known of pods */
        enum usage_depth depth;
        uint64_t at;
        struct machine_usage machine;
        struct usage all_pods, agent; /* of kubepods.slice and of the agent's own cgroup, as far as told */
        struct sampled_pod *pods;
        size_t n_pods;
        unsigned users; /* who still reads it */
};

struct sampler;
struct sampler *sampler_new(sd_event *event, struct pods *pods);
void sampler_set_recent(struct sampler *s, uint64_t usec); /* instead of 10 s; tests are less patient */
struct sampler *sampler_free(struct sampler *s);           /* whoever waits is not called any more */
DEFINE_FREEP(struct sampler, sampler_free)

/* The sample is the callee's from now on, until sample_unref(). */
typedef void (*sample_done)(void *userdata, struct sample *sample);

struct sample_wait;
/* `done` is called once, never from inside. A sample of more depth than was asked for may be given. */
struct sample_wait *sample_take(struct sampler *s, enum usage_depth depth, sample_done done, void *userdata);
/*
 * The same, but one that is some ten seconds old will do, as the kubelet's are. While such are asked for, and for a
 * minute after that, there is always one: whoever asks does not wait until a thousand cgroups are read.
 */
struct sample_wait *sample_recent(struct sampler *s, enum usage_depth depth, sample_done done, void *userdata);
struct sample_wait *sample_cancel(struct sample_wait *w); /* NULL is allowed; returns NULL */

struct sample *sample_unref(struct sample *s);
DEFINE_FREEP(struct sample, sample_unref)

/* The pod as far as it can be told: appends nothing when no container of it has processes. For tests. `top` is where
 * cgroup v2 is, opened. */
void sample_pod(struct sample *s, int top, struct pods *pods, const char *uid);

#endif
