/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checks paths that the helper looks at now and PID 1 follows again later, when it mounts something: in between
 * nobody but root may be able to put a symbolic link into the path. So every directory on the way must belong to root
 * and be writable by nobody else. A directory that others may write to must be sticky, and the next component must be
 * root's, and stay: what PID 1, root or a user takes away in such a directory anybody may replace.
 */
#ifndef VKS_HELPER_FILES_TRUST_H
#define VKS_HELPER_FILES_TRUST_H

#include <sys/stat.h>

#include "common/base.h"

enum trust_make {
        TRUST_STAYS, /* TRUST_LOOK where nobody says that it stays: so not in a sticky directory either */
        TRUST_LOOK,
        TRUST_DIR,  /* missing components are made, as directories (0755) */
        TRUST_FILE, /* the same, but the last one as an empty file (0644) */
};

/*
 * `path` is absolute and normalized. `ours`: directories on the way that everybody may write to are made sticky. *ret
 * (may be NULL): what stat() says of the path. -ENOENT: nothing is there, and only root could change that; -ELOOP: a
 * component is a symbolic link; -EPERM: somebody other than root could make one a symbolic link.
 */
int trust_path(const char *path, enum trust_make make, bool ours, struct stat *ret);

#endif
