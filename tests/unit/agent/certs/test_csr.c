/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <errno.h>

#include "agent/certs/csr.h"
#include "agent/lib/base64.h"
#include "agent/lib/json.h"
#include "common/mem.h"

static const char *const nodes[] = { "system:nodes", NULL };
static const struct cert_wish wish = { .common_name = "system:node:node1", .organizations = nodes };

Test(csr, asks_as_a_kubelet)
{
        static const struct {
                bool serving;
                const char *signer, *usage;
        } rows[] = { { false, "kubernetes.io/kube-apiserver-client-kubelet", "client auth" },
                     { true, "kubernetes.io/kubelet-serving", "server auth" } };

        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                CLEANUP(cert_request_freep) struct cert_request *r = NULL;
                CLEANUP(freep) char *usages = NULL;
                CLEANUP(freep) void *pem = NULL;
                const char *text;
                const cJSON *spec;
                cJSON *csr;
                size_t size;

                cr_assert_eq(cert_request_new(&wish, &r, NULL), 0);
                csr = csr_object(r, rows[i].serving);
                spec = json_get(csr, "spec");
                cr_expect_str_eq(json_str(csr, "apiVersion"), "certificates.k8s.io/v1");
                cr_expect_str_eq(json_str(csr, "kind"), "CertificateSigningRequest");
                cr_expect_str_eq(json_str(json_get(csr, "metadata"), "generateName"), "csr-");
                cr_expect_str_eq(json_str(spec, "signerName"), rows[i].signer);
                usages = cJSON_PrintUnformatted(json_get(spec, "usages"));
                cr_expect(strstr(usages, "[\"digital signature\",\"key encipherment\","), "%s", usages);
                cr_expect(strstr(usages, rows[i].usage), "%s", usages);
                text = json_str(spec, "request");
                cr_assert_eq(base64_decode(text, strlen(text), &pem, &size), 0);
                cr_expect_str_eq(pem, cert_request_pem(r));
                cJSON_Delete(csr);
        }
}

Test(csr, what_became_of_it)
{
#define APPROVED "{\"type\":\"Approved\",\"status\":\"True\",\"message\":\"yes\"}"
        static const struct {
                const char *status;
                enum csr_state state;
                const char *words;
        } rows[] = {
                { "{}", CSR_PENDING, "" },
                { "null", CSR_PENDING, "" },
                { "{\"conditions\":[]}", CSR_PENDING, "" },
                { "{\"conditions\":null,\"certificate\":\"QQ==\"}", CSR_PENDING, "" },
                { "{\"conditions\":[" APPROVED "]}", CSR_APPROVED, "" },
                { "{\"conditions\":[{\"type\":\"Approved\"}]}", CSR_APPROVED, "" },
                { "{\"conditions\":[{\"type\":\"Approved\",\"status\":\"False\"}]}", CSR_PENDING, "" },
                { "{\"conditions\":[" APPROVED "],\"certificate\":\"\"}", CSR_APPROVED, "" },
                { "{\"conditions\":[" APPROVED "],\"certificate\":\"QQ==\"}", CSR_SIGNED, "" },
                { "{\"conditions\":[{\"type\":\"Denied\",\"status\":\"True\",\"reason\":\"R\",\"message\":\"no\"}]}",
                  CSR_DENIED, "no" },
                { "{\"conditions\":[{\"type\":\"Denied\",\"reason\":\"R\"}]}", CSR_DENIED, "R" },
                { "{\"conditions\":[" APPROVED
                  ",{\"type\":\"Failed\",\"message\":\"short\"}],\"certificate\":\"QQ==\"}",
                  CSR_FAILED, "short" },
                { "{\"conditions\":[" APPROVED ",{\"type\":\"Denied\",\"message\":\"no\"},{\"type\":\"Failed\"}]}",
                  CSR_DENIED, "no" },
                { "{\"conditions\":[{\"type\":\"approved\"},\"Approved\",7]}", CSR_PENDING, "" },
        };

        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                CLEANUP(freep) char *text = xasprintf("{\"status\":%s}", rows[i].status);
                cJSON *csr = cJSON_Parse(text);
                const char *words = NULL;

                cr_assert_not_null(csr, "%s", text);
                cr_expect_eq(csr_state(csr, &words), rows[i].state, "%s", text);
                cr_expect_str_eq(words, rows[i].words, "%s", text);
                cJSON_Delete(csr);
        }
}

Test(csr, the_certificate_is_base64)
{
        CLEANUP(freep) char *text = NULL;
        cJSON *good = cJSON_Parse("{\"status\":{\"certificate\":\"YWJj\\n\"}}"), *bad;
        struct err e;
        size_t size;

        cr_assert_eq(csr_certificate(good, &text, &size, &e), 0);
        cr_expect_str_eq(text, "abc");
        cr_expect_eq(size, 3);
        bad = cJSON_Parse("{\"status\":{\"certificate\":\"-----BEGIN\"}}");
        cr_expect_eq(csr_certificate(bad, &text, &size, &e), -EBADMSG);
        cJSON_Delete(good);
        cJSON_Delete(bad);
}
