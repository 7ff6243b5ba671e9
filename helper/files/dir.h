/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Directories and files below a directory that is held open. Names are single components; nothing here follows a
 * symbolic link or crosses a mount point. Functions return a descriptor (the caller owns it), 0, or a negative errno.
 */
#ifndef VKS_HELPER_FILES_DIR_H
#define VKS_HELPER_FILES_DIR_H

#include <dirent.h>
#include <sys/types.h>

#include "common/base.h"
#include "common/buf.h"

/*
 * Opens the directory `name`. -EXDEV: it is a mount point, or the name leads away ("..", or more than one component).
 * Uses openat2(2); where that fails with -ENOSYS or -EPERM (container managers filter it), openat(2) and a comparison
 * of mount ids, which Linux has since 5.8. Without either nothing is opened.
 */
int dir_open(int at, const char *name);

/* Opens the directory `name`, and makes it first if it does not exist. A new directory gets `mode`, whatever the
 * umask; an existing one keeps its mode. */
int dir_make(int at, const char *name, mode_t mode);

/* As dir_make(), but does not open it. */
int dir_ensure(int at, const char *name, mode_t mode);

/* Writes a file, which appears whole under its name, or not at all. */
int dir_write(int at, const char *name, const void *p, size_t n, mode_t mode);
int dir_write_for(gid_t group, int at, const char *name, const void *p, size_t n, mode_t mode);

/* Appends what is in a file to `b`, whose bound counts (buf_ok()); nothing if there is none. */
int dir_read(int at, const char *name, struct buf *b);

/* Makes a FIFO, in place of what had the name. */
int dir_fifo(int at, const char *name, mode_t mode);

/* Removes a file, or a directory with all that is in it; success if there is none. -EXDEV when something is mounted
 * in it. Takes no memory and no stack, however deep the tree is. */
int dir_remove(int at, const char *name);

/*
 * The same, step by step, for a tree that may be large: removal_begin(), then removal_step() as long as they return 1.
 * 0: it is gone; negative: an errno, and what is left of it stays. Call removal_done() in any case. A removal that is
 * given up may be begun again at any time.
 */
struct removal {
        int at, top;       /* where the tree lies (borrowed), and the tree itself */
        char *tree;        /* its name */
        DIR *list, *inner; /* of `top`, and of the directory in it that is being emptied; NULL: of none */
        char name[256];    /* of that one */
        unsigned moved;    /* for the names of what is moved up */
        bool again;        /* `list` had entries since it was begun */
};
int removal_begin(struct removal *w, int at, const char *name);
int removal_step(struct removal *w);
void removal_done(struct removal *w);

/* Makes in `to` an empty directory for each directory directly in `from`, with the same name, owner and mode; at most
 * 256, and none whose name is in `except`. */
int dir_copy_shape(const char *from, int to, const char *const *except);

/* The names of the directory's entries; NULL when it has none or cannot be read. The caller owns them (strv_free). */
char **dir_list(int at);

/*
 * What a tree takes of a tmpfs: its pages, and one more for each file, link and directory. 0 if there is none. For
 * trees that only root writes to: it goes as deep as they are.
 */
uint64_t dir_bytes(int at, const char *name);
#define DIR_PAGE UINT64_C(4096)

/* The number of entries for which `counts` says true. */
size_t dir_count(int at, bool (*counts)(const char *name));

#endif
