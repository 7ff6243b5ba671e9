/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/policy_conf.h"

#include <errno.h>
#include <stdio.h>

#include "common/mem.h"

enum kind { PATTERNS, NAMES /* patterns of names of packages and namespaces */, PATHS, RANGES, CHOICE, NUMBER };

struct key {
        const char *name;
        enum kind kind;
        size_t offset;
        const char *fallback;   /* the default, as it would be written in the file */
        const char *wanted;     /* for a person who wrote something else */
        const char *choices[4]; /* CHOICE: its words in the order of their numbers */
        const char *untrusted;  /* the default with `preset = untrusted`; NULL: the same */
};

/*
 * The ids that machines give to people, and images to users of their own. Left out are the ids of other services of
 * this machine: those that Debian gives to packages (below 1000, and 60000 to 64999: Debian Policy 9.2.2) and systemd
 * to DynamicUser= (61184 to 65519); and nobody's.
 */
#define PEOPLE "1000-59999 65520-65533"

/* The ids that neither people nor services are given, nor subordinate users (subuid(5) begins at 100000). */
#define NOBODYS "65536-99999"

/*
 * What names are made of, and patterns of them: lists are separated by blanks. Of "deny-package = docker.io, podman" or
 * "Docker*" a word would match no package, and so deny none.
 */
#define NAME_CHARACTERS "abcdefghijklmnopqrstuvwxyz0123456789+-.*?[]!^"
#define NAMES_WANTED    "patterns of names, which are lower case, with blanks between them"

#define KEY(name, kind, field, ...)                                                                                    \
        {                                                                                                              \
                name, kind, offsetof(struct policy, field), __VA_ARGS__                                                \
        }
static const struct key keys[] = {
        KEY("preset", CHOICE, preset, "none", "none or untrusted", { "none", "untrusted" }, NULL),
        KEY("package", NAMES, package, "*", NAMES_WANTED, { NULL }, NULL),
        KEY("deny-package", NAMES, deny_package, "", NAMES_WANTED, { NULL }, NULL),
        KEY("bus", NAMES, bus, "*", NAMES_WANTED, { NULL }, ""),
        KEY("machine", NAMES, machine, "", NAMES_WANTED, { NULL }, NULL),
        KEY("url", PATTERNS, url, "", "prefixes", { NULL }, NULL),
        KEY("url-needs-sha256", CHOICE, url_needs_sha256, "yes", "yes or no", { "no", "yes" }, NULL),
        KEY("program", PATTERNS, program, "/usr/bin/* /bin/* /usr/sbin/* /sbin/* /usr/local/bin/* " PROGRAM_OF_POD,
            "patterns, or " PROGRAM_OF_POD, { NULL }, NULL),
        KEY("exec", NAMES, exec, "*", NAMES_WANTED, { NULL }, NULL),
        KEY("host-path", PATHS, host_path, "",
            "absolute, normalized paths below /, each with rw or ro behind it, or nothing", { NULL }, NULL),
        KEY("root", CHOICE, root, "package", "package, allow or deny", { "package", "allow", "deny" }, "deny"),
        KEY("user", RANGES, user, PEOPLE, "ids or ranges of ids", { NULL }, NOBODYS),
        KEY("group", RANGES, group, PEOPLE, "ids or ranges of ids", { NULL }, NOBODYS),
        KEY("max-units", NUMBER, max_units, "4096", "a number", { NULL }, NULL),
        KEY("max-pod-content", NUMBER, content.pod_mib, "64", "a number of MiB", { NULL }, NULL),
        KEY("max-content", NUMBER, content.all_percent, "12", "a number: percent of the memory", { NULL }, NULL),
};

static struct policy_list *list_of(struct policy *p, const struct key *k)
{
        return k->kind <= RANGES ? (struct policy_list *)(void *)((char *)p + k->offset) : NULL;
}

static uint32_t *number_of(struct policy *p, const struct key *k)
{
        return (uint32_t *)(void *)((char *)p + k->offset);
}

static void list_clear(struct policy_list *l)
{
        for (size_t i = 0; i < l->n; i++)
                free(l->items[i].text);
        free(l->items);
        *l = (struct policy_list){ 0 };
}

struct policy *policy_free(struct policy *p)
{
        for (size_t i = 0; p && i < ARRAY_LEN(keys); i++)
                if (list_of(p, &keys[i]))
                        list_clear(list_of(p, &keys[i]));
        free(p);
        return NULL;
}

static bool parse_number(const char *s, size_t n, uint32_t *ret)
{
        uint64_t v = 0;

        if (n == 0 || n > 10 || strspn(s, "0123456789") < n)
                return false;
        for (size_t i = 0; i < n; i++)
                v = v * 10 + (uint64_t)(s[i] - '0');
        *ret = (uint32_t)v;
        return v < UINT32_MAX;
}

static bool parse_range(const char *s, struct policy_item *it)
{
        size_t n = strcspn(s, "-");

        if (!parse_number(s, n, &it->first))
                return false;
        it->last = it->first;
        return (!s[n] || parse_number(s + n + 1, strlen(s + n + 1), &it->last)) && it->first <= it->last;
}

static bool parse_choice(const struct key *k, const char *word, uint32_t *ret)
{
        for (*ret = 0; k->choices[*ret]; ++*ret)
                if (streq(k->choices[*ret], word))
                        return true;
        return false;
}

static bool add_word(struct policy *p, const struct key *k, const char *word)
{
        struct policy_list *l = list_of(p, k);
        struct policy_item it = { 0 };

        if (k->kind == CHOICE)
                return parse_choice(k, word, number_of(p, k));
        if (k->kind == NUMBER)
                return parse_number(word, strlen(word), number_of(p, k));
        if (k->kind == PATHS && l->n > 0 && (streq(word, "rw") || streq(word, "ro"))) {
                l->items[l->n - 1].writable = streq(word, "rw");
                return true;
        }
        if ((k->kind == NAMES && word[strspn(word, NAME_CHARACTERS)]) ||
            (k->kind == RANGES && !parse_range(word, &it)) ||
            (k->kind == PATHS && (!id_is_path(word) || streq(word, "/"))))
                return false;
        it.text = xstrdup(word);
        l->items = xrealloc(l->items, l->n + 1, sizeof(it));
        l->items[l->n++] = it;
        return true;
}

static bool add_words(struct policy *p, const struct key *k, const char *value)
{
        size_t words = 0;

        for (size_t n; *(value += strspn(value, " \t")); value += n) {
                n = strcspn(value, " \t");
                CLEANUP(freep) char *word = xstrndup(value, n);
                if (!add_word(p, k, word) || (++words > 1 && !list_of(p, k)))
                        return false;
        }
        return words || list_of(p, k);
}

/* `line` without its newline and surrounding blanks, neither empty nor a comment. */
static int parse_line(struct policy *p, char *line, bool seen[static ARRAY_LEN(keys)], struct err *e)
{
        char *eq = strchr(line, '=');
        size_t n = eq ? (size_t)(eq - line) : 0;

        if (!eq)
                return err_set(e, -EINVAL, NULL, "not of the form key = value");
        while (n > 0 && (line[n - 1] == ' ' || line[n - 1] == '\t'))
                n--;
        line[n] = '\0';
        for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
                if (!streq(keys[i].name, line))
                        continue;
                if (!seen[i] && list_of(p, &keys[i]))
                        list_clear(list_of(p, &keys[i]));
                else if (seen[i] && !list_of(p, &keys[i]))
                        return err_set(e, -EINVAL, NULL, "%s is given twice", line);
                seen[i] = true;
                /* A comment behind a value would be read as more values, of which one might allow something. */
                if (strstr(eq + 1, " #") || strstr(eq + 1, "\t#") || eq[1] == '#')
                        return err_set(e, -EINVAL, NULL, "%s: a comment has a line of its own", line);
                return add_words(p, &keys[i], eq + 1)
                               ? 0
                               : err_set(e, -EINVAL, NULL, "%s: wanted: %s", line, keys[i].wanted);
        }
        return err_set(e, -EINVAL, NULL, "unknown key \"%.64s\"", line);
}

int policy_parse(const char *file, const char *text, size_t size, struct policy **ret, struct err *e)
{
        CLEANUP(policy_freep) struct policy *p = NEW(struct policy);
        bool seen[ARRAY_LEN(keys)] = { false };

        for (size_t i = 0; i < ARRAY_LEN(keys); i++)
                add_words(p, &keys[i], keys[i].fallback);
        if (size > POLICY_SIZE_MAX || (text && memchr(text, '\0', size)))
                return err_set(e, -EINVAL, NULL, "%s: too large, or not a text", file);
        for (unsigned number = 1; text && size > 0; number++) {
                const char *end = memchr(text, '\n', size);
                size_t n = end ? (size_t)(end - text) : size, skip = 0, trim = n;

                while (skip < n && strchr(" \t", text[skip]))
                        skip++;
                while (trim > skip && strchr(" \t\r", text[trim - 1]))
                        trim--;
                CLEANUP(freep) char *line = xstrndup(text + skip, trim - skip);
                if (line[0] && line[0] != '#' && parse_line(p, line, seen, e) < 0)
                        return err_prefix(e, "%s:%u: ", file, number);
                n += end ? 1 : 0;
                text += n, size -= n;
        }
        for (size_t i = 0; i < ARRAY_LEN(keys) && p->preset; i++) {
                if (seen[i] || !keys[i].untrusted)
                        continue;
                if (list_of(p, &keys[i]))
                        list_clear(list_of(p, &keys[i]));
                add_words(p, &keys[i], keys[i].untrusted);
        }
        *ret = TAKE(p);
        return 0;
}

void policy_print(const struct policy *policy, struct buf *b)
{
        struct policy *p = (struct policy *)(uintptr_t)policy;

        for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
                const struct key *k = &keys[i];
                const struct policy_list *l = list_of(p, k);

                buf_printf(b, "%s =", k->name);
                for (size_t j = 0; l && j < l->n; j++)
                        buf_printf(b, " %s%s", l->items[j].text,
                                   k->kind == PATHS ? l->items[j].writable ? " rw" : " ro" : "");
                if (k->kind == NUMBER)
                        buf_printf(b, " %u", *number_of(p, k));
                if (k->kind == CHOICE)
                        buf_printf(b, " %s", k->choices[*number_of(p, k)]);
                buf_char(b, '\n');
        }
}
