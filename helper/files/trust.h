/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Paths that PID 1 follows again after we did, when it mounts something: nobody but root may be able to put a symbolic
 * link there in between. So every directory on the way has to be root's and writable by nobody else, or sticky, and
 * then what it is about has to be root's.
 */
#ifndef VKS_HELPER_FILES_TRUST_H
#define VKS_HELPER_FILES_TRUST_H

#include <sys/stat.h>

#include "common/base.h"

enum trust_make {
        TRUST_LOOK,
        TRUST_DIR,  /* what is missing is made: directories (0755) */
        TRUST_FILE, /* ... and an empty file at the end (0644) */
};

/*
 * `path` is absolute and normalized. `ours`: directories that everybody writes to are made sticky on the way. *ret (may
 * be NULL): what is there. -ENOENT: nothing, and only root could change that; -ELOOP: a link is on the way; -EPERM:
 * somebody else could put one there.
 */
int trust_path(const char *path, enum trust_make make, bool ours, struct stat *ret);

#endif
