/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pod/resolv.h"

#include <errno.h>

#include "agent/lib/json.h"
#include "common/buf.h"
#include "common/mem.h"

enum {
        TEXT_MAX = 256 * 1024,
        NAMESERVERS_MAX = 3, /* pkg/apis/core/validation: MaxDNSNameservers, and so on */
        SEARCHES_MAX = 32,
        SEARCHES_BYTES_MAX = 2048,
};

/* The words behind one keyword. */
struct words {
        char **all;
        size_t n;
};

/* Neither a second line nor a comment comes out of a word, whoever lets it through. */
static bool is_word(const char *s)
{
        if (!s || !*s)
                return false;
        for (; *s; s++)
                if ((unsigned char)*s <= ' ' || strchr("#;", *s) || (unsigned char)*s >= 0x7f)
                        return false;
        return true;
}

static int add_words(struct buf *b, const cJSON *list, const char *keyword, bool each, struct err *e)
{
        const cJSON *item;
        bool first = true;

        cJSON_ArrayForEach (item, list) {
                if (!is_word(cJSON_GetStringValue(item)))
                        return err_set(e, -EINVAL, "FailedCreatePodSandBox", "spec.dnsConfig: not a word behind \"%s\"",
                                       keyword);
                if (first || each)
                        buf_printf(b, "%s%s", first ? "" : "\n", keyword);
                buf_printf(b, " %s", item->valuestring);
                first = false;
        }
        if (!first)
                buf_char(b, '\n');
        return 0;
}

int resolv_of_config(const cJSON *config, char **ret, struct err *e)
{
        CLEANUP(buf_done) struct buf b = BUF(TEXT_MAX);
        const cJSON *option;
        int r = add_words(&b, json_get(config, "nameservers"), "nameserver", true, e);

        if (r == 0)
                r = add_words(&b, json_get(config, "searches"), "search", false, e);
        if (r < 0)
                return r;
        cJSON_ArrayForEach (option, json_get(config, "options")) {
                const char *name = json_str(option, "name"), *value = json_str(option, "value");

                if (!is_word(name) || (value && *value && !is_word(value)))
                        return err_set(e, -EINVAL, "FailedCreatePodSandBox", "spec.dnsConfig.options: not an option");
                buf_printf(&b, "options %s%s%s\n", name, value && *value ? ":" : "", value ? value : "");
        }
        if (!buf_ok(&b))
                return err_set(e, -EINVAL, "FailedCreatePodSandBox", "spec.dnsConfig: more than %d bytes", TEXT_MAX);
        *ret = b.len ? buf_steal(&b) : xstrdup("");
        return 0;
}

/* Of an option: without its value. */
static size_t name_length(const char *word, bool options)
{
        return options ? strcspn(word, ":") : strlen(word);
}

/* Adds a word that is not there; an option that is there gets the later value. */
static void add(struct words *w, const char *word, bool options)
{
        size_t n = name_length(word, options);

        for (size_t i = 0; i < w->n; i++)
                if (name_length(w->all[i], options) == n && memcmp(w->all[i], word, n) == 0) {
                        if (options) {
                                free(w->all[i]);
                                w->all[i] = xstrdup(word);
                        }
                        return;
                }
        strv_push(&w->all, &w->n, xstrdup(word));
}

/* As resolv.conf(5) has it: of several lines with domains the last one counts, in each of the two files. */
static void collect(const char *text, const char *keyword, struct words *ret)
{
        CLEANUP(freep) char *copy = xstrdup(text);
        bool options = streq(keyword, "options"), search = streq(keyword, "search");
        char *lines = NULL;
        struct words own = { 0 };

        for (char *line = strtok_r(copy, "\n", &lines); line; line = strtok_r(NULL, "\n", &lines)) {
                line[strcspn(line, "#;")] = '\0';
                char *save = NULL, *key = strtok_r(line, " \t\r", &save);

                if (!key || !(streq(key, keyword) || (search && streq(key, "domain"))))
                        continue;
                while (search && own.n)
                        free(own.all[--own.n]);
                for (char *word = strtok_r(NULL, " \t\r", &save); word; word = strtok_r(NULL, " \t\r", &save))
                        if (is_word(word))
                                strv_push(&own.all, &own.n, xstrdup(word));
        }
        for (size_t i = 0; i < own.n; i++) {
                add(ret, own.all[i], options);
                free(own.all[i]);
        }
        free(own.all);
}

char *resolv_text(const char *machines, const char *own)
{
        static const struct {
                const char *keyword;
                size_t most;
                bool each;
        } kinds[] = { { "nameserver", NAMESERVERS_MAX, true },
                      { "search", SEARCHES_MAX, false },
                      { "options", SIZE_MAX, false } };
        CLEANUP(buf_done) struct buf b = BUF(TEXT_MAX);

        for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
                struct words w = { 0 };
                size_t bytes = 0;

                collect(machines, kinds[k].keyword, &w);
                collect(own, kinds[k].keyword, &w);
                for (size_t i = 0; i < w.n; i++) {
                        bytes += strlen(w.all[i]) + 1;
                        if (i < kinds[k].most && (kinds[k].most != SEARCHES_MAX || bytes <= SEARCHES_BYTES_MAX + 1))
                                buf_printf(&b, "%s%s %s", i && kinds[k].each ? "\n" : "",
                                           i && !kinds[k].each ? "" : kinds[k].keyword, w.all[i]);
                        free(w.all[i]);
                }
                if (w.n)
                        buf_char(&b, '\n');
                free(w.all);
        }
        return buf_ok(&b) && b.len ? buf_steal(&b) : xstrdup("");
}
