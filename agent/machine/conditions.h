/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of a pod's unit tell about why the unit does not run as its package would have it. */
#ifndef VKS_AGENT_MACHINE_CONDITIONS_H
#define VKS_AGENT_MACHINE_CONDITIONS_H

#include "common/buf.h"

/*
 * Each question has two functions: one for the text of a unit file, one (..._of) that reads the files of a pod's unit
 * by the unit's name.
 */

/* The conditions (Condition...=) that the unit sets, ", " between them. systemd tells that it skipped a unit because
 * a condition was not met, but not which one. */
void conditions_list(const char *text, size_t size, struct buf *ret);
void conditions_of(const char *unit, struct buf *ret);

/* The paths that the package's unit writes to, and that the pod's unit cannot, since they are the machine's own.
 * `dropin`: what vks adds, with the pod's mounts. */
void read_only_list(const char *text, size_t size, const char *dropin, struct buf *ret);
void read_only_of(const char *unit, struct buf *ret);

/* Does the unit run as FALLBACK_USER, because it may not be root? `text` is that of the drop-in which vks adds. */
bool fallback_user_in(const char *text, size_t size);
bool fallback_user_of(const char *unit);

#endif
