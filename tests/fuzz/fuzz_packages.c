/* SPDX-License-Identifier: Apache-2.0 */
/* dpkg's status file, unit files and maintainer scripts: what packages bring to the machine. */
#include <stdlib.h>

#include "agent/packages/dpkg.h"
#include "agent/packages/packages.h"
#include "tests/fuzz/fuzz.h"

static void each(void *userdata, const struct package *p, size_t offset)
{
        if (!id_is_package(p->name) || !id_is_version(p->version) || offset >= *(size_t *)userdata)
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct unit_candidate c[2] = { { .name = "a.service" }, { .name = "b.service" } };
        const char *why;

        status_scan((const char *)data, size, each, &size);
        unit_scan((const char *)data, size, &c[0]);
        (void)mentions_var((const char *)data, size);
        (void)unit_choose("a-server", c, 2, &why);
        return 0;
}
