/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VKS_HELPER_FILES_LINKS_H
#define VKS_HELPER_FILES_LINKS_H

#include "common/base.h"

/*
 * Follows the machine's symbolic links from `path` (absolute, normalized) as far as `is_covered` says no: whether what
 * a container sees there is something else than the machine has. *ret: the covered path that it leads to, with the rest
 * of the way behind it, and 0; -ENOENT when it leads to none; -ELOOP when there are more than 40 links. The caller owns
 * *ret.
 */
int links_lead(const char *path, bool (*is_covered)(const char *path, const void *userdata), const void *userdata,
               char **ret);

#endif
