/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

#include "common/dir.h"
#include "common/fd.h"
#include "common/mem.h"
#include "helper/helper.h"

enum { SKELETON_MAX = 256, UNMOUNT_TRIES = 200, UNMOUNT_WAIT_NS = 10 * 1000 * 1000 };

/* ---- the private /run and /var ---- */

/*
 * The directories at the top of the machine's own /run, empty, with their owners and modes: many a daemon expects its own there, made at boot
 * or when its package was installed (tmpfiles.d(5)).
 */
static int copy_run(int run)
{
        DIR *d = opendir("/run");
        struct dirent *entry;
        int r = 0, n = 0;

        while (d && r == 0 && n < SKELETON_MAX && (entry = readdir(d))) {
                struct stat st;

                if (entry->d_name[0] == '.' || streq(entry->d_name, "vks") || streq(entry->d_name, "user") ||
                    fstatat(dirfd(d), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISDIR(st.st_mode))
                        continue;
                n++;
                if (mkdirat(run, entry->d_name, 0700) < 0 ? errno != EEXIST :
                    fchownat(run, entry->d_name, st.st_uid, st.st_gid, AT_SYMLINK_NOFOLLOW) < 0 ||
                    fchmodat(run, entry->d_name, st.st_mode & 07777, 0) < 0)
                        r = -errno;
        }
        if (d)
                closedir(d);
        return r;
}

static int make_run(int pod)
{
        FD run = dir_make(pod, "run", 0755), lock = -1, sd = -1, journal = -1, resolve = -1;
        int r = run < 0 ? run : copy_run(run);

        if (r < 0 || (r = lock = dir_make(run, "lock", 01777)) < 0 || (r = sd = dir_make(run, "systemd", 0755)) < 0 ||
            (r = journal = dir_make(sd, "journal", 0755)) < 0 || (r = resolve = dir_make(sd, "resolve", 0755)) < 0)
                return r;
        FD notify = openat(sd, "notify", O_RDONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600); /* the sockets are bound over these */
        return notify < 0 ? -errno : 0;
}

static int make_var(int pod, bool overlay)
{
        static const char *const names[] = { "backups", "cache", "lib", "local", "log", "mail", "opt", "spool" };
        FD var = -1, tmp = -1;
        int r = 0;

        if (overlay) { /* of the machine's /var, which has all the rest */
                FD upper = dir_make(pod, "upper", 0755), work = dir_make(pod, "work", 0700);
                if (upper < 0 || work < 0)
                        return upper < 0 ? upper : work;
                return mkdirat(pod, "var", 0755) < 0 && errno != EEXIST ? -errno : 0; /* it may be mounted already */
        }
        r = var = dir_make(pod, "var", 0755);
        for (size_t i = 0; r >= 0 && i < ARRAY_LEN(names); i++) {
                FD fd = dir_make(var, names[i], 0755);
                r = fd;
        }
        if (r < 0 || (r = tmp = dir_make(var, "tmp", 01777)) < 0)
                return r;
        if ((symlinkat("/run", var, "run") < 0 && errno != EEXIST) || (symlinkat("/run/lock", var, "lock") < 0 && errno != EEXIST))
                return -errno;
        return 0;
}

/* ---- the pod ---- */

static int make_volume(struct machine *m, int pod, const char *uid, const struct op_volume *v)
{
        FD own = -1, all = -1, fd = -1;

        if (v->kind == VOLUME_HOST)
                return 0;
        if (v->kind == VOLUME_DISK && (own = dir_make(m->disk, uid, 0700)) < 0)
                return own;
        all = dir_make(v->kind == VOLUME_DISK ? own : pod, v->kind == VOLUME_FILES ? "files" : "volumes", 0700);
        if (all < 0)
                return all;
        fd = dir_make(all, v->name, v->kind == VOLUME_FILES ? 0755 : 0777);
        return fd < 0 ? fd : 0;
}

int pod_dirs_make(struct machine *m, const struct op_write *op, bool overlay, int *ret_pod, struct err *e)
{
        static const char *const names[] = { "volumes", "files", "env", "units" };
        const char *uid = op->pod.uid;
        FD pod = dir_make(m->pods, uid, 0700), tmp = -1;
        int r = pod;

        for (size_t i = 0; r >= 0 && i < ARRAY_LEN(names); i++) {
                FD fd = dir_make(pod, names[i], 0700);
                r = fd;
        }
        if (r >= 0 && (r = tmp = dir_make(pod, "tmp", 01777)) >= 0 && (r = make_run(pod)) >= 0)
                r = make_var(pod, overlay);
        for (size_t i = 0; r >= 0 && i < op->n_volumes; i++)
                r = make_volume(m, pod, uid, &op->volumes[i]);
        if (r < 0)
                return err_errno(e, r, NULL, "directories of the pod");
        *ret_pod = fd_take(&pod);
        return 0;
}

/* PID 1 unmounts the private /var when its last unit has stopped; that takes a few milliseconds. */
int pod_dirs_remove(struct machine *m, const char *uid, struct err *e)
{
        int r = dir_remove(m->pods, uid);

        for (int i = 0; (r == -EXDEV || r == -EBUSY) && i < UNMOUNT_TRIES; i++) {
                nanosleep(&(struct timespec){ .tv_nsec = UNMOUNT_WAIT_NS }, NULL);
                r = dir_remove(m->pods, uid);
        }
        if (r >= 0)
                r = dir_remove(m->disk, uid);
        return r < 0 ? err_errno(e, r, NULL, "removing the pod's directories") : 0;
}

/* ---- FILL ---- */

static int write_file(int dir, const Vks__File *f)
{
        CLEANUP(freep) char *path = xstrdup(f->path);
        FD at = dup(dir);
        char *name = path;

        for (char *slash; at >= 0 && (slash = strchr(name, '/')); name = slash + 1) {
                int next;

                *slash = '\0';
                next = dir_make(at, name, 0755);
                fd_close(at);
                at = next;
        }
        return at < 0 ? at : dir_write(at, name, f->content.data, f->content.len, (mode_t)f->mode);
}

/* Replaces `name` in `dir` by a symbolic link to `to`, in one step. */
static int link_to(int dir, const char *to, const char *name)
{
        unlinkat(dir, "..new", 0);
        return symlinkat(to, dir, "..new") < 0 || renameat(dir, "..new", dir, name) < 0 ? -errno : 0;
}

/* Everything in a Files volume that is not of this generation. */
static int sweep(int volume, const char *generation, const struct op_fill *op)
{
        FD copy = dup(volume);
        DIR *d = copy < 0 ? NULL : fdopendir(copy);
        struct dirent *entry;
        int r = 0;

        if (!d)
                return -errno;
        fd_take(&copy);
        rewinddir(d);
        while (r == 0 && (entry = readdir(d))) {
                const char *name = entry->d_name;
                bool keep = streq(name, ".") || streq(name, "..") || streq(name, "..data") || streq(name, generation);

                for (size_t i = 0; i < op->n_files && !keep; i++)
                        keep = strncmp(op->files[i]->path, name, strlen(name)) == 0 && strchr("/", op->files[i]->path[strlen(name)]);
                if (!keep)
                        r = dir_remove(volume, name);
        }
        closedir(d);
        return r;
}

/* The layout of the kubelet's atomic writer (pkg/volume/util/atomic_writer.go), which programs that watch their files know. */
int op_fill(struct machine *m, const struct op_fill *op, UNUSED struct answer *a, struct err *e)
{
        /* A pod's content is known before its units are written, so the directories may not be there yet. */
        FD pod = dir_make(m->pods, op->pod.uid, 0700), files = pod < 0 ? pod : dir_make(pod, "files", 0700);
        FD volume = files < 0 ? files : dir_make(files, op->volume, 0755), new = -1;
        char generation[64];
        struct timespec now;
        int r = volume;

        clock_gettime(CLOCK_REALTIME, &now);
        snprintf(generation, sizeof(generation), "..%lld.%09ld", (long long)now.tv_sec, now.tv_nsec);
        if (r >= 0)
                r = new = dir_make(volume, generation, 0755);
        for (size_t i = 0; r >= 0 && i < op->n_files; i++)
                r = write_file(new, op->files[i]);
        if (r >= 0)
                r = link_to(volume, generation, "..data");
        else if (new >= 0)
                (void)dir_remove(volume, generation);
        for (size_t i = 0; r >= 0 && i < op->n_files; i++) {
                CLEANUP(freep) char *top = xstrndup(op->files[i]->path, strcspn(op->files[i]->path, "/"));
                CLEANUP(freep) char *to = xasprintf("..data/%s", top);
                r = link_to(volume, to, top);
        }
        if (r >= 0)
                r = sweep(volume, generation, op);
        return r < 0 ? err_errno(e, r, NULL, "volume %s", op->volume) : 0;
}
