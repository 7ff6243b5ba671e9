/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/server/tls_trust.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "common/mem.h"

/* OpenSSL's first word on the matter, which is the one that says most. */
static int openssl_err(struct err *e, int code, const char *what, const char *path)
{
        unsigned long ssl = ERR_get_error();
        const char *why = ERR_SYSTEM_ERROR(ssl) ? strerrordesc_np(ERR_GET_REASON(ssl)) : ERR_reason_error_string(ssl);

        ERR_clear_error();
        return err_set(e, code, NULL, "%s %s: %s", what, path, why ?: "unknown reason");
}

/* The peer's certificate is judged in tls_peer(). */
static int let_pass(int ok UNUSED, X509_STORE_CTX *store UNUSED)
{
        return 1;
}

/* An encrypted key must not make OpenSSL ask the terminal. */
static int no_password(char *buf UNUSED, int size UNUSED, int writing UNUSED, void *userdata UNUSED)
{
        return 0;
}

static int load(SSL_CTX *c, const struct tls_files *f, struct err *e)
{
        STACK_OF(X509_NAME) * names;

        if (SSL_CTX_use_certificate_chain_file(c, f->cert) != 1)
                return openssl_err(e, -EINVAL, "cannot read the certificate", f->cert);
        if (SSL_CTX_use_PrivateKey_file(c, f->key, SSL_FILETYPE_PEM) != 1)
                return openssl_err(e, -EINVAL, "cannot use the private key", f->key);
        if (SSL_CTX_check_private_key(c) != 1)
                return openssl_err(e, -EINVAL, "the certificate has another key than", f->key);
        if (SSL_CTX_load_verify_locations(c, f->client_ca, NULL) != 1)
                return openssl_err(e, -EINVAL, "cannot read the client CA", f->client_ca);
        names = SSL_load_client_CA_file(f->client_ca);
        if (!names)
                return openssl_err(e, -EINVAL, "cannot read the client CA", f->client_ca);
        SSL_CTX_set_client_CA_list(c, names);
        return 0;
}

int tls_context_new(const struct tls_files *files, SSL_CTX **ret, struct err *e)
{
        static const unsigned char session_context[] = "vks";
        CLEANUP(tls_context_freep) SSL_CTX *c = NULL;
        int r;

        ERR_clear_error();
        c = SSL_CTX_new(TLS_server_method());
        if (!c || SSL_CTX_set_min_proto_version(c, TLS1_2_VERSION) != 1 ||
            SSL_CTX_set_cipher_list(c, "ECDHE+AESGCM:ECDHE+CHACHA20") != 1 ||
            SSL_CTX_set_session_id_context(c, session_context, sizeof(session_context) - 1) != 1 ||
            SSL_CTX_set_num_tickets(c, 0) != 1)
                return openssl_err(e, -EIO, "cannot set up", "TLS");
        SSL_CTX_set_options(c, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
        SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
        SSL_CTX_set_default_passwd_cb(c, no_password);
        SSL_CTX_set_verify(c, SSL_VERIFY_PEER, let_pass);
        /* An intermediate CA in the file is an anchor as it is in Go's pools. */
        X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(c), X509_V_FLAG_PARTIAL_CHAIN);
        r = load(c, files, e);
        if (r < 0)
                return r;
        *ret = TAKE(c);
        return 0;
}

/* The text of one part of a name, or NULL where it is empty or no C string. The caller owns it. */
static char *entry_text(const X509_NAME *name, int at)
{
        unsigned char *utf8 = NULL;
        int n = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
        char *text = n > 0 && !memchr(utf8, '\0', (size_t)n) ? xstrndup((char *)utf8, (size_t)n) : NULL;

        OPENSSL_free(utf8);
        return text;
}

static int read_name(const X509_NAME *name, struct user_info *ret, struct err *e)
{
        int at = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
        size_t n = 0;

        if (at < 0 || X509_NAME_get_index_by_NID(name, NID_commonName, at) >= 0)
                return err_set(e, -EACCES, NULL, "the client certificate does not have one common name");
        ret->name = entry_text(name, at);
        ret->groups = xcalloc(1, sizeof(char *));
        for (at = -1; ret->name && (at = X509_NAME_get_index_by_NID(name, NID_organizationName, at)) >= 0;) {
                char *group = entry_text(name, at);

                if (!group)
                        return err_set(e, -EACCES, NULL, "the client certificate has a malformed organization");
                strv_push(&ret->groups, &n, group);
        }
        if (!ret->name)
                return err_set(e, -EACCES, NULL, "the client certificate has a malformed common name");
        return 0;
}

int tls_peer(SSL *ssl, struct user_info *ret, struct err *e)
{
        long verdict = SSL_get_verify_result(ssl); /* X509_V_OK where there is no certificate at all, too */
        X509 *cert = SSL_get0_peer_certificate(ssl);
        struct user_info identity = { 0 };
        uint32_t usage;
        int r;

        if (!cert)
                return err_set(e, -EACCES, NULL, "no client certificate");
        if (verdict != X509_V_OK)
                return err_set(e, -EACCES, NULL, "client certificate: %s", X509_verify_cert_error_string(verdict));
        if (X509_cmp_current_time(X509_get0_notAfter(cert)) <= 0)
                return err_set(e, -EACCES, NULL, "the client certificate has expired since it connected");
        /* Verification let a certificate pass that names no usage; one CA signs for servers and clients here, so it
         * must say. */
        usage = X509_get_extended_key_usage(cert);
        if (usage == UINT32_MAX || !(usage & (XKU_SSL_CLIENT | XKU_ANYEKU)))
                return err_set(e, -EACCES, NULL, "the client certificate is not for client authentication");
        r = read_name(X509_get_subject_name(cert), &identity, e);
        if (r < 0)
                user_info_done(&identity);
        else
                *ret = identity;
        return r;
}
