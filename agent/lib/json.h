/* SPDX-License-Identifier: Apache-2.0 */
/* Reading cJSON trees without stumbling over what is absent or of another type. All take NULL objects. */
#ifndef VKS_AGENT_LIB_JSON_H
#define VKS_AGENT_LIB_JSON_H

#include <cjson/cJSON.h>

#include "common/base.h"

/*
 * A JSON string may hold "\\u0000", but a string of cJSON would end there. So json_parse() keeps a NUL in the tree as
 * JSON_NUL, a byte that never occurs in UTF-8; json_bytes() turns it back into a NUL. Names and other identifiers
 * never hold one.
 */
#define JSON_NUL '\xff'

/* Parses a text that is one JSON value with white space around it; NULL when it is not. The caller owns the tree
 * (cJSON_Delete). */
cJSON *json_parse(const char *text, size_t size);

/*
 * The same for what an API server tells: arrays called "managedFields" are empty in the tree. Nobody here reads who has
 * set which field, which is half of a pod's text, and most of what there is to parse.
 */
cJSON *json_parse_unmanaged(const char *text, size_t size);

/* Turns each JSON_NUL in `s`, `size` bytes of a string out of a tree, back into a NUL, in place. */
void json_bytes(char *s, size_t size);

static inline void json_freep(cJSON **p) /* for CLEANUP */
{
        cJSON_Delete(*p);
}

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

/* Exact for numbers below 2^53; all numbers of Kubernetes that we read are. */
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
