/* SPDX-License-Identifier: Apache-2.0 */
/* A changed container is recognised by this number, which both sides compute and the unit carries (Hash= in [X-Kubernetes]). */
#ifndef VKS_PROTO_HASH_H
#define VKS_PROTO_HASH_H

#include "helper.pb-c.h"

/* Of everything but the values of the environment: a unit file is readable by all, and a hash of a short secret gives it away. */
uint64_t container_hash(const Vks__Container *c);

#endif
