/* SPDX-License-Identifier: Apache-2.0 */
/*
 * EXEC. A command beside a container is a unit of its own, of which PID 1 builds everything from text of root's: the
 * same binds of the pod's directories, so the same view; the same user, or a lesser one; and nothing of root's enters
 * what the container could have prepared.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "common/fd.h"
#include "common/mem.h"
#include "helper/files/passwd.h"
#include "helper/helper.h"

#define AGENT_USER "vks"

enum {
        TEXT_MAX = 2 * 1024 * 1024,
        CARRIED_MAX = 1024 * 1024, /* of systemd's credentials */
        FILE_MAX = 17 * 1024 * 1024,
        PTS_FIRST = 136, /* major numbers of the far ends of pseudo-terminals: Documentation/admin-guide/devices.txt */
        PTS_LAST = 143,
};

static bool is_made_for_it(const struct stat *st)
{
        return S_ISFIFO(st->st_mode) ||
               (S_ISCHR(st->st_mode) && major(st->st_rdev) >= PTS_FIRST && major(st->st_rdev) <= PTS_LAST);
}

/*
 * A program may open its streams once more by name (/dev/stdout, /dev/tty), which takes their owner's right. So what
 * the agent has made for this very purpose, a pipe or the far end of a terminal, becomes the command's user's; anything
 * else is handed on as it is, and so is what is not the agent's.
 */
static int give_streams(const struct machine *m, const struct privilege *who)
{
        struct person agent;

        passwd_person(AGENT_USER, &agent);
        for (size_t i = 0; who->known && agent.known && i < 3; i++) {
                struct stat st;

                if (fstat(m->streams[i], &st) == 0 && st.st_uid == agent.uid && is_made_for_it(&st) &&
                    fchown(m->streams[i], who->uid, (gid_t)-1) < 0)
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

/* The drop-in, if it is not there with the same text: PID 1 looks for new directories only. */
static int write_dropin(struct machine *m, int pod, const struct unit_text *u, const char *unit)
{
        CLEANUP(buf_done) struct buf text = BUF(TEXT_MAX);
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
            (r = dir = dir_make(m->units, name, 0755)) < 0 ||
            (r = dir_write(dir, "vks.conf", text.data, text.len, 0644)) < 0)
                return r;
        if (new)
                unit_files_touch(m);
        return 0;
}

/* Does WRITE's account say that the unit is this very container's? Its name follows from the image alone. */
static bool is_containers(int pod, const char *unit, const char *container)
{
        CLEANUP(buf_done) struct buf name = BUF(ID_UNIT_MAX);
        FD list = dir_open(pod, "units");

        return list >= 0 && dir_read(list, unit, &name) == 0 && buf_ok(&name) && name.len == strlen(container) &&
               memcmp(name.data, container, name.len) == 0;
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
        if (pod < 0 || !unit_is_pods(m, k->unit, op->as.pod.uid) || !is_containers(pod, k->unit, k->c->name))
                return err_set(e, -ENOENT, NULL, "container %s of pod %s/%s was not started", k->c->name,
                               op->as.pod.namespace, op->as.pod.name);
        own = content_of(m, op->as.pod.uid);
        if ((r = room_left(m->pods, POD_RUN_DIR, e)) < 0 || (r = room_left(m->units, UNIT_DIR, e)) < 0 ||
            (r = bounds_jobs(m, 1, false, e)) < 0 || (r = bounds_execs(m, e)) < 0 ||
            (r = container_text_make(m, &op->as, k, pod, overlay, true, &t, e)) < 0)
                return r;
        r = write_carried(pod, &t.u);
        if (r == 0)
                r = write_dropin(m, pod, &t.u, k->unit);
        content_note(m, op->as.pod.uid, own);
        if (r < 0)
                return err_errno(e, r, NULL, "files for a command beside %s", k->unit);
        r = give_streams(m, &t.u.who);
        if (r < 0)
                return err_errno(e, r, NULL, "standard streams");
        argv = unit_text_beside_argv(&t.u);
        return unit_exec(m, op->unit, argv, t.u.who.become, m->streams, e);
}
