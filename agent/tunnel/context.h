/* SPDX-License-Identifier: Apache-2.0 */
/* What a TLS connection of the tunnel trusts, and what it shows. */
#ifndef VKS_AGENT_TUNNEL_CONTEXT_H
#define VKS_AGENT_TUNNEL_CONTEXT_H

#include <openssl/ssl.h>

#include "common/err.h"

/*
 * A client's context: TLS 1.2 or newer, servers whose certificate one of `ca_pem` (PEM, several; NULL: the system's)
 * has signed, and our certificate, chain and key from one file. Reads the file. The caller owns *ret.
 */
int client_context_new(const char *ca_pem, const char *file, SSL_CTX **ret, struct err *e);

static inline UNUSED SSL_CTX *client_context_free(SSL_CTX *c)
{
        SSL_CTX_free(c);
        return NULL;
}
DEFINE_FREEP(SSL_CTX, client_context_free)

#endif
