/* SPDX-License-Identifier: Apache-2.0 */
/* An object of the API server: parsed, planned and reported. */
#include <cjson/cJSON.h>

#include "agent/lib/json.h"
#include "agent/pod/plan.h"
#include "agent/pod/status.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        cJSON *object = cJSON_ParseWithLength((const char *)data, size);
        struct pod_node node = { .name = "n1", .ip = "10.0.0.1" };
        struct pod_state *s;
        struct plan plan;
        struct pod *p;

        if (object && pod_parse(object, &p, NULL) == 0) {
                s = pod_state_new(p, 1);
                pod_state_adopt(s, p, json_get(object, "status"));
                plan_pod(p, s, 2, &plan);
                cJSON_Delete(status_build(p, s, &node, NULL, 3));
                pod_state_free(s);
                pod_free(p);
        }
        cJSON_Delete(object);
        return 0;
}
