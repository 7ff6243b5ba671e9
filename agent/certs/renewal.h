/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The renewal of one certificate: reads the pair that lies in the store, asks for another one when its time comes (70
 * to 90 % of its life), when it is missing, not signed by anybody or does not say any more what is wished, and puts the
 * answer in its place. What fails is tried again: soon when nobody answered, after minutes and then hours when somebody
 * said no, and in time before the certificate expires.
 */
#ifndef VKS_AGENT_CERTS_RENEWAL_H
#define VKS_AGENT_CERTS_RENEWAL_H

#include <systemd/sd-event.h>

#include "agent/certs/signer.h"

struct renewal;

struct renewal_handler {
        /* Another pair is in the store: certificates and key, as cert_request_accept() makes it. */
        void (*renewed)(void *userdata, const char *pair);
        /* What an operator should read; `reason` is the event's. The same is not told twice in a row. */
        void (*told)(void *userdata, bool warning, const char *reason, const char *text);
};

struct renewal_parts {
        sd_event *event;
        const struct signer *signer; /* outlives the renewal */
        const char *dir, *file;      /* of the store */
        bool serving;
        unsigned pending_ms; /* a request that waits for approval so long is told; 0: 15 s. Tests use less */
        unsigned retry_ms;   /* the first of the waits after a failure; 0: 2 s. Tests use less */
};

/* Reads what there is, and asks for nothing before the first renewal_wish(). `handler` is copied. */
struct renewal *renewal_new(const struct renewal_parts *parts, const struct renewal_handler *handler, void *userdata);
struct renewal *renewal_free(struct renewal *r);
DEFINE_FREEP(struct renewal, renewal_free)

/* What the certificate is to say, which is copied. A change is asked for at once, and what was asked before forgotten.
 */
void renewal_wish(struct renewal *r, const struct cert_wish *wish);

/* NULL: there is no pair in the store that can be used at all. */
const struct cert_facts *renewal_facts(const struct renewal *r);

/* What is to be done about a certificate; pure. `facts` is NULL where there is none. */
enum renewal_need {
        RENEWAL_REST,  /* nothing, until `renew_at` */
        RENEWAL_ASK,   /* for another one */
        RENEWAL_CLOCK, /* nothing can be done: a clock is wrong */
};
enum renewal_need renewal_need(const struct cert_facts *facts, bool fits, uint64_t renew_at, uint64_t now);

/* How long to wait after a failure, in usec, if `backoff_usec` is what is due: no longer than a quarter of what is left
 * of the certificate's life (NULL: none), and no less than half a minute of that. Pure. */
uint64_t renewal_wait(const struct cert_life *life, uint64_t backoff_usec, uint64_t now);

#endif
