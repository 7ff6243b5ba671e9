/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/path.h"

#include <criterion/criterion.h>

static const struct {
        const char *path, *dir;
        bool in, beneath;
} cases[] = {
        { "/a", "/a", true, false },
        { "/a/b", "/a", true, true },
        { "/a/b/c", "/a", true, true },
        { "/a", "/a/b", false, false },
        { "/b", "/a", false, false },
        /* a name that begins like another one */
        { "/ab", "/a", false, false },
        { "/ab/c", "/a", false, false },
        { "/a", "/ab", false, false },
        { "/a/bc", "/a/b", false, false },
        { "/a.b", "/a", false, false },
        { "/a\\x2fb", "/a", false, false },
        /* all there is */
        { "/", "/", true, false },
        { "/a", "/", true, true },
        { "/a/b", "/", true, true },
        { "/", "/a", false, false },
        { "/a", "", true, true }, /* "/" without its "/", as of "%s/%s" */
        { "", "", true, false },
        /* a "/" at the end of `dir`: what is beneath it, and not itself */
        { "/a/b", "/a/", true, true },
        { "/a", "/a/", false, false },
        { "/ab", "/a/", false, false },
        { "/a/", "/a", true, false }, /* an entry of the lists of places, looked at from a path: it is that path */
        { "/a/b/", "/a", true, true },
        { "/a/", "/a/", true, false },
        /* what `url` rules compare */
        { "https://example.org/pool/a.deb", "https://example.org/pool", true, true },
        { "https://example.org/pool/a.deb", "https://example.org/pool/", true, true },
        { "https://example.org/pool-of-others/a.deb", "https://example.org/pool", false, false },
        { "https://example.org.evil/a.deb", "https://example.org", false, false },
};

Test(path, one_path_lies_in_another_by_whole_names_only)
{
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                cr_expect_eq(path_is_in(cases[i].path, cases[i].dir), cases[i].in, "%s in %s", cases[i].path,
                             cases[i].dir);
                cr_expect_eq(path_is_beneath(cases[i].path, cases[i].dir), cases[i].beneath, "%s beneath %s",
                             cases[i].path, cases[i].dir);
        }
}
