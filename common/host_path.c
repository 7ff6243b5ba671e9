/* SPDX-License-Identifier: Apache-2.0 */
#include "common/host_path.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "common/fd.h"
#include "common/mem.h"

/* Through no symbolic link: one could have been put there by another pod, to lead out of what policy allows. */
static int open_host(const char *path, uint64_t flags)
{
        struct open_how how = { .flags = flags | O_CLOEXEC, .mode = flags & O_CREAT ? 0644 : 0, .resolve = RESOLVE_NO_SYMLINKS };
        long fd = syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));

        return fd < 0 ? -errno : (int)fd;
}

static int make_host_dir(const char *path)
{
        CLEANUP(freep) char *part = xstrdup(path);
        FD at = open_host("/", O_PATH | O_DIRECTORY);

        for (char *slash = part; slash && at >= 0;) {
                char *name = slash + 1;
                bool new;
                FD next = -1;

                slash = strchr(name, '/');
                if (slash)
                        *slash = '\0';
                new = mkdirat(at, name, 0700) == 0;
                if (!new && errno != EEXIST)
                        return -errno;
                next = openat(at, name, (new ? O_RDONLY : O_PATH) | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
                if (next < 0 || (new && fchmod(next, 0755) < 0))
                        return -errno;
                fd_close(at);
                at = fd_take(&next);
        }
        return at < 0 ? at : 0;
}

int host_path_check(const char *path, const char *type, struct err *e)
{
        static const struct {
                const char *type;
                mode_t mode;
        } types[] = { { "Directory", S_IFDIR }, { "File", S_IFREG }, { "Socket", S_IFSOCK }, { "CharDevice", S_IFCHR }, { "BlockDevice", S_IFBLK } };
        FD fd = open_host(path, O_PATH);
        struct stat st = { 0 };
        int r = fd;

        if (fd == -ENOENT && streq(type, "DirectoryOrCreate"))
                r = make_host_dir(path);
        else if (fd == -ENOENT && streq(type, "FileOrCreate") && (r = fd = open_host(path, O_WRONLY | O_CREAT | O_EXCL)) >= 0)
                r = fchmod(fd, 0644) < 0 ? -errno : 0; /* whatever the umask */
        if (r == -ELOOP)
                return err_set(e, -EPERM, "host-path", "policy rule host-path: a symbolic link is on the way to %s", path);
        if (r < 0 || (fd >= 0 && fstat(fd, &st) < 0))
                return err_errno(e, r < 0 ? r : -errno, NULL, "hostPath %s", path);
        for (size_t i = 0; fd >= 0 && i < ARRAY_LEN(types); i++)
                if (starts_with(type, types[i].type) && (st.st_mode & S_IFMT) != types[i].mode)
                        return err_set(e, -EINVAL, NULL, "hostPath %s is not a %s", path, types[i].type);
        return 0;
}
