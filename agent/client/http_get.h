/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GET from a pod, as probes and lifecycle hooks ask for it (httpGet): whoever answers is believed, over TLS as well;
 * each request has a connection of its own; a redirect is followed where it leads to the same host, and only there
 * (k8s.io/kubernetes pkg/probe/http: RedirectChecker, DoHTTPProbe; pkg/probe/http/request.go).
 */
#ifndef VKS_AGENT_CLIENT_HTTP_GET_H
#define VKS_AGENT_CLIENT_HTTP_GET_H

#include "agent/client/http.h"

enum { HTTP_GET_BODY_MAX = 10 * 1024 }; /* of a longer body the rest is not read; the kubelet's number for probes */

/* A client that http_get_start() can use; others of its requests share its trust in everybody. */
struct http *http_get_client(sd_event *event);

struct http_get_request { /* all of it is copied */
        bool https;
        const char *host; /* a name or an address; an IPv6 address without brackets */
        uint16_t port;
        const char *path;           /* perhaps with a query; NULL or "": "/" */
        const char *const *headers; /* "Name: value", NULL-terminated, or NULL; they replace the usual ones (Host,
                                       User-Agent, Accept). An empty User-Agent or Accept is not sent at all */
        const char *user_agent;     /* "kube-probe/1.0" */
        unsigned timeout_ms;        /* for all of it, redirects included */
};

struct http_get_answer {
        int error;        /* 0: there was an answer, of whatever status; else a negative errno */
        long status;      /* of the last answer. 3xx: it leads to another host, or nowhere */
        const char *text; /* why there was no answer, as the kubelet says it: Get "http://...": ... */
        const char *body; /* NUL-terminated, "" when empty; it may hold other NULs */
        size_t size;
};

/* Called once, unless cancelled, and never from inside http_get_start(). The handle is freed by then. */
typedef void (*http_get_done)(void *userdata, const struct http_get_answer *a);

struct http_get;
struct http_get *http_get_start(struct http *h, const struct http_get_request *r, http_get_done done, void *userdata);
struct http_get *http_get_cancel(struct http_get *g); /* NULL is allowed; returns NULL */
DEFINE_FREEP(struct http_get, http_get_cancel)

/*
 * The words that Go has for a connection that did not come about, or broke: "dial tcp 10.0.0.1:80: connect: connection
 * refused". `r` has an error. The caller owns them.
 */
char *http_get_words(const struct http_response *r, const char *host, uint16_t port);

#endif
