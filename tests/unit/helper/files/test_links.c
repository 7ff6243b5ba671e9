/* SPDX-License-Identifier: Apache-2.0 */
#include "helper/files/links.h"

#include <errno.h>

#include "tests/unit/root.h"

TestSuite(links, .init = make_root, .fini = remove_root);

static bool in_pod(const char *path, const void *userdata)
{
        CLEANUP(freep) char *full = xasprintf("%s%s", root, (const char *)userdata);
        size_t n = strlen(full);

        return strncmp(path, full, n) == 0 && (path[n] == '\0' || path[n] == '/');
}

/* Where `path` leads, without `root`; "" where it leads to nothing that is covered, "ELOOP" where to nothing at all. */
static char *lead(const char *path, const char *covered)
{
        CLEANUP(freep) char *full = xasprintf("%s%s", root, path), *end = NULL;
        int r = links_lead(full, in_pod, covered, &end);

        cr_assert(r == 0 ? end != NULL : !end && (r == -ENOENT || r == -ELOOP));
        return xstrdup(r == 0 ? end + strlen(root) : r == -ELOOP ? "ELOOP" : "");
}

Test(links, a_way_is_followed_to_what_is_covered)
{
        static const struct {
                const char *path, *covered, *end;
        } cases[] = {
                { "/usr/bin/tool", "/srv", "" },
                { "/usr/bin/tool", "/usr/bin", "/usr/bin/tool" },
                { "/usr/bin/tool", "/usr/bin/tool", "/usr/bin/tool" },
                { "/bin/tool", "/usr/bin", "/usr/bin/tool" }, /* a relative link, of a directory */
                { "/bin/tool", "/usr/bi", "" },
                { "/usr/bin/other", "/srv", "/srv/deep/other" }, /* two links, the second with ".." */
                { "/usr/bin/other", "/srv/deep/other/more", "" },
                { "/usr/bin/other/more", "/srv/deep/other/more", "/srv/deep/other/more" },
                { "/usr/bin/dots", "/srv", "/srv/x" },
                { "/usr/bin/round", "/srv", "ELOOP" },
                { "/usr/bin/round", "/usr/bin", "/usr/bin/round" },
                { "/none/x", "/srv", "" },
                { "/none/x", "/none", "/none/x" },
        };

        put("/usr/bin/tool", "");
        put_link("/bin", "usr/bin");
        put_link("/usr/bin/other", "../lib/first");
        put_link("/usr/lib/first", "../../srv/deep/other");
        put_link("/usr/bin/dots", "./.././bin/../../srv/x");
        put_link("/usr/bin/round", "round");
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                CLEANUP(freep) char *end = lead(cases[i].path, cases[i].covered);

                cr_expect_str_eq(end, cases[i].end, "%s under %s", cases[i].path, cases[i].covered);
        }
}

Test(links, an_absolute_link_begins_at_the_root_again)
{
        CLEANUP(freep) char *target = xasprintf("%s/srv/x", root), *end = NULL;

        put_link("/opt/bin/tool", target);
        end = lead("/opt/bin/tool", "/srv");
        cr_assert_str_eq(end, "/srv/x");
}
