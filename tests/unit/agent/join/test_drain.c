/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include "agent/join/drain.h"
#include "agent/lib/json.h"
#include "common/mem.h"

#define POD(metadata, rest) "[{\"metadata\":{\"namespace\":\"n\",\"name\":\"p\",\"uid\":\"u\"" metadata "}" rest "}]"
#define OWNER(kind)         ",\"ownerReferences\":[{\"kind\":\"" kind "\",\"controller\":true}]"
#define PHASE(phase)        ",\"status\":{\"phase\":\"" phase "\"}"

static cJSON *pods(const char *text)
{
        cJSON *list = json_parse(text, strlen(text));

        cr_assert(cJSON_IsArray(list), "%s", text);
        return list;
}

Test(drain, who_has_to_go)
{
        static const struct {
                const char *pods;
                size_t left, alone;
        } rows[] = {
                { POD("", ""), 1, 1 },
                { POD(",\"deletionTimestamp\":\"x\"", ""), 1, 0 },
                { POD(OWNER("ReplicaSet"), ""), 1, 0 },
                { POD(OWNER("DaemonSet"), ""), 0, 0 },
                { POD(",\"ownerReferences\":[{\"kind\":\"DaemonSet\"}]", ""), 1, 1 },
                { POD(",\"annotations\":{\"kubernetes.io/config.mirror\":\"x\"}", ""), 0, 0 },
                { POD("", PHASE("Succeeded")), 0, 0 },
                { POD("", PHASE("Failed")), 0, 0 },
                { POD("", PHASE("Running")), 1, 1 },
        };

        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                cJSON *list = pods(rows[i].pods);
                char names[64];

                cr_assert_eq(drain_left(list, names, sizeof(names)), rows[i].left, "%s", rows[i].pods);
                cr_assert_str_eq(names, rows[i].left ? "n/p" : "");
                cr_assert_eq(drain_alone(list, names, sizeof(names)), rows[i].alone, "%s", rows[i].pods);
                cJSON_Delete(list);
        }
}

Test(drain, names_that_fit)
{
        cJSON *list = pods("[{\"metadata\":{\"namespace\":\"n\",\"name\":\"p1\"}},"
                           "{\"metadata\":{\"namespace\":\"n\",\"name\":\"p2\"}}]");
        char names[12];

        cr_assert_eq(drain_left(list, names, sizeof(names)), 2);
        cr_assert_str_eq(names, "n/p1, n/p2");
        cr_assert_eq(drain_left(list, names, 8), 2);
        cr_assert_str_eq(names, "n/p1");
        cJSON_Delete(list);
}

Test(drain, an_eviction_is_of_this_pod_alone)
{
        cJSON *list = pods(POD("", ""));
        const cJSON *pod = cJSON_GetArrayItem(list, 0);
        CLEANUP(freep) char *path = drain_path(pod, true), *plain = drain_path(pod, false), *text = NULL;
        cJSON *body = drain_eviction(pod, "policy/v1");

        cr_assert_str_eq(path, "/api/v1/namespaces/n/pods/p/eviction");
        cr_assert_str_eq(plain, "/api/v1/namespaces/n/pods/p");
        text = cJSON_PrintUnformatted(body);
        cr_assert_str_eq(text, "{\"apiVersion\":\"policy/v1\",\"kind\":\"Eviction\",\"metadata\":{\"namespace\":\"n\","
                               "\"name\":\"p\"},\"deleteOptions\":{\"preconditions\":{\"uid\":\"u\"}}}");
        cJSON_Delete(body);
        cJSON_Delete(list);
}
