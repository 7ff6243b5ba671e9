/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of a pod's unit tell of why it does not run. */
#ifndef VKS_AGENT_MACHINE_CONDITIONS_H
#define VKS_AGENT_MACHINE_CONDITIONS_H

#include "common/buf.h"

/* Why systemd skipped it: it tells that a condition is not met, and not which. The conditions that a unit file's text
 * sets, ", " between them. */
void conditions_list(const char *text, size_t size, struct buf *ret);

/* The same for a unit of a pod, by its name. */
void conditions_of(const char *unit, struct buf *ret);

/* Where a unit file's text says that the unit writes, and a pod's cannot since it is the machine's own; and of a unit
 * of a pod. */
void read_only_list(const char *text, size_t size, struct buf *ret);
void read_only_of(const char *unit, struct buf *ret);

/* Does it run as the user of those who may not be root? Of what vks adds to a unit, and of a unit of a pod, by its
 * name. */
bool fallback_user_in(const char *text, size_t size);
bool fallback_user_of(const char *unit);

#endif
