/* SPDX-License-Identifier: Apache-2.0 */
/* A library that a pod would have loaded into what runs as root: it tells the journal when that came about
 * (tests/e2e/hostile.sh). */
#include <stdio.h>
#include <unistd.h>

__attribute__((constructor)) static void loaded(void)
{
        if (geteuid() == 0)
                fprintf(stderr, "hostile-is-root: given\n");
}
