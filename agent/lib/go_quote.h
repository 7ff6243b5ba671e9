/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VKS_AGENT_LIB_GO_QUOTE_H
#define VKS_AGENT_LIB_GO_QUOTE_H

#include "common/buf.h"

/*
 * Appends `s` as Go's strconv.Quote (%q) writes it: in double quotes, with Go's escapes for what is not printable by
 * unicode.IsPrint, and for bytes that are not UTF-8. `s` may be a string of json.h's trees: a JSON_NUL is written as
 * a NUL. (For the quoting of unit files see helper/text/unit_text.h.)
 */
void quote_go(struct buf *b, const char *s);

#endif
