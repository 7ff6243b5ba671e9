/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How K3s signs a node's certificates: its supervisor, at the API server's own port, answers a POST of a request in DER
 * with the certificate and who signed it (as a K3s 1.36.3 did). The node's name and addresses are headers, and so is a
 * word that the node has made up at the first time: K3s keeps a hash of it in the Secret NAME.node-password.k3s of
 * kube-system, so that nobody else gets certificates of that name. Pure.
 */
#ifndef VKS_AGENT_CERTS_K3S_H
#define VKS_AGENT_CERTS_K3S_H

#include "common/err.h"

#define K3S_CLIENT_PATH  "/v1-k3s/client-kubelet.crt"
#define K3S_SERVING_PATH "/v1-k3s/serving-kubelet.crt"

enum { K3S_HEADERS = 4 };

/* The lines "Name: value" of a request, as curl takes them. `ips` is NULL-terminated and has the primary one first. The
 * caller frees each of ret[], and wipes it: the word is in one of them. */
void k3s_headers(const char *node, const char *word, const char *const *ips, char *ret[K3S_HEADERS]);
void k3s_headers_done(char *lines[K3S_HEADERS]);

/*
 * What an answer with this status and body means: 0 for 200, -EACCES for 401 and 403, else -EIO, in words that say what
 * to do. `renewal`: asked with the node's certificate, not with a token.
 */
int k3s_judge(long status, const char *body, const char *node, bool renewal, struct err *e);

#endif
