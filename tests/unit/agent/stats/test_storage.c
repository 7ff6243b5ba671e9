/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/stats/storage.h"

#include <criterion/criterion.h>
#include <stdio.h>

#include "agent/lib/json.h"
#include "common/buf.h"
#include "common/mem.h"

#define UID "0f6c2a9e-1234-4abc-8def-0123456789ab"

static struct pod *pod(const char *containers)
{
        CLEANUP(freep)
        char *text =
                xasprintf("{\"metadata\":{\"namespace\":\"default\",\"name\":\"web\",\"uid\":\"" UID "\"},\"spec\":{"
                          "\"volumes\":[{\"name\":\"a\",\"emptyDir\":{}},{\"name\":\"b\",\"emptyDir\":{\"medium\":"
                          "\"Memory\"}}],\"containers\":[%s]}}",
                          containers);
        cJSON *o = cJSON_Parse(text);
        struct pod *p = NULL;

        cr_assert_eq(pod_parse(o, &p, NULL), 0);
        cJSON_Delete(o);
        return p;
}

#define ONE "{\"name\":\"c\",\"image\":\"nginx\"}"
#define TWO ONE ",{\"name\":\"d\",\"image\":\"redis\"}"

Test(storage, directories_are_asked_for_from_within_outwards)
{
        CLEANUP(pod_freep) struct pod *p = pod(ONE);
        CLEANUP(strv_freep) char **dirs = NULL;
        CLEANUP(buf_done) struct buf b = BUF(4096);
        size_t n = 0;

        storage_dirs(p, &dirs, &n);
        for (size_t i = 0; i < n; i++)
                buf_printf(&b, "%s ", dirs[i]);
        cr_expect_str_eq(b.data, "/disk/" UID "/volumes /disk/" UID "/parts /disk/" UID "/working /memory/" UID
                                 "/volumes /memory/" UID "/parts /memory/" UID " ");
}

/* An answer, and the two volumes, the first two containers and the sum. */
Test(storage, what_counts_for_what)
{
        static const struct {
                const char *shows, *containers, *path;
                const char *is;
        } rows[] = {
                { "a volume on the disk", ONE, "/disk/" UID "/volumes/a", "7 0 0 0 7" },
                { "a part of it", ONE, "/disk/" UID "/parts/a:x:y", "7 0 0 0 7" },
                { "a volume in memory is no storage", ONE, "/memory/" UID "/volumes/b", "0 7 0 0 0" },
                { "nor is a part of it", ONE, "/memory/" UID "/parts/b:x", "0 7 0 0 0" },
                { "a name that another begins with", ONE, "/disk/" UID "/volumes/ab", "0 0 0 0 7" },
                { "the only container's layer", ONE, "/memory/" UID "/tmp", "0 0 7 0 7" },
                { "which others share where there are others", TWO, "/memory/" UID "/upper", "0 0 0 0 7" },
                { "a directory of one's own", TWO, "/disk/" UID "/working/d", "0 0 0 7 7" },
                { "what vks has put there", ONE, "/memory/" UID "/files", "0 0 0 0 0" },
                { "memory that is shared", ONE, "/memory/" UID "/shm", "0 0 0 0 0" },
                { "the sum of what was told", ONE, "/disk/" UID "/volumes", "0 0 0 0 0" },
                { "another pod's", ONE, "/disk/1f6c2a9e-1234-4abc-8def-0123456789ab/volumes/a", "0 0 0 0 0" },
                { "what is no pod's", ONE, "/disk", "0 0 0 0 0" },
        };

        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                CLEANUP(pod_freep) struct pod *p = pod(rows[i].containers);
                CLEANUP(freep) char *path = xstrdup(rows[i].path);
                CLEANUP(storage_used_done) struct storage_used used = { 0 };
                struct disk_usage one = { path, 7 };
                char is[100];

                storage_used_init(&used, p);
                cr_expect(!storage_count(&used, p, &(struct disk_usages){ &one, 1 }), "%s: all of it?", rows[i].shows);
                snprintf(is, sizeof(is), "%llu %llu %llu %llu %llu", (unsigned long long)used.volumes[0],
                         (unsigned long long)used.volumes[1], (unsigned long long)used.containers[0],
                         p->n_containers > 1 ? (unsigned long long)used.containers[1] : 0,
                         (unsigned long long)used.total);
                cr_expect_str_eq(is, rows[i].is, "%s: %s", rows[i].shows, is);
        }
}

/* A directory's own line has what is in it, but for what has a line of an earlier one's. */
Test(storage, what_lies_on_the_tmpfs_that_pods_share)
{
        CLEANUP(pod_freep) struct pod *p = pod(TWO);
        CLEANUP(storage_used_done) struct storage_used used = { 0 };
        char disk[] = "/disk/" UID "/volumes", a[] = "/memory/" UID "/volumes/b", volumes[] = "/memory/" UID "/volumes",
             parts[] = "/memory/" UID "/parts", tmp[] = "/memory/" UID "/tmp", all[] = "/memory/" UID;
        struct disk_usage list[] = { { disk, 64 }, { a, 2 }, { volumes, 3 }, { parts, 5 }, { tmp, 7 }, { all, 11 } };

        storage_used_init(&used, p);
        cr_expect(storage_count(&used, p, &(struct disk_usages){ list, ARRAY_LEN(list) }));
        cr_expect_eq(used.in_memory, 19);
}

Test(storage, the_last_directory_says_that_all_was_told)
{
        CLEANUP(pod_freep) struct pod *p = pod(ONE);
        CLEANUP(storage_used_done) struct storage_used used = { 0 };
        char volume[] = "/disk/" UID "/volumes/a", last[] = "/memory/" UID;
        struct disk_usage list[] = { { volume, 1 }, { volume, 2 }, { last, 9 } };

        storage_used_init(&used, p);
        cr_expect(storage_count(&used, p, &(struct disk_usages){ list, 3 }));
        cr_expect_eq(used.total, 3);
        cr_expect_eq(used.volumes[0], 3);
}
