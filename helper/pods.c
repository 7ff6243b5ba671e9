/* SPDX-License-Identifier: Apache-2.0 */
/* WRITE, START, STOP, REMOVE: a pod's unit files, and their life. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "helper/files/dir.h"
#include "common/fd.h"
#include "common/mem.h"
#include "helper/helper.h"

enum {
        TEXT_MAX = 2 * 1024 * 1024,
        ENV_MAX = 4 * 1024 * 1024,
        CARRIED_MAX = 1024 * 1024, /* of systemd's credentials */
        REMOVE_JOBS = 2,           /* the mount and the slice are stopped */
        /* Of the text of a pod's units, in pages. PID 1 reads all of it again at each daemon-reload, and does nothing
         * else meanwhile: 30 MiB, which a small manifest can come to (args, mirrored directories), took it 3 s. */
        POD_TEXT_MAX = 4 * 1024 * 1024,
};

/* ---- which pod owns a unit
 * --------------------------------------------------------------------------------------- */

/* Authority comes from the unit's own file, never from the request. The commands of EXEC beside one container have one
 * file. */
bool unit_is_pods(struct machine *m, const char *unit, const char *uid)
{
        CLEANUP(buf_done) struct buf want = BUF(256);
        size_t n = unit_name_is_exec(unit) ? (size_t)(strrchr(unit, '-') + 1 - unit) : 0;
        CLEANUP(freep) char *name = n ? xasprintf("%.*s.service.d", (int)n, unit) : xasprintf("%s.d", unit);
        FD dir = dir_open(m->units, name),
           fd = dir < 0 ? -1 : openat(dir, "vks.conf", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
        char have[256];

        unit_text_owner(uid, &want);
        return fd >= 0 && read(fd, have, want.len) == (ssize_t)want.len && memcmp(have, want.data, want.len) == 0;
}

/* `method` as in unit_ask(), or NULL: unit_signal(). */
static int each_unit(struct machine *m, const struct op_units *op, const char *method, bool starts, struct err *e)
{
        bool enqueues = method && !streq(method, "KillUnit");
        int r = 0;

        for (size_t i = 0; i < op->n_units; i++)
                if (!unit_is_pods(m, op->units[i], op->pod.uid))
                        return err_set(e, -ENOENT, NULL, "%s is not a unit of pod %s/%s", op->units[i],
                                       op->pod.namespace, op->pod.name);
        if (enqueues)
                r = bounds_jobs(m, op->n_units, !starts, e);
        for (size_t i = 0; i < op->n_units && r == 0; i++) {
                r = starts ? logs_renew(m, op->pod.uid, op->units[i]) : 0;
                if (r < 0)
                        return err_errno(e, r, NULL, "pipes of %s", op->units[i]);
                r = method ? unit_ask(m, method, op->units[i], e) : unit_signal(m, op->units[i], e);
        }
        return r;
}

int op_start(struct machine *m, const struct op_units *op, UNUSED struct answer *a, struct err *e)
{
        return each_unit(m, op, op->flag ? "RestartUnit" : "StartUnit", true, e);
}

int op_stop(struct machine *m, const struct op_units *op, UNUSED struct answer *a, struct err *e)
{
        return each_unit(m, op, op->signal ? NULL : op->flag ? "KillUnit" : "StopUnit", false, e);
}

/* ---- REMOVE ------------------------------------------------------------------------------------------------------ */

/* What PID 1 wrote of LogExtraFields= for journald it would leave for ever: it removes a file of another name (systemd
 * 252 and 257, src/core/unit.c, unit_unlink_state_files()). */
#define STATES "/run/systemd/units"
static int forget_log_fields(const char *unit)
{
        CLEANUP(freep) char *name = xasprintf("log-extra-fields:%s", unit);
        FD states = open(STATES, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        int r = states >= 0 ? dir_remove(states, name) : errno == ENOENT ? 0 : -errno;

        return r == -ENAMETOOLONG ? 0 : r; /* then PID 1 had none */
}

/* By the drop-in the unit is known to be the pod's: as long as anything else is left REMOVE can be asked for again. */
static int remove_files(struct machine *m, const char *uid, const char *unit)
{
        CLEANUP(freep) char *dropin = xasprintf("%s.d", unit);
        FD pod = dir_open(m->pods, uid), list = pod < 0 ? pod : dir_open(pod, "units");
        int r = dir_remove(m->units, unit);

        m->units_known = false;
        if (r == 0)
                r = resize_forget(m, unit);
        if (r == 0)
                r = forget_log_fields(unit);
        if (r == 0)
                r = logs_remove(m, uid, unit);
        if (r == 0)
                r = dir_remove(m->units, dropin);
        return r == 0 && list >= 0 ? dir_remove(list, unit) : r;
}

/*
 * What the commands beside a container have in common (`all`: exec_unit_name() of them all), when no one runs or waits
 * to. That is asked when the container has stopped: from then on none can begin.
 */
static int remove_commands(struct machine *m, const char *uid, int list, const char *all, struct err *e)
{
        struct units_found found = { 0 };
        int r;

        if (faccessat(list, all, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
                return 0; /* there never was a command */
        r = unit_find_commands(m, all, &found, e);
        if (r == 0 && found.n_busy)
                r = err_set(e, -EBUSY, NULL, "%s still runs", found.busy[0]);
        strv_free(found.busy);
        strv_free(found.failed);
        if (r < 0)
                return r;
        r = remove_files(m, uid, all);
        return r < 0 ? err_errno(e, r, NULL, "removing %s", all) : 0;
}

static int remove_unit(struct machine *m, const char *uid, int list, const char *unit, struct err *e)
{
        char state[32], name[ID_LABEL_MAX + 1], all[ID_UNIT_MAX + 1];
        int r = unit_active_state(m, unit, state, e);

        if (r < 0 || !unit_is_pods(m, unit, uid))
                return r;
        if (*state && !streq(state, "inactive") && !streq(state, "failed"))
                return err_set(e, -EBUSY, NULL, "%s is %s", unit, state);
        account_name(list, unit, name);
        exec_unit_name(uid, name, NULL, all);
        r = *name ? remove_commands(m, uid, list, all, e) : 0;
        if (r < 0)
                return r;
        r = remove_files(m, uid, unit);
        if (r < 0)
                return err_errno(e, r, NULL, "removing %s", unit);
        return *state ? unit_ask(m, "ResetFailedUnit", unit, e) : 0;
}

/* All that is left of a pod when its units are gone: the layers, the directories, the slice. */
static int remove_rest(struct machine *m, const char *uid, struct err *e)
{
        static const struct layer *const layers[] = { &layer_var, &layer_etc };
        FD pod = dir_open(m->pods, uid);
        bool has[ARRAY_LEN(layers)] = { 0 };
        char slice[ID_UNIT_MAX + 1] = "";
        ssize_t n = pod < 0 ? -1 : readlinkat(pod, "slice", slice, sizeof(slice) - 1);
        int r = 0;

        for (size_t i = 0; i < ARRAY_LEN(layers) && r == 0; i++) {
                CLEANUP(buf_done) struct buf mount = BUF(ID_UNIT_MAX);

                has[i] = pod >= 0 && faccessat(pod, layers[i]->upper, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
                unit_text_layer_name(layers[i], uid, &mount);
                r = has[i] ? unit_ask(m, "StopUnit", mount.data, e) : 0;
        }
        fd_close(fd_take(&pod));
        if (r < 0 || (r = pod_dirs_remove(m, uid, e)) < 0)
                return r;
        for (size_t i = 0; i < ARRAY_LEN(layers) && r == 0; i++) {
                CLEANUP(buf_done) struct buf mount = BUF(ID_UNIT_MAX);

                unit_text_layer_name(layers[i], uid, &mount);
                r = has[i] ? dir_remove(m->units, mount.data) : 0;
                if (has[i] && r == 0)
                        r = unit_ask(m, "ResetFailedUnit", mount.data, e);
        }
        if (r == 0 && n > 0)
                r = dir_remove(m->units, slice);
        if (r == 0 && n > 0)
                r = resize_forget(m, slice);
        return r == 0 && n > 0 ? unit_ask(m, "StopUnit", slice, e) : r;
}

int op_remove(struct machine *m, const struct op_units *op, UNUSED struct answer *a, struct err *e)
{
        const char *uid = op->pod.uid;
        FD pod = dir_open(m->pods, uid), list = pod < 0 ? -1 : dir_open(pod, "units");
        CLEANUP(strv_freep) char **all = op->flag && list >= 0 ? dir_list(list) : NULL;
        uint64_t own = content_of(m, uid);
        int r = op->flag ? bounds_jobs(m, REMOVE_JOBS, true, e) : 0;

        for (size_t i = 0; i < op->n_units && r == 0; i++)
                r = remove_unit(m, uid, list, op->units[i], e);
        for (char **unit = all; unit && *unit && r == 0; unit++)
                r = unit_name_is_exec(*unit) ? 0 : remove_unit(m, uid, list, *unit, e);
        for (char **unit = all; unit && *unit && r == 0; unit++)
                r = unit_name_is_exec(*unit) ? remove_commands(m, uid, list, *unit, e) : 0;
        if (r == 0 && op->flag)
                r = remove_rest(m, uid, e);
        content_note(m, uid, own);
        return r;
}

/* ---- WRITE ------------------------------------------------------------------------------------------------------- */

/* What the text of the pod's other units takes. */
static uint64_t text_beside(struct machine *m, int pod, const char *unit)
{
        FD list = dir_open(pod, "units");
        CLEANUP(strv_freep) char **units = list < 0 ? NULL : dir_list(list);
        uint64_t sum = 0;

        for (char **other = units; other && *other; other++) {
                CLEANUP(freep) char *dropin = xasprintf("%s.d", *other);

                if (!streq(*other, unit))
                        sum += dir_bytes(m->units, *other) + dir_bytes(m->units, dropin);
        }
        return sum;
}

/*
 * A unit is several files, each of which policy has judged together with the others. So one that is written again goes
 * first and comes back last: should this process end in between, there is no unit that could be started, and not the
 * earlier one's command line with the variables and the mounts of the later one.
 */
static int write_files(struct machine *m, int pod, const char *unit, struct unit_text *u, const Vks__Container *c)
{
        CLEANUP(buf_done)
        struct buf fragment = BUF(TEXT_MAX), dropin = BUF(TEXT_MAX), env = SECRET_BUF(ENV_MAX),
                   carried = SECRET_BUF(CARRIED_MAX);
        CLEANUP(freep) char *name = xasprintf("%s.d", unit), *carried_name = xasprintf("%s.carried", c->name);
        FD envs = dir_open(pod, "env"), dir = -1;
        int r = envs < 0 ? envs : 0;

        for (size_t i = 0; i < c->n_env; i++)
                unit_text_env(u, c->env[i]->name, c->env[i]->value.data, c->env[i]->value.len, &env, &carried);
        for (size_t i = 0; i < c->n_hidden; i++)
                unit_text_hidden(c->hidden[i]->index, c->hidden[i]->value, &carried);
        u->carried = u->who.become || u->makes_dir || u->console || carried.len;
        unit_text_fragment(u, &fragment);
        unit_text_dropin(u, &dropin);
        if (!buf_ok(&fragment) || !buf_ok(&dropin) || !buf_ok(&env) || !buf_ok(&carried) ||
            text_beside(m, pod, unit) + fragment.len + dropin.len > POD_TEXT_MAX)
                r = -E2BIG;
        if (r == 0) /* a request may have 64 of them */
                r = room_left(m->units, UNIT_DIR, fragment.len + dropin.len, NULL);
        if (r < 0 || (r = dir_remove(m->units, unit)) < 0 || (r = logs_write(m, u, unit)) < 0 ||
            (r = dir_write(envs, c->name, env.data, env.len, 0600)) < 0 ||
            (r = u->carried ? dir_write(envs, carried_name, carried.data, carried.len, 0600)
                            : dir_remove(envs, carried_name)) < 0 ||
            (r = dir = dir_make(m->units, name, 0755)) < 0 || (r = resize_forget(m, unit)) < 0 ||
            (r = dir_write(dir, "vks.conf", dropin.data, dropin.len, 0644)) < 0)
                return r;
        r = dir_write(m->units, unit, fragment.data, fragment.len, 0644);
        unit_files_touch(m);
        return r;
}

static int write_container(struct machine *m, const struct op_write *op, const struct op_container *k, int pod,
                           bool overlay, struct err *e)
{
        CLEANUP(container_text_done) struct container_text t = { 0 };
        int r = container_text_make(m, op, k, pod, overlay, false, &t, e);

        if (r < 0)
                return r;
        r = t.u.etc ? pod_layer_make(m, pod, op->pod.uid, &layer_etc) : 0;
        for (size_t i = 0; i < t.mounts.n && r == 0; i++) /* those of the layer, and no entries of the machine's */
                if (t.mounts.lines[i].source && starts_with(t.mounts.lines[i].source, "-" POD_RUN_DIR "/"))
                        r = pod_layer_hold(pod, &layer_etc, t.mounts.lines[i].target, true);
        if (r == 0)
                r = account_write(pod, op, k);
        if (r == 0)
                r = write_files(m, pod, k->unit, &t.u, k->c);
        if (r == -E2BIG)
                return err_set(
                        e, r, NULL,
                        "writing %s: the units of one pod may have %d MiB of text, and the commands, args, mounts "
                        "and variables of this pod come to more",
                        k->unit, POD_TEXT_MAX >> 20);
        return r < 0 ? err_errno(e, r, NULL, "writing %s", k->unit) : 0;
}

/*
 * A container's variables, its words that are hidden, its pipes and its directory have its name, and no unit's: so no
 * two units of the pod are one container's, whatever request brings them.
 */
static int check_name(int pod, const struct op_container *k, struct err *e)
{
        FD list = dir_open(pod, "units");
        CLEANUP(strv_freep) char **units = list < 0 ? NULL : dir_list(list);

        for (char **unit = units; unit && *unit; unit++) {
                char name[ID_LABEL_MAX + 1];

                account_name(list, *unit, name);
                if (streq(*unit, k->unit) || !streq(name, k->c->name))
                        continue;
                return err_set(e, -EEXIST, NULL, "container %s has a unit already: %s", k->c->name, *unit);
        }
        return 0;
}

/*
 * Pipes and the file of a termination message have the container's name, and are known by the unit's account. A unit
 * that becomes another container's leaves none of the earlier one's behind, of which nobody would know any more.
 */
static int end_other(struct machine *m, const char *uid, int pod, const struct op_container *k)
{
        FD list = dir_open(pod, "units");
        char name[ID_LABEL_MAX + 1];

        account_name(list, k->unit, name);
        return *name && !streq(name, k->c->name) ? remove_files(m, uid, k->unit) : 0;
}

/* The file is there before the first unit of the slice, with which PID 1 reads it. */
static int write_slice(struct machine *m, const struct op_write *op, const char *slice)
{
        CLEANUP(buf_done) struct buf text = BUF(TEXT_MAX);

        if (!unit_text_slice(&op->pod, op->limits, &text))
                return dir_remove(m->units, slice);
        return dir_write(m->units, slice, text.data, text.len, 0644);
}

/* REMOVE stops the slice that the link names: so it is that of all the pod's units, whatever request brings them. */
static int note_slice(struct machine *m, int pod, const struct op_write *op, struct err *e)
{
        char slice[ID_UNIT_MAX + 1], known[ID_UNIT_MAX + 1] = "";
        FD list = dir_open(pod, "units");
        CLEANUP(strv_freep) char **units = list < 0 ? NULL : dir_list(list);
        bool known_one = readlinkat(pod, "slice", known, sizeof(known) - 1) > 0, used = units && *units;
        int r;

        pod_slice_name(op->pod.uid, op->qos, slice);
        if (streq(known, slice) && used)
                return 0;
        if (known_one && used)
                return err_set(e, -EBUSY, NULL, "pod %s/%s has units in another slice: %s", op->pod.namespace,
                               op->pod.name, known);
        r = known_one && !streq(known, slice) ? dir_remove(m->units, known) : 0;
        if (r == 0 && known_one)
                r = resize_forget(m, known);
        if (r == 0 && ((known_one && unlinkat(pod, "slice", 0) < 0) || symlinkat(slice, pod, "slice") < 0))
                r = -errno;
        if (r == 0)
                r = write_slice(m, op, slice);
        return r < 0 ? err_errno(e, r, NULL, "slice of the pod") : 0;
}

/*
 * Is the unit to be written? Not if systemd has read it already, which would not read it again. And where systemd knows
 * a unit whose file is gone, it would run that one's text, whatever is written now.
 */
static int check_unit(struct machine *m, const struct op_write *op, const struct op_container *k, bool *ret,
                      struct err *e)
{
        bool there = faccessat(m->units, k->unit, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
        char state[32];
        int r;

        if (there && !unit_is_pods(m, k->unit, op->pod.uid))
                return err_set(e, -EEXIST, NULL, "%s belongs to an earlier pod of this name", k->unit);
        r = unit_active_state(m, k->unit, state, e);
        if (r == 0 && !there && streq(state, "failed")) /* a daemon-reload has lost its CollectMode=: for ever */
                r = unit_ask(m, "ResetFailedUnit", k->unit, e);
        if (r == 0 && *state && !there)
                r = err_set(e, -EAGAIN, NULL, "systemd still knows an earlier %s", k->unit);
        *ret = !*state;
        return r;
}

static int write_pod(struct machine *m, const struct op_write *op, bool overlay, uint64_t *written, struct err *e)
{
        FD pod = -1;
        int r = pod_dirs_make(m, op, overlay, &pod, e);

        if (r < 0 || (r = note_slice(m, pod, op, e)) < 0)
                return r;
        if (overlay)
                r = pod_layer_make(m, pod, op->pod.uid, &layer_var);
        if (r < 0)
                return err_errno(e, r, NULL, "unit files of the pod");
        for (size_t i = 0; i < op->n_containers; i++) {
                const struct op_container *k = &op->containers[i];
                bool writes = false;

                if ((r = check_unit(m, op, k, &writes, e)) < 0)
                        return r;
                if (!writes)
                        continue;
                if ((r = check_name(pod, k, e)) < 0)
                        return r;
                r = end_other(m, op->pod.uid, pod, k);
                if (r < 0)
                        return err_errno(e, r, NULL, "an earlier %s", k->unit);
                *written |= UINT64_C(1) << i;
                r = write_container(m, op, k, pod, overlay, e);
                if (r < 0)
                        return r == -EEXIST ? r : err_prefix(e, "container %s: ", k->c->name);
        }
        return 0;
}

/* What the variables of the pod's containers take, in the one file of a container or the other. */
static uint64_t env_bytes(const struct op_write *op)
{
        uint64_t sum = 0;

        for (size_t i = 0; i < op->n_containers; i++) {
                const Vks__Container *c = op->containers[i].c;

                sum += 4 * DIR_PAGE;
                for (size_t k = 0; k < c->n_env; k++)
                        sum += strlen(c->env[k]->name) + c->env[k]->value.len;
        }
        return sum;
}

/*
 * PID 1 mounts the layer for whatever lies in it, be it asked or not, as long as it knows of it (RequiresMountsFor= of
 * systemd.unit(5)), and systemd 257 makes upperdir= for it. So a pod without the layer does not begin before PID 1 has
 * forgotten the one of an earlier pod of the same uid.
 */
static int check_no_layer(struct machine *m, const char *uid, struct err *e)
{
        CLEANUP(buf_done) struct buf mount = BUF(ID_UNIT_MAX);
        char state[32];
        int r;

        unit_text_layer_name(&layer_var, uid, &mount);
        if ((r = dir_remove(m->units, mount.data)) < 0)
                return err_errno(e, r, NULL, "removing %s", mount.data);
        r = unit_active_state(m, mount.data, state, e);
        if (r == 0 && streq(state, "failed")) /* it would be known for ever */
                r = unit_ask(m, "ResetFailedUnit", mount.data, e);
        if (r == 0 && *state)
                r = err_set(e, -EAGAIN, NULL, "systemd still knows the /var of an earlier pod of this uid");
        return r;
}

/*
 * Is the pod's /var a layer over the machine's? That is one answer for all of the pod's units, whatever request brings
 * them: PID 1 mounts the layer for whichever of them starts, and what it gives to the user of a unit that was written
 * without it would then be the machine's (choose_fresh()).
 */
static int choose_overlay(struct machine *m, const struct op_write *op, bool *ret, struct err *e)
{
        FD pod = dir_open(m->pods, op->pod.uid), list = pod < 0 ? -1 : dir_open(pod, "units");
        CLEANUP(strv_freep) char **units = list < 0 ? NULL : dir_list(list);
        bool wanted = false;

        *ret = pod >= 0 && faccessat(pod, "upper", F_OK, AT_SYMLINK_NOFOLLOW) == 0;
        for (size_t i = 0; i < op->n_containers; i++)
                wanted |= op->containers[i].c->writes_var;
        if (wanted && !*ret && units && *units)
                return err_set(e, -EOPNOTSUPP, NULL,
                               "pod %s/%s has a /var without the machine's data, and they cannot be brought to units "
                               "that know nothing of them: delete the pod",
                               op->pod.namespace, op->pod.name);
        *ret |= wanted;
        return *ret || (units && *units) ? 0 : check_no_layer(m, op->pod.uid, e);
}

int op_write(struct machine *m, const struct op_write *op, UNUSED struct answer *a, struct err *e)
{
        bool overlay = false, new = faccessat(m->pods, op->pod.uid, F_OK, AT_SYMLINK_NOFOLLOW) < 0;
        uint64_t written = 0, own;
        size_t n_new = 0;
        int r;

        for (size_t i = 0; i < op->n_containers; i++)
                n_new += faccessat(m->units, op->containers[i].unit, F_OK, AT_SYMLINK_NOFOLLOW) < 0;
        if ((r = room_left(m->pods, POD_RUN_DIR, 0, e)) < 0 || (r = room_left(m->units, UNIT_DIR, 0, e)) < 0 ||
            (r = choose_overlay(m, op, &overlay, e)) < 0)
                return r;
        if (n_new && !m->units_known) /* once for a thousand pods that come: the directory grows with them */
                m->n_units = dir_count(m->units, unit_name_is_ours);
        m->units_known |= n_new > 0;
        if (n_new && m->n_units + n_new > op->max_units)
                return err_set(e, -EPERM, "max-units",
                               "policy rule max-units: this node takes %u (see /etc/vks/policy.conf)", op->max_units);
        r = content_room(m, op->pod.uid, env_bytes(op), &op->bounds, &own, e);
        if (r < 0)
                return r;
        r = write_pod(m, op, overlay, &written, e);
        if (r < 0)
                m->units_known = false;
        else
                m->n_units += n_new;
        for (size_t i = 0; i < op->n_containers && r < 0; i++)
                if (written & UINT64_C(1) << i)
                        (void)remove_files(m, op->pod.uid, op->containers[i].unit);
        if (new &&r < 0)
                (void)remove_rest(m, op->pod.uid, NULL);
        content_note(m, op->pod.uid, own);
        return r;
}
