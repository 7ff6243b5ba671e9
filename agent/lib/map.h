/* SPDX-License-Identifier: Apache-2.0 */
/* A file as read-only memory: for files that are replaced by rename(2) and never written into, so that a mapping of one
 * stays whole. */
#ifndef VKS_AGENT_LIB_MAP_H
#define VKS_AGENT_LIB_MAP_H

#include <sys/stat.h>

#include "common/base.h"

struct map {
        char *data; /* no NUL behind it; NULL when size is 0 */
        size_t size;
};

/* 0, or a negative errno; -EINVAL for what is no regular file. `st` may be NULL. */
int map_open(struct map *m, struct stat *st, const char *path);
void map_done(struct map *m);

#endif
