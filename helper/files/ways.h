/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The account of those paths in a pod's private /run, /var and /tmp that PID 1 follows once more when a container
 * starts, which is after the pod has run: where it mounts, and the directories that it makes and gives to a container's
 * user. Whoever owns a directory decides what the names in it lead to, so nothing that PID 1 follows may lie beneath
 * one that is given away.
 *
 * It does not matter which of the two came first, in which request, or for which container of the pod: the account is a
 * file in the pod's directory that only grows until the pod is removed.
 */
#ifndef VKS_HELPER_FILES_WAYS_H
#define VKS_HELPER_FILES_WAYS_H

#include "common/err.h"

enum way_kind {
        WAY_MOUNT, /* PID 1 mounts something there, in the container's view */
        WAY_GIVEN, /* PID 1 makes it and gives it, with all that is in it, to a user who is not root */
};

struct way {
        enum way_kind kind;
        const char *path; /* absolute, normalized, without control characters */
};

/*
 * Notes the ways of one container in the pod's account (`pod`: its directory). Two that are given may lie in each other
 * when they are of the same call and `trusted`: only the package's own command line has them, as it has on a plain
 * machine. -EPERM with "mount-target" as reason: one would lie beneath what is given away; nothing is noted then.
 * -E2BIG: the account is full.
 */
int ways_note(int pod, const struct way *ways, size_t n, bool trusted, struct err *e);

#endif
