/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lists and watches one collection for ever, like the reflector of client-go (tools/cache/reflector.go): lists, hands
 * every object out, watches from the list's resourceVersion with bookmarks, resumes a broken watch where it was, and
 * lists again on 410 or an ERROR event. Failures are retried with a jittered back-off from 0.8 s to 30 s; each new
 * kind of failure is logged once.
 */
#ifndef VKS_AGENT_CLIENT_WATCH_H
#define VKS_AGENT_CLIENT_WATCH_H

#include "agent/client/api.h"

struct watch;

struct watch_handler { /* any of them may be NULL but upsert and gone */
        /* A list starts. Until `synced`, every object that exists is given to `upsert`; an object that was known and
         * is not given is gone. */
        void (*begin)(void *userdata);
        void (*upsert)(void *userdata, const cJSON *object); /* the object is freed after the call */
        void (*gone)(void *userdata, const cJSON *object);   /* DELETED, with the object's last state */
        void (*synced)(void *userdata);                      /* the list is complete */
        /* List or watch failed (404 and 403 too); it will be retried. */
        void (*failed)(void *userdata, const struct api_response *r);
};

/*
 * `path` is the collection ("/api/v1/pods"), `query` selects from it ("fieldSelector=spec.nodeName%3Dn1") or is NULL.
 * The handler is copied. No callback happens from inside this function.
 */
struct watch *watch_new(sd_event *event, struct api *api, const char *path, const char *query,
                        const struct watch_handler *handler, void *userdata);
/* How long a watch may bring nothing before the server is asked anew; instead of 150 s, for tests. */
void watch_set_silence(struct watch *w, unsigned ms);
struct watch *watch_free(struct watch *w); /* allowed inside of the handler */
DEFINE_FREEP(struct watch, watch_free)

#endif
