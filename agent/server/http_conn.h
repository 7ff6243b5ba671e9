/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/1.1 as a protocol on a TLS connection (tls.h): passes one request after the other to the handler, and sends
 * the handler's answer (server.h), or hands the connection over to streams. */
#ifndef VKS_AGENT_SERVER_HTTP_CONN_H
#define VKS_AGENT_SERVER_HTTP_CONN_H

#include "agent/server/callers.h"
#include "agent/server/gate.h"
#include "agent/server/server.h"
#include "agent/server/tls.h"

struct http_host { /* what the connections of a server share; must outlive them */
        struct gate *gate;
        struct callers *callers;
        server_handler handler;
        void *userdata;
        sd_event *event;
        uint64_t head_usec, idle_usec, stream_idle_usec;
};

/* Serves the connected socket `fd`, which the connection owns from now on. The connection frees itself. */
void http_conn_new(const struct http_host *http, struct tls_host *tls, SSL_CTX *context, int fd);

#endif
