/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The other side of streams.h: what a server does to have streams on a connection. Bytes come in by streams_input(),
 * and go out through a carrier, which may be a TLS connection or anything else that keeps order.
 *
 * A carrier's functions never call back, so nothing here is freed while it runs.
 */
#ifndef VKS_AGENT_STREAMS_CARRIER_H
#define VKS_AGENT_STREAMS_CARRIER_H

#include "agent/streams/negotiate.h"
#include "agent/streams/streams.h"

struct carrier {
        bool (*write)(void *userdata, const void *p, size_t n); /* false: taken, but pause until streams_drained() */
        void (*pause)(void *userdata);                          /* no input until resume() */
        void (*resume)(void *userdata);                         /* what was not taken is offered again */
        void (*finish)(void *userdata);                         /* closes in order after all was sent */
        void *userdata;
};

enum { STREAMS_CREATION_TIMEOUT_S = 30, STREAMS_IDLE_TIMEOUT_S = 4 * 60 * 60 };

struct streams_config {
        const struct carrier *carrier; /* copied */
        const struct agreement *agreement;
        const struct streams_wish *wish;
        const struct streams_handler *handler; /* must outlive the connection */
        void *userdata;                        /* the handler's */
        uint64_t creation_usec;                /* for the client to open its streams; 0: STREAMS_CREATION_TIMEOUT_S */
        uint64_t idle_usec; /* a connection without a byte for so long is closed; 0: STREAMS_IDLE_TIMEOUT_S */
};

/* Never NULL. Whoever made it ends it by streams_gone(). */
struct streams *streams_new(sd_event *event, const struct streams_config *config);

size_t streams_input(struct streams *c, const char *p, size_t n); /* how many bytes were taken */
void streams_drained(struct streams *c);                          /* the pause that write() asked for is over */
void streams_gone(struct streams *c); /* the carrier is: closed() is called unless the session has finished; frees c */

#endif
