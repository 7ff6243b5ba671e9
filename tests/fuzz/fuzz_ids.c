/* SPDX-License-Identifier: Apache-2.0 */
#include "common/ids.h"
#include "common/mem.h"
#include "tests/fuzz/fuzz.h"

/* Every parser of an id, and the unit's name that is made of what they let through: it must be one that they let
 * through, too. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        CLEANUP(freep) char *s = xstrndup((const char *)data, size);
        struct pod_id pod, uid = { .namespace = "n" };
        char unit[ID_UNIT_MAX + 1], slice[ID_UNIT_MAX + 1];
        bool image = id_is_package(s) || id_is_path(s);

        (void)(id_is_label(s) + id_is_version(s) + id_is_sha256(s) + id_is_env_name(s) + id_is_filename(s) +
               id_is_unit(s));
        if (pod_id_parse("default", "web", s, &uid, NULL) == 0)
                pod_slice_name(uid.uid, QOS_CLASS_BURSTABLE, slice);
        if (id_is_name(s) && pod_id_parse("default", s, "0f6c2a9e-1234-4abc-8def-0123456789ab", &pod, NULL) == 0 &&
            unit_name(&pod, "nginx", NULL, unit, NULL) == 0 && (!id_is_unit(unit) || !unit_name_is_ours(unit)))
                abort();
        if (image && pod_id_parse("default", "web", "0f6c2a9e-1234-4abc-8def-0123456789ab", &pod, NULL) == 0 &&
            unit_name(&pod, s, "c", unit, NULL) == 0 && (!id_is_unit(unit) || !unit_name_is_ours(unit)))
                abort();
        return 0;
}
