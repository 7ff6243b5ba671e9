/* SPDX-License-Identifier: Apache-2.0 */
/* `vks-agent join` and `vks-agent leave`: run once, by root, while somebody waits. */
#ifndef VKS_AGENT_JOIN_JOIN_H
#define VKS_AGENT_JOIN_JOIN_H

#include "common/base.h"

/* `argv` begins with the verb. The result is main()'s: 0; 1 when it did not come to its end; 2 for a wrong command
 * line. */
int join_main(int argc, char **argv);
int leave_main(int argc, char **argv);

#endif
