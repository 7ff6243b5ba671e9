/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/join/discovery.h"

#include <ctype.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>

#include "agent/lib/base64.h"
#include "agent/lib/json.h"
#include "agent/lib/yaml.h"
#include "common/mem.h"

enum { BUNDLE_MAX = 64, SIGNATURE_MAX = 4096 };

void discovered_done(struct discovered *d)
{
        free(TAKE(d->server));
        free(TAKE(d->ca_pem));
}

static void hex(const unsigned char *digest, char ret[SHA256_HEX_LEN + 1])
{
        for (size_t i = 0; i < SHA256_DIGEST_LENGTH; i++)
                snprintf(ret + 2 * i, 3, "%02x", digest[i]);
}

/* ---- certificates ------------------------------------------------------------------------------------------------ */

struct bundle {
        X509 *of[BUNDLE_MAX];
        size_t n;
};

static void bundle_done(struct bundle *b)
{
        for (size_t i = 0; i < b->n; i++)
                X509_free(b->of[i]);
        b->n = 0;
}

/* Nothing else may be in it: who sends a key with a certificate authority has mixed something up. */
static int bundle_read(const char *pem, size_t size, struct bundle *ret, struct err *e)
{
        BIO *bio = size <= INT32_MAX ? BIO_new_mem_buf(pem, (int)size) : NULL;
        char *name = NULL, *header = NULL;
        unsigned char *data = NULL;
        long n = 0;
        int r = 0;

        ret->n = 0;
        while (bio && r == 0 && PEM_read_bio(bio, &name, &header, &data, &n) == 1) {
                const unsigned char *p = data;
                X509 *x = streq(name, PEM_STRING_X509) ? d2i_X509(NULL, &p, n) : NULL;

                if (!x)
                        r = err_set(e, -EBADMSG, NULL, "what is not a certificate is among the authorities");
                else if (ret->n == BUNDLE_MAX)
                        r = err_set(e, -EBADMSG, NULL, "there are more than %d authorities", BUNDLE_MAX);
                else
                        ret->of[ret->n++] = TAKE(x);
                X509_free(x);
                OPENSSL_free(name);
                OPENSSL_free(header);
                OPENSSL_clear_free(data, (size_t)n);
                name = NULL;
                header = NULL;
                data = NULL;
        }
        BIO_free(bio);
        ERR_clear_error();
        if (r == 0 && ret->n == 0)
                r = err_set(e, -EBADMSG, NULL, "there is no certificate of an authority");
        if (r < 0)
                bundle_done(ret);
        return r;
}

static bool issued(X509 *subject, X509 *issuer)
{
        EVP_PKEY *key = X509_get0_pubkey(issuer);
        bool yes = X509_check_issued(issuer, subject) == X509_V_OK && key && X509_verify(subject, key) == 1;

        ERR_clear_error();
        return yes;
}

/* The first one's chain up to who has signed itself; NULL when it does not end there. */
static X509 *root_of_first(const struct bundle *b)
{
        X509 *at = b->of[0];

        for (size_t steps = 0; steps < b->n; steps++) {
                X509 *next = NULL;

                if (issued(at, at))
                        return at;
                for (size_t i = 1; i < b->n && !next; i++)
                        if (issued(at, b->of[i]))
                                next = b->of[i];
                if (!next)
                        return NULL;
                at = next;
        }
        return NULL;
}

int discovery_bundle_hash(const char *pem, size_t size, char ret[SHA256_HEX_LEN + 1], struct err *e)
{
        unsigned char digest[SHA256_DIGEST_LENGTH];
        struct bundle b;
        unsigned int n;
        X509 *root;
        int r = bundle_read(pem, size, &b, e);

        if (r < 0)
                return r;
        root = b.n > 1 ? root_of_first(&b) : NULL;
        if (!root || X509_digest(root, EVP_sha256(), digest, &n) != 1)
                SHA256((const unsigned char *)pem, size, digest);
        hex(digest, ret);
        bundle_done(&b);
        return 0;
}

bool discovery_signed_by(const char *cert_pem, const char *ca_pem)
{
        struct bundle certs = { .n = 0 }, authorities = { .n = 0 };
        bool yes = false;

        if (bundle_read(cert_pem, strlen(cert_pem), &certs, NULL) == 0 &&
            bundle_read(ca_pem, strlen(ca_pem), &authorities, NULL) == 0)
                for (size_t i = 0; i < authorities.n; i++)
                        yes |= issued(certs.of[0], authorities.of[i]);
        bundle_done(&certs);
        bundle_done(&authorities);
        return yes;
}

/* kubeadm's pubkeypin: of the public key with its algorithm, so that a renewed authority with the same key keeps it. */
static bool pinned(X509 *x, const char (*pins)[SHA256_HEX_LEN + 1], size_t n_pins)
{
        unsigned char digest[SHA256_DIGEST_LENGTH], *der = NULL;
        int n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &der);
        char text[SHA256_HEX_LEN + 1];
        bool yes = false;

        if (n <= 0)
                return false;
        SHA256(der, (size_t)n, digest);
        OPENSSL_free(der);
        hex(digest, text);
        for (size_t i = 0; i < n_pins; i++)
                yes |= streq(text, pins[i]);
        return yes;
}

static int check_pins(const char *ca_pem, const char (*pins)[SHA256_HEX_LEN + 1], size_t n_pins, struct err *e)
{
        struct bundle b;
        bool yes = n_pins == 0;
        int r = bundle_read(ca_pem, strlen(ca_pem), &b, e);

        if (r < 0)
                return err_prefix(e, "cluster-info: ");
        for (size_t i = 0; i < b.n; i++)
                yes |= pinned(b.of[i], pins, n_pins);
        bundle_done(&b);
        return yes ? 0
                   : err_set(e, -EKEYREJECTED, NULL,
                             "the server's certificate authority has another public key than "
                             "--discovery-token-ca-cert-hash says: it is another cluster, or somebody is in between");
}

/* ---- the signature ----------------------------------------------------------------------------------------------- */

/* RFC 7515: base64 with "-" and "_", without padding. */
static char *base64url(const void *data, size_t size)
{
        char *out = xcalloc(size / 3 * 4 + 5, 1);
        int n = EVP_EncodeBlock((unsigned char *)out, data, (int)size);

        for (char *p = out; *p; p++)
                *p = *p == '+' ? '-' : *p == '/' ? '_' : *p;
        while (n > 0 && out[n - 1] == '=')
                out[--n] = '\0';
        return out;
}

static bool base64url_decode(const char *s, size_t n, void **ret, size_t *ret_size)
{
        CLEANUP(freep) char *copy = xcalloc(n + 4, 1);

        for (size_t i = 0; i < n; i++) {
                if (!isalnum((unsigned char)s[i]) && s[i] != '-' && s[i] != '_')
                        return false;
                copy[i] = s[i] == '-' ? '+' : s[i] == '_' ? '/' : s[i];
        }
        while (n % 4 != 0)
                copy[n++] = '=';
        return base64_decode(copy, n, ret, ret_size) == 0;
}

/* {"alg":"HS256","kid":"<id>"}: another algorithm, or another key's name, is not what was agreed. */
static bool header_is(const char *text, size_t size, const char *id)
{
        CLEANUP(freep) void *data = NULL;
        CLEANUP(json_freep) cJSON *header = NULL;
        size_t n;

        if (!base64url_decode(text, size, &data, &n))
                return false;
        header = json_parse(data, n);
        return streq(json_str(header, "alg"), "HS256") && streq(json_str(header, "kid"), id);
}

/* "<header>..<signature>" of `content`, which is left out in the middle. */
static bool signature_holds(const char *signature, const char *content, const struct join_token *token)
{
        const char *dots = strstr(signature, "..");
        CLEANUP(freep) char *middle = NULL, *input = NULL;
        CLEANUP(freep) void *given = NULL;
        unsigned char mac[EVP_MAX_MD_SIZE];
        unsigned int n_mac = 0;
        size_t n;

        if (!dots || strlen(signature) > SIGNATURE_MAX ||
            !header_is(signature, (size_t)(dots - signature), token->id) ||
            !base64url_decode(dots + 2, strlen(dots + 2), &given, &n))
                return false;
        middle = base64url(content, strlen(content));
        input = xasprintf("%.*s.%s", (int)(dots - signature), signature, middle);
        if (!HMAC(EVP_sha256(), token->secret, TOKEN_SECRET_LEN, (const unsigned char *)input, strlen(input), mac,
                  &n_mac))
                return false;
        return n == n_mac && CRYPTO_memcmp(mac, given, n) == 0;
}

/* ---- the whole --------------------------------------------------------------------------------------------------- */

/* kubeadm writes one cluster with the name "". */
static int read_cluster(const char *text, struct discovered *ret, struct err *e)
{
        CLEANUP(json_freep) cJSON *tree = NULL;
        const cJSON *clusters, *cluster;
        const char *ca;
        void *data;
        size_t n;
        int r = yaml_parse(text, strlen(text), &tree, e);

        if (r < 0)
                return r;
        clusters = json_get(tree, "clusters");
        if (json_len(clusters) != 1)
                return err_set(e, -EBADMSG, NULL, "it names %zu clusters instead of one", json_len(clusters));
        cluster = json_get(cJSON_GetArrayItem(clusters, 0), "cluster");
        ca = json_str(cluster, "certificate-authority-data");
        if (!json_str(cluster, "server") || !ca)
                return err_set(e, -EBADMSG, NULL, "it has no server, or no certificate-authority-data");
        if (base64_decode(ca, strlen(ca), &data, &n) < 0)
                return err_set(e, -EBADMSG, NULL, "certificate-authority-data is not base64");
        ret->ca_pem = data;
        ret->server = xstrdup(json_str(cluster, "server"));
        return strlen(ret->ca_pem) == n ? 0 : err_set(e, -EBADMSG, NULL, "certificate-authority-data is not PEM");
}

int discovery_check(const cJSON *configmap, const struct join_token *token, const char (*pins)[SHA256_HEX_LEN + 1],
                    size_t n_pins, struct discovered *ret, struct err *e)
{
        const cJSON *data = json_get(configmap, "data");
        CLEANUP(freep) char *field = xasprintf("jws-kubeconfig-%s", token->id);
        const char *kubeconfig = json_str(data, "kubeconfig"), *signature = json_str(data, field);
        int r;

        *ret = (struct discovered){ 0 };
        if (!kubeconfig)
                return err_set(
                        e, -EBADMSG, NULL,
                        "the ConfigMap cluster-info in kube-public has no kubeconfig: kubeadm's bootstrap tokens "
                        "do not work in this cluster");
        if (!signature)
                return err_set(e, -ENOKEY, NULL,
                               "the cluster knows no token \"%s\": it has expired, or is another cluster's (kubeadm "
                               "token create --print-join-command makes a new one)",
                               token->id);
        if (!signature_holds(signature, kubeconfig, token))
                return err_set(
                        e, -EKEYREJECTED, NULL,
                        "cluster-info is not signed by token \"%s\": its second half is wrong, or somebody is in "
                        "between",
                        token->id);
        r = read_cluster(kubeconfig, ret, e);
        if (r < 0)
                err_prefix(e, "cluster-info: ");
        else
                r = check_pins(ret->ca_pem, pins, n_pins, e);
        if (r < 0)
                discovered_done(ret);
        return r;
}
