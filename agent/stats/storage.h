/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a pod's files take, told by the directories that root's part has for them (helper/pod_dirs.c). A container's
 * writable layer is the pod's /run, /var, /tmp and what it changed below /etc, which all of its containers share: it
 * counts for a container only where there is no other.
 */
#ifndef VKS_AGENT_STATS_STORAGE_H
#define VKS_AGENT_STATS_STORAGE_H

#include "agent/machine/disk_usage.h"
#include "agent/pod/eviction.h"

/* Appends the directories that are to be asked for (disk_usage_ask()), in this order. */
void storage_dirs(const struct pod *p, char ***dirs, size_t *n);

void storage_used_init(struct storage_used *ret, const struct pod *p);
void storage_used_done(struct storage_used *used);

/* Adds what is said of the pod in an answer. False when the answer does not have all of it. */
bool storage_count(struct storage_used *used, const struct pod *p, const struct disk_usages *answer);

/* Appends where the files of removed pods wait for their end (helper/trash.c), to be asked for. */
void storage_remains_dirs(char ***dirs, size_t *n);

/* Is something of the pod `uid` there still, by an answer? */
bool storage_has_remains(const struct disk_usages *answer, const char *uid);

#endif
