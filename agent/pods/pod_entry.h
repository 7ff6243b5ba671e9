/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One pod with everything that the agent holds for it, and the table of all pods. Every file of this directory builds
 * on it. What happens flows in one line:
 *
 *      event (desired.c, unit_news.c, resolve.c, pull.c) -> pod_mark() -> turn.c: plan -> executor.c, pull.c: act
 *      -> the outcome is recorded in the pod's state -> pod_mark() -> reporter.c tells the API server
 *
 * Executor, pull and reporter know entries and marks, and nothing of each other; only the turn knows all of them.
 */
#ifndef VKS_AGENT_PODS_POD_ENTRY_H
#define VKS_AGENT_PODS_POD_ENTRY_H

#include <uthash.h>
#include <utlist.h>

#include "agent/lib/packed.h"
#include "agent/pod/admit.h"
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

        struct pod_entry **queue; /* the queue that the entry is in (by prev and next); NULL: none */
        struct pod_entry *prev, *next;
        bool begun;         /* the pod had its first turn */
        bool start_told;    /* it has run, and how long that took was counted */
        bool content_dirty; /* volumes and environment are to be resolved again */
        bool listed;        /* the pod was seen in the list that is under way */
        bool of_file;       /* a static pod (static_pods.h): the API server has a mirror of it, and never itself */
        char mirror_uid[ID_UID_MAX + 1]; /* of that mirror; "": there is none */
        bool recalled;                   /* what the first mirror that was seen remembers of the pod was taken over */
        struct packed *object;           /* the pod as the API server (or its file) has it (agent/pod/object.h) */
        uint64_t object_hash;            /* of the text that is packed there */
        char version[24];                /* its latest resourceVersion; "": it has none, or one that is longer */
        bool holds; /* at the last look the pod needed a package in a certain version (pull_release()) */
        sd_event_source *timer;

        struct api_call *patch, *delete;
        uint64_t status_acked, status_sent; /* hashes; 0: none */
        uint64_t patch_retry_at;
        unsigned in_flight; /* requests to the helper that are not answered yet */
        bool dropped;       /* no longer in the table; freed when the last request is answered */
        UT_hash_handle hh;
};

/* From a unit's name to its container. */
struct unit_link {
        char unit[ID_UNIT_MAX + 1];
        struct pod_entry *entry;
        size_t index;
        UT_hash_handle hh;
};

struct leftover;         /* desired.c */
struct admission_labels; /* admission.c */
struct mirrors;          /* mirror.c */
struct static_pods;      /* static_pods.c */

struct pods {
        struct pods_parts parts;
        struct pod_entry *entries; /* by uid */
        struct unit_link *units;   /* by name */
        struct leftover *leftovers;
        struct pod_entry *marked;          /* queue: pods that wait for their turn */
        struct pod_entry *held;            /* queue: new pods that wait until the helper has less to do (turn.c) */
        sd_event_source *work;             /* calls turn(); enabled while a pod is marked */
        struct node_conditions conditions; /* what the node is short of */
        size_t undecided;        /* at least so many pods are not admitted and not rejected either (admission.c) */
        bool wishes;             /* a pod may ask for other resources than it has (resizing.h) */
        struct histogram starts; /* of pods that began to run here */
        struct admission_labels *labels; /* what the node's labels were when they were last told; NULL: never */
        struct mirrors *mirrors;         /* NULL: no static pod and no mirror was ever seen */
        struct static_pods *statics;     /* NULL: before pods_start(), and where no folder is watched */
        bool statics_unsure;             /* a file of a static pod, or their folder, cannot be read or understood */
        bool statics_due;                /* an entry of a static pod has gone: its successor may have waited for that */
        bool shutting_down;              /* the machine is: nobody is let in */
        bool started;                    /* pods_start() was called: no turn before */
        bool listed; /* the API server's first list is complete: before, a turn only for static pods, and what nobody
                        wants */
};

/* Takes the pod, which must not be in the table. */
struct pod_entry *pod_entry_new(struct pods *ps, struct pod *p, uint64_t now);

/* Makes room for the containers that `p`, a newer version of the entry's pod, has behind those that it had. To be
 * followed by pod_entry_replace(). */
void pod_entry_grow(struct pod_entry *e, const struct pod *p);

/*
 * Replaces the entry's pod by `p`, a newer version of it (same uid, the same containers and perhaps more behind them,
 * for which pod_entry_grow() has made room), and frees the old one. False when a container's unit is new or has another
 * name now, so that the units must be taken again (units_take()).
 */
bool pod_entry_replace(struct pod_entry *e, struct pod *p);

/* Keeps `object`, of which the entry's pod was parsed, for whoever asks for it. */
void pod_entry_keep(struct pod_entry *e, const cJSON *object);

/* Has a hook of a container that runs begin, and end within `usec` (0: without a limit); pods_hook_ended() tells how it
 * went. */
void pod_run_hook(struct pod_entry *e, size_t i, enum hook_kind kind, uint64_t usec);

/*
 * Takes the entry out of the table and its queue, cancels its API calls and unlinks its units. The entry is freed at
 * once, or when the helper has answered the last of its requests.
 */
void pod_entry_drop(struct pod_entry *e);

/* The helper has answered one of the entry's requests. False when the entry was dropped and this was the last answer:
 * it is freed then. */
bool pod_entry_answered(struct pod_entry *e);

/* From now on pods_by_unit() finds the entry by its units' names. False when another pod, which is not gone yet, has
 * a unit of such a name. */
bool pod_entry_link_units(struct pod_entry *e);

/* Container i has no unit any more: its next unit is named after its present image (pod_name_unit()). False as above.
 */
bool pod_entry_rename(struct pod_entry *e, size_t i);

struct pod_entry *pods_by_uid(const struct pods *ps, const char *uid);
struct unit_link *pods_by_unit(const struct pods *ps, const char *unit);

/* Does an image of the pod keep data below /var? Its containers share their /var, so that is one answer for all. */
bool pod_entry_writes_var(const struct pod_entry *e);

/* Something happened to the pod: it gets a turn soon. Marking it again before that turn changes nothing. */
void pod_mark(struct pod_entry *e);

/* The queues. An entry is in one at most; pod_unqueue() of an entry that is in none does nothing. */
void pod_enqueue(struct pod_entry **queue, struct pod_entry *e);
void pod_unqueue(struct pod_entry *e);
void pods_go_on(struct pods *ps); /* has turn() called, even if no pod is marked */

#endif
