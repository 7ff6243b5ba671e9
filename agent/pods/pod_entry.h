/* SPDX-License-Identifier: Apache-2.0 */
/* One pod with everything the agent holds for it: shared by pods.c (when), executor.c (actions), pull.c (images) and
 * reporter.c (status), and nobody else. */
#ifndef VKS_AGENT_PODS_POD_ENTRY_H
#define VKS_AGENT_PODS_POD_ENTRY_H

#include <uthash.h>
#include <utlist.h>

#include "agent/pods/content.h"
#include "agent/pod/plan.h"
#include "agent/pods/pods.h"

struct pod_entry {
        struct pods *pods;
        struct pod *pod;
        struct pod_state *state;
        struct content *content;      /* NULL for a pod that only has to end */
        struct package_image *images; /* parallel to pod->containers */
        char **image_ids;

        struct pod_entry **queue; /* that it is in, by prev and next; NULL: none */
        struct pod_entry *prev, *next;
        bool begun;         /* it had its first turn */
        bool content_dirty; /* volumes and environment are to be resolved again */
        bool listed;        /* seen in the list that is under way */
        bool told_present;  /* the events about images that were there already are out */
        bool holds;         /* it needed a package in one version when it was looked at last */
        sd_event_source *timer;

        struct api_call *patch, *delete;
        uint64_t status_acked, status_sent; /* hashes; 0: none */
        uint64_t patch_retry_at;
        unsigned in_flight; /* helper requests that will call back */
        bool dropped;       /* out of the table; freed with the last answer */
        UT_hash_handle hh;
};

/* The parts, for executor.c and reporter.c. */
const struct pods_parts *pods_parts(const struct pods *ps);
void pods_mark(struct pod_entry *e);
void pods_drop(struct pod_entry *e);
struct pod_entry *pods_first(const struct pods *ps); /* hh.next leads to the others */

/* One answer less is awaited; frees the entry when it was the last one of a dropped pod. False then. */
bool pod_entry_answered(struct pod_entry *e);

/* executor.c: carries out a plan. Outcomes are recorded in the pod's state, and the pod is marked. */
void executor_run(struct pod_entry *e, const struct plan *plan, uint64_t now);

/*
 * pull.c. pull_look(): which images are there, as far as the pull policy lets what is there do; pull_take(): whatever
 * the policy says, if it is there; pull_begin(): an ACTION_PULL; pull_release(): who waits for a version is woken when
 * this pod holds none any more.
 */
void pull_look(struct pod_entry *e);
void pull_take(struct pod_entry *e, size_t i);
void pull_begin(struct pod_entry *e, size_t i);
void pull_release(struct pod_entry *e);

/* reporter.c: sends the status when it is new; events about a pod or one of its containers. */
void reporter_status(struct pod_entry *e, uint64_t now, uint64_t *wake_at);
void reporter_event(struct pod_entry *e, const struct container *c, bool warning, const char *reason, const char *fmt,
                    ...) PRINTF(5, 6);

#endif
