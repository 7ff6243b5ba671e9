/* SPDX-License-Identifier: Apache-2.0 */
/* What claims' filesystems have (the linker wraps what knows of pods). */
#include "agent/stats/claim_usage.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "agent/lib/json.h"
#include "agent/pods/shown.h"
#include "common/mem.h"

enum { PODS = 2 };
static struct pod *pods[PODS];
static const struct pod_state state;

char **__wrap_shown_uids(struct pods *ps);
char **__wrap_shown_uids(struct pods *ps UNUSED)
{
        char **uids = NULL;
        size_t n = 0;

        for (size_t i = 0; i < PODS; i++)
                if (pods[i])
                        strv_push(&uids, &n, xstrdup(pods[i]->id.uid));
        strv_push(&uids, &n, xstrdup("0f6c2a9e-1234-4abc-8def-0123456789ff")); /* it has gone meanwhile */
        return uids;
}

bool __wrap_pods_look(struct pods *ps, const char *uid, const struct pod **ret, const struct pod_state **ret_state);
bool __wrap_pods_look(struct pods *ps UNUSED, const char *uid, const struct pod **ret,
                      const struct pod_state **ret_state)
{
        for (size_t i = 0; i < PODS; i++)
                if (pods[i] && streq(pods[i]->id.uid, uid)) {
                        *ret = pods[i];
                        *ret_state = &state;
                        return true;
                }
        return false;
}

/* Volumes v0, v1, ... of the claims `claims` (NULL-terminated), at `paths`. */
static void pod(size_t i, const char *namespace, const char *const claims[], char *const paths[])
{
        struct buf b = BUF(4096);
        CLEANUP(freep) char *text = NULL;
        cJSON *o;

        buf_printf(&b,
                   "{\"metadata\":{\"namespace\":\"%s\",\"name\":\"p%zu\",\"uid\":"
                   "\"0f6c2a9e-1234-4abc-8def-0123456789a%zu\"},\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":"
                   "\"nginx\"}],\"volumes\":[{\"name\":\"e\",\"emptyDir\":{}}",
                   namespace, i, i);
        for (size_t k = 0; claims[k]; k++)
                buf_printf(&b, ",{\"name\":\"v%zu\",\"persistentVolumeClaim\":{\"claimName\":\"%s\"}}", k, claims[k]);
        buf_str(&b, "]}}");
        text = buf_steal(&b);
        o = cJSON_Parse(text);
        cr_assert_eq(pod_parse(o, &pods[i], NULL), 0, "%s", text);
        cJSON_Delete(o);
        for (size_t k = 0; claims[k]; k++)
                pods[i]->volumes[k + 1].path = paths[k] ? xstrdup(paths[k]) : NULL;
}

static char dir[] = "/tmp/claims.XXXXXX";
static char *path(const char *name)
{
        return xasprintf("%s/%s", dir, name);
}

static void end(struct claim_usages *u)
{
        claim_usages_done(u);
        for (size_t i = 0; i < PODS; i++)
                pod_free(pods[i]);
}

Test(claim_usage, who_can_be_asked)
{
        struct claim_usages u;
        struct statvfs v;

        cr_assert_not_null(mkdtemp(dir));
        CLEANUP(freep)
        char *a = path("a"), *link = path("link"), *below = path("link/sub"), *up = path("a/../a"),
             *none = path("none"), *file = path("file");
        CLEANUP(freep) char *sub = path("a/sub");
        cr_assert_eq(mkdir(a, 0700), 0);
        cr_assert_eq(mkdir(sub, 0700), 0);
        cr_assert_eq(symlink(a, link), 0);
        fclose(fopen(file, "we"));
        pod(0, "ns", (const char *[]){ "z", "linked", "below", "up", "none", "file", "waits", NULL },
            (char *[]){ a, link, below, up, none, file, NULL });
        pod(1, "ns", (const char *[]){ "b", "z", NULL }, (char *[]){ sub, a });
        claim_usages_read(NULL, &u);
        cr_assert_eq(u.n, 3);
        cr_expect_str_eq(u.list[0].claim, "b");
        cr_expect_str_eq(u.list[0].volume, "v0");
        cr_expect_str_eq(u.list[1].claim, "z");
        cr_expect_str_eq(u.list[2].claim, "z");
        cr_assert_eq(statvfs(a, &v), 0);
        cr_expect_eq(u.list[0].of[CLAIM_CAPACITY], (uint64_t)v.f_blocks * v.f_frsize);
        cr_expect_eq(u.list[0].of[CLAIM_INODES], v.f_files);
        cr_expect_leq(u.list[0].of[CLAIM_AVAILABLE] + u.list[0].of[CLAIM_USED], u.list[0].of[CLAIM_CAPACITY]);
        end(&u);
        (void)unlink(file);
        (void)unlink(link);
        (void)rmdir(sub);
        (void)rmdir(a);
        (void)rmdir(dir);
}

Test(claim_usage, where_there_is_no_claim_there_is_nothing)
{
        struct claim_usages u;

        pod(0, "ns", (const char *[]){ NULL }, NULL);
        claim_usages_read(NULL, &u);
        cr_expect_eq(u.n, 0);
        end(&u);
}

Test(claim_usage, servers_and_programs_are_not_asked)
{
        CLEANUP(strv_freep)
        char **list = claim_foreign_mounts("1 0 8:1 / / rw - ext4 /dev/sda1 rw\n"
                                           "2 1 0:30 / /run rw - tmpfs tmpfs rw\n"
                                           "3 1 0:31 / /srv/nfs rw - nfs4 host:/x rw\n"
                                           "4 1 0:32 / /data rw - btrfs /dev/sdb rw\n"
                                           "5 1 0:33 / /mnt/ssh rw - fuse.sshfs host: rw\n"
                                           "6 1 8:17 / /mnt/stick rw - fuseblk /dev/sdb1 rw\n"
                                           "7 1 0:34 / /net rw - autofs systemd-1 rw\n"
                                           "8 1 0:35 / /share rw - cifs //host/x rw\n");
        static const char *const want[] = { "/srv/nfs", "/mnt/ssh", "/mnt/stick", "/net", "/share" };

        for (size_t i = 0; i < ARRAY_LEN(want); i++) {
                cr_assert_not_null(list[i], "%s", want[i]);
                cr_expect_str_eq(list[i], want[i]);
        }
        cr_expect_null(list[ARRAY_LEN(want)]);
}

Test(claim_usage, the_text_has_each_claim_once)
{
        struct claim_usage list[] = {
                { .pod = { .namespace = "n" }, .claim = (char[]){ "a" }, .of = { 1, 2, 3, 4, 5, 6 } },
                { .pod = { .namespace = "n" }, .claim = (char[]){ "a" }, .of = { 1, 2, 3, 4, 5, 6 } },
                { .pod = { .namespace = "o" }, .claim = (char[]){ "a" }, .of = { 7, 8, 0, 0, 0, 9 } },
        };
        const struct claim_usages u = { list, ARRAY_LEN(list) };
        CLEANUP(buf_done) struct buf b = BUF(64 * 1024);

        claim_usages_text(&u, CLAIM_AVAILABLE, &b);
        claim_usages_text(&u, CLAIM_INODES_USED, &b);
        cr_expect_str_eq(b.data,
                         "# HELP kubelet_volume_stats_available_bytes [ALPHA] Number of available bytes in the volume\n"
                         "# TYPE kubelet_volume_stats_available_bytes gauge\n"
                         "kubelet_volume_stats_available_bytes{namespace=\"n\",persistentvolumeclaim=\"a\"} 1\n"
                         "kubelet_volume_stats_available_bytes{namespace=\"o\",persistentvolumeclaim=\"a\"} 7\n"
                         "# HELP kubelet_volume_stats_inodes_used [ALPHA] Number of used inodes in the volume\n"
                         "# TYPE kubelet_volume_stats_inodes_used gauge\n"
                         "kubelet_volume_stats_inodes_used{namespace=\"n\",persistentvolumeclaim=\"a\"} 5\n");
}
