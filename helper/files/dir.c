/* SPDX-License-Identifier: Apache-2.0 */
#include "helper/files/dir.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>

#include "common/fd.h"
#include "common/mem.h"

enum { SHAPE_MAX = 256, FLAGS = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC };

static bool leads_away(const char *name)
{
        return strchr(name, '/') || streq(name, "..");
}

/* While both are open, no other mount has either's id. A bind mount has
 * one of its own, where st_dev would be the same. */
static int same_mount(int a, int b)
{
        struct statx x, y;

        if (statx(a, "", AT_EMPTY_PATH, STATX_MNT_ID, &x) < 0 || statx(b, "", AT_EMPTY_PATH, STATX_MNT_ID, &y) < 0)
                return -errno;
        if (!(x.stx_mask & y.stx_mask & STATX_MNT_ID))
                return -ENOSYS; /* a kernel before 5.8: not known is not allowed */
        return x.stx_mnt_id == y.stx_mnt_id ? 0 : -EXDEV;
}

/* For a kernel, or a filter around us, without openat2(2). One name is no way: O_NOFOLLOW and the ids of two mounts say
 * all there is to say. */
static int open_without_openat2(int at, const char *name)
{
        FD fd = openat(at, name, FLAGS);
        int r = fd < 0 ? -errno : same_mount(at, fd);

        return r < 0 ? r : fd_take(&fd);
}

int dir_open(int at, const char *name)
{
        struct open_how how = { .flags = FLAGS, .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV };
        long fd;

        if (leads_away(name))
                return -EXDEV;
        fd = syscall(SYS_openat2, at, name, &how, sizeof(how));
        if (fd < 0 && (errno == ENOSYS || errno == EPERM))
                return open_without_openat2(at, name);
        return fd < 0 ? -errno : (int)fd;
}

int dir_make(int at, const char *name, mode_t mode)
{
        FD fd = -1;
        bool new;

        if (leads_away(name))
                return -EXDEV;
        new = mkdirat(at, name, 0700) == 0;
        if (!new &&errno != EEXIST)
                return -errno;
        fd = dir_open(at, name);
        if (fd >= 0 && new &&fchmod(fd, mode) < 0)
                return -errno;
        return fd_take(&fd);
}

int dir_ensure(int at, const char *name, mode_t mode)
{
        FD fd = dir_make(at, name, mode);

        return fd < 0 ? fd : 0;
}

int dir_read(int at, const char *name, struct buf *b)
{
        FD fd = openat(at, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
        char part[4096];
        ssize_t n;

        if (fd < 0)
                return errno == ENOENT ? 0 : -errno;
        while ((n = read(fd, part, sizeof(part))) > 0)
                buf_add(b, part, (size_t)n);
        explicit_bzero(part, sizeof(part));
        return n < 0 ? -errno : 0;
}

static const char temp[] = ".vks-new"; /* of what has not got its name yet */

int dir_fifo(int at, const char *name, mode_t mode)
{
        if ((unlinkat(at, temp, 0) < 0 && errno != ENOENT) || mknodat(at, temp, S_IFIFO | 0600, 0) < 0)
                return -errno;
        if (fchmodat(at, temp, mode, 0) < 0 || renameat(at, temp, at, name) < 0) {
                int r = -errno;
                unlinkat(at, temp, 0);
                return r;
        }
        return 0;
}

int dir_write(int at, const char *name, const void *p, size_t n, mode_t mode)
{
        return dir_write_for(0, at, name, p, n, mode);
}

int dir_write_for(gid_t group, int at, const char *name, const void *p, size_t n, mode_t mode)
{
        const char *bytes = p;
        FD fd = -1;
        int r = 0;

        if (unlinkat(at, temp, 0) < 0 && errno != ENOENT)
                return -errno;
        fd = openat(at, temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (fd < 0)
                return -errno;
        while (n > 0 && r == 0) {
                ssize_t k = write(fd, bytes, n);
                if (k < 0)
                        r = -errno;
                else
                        bytes += k, n -= (size_t)k;
        }
        if (r == 0 &&
            ((group && fchown(fd, (uid_t)-1, group) < 0) || fchmod(fd, mode) < 0 || renameat(at, temp, at, name) < 0))
                r = -errno;
        if (r < 0)
                unlinkat(at, temp, 0);
        return r;
}

int dir_copy_shape(const char *from, int to, const char *const *except)
{
        DIR *d = opendir(from);
        struct dirent *entry;
        int r = 0, n = 0;

        while (d && r == 0 && n < SHAPE_MAX && (entry = readdir(d))) {
                bool skip = entry->d_name[0] == '.';
                struct stat st;

                for (const char *const *e = except; *e; e++)
                        skip |= streq(entry->d_name, *e);
                if (skip || fstatat(dirfd(d), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISDIR(st.st_mode))
                        continue;
                n++;
                if (mkdirat(to, entry->d_name, 0700) < 0) {
                        r = errno == EEXIST ? 0 : -errno;
                        continue;
                }
                FD fd = dir_open(to, entry->d_name); /* by descriptor: the name may be a link by now */
                if (fd < 0 || fchown(fd, st.st_uid, st.st_gid) < 0 || fchmod(fd, st.st_mode & 07777) < 0)
                        r = fd < 0 ? fd : -errno;
        }
        if (d)
                closedir(d);
        return r;
}

char **dir_list(int at)
{
        int copy = openat(at, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR *d = copy < 0 ? NULL : fdopendir(copy);
        struct dirent *entry;
        char **names = NULL;
        size_t n = 0;

        if (!d) {
                fd_close(copy);
                return NULL;
        }
        while ((entry = readdir(d)))
                if (!streq(entry->d_name, ".") && !streq(entry->d_name, ".."))
                        strv_push(&names, &n, xstrdup(entry->d_name));
        closedir(d);
        return names;
}

size_t dir_count(int at, bool (*counts)(const char *name))
{
        CLEANUP(strv_freep) char **names = dir_list(at);
        size_t n = 0;

        for (char **name = names; name && *name; name++)
                n += counts(*name);
        return n;
}

uint64_t dir_bytes(int at, const char *name)
{
        uint64_t sum = DIR_PAGE;
        struct stat st;

        if (fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return 0;
        if (!S_ISDIR(st.st_mode))
                return sum + (uint64_t)st.st_blocks * 512;
        FD fd = dir_open(at, name);
        CLEANUP(strv_freep) char **names = fd < 0 ? NULL : dir_list(fd);
        for (char **entry = names; entry && *entry; entry++)
                sum += dir_bytes(fd, *entry);
        return sum;
}

/* ---- removing ---------------------------------------------------------------------------------------------------- */

/*
 * What is a directory and not empty is moved up into `top`, so that a tree of any depth needs no more than two open
 * directories. `moved` makes the names: it begins where no earlier removal of the tree is likely to have been.
 */
static int move_up(struct removal *w, const char *name)
{
        char up[32];

        for (;;) {
                snprintf(up, sizeof(up), ".vks-%u", w->moved++);
                if (renameat2(dirfd(w->inner), name, w->top, up, RENAME_NOREPLACE) == 0)
                        return 1;
                if (errno != EEXIST)
                        return errno == EBUSY ? -EXDEV : -errno;
        }
}

/* The next entry of the directory in `top` that is being emptied. */
static int step_inside(struct removal *w)
{
        struct dirent *d = readdir(w->inner);

        if (!d) {
                closedir(TAKE(w->inner));
                return unlinkat(w->top, w->name, AT_REMOVEDIR) == 0 ? 1 : -errno;
        }
        if (streq(d->d_name, ".") || streq(d->d_name, "..") || unlinkat(dirfd(w->inner), d->d_name, 0) == 0)
                return 1;
        if (errno == EISDIR && unlinkat(dirfd(w->inner), d->d_name, AT_REMOVEDIR) == 0)
                return 1;
        return errno == ENOENT ? 1 : errno == ENOTEMPTY ? move_up(w, d->d_name) : -errno;
}

static int enter(struct removal *w, const char *name)
{
        FD fd = dir_open(w->top, name);

        if (fd < 0)
                return fd;
        w->inner = fdopendir(fd);
        if (!w->inner)
                return -errno;
        fd_take(&fd);
        snprintf(w->name, sizeof(w->name), "%s", name);
        return 1;
}

int removal_step(struct removal *w)
{
        struct dirent *d;

        if (w->inner)
                return step_inside(w);
        d = readdir(w->list);
        if (!d) {
                if (!w->again)
                        return unlinkat(w->at, w->tree, AT_REMOVEDIR) == 0 ? 0 : -errno;
                w->again = false; /* moving things up may make the kernel's reading of `top` miss some */
                rewinddir(w->list);
                return 1;
        }
        if (streq(d->d_name, ".") || streq(d->d_name, ".."))
                return 1;
        w->again = true;
        if (unlinkat(w->top, d->d_name, 0) == 0 || errno == ENOENT)
                return 1;
        return errno == EISDIR ? enter(w, d->d_name) : -errno;
}

int removal_begin(struct removal *w, int at, const char *name)
{
        struct timespec now;
        int copy;

        *w = (struct removal){ .at = at, .top = -1, .tree = xstrdup(name) };
        if (unlinkat(at, name, 0) == 0 || errno == ENOENT)
                return 0;
        if (errno != EISDIR)
                return -errno;
        if (unlinkat(at, name, AT_REMOVEDIR) == 0)
                return 0;
        clock_gettime(CLOCK_MONOTONIC, &now);
        w->moved = (unsigned)now.tv_nsec;
        w->top = dir_open(at, name);
        copy = w->top < 0 ? w->top : dir_open(at, name);
        if (copy < 0)
                return copy;
        w->list = fdopendir(copy);
        if (w->list)
                return 1;
        fd_close(copy);
        return -ENOMEM;
}

void removal_done(struct removal *w)
{
        if (w->inner)
                closedir(w->inner);
        if (w->list)
                closedir(w->list);
        fd_close(w->top);
        free(w->tree);
        *w = (struct removal){ .top = -1 };
}

int dir_remove(int at, const char *name)
{
        CLEANUP(removal_done) struct removal w = { .top = -1 };
        int r = removal_begin(&w, at, name);

        while (w.list && r > 0)
                r = removal_step(&w);
        return r;
}
