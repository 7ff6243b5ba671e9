/* SPDX-License-Identifier: Apache-2.0 */
/* One run of a probe: asks the container and tells how that went. What an answer means is the kubelet's (pkg/probe). */
#ifndef VKS_AGENT_PROBES_ATTEMPT_H
#define VKS_AGENT_PROBES_ATTEMPT_H

#include "agent/client/http.h"
#include "agent/pods/command.h"

enum attempt_result {
        ATTEMPT_GOOD,
        ATTEMPT_WARNED, /* good, and `text` is worth an event */
        ATTEMPT_BAD,
        ATTEMPT_UNKNOWN, /* the container could not be asked: that says nothing about it */
};

/* What it takes; all of it is borrowed. */
struct attempt_means {
        struct http *http;         /* http_get_client() */
        struct commands *commands; /* NULL: exec cannot be tried */
        const char *ip;            /* the pods' address: what a probe without a host asks */
};

/* Called once, unless cancelled, and never from inside attempt_start(). The handle is freed by then. */
typedef void (*attempt_done)(void *userdata, enum attempt_result result, const char *text);

struct attempt;

/* The probe must have nothing wrong (probe.wrong). The container is only looked at until this returns. */
struct attempt *attempt_start(const struct attempt_means *means, const struct pods_container *where,
                              const struct probe *p, attempt_done done, void *userdata);
/*
 * A command of a probe or a hook, of whose words $(VAR) stands for what the container's spec itself gives as a value,
 * and for nothing that is resolved later (pkg/kubelet/container, ExpandContainerCommandOnlyStatic). The caller owns it.
 */
char **attempt_words(char *const *command, const struct container *c);

struct attempt *attempt_cancel(struct attempt *a); /* NULL is allowed; returns NULL */
DEFINE_FREEP(struct attempt, attempt_cancel)

#endif
