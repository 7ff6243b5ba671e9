/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a package's unit says of paths, as far as it can stand beside what a pod's unit says of them. systemd keeps one
 * entry for a path (systemd 252, src/core/namespace.c, drop_duplicates()), and which kind wins is fixed:
 * "NoExecPaths=/" of a package would take away our TemporaryFileSystem=/, and with it the read-only view of the
 * machine. So at a path of ours the package has no say, and nothing that is the machine's is bound writable:
 * ReadWritePaths= is not the package's to say either (unit_text.c). Pure.
 */
#ifndef VKS_HELPER_TEXT_PACKAGE_PATHS_H
#define VKS_HELPER_TEXT_PACKAGE_PATHS_H

#include "common/buf.h"
#include "helper/text/mount_plan.h"
#include "helper/text/unit_file.h"

/* Appends the lists of paths of `file` (may be NULL) as they are to be; nothing where there are none. */
void package_paths(struct buf *b, const struct unit_file *file, const struct mount_plan *mounts);

/* Does the package's unit have this directory of the machine's in a form of its own (a /dev of its own, a /proc that
 * hides others)? Then it is not bound over that. */
bool package_paths_replace(const struct unit_file *file, const char *path);

#endif
