/* SPDX-License-Identifier: Apache-2.0 */
/* Why systemd skipped a unit: it tells that a condition is not met, and not which. */
#ifndef VKS_AGENT_CONDITIONS_H
#define VKS_AGENT_CONDITIONS_H

#include "common/buf.h"

/* The conditions that a unit file's text sets, ", " between them. */
void conditions_list(const char *text, size_t size, struct buf *ret);

/* The same for a unit of a pod, by its name. */
void conditions_of(const char *unit, struct buf *ret);

#endif
