/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The last step before a program meets its peers: what it will never need is taken from it for good. All capabilities but `kept`, also from the
 * bounding set (which needs CAP_SETPCAP; without it only what is there is dropped), and all system calls but `allowed` (SCMP_SYS()
 * numbers): others fail with EPERM.
 *
 * Should: be called once, with every descriptor and connection open. Mustn't: be followed by what the list does not have.
 */
#ifndef VKS_COMMON_CAGE_H
#define VKS_COMMON_CAGE_H

#include <sys/capability.h>

#include "common/err.h"

int cage_lock(const cap_value_t *kept, size_t n_kept, const int *allowed, size_t n_allowed, struct err *e);

#endif
