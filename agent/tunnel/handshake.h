/* SPDX-License-Identifier: Apache-2.0 */
/* The beginning of a WebSocket, the client's side (RFC 6455, section 4.1): what is asked, and whether the answer is
 * one. Pure. */
#ifndef VKS_AGENT_TUNNEL_HANDSHAKE_H
#define VKS_AGENT_TUNNEL_HANDSHAKE_H

#include "common/err.h"

enum { HANDSHAKE_MAX = 16 * 1024 }; /* of an answer's head */

/* The whole request; `host` is "HOST:PORT". The caller owns it. */
char *handshake_request(const char *path, const char *host, const char *key);

/*
 * The length of the head, behind which the frames begin; 0: it is not all there. -EPROTO: it is no yes to this key, in
 * words that name the status; -EACCES for 401 and 403.
 */
int handshake_judge(const char *p, size_t n, const char *key, struct err *e);

#endif
