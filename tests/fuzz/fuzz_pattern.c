/* SPDX-License-Identifier: Apache-2.0 */
/* A regular expression and, behind the first newline, a text: however strange, both come to an end within bounds. */
#include <errno.h>
#include <stdlib.h>

#include "agent/lib/pattern.h"
#include "common/mem.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        const char *newline = memchr(data, '\n', size);
        CLEANUP(pattern_freep) struct pattern *p = NULL;
        CLEANUP(freep) char *text = NULL;
        unsigned steps, again;
        size_t n;
        int r;

        if (!newline)
                return 0;
        text = xstrndup((const char *)data, (size_t)(newline - (const char *)data));
        n = size - (size_t)(newline + 1 - (const char *)data);
        if (pattern_new(text, size % 2, &p, NULL) < 0)
                return 0;
        r = pattern_find(p, newline + 1, n, &steps);
        if (steps > PATTERN_STEPS_MAX + 1 || (r != 0 && r != 1 && r != -E2BIG))
                abort();
        if (pattern_find(p, newline + 1, n, &again) != r || again != steps)
                abort();
        return 0;
}
