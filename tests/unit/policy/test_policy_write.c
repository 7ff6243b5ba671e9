/* SPDX-License-Identifier: Apache-2.0 */
/* WRITE and RESIZE: what a pod may be. */
#include "tests/unit/policy/written.h"

Test(policy_write, root_is_for_a_packages_own_command_line)
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

Test(policy_write, run_as_user_0_is_refused_by_name)
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

Test(policy_write, ids_must_be_in_the_ranges)
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

Test(policy_write, programs_match_the_patterns)
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
Test(policy_write, a_program_that_a_mount_covers_is_the_pods_own_or_known_by_its_path_on_the_machine)
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

Test(policy_write, the_event_says_which_word_a_program_takes)
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

Test(policy_write, of_mounts_in_each_other_the_innermost_says_whose_a_path_is)
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

Test(policy_write, the_longest_path_of_a_program_stays_whole)
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

Test(policy_write, a_working_dir_is_made_where_something_may_be_mounted)
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

Test(policy_write, a_package_without_unit_needs_a_command)
{
        struct written w = container();

        w.c.image = (char *)"zsh", w.c.unit = (char *)"", w.c.package = (char *)"";
        cr_assert_eq(write_with("", &w), -EINVAL);
        cr_assert_str_eq(w.e.text,
                         "container c: command: package zsh has no service unit, so the pod must give a command");
}

Test(policy_write, both_the_image_and_the_units_package_are_asked_about)
{
        struct written w = container();

        expect_rule("package = nginx", &w, "package");
        expect_rule("package = nginx-common", &w, "package");
        cr_assert_eq(write_with("package = nginx*", &w), 0);
        w.c.unit = (char *)"../x.service";
        cr_assert_eq(write_with("", &w), -EINVAL);
}

Test(policy_write, a_package_without_unit_is_a_package_all_the_same)
{
        struct written w = container();

        w.command[0] = (char *)"/bin/true", w.c.unit = (char *)"";
        cr_assert_eq(write_with("", &w), 0, "%s", w.e.text);
        w.c.package = (char *)"x\n[Service]\nExecStartPre=+/bin/sh"; /* it is written into the unit's [X-Kubernetes] */
        cr_assert_eq(write_with("", &w), -EINVAL);
}

Test(policy_write, no_variable_says_what_a_packages_unit_loads)
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

Test(policy_write, host_paths_lie_under_allowed_prefixes)
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

Test(policy_write, a_part_of_a_host_path_lies_under_an_allowed_prefix_itself)
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

Test(policy_write, a_part_of_a_volume_is_a_path_in_it)
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

Test(policy_write, mounts_never_hide_the_system)
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

Test(policy_write, the_longest_path_of_a_mount_stays_whole)
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

Test(policy_write, variables_that_no_process_can_have_are_refused_by_name)
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

Test(policy_write, numbers_out_of_range_are_refused)
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

Test(policy_write, limits_are_in_the_ranges_of_their_settings)
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
Test(policy_write, a_resize_is_of_units_of_pods_and_in_the_ranges)
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

Test(policy_write, a_stop_signal_is_one_that_systemd_knows)
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

Test(policy_write, a_termination_message_is_a_mount_where_something_may_be_mounted)
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

Test(policy_write, capabilities_that_are_dropped_are_ones_that_there_are)
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

Test(policy_write, who_is_spared_when_memory_runs_out_is_bounded)
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

/* ---- edges of rules ---- */

Test(policy_write, ranges_include_both_ends)
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

Test(policy_write, groups_and_users_of_a_package)
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

Test(policy_write, a_unit_is_its_packages)
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

Test(policy_write, paths_that_a_unit_file_would_read_otherwise_are_refused)
{
        static const char *const bad[] = { "/a\\b", "/a ", "/a\xff", "/a//b", "/a/", "a" };
        struct written w = container();

        for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
                w.c.working_dir = (char *)(uintptr_t)bad[i];
                cr_expect_eq(write_with("", &w), -EINVAL, "%s", bad[i]);
        }
}

/* ---- bounds ------------------------------------------------------------------------------------------------------ */

Test(policy_write, there_is_a_bound_to_every_list)
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

Test(policy_write, volumes_have_groups_that_any_pod_may_have_and_no_other)
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

Test(policy_write, a_pod_names_so_many_groups)
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

Test(policy_write, what_is_malformed_is_told_by_name)
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
Test(policy_write, no_path_that_systemd_mounts_has_quotes)
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

Test(policy_write, there_is_a_bound_to_every_list_of_a_pod)
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
Test(policy_write, a_hidden_word_has_the_place_of_one_of_the_pods)
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

Test(policy_write, hidden_words_are_counted_with_the_others)
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
