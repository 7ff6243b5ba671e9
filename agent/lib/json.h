/* SPDX-License-Identifier: Apache-2.0 */
/* Reading cJSON trees without stumbling over what is absent or of another type. All take NULL objects. */
#ifndef VKS_AGENT_LIB_JSON_H
#define VKS_AGENT_LIB_JSON_H

#include <cjson/cJSON.h>

#include "common/base.h"

/*
 * A string of JSON may hold "\\u0000", and one of cJSON ends there. So that a NUL survives, it is kept in the tree as a
 * byte that no text in UTF-8 has; json_bytes() gives back what the string was. Names and other identifiers never hold
 * it.
 */
#define JSON_NUL '\xff'

/* The tree of a text that is one value and white space; NULL when it is none. The caller owns it (cJSON_Delete). */
cJSON *json_parse(const char *text, size_t size);

/* Puts NULs where `s`, `size` bytes that came out of a tree, has them, in place. */
void json_bytes(char *s, size_t size);

static inline const cJSON *json_get(const cJSON *o, const char *key)
{
        return o ? cJSON_GetObjectItemCaseSensitive(o, key) : NULL;
}

/* NULL when absent or no string. Borrowed from the tree. */
static inline const char *json_str(const cJSON *o, const char *key)
{
        return cJSON_GetStringValue(json_get(o, key));
}

static inline bool json_bool(const cJSON *o, const char *key, bool absent)
{
        const cJSON *v = json_get(o, key);
        return cJSON_IsBool(v) ? cJSON_IsTrue(v) : absent;
}

/* Exact below 2^53, which all of Kubernetes' numbers that we read are. */
static inline int64_t json_int(const cJSON *o, const char *key, int64_t absent)
{
        const cJSON *v = json_get(o, key);
        return cJSON_IsNumber(v) && v->valuedouble > -9e15 && v->valuedouble < 9e15 ? (int64_t)v->valuedouble : absent;
}

static inline size_t json_len(const cJSON *array)
{
        return cJSON_IsArray(array) ? (size_t)cJSON_GetArraySize(array) : 0;
}

#endif
