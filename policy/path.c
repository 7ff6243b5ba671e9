/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/path.h"

#include <string.h>

/* What stands behind `dir` in `path`, without the "/" between them: "" for `dir` itself. NULL: it is elsewhere. */
static const char *rest_of(const char *path, const char *dir)
{
        size_t n = strlen(dir);

        if (strncmp(path, dir, n) != 0)
                return NULL;
        if ((n > 0 && dir[n - 1] == '/') || path[n] == '\0')
                return path + n;
        return path[n] == '/' ? path + n + 1 : NULL;
}

bool path_is_in(const char *path, const char *dir)
{
        return rest_of(path, dir) != NULL;
}

bool path_is_beneath(const char *path, const char *dir)
{
        const char *rest = rest_of(path, dir);

        return rest && *rest;
}
