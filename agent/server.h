/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kubelet's HTTPS server: HTTP/1.1 over TLS on the sd-event loop. No endpoint takes a request body, so there is no
 * code for one. Who may enter is decided here, before a route is looked up: only a client certificate that the
 * configured CA signed for client authentication; everybody else gets 401.
 */
#ifndef VKS_AGENT_SERVER_H
#define VKS_AGENT_SERVER_H

#include <systemd/sd-event.h>

#include "common/err.h"

enum {
        SERVER_HEAD_MAX = 32 * 1024,       /* request line and headers */
        SERVER_HEAD_TIMEOUT_S = 10,        /* from accept to the end of the headers, TLS handshake included */
        SERVER_CONNECTIONS_MAX = 512,
        SERVER_OUT_HIGH = 256 * 1024,      /* a response that has more waiting is paused ... */
        SERVER_OUT_LOW = 64 * 1024,        /* ... until it has less than this */
        SERVER_STALL_TIMEOUT_S = 60,       /* a peer that reads nothing for so long is dropped */
};

struct server;
struct response;

struct request {
        const char *method;
        const char *path;        /* percent-decoded, without the query, begins with "/" */
        const char *user;        /* the client certificate's CN */
        size_t n_query;
        struct {
                const char *name, *value; /* percent-decoded */
        } query[64];
};
const char *request_query(const struct request *r, const char *name); /* first value or NULL */

/*
 * A handler either answers at once (response_send) or starts a stream: response_start, response_write as often as it
 * likes, response_end. `on_ready` is called when a paused stream may write again, `on_closed` when the peer went away before the end: after it,
 * and after response_end/response_send, the response is no more.
 */
typedef void (*server_handler)(void *userdata, const struct request *r, struct response *res);

void response_send(struct response *res, int status, const char *content_type, const void *body, size_t size);
void response_error(struct response *res, int status, const char *fmt, ...) PRINTF(3, 4); /* text/plain, one line */
void response_start(struct response *res, const char *content_type, void (*on_ready)(void *), void (*on_closed)(void *), void *userdata);
bool response_write(struct response *res, const void *p, size_t n); /* false: taken, but pause now */
void response_end(struct response *res);

struct server_config {
        const char *address;       /* numeric IPv4 or IPv6, NULL: all */
        uint16_t port;             /* 10250 */
        const char *cert_file;     /* PEM chain; read again when it changes */
        const char *key_file;
        const char *client_ca_file;
};

/* Listens. `handler` gets every authenticated request. The strings of config are copied. */
int server_new(sd_event *event, const struct server_config *config, server_handler handler, void *userdata, struct server **ret,
               struct err *e);
struct server *server_free(struct server *s);
DEFINE_FREEP(struct server, server_free)

/* Reads certificate, key and CA again, for new connections; on failure the old ones stay. */
int server_reload(struct server *s, struct err *e);

#endif
