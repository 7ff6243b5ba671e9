/* SPDX-License-Identifier: Apache-2.0 */
/*
 * K3s' tunnel: its API server reaches the kubelet API of a node through a connection that the node has opened, so that
 * `kubectl logs` and `exec` work behind NAT and with K3s' default flags. The node speaks WebSocket with its client
 * certificate to https://SUPERVISOR/v1-k3s/connect, and the server's wishes for connections come in there (message.h).
 * Each becomes a connection to this node's own kubelet API (link.h), which asks for a certificate and for rights as it
 * does of everybody: the tunnel itself opens nothing.
 *
 * A connection that breaks is begun anew, after 1 s and at most every 60 s. One server is spoken to: the supervisor
 * that signs this node's certificates.
 */
#ifndef VKS_AGENT_TUNNEL_K3S_TUNNEL_H
#define VKS_AGENT_TUNNEL_K3S_TUNNEL_H

#include <systemd/sd-event.h>

#include "common/err.h"

enum { TUNNEL_LINKS_MAX = 512 };

struct k3s_tunnel;

struct k3s_tunnel_parts {
        sd_event *event;
        const char *supervisor;  /* "https://HOST:PORT" */
        const char *server_name; /* what its certificate is for, when that is not HOST; or NULL */
        const char *ca_pem;      /* who may have signed it */
        const char *client_file; /* our certificate and key, read for each new connection */
        /* The supervisor's address in numbers; "" while it is not known. (A name is not looked up here: that blocks.)
         */
        const char *(*address)(void *userdata);
        void *userdata;
        const char *kubelet_address; /* where our own server listens; "0.0.0.0" and "::" are the loopback */
        uint16_t kubelet_port;
};

/* Copies what `parts` points to. It connects when k3s_tunnel_start() was called. */
int k3s_tunnel_new(const struct k3s_tunnel_parts *parts, struct k3s_tunnel **ret, struct err *e);
struct k3s_tunnel *k3s_tunnel_free(struct k3s_tunnel *t);
DEFINE_FREEP(struct k3s_tunnel, k3s_tunnel_free)

void k3s_tunnel_start(struct k3s_tunnel *t); /* NULL is allowed, and so is calling it again */

#endif
