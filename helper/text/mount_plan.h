/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How mounts come to be at paths that the machine does not have. PID 1 would make a missing mount point on the
 * machine's own disk; instead the deepest directory that exists is replaced, for this container, by a tmpfs with the
 * same entries bound into it. The names of its entries are those of the moment; their contents stay the machine's.
 */
#ifndef VKS_HELPER_TEXT_MOUNT_PLAN_H
#define VKS_HELPER_TEXT_MOUNT_PLAN_H

#include "common/err.h"
#include "common/ids.h"

struct mount_wish { /* absolute, normalized paths; sorted by target, no target twice */
        char source[ID_PATH_MAX + 1];
        const char *target;
        bool read_only;
        bool own; /* the source is a directory of the pod's, that it writes to */
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

/*
 * Before anything is mounted: nobody but root can say where PID 1 ends up when it follows the targets
 * (helper/files/trust.h). In the pod's own directories (`pod`: the path of those, with run, tmp, and var unless that is
 * a layer over the machine's) and in writable volumes of the pod's the mount points are made; elsewhere it is looked
 * at. In a volume that is the machine's or that the pod cannot write to the mount point has to be there: PID 1 would
 * make it. On the machine's ground every directory above has to be open to everybody: a mount shows what is beside it.
 * -EPERM with "mount-target" as reason.
 */
int mount_points_make(const char *pod, bool overlay, const struct mount_wish *wishes, size_t n_wishes, struct err *e);

/* Does `target` lie in the pod's private /run, /var or /tmp, and in no volume? Pure. */
bool mount_is_on_pods_ground(const struct mount_wish *wishes, size_t n_wishes, const char *target);

/* Looks at the machine's directories, changes nothing. -E2BIG when one has more than 512 entries. Call
 * mount_plan_done() on *ret. */
int mount_plan_make(const struct mount_wish *wishes, size_t n_wishes, struct mount_plan *ret, struct err *e);
void mount_plan_done(struct mount_plan *p);

#endif
