/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The frames of WebSocket (RFC 6455): pure. The server's side of them, and for a connection that the agent has begun
 * (agent/tunnel) the client's: a client's frames have a mask, a server's have none.
 *
 * No library: libwslay, which Debian has, goes on calling with what lies in its own buffer after it was told to stop,
 * keeps a copy of each message that is sent, and costs 8 KiB for each connection; what we need of it is below.
 */
#ifndef VKS_AGENT_STREAMS_WEBSOCKET_H
#define VKS_AGENT_STREAMS_WEBSOCKET_H

#include "common/err.h"

enum websocket_opcode {
        WEBSOCKET_CONTINUATION = 0,
        WEBSOCKET_TEXT = 1,
        WEBSOCKET_BINARY = 2,
        WEBSOCKET_CLOSE = 8,
        WEBSOCKET_PING = 9,
        WEBSOCKET_PONG = 10,
};
enum { WEBSOCKET_NORMAL = 1000, WEBSOCKET_PROTOCOL_ERROR = 1002 }; /* why it is closed */
enum {
        WEBSOCKET_ACCEPT_SIZE = 29, /* with the NUL */
        WEBSOCKET_KEY_SIZE = 25,    /* with the NUL */
        WEBSOCKET_HEAD_MAX = 14,    /* of a client's frame */
        WEBSOCKET_SENT_HEAD_MAX = 10,
        WEBSOCKET_CONTROL_MAX = 125, /* payload of a control frame */
};

/* Sec-WebSocket-Accept for a Sec-WebSocket-Key; false when it is not the base64 of 16 bytes. */
bool websocket_accept(const char *key, char ret[WEBSOCKET_ACCEPT_SIZE]);

struct websocket_frame {
        bool fin; /* the last one of its message */
        enum websocket_opcode opcode;
        uint8_t mask[4];
        uint64_t length; /* of the payload */
};

/* The length of the head; 0: it is not all there. -EPROTO when no client's frame may begin so. */
int websocket_frame_parse(const uint8_t *p, size_t n, struct websocket_frame *ret, struct err *e);

/* The same for a server's frame, whose mask is then four zeros. */
int websocket_server_frame_parse(const uint8_t *p, size_t n, struct websocket_frame *ret, struct err *e);

/* Into `ret`, n bytes of a payload, whose byte number `offset` (modulo 4 is enough) is the first of them. */
void websocket_unmask(void *ret, const void *p, size_t n, const uint8_t mask[4], uint64_t offset);

/* The head of a frame that is sent, a whole message, which n bytes follow. Returns its length. */
size_t websocket_head(uint8_t ret[WEBSOCKET_SENT_HEAD_MAX], enum websocket_opcode opcode, uint64_t n);

/* The same for a client's frame: the payload that follows went through websocket_unmask() with this mask, which is
 * nobody's to foresee. */
size_t websocket_client_head(uint8_t ret[WEBSOCKET_HEAD_MAX], enum websocket_opcode opcode, uint64_t n,
                             const uint8_t mask[4]);

/* A client's Sec-WebSocket-Key of these 16 random bytes. */
void websocket_key(const uint8_t random[16], char ret[WEBSOCKET_KEY_SIZE]);

#endif
