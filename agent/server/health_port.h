/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /healthz in plain HTTP on a port of the machine's own, as the kubelet has it (127.0.0.1:10248): for what watches over
 * the machine and has no certificate. Whoever reaches the port is told whether the agent is well, and nothing else.
 */
#ifndef VKS_AGENT_SERVER_HEALTH_PORT_H
#define VKS_AGENT_SERVER_HEALTH_PORT_H

#include <systemd/sd-event.h>

#include "agent/server/health.h"
#include "common/err.h"

enum {
        HEALTH_PORT_CONNECTIONS_MAX = 16, /* one more takes the place of the oldest */
        HEALTH_PORT_HEAD_MAX = 4096,      /* bytes of a request */
        HEALTH_PORT_TIME_S = 5,           /* for all of a connection: one request, one answer */
};

struct health_port;

struct health_port_config {
        const char *address;                              /* numeric; NULL: all */
        uint16_t port;                                    /* 0: any, see health_port_number() */
        void (*look)(void *userdata, struct health *ret); /* is asked for each request */
        void *userdata;
        unsigned time_ms; /* 0: the one above; tests use a shorter one */
};

int health_port_new(sd_event *event, const struct health_port_config *config, struct health_port **ret, struct err *e);
struct health_port *health_port_free(struct health_port *p);
DEFINE_FREEP(struct health_port, health_port_free)

uint16_t health_port_number(const struct health_port *p);

#endif
