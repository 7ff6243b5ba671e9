/* SPDX-License-Identifier: Apache-2.0 */
#include "helper/files/dpkg.h"

#include <errno.h>
#include <glob.h>

#include "common/file.h"
#include "common/mem.h"

#define INFO "/var/lib/dpkg/info/"
#define MADE "/var/lib/vks/units/" /* what a package's scripts have made: root's own record (helper/install.sh) */

enum { LIST_MAX = 64 * 1024 * 1024 };

bool dpkg_owns(const char *files, const char *path)
{
        size_t n = strlen(path);

        for (const char *at = files; (at = strstr(at, path)); at += n)
                if ((at == files || at[-1] == '\n') && at[n] == '\n')
                        return true;
        return false;
}

int dpkg_files(const char *package, char **ret, struct err *e)
{
        CLEANUP(freep) char *own = xasprintf(INFO "%s.list", package), *pattern = xasprintf(INFO "%s:*.list", package);
        CLEANUP(freep) char *record = xasprintf(MADE "%s", package), *listed = NULL, *made = NULL;
        CLEANUP(globfree) glob_t found = { 0 };
        size_t size = 0;
        int r = file_read(own, LIST_MAX, &listed, &size, e);

        if (r == -ENOENT && glob(pattern, 0, NULL, &found) == 0) /* Multi-Arch: same */
                r = file_read(found.gl_pathv[0], LIST_MAX, &listed, &size, e);
        if (r < 0)
                return r == -ENOENT ? err_set(e, r, NULL, "package %s is not installed", package) : r;
        if (file_read(record, LIST_MAX, &made, &size, NULL) < 0)
                *ret = TAKE(listed);
        else
                *ret = xasprintf("%s%s", listed, made);
        return 0;
}
