/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VKS_HELPER_FILES_DPKG_H
#define VKS_HELPER_FILES_DPKG_H

#include "common/err.h"

/* The list of files of an installed package (dpkg -L), one path per line, followed by the units that the package's
 * scripts made while it was installed for a pod. `package` is a valid name; the caller owns *ret. -ENOENT: it is not
 * installed. */
int dpkg_files(const char *package, char **ret, struct err *e);

/* Is `path` a line of that list? */
bool dpkg_owns(const char *files, const char *path);

#endif
