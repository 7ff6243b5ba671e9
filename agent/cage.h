/* SPDX-License-Identifier: Apache-2.0 */
/* Locks the agent in after start-up: from then on it can read files, speak over sockets and make threads, but not run
 * a program, make a process or write a file. */
#ifndef VKS_AGENT_CAGE_H
#define VKS_AGENT_CAGE_H

#include "common/err.h"

int agent_cage(struct err *e);

#endif
