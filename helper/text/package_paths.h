/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The settings of a package's unit that name paths (NoExecPaths=, BindPaths=, ...), as far as the pod's unit can take
 * them over. systemd keeps only one such setting for a path (systemd 252, src/core/namespace.c, drop_duplicates()),
 * and which kind wins is fixed: "NoExecPaths=/" of a package would cancel our TemporaryFileSystem=/, and with it the
 * read-only view of the machine. So the package's settings for a path that the pod's unit mounts something at are
 * left out, and what it mounts where that would be in a volume, in a directory of the unit's user, or a volume in it;
 * and what somebody else than root could lead elsewhere (`closed` in mount_plan.h).
 * And a package cannot bind anything of the machine's writable; its ReadWritePaths= is left out too (view.c).
 * Pure.
 */
#ifndef VKS_HELPER_TEXT_PACKAGE_PATHS_H
#define VKS_HELPER_TEXT_PACKAGE_PATHS_H

#include "common/buf.h"
#include "helper/text/given.h"
#include "helper/text/mount_plan.h"
#include "helper/text/unit_file.h"

/* Appends those path settings of the package's unit `file` (may be NULL) that the pod's unit takes over. `given`: what
 * PID 1 makes for the unit. */
void package_paths(struct buf *b, const struct unit_file *file, const struct mount_plan *mounts,
                   const struct given *given);

/*
 * Where the package's unit `file` (may be NULL) mounts something, whatever is taken over of it: absolute, normalized
 * paths. NULL when there is none; the caller owns it (strv_free).
 */
char **package_mounts(const struct unit_file *file);

/* Does the package's unit replace this directory of the machine's by a form of its own (a private /dev, a /proc that
 * hides other processes)? Then the machine's directory must not be bound over it. */
bool package_paths_replace(const struct unit_file *file, const char *path);

/*
 * The directories directly below /etc ("/etc/redis") that the package's unit `file` (may be NULL) names as places to
 * write to (ReadWritePaths=, ConfigurationDirectory=). What lies deeper, and /etc as a whole, is not among them, nor
 * is vks' own. Whether they exist is not looked at, and one may be named twice. NULL when there is none; the caller
 * owns it (strv_free).
 */
char **package_etc(const struct unit_file *file);

#endif
