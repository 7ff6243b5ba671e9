/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <sys/stat.h>

#include "helper/files/dpkg.h"
#include "common/mem.h"
#include "helper/text/unit_load.h"
#include "helper/helper.h"

/*
 * What the administrator has put in the place of a package's unit (systemctl edit --full, systemctl mask) holds for
 * pods, too. *path becomes that file, where there is one.
 */
static int follow_administrator(const char *name, char **path, struct err *e)
{
        const char *base = strrchr(*path, '/') + 1, *names[] = { name, base };

        for (size_t i = 0; i < ARRAY_LEN(names); i++) {
                CLEANUP(freep) char *own = xasprintf("/etc/systemd/system/%s", names[i]);
                struct stat st;

                if (stat(own, &st) < 0)
                        continue;
                if (S_ISCHR(st.st_mode) || (S_ISREG(st.st_mode) && st.st_size == 0)) /* /dev/null, or an empty file */
                        return err_set(e, -EPERM, "masked", "%s is masked on this machine (systemctl unmask %s)",
                                       names[i], names[i]);
                free(*path);
                *path = TAKE(own);
                return 0;
        }
        return 0;
}

/*
 * What a package ships under a second name, as a link, is to PID 1 the unit that it leads to: what the administrator
 * says of that one holds for pods by both names. *path and *name become its.
 */
static void follow_alias(const char *list, char **path, char **name)
{
        char target[ID_UNIT_MAX + 1] = "";
        const char *base = readlink(*path, target, sizeof(target) - 1) > 0 ? strrchr(target, '/') : NULL;
        const char *instance = strchr(*name, '@');

        base = base ? base + 1 : target;
        CLEANUP(freep) char *real = xasprintf("%.*s/%s", (int)(strrchr(*path, '/') - *path), *path, base);
        if (!id_is_unit(base) || !dpkg_owns(list, real))
                return;
        free(*path);
        *path = TAKE(real);
        real = strstr(base, "@.") && instance ? xasprintf("%.*s%s", (int)strcspn(base, "@"), base, instance)
                                              : xstrdup(base);
        free(*name);
        *name = TAKE(real);
}

int package_unit_load(const char *package, const char *name, struct unit_file **ret, struct err *e)
{
        static const char *const dirs[] = { "/etc/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system" };
        CLEANUP(freep) char *list = NULL, *path = NULL, *real = xstrdup(name);
        CLEANUP(freep) char *script = xasprintf("/etc/init.d/%.*s", (int)(strlen(name) - strlen(".service")), name);
        int stem = (int)strcspn(name, "@"), r = dpkg_files(package, &list, e);

        for (size_t i = 0; i < 2 * ARRAY_LEN(dirs) && r == 0 && !path;
             i++) { /* the unit itself, then the template it may be an instance of */
                path = i < ARRAY_LEN(dirs) ? xasprintf("%s/%s", dirs[i], name)
                                           : xasprintf("%s/%.*s@.service", dirs[i - ARRAY_LEN(dirs)], stem, name);
                if (!dpkg_owns(list, path) || strchr(name, '\\') || strstr(name, "@.service"))
                        free(TAKE(path));
        }
        if (r == 0 && !path &&
            dpkg_owns(list, script)) /* an init script of the package, as systemd-sysv-generator(8) has it */
                path = xasprintf("/run/systemd/generator.late/%s", name);
        if (r == 0 && !path)
                return err_set(e, -ENOENT, NULL, "package %s has no unit %s", package, name);
        if (r == 0)
                r = follow_administrator(name, &path, e);
        if (r == 0)
                follow_alias(list, &path, &real);
        if (r == 0 && !streq(real, name))
                r = follow_administrator(real, &path, e);
        if (r == 0)
                r = unit_file_load("", path, real, ret, e);
        if (r == 0)
                (*ret)->bus |= streq(real, "dbus.service");
        return r;
}
