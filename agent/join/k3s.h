/* SPDX-License-Identifier: Apache-2.0 */
/* The road of K3s: a token that names the authority, and a supervisor that signs (agent/certs/k3s.h). Blocks. */
#ifndef VKS_AGENT_JOIN_K3S_H
#define VKS_AGENT_JOIN_K3S_H

#include "agent/certs/request.h"
#include "agent/client/kubeconfig.h"
#include "agent/join/token.h"

struct k3s {
        struct kubeconfig *who;  /* the supervisor, verified */
        char *authorization;     /* the line of a header, secret */
        const char *node, *word; /* borrowed */
        const char *const *ips;  /* borrowed; NULL-terminated */
};

void k3s_done(struct k3s *k);

/*
 * Asks whoever answers at `url`, unverified, whether it is a K3s: 1 and the bundle of its authorities, 0 when it is
 * something else. *ret_ahead_s says by how much this machine's clock is ahead of the server's (0: not known). < 0 when
 * nobody answers.
 */
int k3s_find(const char *url, const char *server_name, char **ret_bundle, int64_t *ret_ahead_s, struct err *e);

/*
 * Believes that bundle if it is the one that the token means, and if the server has a certificate of it. A token
 * without a hash is taken as it is: the caller warns. -EKEYREJECTED.
 */
int k3s_trust(const char *url, const char *server_name, const char *bundle, const struct join_token *token,
              struct k3s *ret, struct err *e);

/* *ret is a text for agent/certs/store.h; the caller owns and wipes it. */
int k3s_certificate(const struct k3s *k, const struct cert_request *request, bool serving, char **ret, struct err *e);

/* The authority of the cluster's clients. The caller owns it. */
int k3s_client_ca(const struct k3s *k, char **ret, struct err *e);

/* The API server's URL: K3s has it at the supervisor's port, RKE2 and some others have not. The caller owns it. */
int k3s_api_server(const struct k3s *k, char **ret, struct err *e);

#endif
