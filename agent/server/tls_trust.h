/* SPDX-License-Identifier: Apache-2.0 */
/* The server's own certificate, and the verification of client certificates. */
#ifndef VKS_AGENT_SERVER_TLS_TRUST_H
#define VKS_AGENT_SERVER_TLS_TRUST_H

#include <openssl/ssl.h>

#include "agent/client/reviews.h"
#include "common/err.h"

struct tls_files {
        const char *cert;      /* PEM: our certificate, and the chain from it to a root that clients know */
        const char *key;       /* PEM, not encrypted; may be the same file */
        const char *client_ca; /* PEM: every certificate in it is an anchor */
};

/*
 * A server's context: TLS 1.2 or newer. The peer is asked for a certificate, but the handshake succeeds without one
 * and with a bad one, so that the refusal can be an HTTP answer. No session is ever resumed, so the certificate is
 * verified on every connection. The caller owns *ret.
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
 * meant for client authentication; otherwise -EACCES, and *ret stays empty. The handshake must be over. Call it for
 * each request, which is cheap: then a certificate is refused from the moment it expires.
 */
int tls_peer(SSL *ssl, struct user_info *ret, struct err *e);

#endif
