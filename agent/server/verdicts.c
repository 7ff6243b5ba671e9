/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/server/verdicts.h"

#include <uthash.h>

#include "common/mem.h"

struct entry {
        struct digest question;
        struct verdict verdict;
        uint64_t until_usec;
        UT_hash_handle hh;
};

struct verdicts {
        size_t max;
        struct entry *table; /* in the order of use: what was asked for last is last */
};

static void drop(struct verdicts *v, struct entry *entry)
{
        HASH_DEL(v->table, entry);
        user_info_done(&entry->verdict.who);
        free(entry);
}

static void add(struct verdicts *v, struct entry *entry)
{
        HASH_ADD(hh, v->table, question, sizeof(entry->question), entry);
}

static struct entry *find(struct verdicts *v, const struct digest *question)
{
        struct entry *entry;

        HASH_FIND(hh, v->table, question, sizeof(*question), entry);
        return entry;
}

const struct verdict *verdicts_get(struct verdicts *v, const struct digest *question, uint64_t now_usec)
{
        struct entry *entry = find(v, question);

        if (!entry)
                return NULL;
        if (now_usec >= entry->until_usec) {
                drop(v, entry);
                return NULL;
        }
        HASH_DEL(v->table, entry);
        add(v, entry);
        return &entry->verdict;
}

static void drop_expired(struct verdicts *v, uint64_t now_usec)
{
        struct entry *entry, *next;

        HASH_ITER (hh, v->table, entry, next)
                if (now_usec >= entry->until_usec)
                        drop(v, entry);
}

void verdicts_put(struct verdicts *v, const struct digest *question, struct verdict verdict, uint64_t now_usec,
                  uint64_t life_usec)
{
        struct entry *entry = find(v, question);

        if (entry)
                drop(v, entry);
        drop_expired(v, now_usec);
        if (v->table && HASH_COUNT(v->table) >= v->max)
                drop(v, v->table);
        entry = NEW(struct entry);
        entry->question = *question;
        entry->verdict = verdict;
        entry->until_usec = now_usec + life_usec;
        add(v, entry);
}

size_t verdicts_count(const struct verdicts *v)
{
        return HASH_COUNT(v->table);
}

struct verdicts *verdicts_new(size_t max)
{
        struct verdicts *v = NEW(struct verdicts);

        v->max = max;
        return v;
}

struct verdicts *verdicts_free(struct verdicts *v)
{
        if (!v)
                return NULL;
        while (v->table)
                drop(v, v->table);
        free(v);
        return NULL;
}
