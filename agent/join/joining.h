/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of a machine that joins, from its own facts to the certificates that it got: filled from top to
 * bottom. */
#ifndef VKS_AGENT_JOIN_JOINING_H
#define VKS_AGENT_JOIN_JOINING_H

#include "agent/client/kubeconfig.h"
#include "agent/config/config.h"
#include "agent/join/machine.h"
#include "agent/join/options.h"
#include "agent/node/facts.h"

enum { JOINING_ADDRESSES_MAX = 8 };

struct joining {
        const struct join_options *options;
        struct machine machine;
        struct facts facts;
        struct config *config;                      /* agent.yaml, and --node-name */
        const char *node;                           /* the Node's name */
        const char *hostname;                       /* as the Node tells it */
        const char *ips[JOINING_ADDRESSES_MAX + 1]; /* the node's, the primary one first; NULL-terminated */

        struct kubeconfig *admin; /* NULL: nobody approves, patches or deletes for us; never written */
        char *signer;             /* who renews: "api", or "k3s" and its URL, each a line (agent/certs/store.h) */
        char *word;               /* K3s' node password; NULL elsewhere */
        char *client_text;        /* certificate and key, for agent/certs/store.h */
        char *serving_text;       /* NULL: the agent asks for it, when it runs */
        struct kubeconfig *who;   /* the node itself, by that certificate */
        char *client_ca;          /* the authority of those who may call the kubelet API */
};

void joining_done(struct joining *j); /* wipes keys and passwords */

/* A line for who waits, on standard output; a warning, on standard error. */
void join_say(const char *fmt, ...) PRINTF(1, 2);
void join_warn(const char *fmt, ...) PRINTF(1, 2);

/* Everything above the blank line. */
int joining_read_machine(struct joining *j, struct err *e);

/* The certificates: by the road that options and server say. Nothing is written. */
int joining_get_certificates(struct joining *j, struct err *e);

/* Writes all files, the kubeconfig last: with it the agent's unit can start. */
int joining_write(const struct joining *j, struct err *e);

/* Starts the agent and waits until the Node is Ready; then its taint, and what is still missing for kubectl logs. */
int joining_start(const struct joining *j, struct err *e);

#endif
