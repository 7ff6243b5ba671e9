/* SPDX-License-Identifier: Apache-2.0 */
/* Where the second version's cgroups are, and where systemd puts a slice among them (systemd.slice(5)). */
#ifndef VKS_AGENT_MACHINE_CGROUPS_H
#define VKS_AGENT_MACHINE_CGROUPS_H

#include "common/buf.h"

/* Where cgroup v2 is mounted; NULL: nowhere. Static. */
const char *cgroups_top(void);

/* "kubepods-besteffort-podX.slice" -> "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-podX.slice",
 * appended. */
void cgroups_slice_path(const char *slice, struct buf *ret);

/* How many bytes of memory the cgroup `path` (from cgroups_top() on, with a "/" before it) has now; false where the
 * kernel does not tell, since it does not count them or has no such cgroup. */
bool cgroups_memory(const char *path, uint64_t *ret);

#endif
