/* SPDX-License-Identifier: Apache-2.0 */
/* Whole small files, read with a bound. */
#ifndef VKS_COMMON_FILE_H
#define VKS_COMMON_FILE_H

#include "common/err.h"

/*
 * Reads a regular file of at most `max` bytes; *ret is NUL-terminated (the NUL does not count) and the caller owns it.
 * -EFBIG when it is longer, -EINVAL when it is no regular file. The error's text begins with the path.
 */
int file_read(const char *path, size_t max, char **ret, size_t *ret_size, struct err *e);

#endif
