/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A kubeconfig file (client-go tools/clientcmd/api/v1): the current context's server, and our credentials for it.
 * Certificates, keys and tokens may be inline (…-data, token) or files (relative to the kubeconfig's folder).
 */
#ifndef VKS_AGENT_CLIENT_KUBECONFIG_H
#define VKS_AGENT_CLIENT_KUBECONFIG_H

#include "common/base.h"
#include "common/err.h"

struct kubeconfig {
        char *server;      /* https://host:port, without a trailing slash */
        char *server_name; /* tls-server-name, or NULL */
        char *ca_pem;      /* NULL: the system's CAs */
        char *cert_pem;    /* NULL: no client certificate */
        char *key_pem;
        char *token;      /* NULL: none */
        char *token_file; /* NULL: none; read again every minute, since tokens rotate */
        bool insecure;    /* insecure-skip-tls-verify */
};

/* Reads and checks the whole file; errors name the field ("users[1].user.client-key-data: not base64"). The caller
 * owns *ret. */
int kubeconfig_load(const char *path, struct kubeconfig **ret, struct err *e);
int kubeconfig_parse(const char *text, size_t size, const char *folder, struct kubeconfig **ret, struct err *e);
struct kubeconfig *kubeconfig_free(struct kubeconfig *k); /* wipes key and token */
DEFINE_FREEP(struct kubeconfig, kubeconfig_free)

#endif
