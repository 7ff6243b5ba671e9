/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/lib/clean_path.h"

#include <string.h>

#include "common/mem.h"

static char *clean(const char *path, bool up)
{
        char *copy = xstrdup(path), *save = NULL, *ret = xcalloc(strlen(path) + 2, 1);
        size_t n = 0;

        for (char *part = strtok_r(copy, "/", &save); part; part = strtok_r(NULL, "/", &save)) {
                size_t size = strlen(part);

                if (streq(part, "."))
                        continue;
                if (up && streq(part, "..")) {
                        while (n > 0 && ret[--n] != '/')
                                ;
                        ret[n] = '\0';
                        continue;
                }
                ret[n++] = '/';
                memcpy(ret + n, part, size + 1);
                n += size;
        }
        free(copy);
        if (n == 0)
                ret[n++] = '/';
        ret[n] = '\0';
        return ret;
}

char *path_clean(const char *path)
{
        return clean(path, true);
}

char *path_tidy(const char *path)
{
        return *path == '/' ? clean(path, false) : xstrdup(path);
}
