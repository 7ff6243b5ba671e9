/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an operator was given to bring a machine into a cluster. Pure.
 *
 * kubeadm's bootstrap token is "abcdef.0123456789abcdef": an id that may be known and a secret
 * (k8s.io/cluster-bootstrap token/util). K3s' tokens are "K10<sha256 of its CA>::<user>:<password>", where the part
 * behind "::" may be a bootstrap token as well; "<user>:<password>" and a bare password are short forms that say
 * nothing of the CA (docs.k3s.io, cli/token).
 */
#ifndef VKS_AGENT_JOIN_TOKEN_H
#define VKS_AGENT_JOIN_TOKEN_H

#include "common/err.h"

enum { TOKEN_ID_LEN = 6, TOKEN_SECRET_LEN = 16, TOKEN_PASSWORD_MAX = 1024, SHA256_HEX_LEN = 64 };

struct join_token {
        bool is_bootstrap;                     /* id and secret, else a password */
        char id[TOKEN_ID_LEN + 1];             /* may be shown */
        char secret[TOKEN_SECRET_LEN + 1];     /* may not */
        char password[TOKEN_PASSWORD_MAX + 1]; /* K3s', may not be shown */
        char ca_hash[SHA256_HEX_LEN + 1];      /* lower case; "": the token says nothing of the CA */
};

/* White space around it does not count. -EINVAL, in words that never show a part of the token. */
int join_token_parse(const char *text, struct join_token *ret, struct err *e);

/* "sha256:<64 hex digits>", kubeadm's --discovery-token-ca-cert-hash, into the digits in lower case. -EINVAL. */
int join_pin_parse(const char *text, char ret[SHA256_HEX_LEN + 1], struct err *e);

#endif
