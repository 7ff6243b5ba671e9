/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VKS_AGENT_LIB_ANY_TEXT_H
#define VKS_AGENT_LIB_ANY_TEXT_H

#include "common/base.h"

/* Makes of any `n` bytes a string for JSON, in place: "?" for each byte that is a NUL or no part of valid UTF-8.
 * Control characters stay. There is room for one byte more. */
void any_text_mend(char *bytes, size_t n);

#endif
