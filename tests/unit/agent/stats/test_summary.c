/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include "agent/lib/json.h"
#include "agent/stats/summary.h"
#include "tests/unit/agent/stats/sampled.h"

static cJSON *told(const struct sample *s, bool only)
{
        struct claim_usage list[] = {
                { .pod = { .namespace = "ns", .uid = "uid-one" },
                  .volume = (char[]){ "data" },
                  .claim = (char[]){ "data-0" },
                  .of = { [CLAIM_AVAILABLE] = 5, [CLAIM_CAPACITY] = 9, [CLAIM_USED] = 4 } },
        };
        const struct claim_usages claims = { list, ARRAY_LEN(list) };
        struct summary_walk w = { .sample = s,
                                  .node_name = "n",
                                  .claims = &claims,
                                  .only_cpu_and_memory = only,
                                  .pids_max = 100,
                                  .pids = 7 };
        CLEANUP(buf_done) struct buf b = BUF(1024 * 1024);
        cJSON *o;

        while (summary_next(&w, &b))
                ;
        cr_assert(!strstr(b.data, "e+"), "a number with an exponent is none for Go");
        o = json_parse(b.data, b.len);
        cr_assert(o, "%s", b.data);
        return o;
}

/* "node.cpu.time" */
static const cJSON *at(const cJSON *o, const char *path)
{
        CLEANUP(freep) char *copy = xstrdup(path);

        for (char *rest = copy, *word; (word = strsep(&rest, "."));)
                o = cJSON_IsArray(o) ? cJSON_GetArrayItem(o, atoi(word)) : json_get(o, word);
        return o;
}

static void number(const cJSON *o, const char *path, double want)
{
        const cJSON *v = at(o, path);

        cr_expect(cJSON_IsNumber(v) && v->valuedouble == want, "%s: %f", path, v ? v->valuedouble : -1);
}

static void text(const cJSON *o, const char *path, const char *want)
{
        cr_expect_str_eq(cJSON_GetStringValue(at(o, path)), want, "%s", path);
}

Test(summary, the_whole)
{
        CLEANUP(sample_unrefp) struct sample *s = sampled();
        cJSON *o;

        usage_set(&s->machine.usage, USAGE_CPU, UINT64_C(123456789012345));
        usage_set(&s->pods[0].usage, USAGE_PIDS, 4);
        usage_set(&s->pods[0].containers[0].usage, USAGE_MEMORY_LIMIT, 1000);
        o = told(s, false);
        text(o, "node.nodeName", "n");
        text(o, "node.startTime", "2023-11-14T22:11:40Z");
        text(o, "node.cpu.time", "2023-11-14T22:13:20Z");
        number(o, "node.cpu.usageCoreNanoSeconds", 123456789012345000.0);
        number(o, "node.memory.workingSetBytes", 999000);
        number(o, "node.memory.availableBytes", 1001000);
        number(o, "node.memory.usageBytes", 1000000);
        text(o, "node.network.name", "eth0");
        number(o, "node.network.rxBytes", 11);
        number(o, "node.network.interfaces.0.txBytes", 12);
        number(o, "node.fs.capacityBytes", 500);
        number(o, "node.fs.usedBytes", 300);
        cr_assert_null(at(o, "node.fs.inodes"), "this filesystem counts none");
        number(o, "node.rlimit.maxpid", 100);
        number(o, "node.rlimit.curproc", 7);
        text(o, "node.systemContainers.0.name", "pods");
        cr_assert_null(at(o, "node.systemContainers.1"), "of the agent nothing is told");
        text(o, "pods.0.podRef.name", "one");
        text(o, "pods.0.podRef.namespace", "ns");
        text(o, "pods.0.podRef.uid", "uid-one");
        number(o, "pods.0.cpu.usageCoreNanoSeconds", 3e9);
        number(o, "pods.0.memory.workingSetBytes", 500);
        number(o, "pods.0.process_stats.process_count", 4);
        text(o, "pods.0.volume.0.name", "data");
        text(o, "pods.0.volume.0.pvcRef.name", "data-0");
        text(o, "pods.0.volume.0.pvcRef.namespace", "ns");
        number(o, "pods.0.volume.0.availableBytes", 5);
        cr_assert_null(at(o, "pods.0.volume.0.inodes"), "this filesystem counts none");
        cr_assert_null(at(o, "pods.1.volume"));
        text(o, "pods.0.containers.0.name", "a");
        text(o, "pods.0.containers.0.startTime", "2023-11-14T22:13:17Z");
        number(o, "pods.0.containers.0.memory.workingSetBytes", 200);
        number(o, "pods.0.containers.0.memory.availableBytes", 800);
        number(o, "pods.0.containers.0.memory.rssBytes", 50);
        number(o, "pods.0.containers.1.cpu.usageCoreNanoSeconds", 1.5e9);
        cr_assert_null(at(o, "pods.0.containers.1.memory.availableBytes"), "there is no limit");
        text(o, "pods.1.podRef.name", "two");
        cr_assert_null(at(o, "pods.1.containers.0.memory"), "it is not counted");
        cr_assert_null(at(o, "pods.2"));
        cJSON_Delete(o);
}

Test(summary, only_cpu_and_memory)
{
        CLEANUP(sample_unrefp) struct sample *s = sampled();
        cJSON *o = told(s, true);

        number(o, "node.memory.workingSetBytes", 999000);
        number(o, "pods.0.containers.0.memory.workingSetBytes", 200);
        cr_assert_null(at(o, "node.fs"));
        cr_assert_null(at(o, "node.network"));
        cr_assert_null(at(o, "node.rlimit"));
        cJSON_Delete(o);
}

Test(summary, without_pods)
{
        struct sample s = { .at = AT };
        cJSON *o = told(&s, false);

        cr_assert(cJSON_IsArray(at(o, "pods")) && !at(o, "pods.0"));
        cr_assert_null(at(o, "node.cpu"));
        cr_assert_null(at(o, "node.memory"));
        cJSON_Delete(o);
}
