/* SPDX-License-Identifier: Apache-2.0 */
/* When to try again: exponential back-off with jitter, so that a fleet of nodes does not come back all at once; and the
 * timer for it. */
#ifndef VKS_AGENT_LIB_RETRY_H
#define VKS_AGENT_LIB_RETRY_H

#include <systemd/sd-event.h>

#include "common/base.h"

struct retry {
        unsigned first_ms, most_ms;
        unsigned failures; /* in a row; set it to 0 when something worked */
};

/*
 * Counts a failure and returns how many milliseconds to wait: a number in [f, 2f), chosen by `random`, where f is
 * first_ms * 2^(failures before this one), but at most most_ms / 2. Pure.
 */
unsigned retry_next(struct retry *r, uint32_t random);

uint32_t random_u32(void);
unsigned random_between(unsigned low, unsigned high); /* low <= result <= high */

/*
 * Makes *timer, or arms it anew, to call `handler` once after `delay_usec` of `clock`. The call may come late by a
 * tenth of the delay, but at most 250 ms, to share wake-ups.
 */
void timer_arm(sd_event *event, sd_event_source **timer, clockid_t clock, uint64_t delay_usec,
               sd_event_time_handler_t handler, void *userdata);

#endif
