/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the agent knows of a pod's life here: what it observed of the pod's units, and how its own requests ended. All
 * of it is in memory: after a restart the agent makes it again from the units, their files and the status that the
 * API server kept. The functions are pure; time is a parameter (microseconds since the epoch, the wall clock).
 */
#ifndef VKS_AGENT_POD_POD_STATE_H
#define VKS_AGENT_POD_POD_STATE_H

#include "agent/pod/backoff.h"
#include "agent/pod/pod.h"
#include "agent/pod/unit_state.h"

enum container_phase { CONTAINER_WAITING, CONTAINER_RUNNING, CONTAINER_TERMINATED };

struct termination {
        bool valid;
        int exit_code; /* 128 + signal when a signal ended it */
        int signal;
        char reason[24];
        char *message;   /* owned; NULL: none */
        bool awaits_log; /* the end of its log, which becomes the message, is not read yet */
        char invocation[33];
        uint64_t started, ended;
};

/* Appends to the message, as the kubelet does where the machine and the container both have something to say. NULL and
 * "" say nothing. */
void termination_say(struct termination *t, const char *text);

enum hook_phase { HOOK_TO_COME, HOOK_RUNS, HOOK_OVER, HOOK_FAILED };

struct container_state {
        enum container_phase phase;
        struct unit_state unit;
        char invocation[33]; /* of the current or latest run */
        uint64_t started;
        uint32_t restarts;
        uint32_t unit_restarts;  /* unit.restarts that are already counted in `restarts` */
        bool was_active;         /* its unit, in this run */
        bool start_untold;       /* this run's: see container_start_is_news() */
        struct termination now;  /* of the latest run, when TERMINATED */
        struct termination last; /* of the run before */
        uint64_t backoff;        /* delay before the next restart */
        uint64_t restart_at;     /* when TERMINATED and to be restarted */
        bool requested;          /* a start was asked for, and the unit's state has not changed yet */
        uint64_t unmet_at;       /* the unit.unmet_at that was already taken for the answer to a start */
        uint64_t retry_at;       /* when to start again, after a start that failed before the unit's state changed */
        unsigned start_failures; /* such failures in a row */
        struct kept_err failure; /* why the container waits: reason and text (CreateContainerError, ...) */

        /* what probes say of the present run (container_probed()); a new run begins with none of it */
        bool startup_passed, readiness_passed;
        bool unhealthy; /* `failed_probe` has failed so often that this run is to be ended */
        enum probe_type failed_probe;

        /* the lifecycle hooks of the present run; a new run begins with both to come */
        enum hook_phase hooks[HOOK_KINDS];

        /* what its environment and command line are made of (agent/pods/content.h) */
        uint64_t values;         /* a hash of what they would be now; 0: not known yet */
        uint64_t values_written; /* the same of what its unit was written with; 0: unknown, an earlier agent wrote it */
        uint64_t values_sent;    /* the same for a WRITE that is under way */
        struct kept_err env_failure; /* why they cannot be resolved; without a reason: it is only a matter of time */
        bool env_told;               /* the event about env_failure was posted for the start that is due */

        /* while it is resized (resize.h) */
        cJSON *actual;        /* what it has still or may have, owned; NULL: what the pod says */
        bool resize_restarts; /* resizePolicy: it is to be started anew for that */

        /* its unit */
        uint64_t mark;      /* container.mark of the image that the unit was made for; 0: there is no unit */
        uint64_t mark_sent; /* the same for a WRITE that is under way */
        bool replacing;     /* the unit ends since the image changed; a new one starts whatever restartPolicy is */
        bool term_sent, stop_sent,
                kill_sent;  /* to this unit alone; not used when ACTION_STOP stops all units of the pod at once */
        uint64_t signal_at; /* when it was last asked to end; 0: not yet */
        uint64_t kill_at, stop_retry_at;
        bool clear_in_flight; /* REMOVE of this unit alone */
        uint64_t clear_retry_at;
        unsigned stop_failures, clear_failures;

        /* the image */
        bool image_present;
        bool told_present; /* the event "image already present" was posted */
        bool pulling;
        uint64_t pull_backoff, pull_at; /* the delay, and the earliest time of the next pull */
        struct kept_err pull_failure;
};

struct volume_state {
        bool wanted; /* its content is complete and differs from what was filled last */
        bool filled; /* some content was filled since the agent started */
        bool in_flight;
        uint64_t hash; /* of the content that was filled */
        uint64_t retry_at;
        unsigned failures;
        struct kept_err failure; /* why there is no content: a missing ConfigMap, ... */
};

/* Does the node take the pod (admit.h)? It is judged once, before anything is done for the pod. */
enum admission {
        ADMITTED,
        UNDECIDED, /* nobody has judged yet, or the node's labels are awaited */
        HELD,      /* not yet: it has to wait for another pod's end */
        REJECTED,  /* it never runs here, which is its end */
};

enum condition_type {
        CONDITION_READY_TO_START, /* PodReadyToStartContainers */
        CONDITION_INITIALIZED,
        CONDITION_READY,
        CONDITION_CONTAINERS_READY,
        CONDITION_SCHEDULED,
        CONDITION_ALL_RESTARTING, /* AllContainersRestarting; a pod that has no rule for it has no such condition */
        CONDITION_DISRUPTION,     /* DisruptionTarget, of a pod that this node evicts; else it is others' to set */
        CONDITION_TYPES
};

extern const char *const condition_names[CONDITION_TYPES]; /* as the API has them */

struct condition {
        bool is_true;
        bool known;
        uint64_t since;
        char reason[32];
        char *message; /* owned; NULL: none */
};

/*
 * A pod whose resources were changed (resize.h). `struct pod` has those that it was granted; while it waits for others,
 * only its object has them.
 */
enum wish {
        WISH_NONE,
        WISH_UNJUDGED,
        WISH_DEFERRED, /* the node has not so much left: it is asked again when others have gone or have less */
};

#define RESIZE_PENDING     "PodResizePending" /* its conditions, which are there only while they are true */
#define RESIZE_IN_PROGRESS "PodResizeInProgress"

struct resize {
        enum wish wish;
        struct resources asked; /* all of the pod, if it was granted */
        bool more;              /* it asks for more than it has */
        int64_t priority;       /* spec.priority */
        int64_t wish_generation;
        uint64_t wish_since; /* since it is deferred */
        char *why;           /* owned; why it is deferred */

        bool under_way; /* it was granted, and is not in effect yet */
        int64_t generation;
        uint64_t since;
        char *error;     /* owned; why not; NULL: it is only a matter of time */
        cJSON *actual;   /* what all of the pod has still, owned; NULL: what it says, or nothing */
        uint64_t memory; /* the limit of all of its memory before; 0: none */
        bool send;       /* the helper is to be asked */
        bool in_flight;
        uint64_t retry_at;
        unsigned failures;
};

struct pod_state {
        uint64_t seen;       /* when this agent first saw it */
        uint64_t start_time; /* status.startTime */
        bool gone;           /* the API has no such pod any more: end it and forget it, report nothing */
        enum admission admission;
        struct err *unfit; /* why it is HELD or REJECTED, otherwise NULL */
        bool blocked;      /* a pod of the same name with another uid still has units here */

        bool written; /* its directories exist, and units were written; which of them exist: container_state.mark */
        bool write_in_flight;
        uint64_t write_retry_at;
        unsigned write_failures;
        struct kept_err write_failure;
        /* such a request for several containers was refused: each is asked for by itself from now on, and fails so */
        bool write_singly, start_singly;

        uint64_t stop_at; /* when the pod began to be stopped; 0: not yet */
        uint64_t kill_at; /* end of the grace */
        bool each;        /* its containers end one by one, since some have a preStop hook, or are sidecars */
        bool by_signal;   /* the grace is longer than the units' own: each is signalled, and stopped once it ended */
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
        char *evicted; /* why this node evicts the pod, which ends and is Failed then (eviction.h); NULL: it does not */
        bool shut_down;          /* ... which is since the machine shuts down (shutdown.h) */
        int64_t evicted_grace_s; /* at most so much of the pod's own grace is left to it */
        bool restarting_all;     /* a rule has said so (RESTART_ALL): all units make room, then the pod begins anew */
        struct resize *resize;   /* owned; NULL: it was never resized, as far as is known */
        bool status_current;     /* the API server has acknowledged the latest status */

        struct condition conditions[CONDITION_TYPES];
        struct container_state *containers; /* parallel to pod->containers */
        struct volume_state *volumes;       /* parallel to pod->volumes */
        size_t n_containers, n_volumes;
};

/* As much as is left between the signal and SIGKILL, whatever a preStop hook or others' end have taken of the grace
 * (kuberuntime_container.go, minimumGracePeriodInSeconds). */
#define GRACE_LEAST (2 * USEC_PER_SEC)

struct pod_state *pod_state_new(const struct pod *p, uint64_t now);

/* `p` is the pod with more containers behind those that it had: nothing is known of these yet. Pointers into
 * s->containers are no longer valid. */
void pod_state_grow(struct pod_state *s, const struct pod *p);
struct pod_state *pod_state_free(struct pod_state *s);
DEFINE_FREEP(struct pod_state, pod_state_free)

/* Reason and condition of a pod that is evicted (pkg/kubelet/eviction, kubelet_pods.go). */
#define EVICTED              "Evicted"
#define EVICTED_BY_THIS_NODE "TerminationByKubelet"

/* The node evicts the pod, which has `grace_s` at most. `message` is borrowed. The first time counts. */
void pod_state_evict(struct pod_state *s, const char *message, int64_t grace_s, uint64_t now);

/* The same, since the machine shuts down: told when the pod has ended, and it is Succeeded if its containers say so. */
void pod_state_shut_down(struct pod_state *s, int64_t grace_s, uint64_t now);

/* How long the pod has to end, in seconds, when it is asked to now. */
int64_t pod_grace_s(const struct pod *p, const struct pod_state *s);

/*
 * Is that more than a unit should be stopped for? It is, where it is more than the unit's own timeout (the pod's
 * grace), by which systemd kills; and where it is more than a job of systemd's should last: the machine has not many of
 * them to give to pods, and whoever writes a pod says how long it may take to end.
 */
bool pod_grace_is_long(const struct pod *p, int64_t grace_s);

/* What the message of a rejected pod begins with. */
#define REJECTED_PREFIX "Pod was rejected: "

/* The pod is judged: `why` (borrowed; NULL for ADMITTED) has the reason, and why. */
void pod_state_judge(struct pod_state *s, enum admission admission, const struct err *why, uint64_t now);

/*
 * Takes over what the API server remembers (restart counts, the runs that are over, transition times), when the pod is
 * seen for the first time. `status` may be NULL.
 */
void pod_state_adopt(struct pod_state *s, const struct pod *p, const cJSON *status);

/*
 * The same for a static pod, whose status comes late: its containers may have begun before the API server was asked. No
 * restart count falls by it.
 */
void pod_state_recall(struct pod_state *s, const struct pod *p, const cJSON *status);

/* The container's unit was seen in state `u`: updates the container's phase, restart count and termination. */
void container_observe(struct container_state *c, const struct unit_state *u, const struct pod_state *s, uint64_t now);

/*
 * Is it known that this run's program was executed, and was that not asked before? A main process is there earlier,
 * and may end without having become the program (StartError): such a run has not started.
 */
bool container_start_is_news(struct container_state *c);

/*
 * Was the container's unit made for another image than the pod has now, and is it to make room for a new unit? A
 * running container is ended; one that waits or would be restarted is written anew. A running init container may
 * finish, and a container that is over for good stays so (kuberuntime_manager.go, computePodActions and
 * computeInitContainerActions).
 */
bool container_is_replaced(const struct container_state *c, const struct container *spec);

/* The container's unit was removed: the next one is made for the image that the pod has now, and starts at once.
 * Of the old one only its runs are remembered. */
void container_renew(struct container_state *c);

/*
 * Is the container about to start, now or after its back-off, in a unit whose values are not the newest? Then the unit
 * makes room for one that has them: PID 1 does not read a unit again that it has loaded, and would restart it by itself
 * in time.
 */
bool container_is_stale(const struct container_state *c, const struct container *spec);

/* The unit of such a container was removed: the next one is written with the newest values. What is known of earlier
 * runs stays, and so does the back-off. */
void container_refresh(struct container_state *c);

/* Is it container i's turn to start, and does its start have to wait since its environment cannot be resolved
 * (env_failure)? */
bool container_is_unresolved(const struct pod *p, const struct pod_state *s, size_t i, uint64_t now);
/* Its unit is asked to start. Whatever was asked of it before, when it was to end, is over. */
void container_request_start(struct container_state *c);

/* What container i's unit is made of is another now: forgets why one could not be made. */
void container_forget_write(struct pod_state *s, size_t i);

/* The container's image was changed: forgets what was known of the old one (presence, pull failures). */
void container_forget_image(struct container_state *c);

/* Did the pull fail in a way that no later try can change? `pull_failure` says why. */
bool container_pull_is_final(const struct container_state *c);

/*
 * Its unit was active in this run, and its processes have not ended: one that was told to end serves until it has, and
 * may say by its readiness probe that it does not.
 */
bool container_is_up(const struct container_state *c);

/*
 * Has the container started, which is more than to run: has its startup probe succeeded, if it has one? Before that no
 * other probe is made, and it is not ready.
 */
bool container_has_started(const struct container_state *c, const struct container *spec);

/* A probe's results have come to this verdict on the present run. False when it changes nothing. */
bool container_probed(struct container_state *c, enum probe_type type, bool good);

/* Has a probe's verdict to be carried out: is the run to be ended, and not over yet? */
bool container_is_unhealthy(const struct container_state *c);

/* The grace of a container that is ended by itself: the pod's, or that of the probe which is the reason. Seconds. */
int64_t container_grace_s(const struct container_state *c, const struct container *spec, const struct pod *p);

/*
 * Does the container wait for its next run, while its unit still is as the last one left it? An agent that comes back
 * finds it so where the one before was about to start it again (for a new image, after a failed probe).
 */
bool container_is_to_follow(const struct container_state *c);

/* The end of the container's latest run, also where its unit has made room for the next one already; NULL: it runs, or
 * never did. */
const struct termination *container_latest_end(const struct container_state *c);

/* Do Kubernetes' rules start the container again, which ended as `c->now` says? */
bool container_restarts(const struct container_state *c, const struct container *spec);

/*
 * Does a rule restart all containers now (RESTART_ALL), since container *ret has ended? It waits for the back-off of
 * that container (restart_at): a pod may do nothing but that.
 */
bool pod_restarts_all(const struct pod *p, const struct pod_state *s, size_t *ret);

/* All containers are to make room for new ones; an ephemeral one stays. */
void pod_begin_restart_all(struct pod_state *s, const struct pod *p, uint64_t now);

/* Is there still a unit that has to make room? */
bool pod_has_old_units(const struct pod *p, const struct pod_state *s);

/* Its unit was removed for that: as container_renew(), but whoever is the reason keeps his back-off. */
void container_begin_anew(struct container_state *c, const struct container *spec);

/* Has the container failed for good? An init container that has ends the pod. */
bool container_has_failed(const struct container_state *c, const struct container *spec);

/* Has the container ended, and does it wait for its next start? Once there is a delay kubectl shows
 * CrashLoopBackOff. */
bool container_backs_off(const struct container_state *c, const struct container *spec, const struct pod *p);

/* The run that the status calls lastState and `kubectl logs --previous` shows: the latest run during a back-off, while
 * the unit is replaced, after a failed probe has ended it and while the environment cannot be resolved, otherwise the
 * run before. */
const struct termination *container_last_run(const struct container_state *c, const struct container *spec,
                                             const struct pod *p);

/* Have all containers ended for good, or was the pod's deadline passed, or it evicted, and its processes ended? Then
 * the pod is Succeeded or Failed. */
bool pod_is_finished(const struct pod *p, const struct pod_state *s);

bool pod_has_processes(const struct pod_state *s);

/* Is the ephemeral container to be run, or does it run? Not when it cannot run here, nor when it has ended: it is never
 * run again. */
bool container_is_wanted(const struct container_state *c, const struct container *spec);

/* The index of the first init container that is not over yet (a sidecar: has not started); when there is none, or one
 * of the others runs already, the number of init containers: a sidecar that ends later holds up nobody. */
size_t pod_first_blocking_init(const struct pod *p, const struct pod_state *s);

#endif
