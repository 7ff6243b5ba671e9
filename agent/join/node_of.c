/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/join/node_of.h"

#include <errno.h>

#include "agent/client/api.h"
#include "agent/join/cluster.h"
#include "agent/lib/json.h"
#include "agent/lib/times.h"
#include "agent/node/node_status.h"
#include "common/mem.h"

#define USEC UINT64_C(1000000)

int node_of_get(const struct kubeconfig *who, const char *name, cJSON **ret, struct err *e)
{
        CLEANUP(freep) char *escaped = api_escape(name), *path = xasprintf("/api/v1/nodes/%s", escaped);

        return cluster_ask(who, "GET", path, NULL, ret, e);
}

int node_of_is_ours(const cJSON *node, const char *machine_id, struct err *e)
{
        const char *name = json_str(json_get(node, "metadata"), "name");
        const char *there = json_str(json_get(json_get(node, "status"), "nodeInfo"), "machineID");

        if (!there || !*there || streq(there, machine_id))
                return 0;
        return err_set(e, -EEXIST, NULL,
                       "the Node %s is another machine's (machine id %s, here %s): --node-name gives this one another "
                       "name. If it is the same machine, installed anew, or one that is gone: --replace",
                       name ?: "?", there, machine_id);
}

static const cJSON *ready_condition(const cJSON *node)
{
        const cJSON *condition;

        cJSON_ArrayForEach (condition, json_get(json_get(node, "status"), "conditions"))
                if (streq(json_str(condition, "type"), "Ready"))
                        return condition;
        return NULL;
}

/* Times have the grain of a second in a condition. */
static bool since(const cJSON *o, const char *field, uint64_t since_usec)
{
        const char *text = json_str(o, field);
        uint64_t usec;

        return text && time_parse_rfc3339(text, &usec) == 0 && usec + USEC > since_usec;
}

bool node_of_is_ready(const cJSON *node, const cJSON *lease, uint64_t since_usec)
{
        const cJSON *ready = ready_condition(node);

        return streq(json_str(ready, "status"), "True") && (since(ready, "lastHeartbeatTime", since_usec) ||
                                                            since(json_get(lease, "spec"), "renewTime", since_usec));
}

const char *node_of_trouble(const cJSON *node)
{
        const cJSON *ready = ready_condition(node);

        return ready && !streq(json_str(ready, "status"), "True") ? json_str(ready, "message") : NULL;
}

static bool is_ours(const cJSON *taint)
{
        return streq(json_str(taint, "key"), NODE_TAINT_KEY) && streq(json_str(taint, "effect"), "NoSchedule");
}

bool node_of_has_taint(const cJSON *node)
{
        const cJSON *taint;

        cJSON_ArrayForEach (taint, json_get(json_get(node, "spec"), "taints"))
                if (is_ours(taint))
                        return true;
        return false;
}

cJSON *node_of_taint_patch(const cJSON *node, bool wanted)
{
        cJSON *patch = cJSON_CreateObject(),
              *taints = cJSON_AddArrayToObject(cJSON_AddObjectToObject(patch, "spec"), "taints");
        const cJSON *taint;

        cJSON_ArrayForEach (taint, json_get(json_get(node, "spec"), "taints"))
                if (!is_ours(taint))
                        cJSON_AddItemToArray(taints, cJSON_Duplicate(taint, true));
        if (wanted) {
                cJSON *ours = cJSON_CreateObject();

                cJSON_AddStringToObject(ours, "key", NODE_TAINT_KEY);
                cJSON_AddStringToObject(ours, "value", NODE_TAINT_VALUE);
                cJSON_AddStringToObject(ours, "effect", "NoSchedule");
                cJSON_AddItemToArray(taints, ours);
        }
        return patch;
}
