/* SPDX-License-Identifier: Apache-2.0 */
/* What a client reads on the error stream of a command when that has ended: pure. */
#ifndef VKS_AGENT_STREAMS_COMMAND_STATUS_H
#define VKS_AGENT_STREAMS_COMMAND_STATUS_H

/* As streams_status() has it (streams.h), for that version of the protocol. The caller owns it; "" is nothing to say.
 */
char *command_status(unsigned version, int exit_code, const char *text);

#endif
