/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/1.1 as the protocol of a TLS connection: requests in turn, each
 * to the handler, and its answer out (server.h). */
#ifndef VKS_AGENT_SERVER_HTTP_CONN_H
#define VKS_AGENT_SERVER_HTTP_CONN_H

#include "agent/server/gate.h"
#include "agent/server/server.h"
#include "agent/server/tls.h"

struct http_host { /* outlives its connections */
        struct gate *gate;
        server_handler handler;
        void *userdata;
        uint64_t head_usec, idle_usec;
};

/* Serves `fd`, which it owns from now on, and takes care of itself. */
void http_conn_new(const struct http_host *http, struct tls_host *tls, SSL_CTX *context, int fd);

#endif
