/* SPDX-License-Identifier: Apache-2.0 */
/* How long to wait before what has failed is tried again: a container's restart, a pull, a request. Pure; all times are
 * in microseconds. */
#ifndef VKS_AGENT_POD_BACKOFF_H
#define VKS_AGENT_POD_BACKOFF_H

#include <cjson/cJSON.h>

#include "common/base.h"

#define USEC_PER_SEC UINT64_C(1000000)

/* Of container restarts and of image pulls; the numbers are the kubelet's (pkg/kubelet). A run of BACKOFF_RESET makes
 * the next restart the first one again. */
#define BACKOFF_FIRST (10 * USEC_PER_SEC)
#define BACKOFF_MAX   (300 * USEC_PER_SEC)
#define BACKOFF_RESET (600 * USEC_PER_SEC)

/* The delay that follows upon another: 0 (the first restart is at once), 10 s, 20 s, 40 s, ... */
uint64_t backoff_after(uint64_t delay);

/* The longest delay that fits between the end of a run and the beginning of the one behind it, which was restart number
 * `restarts`. What else may have kept it waiting (an installation, a reboot) does not count for more than the restarts
 * before it. */
uint64_t backoff_between(uint64_t ended, uint64_t started, uint32_t restarts);

/* The delay that status.c has told in `waiting`, a container's state in the API. */
uint64_t backoff_told(const cJSON *waiting);

/* Counts one more failure in *failures and returns how many microseconds to wait before the next try: `first`, then
 * twice as long each time, up to BACKOFF_MAX. */
uint64_t backoff_next(unsigned *failures, uint64_t first);

/*
 * The helper has said "later" (-EAGAIN), since a bound of this machine's is reached: counts that in *failures and
 * returns how many microseconds to wait. What it waits for ends in seconds or minutes, so the wait does not grow beyond
 * LATER_MAX.
 */
uint64_t later_next(unsigned *failures);
#define LATER_MAX (16 * USEC_PER_SEC)

/* Has it waited so long that somebody wants to know why? */
bool later_is_long(unsigned failures);

#endif
