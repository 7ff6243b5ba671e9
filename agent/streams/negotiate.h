/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a request to upgrade its connection agrees on, from the headers that it has: pure. The answers are those of the
 * kubelet (k8s.io/streaming pkg/httpstream, golang.org/x/net/websocket).
 */
#ifndef VKS_AGENT_STREAMS_NEGOTIATE_H
#define VKS_AGENT_STREAMS_NEGOTIATE_H

#include "agent/streams/streams.h"
#include "common/err.h"

enum { STREAMS_PORTS_MAX = 64 }; /* of a port-forward over WebSocket, which names them beforehand */

struct upgrade_request { /* headers that came several times are joined by ", "; NULL: not there */
        const char *method;
        const char *connection, *upgrade;
        const char *stream_protocols; /* X-Stream-Protocol-Version */
        const char *key;              /* Sec-WebSocket-Key, -Version, -Protocol */
        const char *version;
        const char *protocols;
        const char *ports[STREAMS_PORTS_MAX]; /* the query's `port=`, each perhaps several by commas */
        size_t n_ports;
};

struct agreement {
        enum { WIRE_SPDY, WIRE_WEBSOCKET, WIRE_TUNNEL } wire; /* TUNNEL: SPDY in a WebSocket */
        unsigned version; /* of the channels' protocol: 1 to 5; what WebSocket calls channel.k8s.io, or nothing, is 1 */
        bool base64;
        uint16_t ports[STREAMS_PORTS_MAX]; /* of a port-forward over WebSocket */
        size_t n_ports;
        int status;         /* 101, or why not */
        char headers[1024]; /* lines to add to the answer, each with its CRLF; to a refusal, too */
};

/* ret->status is always set. Less than 0: the request is refused with that status, and the error's text. */
int upgrade_negotiate(const struct upgrade_request *r, const struct streams_wish *wish, struct agreement *ret,
                      struct err *e);

#endif
