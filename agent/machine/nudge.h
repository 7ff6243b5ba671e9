/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PID 1 can fall asleep over its work. Where mounts come and go, which pods bring along, it stops watching
 * /proc/self/mountinfo for a second at a time; if such a second ends in the very moment in which it has other work in
 * hand, its event loop takes that for nothing and sleeps until anything else happens (systemd 252 and 257, sd-event.c:
 * sd_event_prepare() returns 0 after the callback of a rate limit that has expired, though events are pending, and
 * sd_event_run() waits). 70 s were seen, with no agent running. Any datagram to its notification socket wakes it, so
 * for a while after PID 1 was given work the agent sends one now and then: the keep-alive that it sends anyway
 * (sd_notify(3), WATCHDOG=1), which means nothing more.
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
