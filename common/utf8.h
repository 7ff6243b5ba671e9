/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VKS_COMMON_UTF8_H
#define VKS_COMMON_UTF8_H

#include "common/base.h"

/* Valid UTF-8 (RFC 3629) without control characters other than those in `allowed`; a NUL is never allowed. */
bool utf8_clean(const void *p, size_t size, const char *allowed);

/* Puts "?" in the place of each byte that keeps `s` from being that. */
void utf8_mend(char *s, const char *allowed);

#endif
