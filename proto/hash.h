/* SPDX-License-Identifier: Apache-2.0 */
/* A hash of bytes, to notice changes: somebody who wants a collision can make one. */
#ifndef VKS_PROTO_HASH_H
#define VKS_PROTO_HASH_H

#include "common/base.h"

#define HASH_START UINT64_C(0xcbf29ce484222325)
uint64_t hash_bytes(uint64_t h, const void *p, size_t n);

#endif
