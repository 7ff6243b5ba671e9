/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/machine/cgroups.h"

#include <linux/magic.h>
#include <sys/statfs.h>

/* Beside the first version's hierarchies, the second is mounted below them. */
const char *cgroups_top(void)
{
        static const char *const places[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified" };
        struct statfs fs;

        for (size_t i = 0; i < ARRAY_LEN(places); i++)
                if (statfs(places[i], &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC)
                        return places[i];
        return NULL;
}

/* a-b.slice lies in a.slice */
void cgroups_slice_path(const char *slice, struct buf *ret)
{
        for (const char *dash = strchr(slice, '-'); dash; dash = strchr(dash + 1, '-'))
                buf_printf(ret, "/%.*s.slice", (int)(dash - slice), slice);
        buf_printf(ret, "/%s", slice);
}
