/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ConfigMaps and Secrets that pods refer to. Each is watched by its name, since the Node authorizer allows
 * nothing else (plugin/pkg/auth/authorizer/node), for as long as somebody holds it; all its holders share one watch.
 */
#ifndef VKS_AGENT_CLIENT_OBJECTS_H
#define VKS_AGENT_CLIENT_OBJECTS_H

#include "agent/client/api.h"

enum object_kind { OBJECT_CONFIG_MAP, OBJECT_SECRET };
enum object_state {
        OBJECT_UNKNOWN, /* the API server has not answered yet, or cannot be reached */
        OBJECT_PRESENT,
        OBJECT_MISSING,
        OBJECT_DENIED, /* 403, and retried: right after a pod was bound the authorizer may not know of the pod yet */
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
/* The last holder's release ends the watch. NULL is allowed; returns NULL. */
struct object *object_release(struct object *o);
DEFINE_FREEP(struct object, object_release)

enum object_state object_state(const struct object *o);

/*
 * The content of an object that is OBJECT_PRESENT. object_get() returns 0 and the key's bytes (borrowed until the
 * loop runs on; the base64 of Secret.data and ConfigMap.binaryData is decoded already), or -ENOENT.
 */
size_t object_n_keys(const struct object *o);
const char *object_key(const struct object *o, size_t i, const void **ret_data, size_t *ret_size);
int object_get(const struct object *o, const char *key, const void **ret_data, size_t *ret_size);
bool object_is_binary(const struct object *o, const char *key); /* a key of ConfigMap.binaryData */

#endif
