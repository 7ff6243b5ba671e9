/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VKS_HELPER_FILES_PASSWD_H
#define VKS_HELPER_FILES_PASSWD_H

#include <sys/types.h>

#include "common/base.h"

/*
 * Finds an entry of /etc/passwd, by name, or by number when `name` is NULL. NSS is not used, since its modules may
 * open anything: so users of a directory service are not found.
 */
bool passwd_find(const char *name, uid_t uid, uid_t *ret_uid, gid_t *ret_gid);

/* Finds the entry of the uid that `s` holds in decimal; false as well when `s` is no number. */
bool passwd_find_number(const char *s, uid_t *ret_uid, gid_t *ret_gid);

/* The gid of a name in /etc/group; a number stands for itself. */
bool passwd_find_group(const char *s, gid_t *ret_gid);

#endif
