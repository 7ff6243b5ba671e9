/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/hash.h"

#include "common/mem.h"

/* FNV-1a, 64 bits (draft-eastlake-fnv): nobody gains by a collision, the agent would merely not replace a unit. */
uint64_t hash_bytes(uint64_t h, const void *p, size_t n)
{
        for (const uint8_t *s = p; n-- > 0; s++)
                h = (h ^ *s) * 0x100000001b3ULL;
        return h;
}

uint64_t container_hash(const Vks__Container *c)
{
        Vks__Container copy = *c;
        CLEANUP(freep) uint8_t *packed = NULL;
        uint64_t h = HASH_START;

        copy.n_env = 0;
        copy.env = NULL;
        packed = xcalloc(vks__container__get_packed_size(&copy) + 1, 1);
        h = hash_bytes(h, packed, vks__container__pack(&copy, packed));
        for (size_t i = 0; i < c->n_env; i++)
                h = hash_bytes(h, c->env[i]->name, strlen(c->env[i]->name) + 1);
        return h;
}
