/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The account of the paths ("ways") in a pod's private /run, /var and /tmp that PID 1 follows when a container
 * starts, at a time when other containers of the pod may have run already: paths where PID 1 mounts something
 * (WAY_MOUNT), directories that PID 1 makes and gives to the container's user (WAY_GIVEN), and what it makes or reads
 * as root and gives to nobody (WAY_ROOTS). Whoever owns a directory decides what the names in it lead to, so no way may
 * lie beneath a directory that is given away.
 *
 * This holds whichever of the two ways came first, in whatever request, for whatever container of the pod. So the
 * account is a file in the pod's directory, which only grows until the pod is removed.
 */
#ifndef VKS_HELPER_FILES_WAYS_H
#define VKS_HELPER_FILES_WAYS_H

#include "common/err.h"

enum way_kind {
        WAY_GIVEN, /* PID 1 makes it and gives it, with all that is in it, to a user who is not root */
        WAY_MOUNT, /* PID 1 mounts something there, in the container's view */
        WAY_ROOTS, /* a directory that PID 1 makes for root, or a file that it reads (PIDFile=) */
};

struct way {
        enum way_kind kind;
        const char *path; /* absolute, normalized, without control characters */
};

/*
 * Notes the ways of one container in the pod's account (`pod`: the pod's directory). -EPERM with "mount-target" as
 * reason: a way would lie beneath a directory that is given away; nothing is noted then. -E2BIG: the account is full.
 */
int ways_note(int pod, const struct way *ways, size_t n, struct err *e);

/* Does `path` lie beneath a directory that the account says is given away? Also when the account cannot be read. */
bool ways_is_given(int pod, const char *path);

#endif
