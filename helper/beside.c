/* SPDX-License-Identifier: Apache-2.0 */
/*
 * EXEC. A command beside a container is a unit of its own, of which PID 1 builds everything from text of root's: the
 * same binds of the pod's directories, so the same view; the same user, or a lesser one; and nothing of root's enters
 * what the container could have prepared.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>

#include "common/fd.h"
#include "common/mem.h"
#include "helper/files/passwd.h"
#include "helper/helper.h"

#define AGENT_USER "vks"

enum {
        TEXT_MAX = 2 * 1024 * 1024,
        CARRIED_MAX = 1024 * 1024, /* of systemd's credentials */
        FILE_MAX = 4 * 1024 * 1024,
        PTS_FIRST = 136, /* major numbers of the far ends of pseudo-terminals: Documentation/admin-guide/devices.txt */
        PTS_LAST = 143,
        NULL_MAJOR = 1, /* /dev/null, likewise */
        NULL_MINOR = 3,
};

static bool is_terminal(const struct stat *st)
{
        return S_ISCHR(st->st_mode) && major(st->st_rdev) >= PTS_FIRST && major(st->st_rdev) <= PTS_LAST;
}

/* One without a name, which nobody finds: in a directory that all may write to (/dev/shm), one that became somebody
 * else's would be taken for his own. */
static bool is_pipe(int fd, const struct stat *st)
{
        struct statfs fs;

        return S_ISFIFO(st->st_mode) && fstatfs(fd, &fs) == 0 && fs.f_type == PIPEFS_MAGIC;
}

/*
 * A pipe, the far end of a pseudo-terminal, or /dev/null, and open. By anything else the command could get to more than
 * a stream: by a directory out of its view of the machine; by a socket or a file, PID 1 or a program of the machine's
 * to what they do with such a one.
 */
static int check_streams(const struct machine *m, struct err *e)
{
        for (size_t i = 0; i < 3; i++) {
                int flags = fcntl(m->streams[i], F_GETFL);
                struct stat st;

                if (flags < 0 || fstat(m->streams[i], &st) < 0)
                        return err_errno(e, -errno, NULL, "standard streams");
                if (flags & O_PATH || !(is_pipe(m->streams[i], &st) || is_terminal(&st) ||
                                        (S_ISCHR(st.st_mode) && st.st_rdev == makedev(NULL_MAJOR, NULL_MINOR))))
                        return err_set(e, -EINVAL, NULL,
                                       "standard stream %zu is neither a pipe nor a terminal nor /dev/null", i);
        }
        return 0;
}

/*
 * A program may open its streams once more by name (/dev/stdout, /dev/tty), which takes their owner's right. So a pipe
 * or a terminal that the agent has made for this very purpose becomes the command's user's; what is not the agent's is
 * handed on as it is.
 */
static int give_streams(const struct machine *m, const struct privilege *who)
{
        struct person agent;

        passwd_person(AGENT_USER, &agent);
        for (size_t i = 0; who->known && agent.known && i < 3; i++) {
                struct stat st;

                if (fstat(m->streams[i], &st) == 0 && st.st_uid == agent.uid &&
                    (is_pipe(m->streams[i], &st) || is_terminal(&st)) && fchown(m->streams[i], who->uid, (gid_t)-1) < 0)
                        return -errno;
        }
        return 0;
}

/* The credential of all commands beside the container: the container's variables, as it was started. */
static int write_carried(int pod, struct unit_text *u)
{
        CLEANUP(buf_done) struct buf all = SECRET_BUF(CARRIED_MAX);
        CLEANUP(freep)
        char *carried_name = xasprintf("%s.carried", u->container), *name = xasprintf("%s.beside", u->container);
        CLEANUP(buf_done) struct buf file = SECRET_BUF(FILE_MAX), carried = SECRET_BUF(CARRIED_MAX);
        FD envs = dir_open(pod, "env");
        int r = envs;

        if (r < 0 || (r = dir_read(envs, u->container, &file)) < 0 || (r = dir_read(envs, carried_name, &carried)) < 0)
                return r;
        unit_text_env_beside(file.data, file.len, carried.data, carried.len, u->who.become, &all);
        u->carried = u->who.become || u->makes_dir || all.len;
        if (!buf_ok(&all) || !buf_ok(&file) || !buf_ok(&carried))
                return -E2BIG;
        return u->carried ? dir_write(envs, name, all.data, all.len, 0600) : 0;
}

/*
 * The drop-in of all commands beside the container. PID 1 reads it when it loads such a unit, and reads it again at
 * each daemon-reload, while what the unit runs is what StartTransientUnit said: so a command whose process is still to
 * begin would get its walls from a later text. Another text is therefore written only while PID 1 knows of no command
 * of the container's; the same text is written once.
 */
static int write_dropin(struct machine *m, int pod, const struct unit_text *u, const char *unit, struct err *e)
{
        CLEANUP(buf_done) struct buf text = BUF(TEXT_MAX), old = BUF(TEXT_MAX);
        struct units_found found = { 0 };
        char all[ID_UNIT_MAX + 1];
        CLEANUP(freep) char *name = NULL;
        FD list = dir_open(pod, "units"), dir = -1;
        bool new;
        int r = list;

        exec_unit_name(u->pod->uid, u->container, NULL, all);
        name = xasprintf("%s.d", all);
        new = faccessat(m->units, name, F_OK, AT_SYMLINK_NOFOLLOW) < 0;
        unit_text_beside(u, unit, &text);
        if (r < 0 || (r = buf_ok(&text) ? 0 : -E2BIG) < 0 || (r = dir_write(list, all, "", 0, 0600)) < 0 ||
            (r = dir = dir_make(m->units, name, 0755)) < 0 || (r = dir_read(dir, "vks.conf", &old)) < 0)
                return err_errno(e, r, NULL, "files for a command beside %s", unit);
        if (buf_ok(&old) && old.len == text.len && memcmp(old.data, text.data, text.len) == 0)
                return 0;
        r = unit_find_commands(m, all, &found, e);
        if (r == 0 && found.n_busy)
                r = err_set(e, -EAGAIN, NULL,
                            "what the machine says of container %s has changed: no other command before %s has ended",
                            u->container, found.busy[0]);
        strv_free(found.busy);
        strv_free(found.failed);
        if (r < 0)
                return r;
        r = dir_write(dir, "vks.conf", text.data, text.len, 0644);
        if (r < 0)
                return err_errno(e, r, NULL, "files for a command beside %s", unit);
        if (new)
                unit_files_touch(m);
        return 0;
}

/*
 * Only beside a container that is up, and asked for as WRITE had it: then the user, the view and the slice of a command
 * are those that policy, the account of ways and REMOVE know of. One that was to wait for the container's end would
 * hold one of PID 1's jobs for as long, and begin when nothing stops it any more.
 */
static int check_container(struct machine *m, const struct op_exec *op, int pod, struct err *e)
{
        const struct op_container *k = &op->as.containers[0];
        const struct pod_id *id = &op->as.pod;
        bool up = false;
        int r = pod < 0 || !unit_is_pods(m, k->unit, id->uid) ? -ENOENT : account_compare(pod, &op->as, k);

        if (r == -ENOENT)
                return err_set(e, r, NULL, "container %s of pod %s/%s was not started", k->c->name, id->namespace,
                               id->name);
        if (r == -ESTALE)
                return err_set(e, r, NULL,
                               "container %s of pod %s/%s was started as another one than it is said to be, or by "
                               "another version of vks: no command beside it before it is made anew",
                               k->c->name, id->namespace, id->name);
        if (r < 0)
                return err_errno(e, r, NULL, "account of %s", k->unit);
        r = unit_is_up(m, k->unit, &up, e);
        if (r == 0 && !up)
                r = err_set(e, -EAGAIN, NULL, "container %s of pod %s/%s does not run, or is about to end", k->c->name,
                            id->namespace, id->name);
        return r;
}

int op_exec(struct machine *m, const struct op_exec *op, struct answer *a, struct err *e)
{
        const struct op_container *k = &op->as.containers[0];
        CLEANUP(container_text_done) struct container_text t = { 0 };
        CLEANUP(strv_freep) char **argv = NULL;
        FD pod = dir_open(m->pods, op->as.pod.uid);
        bool overlay = pod >= 0 && faccessat(pod, "upper", F_OK, AT_SYMLINK_NOFOLLOW) == 0;
        uint64_t own;
        int r;

        snprintf(a->about, sizeof(a->about), " %s: %.200s for %s", k->c->name, k->c->command[0], op->user);
        if ((r = check_streams(m, e)) < 0 || (r = check_container(m, op, pod, e)) < 0)
                return r;
        own = content_of(m, op->as.pod.uid);
        if ((r = room_left(m->pods, POD_RUN_DIR, 0, e)) < 0 || (r = room_left(m->units, UNIT_DIR, 0, e)) < 0 ||
            (r = bounds_jobs(m, 1, false, e)) < 0 || (r = bounds_execs(m, e)) < 0 ||
            (r = container_text_make(m, &op->as, k, pod, overlay, true, &t, e)) < 0)
                return r;
        r = write_carried(pod, &t.u);
        content_note(m, op->as.pod.uid, own);
        if (r < 0)
                return err_errno(e, r, NULL, "files for a command beside %s", k->unit);
        if ((r = write_dropin(m, pod, &t.u, k->unit, e)) < 0)
                return r;
        r = give_streams(m, &t.u.who);
        if (r < 0)
                return err_errno(e, r, NULL, "standard streams");
        argv = unit_text_beside_argv(&t.u);
        return unit_exec(m, op->unit, argv, t.u.who.become, m->streams, e);
}
