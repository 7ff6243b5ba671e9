/* SPDX-License-Identifier: Apache-2.0 */
/* An authority that signs requests as a test wants it: also what no honest one would. */
#ifndef VKS_TESTS_UNIT_AGENT_CERTS_AUTHORITY_H
#define VKS_TESTS_UNIT_AGENT_CERTS_AUTHORITY_H

#include <criterion/criterion.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "agent/certs/request.h"
#include "common/mem.h"

#define NOW  UINT64_C(1800000000) /* seconds: a day in 2027 */
#define USEC UINT64_C(1000000)

struct signature {
        const char *common_name, *organization; /* NULL: as the request has it */
        const char *extra_organization;         /* one more */
        const char *usage;                      /* NULL: clientAuth; "": none */
        const char *key_usage;                  /* NULL: digitalSignature */
        const char *constraints;                /* NULL: CA:FALSE */
        const char *names;                      /* subjectAltName; NULL: as the request has it, "": none */
        int64_t from, to;                       /* seconds from NOW; 0, 0: five minutes ago and a day */
        EVP_PKEY *key;                          /* NULL: the request's */
        bool only_leaf;
};

static inline UNUSED void authority_extension(X509 *x, int nid, const char *value)
{
        X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

        cr_assert(e && X509_add_ext(x, e, -1));
        X509_EXTENSION_free(e);
}

static inline UNUSED void authority_entry(X509_NAME *name, const char *type, const char *text)
{
        if (text)
                cr_assert(
                        X509_NAME_add_entry_by_txt(name, type, MBSTRING_UTF8, (const unsigned char *)text, -1, -1, 0));
}

/* The authority's own certificate and key; made once. */
static inline UNUSED X509 *authority(EVP_PKEY **ret_key)
{
        static X509 *x;
        static EVP_PKEY *key;

        if (!x) {
                x = X509_new();
                key = EVP_EC_gen("P-256");
                X509_set_version(x, X509_VERSION_3);
                ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
                ASN1_TIME_set(X509_getm_notBefore(x), (time_t)NOW - 100000);
                ASN1_TIME_set(X509_getm_notAfter(x), (time_t)NOW + 1000000);
                authority_entry(X509_get_subject_name(x), "CN", "an authority");
                X509_set_issuer_name(x, X509_get_subject_name(x));
                X509_set_pubkey(x, key);
                authority_extension(x, NID_basic_constraints, "critical,CA:TRUE");
                cr_assert(X509_sign(x, key, EVP_sha256()) > 0);
        }
        *ret_key = key;
        return x;
}

static inline UNUSED X509_REQ *authority_request(const struct cert_request *r)
{
        size_t size;
        const unsigned char *p = cert_request_der(r, &size);
        X509_REQ *q = d2i_X509_REQ(NULL, &p, (long)size);

        cr_assert_not_null(q);
        return q;
}

static inline UNUSED void authority_copy_names(X509 *x, X509_REQ *q)
{
        STACK_OF(X509_EXTENSION) *list = X509_REQ_get_extensions(q);
        int at = list ? X509v3_get_ext_by_NID(list, NID_subject_alt_name, -1) : -1;

        if (at >= 0)
                cr_assert(X509_add_ext(x, X509v3_get_ext(list, at), -1));
        sk_X509_EXTENSION_pop_free(list, X509_EXTENSION_free);
}

static inline UNUSED X509 *authority_certificate(const struct cert_request *r, const struct signature *s)
{
        X509_REQ *q = authority_request(r);
        X509 *x = X509_new();
        EVP_PKEY *key;
        X509 *ca = authority(&key);
        X509_NAME *name = X509_get_subject_name(x);

        X509_set_version(x, X509_VERSION_3);
        ASN1_INTEGER_set(X509_get_serialNumber(x), 2);
        ASN1_TIME_set(X509_getm_notBefore(x), (time_t)NOW + (s->from == 0 && s->to == 0 ? -300 : s->from));
        ASN1_TIME_set(X509_getm_notAfter(x), (time_t)NOW + (s->from == 0 && s->to == 0 ? 86400 : s->to));
        if (s->common_name || s->organization) {
                authority_entry(name, "O", s->organization);
                authority_entry(name, "CN", s->common_name);
        } else {
                X509_set_subject_name(x, X509_REQ_get_subject_name(q));
        }
        authority_entry(X509_get_subject_name(x), "O", s->extra_organization);
        X509_set_issuer_name(x, X509_get_subject_name(ca));
        X509_set_pubkey(x, s->key ? s->key : X509_REQ_get0_pubkey(q));
        authority_extension(x, NID_basic_constraints, s->constraints ? s->constraints : "critical,CA:FALSE");
        authority_extension(x, NID_key_usage, s->key_usage ? s->key_usage : "critical,digitalSignature");
        if (!s->usage || *s->usage)
                authority_extension(x, NID_ext_key_usage, s->usage ? s->usage : "clientAuth");
        if (!s->names)
                authority_copy_names(x, q);
        else if (*s->names)
                authority_extension(x, NID_subject_alt_name, s->names);
        cr_assert(X509_sign(x, key, EVP_sha256()) > 0);
        X509_REQ_free(q);
        return x;
}

/* The caller owns the text: the certificate, and the authority's behind it. */
static inline UNUSED char *authority_sign(const struct cert_request *r, const struct signature *s)
{
        X509 *x = authority_certificate(r, s);
        BIO *b = BIO_new(BIO_s_mem());
        EVP_PKEY *key;
        X509 *ca = authority(&key);
        char *data, *text;
        long n;

        cr_assert(PEM_write_bio_X509(b, x) && (s->only_leaf || PEM_write_bio_X509(b, ca)));
        n = BIO_get_mem_data(b, &data);
        text = xstrndup(data, (size_t)n);
        BIO_free(b);
        X509_free(x);
        return text;
}

#endif
