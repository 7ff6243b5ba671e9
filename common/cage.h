/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The last step before a program meets its peers: what it will never need is taken from it for good, from all of its
 * threads.
 *
 * All capabilities but `kept` are dropped, also from the bounding set (whoever has no CAP_SETPCAP has none to come back
 * to). Of system calls, `allowed` (SCMP_SYS() numbers) are left. Others fail with EPERM and leave a line in the audit
 * log; those that only a program in somebody else's hands would try (another program, another process' memory, mounts,
 * modules, the kernel itself) end the process. With `threads`, clone() makes threads, and still no process.
 *
 * Should: be called once, with every descriptor and connection open that `allowed` cannot open. Mustn't: be followed by
 * what the list does not have.
 */
#ifndef VKS_COMMON_CAGE_H
#define VKS_COMMON_CAGE_H

#include <sys/capability.h>

#include "common/base.h"
#include "common/err.h"

struct cage {
        const cap_value_t *kept;
        size_t n_kept;
        const int *allowed;
        size_t n_allowed;
        bool threads;
};

int cage_lock(const struct cage *c, struct err *e);

#endif
