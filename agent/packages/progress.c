/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/packages/progress.h"

#include <stdio.h>

void progress_words(const struct progress *p, char *ret, size_t size)
{
        unsigned total = p->total < p->n ? p->n : p->total;

        *ret = '\0';
        switch (p->stage) {
        case PROGRESS_NONE:
                break;
        case PROGRESS_WAIT:
                snprintf(ret, size, "%s", p->detail);
                break;
        case PROGRESS_FETCH:
                snprintf(ret, size, "fetching %s", p->detail);
                break;
        case PROGRESS_LISTS:
                snprintf(ret, size, "reading the lists of packages");
                break;
        case PROGRESS_DOWNLOAD:
                snprintf(ret, size, "downloading %u of %u (%s)", p->n, total, p->detail);
                break;
        case PROGRESS_UNPACK:
                snprintf(ret, size, "unpacking %u of %u: %s", p->n, total, p->detail);
                break;
        case PROGRESS_SET_UP:
                snprintf(ret, size, "setting up %u of %u: %s", p->n, total, p->detail);
                break;
        }
}
