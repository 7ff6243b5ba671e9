/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "common/dpkg.h"
#include "common/file.h"
#include "common/mem.h"
#include "helper/helper.h"

int package_unit_load(const char *package, const char *name, struct unit_file **ret, struct err *e)
{
        static const char *const dirs[] = { "/etc/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system" };
        CLEANUP(freep) char *list = NULL, *text = NULL;
        int stem = (int)strcspn(name, "@");
        size_t size = 0;
        int r = dpkg_files(package, &list, e);

        for (size_t i = 0; i < 2 * ARRAY_LEN(dirs) && r == 0; i++) { /* the unit itself, then the template it may be an instance of */
                CLEANUP(freep) char *path = i < ARRAY_LEN(dirs) ? xasprintf("%s/%s", dirs[i], name) :
                                                                  xasprintf("%s/%.*s@.service", dirs[i - ARRAY_LEN(dirs)], stem, name);

                if (!dpkg_owns(list, path) || strchr(name, '\\') || strstr(name, "@.service"))
                        continue;
                return (r = file_read(path, UNIT_FILE_MAX, &text, &size, e)) < 0 ? r : unit_file_parse(name, text, size, ret, e);
        }
        /* An init script of the package, as systemd-sysv-generator(8) has it. */
        CLEANUP(freep) char *script = xasprintf("/etc/init.d/%.*s", (int)(strlen(name) - strlen(".service")), name);
        CLEANUP(freep) char *made = xasprintf("/run/systemd/generator.late/%s", name);
        if (r == 0 && dpkg_owns(list, script) && (r = file_read(made, UNIT_FILE_MAX, &text, &size, e)) == 0)
                return unit_file_parse(name, text, size, ret, e);
        return r < 0 ? r : err_set(e, -ENOENT, NULL, "package %s has no unit %s", package, name);
}
