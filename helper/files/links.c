/* SPDX-License-Identifier: Apache-2.0 */
#include "helper/files/links.h"

#include <errno.h>
#include <limits.h>
#include <unistd.h>

#include "common/mem.h"

enum { LINKS_MAX = 40 }; /* as path_resolution(7) has it */

/* The directory that `path` is in, where "" stands for "/". */
static void up(char *path)
{
        char *slash = strrchr(path, '/');

        if (slash)
                *slash = '\0';
}

int links_lead(const char *path, bool (*is_covered)(const char *path, const void *userdata), const void *userdata,
               char **ret)
{
        /* `at` was followed already and has no link in it; `rest` is still to go. */
        CLEANUP(freep) char *at = xstrdup(""), *rest = xstrdup(path);
        int links = 0;

        for (;;) {
                char *name = rest + strspn(rest, "/"), target[PATH_MAX];
                int n = (int)strcspn(name, "/");
                ssize_t size;

                if (n == 0)
                        return -ENOENT;
                CLEANUP(freep) char *behind = xstrdup(name + n), *here = xasprintf("%s/%.*s", at, n, name);
                free(rest);
                rest = TAKE(behind);
                if (ends_with(here, "/.") || ends_with(here, "/..")) {
                        if (ends_with(here, "/.."))
                                up(at);
                        continue;
                }
                if (is_covered(here, userdata)) {
                        *ret = xasprintf("%s%s", here, rest);
                        return 0;
                }
                size = readlink(here, target, sizeof(target) - 1);
                if (size < 0) {
                        free(at);
                        at = TAKE(here);
                        continue;
                }
                if (++links > LINKS_MAX)
                        return -ELOOP;
                target[size] = '\0';
                if (*target == '/')
                        *at = '\0';
                CLEANUP(freep) char *further = xasprintf("%s%s", target, rest);
                free(rest);
                rest = TAKE(further);
        }
}
