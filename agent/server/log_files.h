/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What lies below /var/log, as the kubelet serves it: files as they are, folders as a page of links. The agent's own
 * rights are the limit: what is not its group's or everybody's to read (/var/log/syslog is group adm's) stays unread,
 * and nothing is done to change that. No way leads out of the folder: neither ".." nor links are followed, which the
 * kubelet does. Only regular files are opened, so no read waits for anybody.
 */
#ifndef VKS_AGENT_SERVER_LOG_FILES_H
#define VKS_AGENT_SERVER_LOG_FILES_H

#include "common/buf.h"
#include "common/err.h"

enum {
        LOG_FILE_PIECE = 32 * 1024,
        LOG_FOLDER_MAX = 4096, /* entries of a folder that are listed */
};

struct log_file;

/* `path` is relative to `root`; "" is the root itself. -ENOENT, -EACCES, -EXDEV (it leads out), -ENOTSUP (neither a
 * file nor a folder), and others of open(2). */
int log_file_open(const char *root, const char *path, struct log_file **ret, struct err *e);
struct log_file *log_file_free(struct log_file *f);
DEFINE_FREEP(struct log_file, log_file_free)

bool log_file_is_folder(const struct log_file *f);
const char *log_file_type(const struct log_file *f); /* for the header Content-Type */

/* Appends at most LOG_FILE_PIECE bytes of a file, or the page of a folder. 1: there may be more; 0: that was all;
 * negative errno. A file ends where it ended when it was opened. */
int log_file_next(struct log_file *f, struct buf *ret);

/* As it has to stand in a link: what is neither a letter, a digit nor one of "-_.~" is percent-encoded. */
void log_file_link(const char *name, struct buf *ret);

#endif
