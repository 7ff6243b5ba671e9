/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All pods of this node. Whatever happens (the API server wants something, a unit changed, the helper answered, a
 * ConfigMap came, a time was reached) marks a pod; at the loop's next turn every marked pod is planned once, its
 * actions are carried out, and its status is sent if it differs from what the API server has. Work is proportional to
 * what changed.
 */
#ifndef VKS_AGENT_PODS_PODS_H
#define VKS_AGENT_PODS_PODS_H

#include <stdio.h>
#include <systemd/sd-event.h>

#include "agent/client/api.h"
#include "agent/client/events.h"
#include "agent/machine/helper_client.h"
#include "agent/packages/installer.h"
#include "agent/node/node_status.h"
#include "agent/client/claims.h"
#include "agent/client/objects.h"
#include "agent/client/services.h"
#include "agent/lib/histogram.h"
#include "agent/machine/observed.h"
#include "agent/packages/packages.h"
#include "agent/pod/admit.h"
#include "agent/pod/image_table.h"
#include "agent/pod/pod_state.h"
#include "agent/client/tokens.h"

struct pods;

/* The last lines that one run of a container has written, together at most some KiB; "" when there are none, or when
 * they could not be read. */
typedef void (*pods_log_end)(void *userdata, const char *text);

/* Everything is borrowed and outlives the pods; objects, claims, tokens and installer are given later since they call
 * back into here. */
struct pods_parts {
        sd_event *event;
        struct api *api;
        struct helper_client *helper;
        struct packages *packages;
        struct observed *observed;
        struct events *events;
        struct objects *objects;
        struct claims *claims;
        struct services *services;
        struct tokens *tokens;
        struct installer *installer;
        struct pod_node node;
        const char *static_path;          /* the folder of static pods (static_pods.h) */
        const struct image_table *images; /* what images of registries are here (image_table.h); may be NULL */
        /* Told whenever a container of the pod ended; may be NULL. */
        void (*container_ended)(void *userdata, const char *pod_uid);
        /* Told at each turn of a pod, and when it is forgotten (then both may be gone already for the API server); may
         * be NULL. What they are given is borrowed until they return. */
        void (*pod_seen)(void *userdata, const struct pod *p, const struct pod_state *s);
        void (*pod_forgotten)(void *userdata, const char *pod_uid);
        /* Runs a hook of a container that runs; within `usec`, 0: without a limit. pods_hook_ended() tells how it
         * went, never from inside. */
        void (*hook_begin)(void *userdata, const char *pod_uid, size_t index, enum hook_kind kind, uint64_t usec);
        /* Has the end of that run's log read; `done` is called once with `arg`, never from inside. 0 or a negative
         * errno; may be NULL. */
        int (*log_end)(void *userdata, const char *pod_uid, const struct container *c, const char *invocation,
                       pods_log_end done, void *arg);
        void *userdata;
        FILE *dry_run; /* not NULL: plans are printed there, and nothing is done */
};

struct pods *pods_new(const struct pods_parts *parts);
struct pods *pods_free(struct pods *ps);
DEFINE_FREEP(struct pods, pods_free)

/* Call it when the units were read once: static pods are acted on from now on, and those of the API server from the
 * moment that its first list is complete. */
void pods_start(struct pods *ps);

/* What the parts report to the pods: handlers for watch.h, observed.h, objects.h, tokens.h and installer.h, with `ps`
 * (a struct pods) as userdata. */
void pods_list_begin(void *ps);
void pods_upsert(void *ps, const cJSON *object);
void pods_object_gone(void *ps, const cJSON *object);
void pods_list_synced(void *ps);
void pods_node_seen(void *ps, const cJSON *node); /* the Node object, whenever it is told */
void pods_unit_changed(void *ps, const char *unit, const struct unit_state *state);
void pods_units_synced(void *ps);
void pods_job_failed(void *ps, const char *unit, const char *result);
void pods_content_changed(void *ps, enum object_kind kind, const char *namespace, const char *name);
void pods_claim_changed(void *ps, const char *namespace, const char *name);
void pods_services_changed(void *ps, const char *namespace); /* NULL: of all namespaces */
void pods_token_changed(void *ps, const struct pod_id *pod);
void pods_installed(void *ps, const struct image *image, const struct err *err, uint64_t usec);
void pods_install_progress(void *ps, const struct image *image, const char *words);

/* A container, for the kubelet API. *ret is borrowed until the loop runs on; false when there is no such
 * container. */
struct pods_container {
        const struct pod *pod;
        const struct container *container;
        const struct container_state *state;
        const struct package_image *image;
        bool writes_var; /* some container of the pod keeps data there */
};
bool pods_find_container(struct pods *ps, const char *namespace, const char *pod, const char *container,
                         struct pods_container *ret);
/* The same by the pod's uid and the container's place in pod->containers. */
bool pods_container_at(struct pods *ps, const char *pod_uid, size_t index, struct pods_container *ret);
/* The container whose main process that is. */
bool pods_find_main(struct pods *ps, uint32_t pid, struct pods_container *ret);
/* The pod, borrowed as above, or NULL. */
const struct pod *pods_find(struct pods *ps, const char *namespace, const char *pod);
/* The pod with that uid and what is known of it, borrowed as above; false: there is none. */
bool pods_look(struct pods *ps, const char *pod_uid, const struct pod **ret, const struct pod_state **ret_state);
bool pods_is_running(void *ps, const char *pod_uid, const char *container);
/* ... and in that run of it, which has another unit where its image was changed. */
bool pods_is_in_run(void *ps, const char *pod_uid, const char *container, const char *invocation);

/* A probe's verdict on the run `invocation` of a container; it is nothing to any other run. */
void pods_probed(struct pods *ps, const char *pod_uid, size_t index, const char *invocation, enum probe_type type,
                 bool good);
/* An event about a container (pod_event.h). `text` may be anything: what no event can hold is replaced by "?". */
void pods_tell(struct pods *ps, const char *pod_uid, size_t index, bool warning, const char *reason, const char *text);

/* A hook of the run `invocation` of a container is over; it is nothing to any other run. `text`: what went wrong, for
 * the event; NULL: nothing. */
void pods_hook_ended(struct pods *ps, const char *pod_uid, size_t index, const char *invocation, enum hook_kind kind,
                     const char *text);

size_t pods_count(const struct pods *ps);

/* What the node is short of, from now on: who may come in depends on it. */
void pods_set_conditions(struct pods *ps, const struct node_conditions *conditions);

/* The pod is evicted: it ends within `grace_s`, and is Failed with this message. False when it is not there, ends
 * already, or may not be evicted (pod_is_critical()). */
bool pods_evict(struct pods *ps, const char *pod_uid, const char *message, int64_t grace_s);

/* All of them, for /metrics. */
struct pods_counts {
        size_t pods, from_files; /* that are wanted here; those of them that are static */
        size_t running;          /* with processes */
        size_t containers_running, containers_exited;
        struct histogram starts; /* from the moment that a pod was first seen to that at which it was found Running */
};
void pods_count_all(const struct pods *ps, struct pods_counts *ret);
/*
 * From now on the images of pods mean what this table says (image_meaning.h), borrowed like the one before. Containers
 * without a unit get their new meaning at once, so that a pod which waits for a row goes on; the others keep theirs
 * until the agent begins anew or their image is changed.
 */
void pods_set_images(struct pods *ps, const struct image_table *images);

size_t pods_images(void *ps, struct node_image *ret, size_t max);

#endif
