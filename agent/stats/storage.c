/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/stats/storage.h"

#include "common/mem.h"

/* Below the pod's directory on the disk, and on the tmpfs. The last one, which every pod has, is counted without those
 * before it. */
static const char *const dirs_on_disk[] = { "/volumes", "/parts", "/working" };
static const char *const dirs_in_memory[] = { "/volumes", "/parts", "" };

/* Of the pod's directory on the tmpfs. Where /var is a layer, what was changed is in "upper". */
static const char *const layer[] = { "run", "var", "tmp", "upper", "etc-upper" };

static void add(char ***dirs, size_t *n, const char *top, const char *const *names, size_t n_names, const char *uid)
{
        for (size_t i = 0; i < n_names; i++)
                strv_push(dirs, n, xasprintf("%s/%s%s", top, uid, names[i]));
}

void storage_dirs(const struct pod *p, char ***dirs, size_t *n)
{
        add(dirs, n, DISK_USAGE_DISK, dirs_on_disk, ARRAY_LEN(dirs_on_disk), p->id.uid);
        add(dirs, n, DISK_USAGE_MEMORY, dirs_in_memory, ARRAY_LEN(dirs_in_memory), p->id.uid);
}

void storage_used_init(struct storage_used *ret, const struct pod *p)
{
        *ret = (struct storage_used){
                .volumes = xcalloc(p->n_volumes + 1, sizeof(*ret->volumes)),
                .containers = xcalloc(p->n_containers + 1, sizeof(*ret->containers)),
        };
}

void storage_used_done(struct storage_used *used)
{
        free(used->volumes);
        free(used->containers);
        *used = (struct storage_used){ 0 };
}

/* A volume, or a part of one: "data", "data:sub:dir" (sub_path_name() in helper/pod_dirs.c). */
static void count_volume(struct storage_used *used, const struct pod *p, const char *name, uint64_t bytes, bool on_disk)
{
        size_t n = strcspn(name, ":");

        for (size_t i = 0; i < p->n_volumes; i++)
                if (strlen(p->volumes[i].name) == n && memcmp(p->volumes[i].name, name, n) == 0)
                        used->volumes[i] += bytes;
        used->total += on_disk ? bytes : 0;
}

static void count_working_dir(struct storage_used *used, const struct pod *p, const char *name, uint64_t bytes)
{
        for (size_t i = 0; i < p->n_containers; i++)
                if (streq(p->containers[i].name, name))
                        used->containers[i] += bytes;
        used->total += bytes;
}

static void count_layer(struct storage_used *used, const struct pod *p, const char *name, uint64_t bytes)
{
        for (size_t i = 0; i < ARRAY_LEN(layer); i++) {
                if (!streq(name, layer[i]))
                        continue;
                used->total += bytes;
                if (p->n_containers == 1)
                        used->containers[0] += bytes;
        }
}

/* What of `path` stands behind `top`, the directory there (a pod's uid) and `dir`; NULL: it does not lie there. */
static const char *behind(const char *path, const char *top, const char *uid, const char *dir)
{
        const char *const parts[] = { top, "/", uid, dir };

        for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
                size_t n = strlen(parts[i]);
                if (strncmp(path, parts[i], n) != 0)
                        return NULL;
                path += n;
        }
        return *path == '/' ? path + 1 : *path ? NULL : path;
}

bool storage_count(struct storage_used *used, const struct pod *p, const struct disk_usages *answer)
{
        const char *uid = p->id.uid, *name;
        bool whole = false;

        for (size_t i = 0; i < answer->n; i++) {
                const char *path = answer->list[i].path;
                uint64_t bytes = answer->list[i].bytes;

                if ((name = behind(path, DISK_USAGE_DISK, uid, "/volumes")) ||
                    (name = behind(path, DISK_USAGE_DISK, uid, "/parts"))) {
                        if (*name)
                                count_volume(used, p, name, bytes, true);
                } else if ((name = behind(path, DISK_USAGE_DISK, uid, "/working"))) {
                        if (*name)
                                count_working_dir(used, p, name, bytes);
                } else if ((name = behind(path, DISK_USAGE_MEMORY, uid, "/volumes")) ||
                           (name = behind(path, DISK_USAGE_MEMORY, uid, "/parts"))) {
                        if (*name)
                                count_volume(used, p, name, bytes, false);
                        used->in_memory += *name ? 0 : bytes;
                } else if ((name = behind(path, DISK_USAGE_MEMORY, uid, ""))) {
                        count_layer(used, p, name, bytes);
                        used->in_memory += *name ? 0 : bytes;
                        whole |= !*name;
                }
        }
        return whole;
}

#define TRASH ".trash"

static const char *const tops[] = { DISK_USAGE_DISK, DISK_USAGE_MEMORY };

void storage_remains_dirs(char ***dirs, size_t *n)
{
        for (size_t i = 0; i < ARRAY_LEN(tops); i++)
                strv_push(dirs, n, xasprintf("%s/" TRASH, tops[i]));
}

/* What was the pod's is called "UID.NUMBER". */
bool storage_has_remains(const struct disk_usages *answer, const char *uid)
{
        for (size_t i = 0; i < answer->n; i++)
                for (size_t k = 0; k < ARRAY_LEN(tops); k++) {
                        const char *name = behind(answer->list[i].path, tops[k], TRASH, "");

                        if (name && starts_with(name, uid) && name[strlen(uid)] == '.')
                                return true;
                }
        return false;
}
