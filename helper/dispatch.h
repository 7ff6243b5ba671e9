/* SPDX-License-Identifier: Apache-2.0 */
/* From a packet to a reply: decode, ask policy, act, leave one line in the journal. One row per verb, made of VERBS. */
#ifndef VKS_HELPER_DISPATCH_H
#define VKS_HELPER_DISPATCH_H

#include "helper/helper.h"
#include "proto/wire.h"

/*
 * Answers one request of a peer. 1: answered (with a refusal or an error too); 0: the peer is gone; negative: what came is no
 * request, or the reply could not be sent: the connection is to be closed.
 */
int dispatch(struct machine *m, int sock, struct err *e);

#endif
