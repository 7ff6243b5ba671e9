/* SPDX-License-Identifier: Apache-2.0 */
/* Which of two paths lies in the other: the question behind every rule about a place, asked in one way. */
#ifndef VKS_POLICY_PATH_H
#define VKS_POLICY_PATH_H

#include "common/base.h"

#define UNIT_PATH_NEVER "\"'\\" /* not in a path that PID 1 is to mount: rule_unit_path() */

/*
 * Both are absolute and have no "//", "." or "..", and so are the addresses of `url` rules, for which this holds as
 * well. Everything is in "/", and a name that only begins like another one is not in it. Any other `dir` that ends in
 * "/" means what is beneath it, and not itself.
 */
bool path_is_in(const char *path, const char *dir);      /* `dir` itself, or at any depth beneath it */
bool path_is_beneath(const char *path, const char *dir); /* at any depth, but not `dir` itself */

#endif
