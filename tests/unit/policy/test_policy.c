/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include <errno.h>
#include <stdio.h>

#include "common/mem.h"
#include "common/message.h"
#include "policy/policy.h"
#include "policy/policy_conf.h"
#include "policy/privilege.h"
#include "policy/rules.h"
#include "proto/verbs.h"

#define UID "0f6c2a9e-1234-4abc-8def-0123456789ab"

static struct policy *conf(const char *text)
{
        struct policy *p = NULL;
        struct err e = ERR_NONE;

        cr_assert_eq(policy_parse("policy.conf", text, strlen(text), &p, &e), 0, "%s", e.text);
        return p;
}

/* ---- the file ---------------------------------------------------------------------------------------------------- */

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

/* ---- every verb -------------------------------------------------------------------------------------------------- */

#define ROW(number, name, Message, body)                                                                               \
        Test(policy, name##_of_nothing_is_refused)                                                                     \
        {                                                                                                              \
                CLEANUP(policy_freep) struct policy *p = conf("root = allow");                                         \
                union op op = { 0 };                                                                                   \
                struct err e = ERR_NONE;                                                                               \
                Vks__##Message m;                                                                                      \
                                                                                                                       \
                vks__##name##__init(&m);                                                                               \
                cr_expect_eq(policy_##name(p, &m, &op.name, &e), -EINVAL, "it was allowed to no pod");                 \
                cr_expect(e.text[0] && !e.reason[0], "what is malformed breaks no rule: %s", e.reason);                \
                op_##name##_done(&op.name);                                                                            \
        }
VERBS(ROW)
#undef ROW

/* ---- INSTALL ----------------------------------------------------------------------------------------------------- */

static int install(const char *text, const char *name, const char *version, const char *url, struct err *e)
{
        CLEANUP(policy_freep) struct policy *p = conf(text);
        Vks__Package k = VKS__PACKAGE__INIT, *packages[] = { &k };
        Vks__Install m = VKS__INSTALL__INIT;
        CLEANUP(op_install_done) struct op_install op = { 0 };

        k.name = (char *)(uintptr_t)name, k.version = (char *)(uintptr_t)version, k.url = (char *)(uintptr_t)url;
        m.packages = packages, m.n_packages = 1;
        return policy_install(p, &m, &op, e);
}

Test(policy, packages_are_installed_when_patterns_allow_them)
{
        struct err e = ERR_NONE;

        cr_assert_eq(install("", "nginx", "", "", &e), 0);
        cr_assert_eq(install("", "nginx", "1:1.22.1-9+deb12u1~x", "", &e), 0);
        cr_assert_eq(install("package = nginx*", "nginx-common", "", "", &e), 0);
        cr_assert_eq(install("package = nginx*", "apache2", "", "", &e), -EPERM);
        cr_assert_str_eq(e.reason, "package");
        cr_assert_eq(install("", "vks", "", "", &e),
                     -EPERM); /* a pod as user vks could ask the helper, and read the node's credentials */
        cr_assert_eq(install("deny-package = telnetd", "telnetd", "", "", &e), -EPERM);
        cr_assert_str_eq(e.reason, "deny-package");
        cr_assert_str_eq(e.text, "policy rule deny-package: telnetd is denied (see /etc/vks/policy.conf)");
}

/* A pattern that no name can match would deny nothing. */
Test(policy, a_pattern_that_matches_no_name_is_a_mistake)
{
        static const char *const bad[] = {
                "deny-package = docker.io, podman", "deny-package = Docker*", "deny-package = \"docker.io\"",
                "deny-package = docker.io:*",       "package = nginx,redis",  "exec = team_a"
        };

        for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
                CLEANUP(policy_freep) struct policy *p = NULL;
                struct err e = ERR_NONE;

                cr_expect_eq(policy_parse("FILE", bad[i], strlen(bad[i]), &p, &e), -EINVAL, "%s", bad[i]);
                cr_expect(strstr(e.text, "lower case, with blanks between them"), "%s", e.text);
        }
        policy_free(conf("deny-package = docker.io [!a-n]* lib*-dev g++ x?\nexec = team-*"));
}

Test(policy, nothing_that_looks_like_an_option_is_a_package)
{
        static const char *const bad[] = { "",       "-y",     "--allow-x", "a",     "./x.deb", "/x.deb",
                                           "nginx+", "nginx ", "nginx=1",   "Nginx", "n;x",     "nginx\n" };
        struct err e = ERR_NONE;

        for (size_t i = 0; i < ARRAY_LEN(bad); i++)
                if (!streq(bad[i], "nginx+"))
                        cr_assert_eq(install("", bad[i], "", "", &e), -EINVAL, "%s", bad[i]);
        cr_assert_eq(install("", "nginx", "-1", "", &e), -EINVAL);
        cr_assert_eq(install("", "nginx", "1 -y", "", &e), -EINVAL);
        cr_assert_eq(install("url = https://x\nurl-needs-sha256 = no", "nginx", "1", "https://x/y.deb", &e), -EINVAL,
                     "both a version and a URL");
}

Test(policy, package_files_come_from_where_the_operator_says)
{
        static const char *const bad[] = { "http://x/y.deb",   "file:///x/y.deb",   "https://x/../y.deb",
                                           "https://x//y.deb", "https://x/$y.deb",  "https://x/%2e.deb",
                                           "https://x/y.rpm",  "https://x/y.deb?z", "https://x@y/z.deb",
                                           "https:///y.deb/",  "deb://x/a b.deb" };
        struct err e = ERR_NONE;

        cr_assert_eq(install("", "nginx", "", "https://x/y.deb", &e), -EPERM);
        cr_assert_str_eq(e.reason, "url");
        cr_assert_eq(install("url = https://x/", "nginx", "", "https://x/y.deb", &e), -EPERM);
        cr_assert_str_eq(e.reason, "url-needs-sha256");
        cr_assert_eq(install("url = https://x/\nurl-needs-sha256 = no", "nginx", "", "https://x/y.deb", &e), 0);
        cr_assert_eq(install("url = https://x\nurl-needs-sha256 = no", "nginx", "", "https://x/y.deb", &e), 0);
        cr_assert_eq(install("url = https://x\nurl-needs-sha256 = no", "nginx", "", "https://x.evil/y.deb", &e),
                     -EPERM);
        cr_assert_eq(install("url = https://x/a\nurl-needs-sha256 = no", "nginx", "", "https://x/ab/y.deb", &e),
                     -EPERM);
        cr_assert_eq(install("url = deb://x https://y/\nurl-needs-sha256 = no", "nginx", "", "deb://x:8000/y.deb", &e),
                     -EPERM);
        for (size_t i = 0; i < ARRAY_LEN(bad); i++)
                cr_assert_eq(install("url = https:// deb:// http:// file://\nurl-needs-sha256 = no", "nginx", "",
                                     bad[i], &e),
                             -EINVAL, "%s", bad[i]);
}

/* ---- START, STOP, REMOVE, FILL ----------------------------------------------------------------------------------- */

static Vks__Pod pod = { PROTOBUF_C_MESSAGE_INIT(&vks__pod__descriptor), .namespace_ = (char *)"default",
                        .name = (char *)"web", .uid = (char *)UID };

Test(policy, only_units_of_pods_are_started)
{
        static const char *const bad[] = { "ssh.service",      "vks-helper.service", "vks.a.socket",
                                           "../vks.a.service", "vks.a/b.service",    "" };
        CLEANUP(policy_freep) struct policy *p = conf("");
        char *units[] = { (char *)"vks.default.web.nginx.service" };
        Vks__Start m = VKS__START__INIT;
        struct op_units op;
        struct err e = ERR_NONE;

        m.units = units, m.n_units = 1;
        cr_assert_eq(policy_start(p, &m, &op, &e), -EINVAL, "no pod");
        m.pod = &pod;
        cr_assert_eq(policy_start(p, &m, &op, &e), 0);
        for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
                units[0] = (char *)(uintptr_t)bad[i];
                cr_assert_eq(policy_start(p, &m, &op, &e), -EINVAL, "%s", bad[i]);
        }
        m.n_units = 0;
        cr_assert_eq(policy_start(p, &m, &op, &e), -EINVAL);
}

Test(policy, only_units_of_pods_are_stopped)
{
        CLEANUP(policy_freep) struct policy *p = conf("");
        char *units[] = { (char *)"vks.default.web.nginx.service", (char *)"dbus.service" };
        Vks__Stop m = VKS__STOP__INIT;
        struct op_units op;
        struct err e = ERR_NONE;

        m.pod = &pod, m.kill = true, m.units = units, m.n_units = 1;
        cr_assert_eq(policy_stop(p, &m, &op, &e), 0);
        cr_assert(op.flag && !op.signal && op.n_units == 1);
        m.n_units = 2;
        cr_assert_eq(policy_stop(p, &m, &op, &e), -EINVAL, "all of them must be");
        m.n_units = 0;
        cr_assert_eq(policy_stop(p, &m, &op, &e), -EINVAL);
}

Test(policy, a_unit_is_stopped_killed_or_signalled)
{
        CLEANUP(policy_freep) struct policy *p = conf("");
        char *units[] = { (char *)"vks.default.web.nginx.service" };
        Vks__Stop m = VKS__STOP__INIT;
        struct op_units op;
        struct err e = ERR_NONE;

        m.pod = &pod, m.units = units, m.n_units = 1;
        cr_assert_eq(policy_stop(p, &m, &op, &e), 0);
        cr_assert(!op.flag && !op.signal);
        m.signal = true;
        cr_assert_eq(policy_stop(p, &m, &op, &e), 0);
        cr_assert(!op.flag && op.signal);
        m.kill = true;
        cr_assert_eq(policy_stop(p, &m, &op, &e), -EINVAL, "not both");
        cr_assert_str_eq(e.text, "kill and signal: one of them");
}

Test(policy, only_remove_all_needs_no_unit)
{
        CLEANUP(policy_freep) struct policy *p = conf("");
        Vks__Remove m = VKS__REMOVE__INIT;
        struct op_units op;

        m.pod = &pod;
        cr_assert_eq(policy_remove(p, &m, &op, NULL), -EINVAL);
        m.all = true;
        cr_assert_eq(policy_remove(p, &m, &op, NULL), 0);
}

Test(policy, files_stay_in_their_volume)
{
        static const char *const bad[] = {
                "", "/etc/passwd", "../x", "a/../../x", "..data", "a//b", "a/", "a\nb", "."
        };
        CLEANUP(policy_freep) struct policy *p = conf("");
        Vks__File f = VKS__FILE__INIT, *files[] = { &f };
        Vks__Fill m = VKS__FILL__INIT;
        struct op_fill op;

        m.pod = &pod, m.volume = (char *)"config", m.files = files, m.n_files = 1;
        f.path = (char *)"sub/ca.crt", f.mode = 06755;
        cr_assert_eq(policy_fill(p, &m, &op, NULL), 0);
        cr_assert_eq(f.mode, 0755, "set-user-id was not cut");
        for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
                f.path = (char *)(uintptr_t)bad[i];
                cr_assert_eq(policy_fill(p, &m, &op, NULL), -EINVAL, "%s", bad[i]);
        }
        f.path = (char *)"x", m.volume = (char *)"../y";
        cr_assert_eq(policy_fill(p, &m, &op, NULL), -EINVAL);
}

/* ---- WRITE ------------------------------------------------------------------------------------------------------- */

struct written {
        Vks__Container c;
        Vks__Volume v;
        Vks__HostPath h;
        Vks__EmptyDir d;
        Vks__Mount m;
        Vks__Env env;
        Vks__Id user, group;
        char *command[2], *args[1];
        struct privilege who; /* of a package's unit that is root's */
        char target[ID_PATH_MAX + 1];
        struct err e;
};

static struct written container(void)
{
        struct written w = { .c = VKS__CONTAINER__INIT,
                             .v = VKS__VOLUME__INIT,
                             .h = VKS__HOST_PATH__INIT,
                             .d = VKS__EMPTY_DIR__INIT,
                             .m = VKS__MOUNT__INIT,
                             .env = VKS__ENV__INIT,
                             .user = VKS__ID__INIT,
                             .group = VKS__ID__INIT };

        w.c.name = (char *)"c", w.c.image = (char *)"nginx", w.c.package = (char *)"nginx-common",
        w.c.unit = (char *)"nginx.service";
        return w;
}

static Vks__Volume volume_of(const char *name, Vks__Volume__SourceCase kind)
{
        Vks__Volume v = VKS__VOLUME__INIT;

        v.name = (char *)(uintptr_t)name;
        v.source_case = kind;
        return v;
}

static Vks__Mount mount_at(const char *volume, const char *path, bool read_only)
{
        Vks__Mount m = VKS__MOUNT__INIT;

        m.volume = (char *)(uintptr_t)volume, m.path = (char *)(uintptr_t)path, m.read_only = read_only;
        return m;
}

static int write_with(const char *text, struct written *w)
{
        CLEANUP(policy_freep) struct policy *p = conf(text);
        CLEANUP(op_write_done) struct op_write op = { 0 };
        Vks__Container *containers[] = { &w->c };
        Vks__Volume *volumes[] = { &w->v };
        Vks__Mount *mounts[] = { &w->m };
        Vks__Env *env[] = { &w->env };
        Vks__Write m = VKS__WRITE__INIT;
        int r;

        m.pod = &pod, m.containers = containers, m.n_containers = 1, m.volumes = volumes,
        m.n_volumes = w->v.name[0] != '\0';
        w->c.mounts = mounts, w->c.n_mounts = w->m.volume[0] != '\0';
        w->c.env = env, w->c.n_env = w->env.name[0] != '\0';
        w->c.command = w->command, w->c.n_command = w->command[0] ? w->command[1] ? 2 : 1 : 0;
        w->c.args = w->args, w->c.n_args = w->args[0] != NULL;
        r = policy_write(p, &m, &op, &w->e);
        if (r == 0) {
                const struct unit_rights unit = { .unit = w->c.unit[0] ? w->c.unit : NULL,
                                                  .package = w->c.package,
                                                  .user = { .name = "root", .known = true },
                                                  .root = true,
                                                  .bus = "",
                                                  .ambient = "" };
                const struct person fallback = { .name = "vks-pod", .known = true, .uid = 991, .gid = 992 },
                                    given = { 0 };

                r = policy_privilege(p, &op.containers[0], &unit, &given, &fallback, false, &w->who, &w->e);
                if (op.containers[0].n_mounts)
                        memcpy(w->target, op.containers[0].mounts[0].target, sizeof(w->target));
        }
        return r;
}

static void expect_rule(const char *text, struct written *w, const char *rule)
{
        cr_assert_eq(write_with(text, w), -EPERM, "%s: %s", rule, w->e.text);
        cr_assert_str_eq(w->e.reason, rule);
        cr_assert(strstr(w->e.text, rule), "%s", w->e.text);
}

Test(policy, root_is_for_a_packages_own_command_line)
{
        struct written w = container();

        cr_assert_eq(write_with("", &w), 0, "%s", w.e.text);
        cr_assert(w.who.root && !w.who.set_user && !w.who.gains && w.who.own);
        w.args[0] = (char *)"-g";
        cr_assert_eq(write_with("", &w), 0);
        cr_assert(!w.who.root && w.who.fallback && !w.who.own);
        cr_assert_eq(write_with("root = allow", &w), 0);
        cr_assert(w.who.root && !w.who.set_user && w.who.gains && !w.who.own, "it is everybody's there");
        w = container();
        cr_assert_eq(write_with("root = deny", &w), 0);
        cr_assert(!w.who.root && w.who.fallback && w.who.uid == 991 && w.who.gid == 992);
}

Test(policy, run_as_user_0_is_refused_by_name)
{
        struct written w = container();

        w.c.run_as_user = &w.user;
        cr_assert_eq(write_with("", &w), 0);
        cr_assert(w.who.root && !w.who.set_user, "since the package's unit is root's");
        cr_assert_eq(write_with("root = allow", &w), 0);
        cr_assert(w.who.root && w.who.set_user);
        expect_rule("root = deny", &w, "root");
        w.command[0] = (char *)"/usr/bin/id";
        expect_rule("", &w, "root");
}

Test(policy, ids_must_be_in_the_ranges)
{
        struct written w = container();

        w.c.run_as_user = &w.user, w.user.value = 1000;
        cr_assert_eq(write_with("", &w), 0);
        cr_assert(w.who.set_user && w.who.uid == 1000 && w.who.become, "nobody has it");
        w.user.value = 999;
        expect_rule("", &w, "user");
        w.c.image = (char *)"/usr/bin/id", w.c.package = (char *)"", w.c.unit = (char *)"";
        expect_rule("", &w, "user");
        w.user.value = 1000, w.c.run_as_group = &w.group, w.group.value = 42;
        expect_rule("", &w, "group");
        w.group.value = 0;
        expect_rule("", &w, "group");
        cr_assert_eq(write_with("root = allow", &w), 0);
}

Test(policy, programs_match_the_patterns)
{
        static const char *const odd[] = { "/usr/bin/a b",         "/usr/bin/$x",  "/usr/bin/%n", "/usr/bin/\"",
                                           "/usr/bin/../../etc/x", "/usr/bin/\\x", "bin/x",       "" };
        struct written w = container();

        w.command[0] = (char *)"/usr/bin/sleep";
        cr_assert_eq(write_with("", &w), 0);
        expect_rule("program = /opt/*", &w, "program");
        w.command[0] = (char *)"sleep"; /* looked up, and asked again then */
        cr_assert_eq(write_with("program = /opt/*", &w), 0);
        w.command[0] = (char *)"/scripts/run";
        expect_rule("", &w, "program");
        cr_assert(strstr(w.e.text, "it takes a line \"program = /scripts/run\""), "%s", w.e.text);
        for (size_t i = 0; i < ARRAY_LEN(odd); i++) {
                w.command[0] = (char *)(uintptr_t)odd[i];
                cr_assert_eq(write_with("", &w), -EINVAL, "%s", odd[i]);
        }
        w = container();
        w.c.image = (char *)"/usr/bin/sleep", w.c.package = (char *)"", w.c.unit = (char *)"";
        cr_assert_eq(write_with("", &w), 0);
        expect_rule("program = /bin/*", &w, "program");
}

/* A mount decides what lies at a path: a pattern of policy's is about the machine's files. */
Test(policy, a_program_that_a_mount_covers_is_the_pods_own_or_known_by_its_path_on_the_machine)
{
        static const char only[] = "program = /scripts/* /data/* /run/* /tmp/* /srv/*\nhost-path = /srv rw /opt/t",
                          pod_too[] = "program = /srv/* pod\nexec = *\nhost-path = /srv rw /opt/t";
        enum { NO = -EPERM, YES = 0 };
        static const struct {
                const char *volume, *host, *at, *program;
                int with_pattern, with_pod;
        } cases[] = {
                { "f", NULL, "/scripts", "/scripts/run", NO, YES }, /* a ConfigMap */
                { "f", NULL, "/scripts", "/scripts/a/b", NO, YES },
                { "f", NULL, "/scripts", "/scripts2/run", NO, NO },
                { "d", NULL, "/data", "/data/run", NO, YES }, /* an emptyDir */
                { "d", NULL, "/srv/bin", "/srv/bin/run", NO, YES },
                { "d", NULL, "/srv/bin", "/srv/run", YES, YES }, /* beside it: the machine's */
                { "d", NULL, "/run/x", "/run/x/run", NO, YES },
                { "d", NULL, "/run/x", "/var/run/x/run", NO, YES },
                { "d", NULL, "/x", "/run/run", NO, YES }, /* what every pod has of its own */
                { "d", NULL, "/x", "/tmp/run", NO, YES },
                { "d", NULL, "/x", "/dev/shm/run", NO, YES },
                { "d", NULL, "/x", "/var/lib/run", NO, YES },
                { "h", "/srv/tools", "/data", "/data/run", YES, YES }, /* a hostPath: /srv/tools/run */
                { "h", "/opt/t", "/srv/bin", "/srv/bin/run", NO, NO }, /* ... and /opt/t/run */
                { "h", "/opt/t", "/tmp/bin", "/tmp/bin/run", NO, NO },
        };

        for (size_t i = 0; i < ARRAY_LEN(cases); i++)
                for (int image = 0; image < 2; image++) {
                        struct written w = container();
                        bool host = cases[i].host;

                        w.v.name = (char *)"v", w.m.volume = (char *)"v", w.m.path = (char *)(uintptr_t)cases[i].at;
                        w.v.source_case = host                          ? VKS__VOLUME__SOURCE_HOST_PATH
                                          : streq(cases[i].volume, "f") ? VKS__VOLUME__SOURCE_FILES
                                                                        : VKS__VOLUME__SOURCE_EMPTY_DIR;
                        if (host)
                                w.v.host_path = &w.h, w.h.path = (char *)(uintptr_t)cases[i].host, w.m.read_only = true;
                        else if (streq(cases[i].volume, "d"))
                                w.v.empty_dir = &w.d;
                        if (image)
                                w.c.image = (char *)(uintptr_t)cases[i].program, w.c.unit = w.c.package = (char *)"";
                        else
                                w.command[0] = (char *)(uintptr_t)cases[i].program;
                        cr_expect_eq(write_with(only, &w), cases[i].with_pattern, "%s of %s, by its path: %s",
                                     cases[i].program, cases[i].at, w.e.text);
                        if (cases[i].with_pattern == NO)
                                cr_expect_str_eq(w.e.reason, "program");
                        cr_expect_eq(write_with(pod_too, &w), cases[i].with_pod, "%s of %s, with pod: %s",
                                     cases[i].program, cases[i].at, w.e.text);
                        cr_expect_eq(write_with("program = *\nhost-path = /srv /opt", &w), 0, "%s", w.e.text);
                }
}

Test(policy, the_event_says_which_word_a_program_takes)
{
        struct written w = container();

        w.v.name = (char *)"v", w.m.volume = (char *)"v", w.m.path = (char *)"/scripts";
        w.v.source_case = VKS__VOLUME__SOURCE_EMPTY_DIR, w.v.empty_dir = &w.d;
        w.command[0] = (char *)"/scripts/run.sh";
        expect_rule("program = /usr/bin/*", &w, "program");
        cr_assert(strstr(w.e.text,
                         "/scripts/run.sh is not allowed, since it is the pod's own: it takes the word \"pod\""),
                  "%s", w.e.text);
        w.v.source_case = VKS__VOLUME__SOURCE_HOST_PATH, w.v.host_path = &w.h, w.h.path = (char *)"/srv/tools";
        expect_rule("host-path = /srv rw", &w, "program");
        cr_assert(strstr(w.e.text, "/srv/tools/run.sh is not allowed: it takes a line \"program = /srv/tools/run.sh\""),
                  "%s", w.e.text);
        w.m.sub_path = (char *)"mine";
        expect_rule("host-path = /srv rw\nprogram = /srv/tools/run.sh", &w, "program");
        cr_assert(strstr(w.e.text, "\"program = /srv/tools/mine/run.sh\""), "%s", w.e.text);
}

Test(policy, of_mounts_in_each_other_the_innermost_says_whose_a_path_is)
{
        struct op_volume own = { .kind = VOLUME_FILES }, host = { .kind = VOLUME_HOST, .host_path = "/srv" };
        struct op_mount mounts[] = { { .volume = &own, .target = "/a" },
                                     { .volume = &own, .target = "/a-b" },
                                     { .volume = &host, .target = "/a/b", .host_path = (char *)(uintptr_t) "/srv" } };
        struct op_container k = { .n_mounts = 3, .mounts = mounts };
        char plain[ID_PATH_MAX + 1];

        cr_expect_eq(policy_ground(&k, "/a/x"), GROUND_VOLUME);
        cr_expect_eq(policy_ground(&k, "/a"), GROUND_VOLUME);
        cr_expect_eq(policy_ground(&k, "/a/b/x"), GROUND_HOST_PATH);
        cr_expect_eq(policy_ground(&k, "/a/bc"), GROUND_VOLUME);
        cr_expect_eq(policy_ground(&k, "/ab"), GROUND_MACHINE);
        cr_expect_eq(policy_ground(&k, "/usr/bin/id"), GROUND_MACHINE);
        cr_expect_eq(policy_ground(&k, "/runner"), GROUND_MACHINE);
        cr_expect_eq(policy_ground(&k, "/var"), GROUND_PRIVATE);
        policy_plain_path("/var/lock/x", plain);
        cr_expect_str_eq(plain, "/run/lock/x");
        policy_plain_path("/var/running", plain);
        cr_expect_str_eq(plain, "/var/running");
}

Test(policy, the_longest_path_of_a_program_stays_whole)
{
        CLEANUP(policy_freep) struct policy *p = conf("program = /srv/*/end");
        struct op_volume host = { .kind = VOLUME_HOST, .host_path = "/srv" };
        struct op_mount mount = { .volume = &host, .target = "/a", .host_path = (char *)(uintptr_t) "/srv" };
        struct op_container k = { .n_mounts = 1, .mounts = &mount };
        char path[ID_PATH_MAX + 1] = "/a";
        struct err e = ERR_NONE;

        for (size_t i = 2; i < ID_PATH_MAX; i++)
                path[i] = i % 100 == 2 ? '/' : 'x';
        memcpy(path + ID_PATH_MAX - 4, "/end", sizeof("/end"));
        cr_assert_eq(strlen(path), ID_PATH_MAX);
        cr_expect_eq(policy_ground(&k, path), GROUND_HOST_PATH);
        cr_expect_eq(policy_program(p, &k, path, &e), 0, "%s", e.text);
}

Test(policy, a_working_dir_is_made_where_something_may_be_mounted)
{
        static const char *const never[] = { "/etc/vks/x",
                                             "/proc/1/root/x",
                                             "/sys/fs/cgroup/x",
                                             "/dev/x",
                                             "/usr/lib/x",
                                             "/usr/local/app",
                                             "/run/systemd/x",
                                             "/var/run/vks/x",
                                             "/run/credentials",
                                             "/run/credentials/x",
                                             "/var/run/credentials/vks.d.x.prf.service" };
        char plain[ID_PATH_MAX + 1];
        struct err e = ERR_NONE;

        cr_assert_eq(policy_working_dir("/var/run/app", plain, &e), 0, "%s", e.text);
        cr_assert_str_eq(plain, "/run/app");
        cr_assert_str_eq(e.text, "", "nothing is said of what may be");
        for (size_t i = 0; i < ARRAY_LEN(never); i++) {
                e = ERR_NONE;
                cr_expect_eq(policy_working_dir(never[i], plain, &e), -EPERM, "%s", never[i]);
                cr_expect_str_eq(e.reason, "mount-target");
                cr_expect(strstr(e.text, "workingDir ") && strstr(e.text, " is not there: policy rule mount-target: "),
                          "%s", e.text);
        }
}

Test(policy, a_package_without_unit_needs_a_command)
{
        struct written w = container();

        w.c.image = (char *)"zsh", w.c.unit = (char *)"", w.c.package = (char *)"";
        cr_assert_eq(write_with("", &w), -EINVAL);
        cr_assert_str_eq(w.e.text,
                         "container c: command: package zsh has no service unit, so the pod must give a command");
}

Test(policy, both_the_image_and_the_units_package_are_asked_about)
{
        struct written w = container();

        expect_rule("package = nginx", &w, "package");
        expect_rule("package = nginx-common", &w, "package");
        cr_assert_eq(write_with("package = nginx*", &w), 0);
        w.c.unit = (char *)"../x.service";
        cr_assert_eq(write_with("", &w), -EINVAL);
}

Test(policy, a_package_without_unit_is_a_package_all_the_same)
{
        struct written w = container();

        w.command[0] = (char *)"/bin/true", w.c.unit = (char *)"";
        cr_assert_eq(write_with("", &w), 0, "%s", w.e.text);
        w.c.package = (char *)"x\n[Service]\nExecStartPre=+/bin/sh"; /* it is written into the unit's [X-Kubernetes] */
        cr_assert_eq(write_with("", &w), -EINVAL);
}

Test(policy, no_variable_says_what_a_packages_unit_loads)
{
        static const char *const names[] = { "LD_PRELOAD",
                                             "LD_AUDIT",
                                             "GCONV_PATH",
                                             "PATH",
                                             "BASH_ENV",
                                             "BASH_FUNC_x%%",
                                             "BASH_FUNC_X_PORT_X%%",
                                             "PERL5OPT",
                                             "PERLLIB",
                                             "PYTHONPATH",
                                             "PYTHONUSERBASE",
                                             "PYTHONPYCACHEPREFIX",
                                             "PYTHONOPTIMIZEX",
                                             "NODE_OPTIONS",
                                             "JAVA_TOOL_OPTIONS",
                                             "JAVA_HOME",
                                             "SHELLOPTS",
                                             "OPENSSL_CONF",
                                             "_JAVA_OPTIONS",
                                             "JAVA_TOOL_OPTIONS",
                                             "NODE_OPTIONS",
                                             "LUA_INIT_5_4",
                                             "CREDENTIALS_DIRECTORY",
                                             "MAINPID",
                                             "XTABLES_LIBDIR",
                                             "TC_LIB_DIR",
                                             "ERL_LIBS",
                                             "AWKPATH" };
        static const char *const fine[] = { "PASSWORD", "KUBERNETES_SERVICE_HOST", "LANG", "NODE_NAME", "NODE_IP",
                                            "NODE_ENV", "ENV", "PYTHONUNBUFFERED", "PHP_MEMORY_LIMIT",
                                            /* of Services that are called ruby-app, ld and perl */
                                            "RUBY_APP_SERVICE_HOST", "LD_PORT_80_TCP_ADDR", "PERL_SERVICE_PORT_HTTP" };

        for (size_t i = 0; i < ARRAY_LEN(names); i++) {
                struct written w = container();

                w.env.name = (char *)(uintptr_t)names[i];
                expect_rule("", &w, "root");
                expect_rule("root = deny", &w, "root"); /* commands before it may run as root even then */
                cr_assert_eq(write_with("root = allow", &w), 0);
                w.c.unit = (char *)"", w.command[0] = (char *)"/bin/true";
                cr_assert_eq(write_with("", &w), 0);
        }
        for (size_t i = 0; i < ARRAY_LEN(fine); i++) {
                struct written w = container();

                w.env.name = (char *)(uintptr_t)fine[i];
                cr_assert_eq(write_with("", &w), 0, "%s", w.e.text);
        }
}

Test(policy, host_paths_lie_under_allowed_prefixes)
{
        static const char *const never[] = { "/etc",
                                             "/etc/vks",
                                             "/etc/vks/x",
                                             "/etc/shadow",
                                             "/proc",
                                             "/proc/1",
                                             "/sys",
                                             "/dev",
                                             "/boot/x",
                                             "/root",
                                             "/root/.ssh",
                                             "/run",
                                             "/run/vks",
                                             "/run/systemd/private",
                                             "/var",
                                             "/var/lib",
                                             "/var/lib/vks/pods",
                                             "/usr",
                                             "/home",
                                             "/" };
        struct written w = container();

        w.v.name = (char *)"h", w.v.source_case = VKS__VOLUME__SOURCE_HOST_PATH, w.v.host_path = &w.h;
        w.m.volume = (char *)"h", w.m.path = (char *)"/data";
        w.h.path = (char *)"/srv/data/x";
        expect_rule("", &w, "host-path");
        expect_rule("host-path = /srv/dat rw", &w, "host-path");
        cr_assert_eq(write_with("host-path = /srv/data rw", &w), 0);
        /* The nearest prefix decides, in whatever order they stand, and a directory brings along what is beneath it. */
        expect_rule("host-path = /srv rw /srv/data ro", &w, "host-path");
        expect_rule("host-path = /srv/data ro /srv rw", &w, "host-path");
        expect_rule("host-path = /srv rw /srv/data/x/keys ro", &w, "host-path");
        cr_assert_eq(write_with("host-path = /srv ro /srv/data rw", &w), 0);
        expect_rule("host-path = /srv/data", &w, "host-path");
        w.m.read_only = true;
        cr_assert_eq(write_with("host-path = /srv/data", &w), 0);
        for (size_t i = 0; i < ARRAY_LEN(never); i++) {
                w.h.path = (char *)(uintptr_t)never[i];
                expect_rule("host-path = /etc rw /proc rw /sys rw /dev rw /boot rw /root rw /run rw /var rw /usr rw "
                            "/home rw",
                            &w, "never-mount");
        }
        w.h.path = (char *)"/srv/data", w.h.type = (char *)"Whatever";
        cr_assert_eq(write_with("host-path = /srv rw", &w), -EINVAL);
        w.h.path = (char *)"/srv/\\x", w.h.type = (char *)"";
        cr_assert_eq(write_with("host-path = /srv rw", &w), -EINVAL);
}

Test(policy, a_part_of_a_host_path_lies_under_an_allowed_prefix_itself)
{
        struct written w = container();

        w.v.name = (char *)"h", w.v.source_case = VKS__VOLUME__SOURCE_HOST_PATH, w.v.host_path = &w.h;
        w.m.volume = (char *)"h", w.m.path = (char *)"/data";
        w.h.path = (char *)"/srv", w.m.sub_path = (char *)"data/x";
        cr_assert_eq(write_with("host-path = /srv rw", &w), 0, "%s", w.e.text);
        cr_assert_eq(write_with("host-path = /srv ro /srv/data rw", &w), 0, "%s", w.e.text);
        expect_rule("host-path = /srv rw /srv/data ro", &w, "host-path");
        expect_rule("host-path = /srv/data rw", &w, "host-path");
        w.h.path = (char *)"/etc/ssl", w.m.sub_path = (char *)"private";
        expect_rule("host-path = /etc/ssl rw", &w, "never-mount");
        static char longest[ID_PATH_MAX];
        memset(longest, 'x', sizeof(longest) - 1);
        for (size_t i = 100; i + 3 < sizeof(longest); i += 100)
                longest[i] = '/';
        w.h.path = (char *)"/srv", w.m.sub_path = longest;
        cr_assert_eq(write_with("host-path = /srv rw", &w), -EINVAL);
        cr_assert(strstr(w.e.text, "is too long for volume h"), "%s", w.e.text);
}

Test(policy, a_part_of_a_volume_is_a_path_in_it)
{
        static const char *const bad[] = { "/", "/a", "a/", "a//b", ".", "..", "a/..", "../a", "a/./b", "a\n", "a\\" };
        static char long_name[260];
        struct written w = container();

        w.v.name = (char *)"v", w.v.source_case = VKS__VOLUME__SOURCE_EMPTY_DIR, w.v.empty_dir = &w.d;
        w.m.volume = (char *)"v", w.m.path = (char *)"/data";
        for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
                w.m.sub_path = (char *)(uintptr_t)bad[i];
                cr_expect_eq(write_with("", &w), -EINVAL, "%s", bad[i]);
        }
        w.m.sub_path = (char *)"a:b";
        cr_expect_eq(write_with("", &w), -EINVAL, "this would be the name of a/b");
        memset(long_name, 'x', 254);
        w.m.sub_path = long_name;
        cr_expect_eq(write_with("", &w), -EINVAL);
        long_name[253] = '\0';
        cr_expect_eq(write_with("", &w), 0, "%s", w.e.text);
        w.m.sub_path = (char *)"a/b c";
        cr_expect_eq(write_with("", &w), 0, "%s", w.e.text);
}

Test(policy, mounts_never_hide_the_system)
{
        static const char *const never[] = { "/",
                                             "/proc",
                                             "/sys/fs",
                                             "/dev",
                                             "/dev/null",
                                             "/usr",
                                             "/usr/bin",
                                             "/usr/sbin/nginx",
                                             "/usr/lib/x",
                                             "/lib64",
                                             "/etc",
                                             "/etc/ld.so.preload",
                                             "/run",
                                             "/run/systemd",
                                             "/run/systemd/journal",
                                             "/var",
                                             "/var/run",
                                             "/var/run/systemd",
                                             "/boot",
                                             "/etc/alternatives",
                                             "/etc/alternatives/awk",
                                             "/etc/init.d/x",
                                             "/etc/perl",
                                             "/etc/pam.d",
                                             "/usr/local",
                                             "/usr/local/lib/python3",
                                             "/usr/share",
                                             "/usr/share/perl5/X.pm",
                                             "/lib",
                                             "/libx32/x" };
        static const char *const fine[] = { "/data",
                                            "/etc/nginx/conf.d",
                                            "/usr/share/nginx/html",
                                            "/var/lib/redis",
                                            "/tmp",
                                            "/dev/shm",
                                            "/srv",
                                            "/library",
                                            "/etc/perls",
                                            "/usr/share/perl5x",
                                            "/root/.ssh",
                                            "/opt/a b" };
        struct written w = container();

        w.v.name = (char *)"d", w.v.source_case = VKS__VOLUME__SOURCE_EMPTY_DIR, w.v.empty_dir = &w.d,
        w.m.volume = (char *)"d";
        for (size_t i = 0; i < ARRAY_LEN(never); i++) {
                w.m.path = (char *)(uintptr_t)never[i];
                expect_rule("root = allow", &w, "mount-target");
        }
        for (size_t i = 0; i < ARRAY_LEN(fine); i++) {
                w.m.path = (char *)(uintptr_t)fine[i];
                cr_assert_eq(write_with("", &w), 0, "%s", w.e.text);
                cr_assert_str_eq(w.target, fine[i]);
        }
        w.m.path = (char *)"/var/run/secrets/kubernetes.io/serviceaccount";
        cr_assert_eq(write_with("", &w), 0);
        cr_assert_str_eq(w.target, "/run/secrets/kubernetes.io/serviceaccount");
        w.m.volume = (char *)"other";
        cr_assert_eq(write_with("", &w), -EINVAL);
}

Test(policy, the_longest_path_of_a_mount_stays_whole)
{
        char path[ID_PATH_MAX + 2];
        struct written w = container();

        for (size_t i = 0; i < ID_PATH_MAX; i++)
                path[i] = i % 100 ? 'x' : '/';
        path[ID_PATH_MAX] = '\0';
        w.v.name = (char *)"d", w.v.source_case = VKS__VOLUME__SOURCE_EMPTY_DIR, w.v.empty_dir = &w.d,
        w.m.volume = (char *)"d", w.m.path = path;
        cr_assert_eq(write_with("", &w), 0, "%s", w.e.text);
        cr_assert_str_eq(w.target, path);
        path[ID_PATH_MAX] = 'x', path[ID_PATH_MAX + 1] = '\0';
        cr_assert_eq(write_with("", &w), -EINVAL, "a longer one");
}

Test(policy, variables_that_no_process_can_have_are_refused_by_name)
{
        static const struct {
                const char *name, *value;
                size_t size;
                int r;
        } cases[] = {
                { "A", "x", 1, 0 },          { "_a1", "tab\tnewline\n\"$`\\\r\x1b\x7f\xff", 20, 0 },
                { "a.b", "x", 1, 0 },        { "a-b", "x", 1, 0 },
                { "1a", "x", 1, 0 },         { "a b", "", 0, 0 },
                { "A", "a\0b", 3, -EINVAL }, { "A=", "x", 1, -EINVAL },
                { "A\nB", "x", 1, -EINVAL }, { "\xc3\xa4", "x", 1, -EINVAL },
        };

        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                struct written w = container();
                w.env.name = (char *)(uintptr_t)cases[i].name;
                w.env.value = (ProtobufCBinaryData){ cases[i].size, (uint8_t *)(uintptr_t)cases[i].value };
                cr_assert_eq(write_with("", &w), cases[i].r, "%zu", i);
                cr_assert(cases[i].r == 0 || strstr(w.e.text, cases[i].name));
        }
}

Test(policy, numbers_out_of_range_are_refused)
{
        CLEANUP(policy_freep) struct policy *p = conf("");
        struct written w = container();
        Vks__Container *containers[] = { &w.c, &w.c };
        CLEANUP(op_write_done) struct op_write op = { 0 };
        Vks__Write m = VKS__WRITE__INIT;

        m.pod = &pod, m.containers = containers, m.n_containers = 1, m.qos = (Vks__Qos)77;
        cr_assert_eq(policy_write(p, &m, &op, NULL), -EINVAL);
        m.qos = VKS__QOS__QOS_BURSTABLE, m.grace_seconds = UINT32_MAX;
        cr_assert_eq(policy_write(p, &m, &op, NULL), -EINVAL);
        m.grace_seconds = 30, w.c.restart = (Vks__Restart)9;
        cr_assert_eq(policy_write(p, &m, &op, NULL), -EINVAL);
        op_write_done(&op);
        w.c.restart = VKS__RESTART__RESTART_ALWAYS, m.n_containers = 2;
        cr_assert_eq(policy_write(p, &m, &op, NULL), -EINVAL, "the same name twice");
        op_write_done(&op);
        m.n_containers = 0;
        cr_assert_eq(policy_write(p, &m, &op, NULL), -EINVAL);
}

Test(policy, limits_are_in_the_ranges_of_their_settings)
{
        static const struct {
                uint32_t weight, milli;
                uint64_t memory;
                uint32_t tasks;
                int r;
        } rows[] = {
                { 0, 0, 0, 0, 0 },
                { 1, 10, 1, 1, 0 },
                { 10000, 100000000, INT64_MAX, 4194304, 0 },
                { 10001, 0, 0, 0, -EINVAL },
                { UINT32_MAX, 0, 0, 0, -EINVAL },
                { 0, 9, 0, 0, -EINVAL },
                { 0, 100000001, 0, 0, -EINVAL },
                { 0, UINT32_MAX, 0, 0, -EINVAL },
                { 0, 0, (uint64_t)INT64_MAX + 1, 0, -EINVAL },
                { 0, 0, UINT64_MAX, 0, -EINVAL },
                { 0, 0, 0, 4194305, -EINVAL },
                { 0, 0, 0, UINT32_MAX, -EINVAL },
        };
        CLEANUP(policy_freep) struct policy *p = conf("");

        for (size_t i = 0; i < 2 * ARRAY_LEN(rows); i++) {
                const size_t k = i / 2;
                struct written w = container();
                Vks__Container *containers[] = { &w.c };
                CLEANUP(op_write_done) struct op_write op = { 0 };
                Vks__Write m = VKS__WRITE__INIT;
                Vks__Limits l = VKS__LIMITS__INIT;
                struct err e = ERR_NONE;

                m.pod = &pod, m.containers = containers, m.n_containers = 1;
                l.cpu_weight = rows[k].weight, l.cpu_milli = rows[k].milli, l.memory_max = rows[k].memory,
                l.tasks_max = rows[k].tasks;
                if (i % 2)
                        m.limits = &l;
                else
                        w.c.limits = &l;
                cr_assert_eq(policy_write(p, &m, &op, &e), rows[k].r, "row %zu: %s", k, e.text);
                cr_assert(rows[k].r < 0 || op.limits == m.limits);
                cr_assert(rows[k].r == 0 || strstr(e.text, i % 2 ? "the pod's limits: " : "container c: limits: "),
                          "%s", e.text);
        }
}

/* What WRITE would not take, RESIZE does not take, and it is of units of pods alone. */
Test(policy, a_resize_is_of_units_of_pods_and_in_the_ranges)
{
        static const char *const bad[] = { "ssh.service",     "kubepods.slice",        "-.slice", "init.scope",
                                           "vks.a.socket",    "../vks.a.service",      "",        "vks-helper.service",
                                           "vks.a/b.service", "vks-exec-a-c-1.service" };
        CLEANUP(policy_freep) struct policy *p = conf("");
        Vks__Limits l = VKS__LIMITS__INIT, pods = VKS__LIMITS__INIT;
        Vks__Size size = VKS__SIZE__INIT, *sizes[65];
        Vks__Resize m = VKS__RESIZE__INIT;
        struct op_resize op = { 0 };
        struct err e = ERR_NONE;

        for (size_t i = 0; i < ARRAY_LEN(sizes); i++)
                sizes[i] = &size;
        size.unit = (char *)"vks.default.web.nginx.service", size.limits = &l, l.memory_max = 4096;
        m.sizes = sizes, m.n_sizes = 1;
        cr_assert_eq(policy_resize(p, &m, &op, &e), -EINVAL, "no pod");
        m.pod = &pod;
        cr_assert_eq(policy_resize(p, &m, &op, &e), 0, "%s", e.text);
        cr_assert(op.n_sizes == 1 && op.sizes == sizes && !op.limits);
        m.limits = &pods, m.n_sizes = 0, pods.cpu_weight = 1;
        cr_assert_eq(policy_resize(p, &m, &op, &e), 0, "%s", e.text);
        cr_assert(op.n_sizes == 0 && op.limits == &pods);
        m.limits = NULL;
        cr_assert_eq(policy_resize(p, &m, &op, &e), -EINVAL, "of nothing");
        m.n_sizes = 64;
        cr_assert_eq(policy_resize(p, &m, &op, &e), 0, "%s", e.text);
        m.n_sizes = 65;
        cr_assert_eq(policy_resize(p, &m, &op, &e), -EINVAL);
        m.n_sizes = 1;
        for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
                size.unit = (char *)(uintptr_t)bad[i];
                cr_assert_eq(policy_resize(p, &m, &op, &e), -EINVAL, "%s", bad[i]);
        }
        size.unit = (char *)"vks.default.web.nginx.service", l.memory_max = UINT64_MAX;
        cr_assert_eq(policy_resize(p, &m, &op, &e), -EINVAL);
        l.memory_max = 0, l.cpu_milli = 9;
        cr_assert_eq(policy_resize(p, &m, &op, &e), -EINVAL);
        l.cpu_milli = 0, m.limits = &pods, pods.cpu_weight = 10001;
        cr_assert_eq(policy_resize(p, &m, &op, &e), -EINVAL);
        cr_assert(strstr(e.text, "the pod's limits"), "%s", e.text);
}

Test(policy, a_stop_signal_is_one_that_systemd_knows)
{
        static const struct {
                const char *name;
                bool is;
        } rows[] = {
                { "", true }, /* none */
                { "SIGHUP", true },
                { "SIGTERM", true },
                { "SIGSYS", true },
                { "SIGRTMIN", true },
                { "SIGRTMAX", true },
                { "SIGRTMIN+1", true },
                { "SIGRTMIN+9", true },
                { "SIGRTMIN+10", true },
                { "SIGRTMIN+15", true },
                { "SIGRTMAX-1", true },
                { "SIGRTMAX-14", true },
                { "SIG", false },
                { "TERM", false },
                { "sigterm", false },
                { "SIGTERM ", false },
                { "SIGTERM\nExecStop=/x", false }, /* it is a line of a unit's */
                { "xxxTERM", false },
                { "15", false },
                { "SIGRTMIN+", false },
                { "SIGRTMIN+0", false },
                { "SIGRTMIN+:", false },
                { "SIGRTMIN+/", false },
                { "SIGRTMIN+1/", false },
                { "SIGRTMIN+16", false },
                { "SIGRTMIN+1x", false },
                { "SIGRTMIN+20", false },
                { "SIGRTMIN+25", false },
                { "SIGRTMIN+100", false },
                { "SIGRTMIN+1\n", false },
                { "SIGRTMAX-0", false },
                { "SIGRTMAX+1", false },
                { "SIGRTMIN-1", false },
        };

        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct written w = container();

                w.c.stop_signal = (char *)(uintptr_t)rows[i].name;
                cr_expect_eq(write_with("", &w), rows[i].is ? 0 : -EINVAL, "%s: %s", rows[i].name, w.e.text);
                cr_expect(rows[i].is || strstr(w.e.text, "container c: stopSignal: \""), "%s", w.e.text);
        }
}

Test(policy, a_termination_message_is_a_mount_where_something_may_be_mounted)
{
        static const struct {
                const char *path;
                int r;
                size_t n_mounts;
                const char *target, *error;
        } rows[] = {
                { "", 0, 1, "/why", NULL }, /* of none, the volume's alone */
                { MESSAGE_PATH, 0, 1, "/why", NULL },
                { "/var/run/said", 0, 2, "/run/said", NULL },
                { "/said", 0, 2, "/said", NULL },
                { "/why", -EINVAL, 0, NULL, "container c: volumeMounts: two are at /why" },
                { "said", -EINVAL, 0, NULL,
                  "container c: terminationMessagePath: mountPath: \"said\" is not an absolute, normalized path" },
                { "/proc/x", -EPERM, 0, NULL,
                  "container c: terminationMessagePath: policy rule mount-target: nothing is mounted at /proc/x, "
                  "because of /proc/ "
                  "(see /etc/vks/policy.conf)" },
        };
        CLEANUP(policy_freep) struct policy *p = conf("");

        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct written w = container();
                Vks__Volume v = volume_of("v", VKS__VOLUME__SOURCE_EMPTY_DIR), *volumes[] = { &v };
                Vks__Mount at = mount_at("v", "/why", false), *mounts[] = { &at };
                Vks__Container *containers[] = { &w.c };
                CLEANUP(op_write_done) struct op_write op = { 0 };
                Vks__Write m = VKS__WRITE__INIT;
                struct err e = ERR_NONE;

                v.empty_dir = &w.d;
                w.c.mounts = mounts, w.c.n_mounts = 1, w.c.message_path = (char *)(uintptr_t)rows[i].path;
                m.pod = &pod, m.containers = containers, m.n_containers = 1, m.volumes = volumes, m.n_volumes = 1;
                cr_expect_eq(policy_write(p, &m, &op, &e), rows[i].r, "%s: %s", rows[i].path, e.text);
                cr_expect_str_eq(e.text, rows[i].error ? rows[i].error : "");
                if (rows[i].r < 0)
                        continue;
                cr_assert_eq(op.containers[0].n_mounts, rows[i].n_mounts, "%s", rows[i].path);
                cr_expect_str_eq(op.containers[0].mounts[0].target, rows[i].target);
                if (rows[i].n_mounts < 2)
                        continue;
                cr_expect_eq(op.containers[0].mounts[0].volume->kind, VOLUME_MESSAGE);
                cr_expect(streq(op.containers[0].mounts[0].sub_path, "") && !op.containers[0].mounts[0].read_only);
        }
}

Test(policy, capabilities_that_are_dropped_are_ones_that_there_are)
{
        CLEANUP(policy_freep) struct policy *p = conf("");

        for (unsigned i = 0; i < 64; i++) {
                struct written w = container();
                Vks__Container *containers[] = { &w.c };
                CLEANUP(op_write_done) struct op_write op = { 0 };
                Vks__Write m = VKS__WRITE__INIT;

                m.pod = &pod, m.containers = containers, m.n_containers = 1;
                w.c.drop_capabilities = UINT64_C(1) << i | 1;
                cr_assert_eq(policy_write(p, &m, &op, NULL), i > 40 ? -EINVAL : 0, "%u", i);
        }
}

Test(policy, who_is_spared_when_memory_runs_out_is_bounded)
{
        static const struct {
                int score;
                uint64_t memory;
                int r;
        } rows[] = {
                { 0, 0, 0 },
                { 1000, 0, 0 },
                { 3, 0, 0 },
                { -1, 0, -EINVAL },
                { -997, 0, -EINVAL },
                { -997, 1, 0 },
                { -1, 1, 0 },
                { -998, 1, -EINVAL },
                { -1000, 1, -EINVAL },
                { 1001, 1, -EINVAL },
                { INT32_MIN, 1, -EINVAL },
                { INT32_MAX, 1, -EINVAL },
        };
        CLEANUP(policy_freep) struct policy *p = conf("root = allow\n");

        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct written w = container();
                Vks__Container *containers[] = { &w.c };
                CLEANUP(op_write_done) struct op_write op = { 0 };
                Vks__Write m = VKS__WRITE__INIT;
                Vks__Limits l = VKS__LIMITS__INIT, pods = VKS__LIMITS__INIT;

                m.pod = &pod, m.containers = containers, m.n_containers = 1;
                l.memory_max = rows[i].memory, pods.memory_max = 1;
                m.limits = &pods, w.c.limits = &l, w.c.oom_score_adjust = rows[i].score;
                cr_assert_eq(policy_write(p, &m, &op, NULL), rows[i].r, "row %zu", i);
                op_write_done(&op);
                w.c.limits = NULL;
                cr_assert_eq(policy_write(p, &m, &op, NULL), rows[i].score < 0 ? -EINVAL : rows[i].r, "row %zu", i);
        }
}

/* ---- bounds ------------------------------------------------------------------------------------------------------ */

/* A copy of `one` in each of `n` places. */
static void **times(size_t n, void *one)
{
        void **v = xcalloc(n, sizeof(*v));

        for (size_t i = 0; i < n; i++)
                v[i] = one;
        return v;
}

Test(policy, there_is_a_bound_to_every_list)
{
        CLEANUP(policy_freep) struct policy *p = conf("");
        Vks__Package package = VKS__PACKAGE__INIT;
        Vks__Install install_none = VKS__INSTALL__INIT, install_many = VKS__INSTALL__INIT;
        CLEANUP(freep)
        void **packages = times(65, &package), **units = times(65, (void *)(uintptr_t) "vks.a.service"), **files = NULL;
        Vks__Stop stop = VKS__STOP__INIT;
        Vks__File file = VKS__FILE__INIT;
        Vks__Fill fill = VKS__FILL__INIT;
        union op op = { 0 };
        struct err e = ERR_NONE;

        package.name = (char *)"nginx";
        cr_assert_eq(policy_install(p, &install_none, &op.install, &e), -EINVAL);
        install_many.packages = (Vks__Package **)packages, install_many.n_packages = 65;
        cr_assert_eq(policy_install(p, &install_many, &op.install, &e), -EINVAL);
        cr_assert_str_eq(e.text, "packages: 65 of them, not 1 to 64");
        install_many.n_packages = 64;
        cr_assert_eq(policy_install(p, &install_many, &op.install, &e), 0);
        op_install_done(&op.install);
        stop.pod = &pod, stop.units = (char **)units, stop.n_units = 65;
        cr_assert_eq(policy_stop(p, &stop, &op.stop, &e), -EINVAL);
        cr_assert_str_eq(e.text, "units: 65 of them, not 1 to 64");
        stop.n_units = 64;
        cr_assert_eq(policy_stop(p, &stop, &op.stop, &e), 0);
        files = times(4097, &file);
        fill.pod = &pod, fill.volume = (char *)"v", fill.files = (Vks__File **)files, fill.n_files = 4097;
        file.path = (char *)"x";
        cr_assert_eq(policy_fill(p, &fill, &op.fill, &e), -EINVAL);
        cr_assert_str_eq(e.text, "volume v: 4097 files, at most 4096 are taken");
        fill.n_files = 4096;
        cr_assert_eq(policy_fill(p, &fill, &op.fill, &e), 0);
}

Test(policy, volumes_have_groups_that_any_pod_may_have_and_no_other)
{
        static const uint32_t never[] = { 0, 6, 42, 999, 60000, UINT32_MAX };
        CLEANUP(policy_freep) struct policy *p = conf("");
        Vks__Id group = VKS__ID__INIT;
        Vks__Fill m = VKS__FILL__INIT;
        struct op_fill op;
        struct err e = ERR_NONE;

        m.pod = &pod, m.volume = (char *)"config", m.group = &group, group.value = 2000;
        cr_assert_eq(policy_fill(p, &m, &op, &e), 0, "%s", e.text);
        cr_assert(op.group && op.group->value == 2000);
        for (size_t i = 0; i < ARRAY_LEN(never); i++) {
                struct written w = container();

                group.value = never[i];
                e = ERR_NONE;
                cr_assert_eq(policy_fill(p, &m, &op, &e), -EPERM, "%u", never[i]);
                cr_assert_str_eq(e.reason, "group");
                w.v.name = (char *)"v", w.v.source_case = VKS__VOLUME__SOURCE_EMPTY_DIR, w.v.empty_dir = &w.d;
                w.d.group = &group;
                expect_rule("", &w, "group");
                w.d.group = NULL;
                cr_assert_eq(write_with("", &w), 0, "%s", w.e.text);
        }
}

Test(policy, a_pod_names_so_many_groups)
{
        static uint32_t groups[POD_GROUPS_MAX + 1];
        struct written w = container();

        for (size_t i = 0; i < ARRAY_LEN(groups); i++)
                groups[i] = 2000;
        w.c.groups = groups, w.c.n_groups = POD_GROUPS_MAX;
        cr_assert_eq(write_with("", &w), 0, "%s", w.e.text);
        w.c.n_groups = ARRAY_LEN(groups);
        cr_assert_eq(write_with("", &w), -EINVAL);
        cr_assert_str_eq(w.e.text, "container c: more than 32 groups");
}

static void expect_malformed(struct written *w, const char *text)
{
        cr_assert_eq(write_with("", w), -EINVAL, "%s", text);
        cr_assert_str_eq(w->e.text, text);
}

Test(policy, what_is_malformed_is_told_by_name)
{
        struct written w = container();

        w.c.name = (char *)"C";
        expect_malformed(&w, "container \"C\": the name is not a DNS label");
        w = container();
        w.c.working_dir = (char *)"tmp";
        expect_malformed(&w, "container c: workingDir: not an absolute, normalized path");
        w = container();
        w.c.image = (char *)"/usr/bin/id";
        expect_malformed(&w, "container c: image /usr/bin/id: a program has no package");
        w = container();
        w.env.name = (char *)"A=B";
        cr_assert_eq(write_with("", &w), -EINVAL);
        w = container();
        w.v.name = (char *)"v";
        expect_malformed(&w, "volume v: of no kind");
        w.v.name = (char *)"V";
        expect_malformed(&w, "volume \"V\": the name is not a DNS label");
        w = container();
        w.v.name = (char *)"v", w.v.source_case = VKS__VOLUME__SOURCE_EMPTY_DIR, w.v.empty_dir = &w.d,
        w.m.volume = (char *)"v", w.m.path = (char *)"a/b";
        expect_malformed(&w, "container c: mountPath: \"a/b\" is not an absolute, normalized path");
}

/* To systemd-executor the first is /usr/libexec/vks, whatever the unit's text says (policy/rules.c). */
Test(policy, no_path_that_systemd_mounts_has_quotes)
{
        static const char *const bad[] = { "/usr/\"libexec\"/vks", "/us''r/libexec/vks", "/etc/ld.so.\"preload",
                                           "/data/\"\"..",         "/data/it's",         "/data/x\\" };

        for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
                static const char policy[] = "host-path = /data rw /usr/share rw";
                struct written w = container();

                w.v.name = (char *)"v", w.v.source_case = VKS__VOLUME__SOURCE_EMPTY_DIR, w.v.empty_dir = &w.d;
                w.m.volume = (char *)"v", w.m.path = (char *)(uintptr_t)bad[i];
                cr_expect_eq(write_with(policy, &w), -EINVAL, "mountPath %s", bad[i]);
                w.m.path = (char *)"/data", w.m.sub_path = (char *)(uintptr_t)bad[i] + 1;
                cr_expect_eq(write_with(policy, &w), -EINVAL, "subPath %s", bad[i]);
                w.m.sub_path = (char *)"x";
                cr_expect_eq(write_with(policy, &w), 0);
                w.v.source_case = VKS__VOLUME__SOURCE_HOST_PATH, w.v.host_path = &w.h, w.h.path = (char *)"/data";
                w.m.sub_path = (char *)(uintptr_t)bad[i] + 1;
                cr_expect_eq(write_with(policy, &w), -EINVAL, "subPath %s of a hostPath", bad[i]);
                w.m.sub_path = (char *)"", w.h.path = (char *)(uintptr_t)bad[i];
                cr_expect_eq(write_with(policy, &w), -EINVAL, "hostPath %s", bad[i]);
                w = container();
                w.c.message_path = (char *)(uintptr_t)bad[i];
                cr_expect_eq(write_with(policy, &w), -EINVAL, "terminationMessagePath %s", bad[i]);
                w = container();
                w.c.working_dir = (char *)(uintptr_t)bad[i];
                cr_expect_eq(write_with(policy, &w), -EINVAL, "workingDir %s", bad[i]);
        }
}

/* Lists of a WRITE, in which one thing stands `n` times. */
static int write_many(struct written *w, size_t n_containers, size_t n_volumes, size_t n_mounts, size_t n_env,
                      size_t n_command, size_t n_args)
{
        CLEANUP(policy_freep) struct policy *p = conf("");
        CLEANUP(op_write_done) struct op_write op = { 0 };
        CLEANUP(freep)
        void **containers = times(n_containers, &w->c), **volumes = times(n_volumes, &w->v),
             **mounts = times(n_mounts, &w->m);
        CLEANUP(freep)
        void **env = times(n_env, &w->env), **command = times(n_command, w->command[0]),
             **args = times(n_args, w->args[0]);
        Vks__Write m = VKS__WRITE__INIT;

        m.pod = &pod, m.containers = (Vks__Container **)containers, m.n_containers = n_containers;
        m.volumes = (Vks__Volume **)volumes, m.n_volumes = n_volumes;
        w->c.mounts = (Vks__Mount **)mounts, w->c.n_mounts = n_mounts, w->c.env = (Vks__Env **)env, w->c.n_env = n_env;
        w->c.command = (char **)command, w->c.n_command = n_command, w->c.args = (char **)args, w->c.n_args = n_args;
        return policy_write(p, &m, &op, &w->e);
}

Test(policy, there_is_a_bound_to_every_list_of_a_pod)
{
        CLEANUP(freep) char *word = xcalloc(128 * 1024, 1), *values = xcalloc(128 * 1024, 1);
        struct written w = container();
        Vks__Write without = VKS__WRITE__INIT;
        CLEANUP(policy_freep) struct policy *p = conf("");
        CLEANUP(op_write_done) struct op_write op = { 0 };

        w.v.name = (char *)"v", w.v.source_case = VKS__VOLUME__SOURCE_EMPTY_DIR, w.v.empty_dir = &w.d,
        w.m.volume = (char *)"v", w.m.path = (char *)"/data";
        w.env.name = (char *)"A", w.command[0] = (char *)"/usr/bin/id", w.args[0] = (char *)"";
        cr_assert_eq(write_many(&w, 1, 1, 1, 1, 1, 1), 0, "%s", w.e.text);
        cr_assert_eq(write_many(&w, 65, 1, 1, 1, 1, 1), -EINVAL);
        cr_assert_str_eq(w.e.text, "65 containers and 1 volumes: at most 64 and 256 are taken");
        cr_assert_eq(write_many(&w, 1, 257, 1, 1, 1, 1), -EINVAL);
        cr_assert_eq(write_many(&w, 1, 2, 1, 1, 1, 1), -EINVAL);
        cr_assert_str_eq(w.e.text, "volume v: given twice");
        cr_assert_eq(write_many(&w, 1, 1, 257, 1, 1, 1), -EINVAL);
        cr_assert_str_eq(w.e.text, "container c: 257 volumeMounts, at most 256 are taken");
        cr_assert_eq(write_many(&w, 1, 1, 2, 1, 1, 1), -EINVAL);
        cr_assert_str_eq(w.e.text, "container c: volumeMounts: two are at /data");
        cr_assert_eq(write_many(&w, 1, 1, 1, 4097, 1, 1), -EINVAL);
        cr_assert_str_eq(w.e.text, "container c: env: more than 4096 variables");
        memset(values, 'x', 128 * 1024);
        w.env.value = (ProtobufCBinaryData){ 128 * 1024 - 3, (uint8_t *)values }; /* with "A", "=" and a NUL */
        cr_assert_eq(write_many(&w, 1, 1, 1, 8, 1, 1), 0, "%s", w.e.text);
        cr_assert_eq(write_many(&w, 1, 1, 1, 9, 1, 1), -EINVAL);
        cr_assert_str_eq(w.e.text, "container c: env: more than 1048576 bytes, with the names");
        w.env.value = (ProtobufCBinaryData){ 0 };
        cr_assert_eq(write_many(&w, 1, 1, 1, 1, 1, 4095), 0, "%s", w.e.text);
        cr_assert_eq(write_many(&w, 1, 1, 1, 1, 1, 4096), -EINVAL);
        cr_assert_str_eq(w.e.text, "container c: command and args have more than 4096 words");
        w.args[0] = word;
        memset(word, 'x', 128 * 1024 - 1);
        cr_assert_eq(write_many(&w, 1, 1, 1, 1, 1, 1), -EINVAL);
        cr_assert_str_eq(w.e.text, "container c: command and args have more than 131072 bytes");
        cr_assert_eq(policy_write(p, &without, &op, &w.e), -EINVAL);
        cr_assert_str_eq(w.e.text, "pod: missing");
}

/* It takes the place of a word of the pod's, and there is no other place. */
Test(policy, a_hidden_word_has_the_place_of_one_of_the_pods)
{
        static const struct {
                size_t n_command, n_args;
                uint32_t places[3];
                size_t n;
                int result;
        } cases[] = {
                { 1, 1, { 1 }, 1, 0 },
                { 1, 2, { 1, 2 }, 2, 0 },
                { 2, 1, { 2 }, 1, 0 },
                { 0, 2, { 1, 2 }, 2, 0 }, /* the program is the package's */
                { 1, 1, { 0 }, 1, -EINVAL },
                { 0, 1, { 0 }, 1, -EINVAL },
                { 1, 1, { 2 }, 1, -EINVAL },
                { 0, 2, { 3 }, 1, -EINVAL },
                { 2, 0, { 2 }, 1, -EINVAL },
                { 0, 0, { 1 }, 1, -EINVAL },
                { 1, 2, { 1, 1 }, 2, -EINVAL },
                { 1, 2, { 2, 1 }, 2, -EINVAL },
                { 1, 2, { 1, 2, UINT32_MAX }, 3, -EINVAL },
        };

        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                struct written w = container();
                Vks__Word words[3];
                Vks__Word *hidden[3];

                w.c.image = (char *)"nginx", w.c.package = (char *)"nginx", w.c.unit = (char *)"nginx.service";
                w.v.name = (char *)"v", w.v.source_case = VKS__VOLUME__SOURCE_EMPTY_DIR, w.v.empty_dir = &w.d,
                w.command[0] = (char *)"/usr/bin/id", w.args[0] = (char *)"$(PW)";
                for (size_t k = 0; k < 3; k++) {
                        vks__word__init(&words[k]);
                        words[k].index = cases[i].places[k], words[k].value = (char *)"hush", hidden[k] = &words[k];
                }
                w.c.hidden = hidden, w.c.n_hidden = cases[i].n;
                cr_expect_eq(write_many(&w, 1, 1, 0, 0, cases[i].n_command, cases[i].n_args), cases[i].result,
                             "%zu: %s", i, w.e.text);
                cr_expect(cases[i].result == 0 || strstr(w.e.text, "is not the place of a word"), "%zu: %s", i,
                          w.e.text);
        }
}

Test(policy, hidden_words_are_counted_with_the_others)
{
        CLEANUP(freep) char *word = xcalloc(128 * 1024, 1);
        struct written w = container();
        Vks__Word hush = VKS__WORD__INIT, *hidden[] = { &hush };

        memset(word, 'x', 128 * 1024 - 1);
        w.v.name = (char *)"v", w.v.source_case = VKS__VOLUME__SOURCE_EMPTY_DIR, w.v.empty_dir = &w.d,
        w.command[0] = (char *)"/usr/bin/id", w.args[0] = (char *)"a";
        hush.index = 1, hush.value = word, w.c.hidden = hidden, w.c.n_hidden = 1;
        cr_assert_eq(write_many(&w, 1, 1, 0, 0, 1, 1), -EINVAL);
        cr_assert_str_eq(w.e.text, "container c: command and args have more than 131072 bytes");
        word[1000] = '\0';
        cr_assert_eq(write_many(&w, 1, 1, 0, 0, 1, 1), 0, "%s", w.e.text);
}

/* ---- what is handed on ---- */

Test(policy, an_installation_is_told_what_to_fetch_from_where)
{
        static const char sum[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
        CLEANUP(policy_freep) struct policy *p = conf("url = https://x/");
        Vks__Package version = VKS__PACKAGE__INIT, candidate = VKS__PACKAGE__INIT, file = VKS__PACKAGE__INIT,
                     *packages[] = { &version, &candidate, &file };
        Vks__Install m = VKS__INSTALL__INIT;
        CLEANUP(op_install_done) struct op_install op = { 0 };
        struct err e = ERR_NONE;

        version.name = (char *)"nginx", version.version = (char *)"1.2-3";
        candidate.name = (char *)"redis";
        file.name = (char *)"ab", file.url = (char *)"https://x/ab_1_all.deb", file.sha256 = (char *)(uintptr_t)sum;
        m.packages = packages, m.n_packages = ARRAY_LEN(packages);
        cr_assert_eq(policy_install(p, &m, &op, &e), 0, "%s", e.text);
        cr_assert_eq(op.n_packages, 3);
        cr_assert_str_eq(op.packages[0].name, "nginx");
        cr_assert_str_eq(op.packages[0].from, "1.2-3");
        cr_assert_str_eq(op.packages[1].from, "");
        cr_assert_str_eq(op.packages[2].from, "https://x/ab_1_all.deb");
        cr_assert_str_eq(op.packages[2].sha256, sum);
        op_install_done(&op);
        cr_assert(!op.packages && op.n_packages == 0);
        file.sha256 = (char *)"00";
        cr_assert_eq(policy_install(p, &m, &op, &e), -EINVAL, "a checksum that is none");
        op_install_done(&op);
        file.sha256 = (char *)(uintptr_t)sum, file.url = (char *)"";
        cr_assert_eq(policy_install(p, &m, &op, &e), -EINVAL, "a checksum of nothing");
}

Test(policy, units_are_handed_on_with_pod_and_flag)
{
        CLEANUP(policy_freep) struct policy *p = conf("");
        char *units[] = { (char *)"vks.default.web.nginx.service" };
        Vks__Start start = VKS__START__INIT;
        Vks__Remove remove = VKS__REMOVE__INIT;
        Vks__Pod bad = pod;
        struct op_units op;

        start.pod = &pod, start.units = units, start.n_units = 1;
        cr_assert_eq(policy_start(p, &start, &op, NULL), 0);
        cr_assert(!op.flag && op.n_units == 1 && op.units == units);
        cr_assert_str_eq(op.pod.uid, UID);
        start.restart = true;
        cr_assert_eq(policy_start(p, &start, &op, NULL), 0);
        cr_assert(op.flag);
        remove.pod = &pod, remove.units = units, remove.n_units = 1;
        cr_assert_eq(policy_remove(p, &remove, &op, NULL), 0);
        cr_assert(!op.flag);
        bad.uid = (char *)"../x";
        start.pod = &bad;
        cr_assert_eq(policy_start(p, &start, &op, NULL), -EINVAL);
}

Test(policy, files_are_handed_on_with_pod_and_volume)
{
        CLEANUP(policy_freep) struct policy *p = conf("root = deny");
        CLEANUP(freep) char *path = xcalloc(257, 1);
        Vks__File f = VKS__FILE__INIT, *files[] = { &f };
        Vks__Fill m = VKS__FILL__INIT;
        struct op_fill op;

        m.volume = (char *)"config", m.files = files, m.n_files = 1;
        memset(path, 'x', 255);
        f.path = path;
        cr_assert_eq(policy_fill(p, &m, &op, NULL), -EINVAL, "of no pod");
        m.pod = &pod;
        cr_assert_eq(policy_fill(p, &m, &op, NULL), 0, "the longest name");
        cr_assert(streq(op.volume, "config") && op.files == files && op.n_files == 1 && streq(op.pod.name, "web"));
        cr_assert_eq(op.root, POLICY_ROOT_DENY, "who reads it depends on that");
        path[255] = 'x';
        cr_assert_eq(policy_fill(p, &m, &op, NULL), -EINVAL, "a longer one");
}

Test(policy, a_pod_is_handed_on_as_it_shall_be_written)
{
        CLEANUP(policy_freep) struct policy *p = conf("host-path = /srv /srv/data rw /srv/data/old\nmax-units = 7");
        Vks__EmptyDir disk = VKS__EMPTY_DIR__INIT, memory = VKS__EMPTY_DIR__INIT;
        Vks__HostPath readable = VKS__HOST_PATH__INIT, writable = VKS__HOST_PATH__INIT;
        Vks__Volume d = volume_of("d", VKS__VOLUME__SOURCE_EMPTY_DIR),
                    m = volume_of("m", VKS__VOLUME__SOURCE_EMPTY_DIR), f = volume_of("f", VKS__VOLUME__SOURCE_FILES),
                    r = volume_of("r", VKS__VOLUME__SOURCE_HOST_PATH),
                    w = volume_of("w", VKS__VOLUME__SOURCE_HOST_PATH), *volumes[] = { &d, &m, &f, &r, &w };
        Vks__Mount z = mount_at("d", "/z", false), b = mount_at("f", "/a/b", false), a = mount_at("m", "/a", true),
                   lock = mount_at("w", "/var/lock/x", false), ro = mount_at("r", "/ro", true),
                   *mounts[] = { &z, &b, &a, &lock, &ro };
        struct written one = container(), two = container();
        Vks__Container *containers[] = { &one.c, &two.c };
        Vks__Write message = VKS__WRITE__INIT;
        CLEANUP(op_write_done) struct op_write op = { 0 };
        struct err e = ERR_NONE;
        static const char *const targets[] = { "/a", "/a/b", "/ro", "/run/lock/x", "/z" };
        static const bool read_only[] = { true, true, true, false, false };

        memory.memory = true;
        d.empty_dir = &disk, m.empty_dir = &memory;
        readable.path = (char *)"/srv/x", readable.type = (char *)"BlockDevice", r.host_path = &readable;
        writable.path = (char *)"/srv/data/new/x", w.host_path = &writable;
        one.c.mounts = mounts, one.c.n_mounts = ARRAY_LEN(mounts);
        two.c.name = (char *)"d", two.c.image = (char *)"redis", two.c.restart = VKS__RESTART__RESTART_ALWAYS;
        message.pod = &pod, message.qos = VKS__QOS__QOS_GUARANTEED, message.grace_seconds = 366 * 24 * 3600;
        message.volumes = volumes, message.n_volumes = ARRAY_LEN(volumes);
        message.containers = containers, message.n_containers = ARRAY_LEN(containers);
        cr_assert_eq(policy_write(p, &message, &op, &e), 0, "%s", e.text);

        cr_assert(op.policy == p && op.max_units == 7 && op.qos == QOS_CLASS_GUARANTEED);
        cr_assert_eq(op.grace_seconds, 366 * 24 * 3600);
        cr_assert_str_eq(op.pod.name, "web");
        cr_assert(op.volumes[0].kind == VOLUME_DISK && op.volumes[1].kind == VOLUME_MEMORY);
        cr_assert(op.volumes[2].kind == VOLUME_FILES && op.volumes[2].read_only);
        cr_assert(op.volumes[3].kind == VOLUME_HOST && op.volumes[3].read_only);
        cr_assert(streq(op.volumes[3].host_path, "/srv/x") && streq(op.volumes[3].host_type, "BlockDevice"));
        cr_assert_not(op.volumes[4].read_only, "each prefix gives what it allows");
        cr_assert_eq(op.containers[0].n_mounts, ARRAY_LEN(targets));
        for (size_t i = 0; i < ARRAY_LEN(targets); i++) {
                cr_expect_str_eq(op.containers[0].mounts[i].target, targets[i], "what is above comes first");
                cr_expect_eq(op.containers[0].mounts[i].read_only, read_only[i], "%s", targets[i]);
        }
        cr_assert_eq(op.containers[0].mounts[4].volume, &op.volumes[0]);
        cr_assert_str_eq(op.containers[0].unit, "vks.default.web.nginx.service");
        cr_assert_str_eq(op.containers[1].unit, "vks.default.web.redis.service");
        cr_assert_null(op.containers[0].program);
        op_write_done(&op);
        op_write_done(&op); /* of nothing */

        two.c.image = (char *)"nginx";
        cr_assert_eq(policy_write(p, &message, &op, &e), -EINVAL);
        cr_assert_str_eq(e.text, "container d: another has the same name or unit");
        op_write_done(&op);
        two.c.shares_image = true, two.c.image = (char *)"/usr/bin/id", two.c.unit = two.c.package = (char *)"";
        cr_assert_eq(policy_write(p, &message, &op, &e), 0, "%s", e.text);
        cr_assert_str_eq(op.containers[1].unit, "vks.default.web.usr\\x2fbin\\x2fid.d.service");
        cr_assert_str_eq(op.containers[1].program, "/usr/bin/id");
        op_write_done(&op);

        message.grace_seconds++;
        cr_assert_eq(policy_write(p, &message, &op, &e), -EINVAL, "more than a year");
        op_write_done(&op);
        message.grace_seconds = 0, message.qos = (Vks__Qos)3;
        cr_assert_eq(policy_write(p, &message, &op, &e), -EINVAL, "the first number that is no class");
        op_write_done(&op);
        message.qos = VKS__QOS__QOS_BEST_EFFORT, readable.type = (char *)"Directory", ro.read_only = false;
        cr_assert_eq(policy_write(p, &message, &op, &e), -EPERM);
        cr_assert_str_eq(e.reason, "host-path");
}

Test(policy, the_largest_pod_is_taken)
{
        CLEANUP(policy_freep) struct policy *p = conf("");
        static Vks__Container all[64], *containers[64];
        static Vks__Volume some[256], *volumes[256];
        static Vks__Mount many[256], *mounts[256];
        static Vks__Env variables[4096], *env[4096];
        static char names[256][16], paths[256][80], images[64][16];
        Vks__EmptyDir dir = VKS__EMPTY_DIR__INIT;
        Vks__Write m = VKS__WRITE__INIT;
        CLEANUP(op_write_done) struct op_write op = { 0 };
        struct err e = ERR_NONE;

        for (size_t i = 0; i < 256; i++) {
                snprintf(names[i], sizeof(names[i]), "n%zu", i);
                snprintf(paths[i], sizeof(paths[i]), "/n%zu", i);
                for (size_t n = 1; n < 32; n++)
                        strcat(paths[i], "/a");
                some[i] = volume_of(names[i], VKS__VOLUME__SOURCE_EMPTY_DIR), some[i].empty_dir = &dir;
                many[i] = mount_at(names[i], paths[i], false);
                volumes[i] = &some[i], mounts[i] = &many[i];
        }
        for (size_t i = 0; i < 4096; i++) {
                variables[i] = (Vks__Env)VKS__ENV__INIT, variables[i].name = (char *)"A";
                env[i] = &variables[i];
        }
        for (size_t i = 0; i < 64; i++) {
                snprintf(images[i], sizeof(images[i]), "image%zu", i);
                all[i] = container().c, containers[i] = &all[i];
                all[i].name = names[i], all[i].image = images[i];
        }
        all[0].mounts = mounts, all[0].n_mounts = 256, all[0].env = env, all[0].n_env = 4096;
        m.pod = &pod, m.containers = containers, m.n_containers = 64, m.volumes = volumes, m.n_volumes = 256;
        cr_assert_eq(policy_write(p, &m, &op, &e), 0, "%s", e.text);
        op_write_done(&op);
        many[0].sub_path = (char *)"a/b";
        cr_assert_eq(policy_write(p, &m, &op, &e), -EINVAL);
        cr_assert_str_eq(e.text, "volumeMounts: the paths of all have more than 8192 names");
}

Test(policy, a_command_line_has_at_most_128_kib)
{
        CLEANUP(freep) char *word = xcalloc(128 * 1024, 1);
        struct written w = container();

        memset(word, 'x', 128 * 1024 - 1 - sizeof("/usr/bin/id"));
        w.command[0] = (char *)"/usr/bin/id", w.args[0] = word;
        cr_assert_eq(write_with("", &w), 0, "%s", w.e.text);
        word[strlen(word)] = 'x';
        cr_assert_eq(write_with("", &w), -EINVAL);
        w.args[0] = NULL;
        w.command[1] = word;
        cr_assert_eq(write_with("", &w), -EINVAL);
        word[strlen(word) - 1] = '\0';
        cr_assert_eq(write_with("", &w), 0, "%s", w.e.text);
}

/* ---- edges of rules ---- */

Test(policy, ranges_include_both_ends)
{
        static const struct {
                const char *text;
                uint32_t user;
                bool allowed;
        } table[] = {
                { "", 1000, true },           { "", 65533, true },
                { "", 65534, false },         { "user = 5 7-9", 5, true },
                { "user = 5 7-9", 6, false }, { "user = 5 7-9", 7, true },
                { "user = 5 7-9", 9, true },  { "user = 5 7-9", 10, false },
                { "user = 5-5", 5, true },    { "user = 4294967294", 4294967294, true },
                { "user =", 1000, false },
        };

        for (size_t i = 0; i < ARRAY_LEN(table); i++) {
                CLEANUP(policy_freep) struct policy *p = conf(table[i].text);
                cr_expect_eq(rule_user(p, table[i].user, NULL), table[i].allowed ? 0 : -EPERM, "%s: %u", table[i].text,
                             table[i].user);
        }
}

Test(policy, groups_and_users_of_a_package)
{
        struct written w = container();

        w.c.run_as_group = &w.group, w.group.value = 0;
        cr_assert_eq(write_with("", &w), 0, "a package's own command line may be in group 0: %s", w.e.text);
        w.group.value = 5;
        expect_rule("", &w, "group");
        cr_assert_eq(write_with("group = 5", &w), 0);
        expect_rule("group = 5\nroot = allow", (w.group.value = 6, &w), "group");
        w = container();
        w.c.run_as_group = &w.group, w.args[0] = (char *)"-g";
        expect_rule("", &w, "group");
        w = container();
        w.c.run_as_user = &w.user, w.user.value = 0, w.args[0] = (char *)"-g";
        expect_rule("", &w, "root");
        cr_assert(strstr(w.e.text, "runAsUser: 0 is not allowed but for a package's own command line"));
        expect_rule("root = deny", &w, "root");
        cr_assert_null(strstr(w.e.text, "but for"));
        w = container();
        w.c.unit = (char *)"", w.command[0] = (char *)"/usr/bin/id";
        cr_assert_eq(write_with("", &w), 0);
        cr_assert(w.who.fallback, "without a unit it is no command line of the package's");
}

Test(policy, a_unit_is_its_packages)
{
        struct written w = container();

        w.c.package = (char *)"";
        cr_assert_eq(write_with("", &w), -EINVAL, "a unit of no package");
        w = container();
        w.c.unit = (char *)"";
        cr_assert_eq(write_with("", &w), -EINVAL);
        cr_assert(strstr(w.e.text, "has no service unit"), "%s", w.e.text);
        w = container();
        w.c.image = (char *)"/usr/bin/id", w.c.unit = (char *)"";
        cr_assert_eq(write_with("", &w), -EINVAL, "a program has no package");
        w.c.package = (char *)"", w.c.unit = (char *)"nginx.service";
        cr_assert_eq(write_with("", &w), -EINVAL, "nor a unit");
        w = container();
        w.c.image = (char *)"/opt/x", w.c.unit = w.c.package = (char *)"", w.command[0] = (char *)"/usr/bin/id";
        expect_rule("", &w, "program");
        w = container();
        w.c.restart = (Vks__Restart)(VKS__RESTART__RESTART_ALWAYS + 1);
        cr_assert_eq(write_with("", &w), -EINVAL, "the first number that is no policy");
        w = container();
        w.c.working_dir = (char *)"/srv";
        expect_rule("", &w, "root");
        cr_assert_eq(write_with("root = deny", &w), 0);
}

Test(policy, paths_that_a_unit_file_would_read_otherwise_are_refused)
{
        static const char *const bad[] = { "/a\\b", "/a ", "/a\xff", "/a//b", "/a/", "a" };
        struct written w = container();

        for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
                w.c.working_dir = (char *)(uintptr_t)bad[i];
                cr_expect_eq(write_with("", &w), -EINVAL, "%s", bad[i]);
        }
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

/* ---- EXEC -------------------------------------------------------------------------------------------------------- */

static int exec(const char *text, Vks__Container *c, const char *user, char ret_unit[static ID_UNIT_MAX + 1],
                struct err *e)
{
        CLEANUP(policy_freep) struct policy *p = conf(text);
        CLEANUP(op_exec_done) struct op_exec op = { 0 };
        Vks__Exec m = VKS__EXEC__INIT;
        int r;

        m.pod = &pod, m.container = c, m.id = 1, m.user = (char *)(uintptr_t)user;
        r = policy_exec(p, &m, &op, e);
        snprintf(ret_unit, ID_UNIT_MAX + 1, "%s", op.unit);
        return r;
}

Test(policy, exec_is_a_container_with_another_command)
{
        static char long_word[32 * 1024 + 1];
        Vks__Container c = VKS__CONTAINER__INIT;
        Vks__Env env = VKS__ENV__INIT, *envs[] = { &env };
        Vks__Word word = VKS__WORD__INIT, *words[] = { &word };
        Vks__Limits limits = VKS__LIMITS__INIT;
        char *command[] = { (char *)"/usr/bin/id", (char *)"-u" }, *args[] = { (char *)"-g" }, unit[ID_UNIT_MAX + 1];
        CLEANUP(freep) char *long_name = xcalloc(300, 1);
        struct err e = ERR_NONE;

        env.name = (char *)"A", word.index = 1, word.value = (char *)"hush";
        c.name = (char *)"main", c.image = (char *)"/bin/sh";
        cr_assert_eq(exec("", &c, "alice", unit, &e), -EINVAL, "no command");
        c.command = command, c.n_command = 2;
        cr_assert_eq(exec("", &c, "alice", unit, &e), 0, "%s", e.text);
        cr_assert_str_eq(unit, "vks-exec-" UID "-main-0000000000000001.service");
        c.args = args, c.n_args = 1;
        cr_assert_eq(exec("", &c, "alice", unit, &e), -EINVAL, "args are the container's");
        c.n_args = 0, c.env = envs, c.n_env = 1;
        cr_assert_eq(exec("", &c, "alice", unit, &e), -EINVAL, "so are the variables");
        c.n_env = 0, c.hidden = words, c.n_hidden = 1;
        cr_assert_eq(exec("", &c, "alice", unit, &e), -EINVAL, "and what nobody may see");
        c.n_hidden = 0, c.limits = &limits;
        cr_assert_eq(exec("", &c, "alice", unit, &e), -EINVAL, "a command has the pod's limits");
        c.limits = NULL, c.oom_score_adjust = 1;
        cr_assert_eq(exec("", &c, "alice", unit, &e), -EINVAL, "and is the first to be killed");
        c.oom_score_adjust = 0;
        memset(long_name, 'x', 256);
        cr_assert_eq(exec("", &c, long_name, unit, &e), 0, "%s", e.text);
        long_name[256] = 'x';
        cr_assert_eq(exec("", &c, long_name, unit, &e), -EINVAL);
        cr_assert_str_eq(e.text, "exec: the user's name has more than 256 bytes");
        memset(long_word, 'x', sizeof(long_word) - 1);
        c.command[0] = (char *)"/bin/sh", c.command[1] = long_word + strlen("/bin/sh") + 2, c.n_command = 2;
        cr_assert_eq(exec("", &c, "alice", unit, &e), 0, "%s", e.text);
        c.command[1]--;
        cr_assert_eq(exec("", &c, "alice", unit, &e), -EINVAL);
        cr_assert_str_eq(e.text, "exec: the command has more than 32768 bytes");
        c.n_command = 1;
        command[0] = (char *)"/opt/tool";
        cr_assert_eq(exec("", &c, "alice", unit, &e), -EPERM);
        cr_assert_str_eq(e.reason, "program");
        c.name = (char *)"../x";
        cr_assert_eq(exec("", &c, "alice", unit, &e), -EINVAL);
}

/* All that the helper compares with what WRITE was asked for. */
Test(policy, exec_is_handed_on_with_volumes_class_and_user)
{
        CLEANUP(policy_freep) struct policy *p = conf("");
        CLEANUP(op_exec_done) struct op_exec op = { 0 };
        char *command[] = { (char *)"/usr/bin/id" };
        Vks__EmptyDir dir = VKS__EMPTY_DIR__INIT;
        Vks__Volume v = volume_of("v", VKS__VOLUME__SOURCE_EMPTY_DIR), *volumes[] = { &v };
        Vks__Mount at = mount_at("v", "/data", false), *mounts[] = { &at };
        Vks__Container c = VKS__CONTAINER__INIT;
        Vks__Exec m = VKS__EXEC__INIT;
        struct err e = ERR_NONE;

        v.empty_dir = &dir;
        c.name = (char *)"main", c.image = (char *)"/bin/sh", c.command = command, c.n_command = 1;
        c.mounts = mounts, c.n_mounts = 1;
        m.pod = &pod, m.container = &c, m.id = 1, m.user = (char *)"alice", m.qos = VKS__QOS__QOS_GUARANTEED;
        cr_assert_eq(policy_exec(p, &m, &op, &e), -EINVAL, "a mount of no volume");
        op_exec_done(&op);
        m.volumes = volumes, m.n_volumes = 1;
        cr_assert_eq(policy_exec(p, &m, &op, &e), 0, "%s", e.text);
        cr_expect_str_eq(op.user, "alice");
        cr_expect_str_eq(op.as.pod.name, "web");
        cr_expect_eq(op.as.qos, QOS_CLASS_GUARANTEED);
        cr_assert(op.as.n_containers == 1 && op.as.containers[0].n_mounts == 1);
        cr_expect_eq(op.as.containers[0].mounts[0].volume, &op.as.volumes[0]);
        cr_expect_str_eq(op.as.containers[0].program, "/usr/bin/id");
}

Test(policy, exec_is_allowed_by_namespaces)
{
        static const struct {
                const char *text;
                int r;
        } cases[] = {
                { "", 0 },
                { "exec = *", 0 },
                { "exec =", -EPERM },
                { "exec = kube-*", -EPERM },
                { "exec = kube-* default", 0 },
                { "exec = kube-*\nexec = def*", 0 },
                { "preset = untrusted", 0 },
        };
        char *command[] = { (char *)"/usr/bin/id" }, unit[ID_UNIT_MAX + 1];
        Vks__Container c = VKS__CONTAINER__INIT;

        c.name = (char *)"main", c.image = (char *)"/bin/sh", c.command = command, c.n_command = 1;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                struct err e = ERR_NONE;

                cr_assert_eq(exec(cases[i].text, &c, "", unit, &e), cases[i].r, "%s: %s", cases[i].text, e.text);
                cr_assert_str_eq(e.reason, cases[i].r ? "exec" : "");
        }
}

/* They are stopped, and nothing else is done with them. */
Test(policy, commands_of_exec_are_stopped_and_never_started)
{
        char *units[] = { (char *)"vks-exec-" UID "-main-0000000000000001.service" };
        CLEANUP(policy_freep) struct policy *p = conf("");
        Vks__Start start = VKS__START__INIT;
        Vks__Stop stop = VKS__STOP__INIT;
        Vks__Remove gone = VKS__REMOVE__INIT;
        struct op_units op;
        struct err e = ERR_NONE;

        start.pod = stop.pod = gone.pod = &pod;
        start.units = stop.units = gone.units = units, start.n_units = stop.n_units = gone.n_units = 1;
        cr_assert_eq(policy_stop(p, &stop, &op, &e), 0, "%s", e.text);
        cr_assert_eq(policy_start(p, &start, &op, &e), -EINVAL);
        cr_assert_eq(policy_remove(p, &gone, &op, &e), -EINVAL);
}
