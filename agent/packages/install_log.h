/* SPDX-License-Identifier: Apache-2.0 */
/* Reads what one installation writes to the journal, line by line, as it comes. */
#ifndef VKS_AGENT_PACKAGES_INSTALL_LOG_H
#define VKS_AGENT_PACKAGES_INSTALL_LOG_H

#include <systemd/sd-event.h>

#include "common/base.h"

struct install_log;

/*
 * Calls `each` for the lines that `unit` has written since `since_usec` (the wall clock), except lines that journald
 * knows to be of another run than `invocation`. Calls begin at the event loop's next turn, and go on as journald
 * stores more lines. The line lives for the call; a long one is cut. NULL when the journal cannot be read.
 */
struct install_log *install_log_new(sd_event *event, const char *unit, const char *invocation, uint64_t since_usec,
                                    void (*each)(void *userdata, const char *line), void *userdata);
struct install_log *install_log_free(struct install_log *l);

/* Calls `each` at once for the lines that are in the journal and were not handed out yet. */
void install_log_drain(struct install_log *l);

#endif
