/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VKS_AGENT_SERVER_LISTEN_H
#define VKS_AGENT_SERVER_LISTEN_H

#include "common/err.h"

/* A non-blocking TCP socket that listens there; the caller owns it. `address` is numeric, IPv4 or IPv6; NULL: all of
 * both. Port 0: any. */
int listen_on(const char *address, uint16_t port, struct err *e);

uint16_t listen_port(int fd); /* the port that it got */

#endif
