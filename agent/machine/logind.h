/* SPDX-License-Identifier: Apache-2.0 */
/*
 * logind's word that the machine shuts down, and the delay that is asked of it for pods to end ("delay" inhibitor, see
 * systemd-inhibit(1) and org.freedesktop.login1(5)). It is systemd-inhibit that asks, as root, for as long as we are
 * connected to its socket (packaging/vks-inhibit@.service): what an inhibitor is called logind keeps in /run, however
 * long it is, so that is not for an agent to say. logind waits for InhibitDelayMaxSec= of logind.conf(5) at most. A
 * lost bus, and a refusal, are tried again.
 */
#ifndef VKS_AGENT_MACHINE_LOGIND_H
#define VKS_AGENT_MACHINE_LOGIND_H

#include <systemd/sd-event.h>

#include "common/base.h"

#define LOGIND_SOCKET "/run/vks/inhibit.sock"

struct logind;

struct logind_handler {
        void (*prepare)(void *userdata, bool yes); /* the machine is about to shut down; no: it was called off */
        /* The delay is granted, for so long at most; or (0) it is not, and `why` says why. Said again only when it
         * changes. */
        void (*granted)(void *userdata, uint64_t most_usec, const char *why);
};

struct logind *logind_new(sd_event *event, const char *socket, const struct logind_handler *handler, void *userdata);
struct logind *logind_free(struct logind *l);
DEFINE_FREEP(struct logind, logind_free)

void logind_let_go(struct logind *l); /* pods have ended: the machine need not wait for us any more */
void logind_hold(struct logind *l);   /* it is not to shut down without us (again) */

#endif
