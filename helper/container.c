/* SPDX-License-Identifier: Apache-2.0 */
/* From what WRITE or EXEC says of a container to what its unit's text is made of: the package's unit, who it is, what
 * runs, what it sees. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "common/fd.h"
#include "common/mem.h"
#include "common/message.h"
#include "helper/files/host_path.h"
#include "helper/files/links.h"
#include "helper/files/trust.h"
#include "helper/files/ways.h"
#include "helper/helper.h"
#include "helper/text/package_paths.h"
#include "policy/path.h"

/* A directory of the pod's that stands for `path`, which the machine does not have; relative to the pod's own. */
static char *cover_of(const char *path)
{
        char *own = xasprintf("cover/%s", path);

        for (char *slash = own + strlen("cover/"); (slash = strchr(slash, '/'));)
                *slash = ':';
        return own;
}

static bool is_covered(const char *path, const void *container)
{
        return strlen(path) <= ID_PATH_MAX && policy_ground(container, path) != GROUND_MACHINE;
}

/* Finds a program by its name, as a shell would. */
static char *look_up(const char *name)
{
        static const char *const dirs[] = { "/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin" };

        for (size_t i = 0; i < ARRAY_LEN(dirs); i++) {
                CLEANUP(freep) char *path = xasprintf("%s/%s", dirs[i], name);
                if (faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) == 0)
                        return TAKE(path);
        }
        return NULL;
}

/*
 * Where a program would be that is nowhere. A unit is made of it: that it is not there PID 1 says when the container
 * starts, as it does of a path, and so the container's run fails, which a Job counts. NULL: it is no name of a program.
 */
static char *would_be(const char *name)
{
        static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._+-";

        return *name && *name != '.' && strspn(name, plain) == strlen(name) ? xasprintf("/usr/bin/%s", name) : NULL;
}

/*
 * The path of what runs instead of the package's program, as policy allows it; *ret is NULL where nothing does. A mount
 * decides what lies at a path, and the machine's links where a path leads: so policy is asked about the end of the way,
 * too. `root`: it would run as root.
 */
static int find_program(const struct op_write *op, const struct op_container *k, bool beside, bool root, char **ret,
                        struct err *e)
{
        CLEANUP(freep) char *path = NULL, *end = NULL;
        enum policy_ground ground;
        int r;

        if (!k->program)
                return 0;
        path = *k->program == '/' ? xstrdup(k->program) : look_up(k->program);
        if (!path && !beside)
                path = would_be(k->program);
        if (!path)
                return err_set(e, -ENOENT, NULL, "command: there is no program \"%.200s\"", k->program);
        r = policy_program(op->policy, k, path, e);
        if (r == 0 && links_lead(path, is_covered, k, &end) == 0)
                r = policy_program(op->policy, k, end, e);
        if (r < 0)
                return r;
        ground = policy_ground(k, end ? end : path);
        if (root && (ground == GROUND_VOLUME || ground == GROUND_PRIVATE))
                return policy_no_root_program(path, e);
        *ret = TAKE(path);
        return 0;
}

/*
 * PID 1 gives a directory to the unit's user with all that lies in it, unless it is that user's already (systemd's
 * path_chown_recursive()). In a pod whose /var is a layer over the machine's, that would hand over copies of what
 * another user of the machine keeps there. So what the machine has shows through only where it belongs to the very user
 * and group; elsewhere the pod has an empty directory of its own. That one is mounted, and so the way to it has to be
 * root's, like the way to any mount point.
 */
static int choose_fresh(const struct unit_text *u, int pod, bool beside, struct given *given, struct err *e)
{
        for (size_t i = 0; i < given->n; i++) {
                struct given_dir *dir = &given->dirs[i];
                struct stat st;
                int r;

                if (!u->overlay || dir->kind == GIVEN_RUNTIME)
                        continue;
                if (beside) { /* PID 1 has made the container's, or has not */
                        CLEANUP(freep) char *made = xasprintf("given%s", dir->path);

                        dir->fresh = faccessat(pod, made, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
                        continue;
                }
                r = trust_path(dir->path, TRUST_STAYS, false, &st);
                if (r == -EPERM)
                        return err_set(e, r, "mount-target",
                                       "policy rule mount-target: somebody other than root may change what the "
                                       "package's directory %s is",
                                       dir->path);
                dir->fresh = !u->who.known || r < 0 || !S_ISDIR(st.st_mode) || st.st_uid != u->who.uid ||
                             st.st_gid != u->who.gid;
        }
        return 0;
}

/*
 * Is `path`, of the pod's own, one that nobody but root can ever put something at? In a directory that all may write
 * to none is, whatever is there now: PID 1 gives it to a user, who may replace it then, or takes it away. Where nothing
 * is there, the directory that it is to lie in becomes root's now: else a package that is installed meanwhile could
 * bring a user's directory of that name, and a later WRITE would copy its shape (make_run()). 0: yes.
 */
static int claim(const char *path)
{
        CLEANUP(freep) char *parent = xstrndup(path, (size_t)(strrchr(path, '/') - path));
        int r = trust_path(path, TRUST_STAYS, false, NULL);

        return r == -ENOENT ? trust_path(parent, TRUST_DIR, false, NULL) : r;
}

/*
 * At the top of the pod's /run there are directories of users, as at the top of the machine's (make_run()): in these
 * PID 1 makes nothing, either (`inner` in helper/text/given.h). Nor where it mounts something in each view, and so
 * would follow a link of the user's: in /run/systemd and /run/credentials, which are no ways of the pod's account.
 */
static void choose_inner(const struct unit_text *u, struct given *given)
{
        for (size_t i = 0; i < given->n; i++) {
                struct given_dir *dir = &given->dirs[i];
                CLEANUP(freep) char *path = xasprintf(POD_RUN_DIR "/%s%s", u->pod->uid, dir->path);

                dir->inner |= path_is_in(dir->path, "/run/systemd") || path_is_in(dir->path, "/run/credentials");
                if (!dir->inner && dir->kind == GIVEN_RUNTIME)
                        dir->inner = claim(path) < 0;
        }
}

/*
 * PID 1 itself opens PIDFile=, as root, and waits for what it opens: a FIFO in its place would hold up PID 1, and with
 * it the machine, and a link may lead to a device. So it reads one only where nobody but root can ever put anything;
 * where it reads none, it finds the daemon among the unit's processes (GuessMainPID= in systemd.service(5)).
 */
static void choose_pid_file(const struct unit_text *u, int pod, char ret[static ID_PATH_MAX + 1])
{
        const char *said = unit_file_get(u->file, "PIDFile");
        CLEANUP(freep) char *whole = xasprintf("%s%s", *said && *said != '/' ? "/run/" : "", said), *path = NULL;
        bool roots;

        *ret = '\0';
        if (!id_is_path(whole) || strchr(whole, '%'))
                return;
        policy_plain_path(whole, ret);
        path = xasprintf(POD_RUN_DIR "/%s%s", u->pod->uid, ret);
        roots = path_is_beneath(ret, "/run") && !ways_is_given(pod, ret);
        for (size_t i = 0; i < u->given->n; i++)
                roots &= !path_is_beneath(ret, u->given->dirs[i].path) || (u->given->roots && !u->given->dirs[i].inner);
        if (!roots || claim(path) < 0)
                *ret = '\0';
}

/*
 * Where the package's own unit mounts something PID 1 makes what is missing before anything is read-only: where a link
 * leads, and be that in the machine's /etc. So each way is root's to its end, as one to a volume is, or nothing is
 * mounted there. *ret has those that are not.
 */
static void close_ways(int pod, const struct unit_text *u, char **targets, char ***ret)
{
        static const char *const open[] = { "/tmp", "/var/tmp", "/dev/shm", "/run/lock" };
        size_t n = 0;

        for (char **target = targets; target && *target; target++) {
                bool in_run = path_is_beneath(*target, "/run"), in_var = path_is_beneath(*target, "/var");
                CLEANUP(freep) char *own = xasprintf(POD_RUN_DIR "/%s%s", u->pod->uid, *target);
                bool closed = strlen(own) > ID_PATH_MAX || ways_is_given(pod, *target);

                for (size_t i = 0; i < ARRAY_LEN(open); i++)
                        closed |= path_is_beneath(*target, open[i]);
                for (size_t i = 0; i < u->given->n && !u->given->roots; i++)
                        closed |= path_is_beneath(*target, u->given->dirs[i].path);
                if (!closed && (in_run || (in_var && !u->overlay)))
                        closed = claim(own) < 0;
                else if (!closed && in_var) /* what is a user's on the machine stays his */
                        closed = trust_path(*target, TRUST_STAYS, false, NULL) == -EPERM ||
                                 pod_layer_hold(pod, &layer_var, *target, false) < 0;
                else if (!closed)
                        closed = mount_leads_through_others(*target);
                if (closed)
                        strv_push(ret, &n, xstrdup(*target));
        }
}

static bool is_closed(char **closed, const char *target)
{
        while (closed && *closed && !streq(*closed, target))
                closed++;
        return closed && *closed;
}

/* What PID 1 will follow for this container, into the pod's account (helper/files/ways.h). For a command `beside` it,
 * it makes no directory. */
static int note_ways(int pod, const struct unit_text *u, const struct mount_wish *wishes, size_t n_wishes, bool beside,
                     char **targets, char **closed, struct err *e)
{
        size_t n_targets = 0, n = 0;

        while (targets && targets[n_targets])
                n_targets++;
        CLEANUP(freep) struct way *ways = xcalloc(n_wishes + u->given->n + n_targets + 1, sizeof(*ways));
        for (size_t i = 0; i < n_targets; i++)
                if (mount_is_on_pods_ground(wishes, n_wishes, targets[i]) && !is_closed(closed, targets[i]))
                        ways[n++] = (struct way){ WAY_MOUNT, targets[i] };

        for (size_t i = 0; i < n_wishes; i++)
                if (mount_is_on_pods_ground(wishes, n_wishes, wishes[i].target))
                        ways[n++] = (struct way){ WAY_MOUNT, wishes[i].target };
        for (size_t i = 0; i < u->given->n && !beside; i++)
                if (!u->given->dirs[i].inner)
                        ways[n++] = (struct way){ u->given->roots ? WAY_ROOTS : WAY_GIVEN, u->given->dirs[i].path };
        if (u->pid_file && *u->pid_file)
                ways[n++] = (struct way){ WAY_ROOTS, u->pid_file };
        return ways_note(pod, ways, n, e);
}

/*
 * PID 1 follows these paths at each start, when a package that was installed meanwhile may have made a directory above
 * one of them for a user of its own, or given it to one; and in a pod with the layer such a user could be a
 * container's.
 */
static int hold_ways(int pod, const struct unit_text *u, const struct mount_wish *wishes, size_t n_wishes,
                     struct err *e)
{
        const char *path = NULL;
        int r = 0;

        for (size_t i = 0; i < n_wishes + u->given->n && r == 0 && u->overlay; i++) {
                bool wish = i < n_wishes;
                const struct given_dir *dir = wish ? NULL : &u->given->dirs[i - n_wishes];

                path = wish ? wishes[i].target : dir->path;
                if (path_is_beneath(path, "/var") &&
                    (wish ? mount_is_on_pods_ground(wishes, n_wishes, path) : !dir->inner))
                        r = pod_layer_hold(pod, &layer_var, path, wish ? !mount_is_file(&wishes[i]) : dir->fresh);
        }
        if (r == -EPERM)
                return err_set(e, r, "mount-target",
                               "policy rule mount-target: %s: in the pod's /var somebody else than root could put a "
                               "symbolic link on the way",
                               path);
        return r < 0 ? err_errno(e, r, NULL, "the way to %s in the pod's /var", path) : 0;
}

static int by_target(const void *a, const void *b)
{
        return strcmp(((const struct mount_wish *)a)->target, ((const struct mount_wish *)b)->target);
}

/*
 * What the machine does not have on the way to a mount point below its /var is an empty directory of the pod's own,
 * with the mount point in it. Were it a directory of the layer, it would be one with what the machine makes there
 * later: for everybody to enter, however closed that is. *ret says where; false: nothing is missing, or the pod's own
 * ground begins elsewhere. Once it is there, it stays so for all of the pod's units, and for the commands beside them.
 */
static bool is_missing(int pod, const struct mount_wish *wishes, size_t n_wishes, const char *target,
                       char ret[static ID_PATH_MAX + 1])
{
        if (!path_is_beneath(target, "/var") || !mount_is_on_pods_ground(wishes, n_wishes, target))
                return false;
        for (const char *slash = strchr(target + 1, '/'); (slash = strchr(slash + 1, '/'));) {
                CLEANUP(freep) char *own = NULL;

                snprintf(ret, ID_PATH_MAX + 1, "%.*s", (int)(slash - target), target);
                own = cover_of(ret);
                if (faccessat(pod, own, F_OK, AT_SYMLINK_NOFOLLOW) == 0 ||
                    (faccessat(AT_FDCWD, ret, F_OK, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT))
                        return true;
        }
        return false;
}

/* `wishes` and `paths` have room for one more each; the wishes are sorted by target, and stay so. */
static size_t cover_missing(int pod, const struct unit_text *u, struct mount_wish *wishes, size_t n,
                            char (*paths)[ID_PATH_MAX + 1])
{
        size_t n_covers = 0;

        for (size_t i = 0; i < n + n_covers && u->overlay; i++) {
                char *path = paths[n_covers];
                struct mount_wish *cover = &wishes[n + n_covers];

                if (!is_missing(pod, wishes, n + n_covers, wishes[i].target, path))
                        continue;
                *cover = (struct mount_wish){ .target = path, .own = true };
                CLEANUP(freep) char *own = cover_of(path);
                snprintf(cover->source, sizeof(cover->source), POD_RUN_DIR "/%s/%s", u->pod->uid, own);
                n_covers++;
                qsort(wishes, n + n_covers, sizeof(*wishes), by_target);
        }
        return n + n_covers;
}

/* Has the machine something of the path's first name? */
static bool is_machines(const char *path)
{
        CLEANUP(freep) char *first = xasprintf("/%.*s", (int)strcspn(path + 1, "/"), path + 1);

        return faccessat(AT_FDCWD, first, F_OK, AT_SYMLINK_NOFOLLOW) == 0 || errno != ENOENT;
}

/*
 * What the package's unit says that it writes to below /etc is for a pod what its /var is: the machine's shows through,
 * and changes are the pod's own. Each of these directories lies directly in the layer, into which no container sees:
 * so nobody but root decides where PID 1 gets to when it binds them again, and the owners and modes of all that is in
 * them are the machine's. A link is none of them, nor is where the machine has something mounted, which the layer would
 * not show.
 */
static void plan_etc(const struct unit_text *u, const struct mount_wish *wishes, size_t n_wishes,
                     struct mount_plan *plan, bool *ret)
{
        CLEANUP(strv_freep) char **paths = package_etc(u->file);
        FD etc = open("/etc", O_PATH | O_DIRECTORY | O_CLOEXEC);

        for (char **path = paths; path && *path; path++) {
                CLEANUP(freep) char *source = xasprintf(POD_RUN_DIR "/%s%s", u->pod->uid, *path);
                FD dir = dir_open(etc, *path + strlen("/etc/"));

                if (dir >= 0)
                        *ret |= mount_plan_cover(plan, wishes, n_wishes, source, *path);
        }
}

/* The names of the parts of volumes that the pod has: on its disk, or in its tmpfs. */
static char **list_sub_paths(int at, const char *uid)
{
        FD own = uid ? dir_open(at, uid) : -1, dir = dir_open(uid ? own : at, SUB_PATHS);

        return dir < 0 ? NULL : dir_list(dir);
}

struct sub_paths {
        char **disk, **memory;
};

static void sub_paths_done(struct sub_paths *s)
{
        strv_free(s->disk);
        strv_free(s->memory);
}

/*
 * Where a volume is mounted its parts are, too, each over its place in it: they lie beside it (make_sub_paths()), since
 * PID 1 looks for a part by its path on the machine, and a root daemon that writes to the volume could put a link
 * there. Nothing but what the pod mounts itself has precedence. Adds to `wishes` where that is not NULL; the targets
 * are pushed to `targets`. Returns how many there are.
 */
static size_t add_sub_paths(const struct op_container *k, const struct unit_text *u, const struct sub_paths *parts,
                            struct mount_wish *wishes, size_t n_wishes, char ***targets, size_t *n_targets)
{
        size_t n = 0;

        for (size_t i = 0; i < k->n_mounts; i++) {
                const struct op_mount *in = &k->mounts[i];
                bool disk = in->volume->kind == VOLUME_DISK;
                CLEANUP(freep) char *outer = sub_path_name(in);

                for (char **part = disk                                ? parts->disk
                                   : in->volume->kind == VOLUME_MEMORY ? parts->memory
                                                                       : NULL;
                     part && *part; part++) {
                        CLEANUP(freep) char *target = NULL;
                        bool taken = false;

                        if (!starts_with(*part, outer) || (*part)[strlen(outer)] != ':')
                                continue;
                        target =
                                xasprintf("%s/%s", streq(in->target, "/") ? "" : in->target, *part + strlen(outer) + 1);
                        for (char *colon = target + strlen(in->target); (colon = strchr(colon, ':'));)
                                *colon = '/';
                        for (size_t j = 0; j < n_wishes + n && wishes; j++)
                                taken |= streq(wishes[j].target, target);
                        if (taken || strlen(target) > ID_PATH_MAX)
                                continue;
                        if (wishes) {
                                struct mount_wish *wish = &wishes[n_wishes + n];

                                *wish = (struct mount_wish){ .target = target,
                                                             .read_only = in->read_only,
                                                             .own = true };
                                snprintf(wish->source, sizeof(wish->source), "%s/%s/" SUB_PATHS "/%s",
                                         disk ? POD_DISK_DIR : POD_RUN_DIR, u->pod->uid, *part);
                                strv_push(targets, n_targets, TAKE(target));
                        }
                        n++;
                        if (n > SUB_PATHS_MAX)
                                return n; /* more than are taken */
                }
        }
        return n;
}

/* Where on the machine the mounted part of a volume is. */
static int find_source(const struct op_container *k, const struct unit_text *u, const struct op_mount *mount,
                       struct mount_wish *wish, struct err *e)
{
        const struct op_volume *v = mount->volume;
        const char *top = v->kind == VOLUME_DISK ? POD_DISK_DIR : POD_RUN_DIR, *uid = u->pod->uid;
        CLEANUP(freep) char *part = sub_path_name(mount), *path = NULL;
        bool is_part = *mount->sub_path, make;
        int r;

        switch (v->kind) {
        case VOLUME_MESSAGE:
                path = xasprintf(MESSAGE_DIR "/%s.%s", uid, k->c->name);
                break;
        case VOLUME_HOST:
                r = host_path_check(v->host_path, v->host_type, !v->read_only, e);
                if (r < 0)
                        return r;
                make = is_part && !mount->read_only && faccessat(AT_FDCWD, mount->host_path, F_OK, 0) < 0;
                r = is_part ? host_path_check(mount->host_path, make ? "DirectoryOrCreate" : "", make, e) : 0;
                if (r < 0)
                        return r;
                path = xstrdup(mount->host_path);
                break;
        case VOLUME_FILES:
                path = xasprintf("%s/%s/files/%s%s%s", top, uid, v->name, is_part ? "/" : "", mount->sub_path);
                if (is_part && (strlen(path) > ID_PATH_MAX || faccessat(AT_FDCWD, path, F_OK, 0) < 0))
                        return err_set(e, -ENOENT, NULL, "volumeMounts: subPath \"%.200s\" is not in volume %s",
                                       mount->sub_path, v->name);
                break;
        default:
                path = xasprintf("%s/%s/%s/%s", top, uid, is_part ? SUB_PATHS : "volumes", part);
        }
        snprintf(wish->source, sizeof(wish->source), "%s", path);
        return 0;
}

/* `dir`: room for u->working_dir. */
static int plan_mounts(struct machine *m, int pod, const struct op_container *k, struct unit_text *u, bool beside,
                       char dir[static ID_PATH_MAX + 1], struct mount_plan *ret, struct err *e)
{
        CLEANUP(sub_paths_done)
        struct sub_paths parts = { list_sub_paths(m->disk, u->pod->uid), list_sub_paths(pod, NULL) };
        CLEANUP(strv_freep) char **targets = NULL, **packages = package_mounts(u->file), **closed = NULL;
        const size_t n_parts = add_sub_paths(k, u, &parts, NULL, 0, NULL, NULL);
        const size_t room = k->n_mounts + (n_parts > SUB_PATHS_MAX ? 0 : n_parts) + 1; /* and workingDir */
        CLEANUP(freep) struct mount_wish *wishes = xcalloc(2 * room, sizeof(*wishes));
        CLEANUP(freep) char(*covers)[ID_PATH_MAX + 1] = xcalloc(room + 1, sizeof(*covers));
        CLEANUP(freep) char *own = xasprintf(POD_RUN_DIR "/%s", u->pod->uid);
        size_t n = k->n_mounts, n_targets = 0;
        bool wished = false;
        int r = n_parts > SUB_PATHS_MAX
                        ? err_set(e, -E2BIG, NULL, "volumeMounts: more than %d parts of volumes in one container",
                                  SUB_PATHS_MAX)
                        : 0;

        for (size_t i = 0; i < k->n_mounts && r == 0; i++) {
                const struct op_volume *v = k->mounts[i].volume;

                r = policy_place(&u->who, k->mounts[i].target, is_machines(k->mounts[i].target), e);
                if (r < 0)
                        return r;
                wishes[i].target = k->mounts[i].target;
                wishes[i].read_only =
                        k->mounts[i].read_only && (v->kind != VOLUME_FILES || u->who.root ||
                                                   u->who.gains); /* root's files: nobody else can write */
                u->writes_host |= v->kind == VOLUME_HOST && !wishes[i].read_only;
                u->reads_host |= v->kind == VOLUME_HOST && wishes[i].read_only;
                wishes[i].own = v->kind == VOLUME_DISK || v->kind == VOLUME_MEMORY;
                wishes[i].is_file = v->kind == VOLUME_MESSAGE;
                r = find_source(k, u, &k->mounts[i], &wishes[i], e);
        }
        if (r == 0)
                n += add_sub_paths(k, u, &parts, wishes, n, &targets, &n_targets);
        if (r < 0 || (r = working_dir_plan(m, k, u, dir, &wishes[n], &wished, e)) < 0)
                return r;
        n += wished;
        qsort(wishes, n, sizeof(*wishes), by_target);
        close_ways(pod, u, packages, &closed);
        if ((r = note_ways(pod, u, wishes, n, beside, packages, closed, e)) < 0)
                return r;
        n = cover_missing(pod, u, wishes, n, covers);
        if ((r = mount_points_make(own, u->overlay, wishes, n, e)) < 0 || (r = hold_ways(pod, u, wishes, n, e)) < 0)
                return r;
        r = mount_plan_make(wishes, n, ret, e);
        if (r == 0)
                plan_etc(u, wishes, n, ret, &u->etc);
        ret->closed = r == 0 ? TAKE(closed) : NULL;
        return r;
}

void container_text_done(struct container_text *t)
{
        unit_file_free(t->file);
        mount_plan_done(&t->mounts);
        given_done(&t->given);
        free(t->program);
        *t = (struct container_text){ 0 };
}

int container_text_make(struct machine *m, const struct op_write *op, const struct op_container *k, int pod,
                        bool overlay, bool beside, struct container_text *t, struct err *e)
{
        const Vks__Container *c = k->c;
        struct unit_text *u = &t->u;
        int r = c->unit[0] ? package_unit_load(c->package, c->unit, &t->file, e) : 0;

        *u = (struct unit_text){
                .pod = &op->pod,
                .qos = op->qos,
                .grace_seconds = op->grace_seconds,
                .container = c->name,
                .image = c->image,
                .package = c->package,
                .package_unit = c->unit,
                .restart = c->restart,
                .mark = c->mark,
                .n_command = c->n_command,
                .n_args = c->n_args,
                .command = c->command,
                .args = c->args,
                .mounts = &t->mounts,
                .given = &t->given,
                .overlay = overlay,
                .console = c->console && !beside,
                .stop_signal = c->stop_signal,
                .read_only_root = c->read_only_root,
                .filter_system_calls = c->filter_system_calls,
                .drop_capabilities = c->drop_capabilities,
                .limits = c->limits,
                .oom_score_adjust = c->oom_score_adjust,
                .message = streq(c->message_path, MESSAGE_PATH),
                .file = t->file,
        };
        if (r < 0 || (r = privilege_find(op->policy, k, t->file, &u->who, e)) < 0 ||
            (r = find_program(op, k, beside, u->who.root, &t->program, e)) < 0)
                return r;
        u->program = t->program;
        u->who.no_new_privileges |= u->who.become && c->drop_capabilities; /* see capabilities() in identity.c */
        if ((r = given_of(t->file, &t->given, e)) < 0 || (r = choose_fresh(u, pod, beside, &t->given, e)) < 0)
                return r;
        choose_inner(u, &t->given);
        t->given.roots = u->who.root && !given_is_open(t->file, u->who.gid);
        u->pid_file = t->pid_file;
        if (!beside && !u->program) /* a command of the pod's own has none */
                choose_pid_file(u, pod, t->pid_file);
        r = plan_mounts(m, pod, k, u, beside, t->dir, &t->mounts, e);
        if (r < 0)
                return r;
        if (t->mounts.root && !u->who.set_user &&
            unit_yes(unit_file_get(t->file, "DynamicUser"))) /* means ProtectSystem=strict */
                return err_set(e, -EOPNOTSUPP, NULL,
                               "mountPath or workingDir: %s runs as a dynamic user, and so nothing can be mounted "
                               "where this node has no directory (/name)",
                               c->unit);
        return 0;
}
