/* SPDX-License-Identifier: Apache-2.0 */
/* The policy file: what it says, what is a mistake in it, and how it is explained. */
#include "tests/unit/policy/written.h"

Test(policy_conf, defaults_are_in_force_without_a_file)
{
        CLEANUP(policy_freep) struct policy *p = NULL;
        CLEANUP(buf_done) struct buf b = BUF(4096);

        cr_assert_eq(policy_parse("x", NULL, 0, &p, NULL), 0);
        policy_print(p, &b);
        cr_assert_str_eq(
                b.data,
                "preset = none\npackage = *\ndeny-package =\nbus = *\nmachine =\nurl =\nurl-needs-sha256 = yes\n"
                "program = /usr/bin/* /bin/* /usr/sbin/* /sbin/* /usr/local/bin/* pod\nexec = *\nhost-path =\nroot = "
                "package\n"
                "user = 1000-59999 65520-65533\ngroup = 1000-59999 65520-65533\nmax-units = 4096\n"
                "max-pod-content = 64\nmax-content = 12\n");
}

Test(policy_conf, what_is_printed_reads_as_the_same_policy)
{
        CLEANUP(policy_freep)
        struct policy *p =
                conf("# comment\n  package = nginx*  redis\npackage=apache2\n\nhost-path = /srv rw /opt ro /data\n"
                     "root = deny\r\nuser = 5 7-9\nmax-units = 12");
        CLEANUP(buf_done) struct buf once = BUF(4096), twice = BUF(4096);

        policy_print(p, &once);
        cr_assert(strstr(once.data, "package = nginx* redis apache2\n"));
        cr_assert(strstr(once.data, "host-path = /srv rw /opt ro /data ro\n"));
        cr_assert(strstr(once.data, "root = deny\nuser = 5 7-9\n"));
        CLEANUP(policy_freep) struct policy *q = conf(once.data);
        policy_print(q, &twice);
        cr_assert_str_eq(once.data, twice.data);
}

Test(policy_conf, a_preset_is_other_defaults_and_what_the_file_says_holds)
{
        CLEANUP(policy_freep) struct policy *p = conf("user = 7\npreset = untrusted\npackage = nginx");
        CLEANUP(policy_freep) struct policy *none = conf("preset = none\nroot = allow");
        CLEANUP(buf_done) struct buf b = BUF(4096);

        policy_print(p, &b);
        cr_assert_str_eq(
                b.data,
                "preset = untrusted\npackage = nginx\ndeny-package =\nbus =\nmachine =\nurl =\nurl-needs-sha256 = yes\n"
                "program = /usr/bin/* /bin/* /usr/sbin/* /sbin/* /usr/local/bin/* pod\nexec = *\nhost-path =\nroot = "
                "deny\n"
                "user = 7\ngroup = 65536-99999\nmax-units = 4096\nmax-pod-content = 64\nmax-content = 12\n");
        cr_assert(none->root == POLICY_ROOT_ALLOW && none->bus.n == 1);
}

/* Whether a sentence of the explanation is said of a policy. */
Test(policy_conf, a_policy_is_explained_in_words)
{
        static const struct {
                const char *text, *words;
                bool said;
        } cases[] = {
                { "", "CANNOT BE HELD: a root daemon does what its configuration says", true },
                { "", "preset = untrusted", true },
                { "root = deny", "CANNOT BE HELD: a root daemon", false },
                { "root = deny", "No process of a pod is root", true },
                { "root = deny", "CANNOT BE HELD: a package's daemon with a configuration of the pod's may show",
                  true },
                { "root = allow", "Every pod may be root", true },
                { "root = allow", "No process of a pod is root", false },
                { "", "Any package, and any version", true },
                { "package = nginx", "Any package, and any version", false },
                { "package = nginx", "The packages above are installed", true },
                { "", "`url` is root here", false },
                { "url = https://a/", "`url` is root here", true },
                { "url = https://a/", "names no checksum", false },
                { "url = https://a/\nurl-needs-sha256 = no", "names no checksum", true },
                { "", "are on the system bus", true },
                { "bus =", "are on the system bus", false },
                { "bus =", "No pod sees the system bus", true },
                { "machine = polkitd", "CAUTION: who may make pods of the packages of `machine`", true },
                { "", "CAUTION", false },
                { "user = 33 5000", "CAUTION: ids below 1000", true },
                { "group = 0-4000", "CAUTION: ids below 1000", true },
                { "user = 1000\ngroup = 1000", "CAUTION", false },
                { "user = 59999", "has ids of people", true },
                { "user = 60000-70000 999", "has ids of people", false },
                { "", "Directories of host-path", false },
                { "host-path = /srv", "Directories of host-path", true },
                { "", "Any program may be a pod's first", false },
                { "", "A pod's first program may be a file of its own", true },
                { "preset = untrusted", "A pod's first program may be a file of its own", true },
                { "program = /usr/bin/*", "A pod's first program may be a file of its own", false },
                { "program = *", "Any program may be a pod's first", true },
                { "preset = untrusted", "No process of a pod is root", true },
                { "preset = untrusted", "has ids of people", false },
                { "preset = untrusted", "For pods that nobody trusts", false },
                { "preset = untrusted\nroot = package", "For pods that nobody trusts", false },
                { "root = deny", "For pods that nobody trusts", false },
                { "user = 1000", "has ids of people", true },
                { "user = 999", "CAUTION: ids below 1000", true },
                /* What holds with every policy. */
                { "", "\n# What an author of pods, and an agent that was taken over, can reach", true },
                { "preset = untrusted", "of what they recommend run as root then", true },
                { "preset = untrusted", "A pod of a package has that package's user", true },
                { "preset = untrusted", "are in no group outside of `group`", true },
                { "preset = untrusted", "may show what its groups read", true },
                { "preset = untrusted", "The network is the machine's", true },
                { "preset = untrusted", "can read each other's memory and files", true },
                { "preset = untrusted", "An agent that was taken over can do all this", true },
        };

        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                CLEANUP(policy_freep) struct policy *p = conf(cases[i].text), *same = NULL;
                CLEANUP(buf_done) struct buf b = BUF(65536);

                policy_explain(p, &b);
                cr_expect_eq(strstr(b.data, cases[i].words) != NULL, cases[i].said, "%s: %s", cases[i].text,
                             cases[i].words);
                cr_expect_eq(policy_parse("explained", b.data, b.len, &same, NULL), 0, "comments, and nothing else");
        }
}

Test(policy_conf, errors_name_file_line_and_reason)
{
        static const struct {
                const char *text, *error;
        } cases[] = {
                { "package = *\nfoo = 1\n", "policy.conf:2: unknown key \"foo\"" },
                { "package\n", "policy.conf:1: not of the form key = value" },
                { "\n\nroot = maybe\n", "policy.conf:3: root: wanted: package, allow or deny" },
                { "preset = trusted\n", "policy.conf:1: preset: wanted: none or untrusted" },
                { "root =\n", "policy.conf:1: root: wanted: package, allow or deny" },
                { "root = deny allow\n", "policy.conf:1: root: wanted: package, allow or deny" },
                { "root = deny\nroot = deny\n", "policy.conf:2: root is given twice" },
                { "user = 5-3\n", "policy.conf:1: user: wanted: ids or ranges of ids" },
                { "user = 4294967295\n", "policy.conf:1: user: wanted: ids or ranges of ids" },
                { "user = x\n", "policy.conf:1: user: wanted: ids or ranges of ids" },
                { "max-units = -1\n", "policy.conf:1: max-units: wanted: a number" },
                { "max-pod-content = 64M\n", "policy.conf:1: max-pod-content: wanted: a number of MiB" },
                { "max-content = 12%\n", "policy.conf:1: max-content: wanted: a number: percent of the memory" },
                { "host-path = /\n", "policy.conf:1: host-path: wanted: absolute, normalized paths below /, each with "
                                     "rw or ro behind it, or nothing" },
                { "host-path = /a/../b\n", "policy.conf:1: host-path: wanted: absolute, normalized paths below /, each "
                                           "with rw or ro behind it, or nothing" },
                { "package = nginx # no longer *\n", "policy.conf:1: package: a comment has a line of its own" },
                { "root = deny #\n", "policy.conf:1: root: a comment has a line of its own" },
                { "user =\t# 0\n", "policy.conf:1: user: a comment has a line of its own" },
                { "host-path = rw\n", "policy.conf:1: host-path: wanted: absolute, normalized paths below /, each with "
                                      "rw or ro behind it, or nothing" },
        };

        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                struct policy *p = NULL;
                struct err e = ERR_NONE;
                cr_assert_eq(policy_parse("policy.conf", cases[i].text, strlen(cases[i].text), &p, &e), -EINVAL, "%s",
                             cases[i].text);
                cr_assert_str_eq(e.text, cases[i].error);
        }
        cr_assert_eq(policy_parse("policy.conf", "root\0", 5, &(struct policy *){ NULL }, NULL), -EINVAL);
}

Test(policy_conf, numbers_and_blanks)
{
        static const struct {
                const char *text;
                int r;
        } table[] = {
                { "max-units = 0000000005", 0 },
                { "max-units = 00000000005", -EINVAL },
                { "max-units = 5x", -EINVAL },
                { "max-units =", -EINVAL },
                { "max-units = 4294967294", 0 },
                { "max-units = 4294967295", -EINVAL },
                { "max-units = 5 6", -EINVAL },
                { "user = 5-", -EINVAL },
                { "user = -5", -EINVAL },
                { "user = 5-x", -EINVAL },
                { "user = 5-6-7", -EINVAL },
                { "user\t =\t5\t6 \t", 0 },
                { " \tuser = 5\r\n\n#x\n", 0 },
                { "=5", -EINVAL },
                { " = 5", -EINVAL },
                { "user = rw", -EINVAL },
                { "host-path = /a rw ro", 0 },
                { "host-path = /a wo", -EINVAL },
                { "package = rw", 0 },
                { "url-needs-sha256 = no", 0 },
                { "url-needs-sha256 = maybe", -EINVAL },
                { "user = 5\nuser = 6", 0 },
        };

        for (size_t i = 0; i < ARRAY_LEN(table); i++) {
                CLEANUP(policy_freep) struct policy *p = NULL;
                cr_expect_eq(policy_parse("x", table[i].text, strlen(table[i].text), &p, NULL), table[i].r, "%s",
                             table[i].text);
        }
}

Test(policy_conf, a_file_has_a_largest_size)
{
        CLEANUP(freep) char *text = xcalloc(POLICY_SIZE_MAX + 2, 1);
        CLEANUP(policy_freep) struct policy *p = NULL;

        memset(text, '\n', POLICY_SIZE_MAX + 1);
        cr_assert_eq(policy_parse("x", text, POLICY_SIZE_MAX, &p, NULL), 0);
        p = policy_free(p);
        cr_assert_eq(policy_parse("x", text, POLICY_SIZE_MAX + 1, &p, NULL), -EINVAL);
}

Test(policy_conf, the_last_line_needs_no_end_and_the_text_ends_where_it_is_said_to)
{
        CLEANUP(policy_freep) struct policy *p = NULL;
        CLEANUP(buf_done) struct buf b = BUF(4096);

        cr_assert_eq(policy_parse("x", "user = 57\nroot = deny", 8, &p, NULL), 0);
        policy_print(p, &b);
        cr_assert(strstr(b.data, "user = 5\n") && strstr(b.data, "root = package\n"), "%s", b.data);
}

/* The file is read into a buffer of its size, with nothing behind it. */
Test(policy_conf, blanks_at_the_end_are_the_last_that_is_read)
{
        static const char text[] = "user = 5\n \t ";
        CLEANUP(freep) char *exact = xcalloc(strlen(text), 1);
        CLEANUP(policy_freep) struct policy *p = NULL;
        CLEANUP(buf_done) struct buf b = BUF(4096);

        memcpy(exact, text, strlen(text));
        cr_assert_eq(policy_parse("x", exact, strlen(text), &p, NULL), 0);
        policy_print(p, &b);
        cr_assert_not_null(strstr(b.data, "user = 5\n"), "%s", b.data);
}
