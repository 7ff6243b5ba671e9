/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <errno.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <unistd.h>

#include "agent/client/kubeconfig.h"
#include "common/buf.h"
#include "common/mem.h"

/* ---- certificates, made for the run ------------------------------------------------------------------------------ */

static char *text_of(BIO *bio)
{
        char *data;
        long n = BIO_get_mem_data(bio, &data);
        char *s = xstrndup(data, (size_t)n);

        BIO_free(bio);
        return s;
}

/* A key and a certificate for it, both as PEM. */
static void make_pair(char **ret_cert, char **ret_key, const char *passphrase)
{
        EVP_PKEY *key = EVP_EC_gen("P-256");
        X509 *x = X509_new();
        BIO *cert_bio = BIO_new(BIO_s_mem()), *key_bio = BIO_new(BIO_s_mem());

        cr_assert(key && x && cert_bio && key_bio);
        X509_set_version(x, 2);
        X509_gmtime_adj(X509_getm_notBefore(x), 0);
        X509_gmtime_adj(X509_getm_notAfter(x), 3600);
        X509_set_pubkey(x, key);
        cr_assert(X509_sign(x, key, EVP_sha256()) > 0);
        cr_assert(PEM_write_bio_X509(cert_bio, x));
        cr_assert(PEM_write_bio_PrivateKey(key_bio, key, passphrase ? EVP_aes_128_cbc() : NULL,
                                           (const unsigned char *)passphrase, passphrase ? (int)strlen(passphrase) : 0,
                                           NULL, NULL));
        *ret_cert = text_of(cert_bio);
        *ret_key = text_of(key_bio);
        X509_free(x);
        EVP_PKEY_free(key);
}

static char *base64(const char *s)
{
        size_t n = strlen(s);
        char *out = xcalloc(n / 3 * 4 + 5, 1);

        EVP_EncodeBlock((unsigned char *)out, (const unsigned char *)s, (int)n);
        return out;
}

static char folder[] = "/tmp/vks-test-kubeconfig-XXXXXX";
static char *cert, *key, *other_cert, *other_key, *locked_cert, *locked_key, *cert64, *key64, *other_key64,
        *locked_key64;

static void write_file(const char *name, const char *text)
{
        FILE *f = fopen(name, "w");

        cr_assert(f && fputs(text, f) >= 0 && fclose(f) == 0);
}

static void set_up(void)
{
        make_pair(&cert, &key, NULL);
        make_pair(&other_cert, &other_key, NULL);
        make_pair(&locked_cert, &locked_key, "sesame");
        cert64 = base64(cert);
        key64 = base64(key);
        other_key64 = base64(other_key);
        locked_key64 = base64(locked_key);
        cr_assert(mkdtemp(folder) && chdir(folder) == 0);
        write_file("cert.pem", cert);
        write_file("key.pem", key);
        write_file("token", "abc.def\n");
}

static void tear_down(void)
{
        char **all[] = { &cert,       &key,    &other_cert, &other_key,   &locked_cert,
                         &locked_key, &cert64, &key64,      &other_key64, &locked_key64 };

        for (size_t i = 0; i < ARRAY_LEN(all); i++)
                free(*all[i]);
        unlink("cert.pem");
        unlink("key.pem");
        unlink("token");
        unlink("config");
        rmdir(folder);
}

TestSuite(kubeconfig, .init = set_up, .fini = tear_down);

/* A kubeconfig with these fields of the cluster and of the user, in flow style. */
static char *config(const char *cluster, const char *user)
{
        return xasprintf("apiVersion: v1\nkind: Config\ncurrent-context: here\n"
                         "contexts:\n- name: there\n  context: {cluster: a, user: b}\n- name: here\n  context: "
                         "{cluster: c, user: u}\n"
                         "clusters:\n- name: a\n  cluster: {}\n- name: c\n  cluster: {%s}\n"
                         "users:\n- name: b\n  user: {}\n- name: u\n  user: {%s}\n",
                         cluster, user);
}

static struct kubeconfig *parse(const char *cluster, const char *user, struct err *e)
{
        CLEANUP(freep) char *text = config(cluster, user);
        struct kubeconfig *k = NULL;

        *e = ERR_NONE;
        cr_expect_eq(kubeconfig_parse(text, strlen(text), folder, &k, e), e->code);
        return k;
}

static void refused(const char *cluster, const char *user, const char *why)
{
        struct err e;
        struct kubeconfig *k = parse(cluster, user, &e);

        cr_expect_null(k, "%s | %s", cluster, user);
        cr_expect_str_eq(e.text, why, "%s instead of %s", e.text, why);
        kubeconfig_free(k);
}

/* ---- what is taken ----------------------------------------------------------------------------------------------- */

Test(kubeconfig, everything_inline)
{
        CLEANUP(freep)
        char *cluster =
                xasprintf("server: 'https://h:6443/', tls-server-name: n, certificate-authority-data: %s", cert64);
        CLEANUP(freep) char *user = xasprintf("client-certificate-data: %s, client-key-data: %s", cert64, key64);
        struct err e;
        CLEANUP(kubeconfig_freep) struct kubeconfig *k = parse(cluster, user, &e);

        cr_assert_not_null(k, "%s", e.text);
        cr_expect_str_eq(k->server, "https://h:6443");
        cr_expect_str_eq(k->server_name, "n");
        cr_expect(streq(k->ca_pem, cert) && streq(k->cert_pem, cert) && streq(k->key_pem, key));
        cr_expect(!k->token && !k->token_file && !k->insecure);
}

Test(kubeconfig, files_are_relative_to_its_folder)
{
        CLEANUP(freep)
        char *text = config("server: 'https://h', certificate-authority: cert.pem",
                            "client-certificate: cert.pem, client-key: key.pem, tokenFile: token");
        CLEANUP(freep) char *path = xasprintf("%s/config", folder);
        CLEANUP(freep) char *token = xasprintf("%s/token", folder);
        CLEANUP(kubeconfig_freep) struct kubeconfig *k = NULL;
        struct err e;

        write_file("config", text);
        cr_assert_eq(chdir("/"), 0);
        cr_assert_eq(kubeconfig_load(path, &k, &e), 0, "%s", e.text);
        cr_expect(streq(k->ca_pem, cert) && streq(k->cert_pem, cert) && streq(k->key_pem, key));
        cr_expect_str_eq(k->token_file, token);
        cr_assert_eq(chdir(folder), 0);
}

Test(kubeconfig, one_file_may_hold_certificate_and_key)
{
        CLEANUP(freep) char *both = xasprintf("%s%s", key, cert);
        struct err e;
        struct kubeconfig *k;

        write_file("cert.pem", both);
        k = parse("server: 'https://h'", "client-certificate: cert.pem, client-key: cert.pem", &e);
        cr_expect_not_null(k, "%s", e.text);
        kubeconfig_free(k);
}

Test(kubeconfig, a_token_is_enough)
{
        struct err e;
        CLEANUP(kubeconfig_freep)
        struct kubeconfig *k = parse("server: 'https://h', insecure-skip-tls-verify: true", "token: abc", &e);

        cr_assert_not_null(k, "%s", e.text);
        cr_expect(streq(k->token, "abc") && k->insecure && !k->ca_pem);
}

Test(kubeconfig, a_token_file_wins_over_a_token)
{
        struct err e;
        CLEANUP(kubeconfig_freep)
        struct kubeconfig *k = parse("server: 'https://h'", "token: abc, tokenFile: token", &e);

        cr_assert_not_null(k, "%s", e.text);
        cr_expect(!k->token && k->token_file);
}

/* ---- what is refused, and how ------------------------------------------------------------------------------------ */

Test(kubeconfig, refusals_of_a_cluster_name_the_field)
{
        refused("", "token: a", "clusters[1].cluster.server: missing");
        refused("server: 7", "token: a", "clusters[1].cluster.server: not a string");
        refused("server: 'http://h'", "token: a", "clusters[1].cluster.server: not an https:// URL");
        refused("server: 'https:///x'", "token: a", "clusters[1].cluster.server: no host in it");
        refused("server: 'https://u@h'", "token: a", "clusters[1].cluster.server: not a URL of a server");
        refused("server: 'https://h?a'", "token: a", "clusters[1].cluster.server: not a URL of a server");
        refused("server: 'https://h', proxy-url: 'http://p'", "token: a",
                "clusters[1].cluster.proxy-url: not supported");
        refused("server: 'https://h', tls-server-name: 'a b'", "token: a",
                "clusters[1].cluster.tls-server-name: not a host name");
        refused("server: 'https://h', insecure-skip-tls-verify: 1", "token: a",
                "clusters[1].cluster.insecure-skip-tls-verify: neither true nor false");
        refused("server: 'https://h', insecure-skip-tls-verify: true, certificate-authority: cert.pem", "token: a",
                "clusters[1].cluster.insecure-skip-tls-verify: true, and yet a certificate authority is given");
        refused("server: 'https://h', certificate-authority-data: '%%'", "token: a",
                "clusters[1].cluster.certificate-authority-data: not base64");
        refused("server: 'https://h', certificate-authority-data: Zm9v", "token: a",
                "clusters[1].cluster.certificate-authority-data: no certificate in it that can be read");
        refused("server: 'https://h', certificate-authority: /none/ca", "token: a",
                "clusters[1].cluster.certificate-authority: /none/ca: No such file or directory");
}

Test(kubeconfig, refusals_of_a_user_name_the_field)
{
        const char *h = "server: 'https://h'";
        CLEANUP(freep)
        char *mismatch = xasprintf("client-certificate-data: %s, client-key-data: %s", cert64, other_key64);
        CLEANUP(freep)
        char *locked = xasprintf("client-certificate-data: %s, client-key-data: %s", cert64, locked_key64);
        CLEANUP(freep) char *swapped = xasprintf("client-certificate-data: %s, client-key-data: %s", key64, key64);
        CLEANUP(freep) char *no_key = xasprintf("client-certificate-data: %s, client-key-data: %s", cert64, cert64);

        refused(h, "", "users[1].user.client-certificate: missing, and so are token and tokenFile: no credentials");
        refused(h, "client-certificate: cert.pem",
                "users[1].user.client-key: missing, and client-certificate is given");
        refused(h, "client-key: key.pem", "users[1].user.client-certificate: missing, and client-key is given");
        refused(h, "client-certificate: cert.pem, client-key-data: 'x'", "users[1].user.client-key-data: not base64");
        refused(h, mismatch, "users[1].user.client-key-data: the key does not belong to the certificate");
        refused(h, locked, "users[1].user.client-key-data: the key is encrypted");
        refused(h, swapped, "users[1].user.client-certificate-data: no certificate in it that can be read");
        refused(h, no_key, "users[1].user.client-key-data: no private key in it that can be read");
        refused(h, "token: 'a b'", "users[1].user.token: not a token");
        refused(h, "tokenFile: /none/token", "users[1].user.tokenFile: /none/token: No such file or directory");
}

Test(kubeconfig, foreign_ways_to_be_somebody_are_refused_by_name)
{
        const char *h = "server: 'https://h'";

        refused(h, "exec: {command: aws}", "users[1].user.exec: credential plugins are not supported (\"aws\")");
        refused(h, "token: a, auth-provider: {name: gcp}", "users[1].user.auth-provider: not supported (\"gcp\")");
        refused(h, "token: a, username: x", "users[1].user.username: not supported");
        refused(h, "token: a, as: x", "users[1].user.as: not supported");
}

static void text_refused(const char *text, const char *why)
{
        struct kubeconfig *k = NULL;
        struct err e = ERR_NONE;

        cr_expect_lt(kubeconfig_parse(text, strlen(text), NULL, &k, &e), 0);
        cr_expect_str_eq(e.text, why);
        cr_expect_null(k);
}

Test(kubeconfig, its_frame_is_checked)
{
        text_refused("", "not a kubeconfig: no mapping");
        text_refused("a: 1", "current-context: missing");
        text_refused("kind: Pod\ncurrent-context: x", "kind: \"Pod\" instead of \"Config\"");
        text_refused("apiVersion: v2\ncurrent-context: x", "apiVersion: \"v2\" instead of \"v1\"");
        text_refused("current-context: x", "contexts: none is named \"x\", as current-context has it");
        text_refused("current-context: x\ncontexts: 1", "contexts: not a list");
        text_refused("current-context: x\ncontexts: [{name: x}]", "contexts[0].context: missing");
        text_refused("current-context: x\ncontexts: [{name: x, context: {cluster: c}}]",
                     "contexts[0].context.user: missing");
        text_refused("current-context: x\ncontexts: [{name: x, context: {cluster: c, user: u}}]",
                     "clusters: none is named \"c\", as contexts[0].context.cluster has it");
        text_refused("current-context: x\ncontexts: [{name: x, context: {cluster: c, user: u}}]\n"
                     "clusters: [{name: c, cluster: {server: 'https://h'}}]",
                     "users: none is named \"u\", as contexts[0].context.user has it");
        text_refused("current-context: [", "line 2: did not find expected node content");
}

Test(kubeconfig, a_missing_file_is_named)
{
        struct kubeconfig *k = NULL;
        struct err e;

        cr_expect_eq(kubeconfig_load("/none/kubeconfig", &k, &e), -ENOENT);
        cr_expect_str_eq(e.text, "/none/kubeconfig: No such file or directory");
}
