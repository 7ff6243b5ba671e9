/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/join/drain.h"

#include <stdio.h>

#include "agent/client/api.h"
#include "agent/lib/json.h"
#include "common/mem.h"

/* The one owner that stands for it; NULL: none. */
static const cJSON *controller(const cJSON *pod)
{
        const cJSON *owner;

        cJSON_ArrayForEach (owner, json_get(json_get(pod, "metadata"), "ownerReferences"))
                if (json_bool(owner, "controller", false))
                        return owner;
        return NULL;
}

bool drain_goes(const cJSON *pod)
{
        const cJSON *metadata = json_get(pod, "metadata");
        const char *phase = json_str(json_get(pod, "status"), "phase");

        if (json_get(json_get(metadata, "annotations"), "kubernetes.io/config.mirror"))
                return false;
        if (streq(json_str(controller(pod), "kind"), "DaemonSet"))
                return false;
        return !streq(phase, "Succeeded") && !streq(phase, "Failed");
}

bool drain_is_going(const cJSON *pod)
{
        return json_str(json_get(pod, "metadata"), "deletionTimestamp") != NULL;
}

static size_t count(const cJSON *pods, bool alone, char *names, size_t size)
{
        const cJSON *pod;
        size_t n = 0, used = 0;

        names[0] = '\0';
        cJSON_ArrayForEach (pod, pods) {
                const cJSON *metadata = json_get(pod, "metadata");
                int more;

                if (!drain_goes(pod) || (alone && (controller(pod) || drain_is_going(pod))))
                        continue;
                n++;
                more = snprintf(names + used, size - used, "%s%s/%s", used ? ", " : "", json_str(metadata, "namespace"),
                                json_str(metadata, "name"));
                if (more > 0 && used + (size_t)more < size)
                        used += (size_t)more;
                else
                        names[used] = '\0'; /* those that fit */
        }
        return n;
}

size_t drain_alone(const cJSON *pods, char *names, size_t size)
{
        return count(pods, true, names, size);
}

size_t drain_left(const cJSON *pods, char *names, size_t size)
{
        return count(pods, false, names, size);
}

char *drain_path(const cJSON *pod, bool eviction)
{
        const cJSON *metadata = json_get(pod, "metadata");
        CLEANUP(freep) char *namespace = api_escape(json_str(metadata, "namespace") ?: "");
        CLEANUP(freep) char *name = api_escape(json_str(metadata, "name") ?: "");

        return xasprintf("/api/v1/namespaces/%s/pods/%s%s", namespace, name, eviction ? "/eviction" : "");
}

cJSON *drain_eviction(const cJSON *pod, const char *api_version)
{
        const cJSON *metadata = json_get(pod, "metadata");
        cJSON *body = cJSON_CreateObject(), *about, *options, *only;

        cJSON_AddStringToObject(body, "apiVersion", api_version);
        cJSON_AddStringToObject(body, "kind", "Eviction");
        about = cJSON_AddObjectToObject(body, "metadata");
        cJSON_AddStringToObject(about, "namespace", json_str(metadata, "namespace") ?: "");
        cJSON_AddStringToObject(about, "name", json_str(metadata, "name") ?: "");
        options = cJSON_AddObjectToObject(body, "deleteOptions");
        only = cJSON_AddObjectToObject(options, "preconditions");
        cJSON_AddStringToObject(only, "uid", json_str(metadata, "uid") ?: "");
        return body;
}
