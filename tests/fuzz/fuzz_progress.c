/* SPDX-License-Identifier: Apache-2.0 */
/* What apt and dpkg print: names of packages and sizes come from whoever made the packages. */
#include <stdlib.h>

#include "agent/packages/package_manager.h"
#include "common/mem.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        CLEANUP(freep) char *s = xstrndup((const char *)data, size);
        struct progress p = { 0 };
        char words[300];

        for (char *line = s, *end; line; line = end) {
                end = strchr(line, '\n');
                if (end)
                        *end++ = '\0';
                package_manager_progress(&p, line);
                progress_words(&p, words, sizeof(words));
                if (p.n > 0 && !*words)
                        abort();
        }
        return 0;
}
