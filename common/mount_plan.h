/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How mounts come to be at paths that the machine does not have. PID 1 would make a missing mount point on the machine's own disk; instead
 * the deepest directory that exists is replaced, for this container, by a tmpfs with the same entries bound into it. The names
 * of its entries are those of the moment; their contents stay the machine's.
 */
#ifndef VKS_COMMON_MOUNT_PLAN_H
#define VKS_COMMON_MOUNT_PLAN_H

#include "common/err.h"
#include "common/ids.h"

struct mount_wish { /* absolute, normalized paths; sorted by target, no target twice */
        char source[ID_PATH_MAX + 1];
        const char *target;
        bool read_only;
};

enum mount_kind { MOUNT_BIND, MOUNT_BIND_READ_ONLY, MOUNT_TMPFS };

struct mount_line {
        enum mount_kind kind;
        char *source, *target;
};

struct mount_plan {
        size_t n;
        struct mount_line *lines;
        bool root; /* "/" itself is one of the tmpfs */
};

/* Looks at the machine's directories, changes nothing. -E2BIG when one has more than 512 entries. Call mount_plan_done() on *ret. */
int mount_plan_make(const struct mount_wish *wishes, size_t n_wishes, struct mount_plan *ret, struct err *e);
void mount_plan_done(struct mount_plan *p);

#endif
