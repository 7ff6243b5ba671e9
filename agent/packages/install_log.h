/* SPDX-License-Identifier: Apache-2.0 */
/* What one installation writes to the journal, line by line, as it comes. */
#ifndef VKS_AGENT_PACKAGES_INSTALL_LOG_H
#define VKS_AGENT_PACKAGES_INSTALL_LOG_H

#include <systemd/sd-event.h>

#include "common/base.h"

struct install_log;

/*
 * Lines that `unit` has written since `since_usec` (the wall clock), but for those that journald knows to be of another
 * run than `invocation`. Those that are there already come from the event loop's next turn on, in their order, the
 * others when journald has them. The line lives for the call; a long one is cut. NULL when the journal cannot be read.
 */
struct install_log *install_log_new(sd_event *event, const char *unit, const char *invocation, uint64_t since_usec,
                                    void (*each)(void *userdata, const char *line), void *userdata);
struct install_log *install_log_free(struct install_log *l);

/* Takes what has come, whether the event loop has told or not. */
void install_log_drain(struct install_log *l);

#endif
