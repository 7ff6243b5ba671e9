/* SPDX-License-Identifier: Apache-2.0 */
#include "helper/text/given.h"

#include <stdio.h>

#include "common/mem.h"

static const struct {
        const char *key, *base, *variable;
} kinds[GIVEN_KINDS] = {
        [GIVEN_RUNTIME] = { "Runtime", "/run", "RUNTIME" },
        [GIVEN_STATE] = { "State", "/var/lib", "STATE" },
        [GIVEN_CACHE] = { "Cache", "/var/cache", "CACHE" },
        [GIVEN_LOGS] = { "Logs", "/var/log", "LOGS" },
};

const char *given_key(enum given_kind kind)
{
        return kinds[kind].key;
}

const char *given_variable(enum given_kind kind)
{
        return kinds[kind].variable;
}

void given_of(const struct unit_file *file, struct given *ret)
{
        *ret = (struct given){ 0 };
        for (enum given_kind kind = 0; kind < GIVEN_KINDS; kind++) {
                char key[32];

                snprintf(key, sizeof(key), "%sDirectory", kinds[kind].key);
                CLEANUP(freep) char *words = unit_file_words(file, key);
                for (const char *word = words; *word;) {
                        int whole = (int)strcspn(word, " "),
                            name = (int)strcspn(word, ": "); /* of NAME:LINK the link is left out */

                        ret->dirs = xrealloc(ret->dirs, ret->n + 1, sizeof(*ret->dirs));
                        ret->dirs[ret->n++] = (struct given_dir){
                                .kind = kind,
                                .path = xasprintf("%s/%.*s", kinds[kind].base, name, word),
                        };
                        word += whole;
                        word += strspn(word, " ");
                }
        }
}

void given_done(struct given *g)
{
        for (size_t i = 0; i < g->n; i++)
                free(g->dirs[i].path);
        free(g->dirs);
        *g = (struct given){ 0 };
}
