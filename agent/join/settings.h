/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What joining writes into agent.yaml: a block of its own at the end of the file, between two comments. Everything else
 * in the file is the operator's, and stays byte for byte. Pure.
 */
#ifndef VKS_AGENT_JOIN_SETTINGS_H
#define VKS_AGENT_JOIN_SETTINGS_H

#include "common/err.h"

enum { SETTINGS_MAX = 256 * 1024 };

struct setting {
        const char *field, *value; /* the value as YAML has it */
};

/*
 * `text` (NULL: there is no file) with these settings; an earlier block goes. A field that the operator has set himself
 * is left as it is and counted in *ret_kept, a bit for each index. n of 0 only takes the block away. -EINVAL when the
 * text is not what agent.yaml can be, or none to which a line can be added (UTF-16, which YAML may be); -EFBIG. The
 * caller owns *ret.
 */
int settings_write(const char *text, size_t size, const struct setting *settings, size_t n, char **ret,
                   uint64_t *ret_kept, struct err *e);

#endif
