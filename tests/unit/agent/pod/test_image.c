/* SPDX-License-Identifier: Apache-2.0 */
/* image: names, versions, addresses and paths, and what is none of them. */
#include "tests/unit/agent/pod/parsed.h"

Test(image, names_versions_urls_and_paths)
{
        struct image i;

        cr_assert_eq(image_parse("nginx", &i, NULL), 0);
        cr_assert(i.kind == IMAGE_PACKAGE && streq(i.name, "nginx") && !*i.version);
        cr_assert_eq(image_parse("nginx:latest", &i, NULL), 0);
        cr_assert(!*i.version);
        cr_assert_eq(image_parse("bind9:1:9.18.28-1~deb12u2", &i, NULL), 0);
        cr_assert(streq(i.name, "bind9") && streq(i.version, "1:9.18.28-1~deb12u2"),
                  "an epoch follows the first colon");
        cr_assert_eq(image_parse("deb://example.org/tmp/coredns_1.7.1-bla_amd64.deb", &i, NULL), 0);
        cr_assert(i.kind == IMAGE_URL && streq(i.name, "coredns") && streq(i.version, "1.7.1-bla"));
        cr_assert(image_is(&i, "1.7.1-bla") && image_is(&i, "2:1.7.1-bla") && !image_is(&i, "1.7.1"),
                  "a file name has no epoch");
        cr_assert_eq(
                image_parse("https://h/"
                            "a_1_amd64.deb@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
                            &i, NULL),
                -EINVAL, "a package's name has two characters at least");
        cr_assert_eq(
                image_parse("https://h/"
                            "ab_1_amd64.deb@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
                            &i, NULL),
                0);
        cr_assert(i.sha256[0] == '0' && i.url_size == strlen("https://h/ab_1_amd64.deb"));
        cr_assert_eq(image_parse("https://h/ab_1_x.deb", &i, NULL), 0, "the shortest name of a file");
        cr_assert_eq(image_parse("/usr/bin/sleep", &i, NULL), 0);
        cr_assert(i.kind == IMAGE_PATH);
}

Test(image, everything_else_is_invalid)
{
        static const char *const bad[] = { "",
                                           "Nginx",
                                           "docker.io/Library/nginx",
                                           "docker.io//nginx",
                                           "host:x/nginx",
                                           "a/b/",
                                           "a..b/c",
                                           "a___b/c",
                                           "Host/x",
                                           "Host/a.b",
                                           ":5/x",
                                           "-Host.example/x",
                                           ".Host.example/x",
                                           "Host.example-/x",
                                           "Host..example/x",
                                           "A_host.example/x",
                                           "Host:/x",
                                           "Host:5x/x",
                                           "a/b:",
                                           "a/b:.5",
                                           "a/b:-5",
                                           "nginx:.5/x",
                                           "a/b@sha256:00",
                                           "-y",
                                           "nginx:",
                                           "nginx:a b",
                                           "/",
                                           "/usr/../bin/x",
                                           "nginx@sha256:00",
                                           "deb://h/nothing.deb",
                                           "https://h/x_1_amd64.rpm",
                                           "https://h/xx_1.deb",
                                           "https://h/xx_1_.deb",
                                           "https://h/xx_-_amd64.deb",
                                           "https://h/xx_1_amd64.deb@sha256:zz",
                                           "nginx;reboot" };

        for (size_t k = 0; k < ARRAY_LEN(bad); k++) {
                struct image i;
                struct err e = ERR_NONE;
                cr_assert_eq(image_parse(bad[k], &i, &e), -EINVAL, "%s was taken", bad[k]);
                cr_assert_str_eq(e.reason, "InvalidImageName", "%s", bad[k]);
        }
}

/* What a registry could have and this node has not: the kubelet would say ErrImagePull, and its node has the same word.
 */
Test(image, references_to_registries_are_valid_and_not_for_this_node)
{
        static const char digest[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
        static const char *const foreign[] = { "docker.io/library/redis:7.2",
                                               "registry.example/x:1",
                                               "localhost:5000/a-b--c/d__e.f:v1.0-rc_1",
                                               "localhost/x",
                                               "gcr.io/a/b/c",
                                               "10.0.0.1:443/x",
                                               "Registry.Example:1/x",
                                               "Registry.Example/x:1",
                                               "registry.EXAMPLE/x",
                                               "Registry.Example/x:1..2",
                                               "Host:1/x",
                                               "library/nginx",
                                               "nginx:1_2",
                                               "my_image",
                                               "a",
                                               "nginx@sha256:",
                                               "quay.io/x/y:1@sha256:" };

        for (size_t k = 0; k < ARRAY_LEN(foreign); k++) {
                CLEANUP(freep) char *s = xasprintf("%s%s", foreign[k], ends_with(foreign[k], ":") ? digest : "");
                struct image i;
                struct err e = ERR_NONE;
                cr_assert_eq(image_parse(s, &i, &e), -EINVAL, "%s was taken", s);
                cr_assert_str_eq(e.reason, "ErrImagePull", "%s", s);
                cr_assert_eq(i.kind, IMAGE_FOREIGN);
                cr_assert_not_null(strstr(e.text, "Debian package"));
        }
}

Test(image, names_versions_and_tags_have_a_largest_length)
{
        static const struct {
                const char *head, *tail;
                char c;
                size_t most;
                enum image_kind is, longer_is;
        } table[] = {
                { "", "", 'a', ID_PACKAGE_MAX, IMAGE_PACKAGE, IMAGE_FOREIGN },
                { "", ":1", 'a', ID_PACKAGE_MAX, IMAGE_PACKAGE, IMAGE_FOREIGN },
                { "ab:", "", '1', ID_VERSION_MAX, IMAGE_PACKAGE, IMAGE_INVALID },
                { "https://h/", "_1_all.deb", 'a', ID_PACKAGE_MAX, IMAGE_URL, IMAGE_INVALID },
                { "https://h/ab_", "_all.deb", '1', ID_VERSION_MAX, IMAGE_URL, IMAGE_INVALID },
                { "host.example/x:", "", '_', 128, IMAGE_FOREIGN, IMAGE_INVALID },
        };

        for (size_t i = 0; i < ARRAY_LEN(table); i++) {
                CLEANUP(freep)
                char *longest = long_image(table[i].head, table[i].c, table[i].most, table[i].tail),
                     *longer = long_image(table[i].head, table[i].c, table[i].most + 1, table[i].tail);
                struct image image;

                (void)image_parse(longest, &image, NULL);
                cr_expect_eq(image.kind, table[i].is, "%s", longest);
                (void)image_parse(longer, &image, NULL);
                cr_expect_eq(image.kind, table[i].longer_is, "%s", longer);
        }
}

Test(image, two_are_the_same_when_they_mean_the_same_file)
{
#define SUM "@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde"
        static const struct {
                const char *a, *b;
                bool same;
        } table[] = {
                { "nginx", "nginx", true },
                { "nginx", "nginx:latest", true },
                { "nginx", "redis", false },
                { "nginx:1", "nginx:2", false },
                { "nginx:1", "nginx", false },
                { "https://h/ab_1_amd64.deb", "https://h/ab_1_amd64.deb", true },
                { "https://h/ab_1_amd64.deb", "https://g/ab_1_amd64.deb", false },
                { "https://h/ab_1_amd64.deb", "https://hh/ab_1_amd64.deb", false },
                { "https://h/ab_1_amd64.deb", "https://h/ab_1_amd64.deb" SUM "f", false },
                { "https://h/ab_1_amd64.deb" SUM "e", "https://h/ab_1_amd64.deb" SUM "f", false },
                { "https://h/ab_1_amd64.deb", "ab:1", false },
                { "/bin/ab", "/bin/ab", true },
                { "/bin/ab", "/bin/cd", false },
        };

        for (size_t i = 0; i < ARRAY_LEN(table); i++) {
                struct image a, b;
                cr_assert_eq(image_parse(table[i].a, &a, NULL), 0);
                cr_assert_eq(image_parse(table[i].b, &b, NULL), 0);
                cr_expect_eq(image_same(&a, &b), table[i].same, "%s and %s", table[i].a, table[i].b);
        }
}

Test(image, an_installed_version_is_what_was_asked_for)
{
        static const struct {
                const char *image, *installed;
                bool is;
        } table[] = {
                { "nginx", "1", true },
                { "nginx:1", "1", true },
                { "nginx:1", "2", false },
                { "nginx:1", "2:1", false },
                { "https://h/ab_1_amd64.deb", "1", true },
                { "https://h/ab_1_amd64.deb", "2:1", true },
                { "https://h/ab_1_amd64.deb", "1:2", false },
                { "https://h/ab_2:1_amd64.deb", "2:1", true },
                { "https://h/ab_2:1_amd64.deb", "3:1", false },
        };

        for (size_t i = 0; i < ARRAY_LEN(table); i++) {
                struct image image;
                cr_assert_eq(image_parse(table[i].image, &image, NULL), 0, "%s", table[i].image);
                cr_expect_eq(image_is(&image, table[i].installed), table[i].is, "%s and %s", table[i].image,
                             table[i].installed);
        }
}

Test(image, what_is_wrong_with_it_is_told)
{
        static const char *const table[][2] = {
                { "", "image: is empty" },
                { "https://h/ab_1_amd64.deb@sha256:00",
                  "image: \"https://h/ab_1_amd64.deb@sha256:00\" has a checksum that is not 64 lower-case hex digits" },
                { "deb://h/a b_1_amd64.deb", "image: \"deb://h/a b_1_amd64.deb\" has a character that no URL has" },
                { "deb://h/\x7f_1_amd64.deb", "image: \"deb://h/\x7f_1_amd64.deb\" has a character that no URL has" },
                { "deb://h/'/ab_1_amd64.deb", "image: \"deb://h/'/ab_1_amd64.deb\" has a character that no URL has" },
                { "deb://h/\"/ab_1_amd64.deb", "image: \"deb://h/\"/ab_1_amd64.deb\" has a character that no URL has" },
                { "deb://h/\\/ab_1_amd64.deb", "image: \"deb://h/\\/ab_1_amd64.deb\" has a character that no URL has" },
                { "deb://h/ab_1.deb",
                  "image: \"deb://h/ab_1.deb\" does not end in <package>_<version>_<architecture>.deb" },
                { "deb://h/A_1_amd64.deb",
                  "image: \"deb://h/A_1_amd64.deb\" names no Debian package before the first \"_\"" },
                { "deb://h/ab_-_amd64.deb",
                  "image: \"deb://h/ab_-_amd64.deb\" tells no version of a Debian package behind the first \"_\"" },
                { "/usr/", "image: \"/usr/\" is not a normalized absolute path" },
                { "/", "image: \"/\" is not a normalized absolute path" },
                { "nginx:-", "image: \"nginx:-\" has a tag that is no version of a Debian package" },
                { "docker.io/X", "image: \"docker.io/X\" is no name of a Debian package ([a-z0-9][a-z0-9+.-]+, then "
                                 "perhaps :version)" },
        };
        struct image image;
        struct err e = ERR_NONE;

        for (size_t i = 0; i < ARRAY_LEN(table); i++) {
                cr_expect_eq(image_parse(table[i][0], &image, &e), -EINVAL);
                cr_expect_str_eq(e.text, table[i][1], "%s", e.text);
        }
        cr_expect_eq(image_parse(NULL, &image, &e), -EINVAL);
}

Test(image, parts_of_an_address)
{
        struct image i;
        static const char url[] = "https://h/d_e_f/ab_1_amd64.deb" SUM "f";

        cr_assert_eq(image_parse(url, &i, NULL), 0);
        cr_assert_eq(i.kind, IMAGE_URL);
        cr_assert_str_eq(i.name, "ab");
        cr_assert_str_eq(i.version, "1");
        cr_assert_str_eq(i.sha256, strchr(url, ':') + strlen("://h/d_e_f/ab_1_amd64.deb@sha256:"));
        cr_assert_eq(i.url, url);
        cr_assert_eq(i.url_size, strlen("https://h/d_e_f/ab_1_amd64.deb"));
        cr_assert_eq(image_parse("/bin/sh", &i, NULL), 0);
        cr_assert_str_eq(i.name, "/bin/sh");
        cr_assert(!*i.version && !i.url && !*i.sha256);
}
