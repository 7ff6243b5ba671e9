/* SPDX-License-Identifier: Apache-2.0 */
/* What the eye and mischief, which runs in pods, agree on. */
#ifndef VKS_TESTS_MISCHIEF_H
#define VKS_TESTS_MISCHIEF_H

#include <stdio.h>

#include "common/base.h"

#define MISCHIEF "/usr/local/bin/mischief"

/* An abstract datagram socket, where the eye listens: "is" and "found" lines, their fields separated by tabs. */
#define EAR "vks-compose-ear"

/* Each secret is this, a name and "-"; pod0, pod1, ... are those of pods, and "said" is none: it is said aloud. */
#define SECRET "compose-secret-"

/* In the program's file, followed by one letter: a copy that a pod has made has 'Q' there, where the package's has 'P'.
 */
#define STAMP "mischief-stamp:"

/* Is this one, and whose? The bare beginning stands in the programs themselves. */
static inline UNUSED bool is_secret(const char *at, char name[static 32])
{
        char dash = 0;

        return sscanf(at, SECRET "%31[a-z0-9]%c", name, &dash) == 2 && dash == '-' && !streq(name, "said");
}

#endif
