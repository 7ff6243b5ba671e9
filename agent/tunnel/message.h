/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The messages of K3s' tunnel (github.com/rancher/remotedialer, message.go), each one binary message of a WebSocket:
 * a number of its own, the connection's number, the kind, for CONNECT and DATA a deadline that nobody heeds, and the
 * rest is the body. Numbers are Go's varints (encoding/binary: zigzag, seven bits a byte, the lowest first). Pure.
 */
#ifndef VKS_AGENT_TUNNEL_MESSAGE_H
#define VKS_AGENT_TUNNEL_MESSAGE_H

#include "common/base.h"
#include "common/err.h"

enum tunnel_kind {
        TUNNEL_DATA = 1,
        TUNNEL_CONNECT, /* the server's wish; the body is "tcp/HOST:PORT" */
        TUNNEL_ERROR,   /* the connection is over; the body says why, "EOF" when it came to its end */
        TUNNEL_ADD_CLIENT,
        TUNNEL_REMOVE_CLIENT,
        TUNNEL_PAUSE, /* whoever gets it sends no more DATA of that connection, until RESUME */
        TUNNEL_RESUME,
};

enum { TUNNEL_HEAD_MAX = 4 * 10 };

struct tunnel_message {
        int64_t connection;
        int64_t kind; /* enum tunnel_kind, or one that came later and is not for us */
        const char *body;
        size_t size;
};

/* `ret` points into p. -EPROTO: it is no message. */
int tunnel_message_parse(const void *p, size_t n, struct tunnel_message *ret, struct err *e);

/* What comes before the body of message number `id`. Returns its length. */
size_t tunnel_message_head(uint8_t ret[TUNNEL_HEAD_MAX], int64_t id, int64_t connection, enum tunnel_kind kind);

/*
 * May the body of a CONNECT have what it asks for? Only "tcp/" and an address of this machine's own loopback, at the
 * port of the kubelet API: whoever may speak through the tunnel gets to that door and no further.
 */
bool tunnel_may_connect(const char *body, size_t n, uint16_t port);

#endif
