/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ConfigMaps and Secrets that pods refer to, one by one and by name, which is all that the Node authorizer allows
 * (plugin/pkg/auth/authorizer/node). An object is watched while somebody holds it: any number of pods share one watch.
 */
#ifndef VKS_AGENT_CLIENT_OBJECTS_H
#define VKS_AGENT_CLIENT_OBJECTS_H

#include "agent/client/api.h"

enum object_kind { OBJECT_CONFIG_MAP, OBJECT_SECRET };
enum object_state {
        OBJECT_UNKNOWN, /* not heard of yet, or the API server cannot be reached */
        OBJECT_PRESENT,
        OBJECT_MISSING,
        OBJECT_DENIED, /* 403: right after a pod was bound the authorizer may not know it yet; retried */
};

struct objects;
struct object;

/* `changed` is called whenever the state or the content of an object that is held has changed, never from inside a
 * function of this header. */
typedef void (*object_changed)(void *userdata, enum object_kind kind, const char *namespace, const char *name);

struct objects *objects_new(sd_event *event, struct api *api, object_changed changed, void *userdata);
struct objects *objects_free(struct objects *o);
DEFINE_FREEP(struct objects, objects_free)

struct object *object_hold(struct objects *o, enum object_kind kind, const char *namespace, const char *name);
/* The watch ends with the last holder. NULL is allowed; returns NULL. */
struct object *object_release(struct object *o);
DEFINE_FREEP(struct object, object_release)

enum object_state object_state(const struct object *o);

/*
 * The content, when OBJECT_PRESENT. For a key: 0 and the bytes (borrowed until the loop runs on; base64 of Secret.data
 * and ConfigMap.binaryData is decoded already), or -ENOENT.
 */
size_t object_n_keys(const struct object *o);
const char *object_key(const struct object *o, size_t i, const void **ret_data, size_t *ret_size);
int object_get(const struct object *o, const char *key, const void **ret_data, size_t *ret_size);
bool object_is_binary(const struct object *o, const char *key); /* a key of ConfigMap.binaryData */

#endif
