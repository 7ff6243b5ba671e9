/* SPDX-License-Identifier: Apache-2.0 */
/* A changed container is recognised by a number that both sides compute
 * and its unit carries (Hash= in [X-Kubernetes]). */
#ifndef VKS_PROTO_HASH_H
#define VKS_PROTO_HASH_H

#include "helper.pb-c.h"

#define HASH_START UINT64_C(0xcbf29ce484222325)
uint64_t hash_bytes(uint64_t h, const void *p, size_t n);

/* Of everything but the values of the environment: a unit file is readable by all, and a hash of a short secret gives
 * it away. */
uint64_t container_hash(const Vks__Container *c);

#endif
