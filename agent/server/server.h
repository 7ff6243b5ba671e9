/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kubelet's HTTPS server: HTTP/1.1 over TLS on the sd-event loop. No endpoint takes a request body, so there is no
 * code for one. Before a route is looked up the gate (gate.h) decides whether the client may enter. A client
 * authenticates by a certificate that the configured CA signed for client authentication (extended key usage
 * clientAuth, required; tls_trust.h), else by a bearer token. Without either it gets 401; without the right to what
 * it asks for it gets 403.
 */
#ifndef VKS_AGENT_SERVER_SERVER_H
#define VKS_AGENT_SERVER_SERVER_H

#include <systemd/sd-event.h>

#include "agent/streams/streams.h"
#include "common/err.h"

enum {
        SERVER_HEAD_MAX =
                32 * 1024, /* request line and headers: what as many connections may hold before anybody knows whose */
        SERVER_QUERY_MAX = 3000,    /* parameters: as many words of a command as there is room for in such a head */
        SERVER_HEAD_TIMEOUT_S = 10, /* from accept to the end of the headers, TLS handshake included */
        /* One more takes the place of one whose peer is not known, or asks for nothing at the moment (tls.h). */
        SERVER_CONNECTIONS_MAX = 1024,
        /* Who may much could keep all others out. The API server, one caller, comes with the requests of many. */
        SERVER_OF_ONE_CALLER_MAX = SERVER_CONNECTIONS_MAX * 3 / 4,
        SERVER_OUT_HIGH = 256 * 1024,      /* a response with more unsent bytes than this is paused ... */
        SERVER_OUT_LOW = 64 * 1024,        /* ... until it has fewer than this */
        SERVER_OUT_MAX = 64 * 1024 * 1024, /* a connection with more unsent bytes than this is dropped */
        SERVER_STALL_TIMEOUT_S = 60,       /* a peer that reads nothing for so long is dropped */
        SERVER_IDLE_TIMEOUT_S = 120, /* between two requests; more than the 90 s after which Go's client hangs up */
        SERVER_LINGER_TIMEOUT_S = 5, /* for the peer to hang up after everything was sent */
};

struct server;
struct gate;
struct response;
struct http_head;

struct request {             /* lives as long as the handler's call */
        const char *method;  /* any token: which ones a path takes is the handler's to know */
        const char *path;    /* percent-decoded, without the query, begins with "/" */
        const char *user;    /* the client, whom the gate has let in */
        char *const *groups; /* NULL-terminated */
        size_t n_query;
        struct request_parameter {
                const char *name, *value; /* percent-decoded */
        } * query;
        const struct http_head *head; /* for response_upgrade() */
};
const char *request_query(const struct request *r, const char *name); /* first value or NULL */

/*
 * A handler either answers at once (response_send), or starts a stream: response_start, response_write as often as it
 * likes, response_end. A handler that can do neither yet calls response_later, and does one of them later. `on_ready`
 * is called when a paused stream may write again, `on_closed` when the peer went away before the end. After
 * on_closed, response_end or response_send the response must not be used any more. No callback ever comes from inside
 * a response_ function.
 *
 * The answer to HEAD has only headers; a stream that answers HEAD is closed at once.
 */
typedef void (*server_handler)(void *userdata, const struct request *r, struct response *res);

void response_send(struct response *res, int status, const char *content_type, const void *body, size_t size);
void response_error(struct response *res, int status, const char *fmt, ...) PRINTF(3, 4); /* text/plain, one line */
/* As response_send, with lines of its own in the head, each with CRLF at its end. */
void response_send_with(struct response *res, int status, const char *content_type, const char *headers,
                        const void *body, size_t size);
/* 301; `location` is a reference that can stand in a header as it is (RFC 3986). */
void response_moved(struct response *res, const char *location);
/* 405; `allow` is what RFC 9110 wants in the header Allow: "GET, POST". */
void response_not_allowed(struct response *res, const char *method, const char *allow);
void response_start(struct response *res, const char *content_type, void (*on_ready)(void *), void (*on_closed)(void *),
                    void *userdata);
bool response_write(struct response *res, const void *p, size_t n); /* false: taken, but pause till on_ready */
void response_end(struct response *res);
void response_later(struct response *res, void (*on_closed)(void *), void *userdata);

/*
 * Turns the connection into one of streams (streams.h), if the request asks for it by SPDY/3.1 or WebSocket and names a
 * protocol that is known here. If not, it is answered (as the kubelet does: 400, 403, 405 or 426), and the result is
 * NULL. Else the response must not be used any more. To be called while the handler runs, for `r` lives no longer;
 * `handler` must outlive the connection.
 */
struct streams *response_upgrade(struct response *res, const struct request *r, const struct streams_wish *wish,
                                 const struct streams_handler *handler, void *userdata);

#define SERVER_STREAMS_NEVER_IDLE (UINT64_C(100) * 365 * 24 * 3600 * 1000000) /* a time that no connection lives to */

struct server_config {
        const char *address;   /* numeric IPv4 or IPv6, NULL: all */
        uint16_t port;         /* 10250; 0: any, see server_port() */
        int kept;              /* from listen_find_kept(): taken where it is this address and port; 0: there is none */
        const char *cert_file; /* PEM chain; read again when it changes */
        const char *key_file;  /* PEM, may be the same file */
        const char *client_ca_file;
        struct gate *gate;         /* outlives the server */
        uint64_t stream_idle_usec; /* an upgraded connection on which nothing passes is closed; 0: 4 hours */
        unsigned head_timeout_ms, stall_timeout_ms, linger_timeout_ms; /* 0: those above; tests use shorter ones */
};

/* Listens; where another program has the port it says so, and tries again: that may be a pod's, which only we can end.
 * `handler` gets every request that the gate lets in. The strings of config are copied. Ignores SIGPIPE in the
 * whole process. */
int server_new(sd_event *event, const struct server_config *config, server_handler handler, void *userdata,
               struct server **ret, struct err *e);
struct server *server_free(struct server *s);
DEFINE_FREEP(struct server, server_free)

/*
 * Reads certificate, key and CA again, for new connections; on failure the old ones stay in use. The server does this
 * by itself when one of the files changes.
 */
int server_reload(struct server *s, struct err *e);

uint16_t server_port(const struct server *s); /* the port that it listens on; 0: none yet */
size_t server_connections(const struct server *s);

#endif
