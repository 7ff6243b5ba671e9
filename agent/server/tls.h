/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TLS connections on the sd-event loop: bytes in, bytes out. What the bytes mean is the business of a protocol, three
 * functions that never see OpenSSL, and which may hand the connection on to another protocol in mid-stream.
 *
 * Nothing here calls back from inside a function that a protocol may call: output is sent, and trouble is met,
 * when the loop comes round. So a protocol needs no care for being freed while it writes.
 */
#ifndef VKS_AGENT_SERVER_TLS_H
#define VKS_AGENT_SERVER_TLS_H

#include <openssl/ssl.h>
#include <systemd/sd-event.h>

#include "common/base.h"

struct tls_limits {
        size_t connections_max;
        size_t in_max;           /* bytes that the protocol leaves lying; a peer that sends more is dropped */
        size_t out_high;         /* above it tls_write() asks for a pause ... */
        size_t out_low;          /* ... which ends below this */
        size_t out_max;          /* a connection with more output is dropped */
        uint64_t handshake_usec; /* first deadline of a connection */
        uint64_t stall_usec;     /* a peer that reads nothing for so long is dropped */
        uint64_t linger_usec;    /* for the peer to close, after we did */
};

struct tls_host; /* what the connections of one server share */
struct tls_conn;

struct tls_proto {
        /* There are bytes: says how many of them it took. The others come again, with what follows, or after
         * tls_resume(). */
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

/*
 * A server's end on the connected, non-blocking socket `fd`, which it owns from now on. Where the host is full, the
 * oldest connection that was not settled yet makes room; NULL (fd closed, closed() not called) when there is none.
 */
struct tls_conn *tls_conn_new(struct tls_host *h, SSL_CTX *context, int fd, const struct tls_proto *proto,
                              void *userdata);

/* The peer has shown who it is: it will not be dropped for another's sake. */
void tls_settle(struct tls_conn *c);

SSL *tls_ssl(struct tls_conn *c); /* for its certificate */

bool tls_write(struct tls_conn *c, const void *p, size_t n); /* false: taken, but pause now until drain() */
bool tls_full(const struct tls_conn *c);                     /* what tls_write() would say */
void tls_pause(struct tls_conn *c);                          /* reads no more from the socket */
void tls_resume(struct tls_conn *c);                         /* reads again, and offers again what was left lying */
void tls_deadline(struct tls_conn *c, uint64_t usec);        /* drops it in so many microseconds; 0: never */
/* From the next byte on; closed() is not called for the old protocol. */
void tls_takeover(struct tls_conn *c, const struct tls_proto *proto, void *userdata);
void tls_finish(struct tls_conn *c); /* closes in peace when all output is sent */
void tls_abort(struct tls_conn *c);  /* closes at once */

#endif
