/* SPDX-License-Identifier: Apache-2.0 */
/* INSTALL, START, STOP, REMOVE and FILL; and what of each request is handed on. */
#include "tests/unit/policy/written.h"

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
