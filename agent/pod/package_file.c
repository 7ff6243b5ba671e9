/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pod/package_file.h"

#include "common/mem.h"

const char *package_file_name(const char *s, const char *end, char name[static ID_PACKAGE_MAX + 1],
                              char version[static ID_VERSION_MAX + 1])
{
        const char *cut = memchr(s, '_', (size_t)(end - s)),
                   *second = cut ? memchr(cut + 1, '_', (size_t)(end - cut - 1)) : NULL;

        if (!second || end - second < (ptrdiff_t)strlen("_a.deb") || memcmp(end - 4, ".deb", 4) != 0)
                return "does not end in <package>_<version>_<architecture>.deb";
        if (!str_copy(name, ID_PACKAGE_MAX + 1, s, cut) || !id_is_package(name))
                return "names no Debian package before the first \"_\"";
        if (!str_copy(version, ID_VERSION_MAX + 1, cut + 1, second) || !id_is_version(version))
                return "tells no version of a Debian package behind the first \"_\"";
        return NULL;
}

/* A file's name has no epoch. */
bool package_file_is(const char *told, const char *installed)
{
        const char *colon = strchr(installed, ':');

        return streq(told, colon && !strchr(told, ':') ? colon + 1 : installed);
}
