/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a request and its reply travel between agent and helper: SOCK_SEQPACKET datagrams over /run/vks/helper.sock.
 *
 *      request: byte 0 WIRE_VERSION, byte 1 verb number, then the packed message (INLINE), or nothing and one
 *               descriptor (MEMFD) of a memfd sealed against writing, growing and shrinking that holds it; after that
 *               one come, for a verb of STREAMS, the three that are to be somebody's standard streams
 *      reply:   byte 0 WIRE_VERSION, byte 1 the verb it answers, then a packed Reply
 *
 * Requests are answered in order, so a client may send many before it reads. Whatever does not fit this exactly is
 * -EBADMSG, and the connection is closed by whoever saw it.
 */
#ifndef VKS_PROTO_WIRE_H
#define VKS_PROTO_WIRE_H

#include <protobuf-c/protobuf-c.h>

#include "common/base.h"
#include "common/err.h"

#define WIRE_SOCKET "/run/vks/helper.sock"

enum {
        WIRE_VERSION = 1,
        WIRE_DATAGRAM_MAX = 64 * 1024,    /* a whole datagram */
        WIRE_BODY_MAX = 16 * 1024 * 1024, /* a message in a memfd: an API object's 1.5 MiB limit, several times */
        WIRE_TEXT_MAX = 1024,             /* Reply.text and Reply.rule; longer is cut by the sender */
};

enum wire_body { WIRE_INLINE, WIRE_MEMFD, WIRE_STREAMS };

enum { WIRE_N_STREAMS = 3 };

struct wire_verb {
        uint8_t number;
        const char *name;
        const ProtobufCMessageDescriptor *message;
        enum wire_body body;
};

/* NULL when no row has that number. */
const struct wire_verb *wire_verb_find(uint8_t number);

/* One request: packed and not yet sent, or received and not yet decoded. */
struct wire_packet {
        const struct wire_verb *verb;
        uint8_t *body; /* owned */
        size_t size;
        bool has_streams;            /* a verb of WIRE_STREAMS, ... */
        int streams[WIRE_N_STREAMS]; /* ... whose descriptors are owned */
};

void wire_packet_done(struct wire_packet *p);

/* Packs a request, to be sent later and more than once if need be.
 * -EMSGSIZE when it is larger than the helper takes. `streams`: WIRE_N_STREAMS descriptors for a verb of WIRE_STREAMS,
 * which the packet owns from now on (on failure they are closed); NULL for the others. */
int wire_pack(const struct wire_verb *verb, const ProtobufCMessage *message, const int *streams,
              struct wire_packet *ret, struct err *e);

/*
 * Sends one request. Non-blocking: -EAGAIN when the socket is full (nothing was sent). Other failures mean the
 * connection is of no more use.
 */
int wire_send(int sock, const struct wire_packet *p, struct err *e);
int wire_send_request(int sock, const struct wire_verb *verb, const ProtobufCMessage *message, const int *streams,
                      struct err *e);

/*
 * Receives one request (the helper's side). 1: *ret is filled, call wire_packet_done() on it; 0: the peer closed;
 * -EAGAIN: nothing there; -EBADMSG: not a request; the descriptors that came along are closed in every case.
 */
int wire_recv_request(int sock, struct wire_packet *ret, struct err *e);

/* Replies: `reply` is a Vks__Reply. Receiving: as wire_recv_request, with 1, 0, -EAGAIN, -EBADMSG. */
int wire_send_reply(int sock, const struct wire_verb *verb, const ProtobufCMessage *reply, struct err *e);
int wire_recv_reply(int sock, const struct wire_verb **ret_verb, ProtobufCMessage **ret_reply, struct err *e);

#endif
