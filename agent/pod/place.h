/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where on this machine a volume lies whose pod does not say so: that of a PersistentVolumeClaim, and one of an NFS
 * server's. Pure. What is asked of a claim and its PersistentVolume, and the words of a refusal, are the kubelet's
 * (pkg/kubelet/volumemanager/populator, pkg/volume/util, operation_generator.go).
 *
 * A place is a hostPath from then on, to policy and to root's part: nothing here is a right to anything. vks mounts no
 * file system: of NFS it takes what the machine has mounted.
 */
#ifndef VKS_AGENT_POD_PLACE_H
#define VKS_AGENT_POD_PLACE_H

#include "agent/pod/pod.h"

struct place {
        char *path, *type; /* as of a hostPath; `type` may be NULL */
        bool read_only;
        char *of;      /* the PersistentVolume; NULL: none */
        char *ignored; /* what of it has no effect here, ", " between; NULL: nothing */
};
void place_done(struct place *p);

struct place_node {
        const char *name;
        const cJSON *labels; /* NULL: not known */
        const char *mounts;  /* the text of /proc/self/mountinfo; NULL: not known. Only where place_asks_for_mounts() */
};

/* The claim of a volume and what it is bound to, as the API server has them; NULL where it has none. */
struct place_claim {
        const cJSON *claim, *volume;
        const struct err *why; /* why there is none; NULL: it is only a matter of time */
};

/* Must one know what the machine has mounted? */
bool place_asks_for_mounts(const struct volume *v, const struct place_claim *c);

/*
 * 0 and the place, the caller's to free (place_done()); -EAGAIN while it is only a matter of time (without a reason) or
 * of somebody (with one), -EINVAL where it will never be. `runs`: the pod had the volume before, so that what forbids
 * a new pod does not count.
 */
int place_find(const struct pod *p, const struct volume *v, const struct place_claim *c, const struct place_node *node,
               bool runs, struct place *ret, struct err *e);

#endif
