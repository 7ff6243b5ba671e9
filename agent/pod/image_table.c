/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pod/image_table.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdarg.h>
#include <stdio.h>

#include "agent/lib/lines.h"
#include "common/file.h"
#include "common/mem.h"

enum { WORDS_MAX = 200 }; /* of one value */

struct image_table {
        struct image_row *rows;
        size_t n;
        size_t n_patterns; /* of all rows */
};

/* ---- names ------------------------------------------------------------------------------------------------------- */

/* What stands for Docker Hub, whose own images are in "library". */
static const char *skip_hub(const char *s)
{
        static const char *const hosts[] = { "docker.io/", "index.docker.io/", "registry-1.docker.io/" };
        static const char library[] = "library/";

        for (size_t i = 0; i < ARRAY_LEN(hosts); i++)
                if (starts_with(s, hosts[i])) {
                        s += strlen(hosts[i]);
                        break;
                }
        return starts_with(s, library) ? s + strlen(library) : s;
}

bool image_reference_parse(const char *s, struct image_reference *ret)
{
        const char *end, *slash, *colon;

        s = skip_hub(s);
        end = strchrnul(s, '@');
        slash = memrchr(s, '/', (size_t)(end - s));
        colon = memchr(slash ? slash : s, ':', (size_t)(end - (slash ? slash : s)));
        ret->tagged = colon != NULL;
        if (!str_copy(ret->name, sizeof(ret->name), s, colon ? colon : end) ||
            (colon && !str_copy(ret->tag, sizeof(ret->tag), colon + 1, end)))
                return false;
        if (!colon)
                memcpy(ret->tag, *end ? "" : "latest", *end ? 1 : sizeof("latest"));
        return true;
}

/* A pattern has a tag behind it, or is one for all tags. "**" at its beginning stands for every registry and path. */
static bool pattern_fits(const char *pattern, const struct image_reference *image)
{
        static const char anywhere[] = "**/";
        struct image_reference p;
        const char *name = image->name, *pattern_name = p.name;

        if (!image_reference_parse(pattern, &p) || (p.tagged && fnmatch(p.tag, image->tag, FNM_NOESCAPE) != 0))
                return false;
        if (!starts_with(p.name, anywhere))
                return fnmatch(p.name, name, FNM_NOESCAPE | FNM_PATHNAME) == 0;
        pattern_name += strlen(anywhere);
        while (fnmatch(pattern_name, name, FNM_NOESCAPE | FNM_PATHNAME) != 0) {
                name = strchr(name, '/');
                if (!name)
                        return false;
                name++;
        }
        return true;
}

const struct image_row *image_table_find(const struct image_table *t, const char *image, const struct image *parsed)
{
        struct image_reference reference;

        if (!t || (parsed->kind != IMAGE_PACKAGE && parsed->kind != IMAGE_FOREIGN) || image_is_exact(parsed) ||
            !image_reference_parse(image, &reference))
                return NULL;
        for (size_t i = 0; i < t->n; i++)
                for (char **pattern = t->rows[i].patterns; *pattern; pattern++)
                        if (pattern_fits(*pattern, &reference))
                                return &t->rows[i];
        return NULL;
}

/* ---- the file ---------------------------------------------------------------------------------------------------- */

struct reader {
        struct image_table *table;
        struct image_row *row; /* the last one; NULL before the first head */
        unsigned keys;         /* which the row has: bits in the order of `keys` */
        const char *file;
        unsigned line;
        struct err *e;
};

static int wrong(const struct reader *r, const char *fmt, ...) PRINTF(2, 3);
static int wrong(const struct reader *r, const char *fmt, ...)
{
        CLEANUP(freep) char *text = NULL;
        va_list ap;

        va_start(ap, fmt);
        if (vasprintf(&text, fmt, ap) < 0)
                text = NULL;
        va_end(ap);
        return err_set(r->e, -EINVAL, NULL, "%s:%u: %s", r->file, r->line, text ? text : "");
}

/* One word, and the quotes off it: blanks part words, but not between quotes, of either kind. NULL: a quote is open. */
static char *take_word(struct line *rest)
{
        char *word = xcalloc(rest->n + 1, 1);
        char quote = '\0';
        size_t n = 0, i;

        for (i = 0; i < rest->n && (quote || !isspace((unsigned char)rest->s[i])); i++) {
                char c = rest->s[i];

                if (quote ? c == quote : (c == '"' || c == '\''))
                        quote = quote ? '\0' : c;
                else
                        word[n++] = c;
        }
        *rest = line_trim((struct line){ rest->s + i, rest->n - i });
        if (!quote)
                return word;
        free(word);
        return NULL;
}

static int words_of(const struct reader *r, const char *key, struct line value, char ***ret)
{
        CLEANUP(strv_freep) char **words = NULL;
        size_t n = 0;

        while (value.n) {
                char *word = take_word(&value);

                if (!word)
                        return wrong(r, "%s: a quote is not closed", key);
                if (n == WORDS_MAX) {
                        free(word);
                        return wrong(r, "%s: more than %d words", key, WORDS_MAX);
                }
                strv_push(&words, &n, word);
        }
        if (!n)
                return wrong(r, "%s: is empty", key);
        *ret = TAKE(words);
        return 0;
}

static int set_package(struct reader *r, struct line value)
{
        char name[ID_PACKAGE_MAX + 1];

        if (r->row->name)
                return wrong(r, "package: the row has a program already");
        if (!line_copy(value, name, sizeof(name)) || !id_is_package(name))
                return wrong(r, "package: \"%.*s\" is no name of a package", (int)(value.n > 200 ? 200 : value.n),
                             value.s);
        r->row->kind = IMAGE_PACKAGE;
        r->row->name = xstrdup(name);
        return 0;
}

static int set_program(struct reader *r, struct line value)
{
        char path[ID_PATH_MAX + 1];

        if (r->row->name)
                return wrong(r, "program: the row has a package already");
        if (!line_copy(value, path, sizeof(path)) || !id_is_path(path) || streq(path, "/"))
                return wrong(r, "program: \"%.*s\" is no normalized absolute path",
                             (int)(value.n > 200 ? 200 : value.n), value.s);
        r->row->kind = IMAGE_PATH;
        r->row->name = xstrdup(path);
        return 0;
}

static int set_version(struct reader *r, struct line value)
{
        char version[ID_VERSION_MAX + 1];

        for (size_t i = IMAGE_RULE_ANY; i <= IMAGE_RULE_TAG; i++)
                if (line_is(value, image_rule_words[i])) {
                        r->row->rule = (enum image_rule)i;
                        return 0;
                }
        if (!line_copy(value, version, sizeof(version)) || !id_is_version(version) ||
            strcspn(version, "0123456789") != 0)
                return wrong(r, "version: \"%.*s\" is neither any, major nor tag, nor the version of a package",
                             (int)(value.n > 200 ? 200 : value.n), value.s);
        r->row->version = xstrdup(version);
        return 0;
}

static int set_command(struct reader *r, struct line value)
{
        return words_of(r, "command", value, &r->row->command);
}

static int set_args(struct reader *r, struct line value)
{
        return words_of(r, "args", value, &r->row->args);
}

static int set_options(struct reader *r, struct line value)
{
        return words_of(r, "options", value, &r->row->options);
}

static int set_workdir(struct reader *r, struct line value)
{
        char path[ID_PATH_MAX + 1];

        if (!line_copy(value, path, sizeof(path)) || !id_is_path(path))
                return wrong(r, "workdir: \"%.*s\" is no normalized absolute path",
                             (int)(value.n > 200 ? 200 : value.n), value.s);
        r->row->working_dir = xstrdup(path);
        return 0;
}

static int set_ignored(struct reader *r, struct line value)
{
        return words_of(r, "ignored", value, &r->row->ignored);
}

static int set_paths(struct reader *r, struct line value)
{
        CLEANUP(strv_freep) char **words = NULL;
        struct image_row *row = r->row;

        if (words_of(r, "paths", value, &words) < 0)
                return -EINVAL;
        for (char **w = words; w && *w; w++) {
                char *colon = strchr(*w, ':');

                if (colon)
                        *colon = '\0';
                if (!colon || !id_is_path(*w) || !id_is_path(colon + 1) || streq(*w, "/") || streq(colon + 1, "/"))
                        return wrong(r, "paths: \"%.200s\" is not /the/image's:/the/package's", *w);
                row->paths = xrealloc(row->paths, row->n_paths + 1, sizeof(*row->paths));
                row->paths[row->n_paths++] = (struct image_path){ .theirs = xstrdup(*w), .ours = xstrdup(colon + 1) };
        }
        return 0;
}

static const struct {
        const char *name;
        int (*set)(struct reader *r, struct line value);
} keys[] = {
        { "package", set_package }, { "program", set_program }, { "version", set_version },
        { "command", set_command }, { "args", set_args },       { "options", set_options },
        { "paths", set_paths },     { "ignored", set_ignored }, { "workdir", set_workdir },
};

static int finish_row(struct reader *r)
{
        const struct image_row *row = r->row;

        if (!row)
                return 0;
        r->line = row->line;
        if (!row->name)
                return wrong(r, "the row has neither package nor program");
        if (row->kind == IMAGE_PATH && (row->version || row->rule != IMAGE_RULE_ANY))
                return wrong(r, "a program has no version");
        if (row->command && row->options)
                return wrong(r, "options: all args stand behind the command");
        return 0;
}

/* The row that has the pattern already; NULL: none. */
static const struct image_row *row_with(const struct image_table *t, const char *pattern)
{
        for (size_t i = 0; i < t->n; i++)
                for (char **p = t->rows[i].patterns; p && *p; p++)
                        if (streq(*p, pattern))
                                return &t->rows[i];
        return NULL;
}

static int add_pattern(struct reader *r, size_t *n, char *pattern)
{
        static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/:*?[]";
        struct image_reference parsed;
        const struct image_row *other = row_with(r->table, pattern);

        strv_push(&r->row->patterns, n, pattern);
        if (other)
                return wrong(r, "%.200s: line %u has that pattern already", pattern, other->line);
        if (pattern[strspn(pattern, allowed)] || !image_reference_parse(pattern, &parsed) || !*parsed.name ||
            *parsed.name == '/' || !*parsed.tag)
                return wrong(r, "\"%.200s\" is no pattern of images", pattern);
        if (++r->table->n_patterns > IMAGE_PATTERNS_MAX)
                return wrong(r, "more than %d patterns", IMAGE_PATTERNS_MAX);
        return 0;
}

static int begin_row(struct reader *r, struct line head)
{
        struct image_table *t = r->table;
        unsigned line = r->line;
        size_t n = 0;

        if (finish_row(r) < 0)
                return -EINVAL;
        r->line = line;
        if (head.s[head.n - 1] != ']')
                return wrong(r, "a row's head ends in \"]\"");
        head = line_trim((struct line){ head.s + 1, head.n - 2 });
        t->rows = xrealloc(t->rows, t->n + 1, sizeof(*t->rows));
        r->row = &t->rows[t->n++];
        *r->row = (struct image_row){ .line = line };
        r->keys = 0;
        if (!head.n)
                return wrong(r, "a row's head has one pattern at least");
        while (head.n) {
                struct line word = line_word(&head);
                int failed = add_pattern(r, &n, xstrndup(word.s, word.n));

                if (failed < 0)
                        return failed;
        }
        return 0;
}

static int take_line(struct reader *r, struct line l)
{
        const char *equals;
        struct line key;

        if (!l.n || *l.s == '#')
                return 0;
        if (*l.s == '[')
                return begin_row(r, l);
        equals = memchr(l.s, '=', l.n);
        if (!equals)
                return wrong(r, "neither [pattern ...] nor key = value");
        key = line_trim((struct line){ l.s, (size_t)(equals - l.s) });
        for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
                if (!line_is(key, keys[i].name))
                        continue;
                if (!r->row)
                        return wrong(r, "%s: no row has begun", keys[i].name);
                if (r->keys & 1U << i)
                        return wrong(r, "%s: the row has it already", keys[i].name);
                r->keys |= 1U << i;
                return keys[i].set(r, line_trim((struct line){ equals + 1, (size_t)(l.s + l.n - equals - 1) }));
        }
        return wrong(r, "\"%.*s\" is no key", (int)(key.n > 200 ? 200 : key.n), key.s);
}

int image_table_parse(const char *file, const char *text, size_t size, struct image_table **ret, struct err *e)
{
        CLEANUP(image_table_freep) struct image_table *t = NEW(struct image_table);
        struct reader r = { .table = t, .file = file, .e = e };
        struct line l;
        size_t pos = 0;

        while (next_line(text, size, &pos, &l)) {
                r.line++;
                if (memchr(l.s, '\0', l.n))
                        return wrong(&r, "a NUL");
                if (take_line(&r, line_trim(l)) < 0)
                        return -EINVAL;
        }
        if (finish_row(&r) < 0)
                return -EINVAL;
        *ret = TAKE(t);
        return 0;
}

struct image_table *image_table_free(struct image_table *t)
{
        for (size_t i = 0; t && i < t->n; i++) {
                struct image_row *row = &t->rows[i];

                for (size_t k = 0; k < row->n_paths; k++)
                        free(row->paths[k].theirs), free(row->paths[k].ours);
                strv_free(row->patterns), strv_free(row->command), strv_free(row->args), strv_free(row->options),
                        strv_free(row->ignored);
                free(row->paths), free(row->name), free(row->version), free(row->working_dir);
        }
        if (t)
                free(t->rows);
        free(t);
        return NULL;
}

int image_table_read(const char *file, struct image_table **ret, struct err *e)
{
        CLEANUP(freep) char *text = NULL;
        struct err why = ERR_NONE;
        size_t size = 0;
        int r = file_read(file, IMAGES_SIZE_MAX, &text, &size, &why);

        if (r < 0 && r != -ENOENT)
                return err_set(e, r, NULL, "%s", why.text);
        return image_table_parse(file, text ? text : "", size, ret, e);
}

size_t image_table_count(const struct image_table *t)
{
        return t->n;
}

const struct image_row *image_table_row(const struct image_table *t, size_t i)
{
        return &t->rows[i];
}
