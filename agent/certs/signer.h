/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way to whoever signs, as the renewal of certificates sees it; each way (the API server, K3s) is one of these.
 * What comes back is not judged here: that is cert_request_accept().
 */
#ifndef VKS_AGENT_CERTS_SIGNER_H
#define VKS_AGENT_CERTS_SIGNER_H

#include "agent/certs/request.h"

struct signing; /* one request under way; the signer's own */

/* One of done and failed is called, once, unless the signing is cancelled; neither from inside of ask(). The signing
 * is over then, and gone: nothing is to be cancelled. */
struct signer_handler {
        /* The request is filed under this name and waits: for somebody's approval, or, approved, for the signature.
         * Perhaps never called, perhaps once for each. */
        void (*waiting)(void *userdata, const char *name, bool approved);
        void (*done)(void *userdata, const char *answer, size_t size);
        /* err.reason: "CertificateDenied", "CertificateFailed" (the signer's own words, asking again soon is of no
         * use), or empty (no answer, try again). err.code -EACCES: we may not ask. */
        void (*failed)(void *userdata, const struct err *err);
};

struct signer {
        const char *name; /* as in the store's file CERT_SIGNER */
        /* Its serving certificates have the node's own name as common name and as the only host's name of the node, and
         * no organization; all others "system:node:NAME" in "system:nodes". */
        bool bare_serving_name;
        /* Hands the request in; `r` outlives the signing. Never NULL. */
        struct signing *(*ask)(void *self, const struct cert_request *r, bool serving,
                               const struct signer_handler *handler, void *userdata);
        void (*cancel)(struct signing *s);
        void (*free)(struct signer *s); /* all signings are over or cancelled */
        void *self;                     /* what ask() gets */
};

#endif
