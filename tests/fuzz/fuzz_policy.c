/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/policy_conf.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        CLEANUP(policy_freep) struct policy *p = NULL;
        CLEANUP(buf_done) struct buf b = BUF(1 << 20);

        if (policy_parse("policy.conf", (const char *)data, size, &p, NULL) == 0)
                policy_print(p, &b);
        return 0;
}
