/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/packages/image_main.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <getopt.h>

static const char TABLE[] =
        "# a comment\n[redis quay.io/redis:7*]\npackage = redis-server\nversion = major\n"
        "options = redis-server 'a \"b'\nworkdir = /d\npaths = /data:/var/lib/redis\nignored = X_*\n"
        "[git]\npackage = git\ncommand = /usr/bin/git\nargs = --help \"\"\n"
        "[tool]\nprogram = /usr/bin/tool\n[pin]\npackage = pin\nversion = 1:2-3\n";

/* Rows: an image, the whole text, and whether it means anything. */
Test(image_main, it_says_what_a_name_means_and_why)
{
        static const struct {
                const char *image, *text;
                int r;
        } rows[] = {
                { "docker.io/library/redis:7.2",
                  "docker.io/library/redis:7.2 is package redis-server, by line 2 of F: [redis quay.io/redis:7*]\n"
                  "  version  the newest of the package sources, if its first number is the tag's\n"
                  "  options  redis-server 'a \"b'\n"
                  "  workdir  /d\n"
                  "  paths    what is for /data is mounted at /var/lib/redis\n"
                  "  ignored  X_*\n",
                  0 },
                { "git",
                  "git is package git, by line 9 of F: [git]\n"
                  "  version  the newest that the machine's package sources have, whatever the tag says\n"
                  "  command  /usr/bin/git\n"
                  "  args     --help \"\"\n",
                  0 },
                { "tool:1", "tool:1 is the program /usr/bin/tool, by line 13 of F: [tool]\n", 0 },
                { "pin", "pin is package pin, by line 15 of F: [pin]\n  version  1:2-3\n", 0 },
                { "redis:7.0.15-1",
                  "redis:7.0.15-1 is package redis, as it says: a version of Debian's is never looked up\n"
                  "  version  7.0.15-1\n",
                  0 },
                { "uptimed",
                  "uptimed is package uptimed, as it says\n"
                  "  version  the newest that the machine's package sources have\n",
                  0 },
                { "/bin/sh", "/bin/sh is the program /bin/sh, as it says\n", 0 },
                { "deb://h/app_1_all.deb", "deb://h/app_1_all.deb is a file of package app, as it says\n  version  1\n",
                  0 },
                { "A B",
                  "A B means nothing here: InvalidImageName: image: \"A B\" is no name of a Debian package "
                  "([a-z0-9][a-z0-9+.-]+, then perhaps :version)\n",
                  -EINVAL },
        };
        CLEANUP(image_table_freep) struct image_table *t = NULL;
        struct err e = ERR_NONE;

        cr_assert_eq(image_table_parse("F", TABLE, strlen(TABLE), &t, &e), 0, "%s", e.text);
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                CLEANUP(buf_done) struct buf b = BUF(4096);

                cr_expect_eq(image_explain(t, "F", rows[i].image, NULL, &b), rows[i].r, "%s", rows[i].image);
                cr_expect_str_eq(b.data, rows[i].text, "%s:\n%s", rows[i].image, b.data);
        }
}

Test(image_main, it_says_what_is_installed)
{
        CLEANUP(packages_freep) struct packages *packages = packages_new("/nonexistent");
        CLEANUP(image_table_freep) struct image_table *t = NULL;
        CLEANUP(buf_done) struct buf b = BUF(4096);

        cr_assert_eq(image_table_parse("F", TABLE, strlen(TABLE), &t, NULL), 0);
        cr_expect_eq(image_explain(t, "F", "pin", packages, &b), 0);
        cr_expect_not_null(strstr(b.data, "\n  not installed: a pod with it has the package installed\n"), "%s",
                           b.data);
}

/* What the programs that call it go by. */
Test(image_main, its_exit_code_says_whether_a_name_means_something)
{
        static const struct {
                const char *words[6];
                int r;
        } rows[] = {
                { { "image", "--file", "packaging/images.conf", "--check" }, 0 },
                { { "image", "--file", "packaging/images.conf", "redis:7", "/bin/sh" }, 0 },
                { { "image", "--file", "packaging/images.conf", "quay.io/no/such", "redis" }, 1 },
                { { "image", "--file", "packaging/images.conf" }, 0 },
                { { "image", "--file", "/nonexistent/f", "redis" }, 1 },
                { { "image", "--file", "packaging/policy.conf", "--check" }, 0 }, /* nothing but comments */
                { { "image", "--file", "Makefile", "--check" }, 1 },
                { { "image", "--check", "redis" }, 2 },
                { { "image", "--no-such-flag" }, 2 },
                { { "image", "--help" }, 0 },
        };

        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                char *argv[7] = { NULL };
                int argc = 0;

                for (; rows[i].words[argc]; argc++)
                        argv[argc] = (char *)(uintptr_t)rows[i].words[argc];
                optind = 0; /* getopt(3): begin anew */
                cr_expect_eq(image_main(argc, argv), rows[i].r, "row %zu", i);
        }
}
