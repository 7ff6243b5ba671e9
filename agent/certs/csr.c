/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/certs/csr.h"

#include <errno.h>
#include <openssl/evp.h>

#include "agent/lib/base64.h"
#include "agent/lib/json.h"
#include "common/mem.h"

static cJSON *must(cJSON *item)
{
        if (!item)
                abort();
        return item;
}

static char *to_base64(const char *text)
{
        size_t n = strlen(text);
        unsigned char *out = xcalloc(1, n / 3 * 4 + 5);

        EVP_EncodeBlock(out, (const unsigned char *)text, (int)n);
        return (char *)out;
}

cJSON *csr_object(const struct cert_request *r, bool serving)
{
        /* An elliptic key enciphers nothing, but approvers and signers before Kubernetes 1.23 want all three, and later
         * ones take them. */
        const char *const usages[] = { "digital signature", "key encipherment",
                                       serving ? "server auth" : "client auth" };
        CLEANUP(freep) char *request = to_base64(cert_request_pem(r));
        cJSON *root = must(cJSON_CreateObject()), *metadata, *spec;

        must(cJSON_AddStringToObject(root, "apiVersion", "certificates.k8s.io/v1"));
        must(cJSON_AddStringToObject(root, "kind", "CertificateSigningRequest"));
        metadata = must(cJSON_AddObjectToObject(root, "metadata"));
        must(cJSON_AddStringToObject(metadata, "generateName", "csr-"));
        spec = must(cJSON_AddObjectToObject(root, "spec"));
        must(cJSON_AddStringToObject(spec, "signerName",
                                     serving ? "kubernetes.io/kubelet-serving"
                                             : "kubernetes.io/kube-apiserver-client-kubelet"));
        must(cJSON_AddStringToObject(spec, "request", request));
        cJSON_AddItemToObject(spec, "usages", must(cJSON_CreateStringArray(usages, ARRAY_LEN(usages))));
        return root;
}

/* Conditions are true unless they say otherwise: before 1.20 they had no status. */
static const cJSON *condition(const cJSON *csr, const char *type)
{
        const cJSON *c;

        cJSON_ArrayForEach (c, json_get(json_get(csr, "status"), "conditions")) {
                const char *status = json_str(c, "status");

                if (streq(json_str(c, "type"), type) && (!status || !*status || streq(status, "True")))
                        return c;
        }
        return NULL;
}

static const char *words_of(const cJSON *c)
{
        const char *message = json_str(c, "message"), *reason = json_str(c, "reason");

        if (message && *message)
                return message;
        return reason ? reason : "";
}

static const char *certificate_of(const cJSON *csr)
{
        const char *text = json_str(json_get(csr, "status"), "certificate");

        return text && *text ? text : NULL;
}

enum csr_state csr_state(const cJSON *csr, const char **ret_words)
{
        const cJSON *denied = condition(csr, "Denied"), *failed = condition(csr, "Failed");

        *ret_words = words_of(denied ? denied : failed);
        if (denied)
                return CSR_DENIED;
        if (failed)
                return CSR_FAILED;
        if (!condition(csr, "Approved"))
                return CSR_PENDING; /* what is signed without that is nobody's decision */
        return certificate_of(csr) ? CSR_SIGNED : CSR_APPROVED;
}

int csr_certificate(const cJSON *csr, char **ret, size_t *ret_size, struct err *e)
{
        const char *text = certificate_of(csr);
        void *bytes = NULL;

        if (!text || base64_decode(text, strlen(text), &bytes, ret_size) < 0)
                return err_set(e, -EBADMSG, NULL, "the API server has a certificate that is not base64");
        *ret = bytes;
        return 0;
}
