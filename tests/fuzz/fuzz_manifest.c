/* SPDX-License-Identifier: Apache-2.0 */
/* A static pod's file: what is taken is a pod that can be parsed, and has a mirror. */
#include <stdlib.h>

#include "agent/pod/manifest.h"
#include "agent/pod/pod.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct err e = ERR_NONE;
        cJSON *o = NULL, *mirror;
        struct pod *p = NULL;

        if (manifest_parse((const char *)data, size, "node1", 1, &o, &e) < 0) {
                if (!*e.text)
                        abort();
                return 0;
        }
        if (pod_parse(o, &p, &e) < 0) /* whatever has no identity was refused before */
                abort();
        mirror = manifest_mirror(o, "11111111-2222-4333-8444-555555555555");
        if (!manifest_mirrored(mirror))
                abort();
        cJSON_Delete(mirror);
        pod_free(p);
        cJSON_Delete(o);
        return 0;
}
