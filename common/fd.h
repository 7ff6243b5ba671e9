/* SPDX-License-Identifier: Apache-2.0 */
/* File descriptors as owned things: -1 is "none", every descriptor is close-on-exec from birth. */
#ifndef VKS_COMMON_FD_H
#define VKS_COMMON_FD_H

#include <unistd.h>

#include "common/base.h"

static inline int fd_close(int fd)
{
        if (fd >= 0)
                close(fd);
        return -1;
}

static inline UNUSED void fd_closep(int *fd)
{
        *fd = fd_close(*fd);
}

#define FD CLEANUP(fd_closep) int

static inline int fd_take(int *fd)
{
        int t = *fd;
        *fd = -1;
        return t;
}

#endif
