/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An opponent that composes: what an agent that was taken over, and the programs of its pods, may do on a machine,
 * drawn by a seed; and an eye that looks over the whole machine for marks of it. Five parts:
 *
 *      compose_steps.c   the generator: a seed makes a sequence of steps, the same each time
 *      compose_look.c    the eye: what is different on the machine, who runs, what can be read
 *      compose_limits.c  and what may be taken
 *      compose.c         carries sequences out; tells of a mark the seed, and the fewest steps that show it
 *      mischief.c        what runs in pods: does as its words say, tells the eye who it is and what it can read
 *
 * tests/e2e/compose.sh makes the package, the policy and the directories that all of them speak of.
 */
#ifndef VKS_TESTS_COMPOSE_H
#define VKS_TESTS_COMPOSE_H

#include <sys/types.h>

#include "common/base.h"
#include "common/ids.h"
#include "helper.pb-c.h"
#include "tests/hostile/mischief.h"

enum {
        PODS = 3,       /* the third has the first one's names, and a uid that differs in one digit */
        CONTAINERS = 3, /* of a pod, at most */
        STEPS_MAX = 64,
        TARGETS_MAX = 256,
};

#define NAMESPACE "compose"

/* Where root has moved data of a package: a link in /var/lib leads there. */
#define MOVED_TO "/var/tmp/compose-moved"
/* Root's, in a directory that all may write to, until the machine takes it away. */
#define TAKEN_AWAY "/var/tmp/compose"

enum what {
        ASK,
        PAUSE,
        KILL_HELPER,
        STOP_HELPER,
        RESTART_LOG,
        RELOAD,
        TAKE_AWAY,
        POLICY_DENY,
        POLICY_PACKAGE,
};

struct step {
        enum what what;
        unsigned pod;
        uint8_t verb;              /* ASK */
        ProtobufCMessage *message; /* ASK */
        bool wrong_owner;          /* ASK: the units are not this pod's, so it must be refused */
        unsigned pause_ms;         /* afterwards */
        char *text;                /* for a person */
};

/* Whatever a pod was ever asked to have; what is not here it may not have got. */
struct asked {
        char units[32][ID_UNIT_MAX + 1];
        size_t n_units;
        char *targets[TARGETS_MAX];
        size_t n_targets;
};

struct sequence {
        uint64_t seed;
        struct step steps[STEPS_MAX];
        size_t n;
        bool package_root; /* the policy it begins with says root = package, or it says so in between */
        bool begins_with_package;
        struct asked asked[PODS];
};

/* What is pointed to is there until the next call. */
void compose(uint64_t seed, struct sequence *ret);

extern const char *const pod_names[PODS], *const pod_uids[PODS];

/* A pod that means no harm; `ret` as from compose(): fill, write, start. */
void compose_honest(struct sequence *ret);

/* To end what was asked for: each of the pod's units, by SIGKILL and in order, and then all that is the pod's. */
Vks__Stop *compose_stop(const struct sequence *s, unsigned pod, size_t unit, bool kill);
Vks__Remove *compose_remove(unsigned pod);

/* ---- the eye: each of these says how many marks it has seen, and prints a line for each -------------------------- */

void look_begin(void); /* takes the machine as it is now as what it should be */
unsigned look_at_processes(const struct sequence *s);
unsigned look_at_reports(const struct sequence *s, int timeout_ms); /* what mischief says, for that long */
unsigned look_at_files(void);
unsigned look_for_secrets(void);
unsigned look_at_what_is_left(void); /* when all pods are gone */
bool look_was_honest(void);          /* has the honest pod reported since the last call? */

void mark(const char *fmt, ...) PRINTF(1, 2); /* prints one; the next look counts it */
unsigned marks_told(void);                    /* how many since the last call */

/* ---- what units may take (compose_limits.c) ---------------------------------------------------------------------- */

void limits_begin(void); /* a sequence begins */
void limits_note(const struct step *step, bool accepted);
unsigned look_at_limits(void);

#endif
