/* SPDX-License-Identifier: Apache-2.0 */
/* Who we say we are, and whom we believe to be who he says: all that the server knows of certificates. */
#ifndef VKS_AGENT_SERVER_TLS_TRUST_H
#define VKS_AGENT_SERVER_TLS_TRUST_H

#include <openssl/ssl.h>

#include "agent/client/reviews.h"
#include "common/err.h"

struct tls_files {
        const char *cert;      /* PEM: our certificate and what leads to the peer's root */
        const char *key;       /* PEM, not encrypted; may be the same file */
        const char *client_ca; /* PEM: every certificate in it is an anchor */
};

/*
 * A server's context: TLS 1.2 or newer; the peer is asked for a certificate, but the handshake succeeds without or with
 * a bad one, so that it can be told in HTTP; no session is ever resumed, so every connection is verified. The caller
 * owns *ret.
 */
int tls_context_new(const struct tls_files *files, SSL_CTX **ret, struct err *e);

static inline UNUSED SSL_CTX *tls_context_free(SSL_CTX *c)
{
        SSL_CTX_free(c);
        return NULL;
}
DEFINE_FREEP(SSL_CTX, tls_context_free)

/*
 * Fills *ret with the peer's name (CN) and groups (O) if its certificate is valid, was signed by a client CA, and is
 * meant for client authentication; -EACCES and nothing otherwise. The handshake must be over. Cheap enough for each
 * request, so that a certificate ends when it expires.
 */
int tls_peer(SSL *ssl, struct user_info *ret, struct err *e);

#endif
