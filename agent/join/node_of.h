/* SPDX-License-Identifier: Apache-2.0 */
/* This machine's Node object, as joining and leaving look at it. The questions block; what is made of an answer is
 * pure. */
#ifndef VKS_AGENT_JOIN_NODE_OF_H
#define VKS_AGENT_JOIN_NODE_OF_H

#include <cjson/cJSON.h>

#include "agent/client/kubeconfig.h"
#include "common/err.h"

/* -ENOENT: there is none. The caller owns *ret. */
int node_of_get(const struct kubeconfig *who, const char *name, cJSON **ret, struct err *e);

/* Is it this machine's, or nobody's yet? -EEXIST, in words, when it is another machine's. Pure. */
int node_of_is_ours(const cJSON *node, const char *machine_id, struct err *e);

/* Ready, and said so since then by an agent that was started since then: its Lease (or NULL) or its condition is newer.
 * Pure. */
bool node_of_is_ready(const cJSON *node, const cJSON *lease, uint64_t since_usec);

/* Why it is not, for a person: borrowed, or NULL. Pure. */
const char *node_of_trouble(const cJSON *node);

bool node_of_has_taint(const cJSON *node); /* vks' own. Pure. */

/* A merge patch that gives the Node that taint or takes it away: all others stay. The caller owns it. Pure. */
cJSON *node_of_taint_patch(const cJSON *node, bool wanted);

#endif
