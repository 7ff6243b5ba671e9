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

/* The entry of the number that `s` writes; false as well where it writes none. */
bool passwd_find_number(const char *s, uid_t *ret_uid, gid_t *ret_gid);

/* A group of /etc/group, or any number. */
bool passwd_find_group(const char *s, gid_t *ret_gid);

#endif
