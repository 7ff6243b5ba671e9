/* SPDX-License-Identifier: Apache-2.0 */
/* Who is evicted and why (agent/pod/eviction.h), and what becomes of a pod that is: plan and status. */
#include "agent/pod/eviction.h"
#include "tests/unit/agent/pod/story.h"

/* ---- a pod that is evicted --------------------------------------------------------------------------------------- */

Test(eviction, an_evicted_pod_ends_and_has_failed)
{
        static const struct story stories[] = {
                { "it is stopped", "Always c", "ready; c runs; evicted 1", "stop", "Running | c running ready", NULL },
                { "and nothing of it is started any more", "Always c d", "ready; c runs; evicted 1", "stop", NULL,
                  NULL },
                { "one by one where a hook comes first", "Always c/pre-stop", "ready; c runs; evicted 1", "begin-end",
                  NULL, NULL },
                { "what has ended it has failed, however it ended", "Never c",
                  "ready; c runs; evicted 1; c exits 0 inactive", "", "Failed | c terminated Completed 0", NULL },
                { "whatever its restartPolicy", "Always c", "ready; c runs; evicted 1; c killed 15 inactive", "",
                  "Failed | c terminated Error 143", NULL },
                { "told, it is cleared away", "Always c",
                  "ready; c runs; evicted 1; c killed 15 inactive; status_current", "remove", NULL, NULL },
                { "one that ends already has no more time than that", "Always c deadline=60",
                  "ready; c runs; +60s; stop_at +0s; stop_sent; kill_at +30s; evicted 1", "wake 1s", NULL, NULL },
                { "one that had not begun ends at once", "Always c", "evicted 1", "",
                  "Failed | c waiting ContainerCreating", NULL },
                { "one that is being deleted goes on to be", "Always c",
                  "ready; c runs; evicted 1; deleting; c killed 15 inactive; status_current; removed", "delete",
                  "Failed | c terminated Error 143", NULL },
        };

        TELL(stories);
}

Test(eviction, the_status_says_why)
{
        static const struct value values[] = {
                { "the reason", "Always c", "ready; c runs; evicted 1", "reason", "Evicted", NULL },
                { "the message", "Always c", "ready; c runs; evicted 1", "message", "too much", NULL },
                { "nothing of the kind of others", "Always c", "ready; c runs", "conditions.5", "absent", NULL },
                { "a condition", "Always c", "ready; c runs; evicted 1", "conditions.5.type", "DisruptionTarget",
                  NULL },
                { "which holds", "Always c", "ready; c runs; evicted 1", "conditions.5.status", "True", NULL },
                { "by us", "Always c", "ready; c runs; evicted 1", "conditions.5.reason", "TerminationByKubelet",
                  NULL },
                { "with the message", "Always c", "ready; c runs; evicted 1", "conditions.5.message", "too much",
                  NULL },
                { "since then", "Always c", "ready; c runs; +9s; evicted 1; +9s", "conditions.5.lastTransitionTime",
                  "2023-11-14T22:13:29Z", NULL },
                { "not a deadline", "Always c deadline=9", "ready; c runs; evicted 1; deadline_exceeded", "reason",
                  "Evicted", NULL },
        };

        LOOK(values);
}

#define WAS_EVICTED                                                                                                    \
        "{\"phase\":\"Running\",\"reason\":\"Evicted\",\"message\":\"too much\",\"conditions\":[{\"type\":"            \
        "\"DisruptionTarget\",\"status\":\"True\",\"reason\":\"TerminationByKubelet\",\"lastTransitionTime\":"         \
        "\"2023-11-14T22:13:20Z\"}]}"
#define BY_OTHERS                                                                                                      \
        "{\"phase\":\"Running\",\"conditions\":[{\"type\":\"DisruptionTarget\",\"status\":\"True\",\"reason\":"        \
        "\"EvictionByEvictionAPI\",\"lastTransitionTime\":\"2023-11-14T22:13:20Z\"}]}"

Test(eviction, it_outlives_the_agent)
{
        static const struct story stories[] = {
                { "what was begun is ended", "Always c", "adopt; ready; c runs", "stop", NULL, WAS_EVICTED },
                { "what others say of it is theirs", "Always c", "adopt; ready; c runs", "",
                  "Running | c running ready", BY_OTHERS },
        };
        static const struct value values[] = {
                { "with its message", "Always c", "adopt", "message", "too much", WAS_EVICTED },
                { "nor do we write it", "Always c", "adopt", "conditions.5", "absent", BY_OTHERS },
        };

        TELL(stories);
        LOOK(values);
}

Test(eviction, the_grace_is_the_shorter_one)
{
        static const struct {
                int64_t own, deletion, evicted, is;
        } rows[] = { { 30, -1, 1, 1 }, { 30, -1, 60, 30 }, { 0, -1, 1, 0 }, { 30, 5, 60, 5 }, { 30, 5, 1, 1 } };

        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct world w = world("Always c");

                w.pod->grace_s = rows[i].own;
                w.pod->deleting = rows[i].deletion >= 0;
                w.pod->deletion_grace_s = rows[i].deletion;
                pod_state_evict(w.state, "x", rows[i].evicted, T0);
                cr_expect_eq(pod_grace_s(w.pod, w.state), rows[i].is, "row %zu", i);
                pod_state_evict(w.state, "y", 0, T0);
                cr_expect_str_eq(w.state->evicted, "x", "the first time counts");
                world_done(&w);
        }
}

/* ---- limits of storage ------------------------------------------------------------------------------------------- */

#define POD(spec)                                                                                                      \
        "{\"metadata\":{\"namespace\":\"default\",\"name\":\"web\",\"uid\":\"0f6c2a9e-1234-4abc-8def-0123456789ab\"}," \
        "\"spec\":{" spec "}}"
#define EMPTY(name, fields) "{\"name\":\"" name "\",\"emptyDir\":{" fields "}}"
#define VOLUMES(list)       "\"volumes\":[" list "],"
#define C(name, limits)     "{\"name\":\"" name "\",\"image\":\"nginx\",\"resources\":{\"limits\":{" limits "}}}"
#define STORAGE(n)          "\"ephemeral-storage\":\"" n "\""
#define CONTAINERS(list)    "\"containers\":[" list "]"
#define MI                  (UINT64_C(1) << 20)

Test(eviction, limits_of_storage)
{
        static const struct {
                const char *shows, *pod;
                uint64_t volumes[2], containers[2], total;
                const char *message;
        } rows[] = {
                { "within",
                  POD(VOLUMES(EMPTY("a", "\"sizeLimit\":\"1Mi\"")) CONTAINERS(C("c", ""))),
                  { MI },
                  { 0 },
                  MI,
                  NULL },
                { "beyond",
                  POD(VOLUMES(EMPTY("a", "\"sizeLimit\":\"1Mi\"")) CONTAINERS(C("c", ""))),
                  { MI + 1 },
                  { 0 },
                  MI + 1,
                  "Usage of EmptyDir volume \"a\" exceeds the limit \"1Mi\". " },
                { "the second of two",
                  POD(VOLUMES(EMPTY("a", "") "," EMPTY("b", "\"medium\":\"Memory\",\"sizeLimit\":\"1M\""))
                              CONTAINERS(C("c", ""))),
                  { 9 * MI, MI },
                  { 0 },
                  9 * MI,
                  "Usage of EmptyDir volume \"b\" exceeds the limit \"1M\". " },
                { "no limit",
                  POD(VOLUMES(EMPTY("a", "\"sizeLimit\":\"0\"")) CONTAINERS(C("c", ""))),
                  { 9 * MI },
                  { 0 },
                  9 * MI,
                  NULL },
                { "the pod's",
                  POD(CONTAINERS(C("c", STORAGE("1Mi")))),
                  { 0 },
                  { 0 },
                  MI + 1,
                  "Pod ephemeral local storage usage exceeds the total limit of containers 1Mi. " },
                { "of all that have one",
                  POD(CONTAINERS(C("c", STORAGE("1Mi")) "," C("d", STORAGE("1Mi")))),
                  { 0 },
                  { 0 },
                  2 * MI,
                  NULL },
                { "though another has none",
                  POD(CONTAINERS(C("c", STORAGE("1000")) "," C("d", ""))),
                  { 0 },
                  { 0 },
                  MI,
                  "Pod ephemeral local storage usage exceeds the total limit of containers 1000. " },
                { "a container's own",
                  POD(CONTAINERS(C("c", STORAGE("9Mi")) "," C("d", STORAGE("1Mi")))),
                  { 0 },
                  { 0, MI + 1 },
                  MI + 1,
                  "Container d exceeded its local ephemeral storage limit \"1Mi\". " },
                { "just within a container's own",
                  POD(CONTAINERS(C("c", STORAGE("9Mi")) "," C("d", STORAGE("1Mi")))),
                  { 0 },
                  { 0, MI },
                  MI,
                  NULL },
                { "an init container has none: what it has taken is the pod's",
                  POD("\"initContainers\":[" C("i", STORAGE("1Mi")) "]," CONTAINERS(C("c", STORAGE("9Mi")))),
                  { 0 },
                  { 2 * MI, 0 },
                  2 * MI,
                  NULL },
                { "the volume's comes first",
                  POD(VOLUMES(EMPTY("a", "\"sizeLimit\":\"1Mi\"")) CONTAINERS(C("c", STORAGE("1Mi")))),
                  { 2 * MI },
                  { 0 },
                  2 * MI,
                  "Usage of EmptyDir volume \"a\" exceeds the limit \"1Mi\". " },
        };

        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct world w = world(rows[i].pod);
                uint64_t volumes[2], containers[2];
                const struct storage_used used = { volumes, containers, rows[i].total, 0 };

                memcpy(volumes, rows[i].volumes, sizeof(volumes));
                memcpy(containers, rows[i].containers, sizeof(containers));
                enum storage_limit limit;
                CLEANUP(freep) char *message = eviction_by_storage(w.pod, &used, &limit);
                cr_expect(streq(message, rows[i].message), "%s: %s", rows[i].shows, message ? message : "(none)");
                cr_expect(!message || limit == (*message == 'U'   ? LIMIT_EMPTY_DIR
                                                : *message == 'P' ? LIMIT_POD
                                                                  : LIMIT_CONTAINER),
                          "%s is counted as %s", rows[i].shows, storage_limit_names[limit]);
                cr_expect_null(w.pod->ignored, "%s: %s", rows[i].shows, w.pod->ignored);
                world_done(&w);
        }
}

Test(eviction, only_who_has_limits_is_looked_at)
{
        static const struct {
                const char *pod;
                bool is;
        } rows[] = {
                { POD(CONTAINERS(C("c", ""))), false },
                { POD(VOLUMES(EMPTY("a", "")) CONTAINERS(C("c", "\"memory\":\"1Gi\""))), false },
                { POD(VOLUMES(EMPTY("a", "\"sizeLimit\":\"1Gi\"")) CONTAINERS(C("c", ""))), true },
                { POD(CONTAINERS(C("c", STORAGE("1Gi")))), true },
        };

        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct world w = world(rows[i].pod);

                cr_expect_eq(eviction_has_storage_limits(w.pod), rows[i].is, "%s", rows[i].pod);
                world_done(&w);
        }
}

/* ---- when the machine is short of something ---------------------------------------------------------------------- */

#define RANKED(name, requests, more)                                                                                   \
        "{\"metadata\":{\"namespace\":\"default\",\"name\":\"" name                                                    \
        "\",\"uid\":\"0f6c2a9e-1234-4abc-8def-0123456789a" name                                                        \
        "\"},\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"nginx\",\"resources\":{\"requests\":{" requests     \
        "}}}]" more "}"

static const struct {
        const char *pod;
} ranked[] = {
        { RANKED("a", "", "") ",\"status\":{\"qosClass\":\"BestEffort\"}}" },
        { RANKED("b", "\"memory\":\"10Mi\",\"ephemeral-storage\":\"1Mi\"",
                 "") ",\"status\":{\"qosClass\":\"Burstable\"}}" },
        { RANKED("c", "\"memory\":\"100Mi\"", "") ",\"status\":{\"qosClass\":\"Guaranteed\"}}" },
        { RANKED("d", "", ",\"priority\":-5") ",\"status\":{\"qosClass\":\"BestEffort\"}}" },
};

/* Who goes first, of four, where each has so many MiB; -1: not counted. */
Test(eviction, who_goes_first)
{
        static const struct {
                const char *shows;
                enum eviction_resource resource;
                int used[4];
                const char *order;
        } rows[] = {
                { "the lower priority among those beyond", EVICTION_MEMORY, { 5, 50, 50, 1 }, "dbac" },
                { "who is within what he asked for comes last, whatever his priority",
                  EVICTION_MEMORY,
                  { 5, 50, 50, 0 },
                  "badc" },
                { "most beyond, not most", EVICTION_MEMORY, { 45, 50, 99, 1 }, "dabc" },
                { "within: who has least left", EVICTION_MEMORY, { 0, 9, 98, 0 }, "dabc" },
                { "who is not counted goes before", EVICTION_MEMORY, { 5, 50, -1, 1 }, "cdba" },
                { "nobody is counted: priority, then class", EVICTION_MEMORY, { -1, -1, -1, -1 }, "dabc" },
                { "storage has requests of its own", EVICTION_STORAGE, { 1, 1, 1, 0 }, "acdb" },
                { "nobody asks for inodes", EVICTION_INODES, { 1, 2, 3, 0 }, "cbad" },
                { "of processes, priority, and then how many", EVICTION_PIDS, { 1, 2, 3, 0 }, "dcba" },
        };

        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct eviction_candidate list[4];
                struct world worlds[4];
                char order[5] = "";

                for (size_t k = 0; k < 4; k++) {
                        worlds[k] = world(ranked[k].pod);
                        list[k] = (struct eviction_candidate){
                                .pod = worlds[k].pod,
                                .known = rows[i].used[k] >= 0,
                                .used = rows[i].used[k] >= 0 ? (uint64_t)rows[i].used[k] * MI : 0,
                        };
                }
                eviction_rank(rows[i].resource, list, 4);
                for (size_t k = 0; k < 4; k++)
                        order[k] = *list[k].pod->id.name;
                cr_expect_str_eq(order, rows[i].order, "%s: %s", rows[i].shows, order);
                for (size_t k = 0; k < 4; k++)
                        world_done(&worlds[k]);
        }
        eviction_rank(EVICTION_MEMORY, NULL, 0);
}

/* Of two that nothing tells apart the uid does, so that the order is the same at each look. */
Test(eviction, the_order_of_two)
{
        static const struct {
                const char *shows;
                enum eviction_resource resource;
                struct {
                        const char *uid;
                        enum qos qos;
                        int used; /* MiB; -1: not counted */
                } pods[2];
                const char *first;
        } rows[] = {
                { "as much beyond",
                  EVICTION_MEMORY,
                  { { "z", QOS_CLASS_BURSTABLE, 5 }, { "a", QOS_CLASS_BURSTABLE, 5 } },
                  "a" },
                { "whoever stands first",
                  EVICTION_MEMORY,
                  { { "a", QOS_CLASS_BURSTABLE, 5 }, { "z", QOS_CLASS_BURSTABLE, 5 } },
                  "a" },
                { "nothing at all",
                  EVICTION_MEMORY,
                  { { "z", QOS_CLASS_BURSTABLE, 0 }, { "a", QOS_CLASS_BURSTABLE, 0 } },
                  "a" },
                { "one is not counted: the class, not what the other has",
                  EVICTION_PIDS,
                  { { "a", QOS_CLASS_BURSTABLE, 9 }, { "z", QOS_CLASS_BEST_EFFORT, -1 } },
                  "z" },
                { "nobody is: the class",
                  EVICTION_INODES,
                  { { "a", QOS_CLASS_GUARANTEED, -1 }, { "z", QOS_CLASS_BURSTABLE, -1 } },
                  "z" },
                { "the other way round",
                  EVICTION_INODES,
                  { { "z", QOS_CLASS_BURSTABLE, -1 }, { "a", QOS_CLASS_GUARANTEED, -1 } },
                  "z" },
        };

        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct pod pods[2] = { 0 };
                struct eviction_candidate list[2];

                for (size_t k = 0; k < 2; k++) {
                        snprintf(pods[k].id.uid, sizeof(pods[k].id.uid), "%s", rows[i].pods[k].uid);
                        pods[k].qos = rows[i].pods[k].qos;
                        list[k] = (struct eviction_candidate){
                                .pod = &pods[k],
                                .known = rows[i].pods[k].used >= 0,
                                .used = rows[i].pods[k].used >= 0 ? (uint64_t)rows[i].pods[k].used * MI : 0,
                        };
                }
                eviction_rank(rows[i].resource, list, 2);
                cr_expect_str_eq(list[0].pod->id.uid, rows[i].first, "%s", rows[i].shows);
        }
}

Test(eviction, the_message_says_who_uses_what)
{
        static const struct {
                enum eviction_resource resource;
                uint64_t threshold, available, used;
                const char *message;
        } rows[] = {
                { EVICTION_MEMORY, 100 * MI, 5 * MI + 1024, 50 * MI,
                  "The node was low on resource: memory. Threshold quantity: 100Mi, available: 5121Ki. Container c was "
                  "using 50Mi, request is 10Mi, has larger consumption of memory. " },
                { EVICTION_MEMORY, 100 * MI, 0, 10 * MI,
                  "The node was low on resource: memory. Threshold quantity: 100Mi, available: 0. " },
                { EVICTION_STORAGE, 1000, 999, 2 * MI,
                  "The node was low on resource: ephemeral-storage. Threshold quantity: 1000, available: 999. "
                  "Container "
                  "c was using 2Mi, request is 1Mi, has larger consumption of ephemeral-storage. " },
                { EVICTION_PIDS, 1000, 999, 0,
                  "The node was low on resource: pids. Threshold quantity: 1000, available: 999. " },
        };
        struct world w = world(ranked[1].pod);

        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                CLEANUP(freep)
                char *message = eviction_by_shortage(rows[i].resource, rows[i].threshold, rows[i].available, w.pod,
                                                     &rows[i].used);
                cr_expect_str_eq(message, rows[i].message, "%s", message);
        }
        CLEANUP(freep) char *unknown = eviction_by_shortage(EVICTION_MEMORY, MI, 0, w.pod, NULL);
        cr_expect_null(strstr(unknown, "Container"));
        world_done(&w);
}

Test(eviction, what_the_cluster_cannot_do_without_is_spared)
{
        static const struct {
                const char *priority;
                bool is;
        } rows[] = { { "0", false }, { "1999999999", false }, { "2000000000", true }, { "2000001000", true } };

        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                CLEANUP(freep)
                char *text =
                        xasprintf("{\"metadata\":{\"namespace\":\"d\",\"name\":\"p\",\"uid\":\"0f6c2a9e-1234-4abc-8def-"
                                  "0123456789ab\"},\"spec\":{\"priority\":%s,\"containers\":[{\"name\":\"c\",\"image\":"
                                  "\"nginx\"}]}}",
                                  rows[i].priority);
                struct world w = world(text);

                cr_expect_eq(pod_is_critical(w.pod), rows[i].is, "%s", rows[i].priority);
                world_done(&w);
        }
}
