/* SPDX-License-Identifier: Apache-2.0 */
/* A text that is kept for a rare question: deflated, a pod's object takes a third of its size. */
#ifndef VKS_AGENT_LIB_PACKED_H
#define VKS_AGENT_LIB_PACKED_H

#include "common/base.h"

struct packed;

/* The caller owns it. With `brief` the text stays as it is: deflating is not worth its while for what is needed for
 * some seconds only. */
struct packed *packed_new(const char *text, size_t size, bool brief);
struct packed *packed_free(struct packed *p);
DEFINE_FREEP(struct packed, packed_free)

/* The text again, NUL-terminated; the caller owns it. NULL for NULL. */
char *packed_text(const struct packed *p);

#endif
