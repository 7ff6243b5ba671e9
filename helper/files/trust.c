/* SPDX-License-Identifier: Apache-2.0 */
#include "helper/files/trust.h"

#include <errno.h>
#include <fcntl.h>

#include "common/fd.h"
#include "common/mem.h"

/* Root's, or that of who asks: in tests that need not be root. */
static bool is_roots(const struct stat *st)
{
        return st->st_uid == 0 || st->st_uid == geteuid();
}

/* What somebody else made meanwhile is looked at afterwards, as if it had been there. */
static int make_entry(int at, const char *name, bool file)
{
        FD fd = -1;

        if (!file && mkdirat(at, name, 0700) < 0)
                return errno == EEXIST ? 0 : -errno;
        fd = openat(at, name, O_NOFOLLOW | O_CLOEXEC | (file ? O_WRONLY | O_CREAT | O_EXCL : O_RDONLY | O_DIRECTORY),
                    0600);
        if (fd < 0)
                return file && errno == EEXIST ? 0 : -errno;
        return fchmod(fd, file ? 0644 : 0755) < 0 ? -errno : 0;
}

static int step(int at, const char *name, enum trust_make make, bool file, bool ours, struct stat *ret)
{
        FD next = -1;
        struct stat dir;
        bool alone;
        int r = 0;

        if (fstat(at, &dir) < 0)
                return -errno;
        alone = !(dir.st_mode & 022);
        if (ours && is_roots(&dir) && !alone && !(dir.st_mode & S_ISVTX) &&
            fchmodat(at, ".", (dir.st_mode |= S_ISVTX) & 07777, 0) < 0)
                return -errno;
        if (!is_roots(&dir) || (!alone && (make == TRUST_STAYS || !(dir.st_mode & S_ISVTX))))
                return -EPERM;
        for (int tries = 0; (next = openat(at, name, O_PATH | O_NOFOLLOW | O_CLOEXEC)) < 0 && tries < 2; tries++)
                if (errno != ENOENT)
                        return -errno;
                else if (make <= TRUST_LOOK)
                        return alone ? -ENOENT : -EPERM;
                else if ((r = make_entry(at, name, file)) < 0)
                        return r;
        if (next < 0 || fstat(next, ret) < 0)
                return -errno;
        if (S_ISLNK(ret->st_mode))
                return -ELOOP;
        return alone || is_roots(ret) ? fd_take(&next) : -EPERM;
}

int trust_path(const char *path, enum trust_make make, bool ours, struct stat *ret)
{
        CLEANUP(freep) char *copy = xstrdup(path);
        FD at = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
        struct stat st = { 0 };

        if (at < 0 || fstat(at, &st) < 0)
                return -errno;
        for (char *name = copy + 1, *slash = name; slash && *name; name = slash) {
                int next;

                slash = strchr(name, '/');
                if (slash)
                        *slash++ = '\0';
                next = step(at, name, make, make == TRUST_FILE && !slash, ours, &st);
                if (next < 0)
                        return next;
                fd_close(at);
                at = next;
        }
        if (ret)
                *ret = st;
        return 0;
}
