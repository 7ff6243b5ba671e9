/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/machine/observed.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct unit_meta meta;

        unit_meta_parse((const char *)data, size, &meta);
        return 0;
}
