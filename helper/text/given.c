/* SPDX-License-Identifier: Apache-2.0 */
#include "helper/text/given.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/buf.h"
#include "common/mem.h"
#include "policy/path.h"

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

/* BASE/NAME as PID 1 has it, without "//" and "."; NULL where that is not to be told, or nothing but BASE. */
static char *path_of(const char *base, const char *name, size_t n)
{
        CLEANUP(buf_done) struct buf path = BUF(8192);

        if (strcspn(name, "\"'\\%") < n)
                return NULL;
        buf_str(&path, base);
        for (const char *at = name; (at += strspn(at, "/")) < name + n;) {
                size_t part = strcspn(at, "/: ");

                if (part == 2 && memcmp(at, "..", 2) == 0)
                        return NULL;
                if (!(part == 1 && *at == '.'))
                        buf_printf(&path, "/%.*s", (int)part, at);
                at += part;
        }
        return buf_ok(&path) && path.len > strlen(base) ? buf_steal(&path) : NULL;
}

static void find_inner(struct given *g)
{
        for (size_t i = 0; i < g->n; i++)
                for (size_t k = 0; k < g->n; k++)
                        g->dirs[i].inner |= path_is_beneath(g->dirs[i].path, g->dirs[k].path);
}

int given_of(const struct unit_file *file, struct given *ret, struct err *e)
{
        *ret = (struct given){ 0 };
        for (enum given_kind kind = 0; kind < GIVEN_KINDS; kind++) {
                char key[32];

                snprintf(key, sizeof(key), "%sDirectory", kinds[kind].key);
                CLEANUP(freep) char *words = unit_file_words(file, key);
                for (const char *word = words; *word;) {
                        int whole = (int)strcspn(word, " ");
                        /* of NAME:LINK the link is left out */
                        char *path = path_of(kinds[kind].base, word, strcspn(word, ": "));

                        if (!path)
                                return err_set(e, -EOPNOTSUPP, NULL,
                                               "%s=%.*s: which directory that is cannot be told beforehand", key, whole,
                                               word);
                        ret->dirs = xrealloc(ret->dirs, ret->n + 1, sizeof(*ret->dirs));
                        ret->dirs[ret->n++] = (struct given_dir){ .kind = kind, .path = path };
                        word += whole;
                        word += strspn(word, " ");
                }
        }
        find_inner(ret);
        return 0;
}

bool given_is_open(const struct unit_file *file, uint32_t gid)
{
        unsigned long modes = 0;

        for (enum given_kind kind = 0; kind < GIVEN_KINDS; kind++) {
                char key[32];

                snprintf(key, sizeof(key), "%sDirectoryMode", kinds[kind].key);
                modes |= strtoul(unit_file_get(file, key), NULL, 8);
        }
        return modes & (gid ? 022 : 02);
}

void given_done(struct given *g)
{
        for (size_t i = 0; i < g->n; i++)
                free(g->dirs[i].path);
        free(g->dirs);
        *g = (struct given){ 0 };
}
