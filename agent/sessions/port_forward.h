/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `kubectl port-forward`: the session of one client, who opens a pair of streams for each TCP connection that he wants
 * to a port of the pod. What the pod sends comes back on the data stream; why there is no connection, on the error
 * stream.
 *
 * The network is the machine's, so whoever may forward to one pod would reach everything on the machine that trusts
 * its own addresses. Therefore a connection is made, unless the operator wants it otherwise, only to a socket that the
 * pod's own processes listen on (listeners.h). This is the agent's rule, not root's: any process of the machine may
 * connect.
 */
#ifndef VKS_AGENT_SESSIONS_PORT_FORWARD_H
#define VKS_AGENT_SESSIONS_PORT_FORWARD_H

#include "agent/config/config.h"
#include "agent/machine/listeners.h"
#include "agent/streams/streams.h"
#include "common/ids.h"

enum {
        PORT_FORWARDS_MAX = 64,                 /* sessions at a time */
        PORT_FORWARD_CONNECTIONS_MAX = 128,     /* at a time, of a session */
        PORT_FORWARD_HELD_MAX = 64 * 1024,      /* bytes that wait for the pod to read them, of a connection ... */
        PORT_FORWARD_HELD_ALL_MAX = 256 * 1024, /* ... and of a session: with more, the client is not read from */
        PORT_FORWARD_CONNECT_TIMEOUT_S = 10,    /* for one address */
};

struct port_forward_config {
        sd_event *event;
        struct pod_id pod;
        enum qos qos;
        const char *user;              /* for the journal; copied */
        enum config_port_forward rule; /* PORT_FORWARD_POD_PORTS or PORT_FORWARD_ANY_PORT */
        /* Where the pod listens: listeners_find(); tests have another one. */
        int (*find)(const char *slice, uint16_t port, struct listener_address ret[LISTENERS_ADDRESSES_MAX],
                    struct err *e);
};

struct port_forward;

extern const struct streams_handler port_forward_handler; /* userdata: the session */

/* NULL: there are PORT_FORWARDS_MAX already. */
struct port_forward *port_forward_new(const struct port_forward_config *config);

/* The session has its connection from now on, and frees itself when that is closed. */
void port_forward_give(struct port_forward *f, struct streams *streams);

struct port_forward *port_forward_free(struct port_forward *f); /* one that was never started */
DEFINE_FREEP(struct port_forward, port_forward_free)

#endif
