/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the agent knows of a pod's life here: what was observed of its units, and how its own requests ended. It is all
 * in memory: after a restart it is made again from the units, their files and the status that the API server kept.
 * The functions are pure; time is a parameter (microseconds since the epoch, the wall clock).
 */
#ifndef VKS_AGENT_POD_POD_STATE_H
#define VKS_AGENT_POD_POD_STATE_H

#include "agent/pod/pod.h"
#include "agent/pod/unit_state.h"

#define USEC_PER_SEC UINT64_C(1000000)

/* pkg/kubelet: back-off of containers and of image pulls */
#define BACKOFF_FIRST (10 * USEC_PER_SEC)
#define BACKOFF_MAX   (300 * USEC_PER_SEC)
#define BACKOFF_RESET (600 * USEC_PER_SEC)

enum container_phase { CONTAINER_WAITING, CONTAINER_RUNNING, CONTAINER_TERMINATED };

struct termination {
        bool valid;
        int exit_code; /* 128 + signal when a signal ended it */
        int signal;
        char reason[24];
        char message[256];
        char invocation[33];
        uint64_t started, ended;
};

struct container_state {
        enum container_phase phase;
        struct unit_state unit;
        char invocation[33]; /* of the current or latest run */
        uint64_t started;
        uint32_t restarts;
        uint32_t unit_restarts;  /* unit.restarts that are already counted in `restarts` */
        struct termination now;  /* of the latest run, when TERMINATED */
        struct termination last; /* of the run before */
        uint64_t backoff;        /* delay before the next restart */
        uint64_t restart_at;     /* when TERMINATED and to be restarted */
        bool requested;          /* a start was asked for and the unit has not moved yet */
        uint64_t unmet_at;       /* unit.unmet_at that was taken for the answer to a start */
        uint64_t retry_at;       /* a start failed before the unit moved */
        unsigned start_failures; /* in a row */
        struct err failure;      /* why it is waiting: reason and text (CreateContainerError, ...) */

        /* its unit */
        uint64_t mark;      /* of the image that the unit is of (struct container, mark); 0: there is no unit */
        uint64_t mark_sent; /* the same of a WRITE that is under way */
        bool replacing;     /* the unit ends since it is of another image; it is restarted whatever the policy says */
        bool term_sent, stop_sent,
                kill_sent; /* to this unit alone; not used while all of the pod's are stopped at once */
        uint64_t kill_at, stop_retry_at;
        bool clear_in_flight; /* REMOVE of this unit alone */
        uint64_t clear_retry_at;
        unsigned stop_failures, clear_failures;

        /* the image */
        bool image_present;
        bool told_present; /* the event about an image that was there already is out */
        bool pulling;
        uint64_t pull_backoff, pull_at; /* not before */
        struct err pull_failure;
};

struct volume_state {
        bool wanted; /* content is complete and differs from what was filled last */
        bool filled; /* some content was filled in this agent's life */
        bool in_flight;
        uint64_t hash; /* of the content that was filled */
        uint64_t retry_at;
        unsigned failures;
        struct err failure; /* why there is no content: a missing ConfigMap, ... */
};

enum condition_type {
        CONDITION_READY_TO_START, /* PodReadyToStartContainers */
        CONDITION_INITIALIZED,
        CONDITION_READY,
        CONDITION_CONTAINERS_READY,
        CONDITION_SCHEDULED,
        CONDITION_TYPES
};

extern const char *const condition_names[CONDITION_TYPES]; /* as the API has them */

struct condition {
        bool is_true;
        bool known;
        uint64_t since;
        char reason[32];
        char message[200];
};

struct pod_state {
        uint64_t seen;       /* when this agent first saw it */
        uint64_t start_time; /* status.startTime */
        bool gone;           /* no longer in the API: end it and forget it, report nothing */
        bool blocked;        /* a namesake with another uid still has units here */

        bool written; /* directories are there, and unit files were: which ones, the containers know (mark) */
        bool write_in_flight;
        uint64_t write_retry_at;
        unsigned write_failures;
        struct err env_failure; /* environment cannot be resolved yet */
        struct err write_failure;

        uint64_t stop_at; /* when the pod began to be stopped; 0: not yet */
        uint64_t kill_at; /* end of the grace */
        bool by_signal;   /* its grace is longer than its units': each is signalled, and stopped when it has ended */
        bool stop_sent, stop_in_flight;
        uint64_t stop_retry_at;
        unsigned stop_failures;
        bool kill_sent;
        bool remove_in_flight, removed;
        uint64_t remove_retry_at;
        unsigned remove_failures;
        bool delete_in_flight, deleted;
        uint64_t delete_retry_at;
        unsigned delete_failures;
        bool deadline_exceeded;
        bool status_current; /* the API server has acknowledged the latest status */

        struct condition conditions[CONDITION_TYPES];
        struct container_state *containers; /* parallel to pod->containers */
        struct volume_state *volumes;       /* parallel to pod->volumes */
        size_t n_containers, n_volumes;
};

struct pod_state *pod_state_new(const struct pod *p, uint64_t now);
struct pod_state *pod_state_free(struct pod_state *s);
DEFINE_FREEP(struct pod_state, pod_state_free)

/*
 * Takes over what the API server remembers (restart counts, the runs that are over, transition times), when the pod is
 * seen for the first time. `status` may be NULL.
 */
void pod_state_adopt(struct pod_state *s, const struct pod *p, const cJSON *status);

/* A unit was seen in this state: the container's phase, restart count and termination follow. */
void container_observe(struct container_state *c, const struct unit_state *u, const struct pod *p, uint64_t now);

/*
 * Its unit is of another image than the pod has now, and is to make room for a new one: what runs is ended, what waits
 * or would be restarted is written anew. An init container that runs is let finish, and what is over stays over
 * (kuberuntime_manager.go, computePodActions and computeInitContainerActions).
 */
bool container_is_replaced(const struct container_state *c, const struct container *spec, const struct pod *p);

/* There is no unit any more: the next one is new, of the image that the pod has now, and starts without a delay. */
void container_renew(struct container_state *c);

/* What was known of its image is of no use for another one. */
void container_forget_image(struct container_state *c);

/* No image is to be had and no later try will change that; `pull_failure` says why. */
bool container_pull_is_final(const struct container_state *c);

/* Microseconds until what failed *failures times in a row is tried again, which is counted: `first`, then twice as long
 * each time, up to BACKOFF_MAX. */
uint64_t backoff_next(unsigned *failures, uint64_t first);

/* Whether Kubernetes' rules start a container again that ended as `c->now` says. */
bool container_restarts(const struct container_state *c, const struct container *spec, const struct pod *p);

/* It ended and waits for its next start: what kubectl shows as CrashLoopBackOff, once there is a delay. */
bool container_backs_off(const struct container_state *c, const struct container *spec, const struct pod *p);

/* The run that status calls lastState and `kubectl logs --previous` shows: in a back-off, and while its unit is
 * replaced, the latest one, otherwise the one before. */
const struct termination *container_last_run(const struct container_state *c, const struct container *spec,
                                             const struct pod *p);

/* Everything that shall not run again has ended: the pod is Succeeded or Failed. */
bool pod_is_finished(const struct pod *p, const struct pod_state *s);

bool pod_has_processes(const struct pod_state *s);

/* The first container whose init is not over; n_containers of init containers passed means none. */
size_t pod_first_blocking_init(const struct pod *p, const struct pod_state *s);

#endif
