/* SPDX-License-Identifier: Apache-2.0 */
/*
 * May this server's word about its own certificate authority be believed? It comes over a connection that is not
 * verified yet, so it has to carry its proof. Pure.
 */
#ifndef VKS_AGENT_JOIN_DISCOVERY_H
#define VKS_AGENT_JOIN_DISCOVERY_H

#include <cjson/cJSON.h>

#include "agent/join/token.h"

struct discovered {
        char *server; /* https://host:port, as the cluster calls it */
        char *ca_pem;
};

void discovered_done(struct discovered *d);

/*
 * `configmap` is kube-public/cluster-info as kubeadm makes it: a kubeconfig without a user, and for each bootstrap
 * token a signature of it (k8s.io/cluster-bootstrap token/jws: HS256 by the token's secret, detached). Checked are
 * that signature, and that one of the kubeconfig's authorities has a public key (SubjectPublicKeyInfo) with one of
 * the `pins` as its sha256; n_pins of 0 leaves the second out. -EKEYREJECTED when it is not what the token says,
 * -ENOKEY when the cluster knows no such token, -EBADMSG when it is no cluster-info.
 */
int discovery_check(const cJSON *configmap, const struct join_token *token, const char (*pins)[SHA256_HEX_LEN + 1],
                    size_t n_pins, struct discovered *ret, struct err *e);

/*
 * K3s' sha256 of what its /cacerts answers: of a single certificate the file's own bytes; of more than one the root
 * of the first, in DER, so that a renewed intermediate changes no token. -EBADMSG when it holds no certificate, or
 * something else than certificates.
 */
int discovery_bundle_hash(const char *pem, size_t size, char ret[SHA256_HEX_LEN + 1], struct err *e);

/* Has one of these authorities signed that certificate (the first of `cert_pem`)? Validity in time is not asked. */
bool discovery_signed_by(const char *cert_pem, const char *ca_pem);

#endif
