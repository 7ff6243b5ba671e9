/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <time.h>

#include "helper/files/dir.h"
#include "common/fd.h"
#include "common/mem.h"
#include "helper/helper.h"

enum { UNMOUNT_TRIES = 20, UNMOUNT_WAIT_NS = 10 * 1000 * 1000 };

/* ---- the private /run and /var ----------------------------------------------------------------------------------- */

/* With the directories at the top of the machine's own /run: many a daemon expects its own there, made at boot or when
 * its package was installed (tmpfiles.d(5)). */
static int make_run(int pod)
{
        static const char *const not [] = { "vks", "user", NULL };
        static const char *const sockets[] = { "notify", "journal/socket", "journal/dev-log" };
        FD run = dir_make(pod, "run", 0755), sd = -1;
        int r = run < 0 ? run : dir_copy_shape("/run", run, not );

        if (r < 0 || (r = dir_ensure(run, "lock", 01777)) < 0 || (r = sd = dir_make(run, "systemd", 0755)) < 0 ||
            (r = dir_ensure(sd, "system", 0755)) < 0 || (r = dir_ensure(sd, "journal", 0755)) < 0 ||
            (r = dir_ensure(sd, "resolve", 0755)) < 0)
                return r;
        for (size_t i = 0; i < ARRAY_LEN(sockets); i++) { /* the sockets are bound over these */
                FD file = openat(sd, sockets[i], O_RDONLY | O_CREAT | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC, 0600);

                if (file < 0)
                        return -errno;
        }
        return 0;
}

static int make_var(int pod)
{
        static const char *const names[] = { "backups", "cache", "lib", "local", "log", "mail", "opt", "spool" };
        FD var = -1;
        int r = 0;

        r = var = dir_make(pod, "var", 0755);
        for (size_t i = 0; r >= 0 && i < ARRAY_LEN(names); i++)
                r = dir_ensure(var, names[i], 0755);
        if (r < 0 || (r = dir_ensure(var, "tmp", 01777)) < 0)
                return r;
        if ((symlinkat("/run", var, "run") < 0 && errno != EEXIST) ||
            (symlinkat("/run/lock", var, "lock") < 0 && errno != EEXIST))
                return -errno;
        return 0;
}

int pod_layer_make(struct machine *m, int pod, const char *uid, const struct layer *l)
{
        CLEANUP(buf_done) struct buf name = BUF(ID_UNIT_MAX), text = BUF(4096);
        int r;

        if ((r = dir_ensure(pod, l->upper, 0755)) < 0 || (r = dir_ensure(pod, l->work, 0700)) < 0)
                return r;
        if (mkdirat(pod, l->name, 0755) < 0 && errno != EEXIST) /* it may be mounted already */
                return -errno;
        unit_text_layer_name(l, uid, &name);
        unit_text_layer(l, uid, &text);
        return dir_write(m->units, name.data, text.data, text.len, 0644);
}

static bool is_mounted(int pod, const struct layer *l)
{
        FD dir = dir_open(pod, l->name);

        return dir == -EXDEV;
}

/*
 * Makes `name` in the directory `at` of the layer root's for good, or, if `anybodys`, whose the machine's is; returns
 * it, open. To set the mode that it has already makes the kernel copy a directory of the machine's up into the layer,
 * with its owner: whose it is counts afterwards.
 */
static int hold(int at, const char *name, const struct stat *machines, bool anybodys)
{
        bool new = mkdirat(at, name, 0700) == 0;
        int r = new || errno == EEXIST ? 0 : -errno;
        struct stat st = { 0 };
        FD dir = -1;

        if (r == 0)
                dir = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (r == 0)
                r = dir < 0 || fstat(dir, &st) < 0 ? -errno : 0;
        if (r == 0 && new)
                r = fchown(dir, anybodys ? machines->st_uid : 0, machines->st_gid) < 0 ? -errno : 0;
        if (r == 0)
                r = fchmod(dir, (new ? machines->st_mode : st.st_mode) & 07777) < 0 || fstat(dir, &st) < 0 ? -errno : 0;
        if (r == 0 && !anybodys && (st.st_uid || (st.st_mode & 022)))
                r = -EPERM;
        return r < 0 ? r : fd_take(&dir);
}

/*
 * Makes `name` in the directory `at` of the layer a directory of the pod's own part, with the machine's owner and mode:
 * what root puts in the place of the machine's later, a link, is not seen. Where the machine has none, or a link now,
 * it is closed, since it would be merged with one that the machine makes. A file stays one.
 */
static int hold_last(int at, int machine, const char *name)
{
        struct stat st = { 0 };
        FD dir = -1;

        if (fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) < 0 && machine >= 0)
                (void)fstatat(machine, name, &st, AT_SYMLINK_NOFOLLOW);
        if (st.st_mode && !S_ISDIR(st.st_mode) && !S_ISLNK(st.st_mode))
                return 0;
        if (!S_ISDIR(st.st_mode)) {
                (void)unlinkat(at, name, 0);
                st = (struct stat){ .st_mode = S_IFDIR | 0700 };
        }
        dir = hold(at, name, &st, true);
        return dir < 0 ? dir : 0;
}

/* What is there for all above `path`, which is relative, from `at` on; `last`: for its last name, too. */
static int hold_way(int at, const struct layer *l, const char *path, bool last)
{
        CLEANUP(freep) char *copy = xstrdup(path), *top = xasprintf("/%s", l->name);
        FD dir = fcntl(at, F_DUPFD_CLOEXEC, 3), machine = open(top, O_PATH | O_DIRECTORY | O_CLOEXEC);
        char *name = copy;

        for (char *slash; (slash = strchr(name, '/')); name = slash + 1) {
                struct stat st = { .st_mode = 0755 };
                int next;

                *slash = '\0';
                next = openat(machine, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
                if (next >= 0 && fstat(next, &st) == 0 && !(st.st_mode & S_ISVTX))
                        st.st_mode &= ~(mode_t)022;
                fd_close(machine);
                machine = next;
                next = hold(dir, name, &st, false);
                if (next < 0)
                        return next;
                fd_close(dir);
                dir = next;
        }
        return last ? hold_last(dir, machine, name) : 0;
}

int pod_layer_hold(int pod, const struct layer *l, const char *path, bool last)
{
        const char *below = path + strlen(l->name) + 2;
        bool mounted;
        int r;

        do {
                mounted = is_mounted(pod, l);
                FD at = openat(pod, mounted ? l->name : l->upper, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

                r = at < 0 ? -errno : hold_way(at, l, below, last);
        } while (r == 0 && !mounted && is_mounted(pod, l));
        return r;
}

/* ---- the pod ----------------------------------------------------------------------------------------------------- */

static int make_in(struct machine *m, int pod, const char *uid, const struct op_volume *v, const char *in,
                   const char *name)
{
        FD own = -1, all = -1, dir = -1;
        struct stat st;
        bool made;

        if (v->kind == VOLUME_DISK && (own = dir_make(m->disk, uid, 0700)) < 0)
                return own;
        all = dir_make(v->kind == VOLUME_DISK ? own : pod, in, 0700);
        if (all < 0)
                return all;
        if (!v->group)
                return dir_ensure(all, name, v->kind == VOLUME_FILES ? 0755 : 0777);
        /* As the kubelet does (pkg/volume/volume_linux.go): what is made in it is the group's, too. It stays sticky
         * where a mount point lies in it (helper/files/trust.c). */
        dir = dir_make(all, name, 0777);
        made = dir >= 0 && fstat(dir, &st) == 0 && fchown(dir, (uid_t)-1, v->group->value) == 0 &&
               fchmod(dir, 02777 | (st.st_mode & S_ISVTX) | (streq(in, SUB_PATHS) ? S_ISVTX : 0)) == 0;
        return made ? 0 : dir < 0 ? dir : -errno;
}

/* Each request may name others, and they stay as long as the pod does. */
static int room_for_sub_paths(int at, const char *uid)
{
        FD own = uid ? dir_open(at, uid) : -1, dir = dir_open(uid ? own : at, SUB_PATHS);
        CLEANUP(strv_freep) char **all = dir < 0 ? NULL : dir_list(dir);
        size_t n = 0;

        while (all && all[n])
                n++;
        return n > SUB_PATHS_MAX ? -E2BIG : 0;
}

static int make_volume(struct machine *m, int pod, const char *uid, const struct op_volume *v)
{
        return v->kind == VOLUME_HOST ? 0
                                      : make_in(m, pod, uid, v, v->kind == VOLUME_FILES ? "files" : "volumes", v->name);
}

char *sub_path_name(const struct op_mount *mount)
{
        const char *part = mount->sub_path;
        char *name = xasprintf("%s%s%s", mount->volume->name, *part ? ":" : "", part);

        for (char *slash = name; (slash = strchr(slash, '/'));)
                *slash = ':';
        return name;
}

/* Of the volumes that pods write to. The others' parts are where they are. */
static int make_sub_paths(struct machine *m, int pod, const char *uid, const struct op_container *k)
{
        int r = room_for_sub_paths(pod, NULL);

        if (r == 0)
                r = room_for_sub_paths(m->disk, uid);
        for (size_t i = 0; i < k->n_mounts && r == 0; i++) {
                const struct op_volume *v = k->mounts[i].volume;
                CLEANUP(freep) char *name = sub_path_name(&k->mounts[i]);

                if (*k->mounts[i].sub_path && (v->kind == VOLUME_DISK || v->kind == VOLUME_MEMORY))
                        r = make_in(m, pod, uid, v, SUB_PATHS, name);
        }
        return r;
}

int pod_dirs_make(struct machine *m, const struct op_write *op, bool overlay, int *ret_pod, struct err *e)
{
        static const char *const names[] = { "volumes", "files", "env", "units" };
        const char *uid = op->pod.uid;
        FD pod = dir_make(m->pods, uid, 0700);
        int r = pod;

        if (r >= 0)
                r = trash_ready(m);
        for (size_t i = 0; r >= 0 && i < ARRAY_LEN(names); i++)
                r = dir_ensure(pod, names[i], 0700);
        if (r >= 0 && (r = dir_ensure(pod, "tmp", 01777)) >= 0 && (r = dir_ensure(pod, "shm", 01777)) >= 0 &&
            (r = dir_ensure(pod, "empty", 0755)) >= 0 && (r = make_run(pod)) >= 0)
                r = overlay ? 0 : make_var(pod);
        for (size_t i = 0; r >= 0 && i < op->n_volumes; i++)
                r = make_volume(m, pod, uid, &op->volumes[i]);
        for (size_t i = 0; r >= 0 && i < op->n_containers; i++)
                r = make_sub_paths(m, pod, uid, &op->containers[i]);
        if (r < 0)
                return err_errno(e, r, NULL, "directories of the pod");
        *ret_pod = fd_take(&pod);
        return 0;
}

/* PID 1 unmounts a layer when its last unit has stopped; that takes a few milliseconds. */
static int await_unmount(struct machine *m, const char *uid)
{
        for (int i = 0; i < UNMOUNT_TRIES; i++) {
                FD pod = dir_open(m->pods, uid), var = pod < 0 ? -1 : dir_open(pod, layer_var.name),
                   etc = pod < 0 ? -1 : dir_open(pod, layer_etc.name);

                if (var != -EXDEV && etc != -EXDEV)
                        return 0;
                nanosleep(&(struct timespec){ .tv_nsec = UNMOUNT_WAIT_NS }, NULL);
        }
        return -EBUSY;
}

int pod_dirs_remove(struct machine *m, const char *uid, struct err *e)
{
        int r = await_unmount(m, uid);

        if (r == 0)
                r = trash_put(m, m->pods, uid);
        if (r == 0)
                r = trash_put(m, m->disk, uid);
        return r < 0 ? err_errno(e, r, NULL, "removing the pod's directories") : 0;
}

int room_left(int dir, const char *path, uint64_t more, struct err *e)
{
        struct statfs room = { 0 };

        if (fstatfs(dir, &room) < 0 || room.f_bavail < room.f_blocks / 4 + more / (uint64_t)room.f_bsize ||
            room.f_ffree < room.f_files / 4)
                return err_set(e, -ENOSPC, NULL, "%s is three quarters full, the rest is for what runs", path);
        return 0;
}
