/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pod/image_meaning.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>

#include "common/buf.h"
#include "common/mem.h"
#include "proto/hash.h"

/* ---- the command line -------------------------------------------------------------------------------------------- */

static char **copy_words(char *const *words)
{
        char **v = NULL;
        size_t n = 0;

        for (; words && *words; words++)
                strv_push(&v, &n, xstrdup(*words));
        return v;
}

/* `first` and behind it `second`; takes both. */
static char **join_words(char **first, char **second)
{
        size_t n = 0;

        while (first && first[n])
                n++;
        for (char **w = second; w && *w; w++)
                strv_push(&first, &n, *w);
        free(second);
        return first;
}

/*
 * The whole command line of a container: none of the package's options is to stay behind it. Those stay behind a
 * command alone and go when there are args (unit_text.h), so all words but the first are args. What the container had
 * was taken before.
 */
static void set_whole(struct container *c, char **words)
{
        size_t n = 0;

        strv_push(&c->command, &n, *words);
        if (words[1]) {
                for (char **w = words; (*w = w[1]); w++) /* the first one is the command's now */
                        ;
                c->args = words;
        } else {
                free(words);
                c->args = NULL;
        }
}

static void apply_command(struct container *c, const struct image_row *row)
{
        char **args = c->args && *c->args ? c->args : NULL;
        char *program[] = { row->name, NULL }; /* where the row says no more, it is the entry point */
        char **entry = row->command                                             ? row->command
                       : row->kind == IMAGE_PATH && !row->args && !row->options ? program
                                                                                : NULL;

        if (!args)
                strv_free(c->args);
        c->args = NULL;
        if (c->command && *c->command) {
                char **command = c->command;

                c->command = NULL;
                set_whole(c, join_words(command, args));
                return;
        }
        strv_free(c->command);
        c->command = NULL;
        if (entry)
                set_whole(c, join_words(copy_words(entry), args ? args : copy_words(row->args)));
        else if (!args && row->args)
                set_whole(c, copy_words(row->args));
        else if (args && **args != '-')
                set_whole(c, args);
        else if (args && row->options)
                set_whole(c, join_words(copy_words(row->options), args));
        else if (args && row->args)
                set_whole(c, join_words(copy_words((char *[]){ *row->args, NULL }), args));
        else
                c->args = args; /* for the daemon */
}

/* ---- paths ------------------------------------------------------------------------------------------------------- */

static bool lies_in(const char *path, const char *dir)
{
        return starts_with(path, dir) && (path[strlen(dir)] == '/' || path[strlen(dir)] == '\0');
}

static bool words_name(char *const *words, const char *path)
{
        for (; words && *words; words++)
                if (strstr(*words, path))
                        return true;
        return false;
}

/*
 * What the pod mounts where the image has something is mounted where the package has it, unless the pod's own command
 * line looks for it where the image has it.
 */
static void apply_paths(struct container *c, const struct image_row *row)
{
        for (size_t i = 0; i < c->n_mounts; i++)
                for (size_t k = 0; k < row->n_paths; k++) {
                        char *path;

                        if (!lies_in(c->mounts[i].path, row->paths[k].theirs))
                                continue;
                        if (words_name(c->command, row->paths[k].theirs) || words_name(c->args, row->paths[k].theirs))
                                break;
                        path = xasprintf("%s%s", row->paths[k].ours, c->mounts[i].path + strlen(row->paths[k].theirs));
                        free(c->mounts[i].path);
                        c->mounts[i].path = path;
                        break;
                }
}

/* ---- what only the image would understand ------------------------------------------------------------------------ */

static bool is_ignored(const struct image_row *row, const char *word, bool path)
{
        for (char **w = row->ignored; w && *w; w++)
                if (path ? **w == '/' && lies_in(word, *w) : **w != '/' && fnmatch(*w, word, FNM_NOESCAPE) == 0)
                        return true;
        return false;
}

static char *differences(const struct container *c, const struct image_row *row)
{
        CLEANUP(buf_done) struct buf b = BUF(512);

        for (size_t i = 0; i < c->n_env && !c->command; i++)
                if (is_ignored(row, c->env[i].name, false))
                        buf_printf(&b, "%s%s", b.len ? ", " : "variable ", c->env[i].name);
        for (size_t i = 0; i < c->n_mounts && !c->command; i++)
                if (is_ignored(row, c->mounts[i].path, true))
                        buf_printf(&b, "%svolume at %s", b.len ? ", " : "", c->mounts[i].path);
        return b.len ? buf_steal(&b) : NULL;
}

/* ---- the whole --------------------------------------------------------------------------------------------------- */

static uint64_t hash_string(uint64_t h, const char *s)
{
        return hash_bytes(h, s, strlen(s) + 1);
}

/*
 * The image is another one where the table makes another package of it, or moves what is mounted: a unit that was made
 * before is not its. A table that says of an image what it means anyway changes nothing.
 */
static void apply_mark(struct container *c, const struct image_row *row, const struct image *plain)
{
        uint64_t h = c->mark;
        bool moved = false;

        if (plain->kind != row->kind || !streq(plain->name, row->name))
                h = hash_string(h, row->name);
        for (size_t i = 0; i < row->n_paths; i++)
                for (size_t k = 0; k < c->n_mounts && !moved; k++)
                        moved = lies_in(c->mounts[k].path, row->paths[i].ours);
        for (size_t i = 0; i < row->n_paths && moved; i++)
                h = hash_string(hash_string(h, row->paths[i].theirs), row->paths[i].ours);
        c->mark = h ? h : 1;
}

static void apply_row(struct container *c, const struct image_row *row)
{
        const struct image plain = c->parsed;
        struct image_reference reference = { 0 };

        c->parsed = (struct image){ .kind = row->kind };
        snprintf(c->parsed.name, sizeof(c->parsed.name), "%s", row->name);
        if (row->version)
                snprintf(c->parsed.version, sizeof(c->parsed.version), "%s", row->version);
        if (row->kind == IMAGE_PATH)
                c->given_unit = NULL;
        (void)image_reference_parse(c->image, &reference);
        c->meaning = NEW(struct image_meaning);
        c->meaning->line = row->line;
        c->meaning->rule = row->rule;
        memcpy(c->meaning->tag, reference.tag, sizeof(c->meaning->tag));
        c->meaning->differs = differences(c, row);
        apply_paths(c, row);
        apply_command(c, row);
        if (c->command && !c->working_dir) /* the daemon's own line has its unit's */
                c->working_dir = xstrdup(row->working_dir);
        apply_mark(c, row, &plain);
}

void image_meaning_apply(const struct image_table *t, struct pod *p)
{
        bool any = false;

        for (size_t i = 0; i < p->n_containers; i++) {
                struct container *c = &p->containers[i];
                const struct image_row *row = image_table_find(t, c->image, &c->parsed);

                if (row)
                        apply_row(c, row);
                any |= row != NULL;
        }
        for (size_t i = 0; any && i < p->n_containers; i++) {
                struct err e = ERR_NONE;

                pod_name_unit(p, i, &e);
                if (e.code && !p->containers[i].refused.code)
                        err_keep(&p->containers[i].refused, &e);
        }
}

void image_meaning_keep(struct container *now, struct container *was)
{
        struct container other = *now;

        now->parsed = was->parsed;
        if (was->parsed.url) /* it borrows from the string, which is the same */
                now->parsed.url = now->image + (was->parsed.url - was->image);
        now->meaning = was->meaning;
        now->given_unit = was->parsed.kind == IMAGE_PATH ? NULL : now->given_unit;
        now->mark = was->mark;
        now->command = was->command;
        now->args = was->args;
        now->working_dir = was->working_dir;
        now->mounts = was->mounts;
        now->n_mounts = was->n_mounts;
        was->meaning = other.meaning;
        was->command = other.command;
        was->args = other.args;
        was->working_dir = other.working_dir;
        was->mounts = other.mounts;
        was->n_mounts = other.n_mounts;
}

int image_meaning_allows(const struct container *c, const char *version, struct err *e)
{
        const struct image_meaning *m = c->meaning;

        if (!m || image_rule_allows(m->rule, m->tag, version))
                return 0;
        return err_set(e, -ENOENT, "ErrImagePull",
                       "line %u of " IMAGES_FILE " has package %s for it if their versions have the same %s, and the "
                       "package is %s",
                       m->line, c->parsed.name, m->rule == IMAGE_RULE_MAJOR ? "first number" : "numbers", version);
}
