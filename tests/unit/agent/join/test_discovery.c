/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <errno.h>

#include "agent/join/discovery.h"
#include "agent/lib/json.h"
#include "common/mem.h"
#include "tests/unit/agent/join/authorities.h"

static const struct join_token token = { .is_bootstrap = true, .id = "abcdef", .secret = "0123456789abcdef" };

/* kube-public/cluster-info; NULL: without that field. */
static cJSON *info(const char *kubeconfig, const char *signature)
{
        cJSON *o = cJSON_CreateObject(), *data = cJSON_AddObjectToObject(o, "data");

        if (kubeconfig)
                cJSON_AddStringToObject(data, "kubeconfig", kubeconfig);
        if (signature)
                cJSON_AddStringToObject(data, "jws-kubeconfig-abcdef", signature);
        return o;
}

static int check(const char *kubeconfig, const char *signature, const struct join_token *t, const char *pin,
                 struct discovered *ret)
{
        char pins[1][SHA256_HEX_LEN + 1] = { "" };
        cJSON *o = info(kubeconfig, signature);
        struct err e = ERR_NONE;
        int r;

        if (pin)
                strcpy(pins[0], pin); /* NOLINT: both are ours */
        r = discovery_check(o, t, (const char(*)[SHA256_HEX_LEN + 1]) pins, pin ? 1 : 0, ret, &e);
        cr_assert_eq(r < 0, *e.text != '\0', "%s", e.text);
        cr_assert_null(strstr(e.text, t->secret), "%s", e.text);
        cJSON_Delete(o);
        return r;
}

Test(discovery, kubeadms_cluster_info)
{
        struct discovered d;

        cr_assert_eq(check(KUBECONFIG(ROOT_BASE64), SIGNATURE, &token, ROOT_PIN, &d), 0);
        cr_assert_str_eq(d.server, "https://192.0.2.1:6443");
        cr_assert_str_eq(d.ca_pem, root_pem);
        discovered_done(&d);
        cr_assert_eq(check(KUBECONFIG(ROOT_BASE64), SIGNATURE, &token, NULL, &d), 0);
        discovered_done(&d);
}

Test(discovery, what_is_not_proven_is_not_believed)
{
        static const struct join_token other = { .is_bootstrap = true, .id = "abcdef", .secret = "0123456789abcdee" };
        static const char good[] = KUBECONFIG(ROOT_BASE64), changed[] = KUBECONFIG(ROOT_BASE64) " ";
        const struct {
                const char *kubeconfig, *signature, *pin;
                const struct join_token *token;
                int result;
        } rows[] = {
                { good, SIGNATURE, NAMESAKE_PIN, &token, -EKEYREJECTED },
                { good, SIGNATURE, ROOT_FILE, &token, -EKEYREJECTED },
                { good, SIGNATURE, ROOT_PIN, &other, -EKEYREJECTED },
                { changed, SIGNATURE, ROOT_PIN, &token, -EKEYREJECTED },
                { good, SIGNATURE_384, ROOT_PIN, &token, -EKEYREJECTED },
                { good, SIGNATURE_KID, ROOT_PIN, &token, -EKEYREJECTED },
                { good, "", ROOT_PIN, &token, -EKEYREJECTED },
                { good, "..", ROOT_PIN, &token, -EKEYREJECTED },
                { good, "e30..", ROOT_PIN, &token, -EKEYREJECTED },
                { good, "eyJhbGciOiJub25lIiwia2lkIjoiYWJjZGVmIn0..", ROOT_PIN, &token, -EKEYREJECTED }, /* alg: none */
                { good, SIGNATURE "A", ROOT_PIN, &token, -EKEYREJECTED },
                { good, SIGNATURE "=", ROOT_PIN, &token, -EKEYREJECTED },
                { good, NULL, ROOT_PIN, &token, -ENOKEY },
                { NULL, SIGNATURE, ROOT_PIN, &token, -EBADMSG },
        };

        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct discovered d;

                cr_assert_eq(check(rows[i].kubeconfig, rows[i].signature, rows[i].token, rows[i].pin, &d),
                             rows[i].result, "%zu", i);
                cr_assert_null(d.server);
                cr_assert_null(d.ca_pem);
        }
}

static void assert_hash(const char *bundle, const char *want)
{
        char got[SHA256_HEX_LEN + 1];
        struct err e = ERR_NONE;

        cr_assert_eq(discovery_bundle_hash(bundle, strlen(bundle), got, &e), 0, "%s", e.text);
        cr_assert_str_eq(got, want);
}

Test(discovery, k3s_hashes)
{
        CLEANUP(freep) char *chain = xasprintf("%s%s", intermediate_pem, root_pem);
        CLEANUP(freep) char *with_text = xasprintf("# a comment\n%s%s", intermediate_pem, root_pem);
        CLEANUP(freep) char *with_another = xasprintf("%s%s%s", intermediate_pem, namesake_pem, root_pem);

        assert_hash(root_pem, ROOT_FILE);
        assert_hash(chain, ROOT_DER);
        assert_hash(with_text, ROOT_DER);
        assert_hash(with_another, ROOT_DER); /* who only has the name has signed nothing */
}

Test(discovery, a_bundle_has_certificates_and_nothing_else)
{
        static const char key[] = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
        CLEANUP(freep) char *with_key = xasprintf("%s%s", root_pem, key);
        const char *const rows[] = { "", "nothing", key, with_key,
                                     "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n" };

        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                char got[SHA256_HEX_LEN + 1];
                struct err e = ERR_NONE;

                cr_assert_eq(discovery_bundle_hash(rows[i], strlen(rows[i]), got, &e), -EBADMSG, "%zu", i);
                cr_assert(*e.text);
        }
}

Test(discovery, who_signed)
{
        CLEANUP(freep) char *both = xasprintf("%s%s", namesake_pem, root_pem);

        cr_assert(discovery_signed_by(intermediate_pem, root_pem));
        cr_assert(discovery_signed_by(intermediate_pem, both));
        cr_assert(!discovery_signed_by(intermediate_pem, namesake_pem));
        cr_assert(!discovery_signed_by(root_pem, intermediate_pem));
        cr_assert(!discovery_signed_by("", root_pem));
        cr_assert(!discovery_signed_by(intermediate_pem, ""));
}
