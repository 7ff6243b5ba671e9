/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/machine/cgroups.h"

#include <inttypes.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/statfs.h>

#include "common/mem.h"

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

bool cgroups_memory(const char *path, uint64_t *ret)
{
        const char *top = cgroups_top();
        CLEANUP(freep) char *file = top ? xasprintf("%s%s/memory.current", top, path) : NULL;
        FILE *f = file ? fopen(file, "re") : NULL;
        bool told = f && fscanf(f, "%" SCNu64, ret) == 1;

        if (f)
                fclose(f);
        return told;
}

/* a-b.slice lies in a.slice */
void cgroups_slice_path(const char *slice, struct buf *ret)
{
        for (const char *dash = strchr(slice, '-'); dash; dash = strchr(dash + 1, '-'))
                buf_printf(ret, "/%.*s.slice", (int)(dash - slice), slice);
        buf_printf(ret, "/%s", slice);
}
