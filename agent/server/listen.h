/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VKS_AGENT_SERVER_LISTEN_H
#define VKS_AGENT_SERVER_LISTEN_H

#include "common/err.h"

/* A non-blocking TCP socket that listens there; the caller owns it. `address` is numeric, IPv4 or IPv6; NULL: all of
 * both. Port 0: any. */
int listen_on(const char *address, uint16_t port, struct err *e);

uint16_t listen_port(int fd); /* the port that it got */

/*
 * PID 1 keeps a listener for as long as the service is not stopped, so that nobody else takes its port while the agent
 * is started anew: every pod has the machine's network, and one that had the port would be asked for all others' logs.
 */
void listen_keep(int fd);
/* What is among the descriptors that PID 1 gives (`names` of those from `first` on; NULL: none), as a descriptor of the
 * caller's; 0: there is none. */
int listen_find_kept(char *const *names, int first);
/* `kept` itself, where it listens there. Else it is closed, here and by PID 1; -1. */
int listen_again(int kept, const char *address, uint16_t port);

#endif
