/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Points in time as Kubernetes writes them: RFC 3339, in UTC when printed. In the agent, time is always microseconds
 * since the epoch, as in sd-event, sd-bus and the journal. All functions but the first two are pure.
 */
#ifndef VKS_AGENT_LIB_TIMES_H
#define VKS_AGENT_LIB_TIMES_H

#include "common/base.h"

uint64_t time_now(void);       /* the wall clock */
uint64_t time_monotonic(void); /* CLOCK_MONOTONIC, which nobody sets: for what came first, and how long it took */

void time_rfc3339(uint64_t usec, char ret[32]);       /* metav1.Time:      "2026-01-02T15:04:05Z" */
void time_rfc3339_micro(uint64_t usec, char ret[40]); /* metav1.MicroTime: "2026-01-02T15:04:05.123456Z" */
void time_rfc3339_nano(uint64_t usec, char ret[40]);  /* a log line's:     "2026-01-02T15:04:05.123456000Z" */

/*
 * Takes what Go's time.RFC3339 and RFC3339Nano take: upper-case T and Z or an offset, a fraction of any length (what is
 * finer than a microsecond is cut). -EINVAL, or -ERANGE before the epoch or (by its offset) after the year 9999;
 * *ret_usec is then left alone.
 */
int time_parse_rfc3339(const char *s, uint64_t *ret_usec);

#endif
