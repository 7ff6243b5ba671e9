/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/lib/yaml.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct err e = ERR_NONE;
        cJSON *root = NULL;

        if (yaml_parse((const char *)data, size, &root, &e) == 0)
                cJSON_Delete(root);
        return 0;
}
