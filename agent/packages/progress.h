/* SPDX-License-Identifier: Apache-2.0 */
/* How far an installation has come; package_manager_progress() reads it from the lines that the installation prints.
 * Pure. */
#ifndef VKS_AGENT_PACKAGES_PROGRESS_H
#define VKS_AGENT_PACKAGES_PROGRESS_H

#include "common/base.h"

enum progress_stage {
        PROGRESS_NONE,
        PROGRESS_WAIT,
        PROGRESS_FETCH,
        PROGRESS_LISTS,
        PROGRESS_DOWNLOAD,
        PROGRESS_UNPACK,
        PROGRESS_SET_UP
};

struct progress {
        enum progress_stage stage;
        unsigned total, n; /* packages of this transaction; how many of them the stage has begun with */
        char detail[128];  /* a size, a package, or who is waited for */
};

/* "unpacking 3 of 12: nginx-common (1.22.1-9)"; "" when nothing is known yet. */
void progress_words(const struct progress *p, char *ret, size_t size);

#endif
