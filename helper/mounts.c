/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "common/fd.h"
#include "common/mem.h"
#include "helper/helper.h"

enum { ENTRIES_MAX = 512 };

void mount_plan_done(struct mount_plan *p)
{
        for (size_t i = 0; i < p->n; i++) {
                free(p->lines[i].source);
                free(p->lines[i].target);
        }
        free(p->lines);
        *p = (struct mount_plan){ 0 };
}

static void add(struct mount_plan *p, int kind, char *source, char *target)
{
        p->lines = xrealloc(p->lines, p->n + 1, sizeof(*p->lines));
        p->lines[p->n++] = (struct mount_line){ .kind = kind, .source = source, .target = target };
}

static bool beneath(const char *path, const char *dir)
{
        size_t n = streq(dir, "/") ? 0 : strlen(dir);

        return strncmp(path, dir, n) == 0 && path[n] == '/' && path[n + 1];
}

static bool is_target(const struct mount_plan *p, const struct op_container *k, const char *path)
{
        for (size_t i = 0; i < k->n_mounts; i++)
                if (streq(k->mounts[i].target, path))
                        return true;
        for (size_t i = 0; i < p->n; i++)
                if (streq(p->lines[i].target, path))
                        return true;
        return false;
}

/* Where nothing of the host's is touched: the pod's own directories, and what lies in another volume. */
static bool is_private(const struct op_container *k, const char *target)
{
        static const char *const own[] = { "/var", "/run", "/tmp", "/home", "/root" };

        for (size_t i = 0; i < ARRAY_LEN(own); i++)
                if (beneath(target, own[i]) || streq(target, own[i]))
                        return true;
        for (size_t i = 0; i < k->n_mounts; i++)
                if (beneath(target, k->mounts[i].target))
                        return true;
        return false;
}

/* A tmpfs at `dir`, and each of its entries bound back, but those that something else of the plan replaces. */
static int mirror(struct mount_plan *p, const struct op_container *k, const char *dir, struct err *e)
{
        static const char *const writable[] = { "/proc", "/sys", "/dev" }, *const other[] = { "/var", "/run", "/tmp", "/home", "/root" };
        DIR *d = opendir(dir);
        struct dirent *entry;
        size_t n = 0;

        if (!d)
                return err_errno(e, -errno, "host-path", "%s", dir);
        while ((entry = readdir(d)) && n <= ENTRIES_MAX) {
                CLEANUP(freep) char *path = xasprintf("%s/%s", streq(dir, "/") ? "" : dir, entry->d_name);
                bool skip = streq(entry->d_name, ".") || streq(entry->d_name, "..") || is_target(p, k, path) || strpbrk(path, "\\\n") ||
                            !policy_env_value(path, strlen(path));
                int kind = LINE_BIND_READ_ONLY;

                for (size_t i = 0; i < ARRAY_LEN(other); i++)
                        skip |= streq(path, other[i]);
                for (size_t i = 0; i < ARRAY_LEN(writable); i++)
                        kind = streq(path, writable[i]) ? LINE_BIND : kind;
                if (skip)
                        continue;
                n++;
                add(p, kind, xasprintf("-%s", path), xstrdup(path)); /* "-": a symbolic link may lead nowhere */
        }
        closedir(d);
        return n > ENTRIES_MAX ? err_set(e, -E2BIG, NULL, "mountPath: %s has more than %d entries, too many to add one", dir, ENTRIES_MAX) : 0;
}

static int plan_target(struct mount_plan *p, const struct op_container *k, const char *target, struct err *e)
{
        CLEANUP(freep) char *dir = xstrdup(target);
        struct stat st;

        if (is_private(k, target) || stat(target, &st) == 0)
                return 0;
        do {
                char *slash = strrchr(dir, '/');
                slash[slash == dir ? 1 : 0] = '\0';
        } while (stat(dir, &st) < 0 || !S_ISDIR(st.st_mode));
        for (size_t i = 0; i < p->n; i++)
                if (streq(p->lines[i].target, dir) && p->lines[i].kind == LINE_TMPFS)
                        return 0;
        if (strpbrk(dir, ": "))
                return err_set(e, -EOPNOTSUPP, NULL, "mountPath: %s cannot be made in %s", target, dir);
        add(p, LINE_TMPFS, NULL, xstrdup(dir));
        p->root |= streq(dir, "/");
        return 0;
}

/* ---- hostPath ---- */

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
                int next;

                slash = strchr(name, '/');
                if (slash)
                        *slash = '\0';
                if (mkdirat(at, name, 0755) < 0 && errno != EEXIST)
                        return -errno;
                next = openat(at, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
                if (next < 0)
                        return -errno;
                fd_close(at);
                at = next;
        }
        return at < 0 ? at : 0;
}

/* Kubernetes' HostPathType (core/v1), "" checks nothing but the way there. */
static int check_host_path(const struct op_volume *v, struct err *e)
{
        static const struct {
                const char *type;
                mode_t mode;
        } types[] = { { "Directory", S_IFDIR }, { "File", S_IFREG }, { "Socket", S_IFSOCK }, { "CharDevice", S_IFCHR }, { "BlockDevice", S_IFBLK } };
        FD fd = open_host(v->host_path, O_PATH);
        struct stat st = { 0 };
        int r = fd;

        if (fd == -ENOENT && streq(v->host_type, "DirectoryOrCreate"))
                r = make_host_dir(v->host_path);
        else if (fd == -ENOENT && streq(v->host_type, "FileOrCreate"))
                r = fd = open_host(v->host_path, O_WRONLY | O_CREAT | O_EXCL);
        if (r == -ELOOP)
                return err_set(e, -EPERM, "host-path", "policy rule host-path: a symbolic link is on the way to %s", v->host_path);
        if (r < 0 || (fd >= 0 && fstat(fd, &st) < 0))
                return err_errno(e, r < 0 ? r : -errno, NULL, "volume %s: hostPath %s", v->name, v->host_path);
        for (size_t i = 0; fd >= 0 && i < ARRAY_LEN(types); i++)
                if (starts_with(v->host_type, types[i].type) && (st.st_mode & S_IFMT) != types[i].mode)
                        return err_set(e, -EINVAL, NULL, "volume %s: hostPath %s is not a %s", v->name, v->host_path, types[i].type);
        return 0;
}

int mount_plan_make(const struct pod_id *pod, const struct op_container *k, struct mount_plan *ret, struct err *e)
{
        CLEANUP(mount_plan_done) struct mount_plan p = { 0 };
        size_t n_tmpfs;
        int r = 0;

        for (size_t i = 0; i < k->n_mounts && r == 0; i++)
                r = plan_target(&p, k, k->mounts[i].target, e);
        n_tmpfs = p.n;
        for (size_t i = 0; i < n_tmpfs && r == 0; i++) {
                CLEANUP(freep) char *dir = xstrdup(p.lines[i].target);
                r = mirror(&p, k, dir, e);
        }
        for (size_t i = 0; i < k->n_mounts && r == 0; i++) {
                const struct op_mount *m = &k->mounts[i];
                const struct op_volume *v = m->volume;
                char *source = v->kind == VOLUME_HOST ? xstrdup(v->host_path) :
                               v->kind == VOLUME_DISK ? xasprintf(DISK_DIR "/%s/volumes/%s", pod->uid, v->name) :
                                                        xasprintf(RUN_DIR "/%s/%s/%s", pod->uid, v->kind == VOLUME_FILES ? "files" : "volumes", v->name);
                add(&p, m->read_only ? LINE_BIND_READ_ONLY : LINE_BIND, source, xstrdup(m->target));
                if (v->kind == VOLUME_HOST)
                        r = check_host_path(v, e);
        }
        if (r == 0) {
                *ret = p;
                p = (struct mount_plan){ 0 };
        }
        return r;
}
