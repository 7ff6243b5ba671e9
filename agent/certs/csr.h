/* SPDX-License-Identifier: Apache-2.0 */
/* Kubernetes' CertificateSigningRequest (certificates.k8s.io/v1): what is asked, and what became of it. Pure. */
#ifndef VKS_AGENT_CERTS_CSR_H
#define VKS_AGENT_CERTS_CSR_H

#include <cjson/cJSON.h>

#include "agent/certs/request.h"

#define CSR_PATH "/apis/certificates.k8s.io/v1/certificatesigningrequests"

enum csr_state {
        CSR_PENDING,  /* nobody has decided */
        CSR_APPROVED, /* the certificate is not there yet */
        CSR_SIGNED,
        CSR_DENIED,
        CSR_FAILED, /* approved, and the signer cannot or will not */
};

/*
 * The object to post, as a kubelet's: its name is the API server's choice, its signer that of kubelets' certificates
 * for clients (kubernetes.io/kube-apiserver-client-kubelet) or for servers (kubernetes.io/kubelet-serving). The caller
 * owns it.
 */
cJSON *csr_object(const struct cert_request *r, bool serving);

/* Denied and failed win over what else the object says. *ret_words is the approver's or the signer's message, borrowed
 * from the object; "" where there is none. */
enum csr_state csr_state(const cJSON *csr, const char **ret_words);

/* The certificate of a signed one: PEM, never empty, the caller owns it. -EBADMSG when it is not base64. */
int csr_certificate(const cJSON *csr, char **ret, size_t *ret_size, struct err *e);

#endif
