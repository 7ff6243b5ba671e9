/* SPDX-License-Identifier: Apache-2.0 */
/* WRITE, START, STOP, REMOVE: a pod's unit files, and their life. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>

#include "common/dir.h"
#include "common/fd.h"
#include "common/mem.h"
#include "helper/helper.h"

enum { TEXT_MAX = 2 * 1024 * 1024, ENV_MAX = 17 * 1024 * 1024 };

/* ---- whose is it ---- */

/* Authority comes from the unit's own file, never from the request. */
static bool is_pods(struct machine *m, const char *unit, const char *uid)
{
        CLEANUP(buf_done) struct buf want = BUF(256);
        CLEANUP(freep) char *name = xasprintf("%s.d", unit);
        FD dir = dir_open(m->units, name), fd = dir < 0 ? -1 : openat(dir, "vks.conf", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
        char have[256];

        render_owner(uid, &want);
        return fd >= 0 && read(fd, have, want.len) == (ssize_t)want.len && memcmp(have, want.data, want.len) == 0;
}

static int check_owner(struct machine *m, const struct op_units *op, struct err *e)
{
        for (size_t i = 0; i < op->n_units; i++)
                if (!is_pods(m, op->units[i], op->pod.uid))
                        return err_set(e, -ENOENT, NULL, "%s is not a unit of pod %s/%s", op->units[i], op->pod.namespace, op->pod.name);
        return 0;
}

int op_start(struct machine *m, const struct op_units *op, UNUSED struct answer *a, struct err *e)
{
        int r = check_owner(m, op, e);

        for (size_t i = 0; i < op->n_units && r == 0; i++)
                r = unit_start(m, op->units[i], op->flag, e);
        return r;
}

int op_stop(struct machine *m, const struct op_units *op, UNUSED struct answer *a, struct err *e)
{
        int r = check_owner(m, op, e);

        for (size_t i = 0; i < op->n_units && r == 0; i++)
                r = op->flag ? unit_kill(m, op->units[i], e) : unit_stop(m, op->units[i], e);
        return r;
}

/* ---- REMOVE ---- */

static int remove_files(struct machine *m, const char *uid, const char *unit)
{
        CLEANUP(freep) char *dropin = xasprintf("%s.d", unit);
        FD pod = dir_open(m->pods, uid), list = pod < 0 ? pod : dir_open(pod, "units");
        int r = dir_remove(m->units, unit);

        if (r == 0)
                r = dir_remove(m->units, dropin);
        return r == 0 && list >= 0 ? dir_remove(list, unit) : r;
}

static int remove_unit(struct machine *m, const char *uid, const char *unit, struct err *e)
{
        char state[32];
        int r = unit_active_state(m, unit, state, e);

        if (r < 0 || !is_pods(m, unit, uid))
                return r;
        if (*state && !streq(state, "inactive") && !streq(state, "failed"))
                return err_set(e, -EBUSY, NULL, "%s is %s", unit, state);
        r = remove_files(m, uid, unit);
        if (r < 0)
                return err_errno(e, r, NULL, "removing %s", unit);
        return *state ? unit_forget_failure(m, unit, e) : 0;
}

/* All that is left of a pod when its units are gone: the mount, the directories, the slice. */
static int remove_rest(struct machine *m, const char *uid, struct err *e)
{
        CLEANUP(buf_done) struct buf mount = BUF(ID_UNIT_MAX);
        FD pod = dir_open(m->pods, uid);
        bool overlay = pod >= 0 && faccessat(pod, "upper", F_OK, AT_SYMLINK_NOFOLLOW) == 0;
        char slice[ID_UNIT_MAX + 1] = "";
        ssize_t n = pod < 0 ? -1 : readlinkat(pod, "slice", slice, sizeof(slice) - 1);
        int r = 0;

        pod = fd_close(pod);
        render_var_mount_name(uid, &mount);
        if (overlay)
                r = unit_stop(m, mount.data, e);
        if (r < 0 || (r = pod_dirs_remove(m, uid, e)) < 0)
                return r;
        if (overlay && ((r = dir_remove(m->units, mount.data)) < 0 || (r = unit_forget_failure(m, mount.data, e)) < 0))
                return r;
        return n > 0 ? unit_stop(m, slice, e) : 0;
}

int op_remove(struct machine *m, const struct op_units *op, UNUSED struct answer *a, struct err *e)
{
        const char *uid = op->pod.uid;
        FD pod = dir_open(m->pods, uid), list = pod < 0 ? -1 : dir_open(pod, "units");
        struct dirent *entry;
        DIR *d = NULL;
        int r = 0;

        for (size_t i = 0; i < op->n_units && r == 0; i++)
                r = remove_unit(m, uid, op->units[i], e);
        if (!op->flag || r < 0)
                return r;
        d = list < 0 ? NULL : fdopendir(fd_take(&list));
        while (d && r == 0 && (entry = readdir(d)))
                if (entry->d_name[0] != '.')
                        r = remove_unit(m, uid, entry->d_name, e);
        if (d)
                closedir(d);
        return r < 0 ? r : remove_rest(m, uid, e);
}

/* ---- WRITE ---- */

/* An entry of /etc/passwd, by name, or by number when `name` is NULL. Not through NSS, whose modules may open anything. */
static bool find_user(const char *name, uint32_t uid, struct passwd *ret)
{
        FILE *f = fopen("/etc/passwd", "re");
        struct passwd *p = NULL;

        while (f && (p = fgetpwent(f)))
                if (name ? streq(p->pw_name, name) : p->pw_uid == uid)
                        break;
        if (p)
                *ret = (struct passwd){ .pw_uid = p->pw_uid, .pw_gid = p->pw_gid };
        if (f)
                fclose(f);
        return p;
}

static int choose_user(struct container_unit *u, struct err *e)
{
        const Vks__Container *c = u->k->c;
        const char *user = package_unit_get(u->package, "User"), *dynamic = package_unit_get(u->package, "DynamicUser");
        bool package_root = (!*user || streq(user, "root") || streq(user, "0")) && !(*dynamic && strchr("1yYtT", *dynamic));
        struct passwd p = { 0 };

        if (c->run_as_group)
                snprintf(u->group, sizeof(u->group), "%u", c->run_as_group->value);
        switch (u->k->user) {
        case USER_PACKAGE:
                u->root = package_root;
                return 0;
        case USER_PACKAGE_NOT_ROOT:
                if (!package_root)
                        return 0;
                snprintf(u->user, sizeof(u->user), FALLBACK_USER);
                if (!u->group[0])
                        snprintf(u->group, sizeof(u->group), FALLBACK_USER);
                return 0;
        case USER_GIVEN_IF_PACKAGE:
                u->root = c->run_as_user->value == 0;
                if (u->root ? package_root : find_user(user, 0, &p) && p.pw_uid == c->run_as_user->value)
                        return 0;
                return err_set(e, -EPERM, u->root ? "root" : "user", "policy rule %s: runAsUser: %u is not the user of %s",
                               u->root ? "root" : "user", c->run_as_user->value, c->unit);
        case USER_GIVEN:
                break;
        }
        snprintf(u->user, sizeof(u->user), "%u", c->run_as_user->value);
        u->root = c->run_as_user->value == 0;
        u->unknown_user = !find_user(NULL, c->run_as_user->value, &p);
        if (u->unknown_user)
                find_user(FALLBACK_USER, 0, &p);
        if (!u->group[0])
                snprintf(u->group, sizeof(u->group), "%u", p.pw_gid);
        return 0;
}

/* A program by its name, as a shell would find it, and then policy's word on it. */
static int find_program(const struct op_write *op, const struct op_container *k, char **ret, struct err *e)
{
        if (!k->program || strchr(k->program, '/')) {
                *ret = xstrdup(k->program);
                return 0;
        }
        for (size_t i = 0; policy_search_path[i]; i++) {
                CLEANUP(freep) char *path = xasprintf("%s/%s", policy_search_path[i], k->program);
                if (faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) < 0)
                        continue;
                *ret = TAKE(path);
                return policy_program(op->policy, *ret, e);
        }
        return err_set(e, -ENOENT, NULL, "command: there is no program \"%.200s\"", k->program);
}

static int write_unit(struct machine *m, int pod, const struct container_unit *u)
{
        CLEANUP(buf_done) struct buf fragment = BUF(TEXT_MAX), dropin = BUF(TEXT_MAX), env = BUF(ENV_MAX);
        CLEANUP(freep) char *name = xasprintf("%s.d", u->k->unit);
        FD envs = dir_open(pod, "env"), list = dir_open(pod, "units"), dir = -1;
        int r = envs < 0 ? envs : list < 0 ? list : 0;

        render_fragment(u, &fragment);
        render_dropin(u, &dropin);
        render_env(u->k->c, &env);
        if (!buf_ok(&fragment) || !buf_ok(&dropin) || !buf_ok(&env))
                r = -E2BIG;
        if (r == 0)
                r = dir_write(list, u->k->unit, "", 0, 0600);
        if (r == 0)
                r = dir_write(envs, u->k->c->name, env.data, env.len, 0600);
        if (r == 0)
                r = dir = dir_make(m->units, name, 0755);
        if (r >= 0)
                r = dir_write(dir, "vks.conf", dropin.data, dropin.len, 0644);
        if (env.data)
                explicit_bzero(env.data, env.size);
        return r < 0 ? r : dir_write(m->units, u->k->unit, fragment.data, fragment.len, 0644);
}

static int write_container(struct machine *m, const struct op_write *op, const struct op_container *k, int pod, bool overlay, struct err *e)
{
        CLEANUP(package_unit_freep) struct package_unit *package = NULL;
        CLEANUP(mount_plan_done) struct mount_plan mounts = { 0 };
        CLEANUP(freep) char *program = NULL;
        struct container_unit u = { .op = op, .k = k, .mounts = &mounts, .overlay = overlay };
        int r = k->c->unit[0] ? package_unit_load(k->c->package, k->c->unit, &package, e) : 0;

        u.package = package;
        if (r < 0 || (r = find_program(op, k, &program, e)) < 0)
                return r;
        u.program = program;
        if ((r = choose_user(&u, e)) < 0 || (r = mount_plan_make(&op->pod, k, &mounts, e)) < 0)
                return r;
        r = write_unit(m, pod, &u);
        return r < 0 ? err_errno(e, r, NULL, "writing %s", k->unit) : 0;
}

static int count_units(struct machine *m)
{
        FD copy = openat(m->units, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR *d = copy < 0 ? NULL : fdopendir(copy);
        struct dirent *entry;
        int n = 0;

        if (!d)
                return 0;
        fd_take(&copy);
        while ((entry = readdir(d)))
                n += unit_name_is_ours(entry->d_name);
        closedir(d);
        return n;
}

static int write_pod(struct machine *m, const struct op_write *op, bool overlay, uint64_t *written, struct err *e)
{
        CLEANUP(buf_done) struct buf name = BUF(ID_UNIT_MAX), text = BUF(4096);
        char slice[ID_UNIT_MAX + 1], state[32];
        FD pod = -1;
        int r = pod_dirs_make(m, op, overlay, &pod, e);

        if (r < 0)
                return r;
        pod_slice_name(op->pod.uid, op->qos, slice);
        r = symlinkat(slice, pod, "slice") < 0 && errno != EEXIST ? -errno : 0;
        if (overlay && r == 0) {
                render_var_mount_name(op->pod.uid, &name);
                render_var_mount(op->pod.uid, &text);
                r = dir_write(m->units, name.data, text.data, text.len, 0644);
        }
        if (r < 0)
                return err_errno(e, r, NULL, "unit files of the pod");
        for (size_t i = 0; i < op->n_containers; i++) {
                const struct op_container *k = &op->containers[i];

                if (faccessat(m->units, k->unit, F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
                        if (!is_pods(m, k->unit, op->pod.uid))
                                return err_set(e, -EEXIST, NULL, "%s belongs to an earlier pod of this name", k->unit);
                        r = unit_active_state(m, k->unit, state, e);
                        if (r < 0)
                                return r;
                        if (*state) /* loaded: systemd has read it and would not read it again */
                                continue;
                }
                *written |= UINT64_C(1) << i;
                r = write_container(m, op, k, pod, overlay, e);
                if (r < 0)
                        return r == -EEXIST ? r : err_prefix(e, "container %s: ", k->c->name);
        }
        return 0;
}

int op_write(struct machine *m, const struct op_write *op, UNUSED struct answer *a, struct err *e)
{
        bool overlay = false, new = faccessat(m->pods, op->pod.uid, F_OK, AT_SYMLINK_NOFOLLOW) < 0;
        uint64_t written = 0;
        int r;

        for (size_t i = 0; i < op->n_containers; i++)
                overlay |= op->containers[i].c->writes_var;
        if (new && (size_t)count_units(m) + op->n_containers > op->max_units)
                return err_set(e, -EPERM, "max-units", "policy rule max-units: this node takes %u (see /etc/vks/policy.conf)", op->max_units);
        r = write_pod(m, op, overlay, &written, e);
        if (r == 0)
                return 0;
        for (size_t i = 0; i < op->n_containers; i++)
                if (written & UINT64_C(1) << i)
                        (void)remove_files(m, op->pod.uid, op->containers[i].unit);
        if (new)
                (void)remove_rest(m, op->pod.uid, NULL);
        return r;
}
