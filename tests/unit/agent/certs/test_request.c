/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "agent/certs/request.h"
#include "tests/unit/agent/certs/authority.h"

static const char *const nodes[] = { "system:nodes", NULL };
static const char *const hosts[] = { "node1", "node1.example.org", NULL };
static const char *const addresses[] = { "192.0.2.10", "2001:db8::10", NULL };

static const struct cert_wish client = { .common_name = "system:node:node1", .organizations = nodes };
static const struct cert_wish serving = {
        .common_name = "system:node:node1", .organizations = nodes, .dns = hosts, .ips = addresses, .serving = true
};

static struct cert_request *new_request(const struct cert_wish *wish)
{
        struct cert_request *r = NULL;
        struct err e = ERR_NONE;

        cr_assert_eq(cert_request_new(wish, &r, &e), 0, "%s", e.text);
        return r;
}

/* ---- requests ---------------------------------------------------------------------------------------------------- */

Test(request, says_what_was_wished)
{
        CLEANUP(cert_request_freep) struct cert_request *r = new_request(&serving);
        X509_REQ *q = authority_request(r);
        BIO *b = BIO_new(BIO_s_mem());
        char *text;
        long n;

        cr_assert_eq(X509_REQ_verify(q, X509_REQ_get0_pubkey(q)), 1);
        cr_assert(X509_REQ_print_ex(b, q, XN_FLAG_ONELINE, 0));
        n = BIO_get_mem_data(b, &text);
        text = xstrndup(text, (size_t)n);
        cr_expect(strstr(text, "O = system:nodes, CN = system:node:node1"), "%s", text);
        cr_expect(strstr(text,
                         "DNS:node1, DNS:node1.example.org, IP Address:192.0.2.10, IP Address:2001:DB8:0:0:0:0:0:10"),
                  "%s", text);
        cr_expect(strstr(text, "P-256"), "%s", text);
        cr_expect(starts_with(cert_request_pem(r), "-----BEGIN CERTIFICATE REQUEST-----"));
        cr_expect(!strstr(cert_request_pem(r), "PRIVATE"));
        free(text);
        BIO_free(b);
        X509_REQ_free(q);
}

Test(request, each_has_a_key_of_its_own)
{
        CLEANUP(cert_request_freep) struct cert_request *a = new_request(&client), *b = new_request(&client);
        CLEANUP(freep) char *answer = authority_sign(a, &(struct signature){ 0 });
        CLEANUP(cert_wipep) char *pair = NULL;
        struct err e;

        cr_expect_eq(cert_request_accept(b, answer, strlen(answer), NOW * USEC, &pair, NULL, &e), -EACCES);
        cr_expect_str_eq(e.text, "the certificate is for another key than the one that was made here");
}

Test(request, wishes_that_are_none)
{
        static const char *const empty[] = { "", NULL }, *const space[] = { "a b", NULL };
        static const char *const scope[] = { "fe80::1%eth0", NULL }, *const brackets[] = { "[::1]", NULL };
        const char *const long_name = "0123456789012345678901234567890123456789012345678901234567890123x";
        const struct cert_wish wishes[] = {
                { 0 },
                { .common_name = "" },
                { .common_name = long_name },
                { .common_name = "a\nb" },
                { .common_name = "a", .organizations = empty },
                { .common_name = "a", .dns = space },
                { .common_name = "a", .ips = empty },
                { .common_name = "a", .ips = scope },
                { .common_name = "a", .ips = brackets },
        };
        struct cert_request *r = NULL;

        for (size_t i = 0; i < ARRAY_LEN(wishes); i++) {
                struct err e = ERR_NONE;

                cr_expect_eq(cert_request_new(&wishes[i], &r, &e), -EINVAL, "%zu", i);
                cr_expect(starts_with(e.text, "a certificate cannot "), "%s", e.text);
        }
}

/* ---- answers ----------------------------------------------------------------------------------------------------- */

static int accept_text(const struct cert_request *r, const char *text, char **pair, struct cert_life *life,
                       struct err *e)
{
        return cert_request_accept(r, text, strlen(text), NOW * USEC, pair, life, e);
}

Test(answer, becomes_a_pair)
{
        CLEANUP(cert_request_freep) struct cert_request *r = new_request(&client);
        CLEANUP(freep) char *answer = authority_sign(r, &(struct signature){ 0 });
        CLEANUP(freep) char *noisy = xasprintf("subject=anything\n%sand behind it\n", answer);
        CLEANUP(cert_wipep) char *pair = NULL, *again = NULL;
        struct cert_life life;
        struct cert_facts facts;
        struct err e;

        cr_assert_eq(accept_text(r, answer, &pair, &life, &e), 0, "%s", e.text);
        cr_expect(starts_with(pair, answer), "the chain is as it came");
        cr_expect(starts_with(pair + strlen(answer), "-----BEGIN PRIVATE KEY-----"));
        cr_expect_eq(life.not_before, (NOW - 300) * USEC);
        cr_expect_eq(life.not_after, (NOW + 86400 + 1) * USEC, "the last second is in it");
        cr_assert_eq(cert_facts_read(pair, strlen(pair), &facts, &e), 0, "%s", e.text);
        cr_expect_eq(memcmp(&facts.life, &life, sizeof(life)), 0);
        cr_expect_str_eq(facts.common_name, "system:node:node1");
        cr_expect(!facts.self_signed);
        cr_assert_eq(accept_text(r, noisy, &again, NULL, &e), 0);
        cr_expect_str_eq(again, pair, "text between the blocks is left out");
}

Test(answer, names_beyond_those_wished_are_fine)
{
        CLEANUP(cert_request_freep) struct cert_request *r = new_request(&serving);
        const struct signature s = { .usage = "serverAuth",
                                     .names = "DNS:more,DNS:NODE1,DNS:node1.example.org,IP:127.0.0.1,IP:192.0.2.10,"
                                              "IP:2001:db8::10" };
        CLEANUP(freep) char *answer = authority_sign(r, &s);
        CLEANUP(cert_wipep) char *pair = NULL;
        struct err e = ERR_NONE;

        cr_expect_eq(accept_text(r, answer, &pair, NULL, &e), 0, "%s", e.text);
}

Test(answer, hostile_certificates)
{
        static const struct {
                const char *what;
                struct signature s;
                bool serving;
                int code;
                const char *text;
        } rows[] = {
                { "another node's name",
                  { .common_name = "system:node:node2", .organization = "system:nodes" },
                  false,
                  -EACCES,
                  "the certificate is for \"O = system:nodes, CN = system:node:node2\", and not for system:node:node1 "
                  "in system:nodes" },
                { "a longer name",
                  { .common_name = "system:node:node11", .organization = "system:nodes" },
                  false,
                  -EACCES,
                  "and not for" },
                { "another group",
                  { .common_name = "system:node:node1", .organization = "system:masters" },
                  false,
                  -EACCES,
                  "system:masters" },
                { "one group more", { .extra_organization = "system:masters" }, false, -EACCES, "system:masters" },
                { "no group", { .common_name = "system:node:node1" }, false, -EACCES, "and not for" },
                { "no name", { .organization = "system:nodes" }, false, -EACCES, "and not for" },
                { "a server's", { .usage = "serverAuth" }, false, -EACCES, "not for a client" },
                { "a client's", { .usage = "clientAuth" }, true, -EACCES, "not for a server" },
                { "of no use", { .usage = "" }, false, -EACCES, "not for a client" },
                { "for nothing but mail", { .usage = "emailProtection" }, false, -EACCES, "not for a client" },
                { "a key that may not sign", { .key_usage = "keyEncipherment" }, false, -EACCES, "may not sign" },
                { "an authority's", { .constraints = "critical,CA:TRUE" }, false, -EACCES, "one of an authority" },
                { "no addresses", { .usage = "serverAuth", .names = "" }, true, -EACCES, "not for the host node1" },
                { "one address less",
                  { .usage = "serverAuth", .names = "DNS:node1,DNS:node1.example.org,IP:192.0.2.10" },
                  true,
                  -EACCES,
                  "not for the address 2001:db8::10" },
                { "a wildcard",
                  { .usage = "serverAuth", .names = "DNS:node1,DNS:*.example.org,IP:192.0.2.10,IP:2001:db8::10" },
                  true,
                  -EACCES,
                  "not for the host node1.example.org" },
                { "tomorrow's", { .from = 86400, .to = 2 * 86400 }, false, -ETIME, "not valid yet for 86401 s" },
                { "yesterday's", { .from = -2 * 86400, .to = -86400 }, false, -ETIME, "has expired since 86399 s" },
        };

        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                CLEANUP(cert_request_freep) struct cert_request *r = new_request(rows[i].serving ? &serving : &client);
                CLEANUP(freep) char *answer = authority_sign(r, &rows[i].s);
                char *pair = NULL;
                struct err e = ERR_NONE;

                cr_expect_eq(accept_text(r, answer, &pair, NULL, &e), rows[i].code, "%s", rows[i].what);
                cr_expect(strstr(e.text, rows[i].text), "%s: %s", rows[i].what, e.text);
                cr_expect_null(pair);
        }
}

Test(answer, the_moments_at_which_it_begins_and_ends)
{
        CLEANUP(cert_request_freep) struct cert_request *r = new_request(&client);
        CLEANUP(freep) char *answer = authority_sign(r, &(struct signature){ .from = -60, .to = 60 });
        static const struct {
                int64_t usec;
                int code;
        } rows[] = { { -60000001, -ETIME }, { -60000000, 0 }, { 60999999, 0 }, { 61000000, -ETIME } };

        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                CLEANUP(cert_wipep) char *pair = NULL;
                uint64_t now = NOW * USEC + (uint64_t)rows[i].usec;

                cr_expect_eq(cert_request_accept(r, answer, strlen(answer), now, &pair, NULL, NULL), rows[i].code,
                             "%zu", i);
        }
}

static char *private_key(const char *type)
{
        EVP_PKEY *key = EVP_EC_gen("P-256");
        BIO *b = BIO_new(BIO_s_mem());
        char *data, *text;
        long n;

        if (streq(type, "EC"))
                cr_assert(PEM_write_bio_PrivateKey_traditional(b, key, NULL, NULL, 0, NULL, NULL));
        else
                cr_assert(PEM_write_bio_PrivateKey(b, key, NULL, NULL, 0, NULL, NULL));
        n = BIO_get_mem_data(b, &data);
        text = xstrndup(data, (size_t)n);
        BIO_free(b);
        EVP_PKEY_free(key);
        return text;
}

Test(answer, with_a_private_key)
{
        CLEANUP(cert_request_freep) struct cert_request *r = new_request(&client);
        CLEANUP(freep) char *answer = authority_sign(r, &(struct signature){ 0 });
        CLEANUP(freep) char *plain = private_key(""), *ec = private_key("EC");
        char *texts[] = { xasprintf("%s%s", answer, plain), xasprintf("%s%s", plain, answer),
                          xasprintf("%s%s", answer, ec), xasprintf("%s-----BEGIN RSA PRIVATE KEY-----", answer), ec };

        for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
                char *pair = NULL;
                struct err e = ERR_NONE;

                cr_expect_eq(accept_text(r, texts[i], &pair, NULL, &e), -EACCES, "%zu", i);
                cr_expect(strstr(e.text, "holds a private key"), "%s", e.text);
                cr_expect_null(pair);
                if (texts[i] != ec)
                        free(texts[i]);
        }
}

Test(answer, what_is_none)
{
        CLEANUP(cert_request_freep) struct cert_request *r = new_request(&client);
        CLEANUP(freep) char *good = authority_sign(r, &(struct signature){ 0 });
        CLEANUP(freep) char *leaf = authority_sign(r, &(struct signature){ .only_leaf = true });
        CLEANUP(freep) char *cut = xstrndup(good, strlen(good) - 40), *garbled = xstrdup(good);
        CLEANUP(freep)
        char *nine = xasprintf("%s%s%s%s%s%s%s%s%s", leaf, leaf, leaf, leaf, leaf, leaf, leaf, leaf, leaf);
        CLEANUP(freep) char *request = xasprintf("%s%s", leaf, cert_request_pem(r));
        CLEANUP(freep) char *big = xcalloc(1, CERT_ANSWER_MAX + 1), *pair = NULL;
        struct {
                const char *text, *words;
        } rows[] = {
                { "", "no certificate is in it" },
                { "{\"kind\":\"Status\"}", "no certificate is in it" },
                { "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
                  "certificate 1 in it cannot be read" },
                { "-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n", "cut or garbled" },
                { cut, "cut or garbled" },
                { garbled, "certificate 1 in it cannot be read" },
                { nine, "more than 8 certificates" },
                { request, "a block \"CERTIFICATE REQUEST\" is in it" },
        };
        struct err e;

        memset(garbled + strlen("-----BEGIN CERTIFICATE-----\n"), 'A', 4);
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                e = ERR_NONE;
                cr_expect_eq(accept_text(r, rows[i].text, &pair, NULL, &e), -EINVAL, "%zu", i);
                cr_expect(strstr(e.text, rows[i].words), "%zu: %s", i, e.text);
        }
        cr_expect_eq(cert_request_accept(r, big, CERT_ANSWER_MAX + 1, NOW * USEC, &pair, NULL, &e), -EFBIG);
        cr_expect_eq(cert_request_accept(r, big, CERT_ANSWER_MAX, NOW * USEC, &pair, NULL, &e), -EINVAL);
        cr_expect_null(pair);
}

/* The authority's own first: the leaf is not looked for. */
Test(answer, the_first_certificate_is_the_one)
{
        CLEANUP(cert_request_freep) struct cert_request *r = new_request(&client);
        CLEANUP(freep) char *answer = authority_sign(r, &(struct signature){ 0 });
        const char *second = strstr(answer + 1, "-----BEGIN");
        CLEANUP(freep) char *turned = xasprintf("%s%.*s", second, (int)(second - answer), answer), *pair = NULL;

        cr_expect_eq(accept_text(r, turned, &pair, NULL, NULL), -EACCES);
        cr_expect_null(pair);
}

/* ---- what was stored --------------------------------------------------------------------------------------------- */

Test(stored, self_signed)
{
        CLEANUP(cert_request_freep) struct cert_request *r = new_request(&serving);
        CLEANUP(cert_wipep) char *pair = NULL;
        struct cert_facts facts;
        struct err e = ERR_NONE;

        cr_assert_eq(cert_request_self_sign(r, NOW * USEC, &pair, &e), 0, "%s", e.text);
        cr_assert_eq(cert_facts_read(pair, strlen(pair), &facts, &e), 0, "%s", e.text);
        cr_expect(facts.self_signed);
        cr_expect_str_eq(facts.common_name, "system:node:node1");
        cr_expect_eq(facts.life.not_before, (NOW - 3600) * USEC);
        cr_expect_eq(facts.life.not_after, (NOW + 365 * 86400 + 1) * USEC);
        cr_expect_eq(cert_fits(pair, strlen(pair), &serving, &e), 1, "%s", e.text);
}

Test(stored, fits_until_an_address_changes)
{
        static const char *const other[] = { "192.0.2.10", "2001:db8::11", NULL };
        CLEANUP(cert_request_freep) struct cert_request *r = new_request(&serving);
        CLEANUP(freep) char *answer = authority_sign(r, &(struct signature){ .usage = "serverAuth" });
        CLEANUP(cert_wipep) char *pair = NULL;
        struct cert_wish changed = serving;
        struct err e = ERR_NONE;

        cr_assert_eq(accept_text(r, answer, &pair, NULL, &e), 0, "%s", e.text);
        cr_expect_eq(cert_fits(pair, strlen(pair), &serving, &e), 1);
        changed.ips = other;
        cr_expect_eq(cert_fits(pair, strlen(pair), &changed, &e), 0);
        cr_expect_str_eq(e.text, "the certificate is not for the address 2001:db8::11");
        cr_expect_eq(cert_fits(pair, strlen(pair), &client, &e), 0, "a server's is no client's");
        cr_expect_eq(cert_fits("x", 1, &client, &e), -EINVAL);
}

Test(stored, a_pair_that_is_none)
{
        CLEANUP(cert_request_freep) struct cert_request *r = new_request(&client);
        CLEANUP(freep) char *leaf = authority_sign(r, &(struct signature){ .only_leaf = true });
        CLEANUP(freep) char *key = private_key(""), *foreign = xasprintf("%s%s", leaf, key);
        CLEANUP(freep) char *nobody = authority_sign(r, &(struct signature){ .organization = "system:nodes" });
        CLEANUP(freep) char *nameless = NULL;
        struct cert_facts facts;
        struct err e;

        cr_expect_eq(cert_facts_read("", 0, &facts, &e), -EINVAL);
        cr_expect_str_eq(e.text, "no certificate in it that can be read");
        cr_expect_eq(cert_facts_read(leaf, strlen(leaf), &facts, &e), -EINVAL);
        cr_expect_str_eq(e.text, "no private key in it that belongs to the certificate");
        cr_expect_eq(cert_facts_read(foreign, strlen(foreign), &facts, &e), -EINVAL);
        nameless = xasprintf("%s%s", nobody, key);
        cr_expect_eq(cert_facts_read(nameless, strlen(nameless), &facts, &e), -EINVAL);
        cr_expect_str_eq(e.text, "the certificate does not have one common name");
}
