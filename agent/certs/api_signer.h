/* SPDX-License-Identifier: Apache-2.0 */
/* The API server's way to a certificate: a CertificateSigningRequest, which is watched until it is decided. */
#ifndef VKS_AGENT_CERTS_API_SIGNER_H
#define VKS_AGENT_CERTS_API_SIGNER_H

#include "agent/certs/signer.h"
#include "agent/client/api.h"

/* `event` and `api` outlive the signer; all signings are over or cancelled before it goes. The caller owns the result.
 */
struct signer *api_signer_new(sd_event *event, struct api *api);
struct signer *api_signer_free(struct signer *s);

#endif
