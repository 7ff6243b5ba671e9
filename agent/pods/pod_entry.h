/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One pod with everything that the agent holds for it, and the table of all of them: the ground that the files of this
 * room stand on. What happens flows in one line:
 *
 *      event (desired.c, units.c, resolve.c, pull.c) -> pod_mark() -> turn.c: plan -> executor.c, pull.c: act
 *      -> the outcome is recorded in the pod's state -> pod_mark() -> reporter.c tells the API server
 *
 * Executor, pull and reporter know entries and marks, and nothing of each other; only the turn knows all of them.
 */
#ifndef VKS_AGENT_PODS_POD_ENTRY_H
#define VKS_AGENT_PODS_POD_ENTRY_H

#include <uthash.h>
#include <utlist.h>

#include "agent/pod/plan.h"
#include "agent/pods/content.h"
#include "agent/pods/pods.h"

struct pod_entry {
        struct pods *pods;
        struct pod *pod;
        struct pod_state *state;
        struct content *content;      /* NULL for a pod that only has to end */
        struct package_image *images; /* parallel to pod->containers */
        char **image_ids;             /* the same; NULL where the image is no package, or not there yet */

        struct pod_entry **queue; /* that it is in, by prev and next; NULL: none */
        struct pod_entry *prev, *next;
        bool begun;         /* it had its first turn */
        bool content_dirty; /* volumes and environment are to be resolved again */
        bool listed;        /* seen in the list that is under way */
        bool holds;         /* it needed a package in one version when it was looked at last */
        sd_event_source *timer;

        struct api_call *patch, *delete;
        uint64_t status_acked, status_sent; /* hashes; 0: none */
        uint64_t patch_retry_at;
        unsigned in_flight; /* helper requests that will call back */
        bool dropped;       /* out of the table; freed with the last answer */
        UT_hash_handle hh;
};

/* Which container a unit is. */
struct unit_link {
        char unit[ID_UNIT_MAX + 1];
        struct pod_entry *entry;
        size_t index;
        UT_hash_handle hh;
};

struct leftover; /* desired.c */

struct pods {
        struct pods_parts parts;
        struct pod_entry *entries; /* by uid */
        struct unit_link *units;   /* by name */
        struct leftover *leftovers;
        struct pod_entry *marked; /* wait for their turn */
        struct pod_entry *held;   /* new ones that wait for the helper to have time: turn.c */
        sd_event_source *work;    /* the turn, enabled while somebody waits for one */
        bool started, listed;     /* both are wanted before the first turn: units were read, and the pods listed */
};

/* Takes the pod, which must not be in the table. */
struct pod_entry *pod_entry_new(struct pods *ps, struct pod *p, uint64_t now);

/*
 * The pod is another version of the same one (same uid, as many containers): it is taken, the old one is freed. False
 * when a container has another unit's name now, so that units are to be taken again (units.h).
 */
bool pod_entry_replace(struct pod_entry *e, struct pod *p);

/*
 * Out of the table and its queue, with its calls cancelled and its units unlinked. It is freed at once, or with the
 * last answer of the helper that is under way.
 */
void pod_entry_drop(struct pod_entry *e);

/* One answer less is awaited. False when that was the last one of a dropped entry, which is freed then. */
bool pod_entry_answered(struct pod_entry *e);

/* Its units are found by their names from now on. False when a unit of that name is another pod's that is not gone yet.
 */
bool pod_entry_link_units(struct pod_entry *e);

/* Container i has no unit any more: it gets the name that the rule has for the next one. False as above. */
bool pod_entry_rename(struct pod_entry *e, size_t i);

struct pod_entry *pods_by_uid(const struct pods *ps, const char *uid);
struct unit_link *pods_by_unit(const struct pods *ps, const char *unit);

/* The pod has a turn soon: something happened to it. More than once before that turn is once. */
void pod_mark(struct pod_entry *e);

/* The queues. An entry is in one at most; pod_unqueue() of an entry that is in none does nothing. */
void pod_enqueue(struct pod_entry **queue, struct pod_entry *e);
void pod_unqueue(struct pod_entry *e);
void pods_go_on(struct pods *ps); /* there is a turn, whether or not anybody is marked */

#endif
