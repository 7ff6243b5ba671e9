/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state of units, from systemd's own signals over D-Bus: read-only, and nothing is polled
 * (org.freedesktop.systemd1(5)). After a lost connection or a daemon-reload all units are read once.
 */
#ifndef VKS_AGENT_MACHINE_OBSERVED_H
#define VKS_AGENT_MACHINE_OBSERVED_H

#include <systemd/sd-event.h>

#include "agent/pod/unit_state.h"
#include "common/err.h"
#include "common/ids.h"

struct observed;

struct observed_handler {
        /* One of our units (or a vks-install-* unit) is in this state now. Called for every loaded unit before
         * `synced`.
         */
        void (*changed)(void *userdata, const char *unit, const struct unit_state *state);
        /* All units have been read: those for which `changed` was not called are not loaded. Called again after each
         * lost connection or daemon-reload. */
        void (*synced)(void *userdata);
        void (*connected)(void *userdata, bool yes);
        /* A job of one of our units ended with something else than "done" (org.freedesktop.systemd1(5), JobRemoved). */
        void (*job_failed)(void *userdata, const char *unit, const char *result);
};

struct observed *observed_new(sd_event *event, const struct observed_handler *handler, void *userdata);
struct observed *observed_free(struct observed *o);
DEFINE_FREEP(struct observed, observed_free)

/* When (CLOCK_MONOTONIC, in microseconds) the last full reading was asked for: what was begun later may be missing in
 * it, although nothing has been said of it yet. */
uint64_t observed_read_at(const struct observed *o);

/* Reads all units once more; `synced` is called then. */
void observed_read(struct observed *o);

/* The unit's latest state; false when it is not loaded. */
bool observed_state(struct observed *o, const char *unit, struct unit_state *ret);

/* Has the unit read once more, so that unit_state.limits is as PID 1 has it now: `changed` is called. Until then they
 * are not known. Nothing happens when the unit is not loaded. */
void observed_read_limits(struct observed *o, const char *unit);

/* The Manager's Version property, "" before the first connection. */
const char *observed_systemd_version(const struct observed *o);

/* What stands in the [X-Kubernetes] section of a unit's drop-in. */
struct unit_meta {
        char unit[ID_UNIT_MAX + 1];
        struct pod_id pod;
        char container[ID_LABEL_MAX + 1];
        uint64_t mark; /* of its image (struct container); 0: an older vks without marks has written the unit */
        bool complete; /* the unit file exists as well as the drop-in */
};

/* Reads all of our units' files below `dir` (NULL: /run/systemd/system). Files that are not ours or not complete are
 * passed over. */
void observed_units_on_disk(const char *dir, void (*each)(void *userdata, const struct unit_meta *meta),
                            void *userdata);

/* Beside which container a command of EXEC runs (`unit`: unit_name_is_exec()); not set in *ret: unit, mark, complete.
 */
bool observed_exec_meta(const char *dir, const char *unit, struct unit_meta *ret);

/* Pure: reads the [X-Kubernetes] section from a drop-in's text. False when it is missing or not valid. */
bool unit_meta_parse(const char *text, size_t size, struct unit_meta *ret);

#endif
