/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VKS_AGENT_MACHINE_SPAWN_H
#define VKS_AGENT_MACHINE_SPAWN_H

#include "common/base.h"

/*
 * Did PID 1's child fail before it could execute the main process of this run? Such a child ends with an exit code of
 * 200 to 245 (systemd.exec(5), PROCESS EXIT CODES), but any program may end with these, too. What tells them apart is
 * a message that the child (or vks-exec) writes to the journal before it ends (sd-messages.h,
 * SD_MESSAGE_SPAWN_FAILED). A container can forge such a message, but only about its own runs.
 *
 * true: it failed, and `ret` has the reason. false: the journal has no such message, or not yet, since journald may
 * write it later. `directory` is NULL for the machine's journal.
 */
bool spawn_failed(const char *directory, const char *unit, const char *invocation, char *ret, size_t size);

#endif
