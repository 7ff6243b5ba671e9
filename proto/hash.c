/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/hash.h"

/* FNV-1a, 64 bits (draft-eastlake-fnv) */
uint64_t hash_bytes(uint64_t h, const void *p, size_t n)
{
        for (const uint8_t *s = p; n-- > 0; s++)
                h = (h ^ *s) * 0x100000001b3ULL;
        return h;
}
