/* SPDX-License-Identifier: Apache-2.0 */
/* Which pods a node that leaves has to part from, as kubectl drain sees it. Pure. */
#ifndef VKS_AGENT_JOIN_DRAIN_H
#define VKS_AGENT_JOIN_DRAIN_H

#include <cjson/cJSON.h>

#include "common/base.h"

/* Does it have to go before the node does? Not those of DaemonSets, which would come back at once, not the mirrors of
 * static pods, which the node itself makes, and not what is over. */
bool drain_goes(const cJSON *pod);

/* Somebody has asked for its end already. */
bool drain_is_going(const cJSON *pod);

/* How many of the list have to go and have no controller that makes them anew; `names` has the first of them. */
size_t drain_alone(const cJSON *pods, char *names, size_t size);

/* How many of the list have to go; the same. */
size_t drain_left(const cJSON *pods, char *names, size_t size);

/* The path of the pod, or of its eviction. The caller owns it. */
char *drain_path(const cJSON *pod, bool eviction);

/* The body of an eviction of just this pod, not of a later one of its name. The caller owns it. */
cJSON *drain_eviction(const cJSON *pod, const char *api_version);

#endif
