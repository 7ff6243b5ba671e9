/* SPDX-License-Identifier: Apache-2.0 */
/* What is taken can be printed, and what was printed is taken as the same policy. */
#include <stdlib.h>

#include "policy/policy_conf.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        CLEANUP(policy_freep) struct policy *p = NULL, *q = NULL;
        CLEANUP(buf_done) struct buf once = BUF(1 << 20), twice = BUF(1 << 20);

        if (policy_parse("policy.conf", (const char *)data, size, &p, NULL) < 0)
                return 0;
        policy_print(p, &once);
        if (policy_parse("policy.conf", once.data, once.len, &q, NULL) < 0)
                abort();
        policy_print(q, &twice);
        if (!streq(once.data, twice.data))
                abort();
        return 0;
}
