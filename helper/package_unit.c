/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "common/dpkg.h"
#include "common/file.h"
#include "common/mem.h"
#include "helper/helper.h"

int package_unit_load(const char *package, const char *name, struct unit_file **ret, struct err *e)
{
        static const char *const dirs[] = { "/etc/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system" };
        const char *at = strchr(name, '@');
        CLEANUP(freep) char *file = at ? xasprintf("%.*s@.service", (int)(at - name), name) : xstrdup(name), *list = NULL, *text = NULL;
        size_t size = 0;
        int r;

        if (at && (streq(name, file) || strchr(name, '\\')))
                return err_set(e, -EINVAL, NULL, "unit %s: not an instance that can be run", name);
        r = dpkg_files(package, &list, e);
        for (size_t i = 0; i < ARRAY_LEN(dirs) && r == 0; i++) {
                CLEANUP(freep) char *path = xasprintf("%s/%s", dirs[i], file);

                if (!dpkg_owns(list, path))
                        continue;
                r = file_read(path, UNIT_FILE_MAX, &text, &size, e);
                return r < 0 ? r : unit_file_parse(name, text, size, ret, e);
        }
        return r < 0 ? r : err_set(e, -ENOENT, NULL, "package %s has no unit %s", package, file);
}
