/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The certificates of this node, kept valid: the one that the API server knows it by (rotateCertificates), and the one
 * that its own server shows (serverTLSBootstrap), each signed by the way that the node came by (signer.h). A new client
 * certificate is that of each connection that begins from then on; those that are there go on. What an operator should
 * know is an event of the Node and a line in the log.
 */
#ifndef VKS_AGENT_CERTS_ROTATION_H
#define VKS_AGENT_CERTS_ROTATION_H

#include "agent/certs/renewal.h"
#include "agent/client/api.h"
#include "agent/client/events.h"

struct rotation;

struct rotation_parts {
        sd_event *event;
        struct api *api;
        struct events *events;
        const char *node_name;
        const char *dir; /* of the store */
        bool client, serving;
};

/*
 * Reads the store, and gives the API client the pair that is there when it is a newer one than kubeconfig's own. With
 * `serving` there is a certificate afterwards, self-signed where nobody has signed one yet. `parts` is copied, what it
 * points to outlives the rotation; `kubeconfig` is only read.
 */
int rotation_new(const struct rotation_parts *parts, const struct kubeconfig *kubeconfig, struct rotation **ret,
                 struct err *e);
struct rotation *rotation_free(struct rotation *r);
DEFINE_FREEP(struct rotation, rotation_free)

/* The Node as the API server has it (watch.h: upsert): the serving certificate is for its addresses, and is asked for
 * once they are known, and anew when they change. */
void rotation_node_seen(struct rotation *r, const cJSON *node);

/* Where K3s' supervisor is, which signs for this node ("https://HOST:PORT"), and which opens its connections to it
 * through a tunnel (agent/tunnel); NULL: others sign. `r` may be NULL. */
const char *rotation_supervisor(const struct rotation *r);

/* Certificate, chain and key of the server in one file; NULL: not ours to keep. */
const char *rotation_serving_file(const struct rotation *r);

/* For metrics (kubelet_certificate_manager_client_ttl_seconds and ..._server_ttl_seconds): seconds until it expires,
 * negative since; INT64_MAX: there is none, or it is not ours to keep. `r` may be NULL. */
int64_t rotation_client_seconds_left(const struct rotation *r);
int64_t rotation_serving_seconds_left(const struct rotation *r);

/* The names and addresses of status.addresses that a serving certificate is for, as the kubelet chooses them, sorted,
 * each once; both NULL-terminated and the caller's. What can be in no certificate is left out. Pure. */
void rotation_addresses(const cJSON *node, char ***ret_dns, char ***ret_ips);

#endif
