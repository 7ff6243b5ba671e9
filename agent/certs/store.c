/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/certs/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "agent/certs/request.h"
#include "common/fd.h"
#include "common/file.h"
#include "common/mem.h"

char *cert_store_path(const char *dir, const char *name)
{
        return xasprintf("%s/%s", dir, name);
}

static int write_all(int fd, const char *text)
{
        size_t left = strlen(text);

        while (left > 0) {
                ssize_t n = write(fd, text, left);

                if (n < 0 && errno != EINTR)
                        return -errno;
                if (n > 0) {
                        text += n;
                        left -= (size_t)n;
                }
        }
        return 0;
}

/* Whole and on the disk before it has its name. */
static int write_temporary(int dir, const char *name, const char *text, mode_t mode, uid_t uid, gid_t gid)
{
        FD fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        int r;

        if (fd < 0)
                return -errno;
        r = write_all(fd, text);
        if (r == 0 && uid != CERT_NO_OWNER && fchown(fd, uid, gid) < 0)
                r = -errno;
        if (r == 0 && mode != 0600 && fchmod(fd, mode) < 0) /* root's alone: the agent's cage knows no fchmod(2) */
                r = -errno;
        if (r == 0 && fsync(fd) < 0)
                r = -errno;
        return r;
}

int cert_store_write(const char *dir, const char *name, const char *text, uid_t uid, gid_t gid, struct err *e)
{
        return cert_store_write_mode(dir, name, text, 0600, uid, gid, e);
}

int cert_store_write_mode(const char *dir, const char *name, const char *text, mode_t mode, uid_t uid, gid_t gid,
                          struct err *e)
{
        CLEANUP(freep) char *temporary = xasprintf("%s.new", name);
        FD fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        int r;

        if (fd < 0)
                return err_errno(e, -errno, NULL, "cannot open %s", dir);
        if (unlinkat(fd, temporary, 0) < 0 && errno != ENOENT) /* what a crash has left */
                return err_errno(e, -errno, NULL, "cannot remove %s/%s", dir, temporary);
        r = write_temporary(fd, temporary, text, mode, uid, gid);
        if (r == 0 && renameat(fd, temporary, fd, name) < 0)
                r = -errno;
        if (r == 0 && fsync(fd) < 0)
                r = -errno;
        if (r < 0)
                unlinkat(fd, temporary, 0);
        return r < 0 ? err_errno(e, r, NULL, "cannot write %s/%s", dir, name) : 0;
}

int cert_store_read(const char *dir, const char *name, char **ret, size_t *ret_size, struct err *e)
{
        CLEANUP(freep) char *path = cert_store_path(dir, name);

        return file_read(path, CERT_ANSWER_MAX, ret, ret_size, e);
}
