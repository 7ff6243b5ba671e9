/* SPDX-License-Identifier: Apache-2.0 */
#include "helper/text/mount_plan.h"

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>

#include "common/mem.h"
#include "helper/files/links.h"
#include "helper/files/trust.h"
#include "common/utf8.h"
#include "policy/path.h"

enum { ENTRIES_MAX = 512, LINES_MAX = 4096 };

void mount_plan_done(struct mount_plan *p)
{
        for (size_t i = 0; i < p->n; i++) {
                free(p->lines[i].source);
                free(p->lines[i].target);
        }
        free(p->lines);
        strv_free(p->closed);
        *p = (struct mount_plan){ 0 };
}

static void add(struct mount_plan *p, enum mount_kind kind, char *source, char *target)
{
        p->lines = xrealloc(p->lines, p->n + 1, sizeof(*p->lines));
        p->lines[p->n++] = (struct mount_line){ .kind = kind, .source = source, .target = target };
}

/* Of the plan's lines only the first `n_tmpfs` may be at an entry of a mirrored directory: the others, of which there
 * may be thousands, are entries of it, each of which is there once, or of another one. */
static bool is_target(const struct mount_plan *p, size_t n_tmpfs, const struct mount_wish *wishes, size_t n_wishes,
                      const char *path)
{
        for (size_t i = 0; i < n_wishes; i++)
                if (streq(wishes[i].target, path))
                        return true;
        for (size_t i = 0; i < n_tmpfs; i++)
                if (streq(p->lines[i].target, path))
                        return true;
        return false;
}

bool mount_plan_cover(struct mount_plan *p, const struct mount_wish *wishes, size_t n_wishes, const char *source,
                      const char *target)
{
        size_t i = 0;

        for (size_t k = 0; k < n_wishes; k++)
                if (path_is_in(wishes[k].target, target) || path_is_in(target, wishes[k].target))
                        return false;
        while (i < p->n && !streq(p->lines[i].target, target))
                i++;
        if (i == p->n)
                add(p, MOUNT_BIND, NULL, xstrdup(target));
        free(p->lines[i].source);
        p->lines[i].kind = MOUNT_BIND;
        p->lines[i].source = xasprintf("-%s", source); /* "-": as of all that shows what the machine has */
        return true;
}

/* Where nothing of the host's is touched: the pod's own directories, and what lies in another volume. */
static bool is_private(const struct mount_wish *wishes, size_t n_wishes, const char *target)
{
        static const char *const own[] = { "/var", "/run", "/tmp", "/home", "/root" };

        for (size_t i = 0; i < ARRAY_LEN(own); i++)
                if (path_is_in(target, own[i]))
                        return true;
        for (size_t i = 0; i < n_wishes; i++)
                if (path_is_beneath(target, wishes[i].target))
                        return true;
        return false;
}

/* Could somebody else than root change what this name leads to, now or when root has taken it away? */
static bool is_others(const char *path, UNUSED const void *userdata)
{
        CLEANUP(freep) char *parent = xstrndup(path, (size_t)(strrchr(path, '/') - path));
        struct stat dir;

        return stat(*parent ? parent : "/", &dir) < 0 || dir.st_uid || (dir.st_mode & 022);
}

/*
 * A link is followed by PID 1 at each start. On the way of one may be a directory of the machine's to which a pod has a
 * hostPath, or which is a user's: who writes there would choose what is shown in its place, and be it in a directory
 * that only root enters.
 */
bool mount_leads_through_others(const char *path)
{
        CLEANUP(freep) char *where = NULL;

        return links_lead(path, is_others, NULL, &where) != -ENOENT;
}

/* A tmpfs at `dir`, and each of its entries bound back, but those that something else of the plan replaces. */
static int mirror(struct mount_plan *p, size_t n_tmpfs, const struct mount_wish *wishes, size_t n_wishes,
                  const char *dir, struct err *e)
{
        static const char *const writable[] = { "/proc", "/sys", "/dev" }, *const other[] = { "/var",  "/run",
                                                                                              "/tmp",  "/home",
                                                                                              "/root", "/etc/vks" };
        DIR *d = opendir(dir);
        struct dirent *entry;
        size_t n = 0;

        if (!d)
                return err_errno(e, -errno, "host-path", "%s", dir);
        while ((entry = readdir(d)) && n <= ENTRIES_MAX) {
                CLEANUP(freep) char *path = xasprintf("%s/%s", streq(dir, "/") ? "" : dir, entry->d_name);
                bool skip = streq(entry->d_name, ".") || streq(entry->d_name, "..") ||
                            is_target(p, n_tmpfs, wishes, n_wishes, path) || strpbrk(path, UNIT_PATH_NEVER) ||
                            !utf8_clean(path, strlen(path), "");
                enum mount_kind kind = MOUNT_BIND_READ_ONLY;

                for (size_t i = 0; i < ARRAY_LEN(other); i++)
                        skip |= streq(path, other[i]);
                for (size_t i = 0; i < ARRAY_LEN(writable); i++)
                        kind = streq(path, writable[i]) ? MOUNT_BIND : kind;
                if (skip || (entry->d_type != DT_DIR && entry->d_type != DT_REG && mount_leads_through_others(path)))
                        continue;
                n++;
                add(p, kind, xasprintf("-%s", path), xstrdup(path)); /* "-": a symbolic link may lead nowhere */
        }
        closedir(d);
        return n > ENTRIES_MAX ? err_set(e, -E2BIG, NULL, "mountPath: %s has more than %d entries, too many to add one",
                                         dir, ENTRIES_MAX)
                               : 0;
}

/* May everybody list `dir`, and enter it and all directories above? */
static bool is_open(const char *dir)
{
        CLEANUP(freep) char *path = xstrdup(dir);
        struct stat st;
        bool open = stat(dir, &st) == 0 && (st.st_mode & S_IROTH) && (st.st_mode & S_IXOTH);

        for (char *slash = strrchr(path, '/'); open && slash != path; slash = strrchr(path, '/')) {
                *slash = '\0';
                open = stat(path, &st) == 0 && (st.st_mode & S_IXOTH);
        }
        return open;
}

/* The pod's field that the target comes from. */
static const char *field_of(const struct mount_wish *wish)
{
        return wish->is_working_dir ? "workingDir" : "mountPath";
}

static int plan_target(struct mount_plan *p, const struct mount_wish *wishes, size_t n_wishes,
                       const struct mount_wish *wish, struct err *e)
{
        const char *target = wish->target;
        CLEANUP(freep) char *dir = xstrdup(target);
        struct stat st;

        if (is_private(wishes, n_wishes, target) || stat(target, &st) == 0)
                return 0;
        do {
                char *slash = strrchr(dir, '/');
                slash[slash == dir ? 1 : 0] = '\0';
        } while (stat(dir, &st) < 0 || !S_ISDIR(st.st_mode));
        for (size_t i = 0; i < p->n; i++)
                if (streq(p->lines[i].target, dir) && p->lines[i].kind == MOUNT_TMPFS)
                        return 0;
        if (!is_open(dir))
                return err_set(e, -EPERM, "mount-target",
                               "policy rule mount-target: %s %s is not there, and %s is closed to others: to "
                               "make it there would show what "
                               "is beside it",
                               field_of(wish), target, dir);
        if (strpbrk(dir, ": "))
                return err_set(e, -EOPNOTSUPP, NULL, "%s: %s cannot be made in %s", field_of(wish), target, dir);
        add(p, MOUNT_TMPFS, NULL, xstrdup(dir));
        p->root |= streq(dir, "/");
        return 0;
}

/* The innermost of the other volumes that `target` lies in. */
static const struct mount_wish *around(const struct mount_wish *wishes, size_t n_wishes, const char *target)
{
        const struct mount_wish *in = NULL;

        for (size_t i = 0; i < n_wishes; i++)
                if (path_is_beneath(target, wishes[i].target))
                        in = &wishes[i];
        return in;
}

bool mount_is_on_pods_ground(const struct mount_wish *wishes, size_t n_wishes, const char *target)
{
        return !around(wishes, n_wishes, target) &&
               (path_is_beneath(target, "/run") || path_is_beneath(target, "/var") || path_is_beneath(target, "/tmp"));
}

bool mount_is_file(const struct mount_wish *wish)
{
        struct stat st;

        return wish->is_file || (stat(wish->source, &st) == 0 && !S_ISDIR(st.st_mode));
}

int mount_points_make(const char *pod, bool overlay, const struct mount_wish *wishes, size_t n_wishes, struct err *e)
{
        for (size_t i = 0; i < n_wishes; i++) {
                const char *target = wishes[i].target;
                const struct mount_wish *in = around(wishes, n_wishes, target);
                bool own = in ? in->own
                              : path_is_beneath(target, "/run") || path_is_beneath(target, "/tmp") ||
                                           (!overlay && path_is_beneath(target, "/var"));
                CLEANUP(freep)
                char *path = xasprintf("%s%s",
                                       in    ? in->source
                                       : own ? pod
                                             : "",
                                       target + (in ? strlen(in->target) : 0));
                bool file = mount_is_file(&wishes[i]);
                int r;

                if (!in && (path_is_beneath(target, "/home") || path_is_beneath(target, "/root")))
                        continue; /* a tmpfs of the container's own */
                r = trust_path(path, !own ? TRUST_STAYS : file ? TRUST_FILE : TRUST_DIR, own, NULL);
                if (r == -ELOOP || r == -EPERM)
                        return err_set(e, -EPERM, "mount-target", "policy rule mount-target: %s %s: %s",
                                       field_of(&wishes[i]), target,
                                       r == -ELOOP ? "a symbolic link is on the way"
                                                   : "somebody else than root could put a symbolic link on the way");
                if (r == -ENOENT && in)
                        return err_set(e, -EPERM, "mount-target",
                                       "policy rule mount-target: %s %s is not there, and in the volume at %s it "
                                       "cannot be made",
                                       field_of(&wishes[i]), target, in->target);
                if (r < 0 && r != -ENOENT)
                        return err_errno(e, r, NULL, "%s %s", field_of(&wishes[i]), target);
        }
        return 0;
}

int mount_plan_make(const struct mount_wish *wishes, size_t n_wishes, struct mount_plan *ret, struct err *e)
{
        CLEANUP(mount_plan_done) struct mount_plan p = { 0 };
        size_t n_tmpfs;
        int r = 0;

        for (size_t i = 0; i < n_wishes && r == 0; i++)
                r = plan_target(&p, wishes, n_wishes, &wishes[i], e);
        n_tmpfs = p.n;
        for (size_t i = 0; i < n_tmpfs && r == 0; i++) {
                if (p.n > LINES_MAX)
                        return err_set(e, -E2BIG, NULL, "mountPath: too many in directories that have many entries");
                CLEANUP(freep) char *dir = xstrdup(p.lines[i].target);
                r = mirror(&p, n_tmpfs, wishes, n_wishes, dir, e);
        }
        if (r < 0)
                return r;
        for (size_t i = 0; i < n_wishes; i++)
                add(&p, wishes[i].read_only ? MOUNT_BIND_READ_ONLY : MOUNT_BIND, xstrdup(wishes[i].source),
                    xstrdup(wishes[i].target));
        *ret = p;
        p = (struct mount_plan){ 0 };
        return 0;
}
