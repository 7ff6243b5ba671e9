/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What to do next for one pod: a pure function of what is wanted, what is known and the time. It is asked again
 * whenever one of them changes, and must therefore say the same thing until the executor's outcome is recorded in
 * pod_state.
 *
 *      wanted:   install images -> resolve volumes and environment -> write units -> init containers, one after the
 *                other -> containers -> restart those that ended, by restartPolicy and back-off
 *                ; a container whose image was changed: end its unit -> clear it away -> install, write, start anew
 *      unwanted: stop -> kill after the grace -> remove units and directories -> delete the object
 */
#ifndef VKS_AGENT_POD_PLAN_H
#define VKS_AGENT_POD_PLAN_H

#include "agent/pod/pod_state.h"

enum action_kind {
        ACTION_PULL,    /* container `index`'s image: have it installed */
        ACTION_FILL,    /* volume `index`: content is known and not yet there */
        ACTION_WRITE,   /* directories and unit files */
        ACTION_START,   /* container `index` */
        ACTION_RESTART, /* container `index`: out of its holdoff, or again after it ended */
        ACTION_STOP,    /* all units */
        ACTION_KILL,    /* all units that still have processes */
        ACTION_TERM, /* container `index`: asked to end, by a signal alone: its unit's own grace would be too short */
        ACTION_END,  /* container `index`: stop its unit alone */
        ACTION_END_KILL, /* container `index`: the grace is over */
        ACTION_CLEAR,    /* container `index`: remove its unit alone, which has ended */
        ACTION_REMOVE,   /* units and directories of the pod */
        ACTION_DELETE,   /* the object in the API server, with grace 0 */
        ACTION_KINDS
};

struct action {
        enum action_kind kind;
        size_t index;
};

enum { PLAN_ACTIONS_MAX = 256 };

struct plan {
        struct action actions[PLAN_ACTIONS_MAX];
        size_t n_actions;
        uint64_t wake_at; /* look again then, even if nothing happens; 0: no need */
};

const char *action_name(enum action_kind kind);

void plan_pod(const struct pod *p, const struct pod_state *s, uint64_t now, struct plan *ret);

/* "start web" and the like, for --dry-run and debug lines. */
void action_describe(const struct action *a, const struct pod *p, char *ret, size_t size);

#endif
