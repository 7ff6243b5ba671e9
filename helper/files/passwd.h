/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VKS_HELPER_FILES_PASSWD_H
#define VKS_HELPER_FILES_PASSWD_H

#include <sys/types.h>

#include "common/base.h"

/*
 * An entry of /etc/passwd, by name, or by number when `name` is NULL. Not through NSS, whose modules may open anything:
 * users of a directory service are not found.
 */
bool passwd_find(const char *name, uid_t uid, uid_t *ret_uid, gid_t *ret_gid);

#endif
