/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/certs/request.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <time.h>

#include "common/mem.h"

enum { NAME_MAX_BYTES = 64 /* ub-common-name and ub-organization-name of RFC 5280 */, HOST_MAX = 253 };

#define USEC        UINT64_C(1000000)
#define SELF_BEFORE (INT64_C(3600))
#define SELF_AFTER  (INT64_C(365) * 24 * 3600)

struct cert_request {
        struct cert_own_wish wish;
        EVP_PKEY *key;
        X509_REQ *request;
        char *pem;
        unsigned char *der;
        size_t der_size;
};

static void bio_freep(BIO **b)
{
        BIO_free(*b);
}

static void x509_freep(X509 **x)
{
        X509_free(*x);
}

static void extensions_freep(STACK_OF(X509_EXTENSION) * *s)
{
        sk_X509_EXTENSION_pop_free(*s, X509_EXTENSION_free);
}

static void names_freep(GENERAL_NAMES **n)
{
        GENERAL_NAMES_free(*n);
}

static int openssl_failed(struct err *e, const char *what)
{
        const char *why = ERR_reason_error_string(ERR_peek_last_error());

        ERR_clear_error();
        return err_set(e, -EIO, NULL, "%s: %s", what, why ?: "OpenSSL does not say why");
}

char *cert_wipe(char *text)
{
        if (text)
                OPENSSL_cleanse(text, strlen(text));
        free(text);
        return NULL;
}

/* ---- the wish ---------------------------------------------------------------------------------------------------- */

static bool is_text(const char *s, size_t max)
{
        size_t n = s ? strlen(s) : 0;

        for (size_t i = 0; i < n; i++)
                if (s[i] <= ' ' || s[i] > '~')
                        return false;
        return n > 0 && n <= max;
}

/* Network order; 0: no address. */
static size_t parse_ip(const char *s, unsigned char ret[16])
{
        if (inet_pton(AF_INET, s, ret) == 1)
                return 4;
        return inet_pton(AF_INET6, s, ret) == 1 ? 16 : 0;
}

static int check_wish(const struct cert_wish *wish, struct err *e)
{
        unsigned char ip[16];

        if (!is_text(wish->common_name, NAME_MAX_BYTES))
                return err_set(e, -EINVAL, NULL, "a certificate cannot have the name \"%s\" (1 to %d characters)",
                               wish->common_name ?: "", NAME_MAX_BYTES);
        for (size_t i = 0; wish->organizations && wish->organizations[i]; i++)
                if (!is_text(wish->organizations[i], NAME_MAX_BYTES))
                        return err_set(e, -EINVAL, NULL, "a certificate cannot have the organization \"%s\"",
                                       wish->organizations[i]);
        for (size_t i = 0; wish->dns && wish->dns[i]; i++)
                if (!is_text(wish->dns[i], HOST_MAX))
                        return err_set(e, -EINVAL, NULL, "a certificate cannot be for the host \"%s\"", wish->dns[i]);
        for (size_t i = 0; wish->ips && wish->ips[i]; i++)
                if (parse_ip(wish->ips[i], ip) == 0)
                        return err_set(e, -EINVAL, NULL, "a certificate cannot be for the address \"%s\"",
                                       wish->ips[i]);
        return 0;
}

/* ---- the request ------------------------------------------------------------------------------------------------- */

static bool add_entry(X509_NAME *name, int nid, const char *text)
{
        return X509_NAME_add_entry_by_NID(name, nid, MBSTRING_UTF8, (const unsigned char *)text, -1, -1, 0) == 1;
}

/* Organization before common name, as Go writes it. */
static bool fill_name(X509_NAME *name, const struct cert_request *r)
{
        for (size_t i = 0; r->wish.organizations && r->wish.organizations[i]; i++)
                if (!add_entry(name, NID_organizationName, r->wish.organizations[i]))
                        return false;
        return add_entry(name, NID_commonName, r->wish.common_name);
}

static bool add_name(GENERAL_NAMES *names, int type, const void *data, size_t size)
{
        GENERAL_NAME *name = GENERAL_NAME_new();
        ASN1_STRING *value = ASN1_STRING_type_new(type == GEN_IPADD ? V_ASN1_OCTET_STRING : V_ASN1_IA5STRING);

        if (!name || !value || ASN1_STRING_set(value, data, (int)size) != 1) {
                GENERAL_NAME_free(name);
                ASN1_STRING_free(value);
                return false;
        }
        GENERAL_NAME_set0_value(name, type, value);
        if (sk_GENERAL_NAME_push(names, name) > 0)
                return true;
        GENERAL_NAME_free(name);
        return false;
}

/* 1, 0 where there are no names to tell, -1 when memory is short. */
static int alternative_names(const struct cert_request *r, GENERAL_NAMES **ret)
{
        CLEANUP(names_freep) GENERAL_NAMES *names = GENERAL_NAMES_new();
        unsigned char ip[16];

        if (!names)
                return -1;
        for (size_t i = 0; r->wish.dns && r->wish.dns[i]; i++)
                if (!add_name(names, GEN_DNS, r->wish.dns[i], strlen(r->wish.dns[i])))
                        return -1;
        for (size_t i = 0; r->wish.ips && r->wish.ips[i]; i++)
                if (!add_name(names, GEN_IPADD, ip, parse_ip(r->wish.ips[i], ip)))
                        return -1;
        if (sk_GENERAL_NAME_num(names) == 0)
                return 0;
        *ret = TAKE(names);
        return 1;
}

static bool add_alternative_names(X509_REQ *q, const struct cert_request *r)
{
        CLEANUP(extensions_freep) STACK_OF(X509_EXTENSION) *list = NULL;
        CLEANUP(names_freep) GENERAL_NAMES *names = NULL;
        int n = alternative_names(r, &names);

        if (n <= 0)
                return n == 0;
        return X509V3_add1_i2d(&list, NID_subject_alt_name, names, 0, X509V3_ADD_DEFAULT) == 1 &&
               X509_REQ_add_extensions(q, list) == 1;
}

static char *bio_text(BIO *b)
{
        char *data = NULL;
        long n = BIO_get_mem_data(b, &data);
        char *text = xstrndup(data, n > 0 ? (size_t)n : 0);

        OPENSSL_cleanse(data, n > 0 ? (size_t)n : 0); /* a key may have been in it */
        return text;
}

static int build(struct cert_request *r, struct err *e)
{
        CLEANUP(bio_freep) BIO *b = BIO_new(BIO_s_mem());
        int n;

        r->key = EVP_EC_gen("P-256");
        r->request = X509_REQ_new();
        if (!b || !r->key || !r->request || X509_REQ_set_version(r->request, X509_REQ_VERSION_1) != 1 ||
            !fill_name(X509_REQ_get_subject_name(r->request), r) || X509_REQ_set_pubkey(r->request, r->key) != 1 ||
            !add_alternative_names(r->request, r) || X509_REQ_sign(r->request, r->key, EVP_sha256()) <= 0 ||
            PEM_write_bio_X509_REQ(b, r->request) != 1)
                return openssl_failed(e, "cannot make a request for a certificate");
        r->pem = bio_text(b);
        n = i2d_X509_REQ(r->request, &r->der);
        if (n <= 0)
                return openssl_failed(e, "cannot make a request for a certificate");
        r->der_size = (size_t)n;
        return 0;
}

int cert_request_new(const struct cert_wish *wish, struct cert_request **ret, struct err *e)
{
        CLEANUP(cert_request_freep) struct cert_request *r = NEW(struct cert_request);
        int result = check_wish(wish, e);

        if (result < 0)
                return result;
        cert_wish_keep(&r->wish, wish);
        result = build(r, e);
        if (result == 0)
                *ret = TAKE(r);
        return result;
}

struct cert_request *cert_request_free(struct cert_request *r)
{
        if (!r)
                return NULL;
        cert_wish_forget(&r->wish);
        EVP_PKEY_free(r->key); /* OpenSSL wipes the number in it */
        X509_REQ_free(r->request);
        free(r->pem);
        OPENSSL_free(r->der);
        free(r);
        return NULL;
}

const char *cert_request_pem(const struct cert_request *r)
{
        return r->pem;
}

const void *cert_request_der(const struct cert_request *r, size_t *ret_size)
{
        *ret_size = r->der_size;
        return r->der;
}

const char *const *cert_request_ips(const struct cert_request *r)
{
        return (const char *const *)r->wish.ips;
}

/* ---- what a certificate says ------------------------------------------------------------------------------------- */

/* Is the part of the name at `at` just this text? */
static bool entry_is(const X509_NAME *name, int at, const char *text)
{
        const ASN1_STRING *s = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at));
        int n = ASN1_STRING_length(s);

        return n >= 0 && (size_t)n == strlen(text) && memcmp(ASN1_STRING_get0_data(s), text, (size_t)n) == 0;
}

static bool has_entry(const X509_NAME *name, int nid, const char *text)
{
        for (int at = -1; (at = X509_NAME_get_index_by_NID(name, nid, at)) >= 0;)
                if (entry_is(name, at, text))
                        return true;
        return false;
}

/* Nothing else may be in the name: an organization is a group, and the agent wants no more power than it asked for. */
static int check_subject(X509 *x, const struct cert_wish *wish, struct err *e)
{
        const X509_NAME *name = X509_get_subject_name(x);
        CLEANUP(bio_freep) BIO *b = BIO_new(BIO_s_mem());
        CLEANUP(freep) char *text = NULL;
        int n = 1;
        bool fits = has_entry(name, NID_commonName, wish->common_name);

        for (size_t i = 0; wish->organizations && wish->organizations[i]; i++, n++)
                fits = fits && has_entry(name, NID_organizationName, wish->organizations[i]);
        if (fits && X509_NAME_entry_count(name) == n)
                return 0;
        if (b && X509_NAME_print_ex(b, name, 0, XN_FLAG_ONELINE & ~ASN1_STRFLGS_ESC_MSB) >= 0)
                text = bio_text(b);
        return err_set(e, -EACCES, NULL, "the certificate is for \"%.300s\", and not for %s%s%s", text ?: "?",
                       wish->common_name, wish->organizations ? " in " : "",
                       wish->organizations ? wish->organizations[0] : "");
}

static int check_use(X509 *x, const struct cert_wish *wish, struct err *e)
{
        uint32_t use = X509_get_extended_key_usage(x), wanted = wish->serving ? XKU_SSL_SERVER : XKU_SSL_CLIENT;

        if (use == UINT32_MAX || !(use & wanted))
                return err_set(e, -EACCES, NULL, "the certificate is not for a %s (extended key usage %s)",
                               wish->serving ? "server" : "client", wish->serving ? "serverAuth" : "clientAuth");
        if (!(X509_get_key_usage(x) & KU_DIGITAL_SIGNATURE))
                return err_set(e, -EACCES, NULL, "the certificate's key may not sign (key usage digitalSignature)");
        if (X509_get_extension_flags(x) & (EXFLAG_CA | EXFLAG_INVALID))
                return err_set(e, -EACCES, NULL, "the certificate is one of an authority, or malformed");
        return 0;
}

/* Only what stands in the certificate's list counts, as for Go's clients: neither the common name nor wildcards. */
static int check_names(X509 *x, const struct cert_wish *wish, struct err *e)
{
        const unsigned flags = X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_WILDCARDS;

        for (size_t i = 0; wish->dns && wish->dns[i]; i++)
                if (X509_check_host(x, wish->dns[i], 0, flags, NULL) != 1)
                        return err_set(e, -EACCES, NULL, "the certificate is not for the host %s", wish->dns[i]);
        for (size_t i = 0; wish->ips && wish->ips[i]; i++)
                if (X509_check_ip_asc(x, wish->ips[i], 0) != 1)
                        return err_set(e, -EACCES, NULL, "the certificate is not for the address %s", wish->ips[i]);
        return 0;
}

static int check_fits(X509 *x, const struct cert_wish *wish, struct err *e)
{
        int r = check_subject(x, wish, e);

        if (r == 0)
                r = check_use(x, wish, e);
        return r == 0 ? check_names(x, wish, e) : r;
}

/* false before 1970, which no certificate of a running cluster is from, and where it is no time. */
static bool read_time(const ASN1_TIME *t, uint64_t *ret_usec)
{
        struct tm tm = { 0 };
        time_t seconds;

        if (ASN1_TIME_to_tm(t, &tm) != 1)
                return false;
        seconds = timegm(&tm);
        if (seconds < 0)
                return false;
        *ret_usec = (uint64_t)seconds * USEC;
        return true;
}

static int read_life(X509 *x, struct cert_life *ret, struct err *e)
{
        if (!read_time(X509_get0_notBefore(x), &ret->not_before) || !read_time(X509_get0_notAfter(x), &ret->not_after))
                return err_set(e, -EINVAL, NULL, "the certificate does not say when it is valid");
        /* the last second is whole: RFC 5280 has it inclusive */
        ret->not_after += USEC;
        return 0;
}

/* ---- the answer -------------------------------------------------------------------------------------------------- */

/* Takes all certificates, our own first. Text between the blocks is left out, as everywhere. */
static int read_chain(const char *text, size_t size, X509 **chain, size_t *n, struct err *e)
{
        CLEANUP(bio_freep) BIO *b = BIO_new_mem_buf(text, (int)size);
        char *name = NULL, *header = NULL;
        unsigned char *data = NULL;
        long length = 0;
        int r = 0;

        while (r == 0 && b && PEM_read_bio(b, &name, &header, &data, &length) == 1) {
                const unsigned char *p = data;

                if (!streq(name, PEM_STRING_X509))
                        r = err_set(e, -EINVAL, NULL, "a block \"%.60s\" is in it", name);
                else if (*n == CERT_CHAIN_MAX)
                        r = err_set(e, -EINVAL, NULL, "more than %d certificates are in it", CERT_CHAIN_MAX);
                else if (!(chain[*n] = d2i_X509(NULL, &p, length)))
                        r = err_set(e, -EINVAL, NULL, "certificate %zu in it cannot be read", *n + 1);
                else if (p != data + length) {
                        X509_free(TAKE(chain[*n]));
                        r = err_set(e, -EINVAL, NULL, "something is behind certificate %zu in it", *n + 1);
                } else
                        (*n)++;
                OPENSSL_free(name);
                OPENSSL_free(header);
                OPENSSL_free(data);
        }
        if (r == 0 && ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
                r = err_set(e, -EINVAL, NULL, "it is cut or garbled");
        ERR_clear_error();
        return r == 0 && *n == 0 ? err_set(e, -EINVAL, NULL, "no certificate is in it") : r;
}

static int write_pair(const struct cert_request *r, X509 *const *chain, size_t n, char **ret, struct err *e)
{
        CLEANUP(bio_freep) BIO *b = BIO_new(BIO_s_secmem());
        bool good = b != NULL;

        for (size_t i = 0; i < n && good; i++)
                good = PEM_write_bio_X509(b, chain[i]) == 1;
        if (!good || PEM_write_bio_PrivateKey(b, r->key, NULL, NULL, 0, NULL, NULL) != 1)
                return openssl_failed(e, "cannot write the certificate");
        *ret = bio_text(b);
        return 0;
}

static int judge(const struct cert_request *r, X509 *x, uint64_t now_usec, struct cert_life *life, struct err *e)
{
        const struct cert_wish wish = cert_wish_of(&r->wish);
        int result;

        if (X509_check_private_key(x, r->key) != 1) {
                ERR_clear_error();
                return err_set(e, -EACCES, NULL, "the certificate is for another key than the one that was made here");
        }
        result = check_fits(x, &wish, e);
        if (result == 0)
                result = read_life(x, life, e);
        if (result < 0)
                return result;
        if (now_usec < life->not_before)
                return err_set(e, -ETIME, NULL,
                               "the certificate is not valid yet for %" PRIu64
                               " s: this machine's clock is slow, or the "
                               "signer's is fast",
                               (life->not_before - now_usec) / USEC + 1);
        if (now_usec >= life->not_after)
                return err_set(e, -ETIME, NULL,
                               "the certificate has expired since %" PRIu64
                               " s: this machine's clock is fast, or the signer's is slow",
                               (now_usec - life->not_after) / USEC);
        return 0;
}

int cert_request_accept(const struct cert_request *r, const void *answer, size_t size, uint64_t now_usec, char **ret,
                        struct cert_life *ret_life, struct err *e)
{
        X509 *chain[CERT_CHAIN_MAX] = { NULL };
        struct cert_life life = { 0 };
        size_t n = 0;
        int result;

        ERR_clear_error();
        if (size > CERT_ANSWER_MAX)
                return err_set(e, -EFBIG, NULL, "the answer is longer than %d bytes", CERT_ANSWER_MAX);
        /* Before it is parsed: wherever in it a key stands, in whatever form of PEM. */
        if (memmem(answer, size, "PRIVATE KEY", strlen("PRIVATE KEY")))
                return err_set(e, -EACCES, NULL,
                               "the answer holds a private key: it was not made here, and others may have it");
        result = read_chain(answer, size, chain, &n, e);
        if (result < 0)
                err_prefix(e, "the answer is no certificate: ");
        else
                result = judge(r, chain[0], now_usec, &life, e);
        if (result == 0)
                result = write_pair(r, chain, n, ret, e);
        if (result == 0 && ret_life)
                *ret_life = life;
        for (size_t i = 0; i < n; i++)
                X509_free(chain[i]);
        return result;
}

/* ---- our own signature ------------------------------------------------------------------------------------------- */

static bool add_constant(X509 *x, int nid, const char *value)
{
        X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
        bool good = extension && X509_add_ext(x, extension, -1) == 1;

        X509_EXTENSION_free(extension);
        return good;
}

static bool random_serial(X509 *x)
{
        unsigned char bytes[16];
        BIGNUM *number;
        bool good;

        if (RAND_bytes(bytes, sizeof(bytes)) != 1)
                return false;
        bytes[0] = (bytes[0] & 0x7f) | 0x40; /* positive, and never short */
        number = BN_bin2bn(bytes, sizeof(bytes), NULL);
        good = number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(x));
        BN_free(number);
        return good;
}

static bool fill_self_signed(X509 *x, const struct cert_request *r, uint64_t now_usec)
{
        CLEANUP(names_freep) GENERAL_NAMES *names = NULL;
        time_t now = (time_t)(now_usec / USEC);
        int n = alternative_names(r, &names);

        return n >= 0 && X509_set_version(x, X509_VERSION_3) == 1 && random_serial(x) &&
               fill_name(X509_get_subject_name(x), r) && X509_set_issuer_name(x, X509_get_subject_name(x)) == 1 &&
               ASN1_TIME_set(X509_getm_notBefore(x), now - SELF_BEFORE) &&
               ASN1_TIME_set(X509_getm_notAfter(x), now + SELF_AFTER) && X509_set_pubkey(x, r->key) == 1 &&
               add_constant(x, NID_basic_constraints, "critical,CA:FALSE") &&
               add_constant(x, NID_key_usage, "critical,digitalSignature") &&
               add_constant(x, NID_ext_key_usage, r->wish.serving ? "serverAuth" : "clientAuth") &&
               (n == 0 || X509_add1_ext_i2d(x, NID_subject_alt_name, names, 0, X509V3_ADD_DEFAULT) == 1) &&
               X509_sign(x, r->key, EVP_sha256()) > 0;
}

int cert_request_self_sign(const struct cert_request *r, uint64_t now_usec, char **ret, struct err *e)
{
        CLEANUP(x509_freep) X509 *x = X509_new();

        if (!x || !fill_self_signed(x, r, now_usec))
                return openssl_failed(e, "cannot make a self-signed certificate");
        return write_pair(r, &x, 1, ret, e);
}

/* ---- what was stored --------------------------------------------------------------------------------------------- */

/* An encrypted key must not make OpenSSL ask the terminal. */
static int no_password(char *buf UNUSED, int size UNUSED, int writing UNUSED, void *userdata UNUSED)
{
        return -1;
}

static X509 *first_certificate(const char *text, size_t size)
{
        CLEANUP(bio_freep) BIO *b = size <= CERT_ANSWER_MAX ? BIO_new_mem_buf(text, (int)size) : NULL;
        X509 *x = b ? PEM_read_bio_X509(b, NULL, no_password, NULL) : NULL;

        ERR_clear_error();
        return x;
}

static bool has_key_of(const char *text, size_t size, X509 *x)
{
        CLEANUP(bio_freep) BIO *b = BIO_new_mem_buf(text, (int)size);
        EVP_PKEY *key = b ? PEM_read_bio_PrivateKey(b, NULL, no_password, NULL) : NULL;
        bool yes = key && X509_check_private_key(x, key) == 1;

        EVP_PKEY_free(key);
        ERR_clear_error();
        return yes;
}

int cert_facts_read(const char *text, size_t size, struct cert_facts *ret, struct err *e)
{
        CLEANUP(x509_freep) X509 *x = first_certificate(text, size);
        const X509_NAME *name = x ? X509_get_subject_name(x) : NULL;
        struct cert_facts facts = { 0 };
        const ASN1_STRING *s;
        int at, n, r;

        if (!x)
                return err_set(e, -EINVAL, NULL, "no certificate in it that can be read");
        r = read_life(x, &facts.life, e);
        if (r < 0)
                return r;
        at = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
        s = at >= 0 ? X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)) : NULL;
        n = s ? ASN1_STRING_length(s) : 0;
        if (n <= 0 || (size_t)n >= sizeof(facts.common_name) || memchr(ASN1_STRING_get0_data(s), '\0', (size_t)n) ||
            X509_NAME_get_index_by_NID(name, NID_commonName, at) >= 0)
                return err_set(e, -EINVAL, NULL, "the certificate does not have one common name");
        memcpy(facts.common_name, ASN1_STRING_get0_data(s), (size_t)n);
        if (!has_key_of(text, size, x))
                return err_set(e, -EINVAL, NULL, "no private key in it that belongs to the certificate");
        facts.self_signed = X509_self_signed(x, 0) == 1;
        *ret = facts;
        return 0;
}

int cert_fits(const char *text, size_t size, const struct cert_wish *wish, struct err *e)
{
        CLEANUP(x509_freep) X509 *x = first_certificate(text, size);

        if (!x)
                return err_set(e, -EINVAL, NULL, "no certificate in it that can be read");
        return check_fits(x, wish, e) == 0;
}
