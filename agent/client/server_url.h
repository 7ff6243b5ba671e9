/* SPDX-License-Identifier: Apache-2.0 */
/* A server's URL, and a server that goes by another name than the URL's host (kubeconfig: tls-server-name). Pure. */
#ifndef VKS_AGENT_CLIENT_SERVER_URL_H
#define VKS_AGENT_CLIENT_SERVER_URL_H

#include "common/err.h"

/*
 * With `name` (NULL: none) the URL gets that as its host, so that curl asks for it and checks it, and *ret_connect_to
 * is the real "HOST:PORT"; else it is NULL. *ret_url has no trailing slash. -EINVAL when it is no URL. The caller owns
 * both.
 */
int server_url_named(const char *url, const char *name, char **ret_url, char **ret_connect_to, struct err *e);

/*
 * "https://[::1]:6443/path" -> "::1" and "6443"; without a port the scheme's own. -EINVAL when it is no URL, and then
 * neither is set. The caller owns both.
 */
int server_url_split(const char *url, char **ret_host, char **ret_port, struct err *e);

/* The same server at another port; NULL when it is no URL. The caller owns it. */
char *server_url_port(const char *url, uint16_t port);

#endif
