/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/client/kubeconfig.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct kubeconfig *k = NULL;
        struct err e = ERR_NONE;

        if (kubeconfig_parse((const char *)data, size, "/nonexistent", &k, &e) == 0)
                kubeconfig_free(k);
        return 0;
}
