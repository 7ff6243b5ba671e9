/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TLS connections on the sd-event loop: bytes in, bytes out. What the bytes mean is up to a protocol (struct
 * tls_proto): three functions that never see OpenSSL. A protocol may hand the connection on to another protocol in
 * mid-stream (tls_takeover()).
 *
 * No tls_ function that a protocol calls ever calls back: output is sent, and errors are handled, when the event loop
 * runs next. So a protocol cannot be freed while it writes.
 */
#ifndef VKS_AGENT_SERVER_TLS_H
#define VKS_AGENT_SERVER_TLS_H

#include <openssl/ssl.h>
#include <systemd/sd-event.h>

#include "common/base.h"

struct tls_limits {
        size_t connections_max;
        size_t in_max;           /* input that the protocol has not taken; a peer that sends more is dropped */
        size_t out_high;         /* with more unsent output than this tls_write() asks for a pause ... */
        size_t out_low;          /* ... which ends when there is less than this */
        size_t out_max;          /* a connection with more unsent output than this is dropped */
        uint64_t handshake_usec; /* first deadline of a connection */
        uint64_t stall_usec;     /* a peer that reads nothing for so long is dropped */
        uint64_t linger_usec;    /* how long the peer may take to close after we did */
};

struct tls_host; /* what the connections of one server share */
struct tls_conn;

struct tls_proto {
        /* Bytes have come: returns how many of them it took. The others are offered again, when more bytes come or
         * after tls_resume(). */
        size_t (*data)(void *userdata, const char *p, size_t n);
        /* A pause that tls_write() asked for is over. */
        void (*drain)(void *userdata);
        /* The last call: the connection broke, the peer will send no more, or tls_finish()/tls_abort() took effect. */
        void (*closed)(void *userdata);
};

struct tls_host *tls_host_new(sd_event *event, const struct tls_limits *limits);
struct tls_host *tls_host_free(struct tls_host *h); /* drops the connections (closed() is called) */
DEFINE_FREEP(struct tls_host, tls_host_free)
size_t tls_host_count(const struct tls_host *h);

/* What a connection is worth when there is no room for another one. */
enum tls_worth {
        TLS_UNKNOWN, /* nobody who may anything, as far as is known: each connection begins so */
        TLS_RESTING, /* its peer was let in, and asks for nothing at the moment: he can come again */
        TLS_WORKING, /* is never dropped for another one */
};

/*
 * The server's end of a connection on the connected, non-blocking socket `fd`, which it owns from now on. When the
 * host has connections_max already, one of those of least worth is dropped, the one that has been so for longest; if
 * all are TLS_WORKING, returns NULL (fd is closed, closed() is not called).
 */
struct tls_conn *tls_conn_new(struct tls_host *h, SSL_CTX *context, int fd, const struct tls_proto *proto,
                              void *userdata);

/* The client's end, on a socket that may still be connecting. `context` verifies the server and presents whom we are;
 * `name`, a DNS name or an address, is what the server's certificate must be for. Else as tls_conn_new(). */
struct tls_conn *tls_conn_dial(struct tls_host *h, SSL_CTX *context, int fd, const char *name,
                               const struct tls_proto *proto, void *userdata);

void tls_set_worth(struct tls_conn *c, enum tls_worth worth);

SSL *tls_ssl(struct tls_conn *c); /* for tls_peer(), which reads the client certificate */

bool tls_write(struct tls_conn *c, const void *p, size_t n); /* false: taken, but pause now until drain() */
/* What is written from now on comes in a TLS record of its own. The last call counts. */
void tls_cut(struct tls_conn *c);
bool tls_full(const struct tls_conn *c);              /* would tls_write() ask for a pause? */
void tls_pause(struct tls_conn *c);                   /* reads no more from the socket */
void tls_resume(struct tls_conn *c);                  /* reads again, and offers again what was not taken */
void tls_deadline(struct tls_conn *c, uint64_t usec); /* drops c after so many microseconds; 0: never */
/*
 * For a connection on which people work: instead of stall_usec the peer may read nothing for so long, and one that
 * closes its side while we do not read from it is gone at once.
 */
void tls_patience(struct tls_conn *c, uint64_t stall_usec);
/* From the next byte on `proto` is the protocol; closed() is not called for the old one. */
void tls_takeover(struct tls_conn *c, const struct tls_proto *proto, void *userdata);
void tls_finish(struct tls_conn *c); /* closes in order after all output was sent */
void tls_abort(struct tls_conn *c);  /* closes at once */

#endif
