/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP requests on the sd-event loop: libcurl's multi interface, and nothing of Kubernetes. Requests to one server
 * share one HTTP/2 connection where it speaks that, unless they want one of their own. A response is collected up to a
 * bound, or handed out as it comes. Proxies and redirects are not followed. The process must ignore SIGPIPE.
 */
#ifndef VKS_AGENT_CLIENT_HTTP_H
#define VKS_AGENT_CLIENT_HTTP_H

#include <systemd/sd-event.h>

#include "common/base.h"

struct http;
struct http_call;

/* Whom the server takes us for, and which servers we trust. All strings are copied. */
struct http_identity {
        const char *ca_pem; /* NULL: the system's CAs */
        const char *cert_pem, *key_pem;
        bool insecure;          /* any server will do */
        const char *connect_to; /* NULL, or "HOST:PORT": connect there, whatever the URL's host is */
};

struct http_response {
        int error;        /* 0 when there was an answer, of whatever status; else negative errno */
        long status;      /* 0 when there was no answer */
        const char *text; /* why there was no answer, for a person; "" when there was one */
        char *body;       /* NUL-terminated, "" when empty or handed out; borrowed */
        size_t size;
        unsigned retry_after_s; /* as the server asked, else 0 */
        const char *redirect;   /* where a 3xx leads to, as a whole URL; NULL: nowhere. Borrowed */
};

enum http_line {
        HTTP_SHARED,  /* over a connection that others use, too, and that stays */
        HTTP_ALONE,   /* HTTP/1.1 over a connection of its own, which is closed behind it; the path is sent as it is */
        HTTP_ALONE_2, /* the same, HTTP/2 from the first byte, without TLS */
        HTTP_CONNECT, /* nothing is asked: the call ends when the connection is there */
};

typedef void (*http_data)(void *userdata, const char *data, size_t size);
typedef void (*http_head_line)(void *userdata, const char *line, size_t size);
typedef void (*http_done)(void *userdata, const struct http_response *r);

struct http_request {
        const char *method;
        const char *url;
        const char *const *headers; /* "Name: value", NULL-terminated; may be NULL */
        const char *body;           /* NULL: none */
        size_t body_size;
        bool urgent;         /* does not wait for its turn when many others run */
        unsigned timeout_ms; /* for the whole call, from when its turn came; 0: none */
        unsigned silence_ms; /* the call ends with -ETIMEDOUT when nothing came for so long; 0: never */
        enum http_line line;
        size_t body_max;     /* a longer response fails with -EMSGSIZE */
        bool body_cut;       /* not so: of a longer response the rest is not read */
        http_head_line head; /* gets each line of the response's head, and of its trailer; may be NULL */
        http_data data;      /* gets the body of a 2xx response as it comes, instead of collecting it; may be NULL */
        http_done done;      /* exactly once, unless cancelled; never from inside http_start() */
        void *userdata;
};

struct http *http_new(sd_event *event);
/* Ends all calls without calling back. Allowed inside of callbacks, as http_cancel() is. */
struct http *http_free(struct http *h);
DEFINE_FREEP(struct http, http_free)

/* The identity of requests that are started from now on. Before the first call: no client certificate, and the
 * system's CAs. */
void http_set_identity(struct http *h, const struct http_identity *identity);

/* Only another client certificate, and its key: the rest of the identity stays. Calls under way, and the connections
 * that they are on, go on as whom they began; other calls get connections of their own. */
void http_set_certificate(struct http *h, const char *cert_pem, const char *key_pem);

struct http_call *http_start(struct http *h, const struct http_request *r); /* all of `r` is copied; never NULL */
struct http_call *http_cancel(struct http_call *c);                         /* NULL is allowed; returns NULL */
DEFINE_FREEP(struct http_call, http_cancel)

/* The address, in numbers, that answered last; "" before that. It is where the server is for who speaks to it on a
 * connection of his own. Borrowed until the next answer. */
const char *http_peer(const struct http *h);

/* Shuts every connection down: calls under way fail, later calls connect anew. */
void http_close_connections(struct http *h);

#endif
