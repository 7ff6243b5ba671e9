/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pod/object.h"

#include "agent/lib/json.h"
#include "agent/pod/pod_state.h"
#include "common/mem.h"

/* cJSON's own functions only read what they are given a reference to. */
static void refer(cJSON *to, const cJSON *item)
{
        union {
                const cJSON *in;
                cJSON *out;
        } u = { .in = item };

        cJSON_AddItemReferenceToObject(to, item->string, u.out);
}

static cJSON *metadata_kept(const cJSON *metadata)
{
        cJSON *kept = cJSON_CreateObject();
        const cJSON *item;

        cJSON_ArrayForEach (item, metadata)
                if (!streq(item->string, "managedFields") && !streq(item->string, "resourceVersion"))
                        refer(kept, item);
        return kept;
}

static bool is_own(const cJSON *condition)
{
        const char *type = json_str(condition, "type");

        for (size_t i = 0; i < CONDITION_TYPES; i++)
                if (streq(type, condition_names[i]))
                        return true;
        return streq(type, RESIZE_PENDING) || streq(type, RESIZE_IN_PROGRESS);
}

/* The class of quality is the API server's word, and a readiness gate that of whoever opens it. */
static cJSON *status_kept(const cJSON *status)
{
        cJSON *kept = cJSON_CreateObject(), *conditions = cJSON_AddArrayToObject(kept, "conditions");
        const cJSON *qos = json_get(status, "qosClass"), *item;

        if (qos)
                refer(kept, qos);
        cJSON_ArrayForEach (item, json_get(status, "conditions"))
                if (!is_own(item))
                        cJSON_AddItemToArray(conditions, cJSON_Duplicate(item, true));
        return kept;
}

char *object_text(const cJSON *object, bool over)
{
        cJSON *kept = cJSON_CreateObject();
        const cJSON *item;
        char *text;

        cJSON_ArrayForEach (item, object)
                if (streq(item->string, "metadata"))
                        cJSON_AddItemToObject(kept, "metadata", metadata_kept(item));
                else if (streq(item->string, "status") && !over)
                        cJSON_AddItemToObject(kept, "status", status_kept(item));
                else if (!streq(item->string, "kind") && !streq(item->string, "apiVersion"))
                        refer(kept, item);
        text = cJSON_PrintUnformatted(kept);
        cJSON_Delete(kept);
        return text ? text : xstrdup("{}");
}

/* A patch takes away what is null; here there is nothing to be taken away. */
static void drop_nulls(cJSON *conditions)
{
        cJSON *condition, *item, *next;

        cJSON_ArrayForEach (condition, conditions)
                for (item = condition->child; item; item = next) {
                        next = item->next;
                        if (cJSON_IsNull(item))
                                cJSON_Delete(cJSON_DetachItemViaPointer(condition, item));
                }
}

static void lay_over(cJSON *kept, cJSON *status)
{
        cJSON *conditions = cJSON_GetObjectItemCaseSensitive(status, "conditions"), *item, *next;

        for (item = kept->child; item; item = next) {
                next = item->next;
                if (cJSON_IsArray(conditions) && streq(item->string, "conditions")) {
                        while (item->child)
                                cJSON_AddItemToArray(conditions, cJSON_DetachItemViaPointer(item, item->child));
                } else if (!json_get(status, item->string)) {
                        cJSON_DetachItemViaPointer(kept, item);
                        cJSON_AddItemToObject(status, item->string, item);
                }
        }
}

cJSON *object_shown(const char *text, const char *version, cJSON *status)
{
        cJSON *object = text ? json_parse(text, strlen(text)) : NULL, *metadata, *kept;

        if (!object) {
                cJSON_Delete(status);
                return NULL;
        }
        metadata = cJSON_GetObjectItemCaseSensitive(object, "metadata");
        if (metadata && *version)
                cJSON_AddStringToObject(metadata, "resourceVersion", version);
        if (!status)
                return object;
        kept = cJSON_DetachItemFromObjectCaseSensitive(object, "status");
        drop_nulls(cJSON_GetObjectItemCaseSensitive(status, "conditions"));
        if (kept)
                lay_over(kept, status);
        cJSON_Delete(kept);
        cJSON_AddItemToObject(object, "status", status);
        return object;
}
