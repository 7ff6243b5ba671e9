/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pod/limits.h"

#include <criterion/criterion.h>
#include <stdio.h>

#include "agent/lib/json.h"
#include "common/mem.h"

#define GI (UINT64_C(1) << 30)

/* `spec` inside of the pod's spec. */
static struct pod *parse(const char *class, const char *spec)
{
        CLEANUP(freep)
        char *text =
                xasprintf("{\"metadata\":{\"namespace\":\"default\",\"name\":\"web\",\"uid\":"
                          "\"0f6c2a9e-1234-4abc-8def-0123456789ab\"},\"spec\":{%s},\"status\":{\"qosClass\":\"%s\"}}",
                          spec, class);
        cJSON *o = cJSON_Parse(text);
        struct pod *p = NULL;

        cr_assert_not_null(o, "bad test JSON: %s", text);
        cr_assert_eq(pod_parse(o, &p, NULL), 0);
        cJSON_Delete(o);
        return p;
}

static void write_down(const struct limits *l, char ret[static 100])
{
        snprintf(ret, 100, "%u %u %llu %u", l->cpu_weight, l->cpu_milli, (unsigned long long)l->memory_max,
                 l->tasks_max);
}

#define OWN(r)        "\"resources\":{" r "}"
#define ONE(name, r)  "{\"name\":\"" name "\",\"image\":\"nginx\"," OWN(r) "}"
#define ASKS(r)       "\"requests\":{" r "}"
#define MOST(r)       "\"limits\":{" r "}"
#define CPU(n)        "\"cpu\":\"" n "\""
#define MEMORY(n)     "\"memory\":\"" n "\""
#define PODS(list)    "\"containers\":[" list "]"
#define INIT(list)    ",\"initContainers\":[" list "]"
#define SIDECAR(n, r) "{\"name\":\"" n "\",\"image\":\"redis\",\"restartPolicy\":\"Always\"," OWN(r) "}"

/* Weight, thousandths of a CPU, memory, tasks: of the pod, then of its first container. */
Test(limits, as_a_kubelet_reckons_them)
{
        static const struct {
                const char *shows, *class, *spec, *pod, *container;
        } rows[] = {
                { "nothing", "BestEffort", PODS(ONE("c", "")), "0 0 0 0", "0 0 0 0" },
                { "a request is a share", "Burstable", PODS(ONE("c", ASKS(CPU("250m")))), "10 0 0 0", "10 0 0 0" },
                { "the least that is more than the least share", "Burstable", PODS(ONE("c", ASKS(CPU("29m")))),
                  "2 0 0 0", "2 0 0 0" },
                { "just below that", "Burstable", PODS(ONE("c", ASKS(CPU("28m")))), "1 0 0 0", "1 0 0 0" },
                { "a CPU", "Burstable", PODS(ONE("c", ASKS(CPU("1")))), "39 0 0 0", "39 0 0 0" },
                { "of memory alone, the least share", "Burstable", PODS(ONE("c", ASKS(MEMORY("1Gi")))), "1 0 0 0",
                  "1 0 0 0" },
                { "more than the largest share", "Burstable", PODS(ONE("c", ASKS(CPU("300")))), "10000 0 0 0",
                  "10000 0 0 0" },
                { "as much as there is", "Burstable", PODS(ONE("c", ASKS(CPU("9000000")))), "10000 0 0 0",
                  "10000 0 0 0" },
                { "a limit is a request where none is", "Guaranteed",
                  PODS(ONE("c", MOST(CPU("500m") "," MEMORY("1Gi")))), "1 500 1073741824 0", "20 500 1073741824 0" },
                { "a request of nothing is one", "Burstable", PODS(ONE("c", ASKS(CPU("0")) "," MOST(CPU("500m")))),
                  "1 500 0 0", "1 500 0 0" },
                { "the least limit of CPU is 1 ms in 100", "Burstable", PODS(ONE("c", MOST(CPU("1m")))), "1 10 0 0",
                  "1 10 0 0" },
                { "a pod is bounded when all of its containers are", "Burstable",
                  PODS(ONE("a", MOST(MEMORY("1Gi"))) "," ONE("b", MOST(MEMORY("2Gi")))), "1 0 3221225472 0",
                  "1 0 1073741824 0" },
                { "not when one is", "Burstable", PODS(ONE("a", MOST(MEMORY("1Gi"))) "," ONE("b", "")), "1 0 0 0",
                  "1 0 1073741824 0" },
                { "nor when an init container is not", "Burstable",
                  PODS(ONE("a", MOST(MEMORY("1Gi")))) INIT(ONE("i", "")), "1 0 0 0", "1 0 0 0" },
                { "the largest of what begins and what runs", "Burstable",
                  PODS(ONE("a", MOST(CPU("1")))) INIT(ONE("i", MOST(CPU("3")))), "1 3000 0 0", "118 3000 0 0" },
                { "the pod's own limit is its containers'", "Burstable",
                  PODS(ONE("a", "")) "," OWN(ASKS(CPU("2")) "," MOST(CPU("3") "," MEMORY("1Gi"))),
                  "79 3000 1073741824 0", "118 3000 1073741824 0" },
                { "and the sum of theirs is none beside it", "Burstable",
                  PODS(ONE("a", MOST(MEMORY("1Gi")))) "," OWN(MOST(MEMORY("2Gi"))), "1 0 2147483648 0",
                  "1 0 1073741824 0" },
        };

        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                CLEANUP(pod_freep) struct pod *p = parse(rows[i].class, rows[i].spec);
                struct limits l;
                char is[100];

                limits_of_pod(p, 0, &l);
                write_down(&l, is);
                cr_expect_str_eq(is, rows[i].pod, "%s, the pod: %s, not %s", rows[i].shows, is, rows[i].pod);
                limits_of_container(p, &p->containers[0], &l);
                write_down(&l, is);
                cr_expect_str_eq(is, rows[i].container, "%s, the container: %s, not %s", rows[i].shows, is,
                                 rows[i].container);
        }
}

Test(limits, so_many_processes_a_pod_has_whatever_its_class)
{
        static const char *const classes[] = { "BestEffort", "Burstable", "Guaranteed" };

        for (size_t i = 0; i < ARRAY_LEN(classes); i++) {
                CLEANUP(pod_freep) struct pod *p = parse(classes[i], PODS(ONE("c", "")));
                struct limits l;

                limits_of_pod(p, 99, &l);
                cr_assert_eq(l.tasks_max, 99);
                limits_of_container(p, &p->containers[0], &l);
                cr_assert_eq(l.tasks_max, 0, "it is all of the pod's together");
        }
}

#define CRITICAL "\"priorityClassName\":\"system-node-critical\","

/* On a machine of 4 GiB. */
Test(limits, who_is_killed_first)
{
        static const struct {
                const char *shows, *class, *spec;
                int score;
        } rows[] = {
                { "who asks for nothing", "BestEffort", PODS(ONE("c", "")), 1000 },
                { "then who asks for little", "Burstable", PODS(ONE("c", ASKS(CPU("1")))), 999 },
                { "by what it asks for", "Burstable", PODS(ONE("c", ASKS(MEMORY("1Gi")))), 750 },
                { "rounded up", "Burstable", PODS(ONE("c", ASKS(MEMORY("1000Mi")))), 756 },
                { "all of it", "Burstable", PODS(ONE("c", ASKS(MEMORY("4Gi")))), 3 },
                { "and more", "Burstable", PODS(ONE("c", ASKS(MEMORY("40Gi")))), 3 },
                { "last who has just what it asks for", "Guaranteed",
                  PODS(ONE("c", ASKS(MEMORY("1Gi")) "," MOST(MEMORY("1Gi")))), -997 },
                { "and what the node needs", "Burstable", CRITICAL PODS(ONE("c", MOST(MEMORY("1Gi")))), -997 },
                { "but not without a limit", "Burstable", CRITICAL PODS(ONE("c", ASKS(MEMORY("1Gi")))), 750 },
                { "what the pod asks for beyond its containers is shared out", "Burstable",
                  PODS(ONE("c", ASKS(MEMORY("1Gi"))) "," ONE("d", "")) "," OWN(ASKS(MEMORY("2Gi"))), 625 },
        };

        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                CLEANUP(pod_freep) struct pod *p = parse(rows[i].class, rows[i].spec);
                int is = limits_oom_score(p, &p->containers[0], 4 * GI);

                cr_expect_eq(is, rows[i].score, "%s: %d, not %d", rows[i].shows, is, rows[i].score);
        }
}

Test(limits, a_sidecar_is_killed_no_sooner_than_who_needs_it)
{
        CLEANUP(pod_freep)
        struct pod *p = parse("Burstable", PODS(ONE("a", ASKS(MEMORY("2Gi"))) "," ONE("b", ASKS(MEMORY("1Gi"))))
                                                   INIT(SIDECAR("s", "") "," SIDECAR("t", ASKS(MEMORY("3Gi")))));

        cr_assert_eq(limits_oom_score(p, &p->containers[0], 4 * GI), 750);
        cr_assert_eq(limits_oom_score(p, &p->containers[1], 4 * GI), 250);
        cr_assert_eq(limits_oom_score(p, &p->containers[2], 4 * GI), 500);

        /* whatever their order, and what does not need it does not count */
        CLEANUP(pod_freep)
        struct pod *q =
                parse("Burstable",
                      PODS(ONE("a", ASKS(MEMORY("1Gi"))) "," ONE("b", ASKS(MEMORY("2Gi"))))
                              INIT(SIDECAR("s", "") "," ONE("i", ASKS(MEMORY("1Mi")))) ",\"ephemeralContainers\":["
                                                                                       "{\"name\":\"e\",\"image\":"
                                                                                       "\"bash\"}]");

        cr_assert_eq(limits_oom_score(q, &q->containers[0], 4 * GI), 750);
}
