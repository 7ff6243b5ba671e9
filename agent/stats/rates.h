/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How much CPU is used at present (usageNanoCores of /stats/summary): what was used between two samples, by the time
 * between them. Pure.
 */
#ifndef VKS_AGENT_STATS_RATES_H
#define VKS_AGENT_STATS_RATES_H

#include "agent/stats/sample.h"

/*
 * Sets USAGE_CPU_RATE in all of `s` that was there in `before`, too: of machine, pods and the containers of the same
 * run. A second is the least that says something: over a shorter time it is what `before` had.
 */
void sample_rates(struct sample *s, const struct sample *before);

#endif
