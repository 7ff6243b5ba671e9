/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/policy_conf.h"

#include <errno.h>
#include <stdio.h>

#include "common/mem.h"

enum kind { PATTERNS, PATHS, RANGES, CHOICE, NUMBER };

struct key {
        const char *name;
        enum kind kind;
        size_t offset;
        const char *fallback; /* the default, as it would be written in the file; several values are separated by blanks */
        const char *choices;  /* CHOICE: its words in the order of their numbers */
};

static const struct key keys[] = {
        { "package", PATTERNS, offsetof(struct policy, package), "*", NULL },
        { "deny-package", PATTERNS, offsetof(struct policy, deny_package), "", NULL },
        { "url", PATTERNS, offsetof(struct policy, url), "", NULL },
        { "url-needs-sha256", CHOICE, offsetof(struct policy, url_needs_sha256), "yes", "no yes" },
        { "program", PATTERNS, offsetof(struct policy, program), "/usr/bin/* /bin/* /usr/sbin/* /sbin/* /usr/local/bin/*", NULL },
        { "host-path", PATHS, offsetof(struct policy, host_path), "", NULL },
        { "root", CHOICE, offsetof(struct policy, root), "package", "package allow deny" },
        { "user", RANGES, offsetof(struct policy, user), "1000-65533", NULL },
        { "group", RANGES, offsetof(struct policy, group), "1000-65533", NULL },
        { "max-units", NUMBER, offsetof(struct policy, max_units), "4096", NULL },
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

        if (n == 0 || n > 10)
                return false;
        for (size_t i = 0; i < n; i++) {
                if (s[i] < '0' || s[i] > '9')
                        return false;
                v = v * 10 + (uint64_t)(s[i] - '0');
        }
        *ret = (uint32_t)v;
        return v < UINT32_MAX;
}

static bool parse_range(const char *s, struct policy_item *it)
{
        const char *dash = strchr(s, '-');
        size_t n = dash ? (size_t)(dash - s) : strlen(s);

        if (!parse_number(s, n, &it->first))
                return false;
        it->last = it->first;
        return (!dash || parse_number(dash + 1, strlen(dash + 1), &it->last)) && it->first <= it->last;
}

static bool parse_choice(const char *choices, const char *word, uint32_t *ret)
{
        size_t n = strlen(word);

        for (*ret = 0; *choices; (*ret)++) {
                size_t k = strcspn(choices, " ");
                if (k == n && strncmp(choices, word, n) == 0)
                        return true;
                choices += k + strspn(choices + k, " ");
        }
        return false;
}

/* One word of a value; NULL, or why it is wrong. */
static const char *add_word(struct policy *p, const struct key *k, const char *word)
{
        struct policy_list *l = list_of(p, k);
        struct policy_item it = { 0 };

        if (k->kind == PATHS && l->n > 0 && (streq(word, "rw") || streq(word, "ro"))) {
                l->items[l->n - 1].writable = streq(word, "rw");
                return NULL;
        }
        if (k->kind == CHOICE)
                return parse_choice(k->choices, word, number_of(p, k)) ? NULL : k->choices;
        if (k->kind == NUMBER)
                return parse_number(word, strlen(word), number_of(p, k)) ? NULL : "a number";
        if (k->kind == RANGES && !parse_range(word, &it))
                return "UID or UID-UID";
        if (k->kind == PATHS && (!id_is_path(word) || streq(word, "/")))
                return "an absolute, normalized path below / [ro|rw]";
        it.text = xstrdup(word);
        l->items = xrealloc(l->items, l->n + 1, sizeof(it));
        l->items[l->n++] = it;
        return NULL;
}

static const char *add_words(struct policy *p, const struct key *k, const char *value)
{
        size_t words = 0;

        while (*(value += strspn(value, " \t"))) {
                size_t n = strcspn(value, " \t");
                CLEANUP(freep) char *word = xstrndup(value, n);
                const char *why = add_word(p, k, word);

                if (why)
                        return why;
                if (++words > 1 && !list_of(p, k))
                        return "one value";
                value += n;
        }
        return words || list_of(p, k) ? NULL : "a value";
}

/* `line` without its newline and surrounding blanks, neither empty nor a comment. */
static int parse_line(struct policy *p, char *line, bool seen[static ARRAY_LEN(keys)], struct err *e)
{
        char *eq = strchr(line, '=');
        size_t n = eq ? (size_t)(eq - line) : 0;
        const char *why;

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
                why = add_words(p, &keys[i], eq + 1);
                return why ? err_set(e, -EINVAL, NULL, "%s: wanted: %s", line, why) : 0;
        }
        return err_set(e, -EINVAL, NULL, "unknown key \"%.64s\"", line);
}

int policy_parse(const char *file, const char *text, size_t size, struct policy **ret, struct err *e)
{
        CLEANUP(policy_freep) struct policy *p = NEW(struct policy);
        bool seen[ARRAY_LEN(keys)] = { false };
        unsigned number = 0;

        for (size_t i = 0; i < ARRAY_LEN(keys); i++)
                add_words(p, &keys[i], keys[i].fallback);
        if (size > POLICY_SIZE_MAX || (text && memchr(text, '\0', size)))
                return err_set(e, -EINVAL, NULL, "%s: too large, or not a text", file);
        while (text && size > 0) {
                const char *end = memchr(text, '\n', size);
                size_t n = end ? (size_t)(end - text) : size, skip = strspn(text, " \t") < n ? strspn(text, " \t") : n, trim = n;

                number++;
                while (trim > skip && strchr(" \t\r", text[trim - 1]))
                        trim--;
                CLEANUP(freep) char *line = xstrndup(text + skip, trim - skip);
                if (line[0] && line[0] != '#' && parse_line(p, line, seen, e) < 0)
                        return err_prefix(e, "%s:%u: ", file, number);
                n += end ? 1 : 0;
                text += n;
                size -= n;
        }
        *ret = TAKE(p);
        return 0;
}

static void print_choice(struct buf *b, const char *choices, uint32_t n)
{
        while (n-- > 0)
                choices += strcspn(choices, " ") + 1;
        buf_printf(b, " %.*s", (int)strcspn(choices, " "), choices);
}

void policy_print(const struct policy *policy, struct buf *b)
{
        struct policy *p = (struct policy *)(uintptr_t)policy;

        for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
                const struct key *k = &keys[i];
                const struct policy_list *l = list_of(p, k);

                buf_printf(b, "%s =", k->name);
                for (size_t j = 0; l && j < l->n; j++)
                        buf_printf(b, " %s%s", l->items[j].text, k->kind == PATHS ? l->items[j].writable ? " rw" : " ro" : "");
                if (k->kind == NUMBER)
                        buf_printf(b, " %u", *number_of(p, k));
                if (k->kind == CHOICE)
                        print_choice(b, k->choices, *number_of(p, k));
                buf_char(b, '\n');
        }
}
