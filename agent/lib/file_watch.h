/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tells when files that an administrator or another program rotates have changed. It watches folders and not files,
 * because the usual ways to rotate (rename over it, swing a symbolic link, or a folder of links) give the path another
 * inode.
 */
#ifndef VKS_AGENT_LIB_FILE_WATCH_H
#define VKS_AGENT_LIB_FILE_WATCH_H

#include <systemd/sd-event.h>

#include "common/err.h"

struct file_watch;

/*
 * Calls `changed` when one of the files became another one or got another content, a fifth of a second after the
 * folders have come to rest. The files need not exist yet. NULLs in `paths` are skipped; the paths are copied.
 */
int file_watch_new(sd_event *event, const char *const *paths, size_t n, void (*changed)(void *userdata), void *userdata,
                   struct file_watch **ret, struct err *e);

/* The same for a folder as a whole: `changed` is called when something in it was made, written, renamed, removed or got
 * other rights, and perhaps once too often. The folder need not exist yet, nor be one that may be read. */
int folder_watch_new(sd_event *event, const char *path, void (*changed)(void *userdata), void *userdata,
                     struct file_watch **ret, struct err *e);
struct file_watch *file_watch_free(struct file_watch *w);
DEFINE_FREEP(struct file_watch, file_watch_free)

#endif
