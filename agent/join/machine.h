/* SPDX-License-Identifier: Apache-2.0 */
/* What joining does to the machine: files for user vks, and the agent's unit. As root; blocks. */
#ifndef VKS_AGENT_JOIN_MACHINE_H
#define VKS_AGENT_JOIN_MACHINE_H

#include <sys/types.h>

#include "common/err.h"

#define MACHINE_ETC    "/etc/vks"
#define MACHINE_CONFIG "agent.yaml"

struct machine {
        uid_t uid; /* vks */
        gid_t gid;
};

/* -EPERM: not root; -ENOTSUP: PID 1 is no systemd; -ENOENT: the package is not installed. */
int machine_look(struct machine *ret, struct err *e);

/* Replaces /etc/vks/NAME as a whole: root's, readable by group vks (0640). */
int machine_write(const struct machine *m, const char *name, const char *text, struct err *e);

/* Replaces a file in the agent's own folder (agent/certs/store.h), which is made where it is missing: vks', 0600. */
int machine_write_pki(const struct machine *m, const char *name, const char *text, struct err *e);

/* A file that is not there is removed already. */
int machine_remove(const char *path, struct err *e);

/* Runs a program with the terminal's output, waits, and returns its exit status; < 0 when it could not be run. `argv`
 * is NULL-terminated and begins with the program, which is looked for as a shell would. */
int machine_run(const char *const *argv, bool quiet, struct err *e);

#endif
