/* SPDX-License-Identifier: Apache-2.0 */
/* Base64 (RFC 4648, the standard alphabet, padded) as Go's encoding/base64 reads it: line breaks are skipped, nothing
 * else is. */
#ifndef VKS_AGENT_LIB_BASE64_H
#define VKS_AGENT_LIB_BASE64_H

#include "common/base.h"

/* -EINVAL when `text` is not base64. *ret has a NUL behind it that does not count; the caller owns it. */
int base64_decode(const char *text, size_t size, void **ret, size_t *ret_size);

#endif
