/* SPDX-License-Identifier: Apache-2.0 */
/* What a certificate is to say. */
#ifndef VKS_AGENT_CERTS_WISH_H
#define VKS_AGENT_CERTS_WISH_H

#include "common/base.h"

/* Lists are NULL-terminated; a NULL list is an empty one. All is borrowed. */
struct cert_wish {
        const char *common_name;          /* "system:node:NAME"; K3s' serving certificates have "NAME" */
        const char *const *organizations; /* "system:nodes"; exactly these, in any order */
        const char *const *dns;           /* subject alternative names: all of these, and perhaps more */
        const char *const *ips;           /* the same; numeric, without brackets and zone */
        bool serving; /* for a server (extended key usage serverAuth), not for a client (clientAuth) */
};

/* The same, owned. All zero: there is no wish yet, and common_name is NULL. */
struct cert_own_wish {
        char *common_name, **organizations, **dns, **ips;
        bool serving;
};

void cert_wish_keep(struct cert_own_wish *own, const struct cert_wish *wish); /* in the place of what was kept */
void cert_wish_forget(struct cert_own_wish *own);
struct cert_wish cert_wish_of(const struct cert_own_wish *own); /* borrows from it */

#endif
