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
 * journald may be late. PID 1 says that the process has ended (SD_MESSAGE_UNIT_PROCESS_EXIT) after the child's last
 * word: when that has been written and no such message before it, there is none.
 */
enum spawn {
        SPAWN_UNKNOWN, /* not yet: look again */
        SPAWN_FAILED,  /* `ret` has the reason */
        SPAWN_EXECUTED,
};

/*
 * `directory` is NULL for the machine's journal. `main_pid` is that of the main process, also when it has ended: the
 * message is known by its sender's unit, or, since journald cannot tell the unit of a sender that has ended meanwhile,
 * by its process id, which the kernel has told. 0: it is not known.
 */
enum spawn spawn_look(const char *directory, const char *unit, const char *invocation, uint32_t main_pid, char *ret,
                      size_t size);

#endif
