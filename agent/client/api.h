/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests to one Kubernetes API server, with the identity of a kubeconfig. All of them are asynchronous on the
 * sd-event loop, and share one HTTP/2 connection if the server speaks HTTP/2. Nothing here retries a request: callers
 * know which ones are worth repeating.
 */
#ifndef VKS_AGENT_CLIENT_API_H
#define VKS_AGENT_CLIENT_API_H

#include <cjson/cJSON.h>
#include <errno.h>
#include <systemd/sd-event.h>

#include "agent/client/kubeconfig.h"
#include "common/err.h"

struct api;
struct api_call;

enum api_method { API_GET, API_POST, API_PUT, API_PATCH, API_DELETE }; /* PATCH is a strategic merge patch */

enum { API_BODY_MAX = 64 * 1024 * 1024 }; /* of a response; longer fails the call with -EMSGSIZE */

struct api_response {
        int error;   /* 0 when the server answered with 2xx; else negative errno: -ECONNREFUSED, -ETIMEDOUT, ... when
                      * no answer came, -ENOENT for 404, -EACCES for 401 and 403, -EEXIST for 409 AlreadyExists,
                      * -ESTALE for 409 Conflict, -EKEYEXPIRED for 410, -EINVAL for 400 and 422, -EBUSY for 429, -EIO
                      * for the rest */
        long status; /* HTTP status, 0 when there was no answer */
        cJSON *body; /* parsed JSON, or NULL; freed after the callback unless it sets this to NULL */
        unsigned retry_after_s; /* the server's wish, else 0 */
        struct err err; /* for a person: what was asked, and the server's own message; its reason is Status.reason */
};

/*
 * The answer to a change is that there is no such object, or that it is another one (404, 409). This is no proof: the
 * NodeRestriction plugin looks a pod up in a cache, which may be behind the watch
 * (plugin/pkg/admission/noderestriction), and a patch that others were quicker than is a conflict, too. So the change
 * is tried again, silently, until the watch tells that the object is gone.
 */
static inline bool api_says_gone(int error)
{
        return error == -ENOENT || error == -ESTALE || error == -EEXIST;
}

typedef void (*api_done)(void *userdata, struct api_response *r);
typedef void (*api_data)(void *userdata, const char *data, size_t size);

/* Does not connect yet. `config` is copied. */
int api_new(sd_event *event, const struct kubeconfig *config, struct api **ret, struct err *e);
struct api *api_free(struct api *a); /* ends all calls without calling back */
DEFINE_FREEP(struct api, api_free)

/* Uses another identity from now on (a renewed certificate, a rewritten kubeconfig). Requests under way fail; their
 * callers may start them again. */
int api_set_config(struct api *a, const struct kubeconfig *config, struct err *e);

/* Another client certificate and key (PEM) from now on. Requests under way, and watches, go on as whom they began. */
void api_set_certificate(struct api *a, const char *cert_pem, const char *key_pem);

/*
 * Starts a request. `path` begins with "/" and carries its query already escaped; `body` may be NULL and is printed at
 * once (it stays the caller's). `timeout_ms` of 0 means 30 s. Unless the call is cancelled, `done` is called exactly
 * once, never from inside api_call(). Never returns NULL. When there are many requests, some wait for their turn; the
 * timeout counts from then on. Only a PUT (a lease) never waits.
 */
struct api_call *api_call(struct api *a, enum api_method method, const char *path, const cJSON *body,
                          unsigned timeout_ms, api_done done, void *userdata);
/* api_call() for a request that only has to succeed: the body of a 2xx answer, which is the whole object as it is now,
 * is not parsed, and NULL in the response. */
struct api_call *api_tell(struct api *a, enum api_method method, const char *path, const cJSON *body,
                          unsigned timeout_ms, api_done done, void *userdata);
/*
 * A GET whose answer has no end (a watch): `data` gets the body of a 2xx answer as it comes; `done` is called when
 * the answer ends, without a body then. Fails with -ETIMEDOUT when the server sent nothing for `silence_ms`.
 * api_cancel() is allowed inside of `data`.
 */
struct api_call *api_stream(struct api *a, const char *path, unsigned silence_ms, api_data data, api_done done,
                            void *userdata);
struct api_call *api_cancel(struct api_call *c); /* `done` will not be called; NULL is allowed; returns NULL */
DEFINE_FREEP(struct api_call, api_cancel)

/* For a caller who concludes that the connections are dead (lease renewals failed): shuts all of them down, so that
 * streams start afresh. */
void api_close_connections(struct api *a);

/* How many requests were started since api_new(): for `make bench` and /metrics. */
uint64_t api_request_count(const struct api *a);

/* The `error` of a response that has this HTTP status and Status.reason (NULL: none). Pure. */
int api_error(long status, const char *reason);

/* How often each method was answered with each status, in the order in which they first were; `status` 0: not at all.
 * More than `max` are left out. */
struct api_answers {
        const char *method; /* static */
        long status;
        uint64_t n;
};
size_t api_answers(const struct api *a, struct api_answers *ret, size_t max);

/* Where the server is: "https://[::1]:6443". Borrowed until the identity changes. */
const char *api_server(const struct api *a);

/* The address that answered last, in numbers (http_peer()); "": none did yet. */
const char *api_peer(const struct api *a);

/* Escapes one path segment or query value (caller owns the result). */
char *api_escape(const char *s);

#endif
