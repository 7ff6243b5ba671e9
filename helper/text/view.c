/* SPDX-License-Identifier: Apache-2.0 */
/* What a container sees of the file system, and what PID 1 makes there for it. */
#include "helper/text/unit_parts.h"

#include <stdio.h>

#include "common/console.h"
#include "common/mem.h"
#include "common/message.h"
#include "helper/text/package_paths.h"
#include "policy/path.h"

/*
 * Is it the machine's, and the unit's user's already? There is nothing to make then, and nothing to be given: that user
 * may give the directory to another group of its own, and PID 1 would then make all that is in it the user's, copies of
 * other users' files in the layer (systemd's path_chown_recursive()).
 */
static bool shows_through(const struct unit_text *u, const struct given_dir *dir)
{
        return u->overlay && dir->kind != GIVEN_RUNTIME && !dir->fresh;
}

/*
 * RuntimeDirectory= and its kin are made by PID 1 on the host's side. All of them become RuntimeDirectory=, whose base
 * is /run, below which the pod's private directories lie: so PID 1 makes them there, for the right user.
 */
void view_directories(struct buf *b, const struct unit_text *u, bool beside)
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
                if (dir->inner || shows_through(u, dir))
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
        /* What outlives a dynamic user PID 1 makes in /run/private, which is the machine's; else what the package has
         * there would be gone after a restart. */
        if (dirs.len && unit_yes(unit_file_get(u->file, "DynamicUser")))
                buf_str(b, "RuntimeDirectoryPreserve=no\n");
        else if (dirs.len && u->overlay)
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
 * Has the package's daemon something to say to PID 1? Who may write to PID 1's socket may hand it a connection that
 * lingers, and systemd 252 does nothing else until that is closed, as long as he likes: so nobody else is shown it.
 */
static bool is_heard(const struct unit_text *u)
{
        const char *access = unit_file_get(u->file, "NotifyAccess");

        return u->file && !u->program &&
               (starts_with(unit_file_get(u->file, "Type"), "notify") || *unit_file_get(u->file, "WatchdogSec") ||
                (*access && !streq(access, "none")));
}

/*
 * Would PID 1 show journald's third socket by itself? systemd 257 does, beside these (BindLogSockets= in
 * systemd.exec(5)), and 252 does not know the key.
 */
static bool shows_log_sockets(const struct unit_file *file)
{
        static const char *const keys[] = { "BindLogSockets", "MountAPIVFS", "PrivatePIDs", "RootDirectory",
                                            "RootImage" };
        bool shows = false;

        for (size_t i = 0; i < ARRAY_LEN(keys); i++)
                shows |= unit_file_says(file, keys[i], "");
        return shows;
}

/*
 * How the container sees the file system: the machine's, read-only, with the pod's own directories in it. Each mount
 * costs PID 1's child as it starts, and each that is read-only, a tmpfs or inaccessible several times more, since the
 * whole mount table is read again for it. So what must not be seen is covered by an empty directory, and what only root
 * could change is read-only for root alone.
 */
void view_mounts(struct buf *b, const struct unit_text *u)
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
        /* A dynamic user has a PrivateTmp= whatever is said: with "yes" the pod's own are mounted over it. Else systemd
         * 257 makes one that each command of the unit, and each beside it, has for itself. */
        buf_printf(b, "ProtectSystem=%s\nProtectHome=%s\nPrivateTmp=%s\nReadWritePaths=\n",
                   u->mounts->root ? "no" : "strict", in_home && dynamic ? "tmpfs" : "no", dynamic ? "yes" : "no");
        /* What root mounts beneath it later would be writable: it is not to come there. Nor does what he unmounts go.
         */
        if (u->reads_host)
                buf_str(b, "MountFlags=private\n");
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
        /* Not journald's third socket, whose clients it counts: who has 4096 connections leaves all of the machine's
         * services that begin then without stdout. */
        buf_printf(b, "%s=%s/run/systemd/journal/socket -/run/systemd/journal/dev-log -/run/systemd/resolve\n",
                   guarded ? "BindReadOnlyPaths" : "BindPaths", is_heard(u) ? "/run/systemd/notify " : "");
        if (shows_log_sockets(u->file))
                buf_str(b, "BindLogSockets=no\n");
        /* In a user namespace of its own anybody may mount FUSE. Whoever is handed a file of it, and closes it, waits
         * for the program behind it, unkillably: journald, say. */
        buf_str(b, "InaccessiblePaths=-/dev/fuse\n");
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
        if (dynamic) /* else one on the machine's disk, which nobody counts for the pod. In the layer it could be a link
                      */
                bind_own(b, u, "/var/tmp", u->overlay ? "tmp" : "var/tmp", "");
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
                        quote_path(b, l->source);
                        buf_char(b, ':');
                }
                quote_path(b, l->target);
                buf_str(b, l->kind == MOUNT_TMPFS ? ":ro,mode=0755\n" : "\n");
        }
}
