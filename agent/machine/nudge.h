/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PID 1 of systemd 252 can fall asleep over its work: where many mounts come and go its event loop stops watching
 * /proc/self/mountinfo for a second, and then at times does not set its timer, so that it sleeps with requests on the
 * bus that it has read and not handled, until anything else wakes it (70 s were seen, with no agent running). Any
 * datagram to its notification socket does. So for a while after PID 1 was given work the agent sends it one now and
 * then: the keep-alive that it sends anyway (sd_notify(3), WATCHDOG=1), which means nothing more.
 */
#ifndef VKS_AGENT_MACHINE_NUDGE_H
#define VKS_AGENT_MACHINE_NUDGE_H

#include <systemd/sd-event.h>

#include "common/base.h"

enum { NUDGES = 5 }; /* after the last work: `first_usec` later, and then each time after twice as long */

#define NUDGE_FIRST_USEC UINT64_C(1000000)

struct nudge;

struct nudge *nudge_new(sd_event *event, uint64_t first_usec);
struct nudge *nudge_free(struct nudge *n);
DEFINE_FREEP(struct nudge, nudge_free)

/* PID 1 has, or will have, something to do. Cheap: it may be called for each request. */
void nudge_soon(struct nudge *n);

#endif
