/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One question to an HTTPS server, and its answer: for a program that is run once, by a person who waits. Blocks, for a
 * minute at most. The agent itself never uses this (agent/client/http.h). Proxies and redirects are not followed.
 */
#ifndef VKS_AGENT_JOIN_FETCH_H
#define VKS_AGENT_JOIN_FETCH_H

#include "agent/client/kubeconfig.h"
#include "common/buf.h"

enum { FETCH_BODY_MAX = 4 * 1024 * 1024, FETCH_HEADERS_MAX = 8 };

struct fetch_request {
        const char *method;
        const char *url;
        const char *headers[FETCH_HEADERS_MAX + 1]; /* "Name: value", NULL-terminated */
        const void *body;                           /* NULL: none */
        size_t body_size;
};

struct fetch_answer {
        long status;
        struct buf body;       /* "" when empty, never NULL */
        uint64_t server_usec;  /* the server's clock as it says, with a second's grain; 0: it did not say */
        uint64_t machine_usec; /* this machine's at that time */
};

#define FETCH_ANSWER ((struct fetch_answer){ .body = SECRET_BUF(FETCH_BODY_MAX) })

/*
 * `who` is the server that is trusted (ca_pem; server_name) and whom it takes us for: certificate, token or neither.
 * Where who->insecure, any server will do, and the request must carry nothing that is secret: -EPERM when `who` has
 * credentials. 0 when there was an answer, of whatever status; else negative errno, in words: what does not fit the
 * server's certificate, or what a wrong clock would explain.
 */
int fetch(const struct kubeconfig *who, const struct fetch_request *request, struct fetch_answer *ret, struct err *e);
void fetch_answer_done(struct fetch_answer *a); /* wipes it */

/* By how many seconds this machine's clock is ahead of the server's; 0 when it is not known. */
int64_t fetch_clock_ahead_s(const struct fetch_answer *a);

#endif
