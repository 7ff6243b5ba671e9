/* SPDX-License-Identifier: Apache-2.0 */
/* A block of bytes handed over in a descriptor that nobody can change any more: a memfd sealed against writing, growing
 * and shrinking. */
#ifndef VKS_COMMON_MEMFD_H
#define VKS_COMMON_MEMFD_H

#include "common/base.h"

/* A descriptor that the caller owns, or a negative errno. */
int memfd_make(const void *p, size_t n);

/* The whole of it, with a NUL behind that does not count; the caller owns *ret. -EBADMSG: not sealed so; -EFBIG: more
 * than `max`. */
int memfd_read(int fd, size_t max, uint8_t **ret, size_t *ret_size);

#endif
