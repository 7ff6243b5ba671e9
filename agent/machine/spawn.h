/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VKS_AGENT_MACHINE_SPAWN_H
#define VKS_AGENT_MACHINE_SPAWN_H

#include "common/base.h"

/*
 * Could a run's main process not be executed? Between fork and exec a child of PID 1's ends with an exit code of 200 to
 * 245 (systemd.exec(5), PROCESS EXIT CODES), but so may any program. What tells them apart is that the child says
 * so before it ends, to the journal, in a message of a kind of its own (sd-messages.h, SD_MESSAGE_SPAWN_FAILED);
 * vks-exec does likewise. A container can say such a thing of its own runs, and only of those.
 *
 * true: it could not, and `ret` has the reason. false: the journal does not say so (yet: journald writes in its own
 * time). `directory` is NULL for the machine's journal.
 */
bool spawn_failed(const char *directory, const char *unit, const char *invocation, char *ret, size_t size);

#endif
