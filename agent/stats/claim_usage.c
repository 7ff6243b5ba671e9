/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/stats/claim_usage.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/statvfs.h>

#include "agent/lib/mountinfo.h"
#include "agent/pods/shown.h"
#include "agent/stats/exposition.h"
#include "common/fd.h"
#include "common/file.h"
#include "common/mem.h"

/* ---- whom to ask ------------------------------------------------------------------------------------------------- */

/* Without a block device a filesystem is a server's or a program's, but for these. */
static bool is_own(const struct mountinfo *m)
{
        static const char *const own[] = { "bcachefs", "btrfs",  "cgroup2", "devpts", "devtmpfs",
                                           "hostfs",   "mqueue", "overlay", "proc",   "ramfs",
                                           "rootfs",   "sysfs",  "tmpfs",   "ubifs",  "zfs" };

        for (size_t i = 0; i < ARRAY_LEN(own); i++)
                if (streq(m->type, own[i]))
                        return true;
        return !starts_with(m->device, "0:") && !starts_with(m->type, "fuse");
}

char **claim_foreign_mounts(const char *mountinfo)
{
        struct mountinfo m = { 0 };
        char **list = xcalloc(1, sizeof(*list));
        size_t n = 0;

        while (mountinfo_next(&mountinfo, &m))
                if (!is_own(&m))
                        strv_push(&list, &n, TAKE(m.at));
        return list;
}

static bool is_foreign(const char *path, char *const *mounts)
{
        for (; *mounts; mounts++) {
                size_t n = strlen(*mounts);

                if (strncmp(path, *mounts, n) == 0 && (!path[n] || path[n] == '/' || n == 1))
                        return true;
        }
        return false;
}

/* Without following a link, which may lead to a foreign one: openat2(2) would do the walk by itself, but the sandbox of
 * the agent's unit has none (RestrictSUIDSGID=). */
static int walk(const char *path)
{
        CLEANUP(freep) char *names = xstrdup(path);
        char *rest = names, *name;
        FD at = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

        while (at >= 0 && (name = strsep(&rest, "/"))) {
                int next;

                if (!*name || streq(name, "."))
                        continue;
                next = streq(name, "..") ? -1 : openat(at, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
                fd_close(at);
                at = next;
        }
        return fd_take(&at);
}

static bool ask(const char *path, struct claim_usage *ret)
{
        FD at = walk(path);
        struct statvfs v;

        if (at < 0 || fstatvfs(at, &v) < 0 || !v.f_blocks)
                return false;
        ret->of[CLAIM_CAPACITY] = (uint64_t)v.f_blocks * v.f_frsize;
        ret->of[CLAIM_AVAILABLE] = (uint64_t)v.f_bavail * v.f_frsize;
        ret->of[CLAIM_USED] = (uint64_t)(v.f_blocks - v.f_bfree) * v.f_frsize;
        ret->of[CLAIM_INODES] = v.f_files;
        ret->of[CLAIM_INODES_FREE] = v.f_ffree;
        ret->of[CLAIM_INODES_USED] = v.f_files - v.f_ffree;
        return true;
}

/* ---- which ------------------------------------------------------------------------------------------------------- */

static void add_pod(const struct pod *p, char ***foreign, struct claim_usages *ret)
{
        for (size_t i = 0; i < p->n_volumes; i++) {
                const struct volume *v = &p->volumes[i];
                struct claim_usage u = { .pod = p->id };

                if (v->kind != VOLUME_CLAIM || !v->path)
                        continue;
                if (!*foreign) {
                        CLEANUP(freep) char *mounts = NULL;
                        size_t size;

                        if (file_read(MOUNTINFO_PATH, MOUNTINFO_MAX, &mounts, &size, NULL) < 0)
                                return; /* without it nobody can be asked */
                        *foreign = claim_foreign_mounts(mounts);
                }
                if (is_foreign(v->path, *foreign) || !ask(v->path, &u))
                        continue;
                u.volume = xstrdup(v->name);
                u.claim = xstrdup(v->claim);
                ret->list = xrealloc(ret->list, ret->n + 1, sizeof(*ret->list));
                ret->list[ret->n++] = u;
        }
}

static int compare(const void *x, const void *y)
{
        const struct claim_usage *a = x, *b = y;
        int r = strcmp(a->pod.namespace, b->pod.namespace);

        return r ? r : strcmp(a->claim, b->claim);
}

void claim_usages_read(struct pods *ps, struct claim_usages *ret)
{
        CLEANUP(strv_freep) char **uids = shown_uids(ps), **foreign = NULL;

        *ret = (struct claim_usages){ 0 };
        for (char **uid = uids; uid && *uid; uid++) {
                const struct pod_state *s;
                const struct pod *p;

                if (pods_look(ps, *uid, &p, &s))
                        add_pod(p, &foreign, ret);
        }
        if (ret->n)
                qsort(ret->list, ret->n, sizeof(*ret->list), compare);
}

void claim_usages_done(struct claim_usages *u)
{
        for (size_t i = 0; i < u->n; i++) {
                free(u->list[i].volume);
                free(u->list[i].claim);
        }
        free(u->list);
        *u = (struct claim_usages){ 0 };
}

/* ---- the text ---------------------------------------------------------------------------------------------------- */

static const struct row {
        const char *name, *help;
} rows[CLAIM_VALUES] = {
        [CLAIM_AVAILABLE] = { "kubelet_volume_stats_available_bytes",
                              "[ALPHA] Number of available bytes in the volume" },
        [CLAIM_CAPACITY] = { "kubelet_volume_stats_capacity_bytes", "[ALPHA] Capacity in bytes of the volume" },
        [CLAIM_INODES] = { "kubelet_volume_stats_inodes", "[ALPHA] Maximum number of inodes in the volume" },
        [CLAIM_INODES_FREE] = { "kubelet_volume_stats_inodes_free", "[ALPHA] Number of free inodes in the volume" },
        [CLAIM_INODES_USED] = { "kubelet_volume_stats_inodes_used", "[ALPHA] Number of used inodes in the volume" },
        [CLAIM_USED] = { "kubelet_volume_stats_used_bytes", "[ALPHA] Number of used bytes in the volume" },
};

static bool is_told(const struct claim_usages *u, size_t i, enum claim_value value)
{
        bool of_inodes = value == CLAIM_INODES || value == CLAIM_INODES_FREE || value == CLAIM_INODES_USED;

        return (i == 0 || compare(&u->list[i - 1], &u->list[i]) != 0) && (!of_inodes || u->list[i].of[CLAIM_INODES]);
}

void claim_usages_text(const struct claim_usages *u, enum claim_value value, struct buf *ret)
{
        const struct row *row = &rows[value];
        bool begun = false;

        for (size_t i = 0; i < u->n; i++) {
                if (!is_told(u, i, value))
                        continue;
                if (!begun)
                        exposition_head(ret, row->name, "gauge", row->help);
                begun = true;
                buf_str(ret, row->name);
                exposition_label(ret, "{", "namespace", u->list[i].pod.namespace);
                exposition_label(ret, ",", "persistentvolumeclaim", u->list[i].claim);
                buf_char(ret, '}');
                exposition_value(ret, number_of(u->list[i].of[value]), 0);
        }
}
