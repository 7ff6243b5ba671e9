/* SPDX-License-Identifier: Apache-2.0 */
#include "helper/text/package_paths.h"

#include <stdio.h>

#include "common/mem.h"
#include "policy/path.h"

/* How a list's words name the path that they are about, and what is done with them. */
enum shape {
        PATH,    /* [-+]PATH */
        EXEC,    /* the same; at a directory that is bound it is a flag of ours, and takes nothing away */
        HIDDEN,  /* the same; all that lies beneath is lost as well */
        TMPFS,   /* PATH[:OPTIONS] */
        BIND,    /* [-]SOURCE[:PATH[:OPTIONS]]: becomes read-only */
        BIND_RO, /* the same, and is */
};

static const struct list {
        const char *key, *alias; /* an older name of the same list */
        const char *written;     /* the name that it gets in a pod's unit */
        enum shape shape;
} lists[] = {
        { "ReadOnlyPaths", "ReadOnlyDirectories", "ReadOnlyPaths", PATH },
        { "InaccessiblePaths", "InaccessibleDirectories", "InaccessiblePaths", HIDDEN },
        { "NoExecPaths", "", "NoExecPaths", EXEC },
        { "ExecPaths", "", "ExecPaths", EXEC },
        { "TemporaryFileSystem", "", "TemporaryFileSystem", TMPFS },
        { "BindPaths", "", "BindReadOnlyPaths", BIND },
        { "BindReadOnlyPaths", "", "BindReadOnlyPaths", BIND_RO },
        { "MountImages", "", "MountImages", BIND_RO },
};

/* Where each pod has something of its own, whatever its volumes are (view.c, view_mounts()). */
static const char *const always_ours[] = {
        "/",
        "/var",
        "/run",
        "/tmp",
        "/home",
        "/root",
        "/etc/vks",
        "/dev",
        "/dev/shm",
        "/var/lib/vks",
        "/run/dbus",
        "/run/systemd/notify",
        "/run/vks",
        "/run/systemd",
        "/run/systemd/journal",
        "/run/systemd/journal/socket",
        "/run/systemd/journal/dev-log",
        "/run/systemd/journal/stdout",
        "/dev/fuse",
        "/run/systemd/resolve",
};

static bool is_ours(const struct mount_plan *mounts, const char *path, bool above)
{
        for (size_t i = 0; i < ARRAY_LEN(always_ours); i++)
                if (above ? path_is_in(always_ours[i], path) : streq(path, always_ours[i]))
                        return true;
        for (size_t i = 0; i < mounts->n; i++)
                if (above ? path_is_in(mounts->lines[i].target, path) : streq(path, mounts->lines[i].target))
                        return true;
        return false;
}

/*
 * Does one of the pod's volumes lie around `path`, or beneath what is bound there? In the first case the package's
 * mount point would be in the volume, where the pod may put a link in its place; in the second the volume's would be in
 * what the package binds, where PID 1 makes it before that is read-only. A tmpfs may have a volume's: it is new.
 *
 * Or does `path` lie beneath a directory that PID 1 gives to a user? He, too, may put a link in its place.
 */
static bool is_entangled(const struct mount_plan *mounts, const struct given *given, enum shape shape, const char *path)
{
        bool mounted = shape == TMPFS || shape == BIND || shape == BIND_RO;

        for (size_t i = 0; mounted && !given->roots && i < given->n; i++)
                if (path_is_beneath(path, given->dirs[i].path))
                        return true;
        for (char **closed = mounted ? mounts->closed : NULL; closed && *closed; closed++)
                if (streq(path, *closed))
                        return true;

        for (size_t i = 0; mounted && i < mounts->n; i++) {
                const struct mount_line *l = &mounts->lines[i];

                if (l->source && *l->source == '/' &&
                    (path_is_in(path, l->target) || (shape != TMPFS && path_is_in(l->target, path))))
                        return true;
        }
        return false;
}

/* Where the pod has directories and volumes of its own: what the package expects there need not be there. */
static bool is_on_pods_ground(const struct mount_plan *mounts, const char *path)
{
        static const char *const own[] = { "/var", "/run", "/tmp", "/home", "/root", "/dev" };
        bool found = false;

        for (size_t i = 0; i < ARRAY_LEN(own); i++)
                found |= path_is_in(path, own[i]);
        for (size_t i = 0; i < mounts->n; i++)
                found |= mounts->lines[i].source && *mounts->lines[i].source == '/' &&
                         path_is_in(path, mounts->lines[i].target);
        return found;
}

static bool is_tmpfs_of_ours(const struct mount_plan *mounts, const char *path)
{
        for (size_t i = 0; i < mounts->n; i++)
                if (mounts->lines[i].kind == MOUNT_TMPFS && streq(path, mounts->lines[i].target))
                        return true;
        return streq(path, "/home") || streq(path, "/root") || streq(path, "/dev");
}

/*
 * The path as systemd takes it: specifiers of directories resolved, slashes and "." put right, and through the links
 * that each pod's /var has. NULL where that cannot be said; then the word is left out.
 */
static char *normalized(const char *s, size_t n)
{
        static const struct {
                char letter;
                const char *dir;
        } specifiers[] = { { 't', "/run" }, { 'S', "/var/lib" }, { 'C', "/var/cache" }, { 'L', "/var/log" },
                           { 'E', "/etc" }, { 'T', "/tmp" },     { 'V', "/var/tmp" } };
        CLEANUP(buf_done) struct buf raw = BUF(8192), path = BUF(8192);

        for (size_t i = 0; i < n; i++) {
                const char *dir = NULL;

                if (s[i] != '%') {
                        buf_char(&raw, s[i]);
                        continue;
                }
                for (size_t k = 0; k < ARRAY_LEN(specifiers); k++)
                        if (i + 1 < n && s[i + 1] == specifiers[k].letter)
                                dir = specifiers[k].dir;
                if (!dir)
                        return NULL;
                buf_str(&raw, dir);
                i++;
        }
        if (!buf_ok(&raw) || raw.len == 0 || raw.data[0] != '/')
                return NULL;
        for (const char *at = raw.data; *(at += strspn(at, "/"));) {
                size_t part = strcspn(at, "/");

                if (part == 2 && at[0] == '.' && at[1] == '.')
                        return NULL;
                if (!(part == 1 && at[0] == '.'))
                        buf_printf(&path, "/%.*s", (int)part, at);
                at += part;
        }
        if (path.len == 0)
                return xstrdup("/");
        if (path_is_in(path.data, "/var/run") || path_is_in(path.data, "/var/lock"))
                return xasprintf("%s%s", starts_with(path.data, "/var/lock") ? "/run" : "", path.data + strlen("/var"));
        return buf_steal(&path);
}

/* What a word of such a list is about. */
static char *target_of(enum shape shape, const char *word)
{
        const char *colon;

        word += strspn(word, shape == TMPFS ? "" : shape == BIND || shape == BIND_RO ? "-" : "-+");
        colon = shape == PATH || shape == EXEC || shape == HIDDEN ? NULL : strchr(word, ':');
        if (colon && shape != TMPFS) {
                word = colon + 1;
                colon = strchr(word, ':');
        }
        return normalized(word, colon ? (size_t)(colon - word) : strlen(word));
}

/* Would the bind bring the machine's system bus into the pod's view? Who sees that is decided by policy_privilege(). */
static bool shows_bus(enum shape shape, const char *word)
{
        CLEANUP(freep) char *source = NULL;

        if (shape != BIND && shape != BIND_RO)
                return false;
        word += strspn(word, "-");
        source = normalized(word, strcspn(word, ":"));
        return !source || path_is_in("/run/dbus", source) || path_is_in(source, "/run/dbus");
}

/* To the bind of ours at that path systemd would give both flags, and then nothing there could be executed. */
static bool is_executable(const struct unit_file *file, const char *path)
{
        CLEANUP(freep) char *words = unit_file_words(file, "ExecPaths");
        bool found = false;

        for (const char *at = words; *at; at += strspn(at, " ")) {
                size_t n = strcspn(at, " ");
                size_t prefix = strspn(at, "-+");
                CLEANUP(freep) char *target = prefix < n ? normalized(at + prefix, n - prefix) : NULL;

                found |= streq(target, path);
                at += n;
        }
        return found;
}

/* What was meant for the whole of a directory that is a tmpfs of ours is said of all that is mounted in it. */
static void say_of_entries(struct buf *b, const char *key, const struct unit_file *file,
                           const struct mount_plan *mounts, const char *dir)
{
        for (size_t i = 0; i < mounts->n; i++) {
                const char *target = mounts->lines[i].target;

                if (mounts->lines[i].kind == MOUNT_TMPFS || !path_is_in(target, dir) || strpbrk(target, "\"' %") ||
                    is_executable(file, target))
                        continue;
                buf_printf(b, "%s=-%s\n", key, target);
        }
}

static void word(struct buf *b, const struct list *l, const struct unit_file *file, const struct mount_plan *mounts,
                 const struct given *given, const char *text)
{
        CLEANUP(freep) char *target = strpbrk(text, "\"'\\") ? NULL : target_of(l->shape, text);
        bool is_list_of_paths = l->shape == PATH || l->shape == EXEC || l->shape == HIDDEN;
        /* Above one of ours: that would be hidden, or PID 1 would make its mount point in what the package binds. */
        bool reaches_down = l->shape == HIDDEN || l->shape == BIND || l->shape == BIND_RO;

        if (!target || shows_bus(l->shape, text))
                return;
        if (l->shape == EXEC) {
                if (is_tmpfs_of_ours(mounts, target)) {
                        if (streq(l->key, "NoExecPaths"))
                                say_of_entries(b, l->written, file, mounts, target);
                        return;
                }
        } else if (is_ours(mounts, target, reaches_down) || is_entangled(mounts, given, l->shape, target)) {
                return;
        }
        if (is_list_of_paths && *text != '-' && is_on_pods_ground(mounts, target))
                buf_printf(b, "%s=-%s\n", l->written, text);
        else
                buf_printf(b, "%s=%s\n", l->written, text);
}

static bool is_of_list(const struct list *l, const struct unit_setting *s)
{
        return streq(s->key, l->key) || (*l->alias && streq(s->key, l->alias));
}

/* An empty assignment takes back what came before it; to systemd the two kinds of binds are one list. */
static size_t first_in_force(const struct unit_file *file, const struct list *l)
{
        size_t first = 0;

        for (size_t i = 0; i < file->n; i++) {
                const struct unit_setting *s = &file->service[i];
                bool bind = starts_with(l->key, "Bind") &&
                            (streq(s->key, "BindPaths") || streq(s->key, "BindReadOnlyPaths"));

                if (!*s->value && (bind || is_of_list(l, s)))
                        first = i + 1;
        }
        return first;
}

char **package_etc(const struct unit_file *file)
{
        static const char *const keys[] = { "ReadWritePaths", "ReadWriteDirectories", "ConfigurationDirectory" };
        char **ret = NULL;
        size_t n_ret = 0;

        for (size_t k = 0; file && k < ARRAY_LEN(keys); k++) {
                CLEANUP(freep) char *words = unit_file_words(file, keys[k]);

                for (const char *at = words; *at; at += strspn(at, " ")) {
                        size_t n = strcspn(at, " ");
                        CLEANUP(freep) char *word = xasprintf("%s%.*s", k == 2 ? "/etc/" : "", (int)n, at);
                        char *path = strpbrk(word, "\"':\\") ? NULL : target_of(PATH, word);

                        at += n;
                        if (path && starts_with(path, "/etc/") && id_is_filename(path + strlen("/etc/")) &&
                            !streq(path, "/etc/vks"))
                                strv_push(&ret, &n_ret, path);
                        else
                                free(path);
                }
        }
        return ret;
}

char **package_mounts(const struct unit_file *file)
{
        char **ret = NULL;
        size_t n_ret = 0;

        for (size_t k = 0; file && k < ARRAY_LEN(lists); k++) {
                for (size_t i = 0; lists[k].shape >= TMPFS && i < file->n; i++) {
                        CLEANUP(freep) char *value = xstrdup(file->service[i].value);
                        char *rest = value, *text;

                        while (is_of_list(&lists[k], &file->service[i]) && (text = strsep(&rest, " \t"))) {
                                char *target =
                                        *text && !strpbrk(text, "\"'\\") ? target_of(lists[k].shape, text) : NULL;

                                if (target)
                                        strv_push(&ret, &n_ret, target);
                        }
                }
        }
        return ret;
}

void package_paths(struct buf *b, const struct unit_file *file, const struct mount_plan *mounts,
                   const struct given *given)
{
        bool has[ARRAY_LEN(lists)] = { 0 };

        for (size_t k = 0; file && k < ARRAY_LEN(lists); k++) {
                for (size_t i = 0; i < file->n; i++)
                        has[k] |= is_of_list(&lists[k], &file->service[i]);
                if (has[k])
                        buf_printf(b, "%s=\n", lists[k].key);
        }
        for (size_t k = 0; file && k < ARRAY_LEN(lists); k++)
                for (size_t i = has[k] ? first_in_force(file, &lists[k]) : file->n; i < file->n; i++) {
                        if (!is_of_list(&lists[k], &file->service[i]))
                                continue;
                        for (const char *at = file->service[i].value; *(at += strspn(at, " \t"));) {
                                size_t n = strcspn(at, " \t");
                                CLEANUP(freep) char *text = xstrndup(at, n);

                                word(b, &lists[k], file, mounts, given, text);
                                at += n;
                        }
                }
}

bool package_paths_replace(const struct unit_file *file, const char *path)
{
        const char *proc = unit_file_get(file, "ProtectProc");

        if (streq(path, "/dev"))
                return unit_yes(unit_file_get(file, "PrivateDevices"));
        return streq(path, "/proc") &&
               ((*proc && !streq(proc, "default")) || streq(unit_file_get(file, "ProcSubset"), "pid"));
}
