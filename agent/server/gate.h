/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who may enter the kubelet API, decided as the kubelet decides it (cmd/kubelet/app/auth.go, pkg/kubelet/server):
 *
 * 1. Who is it? A client certificate that the TLS layer has verified (CN: user, O: groups); else a bearer token, about
 *    which the API server is asked (TokenReview). Nobody is let in as anonymous.
 * 2. May he? The API server is asked (SubjectAccessReview) about the request as who_may.h reads it, for this node's
 *    name. No user and no group is special here: system:masters may everything because the API server says so.
 *
 * Answers are remembered (tokens 2 min, yes 5 min, no 30 s: the kubelet's defaults); that a token is nobody's is not.
 * What cannot be found out is refused. Nothing here blocks: a question either has its answer at hand or waits; those
 * who wait for the same answer share one request; when none waits any more, the request is cancelled.
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
        GATE_DEADLINE_S = 10,      /* for one answer, with all its tries */
        GATE_TOKENS_MAX = 256,     /* that are remembered */
        GATE_VERDICTS_MAX = 2048,  /* the same, about what somebody may */
        GATE_TOKENS_ASKED_MAX = 8, /* at once: strangers can cause these, and share the agent's way to the API server */
        GATE_VERDICTS_ASKED_MAX = 32, /* at once: known people cause these */
        GATE_TEXT_MAX = 1024,
};

struct gate;
struct gate_wait;

struct gate_config {
        sd_event *event;
        struct api *api;       /* NULL: nobody can be asked */
        const char *node_name; /* copied */
        bool always_allow;     /* whoever is known may everything (authorizationMode: AlwaysAllow) */
        unsigned deadline_ms;  /* 0: GATE_DEADLINE_S; tests are less patient */
};

struct gate_question {
        const struct user_info *peer; /* the verified certificate's; NULL: there is none */
        const char *authorization;    /* the header's value; NULL: there is none */
        const char *method, *path;
};

struct gate_answer {
        int status;                  /* 200: let him in; 401, 403, 429 or 500: answer that, with `text` */
        const struct user_info *who; /* NULL: nobody known. Borrowed: until the callback returns, or until gate_ask()'s
                                      * caller calls gate_answer_done() */
        char text[GATE_TEXT_MAX];
        struct user_info owned; /* not for others */
};

/* Never called from inside gate_ask(), and exactly once unless gate_cancel() was called before. */
typedef void (*gate_done)(void *userdata, const struct gate_answer *answer);

int gate_new(const struct gate_config *config, struct gate **ret, struct err *e);
struct gate *gate_free(struct gate *g); /* when nobody waits any more: after the server */
DEFINE_FREEP(struct gate, gate_free)

/*
 * NULL: *ret has the answer, and needs gate_answer_done(). Else it comes later by `done`; what the question points to
 * was copied.
 */
struct gate_wait *gate_ask(struct gate *g, const struct gate_question *q, struct gate_answer *ret, gate_done done,
                           void *userdata);
void gate_answer_done(struct gate_answer *a);
struct gate_wait *gate_cancel(struct gate_wait *w); /* NULL is allowed; returns NULL */

size_t gate_asked(const struct gate *g); /* requests to the API server that are under way */

#endif
