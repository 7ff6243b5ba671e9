/* SPDX-License-Identifier: Apache-2.0 */
/* The last step before the first request: what the helper will never need is taken from it for good. */
#ifndef VKS_HELPER_CAGE_H
#define VKS_HELPER_CAGE_H

#include "common/err.h"

/* Should: be called once, with every descriptor and connection open. Mustn't: be followed by anything that opens a socket or executes. */
int cage_lock(struct err *e);

#endif
