/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What to do next for one pod: a pure function of the pod (what is wanted), its pod_state (what is known) and the
 * time. plan_pod() is asked again whenever one of them changes, so it must answer the same until the executor has
 * recorded the outcome in pod_state.
 *
 *      a pod that shall run:
 *                install images -> resolve volumes and environment -> write units -> init containers, one after the
 *                other -> containers -> restart those that ended, by restartPolicy and back-off
 *      a container whose image cannot be had, or whose environment or unit is refused:
 *                waits alone, with those that come behind it where it is an init container; the others go on
 *      an ephemeral container, once the others have begun:
 *                install its image -> resolve its environment -> write its unit alone -> start it, once
 *      a container whose image was changed, or whose environment is another at its next start:
 *                end its unit -> clear the unit away -> install, write, start anew
 *      a pod all of whose containers a rule restarts (RESTART_ALL):
 *                end all units -> clear them away -> write, and begin with the init containers
 *      a pod that shall end (deleted, gone from the API, or finished):
 *                stop -> kill after the grace -> remove units and directories -> delete the object
 */
#ifndef VKS_AGENT_POD_PLAN_H
#define VKS_AGENT_POD_PLAN_H

#include "agent/pod/pod_state.h"

enum action_kind {
        ACTION_PULL,  /* container `index`'s image: have it installed */
        ACTION_FILL,  /* volume `index`: its content is known, but not yet in the volume */
        ACTION_WRITE, /* the pod's directories and unit files, but for those of ephemeral containers */
        ACTION_ADD,   /* container `index`, an ephemeral one, or any where a WRITE of all was refused: its unit's files
                         alone, so that what is wrong with it harms no other */
        ACTION_START, /* container `index` */
        ACTION_RESTART, /* container `index`: its unit ended, or waits in systemd's holdoff */
        ACTION_STOP,    /* all units of the pod */
        ACTION_KILL,    /* all units of the pod that still have processes */
        ACTION_TERM,    /* container `index`: only signal its unit, whose own stop timeout is shorter than the grace */
        ACTION_BEGIN_END,       /* the pod's grace begins; its containers end one by one */
        ACTION_POST_START,      /* container `index`: its hook, now that it runs */
        ACTION_PRE_STOP,        /* container `index`: its hook, before it is asked to end */
        ACTION_END,             /* container `index`: stop its unit alone */
        ACTION_END_KILL,        /* container `index`: kill its unit alone, the grace is over */
        ACTION_BEGIN_ANEW,      /* a rule restarts all containers, since container `index` has ended */
        ACTION_CLEAR,           /* container `index`: its unit has ended, remove it alone */
        ACTION_RESIZE,          /* the pod's units and its slice: they may take something else from now on */
        ACTION_TELL_UNRESOLVED, /* container `index`: its start waits for a ConfigMap or a Secret */
        ACTION_REMOVE,          /* units and directories of the pod */
        ACTION_DELETE,          /* the object in the API server, with grace 0 */
        ACTION_KINDS
};

struct action {
        enum action_kind kind;
        size_t index;
};

enum { PLAN_ACTIONS_MAX = 256 };

/* How long the containers of a pod that begins wait for each other's images. */
#define IMAGES_TOGETHER (10 * USEC_PER_SEC)

struct plan {
        struct action actions[PLAN_ACTIONS_MAX];
        size_t n_actions;
        uint64_t wake_at; /* plan again at this time, even if nothing happens; 0: no need */
};

const char *action_name(enum action_kind kind);

void plan_pod(const struct pod *p, const struct pod_state *s, uint64_t now, struct plan *ret);

/* "start web" and the like, for --dry-run and debug lines. */
void action_describe(const struct action *a, const struct pod *p, char *ret, size_t size);

#endif
