/* SPDX-License-Identifier: Apache-2.0 */
/* The helper's end of the socket: who may connect, how many, and when it is time to leave. */
#ifndef VKS_PROTO_SERVE_H
#define VKS_PROTO_SERVE_H

#include <sys/types.h>
#include <systemd/sd-event.h>

#include "common/err.h"

enum {
        SERVE_PEERS_MAX = 16,
        SERVE_SECONDS = 120, /* for one request; then the process ends with SIGALRM */
};

/*
 * Answers one request of a peer whose socket is readable. 1: it was answered (even if by a refusal or an error); 0:
 * the peer is gone; -EAGAIN: there was no request after all; other errors: the bytes are no request, or the reply
 * cannot be sent; serve() then closes the connection.
 */
typedef int (*serve_handler)(void *userdata, int sock, struct err *e);

/* Work that waits for nobody: a slice of it is done between two requests, and it keeps the process from leaving. True:
 * there is more. */
typedef bool (*serve_spare)(void *userdata);

/*
 * Serves the listening SOCK_SEQPACKET socket `fd` to `uid` and to root, each request completely before the next, until
 * there has been no connection for `idle_usec` and `spare` has nothing more to do. Returns what the loop returned.
 */
int serve(sd_event *event, int fd, uid_t uid, uint64_t idle_usec, serve_handler handler, serve_spare spare,
          void *userdata);

#endif
