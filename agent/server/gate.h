/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who may enter the kubelet API, decided as the kubelet decides it (cmd/kubelet/app/auth.go, pkg/kubelet/server):
 *
 * 1. Who is the client? A client certificate that tls_trust.h has verified says so (CN: user, O: groups); else a
 * bearer
 *    token does, about which the API server is asked (TokenReview). Nobody is let in as anonymous.
 * 2. May the client do this? The API server is asked (SubjectAccessReview) about the request as who_may.h reads it,
 * for
 *    this node's name. No user and no group is special here: system:masters may do everything because the API server
 *    says so.
 *
 * Answers are remembered (whose a token is: 2 min, yes: 5 min, no: 30 s; the kubelet's defaults). That a token
 * belongs to nobody is not remembered. Where the API server gives no answer, the client is refused. Nothing here
 * blocks: a question has a remembered answer, or waits; all who wait for the same answer share one request to the API
 * server, which is cancelled when none of them waits any more.
 */
#ifndef VKS_AGENT_SERVER_GATE_H
#define VKS_AGENT_SERVER_GATE_H

#include <systemd/sd-event.h>

#include "agent/client/api.h"
#include "agent/client/reviews.h"

enum {
        GATE_TOKEN_LIFE_S = 120,
        GATE_YES_LIFE_S = 300,
        GATE_NO_LIFE_S = 30,
        GATE_DEADLINE_S = 10,         /* for one answer of the API server, with all retries */
        GATE_TOKENS_MAX = 256,        /* answers about tokens that are remembered */
        GATE_VERDICTS_MAX = 2048,     /* answers about rights that are remembered */
        GATE_TOKENS_ASKED_MAX = 8,    /* TokenReviews at once; few, since any stranger can cause them */
        GATE_VERDICTS_ASKED_MAX = 32, /* SubjectAccessReviews at once; only authenticated clients cause them */
        GATE_TEXT_MAX = 1024,
};

struct gate;
struct gate_wait;

struct gate_config {
        sd_event *event;
        struct api *api;       /* NULL: nobody can be asked */
        const char *node_name; /* copied */
        bool always_allow;     /* every authenticated client may do everything (authorizationMode: AlwaysAllow) */
        unsigned deadline_ms;  /* 0: GATE_DEADLINE_S; tests are less patient */
};

struct gate_question {
        const struct user_info *peer; /* from the verified client certificate; NULL: there is none */
        const char *authorization;    /* value of the Authorization header; NULL: there is none */
        const char *method, *path;
};

struct gate_answer {
        int status;                  /* 200: let the client in; 401, 403, 429 or 500: answer that, with `text` */
        const struct user_info *who; /* the client; NULL: not known. Borrowed until the callback returns, or until
                                      * gate_ask()'s caller calls gate_answer_done() */
        char text[GATE_TEXT_MAX];
        struct user_info owned; /* for gate.c alone */
};

/* Called exactly once, never from inside gate_ask(); not at all if gate_cancel() was called before. */
typedef void (*gate_done)(void *userdata, const struct gate_answer *answer);

int gate_new(const struct gate_config *config, struct gate **ret, struct err *e);
struct gate *gate_free(struct gate *g); /* call it after server_free(), when nobody waits any more */
DEFINE_FREEP(struct gate, gate_free)

/*
 * Returns NULL when *ret has the answer; call gate_answer_done() on it. Otherwise the answer comes later by `done`.
 * What the question points to is copied.
 */
struct gate_wait *gate_ask(struct gate *g, const struct gate_question *q, struct gate_answer *ret, gate_done done,
                           void *userdata);
void gate_answer_done(struct gate_answer *a);
struct gate_wait *gate_cancel(struct gate_wait *w); /* NULL is allowed; returns NULL */

size_t gate_asked(const struct gate *g); /* requests to the API server that are under way */

#endif
