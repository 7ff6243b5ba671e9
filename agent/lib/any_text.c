/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/lib/any_text.h"

#include "common/utf8.h"

void any_text_mend(char *bytes, size_t n)
{
        static const char controls[] =
                "\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19"
                "\x1a\x1b\x1c\x1d\x1e\x1f\x7f";

        for (size_t i = 0; i < n; i++)
                if (!bytes[i])
                        bytes[i] = '?';
        bytes[n] = '\0';
        utf8_mend(bytes, controls);
}
