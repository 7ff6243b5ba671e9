/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VKS_HELPER_FILES_PASSWD_H
#define VKS_HELPER_FILES_PASSWD_H

#include "common/base.h"
#include "policy/privilege.h"

/*
 * The user of that name, or of the number that `s` is, in /etc/passwd, with its groups in /etc/group. NSS is not used,
 * since its modules may open anything: so users of a directory service are not known.
 */
void passwd_person(const char *s, struct person *ret);

/* The gid of a name in /etc/group; a number stands for itself; UINT32_MAX when there is none. */
uint32_t passwd_group(const char *s);

/* Has /etc/group that number? */
bool passwd_has_group(uint32_t gid);

#endif
