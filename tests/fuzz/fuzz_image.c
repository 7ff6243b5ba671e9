/* SPDX-License-Identifier: Apache-2.0 */
/* An image string, and the unit name that follows from it. */
#include <stdlib.h>

#include "agent/pod/image.h"
#include "common/mem.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        CLEANUP(freep) char *s = xstrndup((const char *)data, size);
        const struct pod_id pod = { "default", "web", "0f6c2a9e-1234-4abc-8def-0123456789ab" };
        char unit[ID_UNIT_MAX + 1];
        struct image image;

        if (image_parse(s, &image, NULL) == 0 && unit_name(&pod, image.name, "c", unit, NULL) == 0 && !id_is_unit(unit))
                abort();
        return 0;
}
