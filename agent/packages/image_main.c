/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/packages/image_main.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <unistd.h>

#include "common/mem.h"

enum { TEXT_MAX = 1024 * 1024 };

/* ---- words ------------------------------------------------------------------------------------------------------- */

/* Quoted so that the same words would be read back. */
static void add_words(struct buf *b, const char *key, char *const *words)
{
        if (!words)
                return;
        buf_printf(b, "  %-8s", key);
        for (; *words; words++) {
                const char *quote = **words && !strpbrk(*words, " \t\"'") ? "" : strchr(*words, '"') ? "'" : "\"";

                buf_printf(b, " %s%s%s", quote, *words, quote);
        }
        buf_char(b, '\n');
}

static void add_row(struct buf *b, const struct image_row *row)
{
        add_words(b, "command", row->command);
        add_words(b, "args", row->args);
        add_words(b, "options", row->options);
        if (row->working_dir)
                buf_printf(b, "  %-8s %s\n", "workdir", row->working_dir);
        for (size_t i = 0; i < row->n_paths; i++)
                buf_printf(b, "  %-8s what is for %s is mounted at %s\n", "paths", row->paths[i].theirs,
                           row->paths[i].ours);
        add_words(b, "ignored", row->ignored);
}

/* ---- one image --------------------------------------------------------------------------------------------------- */

static void add_installed(struct buf *b, const struct image *image, struct packages *packages)
{
        struct package_image what;
        struct package found;
        struct err e = ERR_NONE;

        if (!packages_find(packages, image->name, &found)) {
                buf_printf(b, "  not installed: a pod with it has the package installed\n");
                return;
        }
        buf_printf(b, "  installed %s %s\n", found.name, found.version);
        if (packages_image(packages, image->name, &what, &e) < 0)
                buf_printf(b, "  unit     %s\n", e.text);
        else if (*what.unit)
                buf_printf(b, "  unit     %s of package %s: %s\n", what.unit, what.owner, what.why);
        else
                buf_printf(b, "  unit     none: %s\n", what.why);
}

static void add_version(struct buf *b, const struct image *image, const struct image_row *row)
{
        static const char *const rules[] = {
                [IMAGE_RULE_ANY] = "the newest that the machine's package sources have, whatever the tag says",
                [IMAGE_RULE_MAJOR] = "the newest of the package sources, if its first number is the tag's",
                [IMAGE_RULE_TAG] = "the newest of the package sources, if its numbers begin with the tag's",
        };

        if (*image->version)
                buf_printf(b, "  version  %s\n", image->version);
        else
                buf_printf(b, "  version  %s\n",
                           row ? rules[row->rule] : "the newest that the machine's package sources have");
}

int image_explain(const struct image_table *t, const char *file, const char *image, struct packages *packages,
                  struct buf *ret)
{
        const struct image_row *row;
        struct err e = ERR_NONE;
        struct image parsed;
        int r = image_parse(image, &parsed, &e);

        row = image_table_find(t, image, &parsed);
        if (!row && r < 0) {
                buf_printf(ret, "%s means nothing here: %s: %s\n", image, e.reason, e.text);
                return r;
        }
        if (row) {
                parsed = (struct image){ .kind = row->kind };
                snprintf(parsed.name, sizeof(parsed.name), "%s", row->name);
                snprintf(parsed.version, sizeof(parsed.version), "%s", row->version ? row->version : "");
        }
        buf_printf(ret, "%s is %s %s", image,
                   parsed.kind == IMAGE_PATH  ? "the program"
                   : parsed.kind == IMAGE_URL ? "a file of package"
                                              : "package",
                   parsed.name);
        if (row) {
                buf_printf(ret, ", by line %u of %s: [", row->line, file);
                for (char **p = row->patterns; *p; p++)
                        buf_printf(ret, "%s%s", p == row->patterns ? "" : " ", *p);
                buf_str(ret, "]\n");
        } else {
                buf_printf(ret, ", as it says%s\n",
                           image_is_exact(&parsed) ? ": a version of Debian's is never looked up" : "");
        }
        if (parsed.kind == IMAGE_PACKAGE || parsed.kind == IMAGE_URL)
                add_version(ret, &parsed, row);
        if (row)
                add_row(ret, row);
        if (packages && parsed.kind != IMAGE_PATH)
                add_installed(ret, &parsed, packages);
        return 0;
}

/* ---- the command ------------------------------------------------------------------------------------------------- */

static void list_rows(const struct image_table *t)
{
        for (size_t i = 0; i < image_table_count(t); i++) {
                const struct image_row *row = image_table_row(t, i);

                for (char **p = row->patterns; *p; p++)
                        printf("%-40s %s%s%s\n", *p, row->name, row->version ? ":" : "",
                               row->version ? row->version : "");
        }
}

static void usage(FILE *f)
{
        fputs("Usage: vks-agent image [--file FILE] [NAME...]\n"
              "\n"
              "Says what an image: of that name means on this machine, and why. Without a name: all that the table "
              "has.\n"
              "\n"
              "  --file FILE   this table instead of " IMAGES_FILE "\n"
              "  --check       nothing but whether the table is without a mistake\n"
              "  --help        this text\n",
              f);
}

static int explain_all(const struct image_table *t, const char *file, char *const *names, size_t n)
{
        CLEANUP(packages_freep) struct packages *packages = packages_new("");
        struct err e = ERR_NONE;
        int r = 0;

        if (packages_refresh(packages, &e) < 0) {
                fprintf(stderr, "vks-agent image: %s\n", e.text);
                packages = packages_free(packages);
        }
        for (size_t i = 0; i < n; i++) {
                CLEANUP(buf_done) struct buf b = BUF(TEXT_MAX);

                r |= image_explain(t, file, names[i], packages, &b) < 0;
                fputs(b.data ? b.data : "", stdout);
        }
        return r;
}

int image_main(int argc, char **argv)
{
        static const struct option flags[] = {
                { "file", required_argument, NULL, 'f' },
                { "check", no_argument, NULL, 'c' },
                { "help", no_argument, NULL, 'h' },
                { NULL, 0, NULL, 0 },
        };
        CLEANUP(image_table_freep) struct image_table *table = NULL;
        const char *file = NULL;
        struct err e = ERR_NONE;
        bool check = false;
        int flag;

        while ((flag = getopt_long(argc, argv, "", flags, NULL)) != -1)
                if (flag == 'f') {
                        file = optarg;
                } else if (flag == 'c') {
                        check = true;
                } else {
                        usage(flag == 'h' ? stdout : stderr);
                        return flag == 'h' ? 0 : 2;
                }
        if (check && optind < argc) {
                fputs("vks-agent image: --check takes no name\n", stderr);
                return 2;
        }
        if (file && access(file, F_OK) < 0) { /* where the usual one is not there, there are no rows */
                fprintf(stderr, "vks-agent image: %s: %s\n", file, strerrordesc_np(errno));
                return 1;
        }
        if (image_table_read(file ? file : IMAGES_FILE, &table, &e) < 0) {
                fprintf(stderr, "vks-agent image: %s\n", e.text);
                return 1;
        }
        if (check)
                return 0;
        if (optind < argc)
                return explain_all(table, file ? file : IMAGES_FILE, argv + optind, (size_t)(argc - optind));
        list_rows(table);
        return 0;
}
