/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/server/callers.h"

#include <uthash.h>

#include "common/mem.h"

struct caller {
        struct callers *all;
        char *user;
        size_t n;
        UT_hash_handle hh;
};

struct callers {
        size_t of_one_max;
        struct caller *table; /* those of whom there is a request */
};

struct caller *callers_enter(struct callers *all, const char *user)
{
        struct caller *c;

        HASH_FIND_STR(all->table, user, c);
        if (!c) {
                c = NEW(struct caller);
                c->all = all;
                c->user = xstrdup(user);
                HASH_ADD_KEYPTR(hh, all->table, c->user, strlen(c->user), c);
        }
        if (c->n >= all->of_one_max)
                return NULL;
        c->n++;
        return c;
}

struct caller *callers_leave(struct caller *c)
{
        if (!c || --c->n > 0)
                return NULL;
        HASH_DEL(c->all->table, c);
        free(c->user);
        free(c);
        return NULL;
}

struct callers *callers_new(size_t of_one_max)
{
        struct callers *all = NEW(struct callers);

        all->of_one_max = of_one_max;
        return all;
}

struct callers *callers_free(struct callers *all)
{
        free(all);
        return NULL;
}
