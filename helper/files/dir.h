/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Directories and files below a directory that is held open. Names are single components; nothing here follows a
 * symbolic link or crosses a mount point. Functions return a descriptor (the caller owns it), 0, or a negative errno.
 */
#ifndef VKS_HELPER_FILES_DIR_H
#define VKS_HELPER_FILES_DIR_H

#include <sys/types.h>

#include "common/base.h"

/*
 * -EXDEV: a mount point, or a name that leads away ("..", or more than one component). By openat2(2), and where that is
 * not to be had (-ENOSYS or -EPERM: container managers filter it) by openat(2) and the ids of the mounts, which Linux
 * tells from 5.8 on; without either nothing is opened.
 */
int dir_open(int at, const char *name);

/* Opens it, and makes it first when it is not there. A new one gets `mode`, whatever the umask; an old one keeps its
 * own. */
int dir_make(int at, const char *name, mode_t mode);

/* The same, not opened. */
int dir_ensure(int at, const char *name, mode_t mode);

/* The file appears whole, under its name, or not at all. */
int dir_write(int at, const char *name, const void *p, size_t n, mode_t mode);

/* A FIFO under its name, instead of what was there. */
int dir_fifo(int at, const char *name, mode_t mode);

/* A file, or a directory with all that is in it. It need not be there. -EXDEV when something is mounted in it. Needs no
 * memory and no depth of stack. */
int dir_remove(int at, const char *name);

/* Makes in `to` the directories that are at the top of `from`, empty, with their owners and modes; at most 256, none of
 * `except`. */
int dir_copy_shape(const char *from, int to, const char *const *except);

/* The names of its entries; NULL when there are none, or it cannot be read. The caller owns them (strv_free). */
char **dir_list(int at);

/* How many entries count. */
size_t dir_count(int at, bool (*counts)(const char *name));

#endif
