/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A workingDir that is missing is made, as container runtimes do it. Who makes it depends on the ground that it lies
 * on: where the pod may write, vks-exec makes it as the container starts, with no more rights than the container has
 * (what is there may have come from another container of the pod meanwhile). Where only root may write, a directory of
 * the container's own is mounted there, and nothing is made on the machine.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "common/fd.h"
#include "common/mem.h"
#include "helper/files/dir.h"
#include "helper/files/trust.h"
#include "helper/helper.h"
#include "policy/path.h"

enum { DEPTH_MAX = 16 }; /* of names in a WorkingDirectory= */

/* What the kernel shows: systemd takes no WorkingDirectory= there (systemd 257, src/core/load-fragment.c,
 * config_parse_working_directory()). */
static bool is_kernels(const char *path)
{
        static const char *const dirs[] = { "/dev", "/proc", "/sys" };

        for (size_t i = 0; i < ARRAY_LEN(dirs); i++)
                if (path_is_in(path, dirs[i]))
                        return true;
        return false;
}

/* PID 1 looks for a mount unit of each directory above a WorkingDirectory=, and by each prefix of its name for drop-ins
 * of that: it is busy with the square of the depth, at each start and at each daemon-reload. */
static bool is_deep(const char *path)
{
        size_t depth = 0;

        for (; (path = strchr(path, '/')); path++)
                depth++;
        return depth > DEPTH_MAX;
}

/* Directories of each pod that all its users may write to, and those that PID 1 gives to the container's user. */
static bool is_open_to_the_user(const struct unit_text *u, const char *path)
{
        static const char *const open[] = { "/tmp", "/var/tmp", "/dev/shm", "/run/lock" };

        for (size_t i = 0; i < ARRAY_LEN(open); i++)
                if (path_is_beneath(path, open[i]))
                        return true;
        for (size_t i = 0; i < u->given->n; i++)
                if (path_is_beneath(path, u->given->dirs[i].path))
                        return true;
        return false;
}

static bool is_given(const struct unit_text *u, const char *path)
{
        for (size_t i = 0; i < u->given->n; i++)
                if (streq(path, u->given->dirs[i].path))
                        return true;
        return false;
}

/* Where the machine, or the pod, has what a container sees at `path`, which no volume covers. */
static char *path_outside(const struct unit_text *u, const char *path)
{
        bool own = path_is_beneath(path, "/run") || (path_is_beneath(path, "/var") && !u->overlay);

        return own ? xasprintf(POD_RUN_DIR "/%s%s", u->pod->uid, path) : xstrdup(path);
}

/* Each pod has an empty /home and /root, whatever the machine has there. */
static bool is_hidden(const char *path)
{
        return path_is_beneath(path, "/home") || path_is_beneath(path, "/root") || path_is_beneath(path, "/etc/vks");
}

static int wish(struct machine *m, const struct op_container *k, const struct unit_text *u, const char *target,
                struct mount_wish *ret, struct err *e)
{
        FD pod = dir_make(m->disk, u->pod->uid, 0700), all = pod < 0 ? pod : dir_make(pod, "working", 0700);
        int r = all < 0 ? all : dir_ensure(all, k->c->name, 0777);

        *ret = (struct mount_wish){ .target = target, .own = true, .is_working_dir = true };
        snprintf(ret->source, sizeof(ret->source), POD_DISK_DIR "/%s/working/%s", u->pod->uid, k->c->name);
        return r < 0 ? err_errno(e, r, NULL, "workingDir %s", target) : 0;
}

int working_dir_plan(struct machine *m, const struct op_container *k, struct unit_text *u,
                     char ret_path[static ID_PATH_MAX + 1], struct mount_wish *ret_wish, bool *ret_wished,
                     struct err *e)
{
        enum policy_ground ground = policy_ground(k, k->c->working_dir);
        int r = 0;

        *ret_wished = false;
        u->working_dir = k->c->working_dir;
        if (!*u->working_dir)
                return 0;
        policy_plain_path(k->c->working_dir, ret_path);
        u->working_dir = ret_path;
        u->makes_dir = u->only_enters = is_kernels(ret_path) || is_deep(ret_path);
        for (size_t i = 0; i < k->n_mounts; i++)
                if (streq(k->mounts[i].target, ret_path))
                        return 0;
        if (ground == GROUND_VOLUME || ground == GROUND_HOST_PATH || is_open_to_the_user(u, ret_path)) {
                u->makes_dir = true;
                return 0;
        }
        if (is_given(u, ret_path))
                return 0;
        CLEANUP(freep) char *outside = path_outside(u, ret_path);
        struct stat st;
        if (is_hidden(ret_path))
                r = -ENOENT;
        else if (ground == GROUND_PRIVATE)
                r = trust_path(outside, TRUST_LOOK, false, NULL);
        else
                r = stat(outside, &st) < 0 ? -errno : 0;
        /* Others than root could put something there, or have: whatever it is, it is the container's user who enters.
         */
        u->makes_dir |= ground == GROUND_PRIVATE && r < 0 && r != -ENOENT;
        if (r != -ENOENT)
                return 0;
        r = policy_working_dir(k->c->working_dir, ret_path, e);
        if (r < 0)
                return r;
        *ret_wished = true;
        return wish(m, k, u, ret_path, ret_wish, e);
}
