/* SPDX-License-Identifier: Apache-2.0 */
#include "helper/files/host_path.h"

#include <errno.h>

#include "helper/files/trust.h"

int host_path_check(const char *path, const char *type, bool may_make, struct err *e)
{
        static const struct {
                const char *type;
                mode_t mode;
        } types[] = { { "Directory", S_IFDIR },
                      { "File", S_IFREG },
                      { "Socket", S_IFSOCK },
                      { "CharDevice", S_IFCHR },
                      { "BlockDevice", S_IFBLK } };
        bool make = may_make && ends_with(type, "OrCreate");
        struct stat st = { 0 };
        int r = trust_path(path, !make ? TRUST_LOOK : starts_with(type, "File") ? TRUST_FILE : TRUST_DIR, false, &st);

        if (r == -ELOOP || r == -EPERM)
                return err_set(e, -EPERM, "host-path", "policy rule host-path: %s %s",
                               r == -ELOOP ? "a symbolic link is on the way to"
                                           : "somebody else than root could put a symbolic link on the way to",
                               path);
        if (r < 0)
                return err_errno(e, r, NULL, "hostPath %s", path);
        for (size_t i = 0; i < ARRAY_LEN(types); i++)
                if (starts_with(type, types[i].type) && (st.st_mode & S_IFMT) != types[i].mode)
                        return err_set(e, -EINVAL, NULL, "hostPath %s is not a %s", path, types[i].type);
        return 0;
}
