/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pod/image_table.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>

#include "common/mem.h"

static struct image_table *table(const char *text)
{
        struct image_table *t = NULL;
        struct err e = ERR_NONE;

        cr_assert_eq(image_table_parse("images.conf", text, strlen(text), &t, &e), 0, "%s", e.text);
        return t;
}

/* "package:version", or "" when no row stands for it */
static const char *meaning(const struct image_table *t, const char *image)
{
        static char text[300];
        const struct image_row *row;
        struct image parsed;

        (void)image_parse(image, &parsed, NULL);
        row = image_table_find(t, image, &parsed);
        snprintf(text, sizeof(text), "%s", row ? row->name : "");
        return text;
}

Test(image_table, a_reference_is_what_registries_take_it_for)
{
        static const struct {
                const char *image, *name, *tag;
        } rows[] = {
                { "redis", "redis", "latest" },
                { "redis:7.2", "redis", "7.2" },
                { "library/redis:7.2", "redis", "7.2" },
                { "docker.io/redis", "redis", "latest" },
                { "docker.io/library/redis:7.2-alpine", "redis", "7.2-alpine" },
                { "index.docker.io/prom/prometheus:v2", "prom/prometheus", "v2" },
                { "registry.k8s.io/redis:7@sha256:x", "registry.k8s.io/redis", "7" },
                { "redis@sha256:x", "redis", "" },
                { "localhost:5000/redis", "localhost:5000/redis", "latest" },
                { "localhost:5000/redis:1", "localhost:5000/redis", "1" },
                { "docker.io/library/", "", "latest" },
        };

        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct image_reference r;

                cr_assert(image_reference_parse(rows[i].image, &r));
                cr_expect_str_eq(r.name, rows[i].name, "%s: %s", rows[i].image, r.name);
                cr_expect_str_eq(r.tag, rows[i].tag, "%s: %s", rows[i].image, r.tag);
        }
}

Test(image_table, what_is_too_long_is_no_reference)
{
        CLEANUP(freep) char *tag = xcalloc(ID_VERSION_MAX + 10, 1), *name = xcalloc(ID_PATH_MAX + 10, 1);
        struct image_reference r;

        memset(name, 'a', ID_PATH_MAX + 1);
        cr_expect_not(image_reference_parse(name, &r));
        name[ID_PATH_MAX] = '\0';
        cr_expect(image_reference_parse(name, &r));
        memset(tag, 'a', ID_VERSION_MAX + 3);
        tag[1] = ':';
        cr_expect_not(image_reference_parse(tag, &r));
        tag[ID_VERSION_MAX + 2] = '\0';
        cr_expect(image_reference_parse(tag, &r));
}

Test(image_table, the_first_pattern_that_fits_counts)
{
        static const struct {
                const char *image, *package;
        } rows[] = {
                { "redis", "redis-all" },
                { "docker.io/library/redis", "redis-all" },
                { "docker.io/redis:7.2", "redis-seven" },
                { "redis:7", "redis-seven" },
                { "redis:6", "redis-all" },
                { "redis:70", "redis-seven" },
                { "redis@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", "redis-all" },
                { "redis-x", "" },
                { "quay.io/library/redis", "redis-any" },
                { "quay.io/a/b/library/redis:1", "redis-any" },
                { "quay.io/b/redis", "" },
                { "prom/prometheus", "prometheus" },
                { "quay.io/prometheus/prometheus", "prometheus" },
                { "quay.io/prometheus/x/prometheus", "" },
                { "apple:latest", "apple" },
                { "apple", "apple" },
                { "apple:1", "" },
                { "tool:a", "tool-ab" },
                { "tool:c", "" },
                { "pear", "pear" },
                { "quay.io/pear", "pear" },
                { "quay.io/a/pear:1", "pear" },
                { "quay.io/spear", "" },
                { "pear/x", "" },
                /* what is no image of a registry is never looked up */
                { "redis:5:7.0.15-1~deb12u1", "" },
                { "redis:7.0.15-1", "" },
                { "redis:7.0.15+x", "" },
                { "/usr/bin/redis", "" },
                { "deb://host/redis_7_all.deb", "" },
                { "Redis", "" },
                { "redis:", "" },
                /* but these are tags */
                { "redis:7.2-alpine3.19", "redis-seven" },
                { "redis:bookworm-20240101", "redis-all" },
        };
        CLEANUP(image_table_freep)
        struct image_table *t = table("[redis:7*]\npackage = redis-seven\n"
                                      "  [ docker.io/library/redis ]  \npackage=redis-all\n\n# a comment = x\n"
                                      "[**/library/redis]\npackage = redis-any\n"
                                      "[prom/prometheus quay.io/*/prometheus]\npackage = prometheus\n"
                                      "[apple:latest]\npackage = apple\n[tool:[ab]]\npackage = tool-ab\n"
                                      "[**/pear]\npackage = pear");

        cr_expect_eq(image_table_count(t), 7U);
        for (size_t i = 0; i < ARRAY_LEN(rows); i++)
                cr_expect_str_eq(meaning(t, rows[i].image), rows[i].package, "%s is \"%s\"", rows[i].image,
                                 meaning(t, rows[i].image));
        cr_expect_str_eq(meaning(NULL, "redis"), "");
}

Test(image_table, a_row_has_what_it_says)
{
        CLEANUP(image_table_freep)
        struct image_table *t = table("\n[app]\n"
                                      "package = app+x.1\nversion = major\n"
                                      "command = /bin/sh -c 'a \"b\"  c' \"\"\n"
                                      "args = --x=\"y z\"'q'\tlast\n"
                                      "paths = /data:/var/lib/app /etc/a/b:/etc/c\nignored = APP_* /run/x\n"
                                      "[other]\nprogram = /usr/bin/other\noptions = a -b\n[pinned]\n"
                                      "package = app\nversion = 1:2.3-4\n");
        const struct image_row *row = image_table_row(t, 0);

        cr_expect_eq(row->line, 2U);
        cr_expect_eq(row->kind, IMAGE_PACKAGE);
        cr_expect_str_eq(row->name, "app+x.1");
        cr_expect_eq(row->rule, IMAGE_RULE_MAJOR);
        cr_expect_str_eq(row->command[2], "a \"b\"  c");
        cr_expect_str_eq(row->command[3], "");
        cr_expect_null(row->command[4]);
        cr_expect_str_eq(row->args[0], "--x=y zq");
        cr_expect_str_eq(row->args[1], "last");
        cr_expect_eq(row->n_paths, 2U);
        cr_expect_str_eq(row->paths[1].theirs, "/etc/a/b");
        cr_expect_str_eq(row->paths[1].ours, "/etc/c");
        cr_expect_str_eq(row->ignored[1], "/run/x");
        row = image_table_row(t, 1);
        cr_expect_eq(row->kind, IMAGE_PATH);
        cr_expect_str_eq(row->name, "/usr/bin/other");
        cr_expect_str_eq(row->options[1], "-b");
        cr_expect_str_eq(image_table_row(t, 2)->version, "1:2.3-4");
}

Test(image_table, a_mistake_names_its_line)
{
        static const struct {
                const char *text, *words;
        } rows[] = {
                { "package = x", "f:1: package: no row has begun" },
                { "[a]\n\nx = y", "f:3: \"x\" is no key" },
                { "[a]\n = y", "f:2: \"\" is no key" },
                { "[a]\nPackage = app", "f:2: \"Package\" is no key" },
                { "[a]\npackage app", "f:2: neither [pattern ...] nor key = value" },
                { "[a\npackage = app", "f:1: a row's head ends in \"]\"" },
                { "[", "f:1: a row's head ends in \"]\"" },
                { "[]", "f:1: a row's head has one pattern at least" },
                { "[ ]", "f:1: a row's head has one pattern at least" },
                { "[a b]\n[c]\npackage = app", "f:1: the row has neither package nor program" },
                { "[a]\npackage = app\n\n[c]\n", "f:4: the row has neither package nor program" },
                { "[a]\npackage = app\npackage = app", "f:3: package: the row has it already" },
                { "[a]\npackage = app\nprogram = /bin/x", "f:3: program: the row has a package already" },
                { "[a]\nprogram = /bin/x\npackage = app", "f:3: package: the row has a program already" },
                { "[a]\npackage = -y", "f:2: package: \"-y\" is no name of a package" },
                { "[a]\npackage =", "f:2: package: \"\" is no name of a package" },
                { "[a]\npackage = app other", "f:2: package: \"app other\" is no name of a package" },
                { "[a]\nprogram = bin/x", "f:2: program: \"bin/x\" is no normalized absolute path" },
                { "[a]\nprogram = /", "f:2: program: \"/\" is no normalized absolute path" },
                { "[a]\npackage = app\nversion = new",
                  "f:3: version: \"new\" is neither any, major nor tag, nor the version of a package" },
                { "[a]\npackage = app\nversion = -1",
                  "f:3: version: \"-1\" is neither any, major nor tag, nor the version of a package" },
                { "[a]\npackage = app\nversion = 1_2",
                  "f:3: version: \"1_2\" is neither any, major nor tag, nor the version of a package" },
                { "[a]\nprogram = /bin/x\nversion = 1", "f:1: a program has no version" },
                { "[a]\nversion = tag\nprogram = /bin/x", "f:1: a program has no version" },
                { "[a]\npackage = app\ncommand = a 'b", "f:3: command: a quote is not closed" },
                { "[a]\npackage = app\nargs =", "f:3: args: is empty" },
                { "[a]\npackage = app\npaths = /a", "f:3: paths: \"/a\" is not /the/image's:/the/package's" },
                { "[a]\npackage = app\npaths = /a:/b /c:/", "f:3: paths: \"/c\" is not /the/image's:/the/package's" },
                { "[a]\npackage = app\npaths = /a/..:/b", "f:3: paths: \"/a/..\" is not /the/image's:/the/package's" },
                { "[a]\npackage = app\nworkdir = a/b", "f:3: workdir: \"a/b\" is no normalized absolute path" },
                { "[a]\npackage = app\ncommand = x\noptions = y", "f:1: options: all args stand behind the command" },
                { "[a]\npackage = app\n[b c a]\npackage = x", "f:3: a: line 1 has that pattern already" },
                { "[a a]", "f:1: a: line 1 has that pattern already" },
                { "[a@sha256:x]", "f:1: \"a@sha256:x\" is no pattern of images" },
                { "[/bin/x]", "f:1: \"/bin/x\" is no pattern of images" },
                { "[a:]", "f:1: \"a:\" is no pattern of images" },
                { "[docker.io/library/]", "f:1: \"docker.io/library/\" is no pattern of images" },
        };

        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                CLEANUP(image_table_freep) struct image_table *t = NULL;
                struct err e = ERR_NONE;

                cr_expect_eq(image_table_parse("f", rows[i].text, strlen(rows[i].text), &t, &e), -EINVAL, "%s",
                             rows[i].text);
                cr_expect_str_eq(e.text, rows[i].words, "%s: %s", rows[i].text, e.text);
        }
        cr_expect_eq(image_table_parse("f", "[a]\0\n", 5, &(struct image_table *){ NULL }, NULL), -EINVAL);
}

Test(image_table, the_longest_name_path_and_version_stay_whole)
{
        static const struct {
                const char *key;
                size_t longest;
                char first, others;
        } rows[] = { { "package", ID_PACKAGE_MAX, 'a', 'b' },
                     { "program", ID_PATH_MAX, '/', 'b' },
                     { "version", ID_VERSION_MAX, '1', '2' } };

        for (size_t i = 0; i < ARRAY_LEN(rows); i++)
                for (size_t more = 0; more < 2; more++) {
                        CLEANUP(image_table_freep) struct image_table *t = NULL;
                        CLEANUP(freep) char *word = xcalloc(rows[i].longest + more + 1, 1), *text = NULL;
                        struct err e = ERR_NONE;
                        bool version = streq(rows[i].key, "version");

                        for (size_t k = 0; k < rows[i].longest + more; k++)
                                word[k] = k % 100 ? rows[i].others : rows[i].first;
                        text = xasprintf("[a]\n%s%s = %s\n", version ? "package = app\n" : "", rows[i].key, word);
                        cr_assert_eq(image_table_parse("f", text, strlen(text), &t, &e), more ? -EINVAL : 0, "%s: %s",
                                     rows[i].key, e.text);
                        if (more)
                                continue;
                        cr_expect_str_eq(version ? image_table_row(t, 0)->version : image_table_row(t, 0)->name, word);
                }
}

Test(image_table, it_has_bounds)
{
        CLEANUP(freep) char *text = xcalloc(40, IMAGE_PATTERNS_MAX + 1);
        struct image_table *t = NULL;
        struct err e = ERR_NONE;
        size_t n = 0;

        for (int i = 0; i < IMAGE_PATTERNS_MAX; i++)
                n += (size_t)sprintf(text + n, "[x%d]\npackage=app\n", i);
        cr_assert_eq(image_table_parse("f", text, n, &t, &e), 0, "%s", e.text);
        t = image_table_free(t);
        n += (size_t)sprintf(text + n, "[x]\npackage=app\n");
        cr_expect_eq(image_table_parse("f", text, n, &t, &e), -EINVAL);
        cr_expect_str_eq(e.text, "f:4001: more than 2000 patterns");

        n = (size_t)sprintf(text, "[x]\npackage=app\nargs=");
        for (int i = 0; i < 200; i++)
                n += (size_t)sprintf(text + n, "a ");
        cr_assert_eq(image_table_parse("f", text, n, &t, &e), 0, "%s", e.text);
        t = image_table_free(t);
        n += (size_t)sprintf(text + n, "a ");
        cr_expect_eq(image_table_parse("f", text, n, &t, &e), -EINVAL);
        cr_expect_str_eq(e.text, "f:3: args: more than 200 words");
}

Test(image_table, a_tag_binds_the_version_by_its_rule)
{
        static const struct {
                const char *tag, *version;
                enum image_rule rule;
                bool allows;
        } rows[] = {
                { "7.2", "5:6.0-1", IMAGE_RULE_ANY, true },
                { "7.2", "5:7.0.15-1~deb12u1", IMAGE_RULE_MAJOR, true },
                { "7.2", "5:8.0.2-3", IMAGE_RULE_MAJOR, false },
                { "7", "5:70-3", IMAGE_RULE_MAJOR, false },
                { "70", "7.0-3", IMAGE_RULE_MAJOR, false },
                { "v2.45.0", "2.42.0+ds-5", IMAGE_RULE_MAJOR, true },
                { "7.2", "7.2.4-1", IMAGE_RULE_TAG, true },
                { "7.2", "7.20.4-1", IMAGE_RULE_TAG, false },
                { "7.2.4", "7.2-1", IMAGE_RULE_TAG, false },
                { "7.2-alpine", "1:7.2.9", IMAGE_RULE_TAG, true },
                { "7.02", "7.2", IMAGE_RULE_TAG, true },
                { "7.0", "7.0.1", IMAGE_RULE_TAG, true },
                { "7.0", "7.00.1", IMAGE_RULE_TAG, true },
                { "0.5", "0.5.1", IMAGE_RULE_TAG, true },
                { "0.5", "5.1", IMAGE_RULE_TAG, false },
                { "15", "15+248", IMAGE_RULE_TAG, true },
                { "7.2", "7-2", IMAGE_RULE_TAG, false },
                { "latest", "7.0-1", IMAGE_RULE_TAG, true },
                { "", "7.0-1", IMAGE_RULE_TAG, true },
                { "v", "7.0-1", IMAGE_RULE_TAG, true },
                { "3", "", IMAGE_RULE_TAG, false },
        };

        for (size_t i = 0; i < ARRAY_LEN(rows); i++)
                cr_expect_eq(image_rule_allows(rows[i].rule, rows[i].tag, rows[i].version), rows[i].allows, "%s: %s",
                             rows[i].tag, rows[i].version);
}

Test(image_table, a_file_that_is_not_there_is_an_empty_table)
{
        CLEANUP(image_table_freep) struct image_table *t = NULL;
        struct err e = ERR_NONE;

        cr_assert_eq(image_table_read("/nonexistent/images.conf", &t, &e), 0);
        cr_expect_eq(image_table_count(t), 0U);
        cr_expect_lt(image_table_read("/proc/self", &(struct image_table *){ NULL }, &e), 0);
        cr_expect(strstr(e.text, "/proc/self"));
}

/* Each row of it is one that can be reached: it has a pattern that no row before it takes. */
Test(image_table, the_shipped_one_is_good)
{
        CLEANUP(image_table_freep) struct image_table *t = NULL;
        struct err e = ERR_NONE;

        cr_assert_eq(image_table_read("packaging/images.conf", &t, &e), 0, "%s", e.text);
        cr_expect_gt(image_table_count(t), 30U);
        for (size_t i = 0; i < image_table_count(t); i++) {
                const struct image_row *row = image_table_row(t, i);
                struct image parsed;

                (void)image_parse(row->patterns[0], &parsed, NULL);
                cr_expect_eq(image_table_find(t, row->patterns[0], &parsed), row, "%s", row->patterns[0]);
                for (size_t k = 0; k < row->n_paths; k++)
                        cr_expect(!starts_with(row->paths[k].ours, "/usr/"), "%s", row->paths[k].ours);
        }
        cr_expect_str_eq(meaning(t, "docker.io/library/redis:7.2"), "redis-server");
        cr_expect_str_eq(meaning(t, "mirror.gcr.io/library/postgres:16"), "postgresql");
        cr_expect_str_eq(meaning(t, "uptimed"), "");
}
