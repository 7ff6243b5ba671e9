/* SPDX-License-Identifier: Apache-2.0 */
/* The agent after start-up: it reads files, speaks over sockets, and makes threads; no program, no process, no file of
 * its own. */
#ifndef VKS_AGENT_CAGE_H
#define VKS_AGENT_CAGE_H

#include "common/err.h"

int agent_cage(struct err *e);

#endif
