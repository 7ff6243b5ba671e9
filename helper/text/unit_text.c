/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every text that systemd is given is made here. What comes from a pod is written by quoted(), path() or
 * unit_text_env() and in no other way, or is an id whose alphabet needs no quoting (common/ids.h).
 */
#include "helper/text/unit_text.h"

#include <stdio.h>
#include <sys/capability.h>

#include "common/console.h"
#include "common/mem.h"
#include "common/message.h"
#include "common/utf8.h"
#include "helper/text/package_paths.h"
#include "policy/path.h"

enum { BESIDE_STOP_S = 2 }; /* between SIGTERM and SIGKILL for a command whose client is gone */

#define PREFIXES "-@:+!|" /* of a command in an Exec line */
#define VKS_EXEC "/usr/libexec/vks/vks-exec"

/*
 * One word of a command line, in systemd's quotes (systemd.service(5), COMMAND LINES): arrives byte for byte.
 * `expanded`: the line's variables are, so "$" is doubled.
 */
static void quoted(struct buf *b, const char *s, bool expanded)
{
        buf_char(b, '"');
        for (; *s; s++) {
                if ((unsigned char)*s < ' ' || (unsigned char)*s >= 0x7f) {
                        buf_printf(b, "\\x%02x", (unsigned char)*s);
                        continue;
                }
                if (*s == '%' || (*s == '$' && expanded))
                        buf_char(b, *s);
                else if (*s == '"' || *s == '\\')
                        buf_char(b, '\\');
                buf_char(b, *s);
        }
        buf_char(b, '"');
}

/* A path in a list of paths, where systemd knows quotes but no \xNN. Policy has refused control characters and
 * backslashes. */
static void path(struct buf *b, const char *s)
{
        buf_char(b, '"');
        for (; *s; s++) {
                if (*s == '%' || *s == '"')
                        buf_char(b, *s == '%' ? '%' : '\\');
                buf_char(b, *s);
        }
        buf_char(b, '"');
}

/* What systemd's src/basic/env-util.c accepts: letters, digits and underscores; UTF-8 without control characters but
 * tab and newline. */
static bool env_is_plain(const char *name, const void *value, size_t size)
{
        return name[strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_")] == '\0' &&
               !strchr("0123456789", *name) && utf8_clean(value, size, "\t\n");
}

/* A line of an environment file, as systemd's src/basic/env-file.c reads it. */
void unit_text_env(const struct unit_text *u, const char *name, const void *value, size_t size, struct buf *b,
                   struct buf *carried)
{
        if (u->who.become || !env_is_plain(name, value, size)) {
                buf_printf(carried, "%s=", name);
                buf_add(carried, value, size);
                buf_char(carried, '\0');
                return;
        }
        buf_printf(b, "%s=\"", name);
        for (const char *s = value; size-- > 0; s++) {
                if (strchr("\"\\`$", *s))
                        buf_char(b, '\\');
                buf_char(b, *s);
        }
        buf_str(b, "\"\n");
}

void unit_text_hidden(uint32_t index, const char *word, struct buf *carried)
{
        buf_printf(carried, "=%u=", index);
        buf_str(carried, word);
        buf_char(carried, '\0');
}

/* What unit_text_env() has written, and nothing else: so this is no reader of environment files. */
static void carry_file(const char *s, size_t n, struct buf *b)
{
        bool quoted = false;

        for (const char *end = s + n; s < end; s++) {
                if (*s == '"')
                        quoted = !quoted;
                else if (*s == '\n' && !quoted)
                        buf_char(b, '\0');
                else
                        buf_char(b, *s == '\\' && s + 1 < end ? *++s : *s);
        }
}

void unit_text_env_beside(const void *file, size_t n_file, const void *carried, size_t n_carried, bool all,
                          struct buf *b)
{
        const char *s = carried, *end = s + n_carried;

        for (size_t n; s < end; s += n) {
                n = strnlen(s, (size_t)(end - s)) + 1;
                if (*s != '=')
                        buf_add(b, s, n);
        }
        if (all)
                carry_file(file, n_file, b);
}

void unit_text_log_fields(const struct unit_text *u, const char *unit, struct buf *b)
{
        buf_printf(b,
                   "OBJECT_SYSTEMD_UNIT=%s\nVKS_POD_UID=%s\nVKS_POD=%s/%s\nVKS_CONTAINER=%s\nSYSLOG_IDENTIFIER=%s\n"
                   "PRIORITY=6\n",
                   unit, u->pod->uid, u->pod->namespace, u->pod->name, u->container, u->container);
}

void unit_text_owner(const char *uid, struct buf *b)
{
        buf_printf(b, "[X-Kubernetes]\nUID=%s\n", uid);
}

/* A number means what systemd.resource-control(5) says of it; 0 is written nowhere. */
static void limits(struct buf *b, const Vks__Limits *l)
{
        if (!l)
                return;
        if (l->cpu_weight)
                buf_printf(b, "CPUWeight=%u\n", l->cpu_weight);
        if (l->cpu_milli)
                buf_printf(b, "CPUQuota=%u.%u%%\n", l->cpu_milli / 10, l->cpu_milli % 10);
        if (l->memory_max)
                buf_printf(b, "MemoryMax=%llu\nMemorySwapMax=0\n", (unsigned long long)l->memory_max);
        if (l->tasks_max)
                buf_printf(b, "TasksMax=%u\n", l->tasks_max);
}

bool unit_text_slice(const struct pod_id *pod, const Vks__Limits *l, struct buf *b)
{
        CLEANUP(buf_done) struct buf lines = BUF(1024);

        limits(&lines, l);
        if (!lines.len)
                return false;
        unit_text_owner(pod->uid, b);
        buf_printf(b, "\n[Unit]\nDescription=Pod %s/%s\n\n[Slice]\n%s", pod->namespace, pod->name, lines.data);
        return true;
}

bool unit_text_resized(const char *unit, const Vks__Limits *l, struct buf *b)
{
        CLEANUP(buf_done) struct buf lines = BUF(1024);

        limits(&lines, l);
        if (lines.len)
                buf_printf(b, "[%s]\n%s", ends_with(unit, ".slice") ? "Slice" : "Service", lines.data);
        return lines.len > 0;
}

const struct layer layer_var = { "var", "upper", "work" }, layer_etc = { "etc", "etc-upper", "etc-work" };

/* systemd-escape --path of the pod's directory. */
void unit_text_layer_name(const struct layer *l, const char *uid, struct buf *b)
{
        buf_str(b, "run-vks-pods-");
        for (; *uid; uid++)
                buf_printf(b, *uid == '-' ? "\\x2d" : "%c", *uid);
        buf_printf(b, "-%s.mount", l->name);
}

void unit_text_layer(const struct layer *l, const char *uid, struct buf *b)
{
        buf_printf(b,
                   "[Unit]\nDescription=Private /%s of pod %s\nDefaultDependencies=no\nStopWhenUnneeded=yes\n\n"
                   "[Mount]\nType=overlay\nWhat=overlay\nWhere=" POD_RUN_DIR "/%s/%s\n"
                   "Options=lowerdir=/%s,upperdir=" POD_RUN_DIR "/%s/%s,workdir=" POD_RUN_DIR "/%s/%s,nodev,nosuid\n",
                   l->name, uid, uid, l->name, l->name, uid, l->upper, uid, l->work);
}

static void needs_layer(struct buf *b, const struct layer *l, const char *uid)
{
        CLEANUP(buf_done) struct buf name = BUF(ID_UNIT_MAX);

        unit_text_layer_name(l, uid, &name);
        buf_printf(b, "Requires=%s\nAfter=%s\n", name.data, name.data);
}

/* ---- the command line -------------------------------------------------------------------------------------------- */

/* The end of the word that begins at `s`, quotes respected. */
static const char *word_end(const char *s)
{
        char quote = 0;

        for (; *s && (quote || !strchr(" \t", *s)); s++)
                if (*s == '\\' && s[1])
                        s++;
                else if (quote ? *s == quote : (*s == '"' || *s == '\''))
                        quote = quote ? 0 : *s;
        return s;
}

static const char *next_word(const char *s)
{
        s = word_end(s);
        return s + strspn(s, " \t");
}

/* Where a command of a line ends: several are separated by ";", a word of its own. */
static const char *command_end(const char *s)
{
        while (*s && !(*s == ';' && (!s[1] || strchr(" \t", s[1]))))
                s = next_word(s);
        return s;
}

/* What vks-exec becomes, and what it starts, may be more than that: a set-user-id program is one. */
static bool may_gain(const struct privilege *w)
{
        return w->gains && !w->no_new_privileges;
}

/* "--groups=7,8", or "". */
static char *more_groups(const struct privilege *w)
{
        CLEANUP(buf_done) struct buf b = BUF(1024);

        for (size_t i = 0; i < w->n_more; i++)
                buf_printf(&b, "%s%u", i ? "," : "--groups=", w->more[i]);
        return b.len ? buf_steal(&b) : xstrdup("");
}

/* An Exec line of the package with its prefixes, but those of `without`; "+" becomes "!": privileged, but in the pod's
 * view of the file system. */
static void prefixes(struct buf *b, const char *line, size_t n, bool privileged, const char *without)
{
        for (size_t i = 0; i < n; i++) {
                privileged |= (line[i] == '+' || line[i] == '!') && !strchr(without, line[i]);
                if (line[i] != '+' && line[i] != '!' && !strchr(without, line[i]))
                        buf_char(b, line[i]);
        }
        if (privileged)
                buf_char(b, '!');
}

/* Where the program begins as root to become somebody, it enters the directory as that somebody: as root it could get
 * to where that user may not. */
static bool enters_dir(const struct unit_text *u)
{
        return u->makes_dir || (u->who.become && *u->working_dir);
}

static void become_options(struct buf *b, const struct unit_text *u)
{
        CLEANUP(freep) char *groups = more_groups(&u->who);

        buf_printf(b, "--user=%u --group=%u %s%s%s", u->who.uid, u->who.gid, groups, *groups ? " " : "",
                   may_gain(&u->who) ? "--may-gain " : "");
}

/* One ExecStart line: the package's `line`, with what the pod says instead of its words. */
static void exec_start(struct buf *b, const struct unit_text *u, const char *line)
{
        size_t n_prefixes = strspn(line, PREFIXES);
        const char *first = line + n_prefixes + strspn(line + n_prefixes, " \t"), *second = next_word(first);
        bool at = memchr(line, '@', n_prefixes), literal = memchr(line, ':', n_prefixes), args = u->n_args || !u->file;

        literal &= !(u->program && args); /* something of the package's line remains */
        buf_str(b, "ExecStart=");
        if (!u->program && !*first) { /* it takes back what came before it; or there is none, and the first of `args`
                                         would be in its place */
                buf_char(b, '\n');
                return;
        }
        if (u->program)
                prefixes(b, ":", literal, u->who.become, "");
        else
                prefixes(b, line, n_prefixes, u->who.become,
                         u->who.plain ? u->carried ? "@+!" : "+!"
                         : u->carried ? "@"
                                      : "");
        if (u->carried)
                buf_str(b, VKS_EXEC " ");
        if (u->who.become)
                become_options(b, u);
        if (enters_dir(u)) {
                buf_str(b, "--dir ");
                quoted(b, u->working_dir, !literal);
                buf_char(b, ' ');
        }
        if (u->console)
                buf_str(b, "--console ");
        if (u->carried && at && !u->program)
                buf_printf(b, "--argv0 %.*s ", (int)(word_end(second) - second), second);
        if (u->program)
                quoted(b, u->program, u->carried && !literal);
        else
                buf_add(b, first, (size_t)(word_end(at && !u->carried ? second : first) - first));
        for (size_t i = 1; i < u->n_command; i++) {
                buf_char(b, ' ');
                quoted(b, u->command[i], !literal);
        }
        for (size_t i = 0; i < u->n_args; i++) {
                buf_char(b, ' ');
                quoted(b, u->args[i], !literal);
        }
        if (!args)
                buf_printf(b, " %s", at ? next_word(second) : second);
        buf_char(b, '\n');
}

/* Of several commands in one line each: a oneshot may have them. */
static void exec_starts(struct buf *b, const struct unit_text *u, const char *line)
{
        if (!*line)
                exec_start(b, u, line);
        for (const char *end; *line; line = end + strspn(end, "; \t")) {
                end = command_end(line);
                CLEANUP(freep) char *one = xstrndup(line, (size_t)(end - line));
                exec_start(b, u, one);
        }
}

static void command_line(struct buf *b, const struct unit_text *u)
{
        bool same = !u->program && !u->n_args;

        if (same && !u->carried && !(u->who.plain && unit_file_starts_as_root(u->file)))
                return;
        buf_str(b, "ExecStart=\n");
        if (!same)
                exec_start(b, u, unit_file_get(u->file, "ExecStart"));
        for (size_t i = 0; same && i < u->file->n; i++)
                if (streq(u->file->service[i].key, "ExecStart"))
                        exec_starts(b, u, u->file->service[i].value);
        if (u->carried && *unit_file_get(u->file, "NoExecPaths")) /* the package says what may be executed */
                buf_str(b, "ExecPaths=" VKS_EXEC "\n");
        if (u->carried)
                buf_printf(b, "LoadCredential=" UNIT_TEXT_CARRIED ":" POD_RUN_DIR "/%s/env/%s.carried\n", u->pod->uid,
                           u->container);
}

/*
 * One of the package's other commands, from `s` to `end`. Where vks-exec becomes the container's user, it does so for
 * this one, too: PID 1 would give it all groups that the user has on the machine, and its configuration is the pod's.
 */
static bool other_command(struct buf *b, const struct unit_text *u, const char *key, const char *s, const char *end,
                          bool privileged)
{
        size_t n = strspn(s, PREFIXES);
        const char *first = s + n + strspn(s + n, " \t"), *second = next_word(first);
        bool root = privileged || memchr(s, '+', n) || memchr(s, '!', n), at = memchr(s, '@', n),
             through = u->who.become && !root;

        buf_printf(b, "%s=", key);
        prefixes(b, s, n, privileged || through, through ? "@" : "");
        if (through) {
                buf_str(b, VKS_EXEC " --other ");
                become_options(b, u);
                if (at)
                        buf_printf(b, "--argv0 %.*s ", (int)(word_end(second) - second), second);
                buf_printf(b, "%.*s ", (int)(word_end(first) - first), first);
                first = at ? next_word(second) : second;
        }
        buf_printf(b, "%.*s\n", (int)(end > first ? end - first : 0), first);
        return memchr(s, '+', n);
}

/*
 * The package's other commands: written again where one would leave the pod's view of the file system, and dropped
 * where the pod brings a command of its own. They prepare, test and serve the package's daemon with its own
 * configuration
 * ("nginx -t"), and a container runs its command and nothing else. With `args` alone it is still the package's daemon.
 */
static void other_commands(struct buf *b, const struct unit_text *u)
{
        static const char *const keys[] = { "ExecCondition", "ExecStartPre", "ExecStartPost",
                                            "ExecReload",    "ExecStop",     "ExecStopPost" };
        const struct unit_file *p = u->file;
        bool start_only = unit_yes(unit_file_get(p, "PermissionsStartOnly")), privileged = start_only;

        for (size_t k = 0; p && k < ARRAY_LEN(keys); k++) {
                buf_printf(b, "%s=\n", keys[k]);
                /* As the unit's user, in the container's view; the path is plain (given.h). */
                for (size_t i = 0; i < u->given->n && streq(keys[k], "ExecStartPre"); i++)
                        if (u->given->dirs[i].inner)
                                buf_printf(b, "ExecStartPre=-:/bin/mkdir -p %s\n", u->given->dirs[i].path);
                for (size_t i = 0; i < p->n && !u->program; i++) {
                        const char *v = p->service[i].value;

                        if (!streq(p->service[i].key, keys[k]))
                                continue;
                        if (!*v) /* it takes back what came before it */
                                buf_printf(b, "%s=\n", keys[k]);
                        for (const char *end; *v; v = end + strspn(end, "; \t")) {
                                end = command_end(v);
                                privileged |= other_command(b, u, keys[k], v, end, start_only);
                        }
                }
        }
        if (start_only)
                buf_str(b, "PermissionsStartOnly=no\n");
        if (privileged &&
            *unit_file_get(p, "CapabilityBoundingSet")) /* they had all; what making directories takes is added */
                buf_str(b, "CapabilityBoundingSet=CAP_CHOWN CAP_FOWNER CAP_DAC_OVERRIDE\n");
}

/*
 * RuntimeDirectory= and its kin are made by PID 1 on the host's side. All of them become RuntimeDirectory=, whose base
 * is /run, below which the pod's private directories lie: so PID 1 makes them there, for the right user.
 */
static void directories(struct buf *b, const struct unit_text *u, bool beside)
{
        CLEANUP(buf_done) struct buf dirs = BUF(65536);
        const char *mode = "";

        for (size_t i = 0; i < u->given->n; i++) {
                const struct given_dir *dir = &u->given->dirs[i];
                const char *variable = given_variable(dir->kind);
                char key[32];

                if (i == 0 || u->given->dirs[i - 1].kind != dir->kind)
                        buf_printf(b, "%sDirectory=\nEnvironment=%s_DIRECTORY=%s", given_key(dir->kind), variable,
                                   dir->path);
                else
                        buf_printf(b, ":%s", dir->path);
                if (i + 1 == u->given->n || u->given->dirs[i + 1].kind != dir->kind)
                        buf_char(b, '\n');
                if (dir->inner)
                        continue;
                buf_printf(&dirs, " vks/pods/%s%s%s", u->pod->uid, dir->fresh ? "/given" : "", dir->path);
                snprintf(key, sizeof(key), "%sDirectoryMode", given_key(dir->kind));
                if (!*mode)
                        mode = unit_file_get(u->file, key);
        }
        if (beside) /* they are there */
                return;
        if (dirs.len)
                buf_printf(b, "RuntimeDirectory=%s\nRuntimeDirectoryMode=%s\n", dirs.data + 1, *mode ? mode : "0755");
        /* Or what the package has there would be gone after a restart. */
        if (dirs.len && u->overlay && !unit_yes(unit_file_get(u->file, "DynamicUser")))
                buf_str(b, "RuntimeDirectoryPreserve=yes\n");
}

/*
 * Is there a volume of the container's at `path`, or above it? Then nothing of ours is mounted at `path`: the mount
 * point would lie in the volume, where the pod may put a link in its place, and PID 1 would make it even in what is
 * read-only.
 */
static bool in_volume(const struct mount_plan *plan, const char *path)
{
        for (size_t i = 0; i < plan->n; i++) {
                const struct mount_line *l = &plan->lines[i];

                if (l->source && *l->source == '/' && path_is_in(path, l->target))
                        return true;
        }
        return false;
}

/* One more pair for a line of BindPaths= or BindReadOnlyPaths=: a directory of the pod's own, "%s%s" of the last two,
 * at `path`. */
static void bind_own(struct buf *b, const struct unit_text *u, const char *path, const char *dir, const char *below)
{
        if (!in_volume(u->mounts, path))
                buf_printf(b, " " POD_RUN_DIR "/%s/%s%s:%s", u->pod->uid, dir, below, path);
}

/*
 * How the container sees the file system: the machine's, read-only, with the pod's own directories in it. Each mount
 * costs PID 1's child as it starts, and each that is read-only, a tmpfs or inaccessible several times more, since the
 * whole mount table is read again for it. So what must not be seen is covered by an empty directory, and what only root
 * could change is read-only for root alone.
 */
static void mounts(struct buf *b, const struct unit_text *u)
{
        CLEANUP(buf_done) struct buf writable = BUF(65536); /* where all else of the pod's own is read-only */
        const char *uid = u->pod->uid;
        bool in_home = false, guarded = u->who.root || u->who.gains;
        bool dynamic = !u->who.set_user && unit_yes(unit_file_get(u->file, "DynamicUser"));

        for (size_t i = 0; i < u->mounts->n; i++) {
                const char *target = u->mounts->lines[i].target;
                in_home |= path_is_in(target, "/home") || path_is_in(target, "/root");
        }
        /* With a tmpfs for / everything on it is bound read-only already, and PID 1 would let ProtectSystem=strict win
         * over it. */
        buf_printf(b, "ProtectSystem=%s\nProtectHome=%s\nPrivateTmp=no\nReadWritePaths=\n",
                   u->mounts->root ? "no" : "strict", in_home && dynamic ? "tmpfs" : "no");
        /*
         * What is mounted in them has to be reached: systemd 257 closes the /root of ProtectHome=tmpfs to all but root.
         * For a dynamic user ProtectHome= is "read-only" at least, which wins over TemporaryFileSystem=: the machine's
         * own would be seen, and PID 1 would make mount points in it.
         */
        if (in_home && !dynamic && !in_volume(u->mounts, "/home"))
                buf_str(b, "TemporaryFileSystem=/home:ro,mode=0755\n");
        if (in_home && !dynamic && !in_volume(u->mounts, "/root"))
                buf_str(b, "TemporaryFileSystem=/root:ro,mode=0755\n");
        if (*unit_file_get(u->file, "ConfigurationDirectory")) /* PID 1 would make the machine's, and writable */
                buf_str(b, "ConfigurationDirectory=\n");
        buf_printf(b, "%s=/run/systemd/notify /run/systemd/journal -/run/systemd/resolve\n",
                   guarded ? "BindReadOnlyPaths" : "BindPaths");
        if (u->console)
                buf_str(b, "BindReadOnlyPaths=-" CONSOLE_SOCKET_ON_MACHINE ":" CONSOLE_SOCKET "\n");
        if (u->file && u->file->syslog) /* it puts its own socket in the place of /dev/log: a /dev where that is not the
                                           machine's */
                buf_str(b, "PrivateDevices=no\nTemporaryFileSystem=/dev:mode=0755\nBindPaths=/dev/null /dev/zero "
                           "/dev/full /dev/random /dev/urandom /dev/tty\n");
        else if (guarded) /* devices may be used; what else root could make or replace there would be the machine's */
                buf_str(b, "ReadOnlyPaths=/dev\nReadWritePaths=-/dev/pts -/dev/mqueue\n");
        buf_printf(b, "%s=" POD_RUN_DIR "/%s/run:/run " POD_RUN_DIR "/%s/var:/var",
                   u->read_only_root ? "BindReadOnlyPaths" : "BindPaths", uid, uid);
        bind_own(b, u, "/etc/vks", "empty", "");
        if (!in_home) {
                bind_own(b, u, "/home", "empty", "");
                bind_own(b, u, "/root", "empty", "");
        }
        if (u->overlay)
                bind_own(b, u, "/var/lib/vks", "empty", "");
        bind_own(b, u, "/tmp", "tmp", "");
        bind_own(u->read_only_root ? &writable : b, u, "/dev/shm", "shm", "");
        if (u->message)
                buf_printf(u->read_only_root ? &writable : b, " " MESSAGE_DIR "/%s.%s:" MESSAGE_PATH, uid,
                           u->container);
        for (size_t i = 0; i < u->given->n; i++)
                if (u->given->dirs[i].fresh && !u->given->dirs[i].inner)
                        bind_own(u->read_only_root ? &writable : b, u, u->given->dirs[i].path, "given",
                                 u->given->dirs[i].path);
        buf_char(b, '\n');
        if (writable.len) /* an empty line would take the others back */
                buf_printf(b, "BindPaths=%s\n", writable.data + 1);
        for (size_t i = 0; u->read_only_root && i < u->given->n; i++)
                if (!u->given->dirs[i].fresh && !u->given->dirs[i].inner)
                        buf_printf(b, "ReadWritePaths=-%s\n", u->given->dirs[i].path);
        for (size_t i = 0; i < u->mounts->n; i++) {
                const struct mount_line *l = &u->mounts->lines[i];

                if (l->source && *l->source == '-' && package_paths_replace(u->file, l->target))
                        continue;
                buf_str(b, l->kind == MOUNT_TMPFS  ? "TemporaryFileSystem="
                           : l->kind == MOUNT_BIND ? "BindPaths="
                                                   : "BindReadOnlyPaths=");
                if (l->source) {
                        path(b, l->source);
                        buf_char(b, ':');
                }
                path(b, l->target);
                buf_str(b, l->kind == MOUNT_TMPFS ? ":ro,mode=0755\n" : "\n");
        }
}

static uint64_t bit_of(const char *name)
{
        cap_value_t value;

        return cap_from_name(name, &value) == 0 && value <= CAP_LAST_CAP ? UINT64_C(1) << value : 0;
}

/* What the package's AmbientCapabilities= come to, as PID 1 reckons (systemd's config_parse_capability_set()). */
static uint64_t ambient_of(const struct unit_file *file)
{
        uint64_t set = 0;

        for (size_t i = 0; file && i < file->n; i++) {
                const char *value = file->service[i].value;
                bool invert = *value == '~';
                CLEANUP(freep) char *copy = xstrdup(value + invert);
                uint64_t sum = 0;

                if (!streq(file->service[i].key, "AmbientCapabilities"))
                        continue;
                for (char *rest = copy, *word; (word = strsep(&rest, " \t"));)
                        sum |= bit_of(word);
                if (sum == 0 || set == 0)
                        set = invert ? ~sum : sum;
                else
                        set = invert ? set & ~sum : set | sum;
        }
        return set;
}

static void add_names(struct buf *b, uint64_t set)
{
        bool first = true;

        for (cap_value_t i = 0; i <= CAP_LAST_CAP; i++) {
                char *name = set >> i & 1 ? cap_to_name(i) : NULL;

                if (name)
                        buf_printf(b, "%s%s", first ? "" : " ", name);
                first &= !name;
                cap_free(name);
        }
        buf_char(b, '\n');
}

/*
 * What is dropped is dropped from the bounding set, so that nothing that is executed has it, and from what the package
 * gives its daemon. That is said name by name: beside an empty set "AmbientCapabilities=~" would mean all others, and
 * give them to whoever has none. Where vks-exec becomes the container's user, it begins with what that takes, and the
 * user has no capability and, by NoNewPrivileges=, gets none.
 */
static void capabilities(struct buf *b, const struct unit_text *u)
{
        const uint64_t needed =
                u->who.become ? UINT64_C(1) << CAP_SETUID | UINT64_C(1) << CAP_SETGID | UINT64_C(1) << CAP_SETPCAP : 0;
        uint64_t dropped = u->drop_capabilities & ~needed, ambient = u->who.foreign ? 0 : ambient_of(u->file);

        if (dropped) {
                buf_str(b, "CapabilityBoundingSet=~");
                add_names(b, dropped);
        }
        if (ambient & u->drop_capabilities) {
                buf_str(b, "AmbientCapabilities=\n");
                if (ambient & ~u->drop_capabilities)
                        buf_str(b, "AmbientCapabilities=");
                if (ambient & ~u->drop_capabilities)
                        add_names(b, ambient & ~u->drop_capabilities);
        }
}

/*
 * Who writes to the machine's own directories leaves no program there that runs as somebody else, and no device: users
 * of the machine, and other pods, would find them. The pod's own volumes are mounts where neither is heeded.
 */
static void identity(struct buf *b, const struct unit_text *u)
{
        const struct privilege *w = &u->who;
        bool strict = !w->root && !may_gain(w), by_pid1 = u->file || !w->become;
        bool leaves_none = u->writes_host && (w->root || strict) && !*unit_file_get(u->file, "RestrictSUIDSGID");

        if (w->set_user && by_pid1) { /* vks-exec becomes an unknown user; the package's other commands do not */
                buf_str(b, "User=");
                buf_printf(b, w->fallback ? FALLBACK_USER : "%u", w->uid);
                buf_str(b, "\nDynamicUser=no\n");
        }
        if (w->set_groups && by_pid1) {
                buf_str(b, "SupplementaryGroups=\n");
                for (size_t i = 0; i < w->n_groups; i++)
                        buf_printf(b, "SupplementaryGroups=%u\n", w->groups[i]);
        }
        for (size_t i = 0; i < w->n_more && !w->become; i++)
                buf_printf(b, "SupplementaryGroups=%u\n", w->more[i]);
        if (w->set_group && by_pid1)
                buf_printf(b, w->gid == UINT32_MAX ? "Group=\n" : "Group=%u\n", w->gid);
        if (strict || w->no_new_privileges)
                buf_str(b, "NoNewPrivileges=yes\n");
        if ((strict && u->program) || leaves_none)
                buf_str(b, "RestrictSUIDSGID=yes\n");
        if (u->writes_host)
                buf_str(b, "CapabilityBoundingSet=~CAP_MKNOD CAP_SETFCAP\n");
        capabilities(b, u);
        /* What container runtimes deny by default. Beside a list of the package's own, these are taken out of it. No
         * line allows a call: that would add it to such a list. */
        if (u->filter_system_calls)
                buf_str(b, "SystemCallFilter=~@clock:EPERM @cpu-emulation:EPERM @keyring:EPERM @module:EPERM "
                           "@obsolete:EPERM @raw-io:EPERM @reboot:EPERM @swap:EPERM\n"
                           "SystemCallFilter=~acct:EPERM bpf:EPERM fsconfig:EPERM fsmount:EPERM fsopen:EPERM "
                           "fspick:EPERM kcmp:EPERM mount:EPERM mount_setattr:EPERM move_mount:EPERM "
                           "name_to_handle_at:EPERM open_by_handle_at:EPERM open_tree:EPERM perf_event_open:EPERM "
                           "pivot_root:EPERM quotactl:EPERM setns:EPERM umount:EPERM umount2:EPERM unshare:EPERM "
                           "userfaultfd:EPERM\n"
                           "RestrictNamespaces=yes\n");
}

/* Does any line of that key begin so? Where systemd takes an empty value for no value, the last line says nothing of
 * those before it. */
static bool says(const struct unit_file *file, const char *key, const char *beginning)
{
        for (size_t i = 0; file && i < file->n; i++)
                if (streq(file->service[i].key, key) && starts_with(file->service[i].value, beginning))
                        return true;
        return false;
}

/*
 * What PID 1 opens, reads or decrypts as root for the package's command line, or asks of PAM or the kernel for it, is
 * not for another one: the keys of systemd.exec(5) as 252 has it, but for what mounts(), identity() and package_paths()
 * write. EnvironmentFile= stays: policy/TRUST.md; so does the namespace of NetworkNamespacePath= and IPCNamespacePath=,
 * without which it would have the machine's own. And no line gets a terminal of the machine's: the instance's name may
 * be the pod's to choose, and PID 1 opens, resets and hangs up whatever device it names.
 */
static void take_back(struct buf *b, const struct unit_text *u)
{
        static const struct {
                const char *key, *value;
                bool always;
        } keys[] = {
                { "AmbientCapabilities", "", false },
                { "PAMName", "", false },
                { "LoadCredential", "", false },
                { "LoadCredentialEncrypted", "", false },
                { "ImportCredential", "", false },
                { "SetCredential", "", false },
                { "SetCredentialEncrypted", "", false },
                { "OpenFile", "", false },
                { "StandardInput", "null", false },
                { "Delegate", "no", false },
                { "OOMScoreAdjust", "0", false },
                { "Nice", "0", false },
                { "CPUSchedulingPolicy", "other", false },
                { "IOSchedulingClass", "", false },
                { "LimitNICE", "0", false },
                { "LimitRTPRIO", "0", false },
                { "RootImage", "", false },
                { "MountImages", "", false },
                { "ExtensionImages", "", false },
                { "ExtensionDirectories", "", false },
                { "TTYPath", "", true },
                { "TTYReset", "no", true },
                { "TTYVHangup", "no", true },
                { "TTYVTDisallocate", "no", true },
                { "UtmpIdentifier", "", true },
        };

        for (size_t i = 0; i < ARRAY_LEN(keys); i++)
                if ((u->who.foreign || keys[i].always) && says(u->file, keys[i].key, ""))
                        buf_printf(b, "%s=%s\n", keys[i].key, keys[i].value);
        if (says(u->file, "StandardInput", "tty") && !u->who.foreign)
                buf_str(b, "StandardInput=null\n");
}

static void type_and_files(struct buf *b, const struct unit_text *u)
{
        const char *kill = unit_file_get(u->file, "KillMode");

        if (!u->file || u->program)
                buf_str(b, "Type=exec\nPIDFile=\nWatchdogSec=0\n");
        else if (u->pid_file && *u->pid_file) /* PID 1 reads it on the host's side */
                buf_printf(b, "PIDFile=" POD_RUN_DIR "/%s%s\n", u->pod->uid, u->pid_file);
        else if (*unit_file_get(u->file, "PIDFile"))
                buf_str(b, "PIDFile=\n");
        if (!streq(kill, "control-group") && !streq(kill, "mixed") && (*kill || !u->file))
                buf_str(b, "KillMode=mixed\n");
        if (*u->stop_signal)
                buf_printf(b, "KillSignal=%s\n", u->stop_signal);
        if (u->who.bus)
                buf_str(b, "BindReadOnlyPaths=-/run/dbus\n");
}

static void working_dir(struct buf *b, const struct unit_text *u)
{
        if (u->who.become && *unit_file_get(u->file, "WorkingDirectory"))
                buf_str(b, "WorkingDirectory=/\n");
        if (!*u->working_dir || u->only_enters || u->who.become)
                return;
        /* Where vks-exec makes it, the package's other commands start in "/" until it is there. */
        buf_str(b, u->makes_dir ? "WorkingDirectory=-" : "WorkingDirectory=");
        for (const char *s = u->working_dir; *s; s++)
                buf_printf(b, *s == '%' ? "%%%%" : "%c", *s);
        buf_char(b, '\n');
}

/*
 * [X-Kubernetes] is read by the agent, and by START, STOP and REMOVE (its first key). All keys: UID, Namespace, Pod,
 * Container, Image, Package, PackageUnit, RestartPolicy (Never, OnFailure, Always), Mark (the agent's, 16 hex
 * digits).
 */
void unit_text_dropin(const struct unit_text *u, struct buf *b)
{
        /* Without the agent, systemd restarts within the longest back-off that Kubernetes has; with it, the agent does,
         * earlier. */
        static const struct {
                const char *name, *lines;
        } restart[] = {
                { "Never", "Restart=no\nRemainAfterExit=yes\n" },
                { "OnFailure", "Restart=on-failure\nRestartSec=300\nRemainAfterExit=yes\n" },
                { "Always", "Restart=always\nRestartSec=300\nRemainAfterExit=no\n" },
        };
        const struct pod_id *pod = u->pod;
        char slice[ID_UNIT_MAX + 1];

        pod_slice_name(pod->uid, u->qos, slice);
        unit_text_owner(pod->uid, b);
        buf_printf(b,
                   "Namespace=%s\nPod=%s\nContainer=%s\nImage=%s\nPackage=%s\nPackageUnit=%s\nRestartPolicy=%s\nMark=%"
                   "016llx\n\n[Unit]\n",
                   pod->namespace, pod->name, u->container, u->image, u->package, u->package_unit,
                   restart[u->restart].name, (unsigned long long)u->mark);
        /* The slice is stopped before a shutdown, and its units with it; sysinit.target and all that it wants need not
         * be looked at for each start. */
        buf_str(b, "DefaultDependencies=no\nStartLimitIntervalSec=0\nAfter=vks-log.service\n"); /* stopped before it */
        if (u->overlay)
                needs_layer(b, &layer_var, pod->uid);
        if (u->etc)
                needs_layer(b, &layer_etc, pod->uid);
        buf_printf(b, "\n[Service]\nSlice=%s\nLogExtraFields=VKS_POD_UID=%s\n", slice, pod->uid);
        /* What runs once and ends is nothing that systemd would restart always. */
        if (u->restart == 2 && !u->program && streq(unit_file_get(u->file, "Type"), "oneshot"))
                buf_str(b, "Restart=on-failure\nRestartSec=300\nRemainAfterExit=no\n");
        else
                buf_str(b, restart[u->restart].lines);
        buf_printf(b, "TimeoutStopSec=%u\n", u->grace_seconds ? u->grace_seconds : 1); /* 0 would be infinity */
        buf_str(b, "SendSIGKILL=yes\nSuccessExitStatus=\nRestartPreventExitStatus=\nRestartForceExitStatus=\n"
                   "LogRateLimitIntervalSec=1\nLogRateLimitBurst=1000000000\n");
        limits(b, u->limits);
        buf_str(b,
                "OOMPolicy=kill\n"); /* a container is killed as a whole, and nothing of it goes on without the rest */
        buf_printf(b, "StandardOutput=file:" LOG_DIR "/%s.%s.out\nStandardError=file:" LOG_DIR "/%s.%s.err\n", pod->uid,
                   u->container, pod->uid, u->container);
        package_paths(b, u->file, u->mounts); /* first: what is taken back here is the package's */
        take_back(b, u);
        if (u->oom_score_adjust)
                buf_printf(b, "OOMScoreAdjust=%d\n", u->oom_score_adjust);
        type_and_files(b, u);
        command_line(b, u);
        other_commands(b, u);
        identity(b, u);
        working_dir(b, u);
        directories(b, u, false);
        if (!u->who.become) /* all of its variables are in the credential: root must not load what a pod names */
                buf_printf(b, "EnvironmentFile=" POD_RUN_DIR "/%s/env/%s\n", pod->uid, u->container);
        mounts(b, u);
}

/* ---- a command beside the container ------------------------------------------------------------------------------ */

/* How a service lives, and what PID 1 makes or opens for it: keys that begin like this. All others are how it is kept
 * apart, and count for the command, too. */
static bool is_of_life(const char *key)
{
        static const char *const beginnings[] = {
                "Type",
                "ExitType",
                "Exec",
                "Restart",
                "RemainAfterExit",
                "PIDFile",
                "BusName",
                "Notify",
                "Watchdog",
                "Timeout",
                "RuntimeMax",
                "RuntimeRandom",
                "Sockets",
                "Standard",
                "TTY",
                "FileDescriptor",
                "OpenFile",
                "USBFunction",
                "OOMScoreAdjust",
                "Nice",
                "CPUScheduling",
                "IOSchedulingClass",
                "LimitNICE",
                "LimitRTPRIO",
                "Success",
                "Failure",
                "StartLimit",
                "Reboot",
                "OOMPolicy",
                "GuessMainPID",
                "NonBlocking",
                "RootDirectoryStartOnly",
                "PermissionsStartOnly",
                "Kill",
                "SendSIG",
                "FinalKill",
                "Slice",
                "Delegate",
                "Syslog",
                "Log",
                "PAMName",
                "Load",
                "SetCred",
                "ImportCred",
                "UtmpIdentifier",
                "UtmpMode",
                "ReloadSignal",
                "RuntimeDirectory",
                "StateDirectory",
                "CacheDirectory",
                "LogsDirectory",
                "ConfigurationDirectory",
                "RootImage",
                "MountImages",
                "Extension",
        };

        for (size_t i = 0; i < ARRAY_LEN(beginnings); i++)
                if (starts_with(key, beginnings[i]) && !streq(key, "ExecPaths") && !streq(key, "ExecSearchPath"))
                        return true;
        return false;
}

void unit_text_beside(const struct unit_text *u, const char *unit, struct buf *b)
{
        const struct pod_id *pod = u->pod;
        char slice[ID_UNIT_MAX + 1];

        pod_slice_name(pod->uid, u->qos, slice);
        unit_text_owner(pod->uid, b);
        buf_printf(b,
                   "Namespace=%s\nPod=%s\nContainer=%s\n\n[Unit]\nDescription=Command beside container %s of pod "
                   "%s/%s\nDefaultDependencies=no\nCollectMode=inactive-or-failed\nStartLimitIntervalSec=0\n"
                   "PartOf=%s\n",
                   pod->namespace, pod->name, u->container, u->container, pod->namespace, pod->name, unit);
        if (u->overlay)
                needs_layer(b, &layer_var, pod->uid);
        if (u->etc)
                needs_layer(b, &layer_etc, pod->uid);
        buf_str(b, "\n[Service]\nRootDirectory=\n");
        for (size_t i = 0; u->file && i < u->file->n; i++)
                if (!is_of_life(u->file->service[i].key))
                        buf_printf(b, "%s=%s\n", u->file->service[i].key, u->file->service[i].value);
        buf_printf(b,
                   "Slice=%s\nType=exec\nRestart=no\nRemainAfterExit=no\nKillMode=control-group\nTimeoutStartSec=30\n"
                   "TimeoutStopSec=%u\nSendSIGKILL=yes\nOOMScoreAdjust=1000\nStandardInput=null\nStandardOutput=null\n"
                   "StandardError=null\nLogLevelMax=notice\n", /* a probe's starts and ends would fill the journal */
                   slice, BESIDE_STOP_S);
        package_paths(b, u->file, u->mounts);
        if (u->who.foreign)
                buf_str(b, "AmbientCapabilities=\n");
        if (says(u->file, "MountImages", "")) /* package_paths() has them */
                buf_str(b, "MountImages=\n");
        /* The package says what its daemon executes, which is itself; what runs beside it is policy's to say. */
        if (*unit_file_get(u->file, "NoExecPaths"))
                buf_str(b, "NoExecPaths=\nExecPaths=\n");
        if (u->carried)
                buf_printf(b, "LoadCredential=" UNIT_TEXT_CARRIED ":" POD_RUN_DIR "/%s/env/%s.beside\n", pod->uid,
                           u->container);
        identity(b, u);
        if (u->who.become && !u->file) /* vks-exec begins as root by its own line ("!"); no other line would */
                buf_str(b, "User=" FALLBACK_USER "\nUnsetEnvironment=HOME LOGNAME SHELL USER\n");
        working_dir(b, u);
        directories(b, u, true);
        if (!u->who.become)
                buf_printf(b, "EnvironmentFile=-" POD_RUN_DIR "/%s/env/%s\n", pod->uid, u->container);
        mounts(b, u);
}

char **unit_text_beside_argv(const struct unit_text *u)
{
        char **argv = NULL;
        size_t n = 0;

        if (u->carried)
                strv_push(&argv, &n, xstrdup(VKS_EXEC));
        if (u->who.become) {
                strv_push(&argv, &n, xasprintf("--user=%u", u->who.uid));
                strv_push(&argv, &n, xasprintf("--group=%u", u->who.gid));
                if (u->who.n_more)
                        strv_push(&argv, &n, more_groups(&u->who));
                if (may_gain(&u->who))
                        strv_push(&argv, &n, xstrdup("--may-gain"));
        }
        if (enters_dir(u))
                strv_push(&argv, &n, xasprintf("--dir=%s", u->working_dir));
        strv_push(&argv, &n, xstrdup(u->program));
        for (size_t i = 1; i < u->n_command; i++)
                strv_push(&argv, &n, xstrdup(u->command[i]));
        return argv;
}

/*
 * Is this line a condition on what the pod brings itself? PID 1 would look for it at that path of the machine's. (Of a
 * pod's mounts those that hold the machine's own entries have "-" in front.)
 */
static bool is_condition_of_pods(const struct unit_text *u, const char *line, size_t n)
{
        static const char *const keys[] = { "ConditionPath", "ConditionFile", "ConditionDirectory" };
        const char *value = memchr(line, '=', n), *end = line + n;
        bool is_path = false;

        for (size_t i = 0; i < ARRAY_LEN(keys); i++)
                is_path |= n > strlen(keys[i]) && starts_with(line, keys[i]);
        if (!is_path || !value || end[-1] == '\\')
                return false;
        for (value++;
             value < end && strchr(" \t|", *value);) /* but what must not be there is the administrator's veto */
                value++;
        for (size_t i = 0; i < u->mounts->n; i++) {
                const struct mount_line *l = &u->mounts->lines[i];
                size_t k = strlen(l->target);

                if (l->source && *l->source == '/' && (size_t)(end - value) >= k && memcmp(value, l->target, k) == 0 &&
                    (value + k == end || strchr("/ \t", value[k])))
                        return true;
        }
        return false;
}

/* The package's own text, or the little that a program needs. */
void unit_text_fragment(const struct unit_text *u, struct buf *b)
{
        if (u->file)
                buf_str(b, "# A copy for a pod; what is different for it is in vks.conf beside it.\n");
        for (const char *line = u->file ? u->file->text : "", *next; *line; line = next) {
                next = strchrnul(line, '\n');
                if (is_condition_of_pods(u, line, (size_t)(next - line)))
                        buf_str(b, "# A volume of the pod is there: ");
                if (u->program &&
                    starts_with(line + strspn(line, " \t"), "BusName")) /* an empty BusName= takes nothing back */
                        buf_str(b, "# The pod's own program: ");
                next += *next == '\n';
                buf_add(b, line, (size_t)(next - line));
        }
        if (!u->file)
                buf_printf(b, "[Unit]\nDescription=Container %s of pod %s/%s\n\n[Service]\nSyslogIdentifier=%s\n",
                           u->container, u->pod->namespace, u->pod->name, u->container);
}
