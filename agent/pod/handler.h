/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A lifecycle hook as a container's spec has it (lifecycle.postStart, lifecycle.preStop): something to ask the
 * container, in the form of a probe's handler, or a time to wait.
 */
#ifndef VKS_AGENT_POD_HANDLER_H
#define VKS_AGENT_POD_HANDLER_H

#include "agent/pod/probe.h"

enum hook_kind { HOOK_POST_START, HOOK_PRE_STOP, HOOK_KINDS };

extern const char *const hook_fields[HOOK_KINDS]; /* "postStart", "preStop" */
extern const char *const hook_events[HOOK_KINDS]; /* "FailedPostStartHook", "FailedPreStopHook" */

struct handler {
        struct probe *asks; /* exec, httpGet; tcpSocket and grpc, which always fail, as in the kubelet
                               (pkg/kubelet/lifecycle/handlers.go). NULL: sleep */
        int64_t sleep_s;
};

/* As probe_parse(); `spec` is the hook's object. */
int handler_parse(enum hook_kind kind, const cJSON *spec, const cJSON *ports, struct handler **ret, struct err *e);
struct handler *handler_free(struct handler *h);
DEFINE_FREEP(struct handler, handler_free)

#endif
