/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pods/shown.h"

#include "agent/lib/json.h"
#include "agent/lib/times.h"
#include "agent/pod/object.h"
#include "agent/pod/status.h"
#include "agent/pods/pod_entry.h"
#include "common/mem.h"

char **shown_uids(struct pods *ps)
{
        char **uids = NULL;
        struct pod_entry *e, *next;
        size_t n = 0;

        HASH_ITER (hh, ps->entries, e, next)
                if (!e->state->gone)
                        strv_push(&uids, &n, xstrdup(e->pod->id.uid));
        return uids ? uids : xcalloc(1, sizeof(*uids));
}

/* Takes `object` over. */
static bool add(struct buf *ret, cJSON *object)
{
        CLEANUP(freep) char *text = object ? cJSON_PrintUnformatted(object) : NULL;

        cJSON_Delete(object);
        if (!text)
                return false;
        for (const char *s = text, *end; *s; s = end) {
                end = strchrnul(s, JSON_NUL);
                buf_add(ret, s, (size_t)(end - s));
                if (!*end)
                        break;
                buf_str(ret, "\\u0000");
                end++;
        }
        return true;
}

/* What has ended before this agent began, or was told long ago, only the API server knows. */
static cJSON *status_now(struct pod_entry *e)
{
        if (e->pod->terminal && !e->pod->deleting)
                return NULL;
        return status_build(e->pod, e->state, &e->pods->parts.node, (const char *const *)e->image_ids, time_now());
}

bool shown_pod(struct pods *ps, const char *uid, struct buf *ret)
{
        struct pod_entry *e = pods_by_uid(ps, uid);
        CLEANUP(freep) char *text = e && !e->state->gone ? packed_text(e->object) : NULL;

        return text && add(ret, object_shown(text, e->version, status_now(e)));
}

/* As the kubelet makes pods of what its container runtime knows (pkg/kubelet/container/runtime.go, ToAPIPod). */
bool shown_running(struct pods *ps, const char *uid, struct buf *ret)
{
        const struct pod_entry *e = pods_by_uid(ps, uid);
        cJSON *object, *metadata, *containers;

        if (!e || !pod_has_processes(e->state))
                return false;
        object = cJSON_CreateObject();
        metadata = cJSON_AddObjectToObject(object, "metadata");
        cJSON_AddStringToObject(metadata, "name", e->pod->id.name);
        cJSON_AddStringToObject(metadata, "namespace", e->pod->id.namespace);
        cJSON_AddStringToObject(metadata, "uid", e->pod->id.uid);
        cJSON_AddNullToObject(metadata, "creationTimestamp");
        containers = cJSON_AddArrayToObject(cJSON_AddObjectToObject(object, "spec"), "containers");
        for (size_t i = 0; i < e->pod->n_containers; i++) {
                cJSON *c;

                if (!unit_has_processes(e->state->containers[i].unit.phase))
                        continue;
                c = cJSON_CreateObject();
                cJSON_AddStringToObject(c, "name", e->pod->containers[i].name);
                cJSON_AddStringToObject(c, "image", e->pod->containers[i].image);
                cJSON_AddObjectToObject(c, "resources");
                cJSON_AddItemToArray(containers, c);
        }
        cJSON_AddObjectToObject(object, "status");
        return add(ret, object);
}
