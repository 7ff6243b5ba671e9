/* SPDX-License-Identifier: Apache-2.0 */
/* The kubelet API's routes (pkg/kubelet/server/server.go), for requests that the gate has let in. */
#ifndef VKS_AGENT_SERVER_KUBELET_API_H
#define VKS_AGENT_SERVER_KUBELET_API_H

#include "agent/certs/rotation.h"
#include "agent/config/config.h"
#include "agent/pods/command.h"
#include "agent/probes/probes.h"
#include "agent/server/health.h"
#include "agent/server/node_logs.h"
#include "agent/server/server.h"
#include "agent/sessions/console.h"
#include "agent/stats/evictor.h"
#include "agent/stats/sample.h"

struct kubelet_api {
        sd_event *event;
        struct pods *pods;
        struct api *api;
        struct commands *commands;
        struct consoles *consoles;
        struct sampler *sampler;
        const struct evictor *evictor;
        struct probes *probes;
        const struct rotation *rotation;        /* NULL: certificates are not ours to keep */
        uint64_t started;                       /* when the process began, microseconds since the epoch */
        const char *(*version)(void *userdata); /* the kubelet's version that the Node tells; "": not known yet */
        const struct config *config;
        struct node_logs node_logs;
        void (*look)(void *userdata, struct health *ret); /* how the agent is (health.h) */
        void *userdata;
};

/* A server_handler; userdata is a struct kubelet_api. */
void kubelet_api_handle(void *api, const struct request *r, struct response *res);

#endif
