/* SPDX-License-Identifier: Apache-2.0 */
/* K3s' way to a certificate, once the node has one (k3s.h): the same question, asked with that. */
#ifndef VKS_AGENT_CERTS_K3S_SIGNER_H
#define VKS_AGENT_CERTS_K3S_SIGNER_H

#include <systemd/sd-event.h>

#include "agent/certs/signer.h"
#include "agent/client/kubeconfig.h"

/*
 * `server` is the supervisor's URL, where kubeconfig's authority and server name hold as for the API server. The node's
 * certificate and its word are read from the store `dir` for each question, since they change. `event` outlives the
 * signer; all signings are over or cancelled before it goes. -EINVAL when `server` is no URL. The
 * caller owns *ret.
 */
int k3s_signer_new(sd_event *event, const struct kubeconfig *kubeconfig, const char *server, const char *dir,
                   const char *node_name, struct signer **ret, struct err *e);
struct signer *k3s_signer_free(struct signer *s);

#endif
