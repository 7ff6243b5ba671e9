/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/tunnel/context.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>

static bool trust(SSL_CTX *context, const char *pem)
{
        BIO *text = BIO_new_mem_buf(pem, (int)strlen(pem));
        X509 *ca;
        size_t n = 0;

        while (text && (ca = PEM_read_bio_X509(text, NULL, NULL, NULL))) {
                n += X509_STORE_add_cert(SSL_CTX_get_cert_store(context), ca) == 1;
                X509_free(ca);
        }
        BIO_free(text);
        ERR_clear_error(); /* the end of the text is one */
        return n > 0;
}

int client_context_new(const char *ca_pem, const char *file, SSL_CTX **ret, struct err *e)
{
        CLEANUP(client_context_freep) SSL_CTX *context = SSL_CTX_new(TLS_client_method());

        ERR_clear_error();
        if (!context || SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1)
                return err_set(e, -ENOMEM, NULL, "no TLS");
        if (ca_pem ? !trust(context, ca_pem) : SSL_CTX_set_default_verify_paths(context) != 1)
                return err_set(e, -EINVAL, NULL, "no certificate authority to trust");
        if (SSL_CTX_use_certificate_chain_file(context, file) != 1 ||
            SSL_CTX_use_PrivateKey_file(context, file, SSL_FILETYPE_PEM) != 1)
                return err_set(e, -EINVAL, NULL, "%s: %s", file,
                               ERR_reason_error_string(ERR_peek_last_error()) ?: "no certificate with its key");
        *ret = context;
        context = NULL;
        return 0;
}
