/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How something is mounted at a path that the machine does not have. PID 1 would make the missing mount point on the
 * machine's own disk. Instead, the deepest directory of the path that exists is replaced, for this container only, by
 * a tmpfs into which the directory's entries are bound one by one. Entries that the machine gets later do not appear
 * in it; the contents of the bound ones stay the machine's.
 */
#ifndef VKS_HELPER_TEXT_MOUNT_PLAN_H
#define VKS_HELPER_TEXT_MOUNT_PLAN_H

#include "common/err.h"
#include "common/ids.h"

struct mount_wish { /* absolute, normalized paths; sorted by target, no target twice */
        char source[ID_PATH_MAX + 1];
        const char *target;
        bool read_only;
        bool own;            /* the source is one of the pod's directories, to which the pod writes */
        bool is_file;        /* though the source is not there yet; what is there is looked at */
        bool is_working_dir; /* the target is no mountPath, but a workingDir that is to be made: for the text of errors
                              */
};

enum mount_kind { MOUNT_BIND, MOUNT_BIND_READ_ONLY, MOUNT_TMPFS };

struct mount_line {
        enum mount_kind kind;
        char *source, *target;
};

struct mount_plan {
        size_t n;
        struct mount_line *lines;
        bool root;     /* "/" itself is one of the tmpfs */
        char **closed; /* where the package's unit mounts nothing: somebody else than root could put a link on the way.
                        * NULL: there is no such place */
};

/*
 * Makes or checks the mount points before anything is mounted, so that nobody but root can change where PID 1 ends up
 * when it follows the targets (helper/files/trust.h).
 *
 *      in the pod's own directories     the mount point is made. (`pod`: their path; they are run and tmp, and var
 *                                       unless `overlay`: then var is a layer over the machine's)
 *      in the pod's writable volumes    the mount point is made
 *      in other volumes                 the mount point must exist, or PID 1 would make it there
 *      elsewhere on the machine         nothing is made; mount_plan_make() decides about a missing mount point
 *
 * -EPERM with "mount-target" as reason.
 */
int mount_points_make(const char *pod, bool overlay, const struct mount_wish *wishes, size_t n_wishes, struct err *e);

/* Is what is mounted no directory? */
bool mount_is_file(const struct mount_wish *wish);

/* Does `target` lie in the pod's private /run, /var or /tmp, but in no volume? Pure. */
bool mount_is_on_pods_ground(const struct mount_wish *wishes, size_t n_wishes, const char *target);

/* Could somebody else than root change what `path` leads to, or put something there? */
bool mount_leads_through_others(const char *path);

/*
 * Plans the mounts. Looks at the machine's directories and changes nothing. A directory that must be replaced has to be
 * open to everybody (all may list it, and enter it and those above), since the tmpfs shows its entries: otherwise
 * -EPERM with "mount-target" as reason. -E2BIG when it has more than 512 entries. Call mount_plan_done() on *ret.
 */
int mount_plan_make(const struct mount_wish *wishes, size_t n_wishes, struct mount_plan *ret, struct err *e);
void mount_plan_done(struct mount_plan *p);

/*
 * Adds a bind of the directory `source` at `target`, a directory of the machine's that lies directly below one that
 * only root changes; in place of the machine's own, where the plan has that. False, and nothing is added, when a volume
 * lies in it, at it or above it.
 */
bool mount_plan_cover(struct mount_plan *p, const struct mount_wish *wishes, size_t n_wishes, const char *source,
                      const char *target);

#endif
