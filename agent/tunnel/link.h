/* SPDX-License-Identifier: Apache-2.0 */
/* One connection of the tunnel's: a socket to this node's own kubelet API, and what waits to be written to it. */
#ifndef VKS_AGENT_TUNNEL_LINK_H
#define VKS_AGENT_TUNNEL_LINK_H

#include <sys/socket.h>
#include <systemd/sd-event.h>

#include "common/base.h"
#include "common/err.h"

enum {
        LINK_HIGH = 256 * 1024,      /* with more than this unwritten, full() is told ... */
        LINK_LOW = 64 * 1024,        /* ... until there is less than this */
        LINK_MAX = 16 * 1024 * 1024, /* what may still come until the other side hears of it; more ends the link */
        LINK_CHUNK = 32 * 1024,      /* read at a time */
        LINK_FLUSH_S = 30,           /* how long what is unwritten may take when the other side has ended */
};

struct link;

struct link_handler {
        void (*came)(void *userdata, struct link *l, const void *p, size_t n); /* at most LINK_CHUNK */
        void (*full)(void *userdata, struct link *l, bool yes);
        /* The last call, which frees the link; "EOF": the server has closed it. Not after link_end(). */
        void (*ended)(void *userdata, struct link *l, const char *why);
        /* The last call after link_end(): all is written. It frees the link. */
        void (*flushed)(void *userdata, struct link *l);
};

/* Why nothing is read from the server. */
enum link_hold { LINK_PEER = 1, LINK_TUNNEL = 2 };

/* Begins to connect; `id` is the other side's number for it. `handler` outlives the link. Calls back from the event
 * loop alone, but full() from link_write(). */
int link_new(sd_event *event, int64_t id, const struct sockaddr *to, socklen_t size, const struct link_handler *handler,
             void *userdata, struct link **ret, struct err *e);
struct link *link_free(struct link *l);
DEFINE_FREEP(struct link, link_free)

int64_t link_id(const struct link *l);
size_t link_unwritten(const struct link *l);      /* bytes */
void link_break(struct link *l, const char *why); /* it ends when the event loop runs next; `why` is static */
void link_write(struct link *l, const void *p, size_t n);
void link_end(struct link *l);
void link_hold(struct link *l, enum link_hold why, bool yes);

#endif
