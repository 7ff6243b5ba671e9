/* SPDX-License-Identifier: Apache-2.0 */
/* Who a container is: its user, its groups, and what a package's unit may be. */
#include "tests/unit/helper/asking.h"

TestSuite(helper_identity, .init = setup, .fini = teardown);

Test(helper_identity, a_unit_that_a_packages_script_has_made_is_its_own_by_roots_record)
{
        struct asked *a = redis("[Service]\nExecStart=/usr/bin/redis\nUser=redis\n");

        package("redis", "/usr/bin/redis\n");
        make("/var/lib/vks/units");
        put("/var/lib/vks/units/other", REDIS "\n", 0644);
        cr_assert(write_pod(a) != 0 && strstr(reply->text, "package redis has no unit redis.service"), "%s",
                  reply->text);
        put("/var/lib/vks/units/redis", "/etc/systemd/system/other.service\n", 0644);
        cr_assert_neq(write_pod(a), 0, "that is another file");
        put("/var/lib/vks/units/redis", REDIS "\n", 0644);
        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        cr_assert(holds("/run/systemd/system/vks.default.web.redis.service", "ExecStart=/usr/bin/redis\n"));
}

Test(helper_identity, a_packages_unit_runs_as_the_package_says)
{
        struct asked *a = redis("[Service]\nExecStart=/usr/bin/redis\nUser=redis\n");

        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        cr_assert(holds("/run/systemd/system/vks.default.web.redis.service", "ExecStart=/usr/bin/redis\nUser=redis\n"));
        cr_assert(!dropin_has("\nUser=") && !dropin_has("\nExecStart=") && dropin_has("\nNoNewPrivileges=yes"));
        a = redis("[Service]\nExecStart=/usr/bin/redis\n");
        cr_assert_eq(write_pod(a), 0);
        cr_assert(!dropin_has("\nUser=") && !dropin_has("\nNoNewPrivileges=yes"), "root, as the package has it");
        put_policy("root = deny");
        cr_assert_eq(write_pod(a), 0);
        cr_assert(dropin_has("\nUser=vks-pod\n") && dropin_has("\nGroup=992\n"));
        a = redis("[Service]\nExecStart=/usr/bin/redis\nDynamicUser=yes\n");
        cr_assert_eq(write_pod(a), 0);
        cr_assert_not(dropin_has("\nUser="), "that is not root");
}

/* PID 1 asks /etc/passwd, even for a dynamic user: id 0 is root whatever its name is. */
Test(helper_identity, root_is_known_by_its_number)
{
        static const char *const users[] = {
                "User=root\nDynamicUser=yes\n", "User=toor\n", "User=0\n", "User=root\n", "", "User=x\nUser=\n"
        };

        put("/etc/passwd", "root:x:0:0::/:/bin/sh\ntoor:x:0:0::/:/bin/sh\nvks-pod:x:991:992::/:/bin/false\n", 0644);
        put_policy("root = deny");
        for (size_t i = 0; i < ARRAY_LEN(users); i++) {
                CLEANUP(freep) char *text = xasprintf("[Service]\nExecStart=/usr/bin/redis\n%s", users[i]);

                cr_assert_eq(write_pod(redis(text)), 0, "%s", reply->text);
                cr_assert(dropin_has("\nUser=vks-pod\nDynamicUser=no\n"), "%s", users[i]);
        }
}

/* Its user is the pod's other containers', too: who reaches into it would have what root alone may read. */
Test(helper_identity, what_pid_1_reads_for_a_package_is_its_own_command_lines)
{
        static const char *const hands[] = {
                "LoadCredential=key:/etc/key", "LoadCredentialEncrypted=key", "SetCredentialEncrypted=key: x",
                "ImportCredential=redis.*",    "OpenFile=/etc/key",           "MountImages=/srv/image:/srv/x",
                "StandardInput=file:/etc/key"
        };
        static const char *const none[] = { "LoadCredential=key:/etc/key\nLoadCredential=", "StandardInput=null",
                                            "SetCredential=key:everybody reads it" };
        static const char mark[] = "\nAmbientCapabilities=CAP_NET_BROADCAST\nLimitCORE=0\n";

        put_policy("root = deny");
        for (size_t i = 0; i < ARRAY_LEN(hands); i++) {
                CLEANUP(freep)
                char *text = xasprintf("[Service]\nExecStart=/usr/bin/redis\nUser=redis\n%s\n", hands[i]);
                struct asked *a = redis(text);

                cr_assert_eq(write_pod(a), 0, "%s", reply->text);
                cr_assert(dropin_has(mark), "%s", hands[i]);
                a->c.n_command = 2;
                cr_assert_eq(write_pod(a), 0, "%s", reply->text);
                cr_assert_not(dropin_has(mark));
        }
        for (size_t i = 0; i < ARRAY_LEN(none); i++) {
                CLEANUP(freep) char *text = xasprintf("[Service]\nExecStart=/usr/bin/redis\nUser=redis\n%s\n", none[i]);

                cr_assert_eq(write_pod(redis(text)), 0, "%s", reply->text);
                cr_assert_not(dropin_has(mark), "%s", none[i]);
        }
}

/* What PID 1 puts into the command line is an argument, wherever it comes from. */
Test(helper_identity, a_variable_that_a_command_line_with_rights_names_is_not_the_pods)
{
        static const char text[] = "[Service]\nExecStart=/usr/bin/redis $A ${B} \"x$$C\"\nUser=redis\nGroup=disk\n";
        static const char *const named[] = { "A", "B", "C" };
        static Vks__Env variable, *variables[] = { &variable };

        put("/etc/group", "disk:x:6:\nredis:x:121:\n", 0644);
        for (size_t i = 0; i <= ARRAY_LEN(named); i++) {
                struct asked *a = redis(text);

                vks__env__init(&variable);
                variable.name = (char *)(uintptr_t)(i < ARRAY_LEN(named) ? named[i] : "D");
                a->c.n_env = 1, a->c.env = variables;
                cr_assert_eq(write_pod(a), i < ARRAY_LEN(named) ? -EPERM : 0, "%s: %s", variable.name, reply->text);
        }
}

/* As the pod's words, or its configuration, would be read by who is in group shadow. */
Test(helper_identity, groups_of_a_package_are_not_for_commands_of_a_pod)
{
        static const char power[] = "[Service]\nExecStart=/usr/bin/redis\nUser=redis\nGroup=disk\n"
                                    "SupplementaryGroups=shadow users\nSupplementaryGroups=none-such\n";
        struct asked *a;

        put("/etc/group", "disk:x:6:\nshadow:x:42:\nusers:x:1500:\nredis:x:121:\nssl-cert:x:110:www-data,redis\n",
            0644);
        cr_assert_eq(write_pod(redis(power)), 0, "%s", reply->text);
        cr_assert(!dropin_has("\nGroup=") && !dropin_has("\nSupplementaryGroups=") && !dropin_has("vks-exec"));
        a = redis(power);
        a->c.n_command = 2;
        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        cr_assert(dropin_has("\nSupplementaryGroups=\nSupplementaryGroups=1500\nGroup=121\n"));
        cr_assert(dropin_has("vks-exec --user=120 --group=121 "), "PID 1 would add ssl-cert");
        cr_assert_not(dropin_has("\nUser="));
        put_policy("group = 6 42 110");
        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        cr_assert(dropin_has("\nSupplementaryGroups=\nSupplementaryGroups=42\n"));
        cr_assert(!dropin_has("\nGroup=") && !dropin_has("vks-exec"));
        a = redis("[Service]\nExecStart=/usr/bin/redis\nDynamicUser=yes\nSupplementaryGroups=disk\n");
        a->c.args = a->words, a->c.n_args = 1;
        put_policy("");
        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        cr_assert(dropin_has("\nSupplementaryGroups=\nNoNewPrivileges="));
        cr_assert_eq(units(VERB_remove, "vks.default.web.redis.service", false), 0, "%s", reply->text);
        a = sleeper();
        put("/etc/passwd", "root:x:0:0::/:/bin/sh\nvks-pod:x:991:992::/:/bin/false\njane:x:1000:1000::/:/bin/sh\n",
            0644);
        put("/etc/group", "sudo:x:27:jane\n", 0644);
        a->c.run_as_user = &a->user, a->user.value = 1000;
        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        cr_assert(holds(SLEEP_DROPIN, "!/usr/libexec/vks/vks-exec --user=1000 --group=1000 ") &&
                          !holds(SLEEP_DROPIN, "\nUser="),
                  "a person's groups are not asked for by his number");
}

Test(helper_identity, more_groups_than_are_known_are_not_given)
{
        CLEANUP(buf_done) struct buf group = BUF(65536), text = BUF(65536);

        buf_str(&text, "[Service]\nExecStart=/usr/bin/redis\nUser=redis\nSupplementaryGroups=");
        for (unsigned i = 0; i < 2 * PERSON_GROUPS_MAX; i++) {
                buf_printf(&group, "g%u:x:%u:redis\n", i, 2000 + i);
                buf_printf(&text, " g%u", i);
        }
        put("/etc/group", group.data, 0644);
        buf_char(&text, '\n');
        struct asked *a = redis(text.data);
        a->c.n_command = 2;
        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        cr_assert(dropin_has("vks-exec --user=120 --group=121 ") && dropin_has("SupplementaryGroups=2062\n") &&
                  !dropin_has("SupplementaryGroups=2063\n"));
}

Test(helper_identity, who_speaks_for_the_machine_runs_as_it_is_or_not_at_all)
{
        static const char *const texts[] = {
                "User=redis\nBusName=org.freedesktop.PolicyKit1\n",
                "User=redis\nBusName=org.freedesktop.PolicyKit1\nBusName=\n", /* takes nothing back */
                "User=redis\nBusName=org.freedesktop.PolicyKit1\nBusName=org.x\n",
                "User=vks\n",
                "User=990\n",
                "User=redis\n[Install]\nAlias=dbus.service\n",
                "User=redis\n[Install]\nAlias=x.service dbus.service\n",
        };

        for (size_t i = 0; i < ARRAY_LEN(texts); i++)
                for (size_t command = 0; command < 2; command++) {
                        CLEANUP(freep) char *text = xasprintf("[Service]\nExecStart=/usr/bin/redis\n%s", texts[i]);
                        struct asked *a = redis(text);

                        a->c.n_command = 2 * command;
                        with_mount(a, "files", "/srv");
                        cr_assert_eq(write_pod(a), -EPERM, "%s", texts[i]);
                        cr_assert_str_eq(reply->rule, "machine");
                        expect(-EPERM, "container c: policy rule machine: redis.service of package redis speaks for "
                                       "the machine");
                }
        nothing_is_left();
        cr_assert_eq(write_pod(redis(
                             "[Service]\nExecStart=/usr/bin/redis\nBusName=net.x\n[Install]\nAlias=dbus-net.x.service "
                             "kdbus.service\n")),
                     0, "%s", reply->text);
        cr_assert(dropin_has("BindReadOnlyPaths=-/run/dbus\n"));
}

/* Of a package whose unit is root's: what is beside its command line may be code that it runs. */
Test(helper_identity, what_a_root_daemon_runs_is_not_in_a_volume)
{
        struct asked *a = redis("[Service]\nExecStart=/usr/share/redis/redis\n");

        with_mount(a, "files", "/usr/share/redis");
        cr_assert_eq(write_pod(a), -EPERM);
        cr_assert_str_eq(reply->rule, "root");
        expect(-EPERM, "container c: policy rule root: nothing of the pod's is mounted at /usr/share/redis");
        a->mount.path = STR("/boot-of-the-machine/x"); /* nothing of that name */
        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        cr_assert_eq(mkdir("/vks-test-top", 0755), 0);
        a->mount.path = STR("/vks-test-top/x");
        write_pod(a);
        cr_assert_eq(rmdir("/vks-test-top"), 0);
        expect(-EPERM, "a directory of the machine's");
        a->mount.path = STR("/usr/share/redis");
        put_policy("root = deny");
        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
}

Test(helper_identity, where_nothing_may_be_root_no_command_of_a_package_is)
{
        struct asked *a =
                redis("[Service]\nExecStartPre=+/usr/bin/install -d /x\nExecStart=/usr/bin/redis\nUser=redis\n");

        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        put_policy("root = deny");
        cr_assert_eq(write_pod(a), -EPERM);
        cr_assert_str_eq(reply->rule, "root");
        expect(-EPERM, "container c: policy rule root: redis.service has commands that run as root");
        a = redis("[Service]\nExecStartPre=/usr/bin/install -d /x\nExecStart=/usr/bin/redis\n");
        a->c.run_as_user = &a->user, a->user.value = 1000;
        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        cr_assert(dropin_has("\nUser=vks-pod\n") && dropin_has("--user=1000 "),
                  "what runs before vks-exec is not root's either");
}

Test(helper_identity, a_user_that_is_the_instance_must_be_in_the_range)
{
        struct asked *a = sleeper();

        package("redis", "/etc/systemd/system/redis@.service\n");
        put("/etc/systemd/system/redis@.service", "[Service]\nExecStart=/usr/bin/redis\nUser=%i\n", 0644);
        a->c.image = a->c.package = STR("redis"), a->c.n_command = 0;
        a->c.unit = STR("redis@redis.service");
        cr_assert_eq(write_pod(a), -EPERM);
        cr_assert_str_eq(reply->rule, "user");
        expect(-EPERM, "redis@redis.service would run as redis");
        put_policy("user = 120");
        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        a->c.unit = STR("redis@nobody-knows.service");
        cr_assert_eq(write_pod(a), -EPERM);
        a->c.unit = STR("redis@root.service"); /* root for the agent's asking: it is not the package that says so */
        cr_assert_eq(write_pod(a), -EPERM);
        expect(-EPERM, "redis@root.service would run as root");
        a->c.run_as_user = &a->user;
        cr_assert_eq(write_pod(a), -EPERM);
        a->c.run_as_user = NULL;
        put_policy("root = deny");
        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        cr_assert(holds("/run/systemd/system/vks.default.web.redis.service.d/vks.conf", "\nUser=vks-pod\n"));
        put_policy("root = allow");
        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
}

Test(helper_identity, a_unit_file_that_leads_to_what_is_not_for_everybody_is_not_copied)
{
        struct asked *a = redis("[Service]\nExecStart=/usr/bin/redis\n");

        put("/etc/shadow", "root:secret\n", 0600);
        cr_assert(unlink(REDIS) == 0 && symlink("/etc/shadow", REDIS) == 0);
        cr_assert_eq(write_pod(a), -EPERM);
        expect(-EPERM, REDIS " is not for everybody to read");
}

Test(helper_identity, run_as_user_is_in_range_or_the_packages_own)
{
        struct asked *a = redis("[Service]\nExecStart=/usr/bin/redis\nUser=redis\n");

        a->c.run_as_user = &a->user, a->user.value = 120;
        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        cr_assert_not(dropin_has("\nUser="));
        a->user.value = 121;
        cr_assert_eq(write_pod(a), -EPERM);
        cr_assert_str_eq(reply->rule, "user");
        expect(-EPERM, "container c: policy rule user: runAsUser: 121 is not the user of redis.service");
        a->user.value = 0;
        cr_assert_eq(write_pod(a), -EPERM);
        cr_assert_str_eq(reply->rule, "root");
        a = redis("[Service]\nExecStart=/usr/bin/redis\n");
        a->c.run_as_user = &a->user;
        cr_assert_eq(write_pod(a), 0, "root's unit may be asked to be root's");
        a->user.value = 1000, a->c.run_as_group = &a->group, a->group.value = 2000;
        cr_assert_eq(write_pod(a), 0);
        cr_assert(dropin_has("--user=1000 --group=2000 "), "nobody has this number: vks-exec becomes it");
        a->c.run_as_group = NULL;
        cr_assert_eq(write_pod(a), 0);
        cr_assert(dropin_has("--user=1000 --group=992 "), "the group of vks-pod");
        put_policy("user = 120");
        a->user.value = 120;
        cr_assert_eq(write_pod(a), 0);
        cr_assert(dropin_has("\nUser=120\n") && dropin_has("\nGroup=121\n"));
}

Test(helper_identity, who_must_not_be_root_does_not_run_where_the_package_would_be)
{
        static const char words[] =
                "container c: container has runAsNonRoot and image will run as root (pod: \"web_default(" UID
                ")\", container: c)";
        struct asked *a = redis("[Service]\nExecStart=/usr/bin/redis\n");

        a->c.run_as_non_root = true;
        cr_assert_eq(write_pod(a), -EPERM);
        cr_assert_str_eq(reply->text, words);
        nothing_is_left();
        a->words[1] = STR("-v"), a->c.args = a->words + 1, a->c.n_args = 1;
        cr_assert_eq(write_pod(a), 0, "runs as vks-pod: %s", reply->text);
        a->c.n_args = 0, a->c.run_as_user = &a->user, a->user.value = 120;
        put_policy("user = 120");
        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        put_policy("root = deny");
        a->c.run_as_user = NULL;
        cr_assert_eq(write_pod(a), 0, "nobody is root: %s", reply->text);
        put_policy("");
        a = redis("[Service]\nExecStartPre=+/usr/bin/install -d /x\nExecStart=/usr/bin/redis\nUser=redis\n");
        a->c.run_as_non_root = true;
        cr_assert_eq(write_pod(a), 0, "what prepares it is not the container: %s", reply->text);
        a = redis("[Service]\nExecStart=!/usr/bin/redis\nUser=redis\n");
        a->c.run_as_non_root = true;
        cr_assert_eq(write_pod(a), -EPERM, "it becomes redis by itself, later");
        cr_assert_str_eq(reply->text, words);
        a = sleeper();
        a->c.run_as_non_root = true;
        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        put_policy("root = allow");
        cr_assert_eq(units(VERB_remove, NULL, true), 0);
        cr_assert_eq(write_pod(a), -EPERM);
}

Test(helper_identity, who_is_named_runs_it_whatever_the_packages_line_says)
{
        struct asked *a = redis("[Service]\nExecStart=!/usr/bin/redis -d\nUser=redis\n");

        put_policy("user = 991");
        a->c.run_as_user = &a->user, a->user.value = 991;
        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        cr_assert(dropin_has("\nUser=991\n") && dropin_has("\nExecStart=\nExecStart=/usr/bin/redis -d\n"));
        a->c.run_as_user = NULL;
        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        cr_assert_not(dropin_has("\nExecStart="), "else it is the package's");
}

Test(helper_identity, where_every_container_may_be_root_nobody_is_kept_from_it)
{
        struct asked *a = sleeper();

        a->c.run_as_user = &a->user, a->user.value = 1000;
        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        cr_assert(holds(SLEEP_DROPIN, "vks-exec --user=1000 --group=992 \"/usr/bin/sleep\""));
        put_policy("root = allow");
        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        cr_assert(holds(SLEEP_DROPIN, "vks-exec --user=1000 --group=992 --may-gain \"/usr/bin/sleep\"") &&
                  !holds(SLEEP_DROPIN, "NoNewPrivileges"));
        a->c.no_new_privileges = true;
        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        cr_assert(holds(SLEEP_DROPIN, "vks-exec --user=1000 --group=992 \"/usr/bin/sleep\"") &&
                          holds(SLEEP_DROPIN, "\nNoNewPrivileges=yes\n"),
                  "but who gives that up himself");
}

Test(helper_identity, without_vks_pod_nothing_runs_as_it)
{
        struct asked *a = sleeper();

        put("/etc/passwd", "root:x:0:0::/:/bin/sh\n", 0644);
        write_pod(a);
        expect(-ENOENT, "there is no user vks-pod on this node");
        nothing_is_left();
}

Test(helper_identity, a_unit_is_the_packages_or_it_is_none)
{
        struct asked *a = redis("[Service]\nExecStart=/usr/bin/redis\n");

        a->c.unit = STR("other.service");
        write_pod(a);
        expect(-ENOENT, "package redis has no unit other.service");
        put("/etc/systemd/system/other.service", "[Service]\nExecStart=/bin/sh\n", 0644);
        write_pod(a);
        expect(-ENOENT, "package redis has no unit other.service"); /* it is there, and nobody's */
        a->c.package = STR("not-installed");
        write_pod(a);
        expect(-ENOENT, "package not-installed is not installed");
        package("redis", REDIS "\n/etc/systemd/system/redis@.service\n/etc/init.d/old\n");
        put("/etc/systemd/system/redis@.service", "[Service]\nExecStart=/usr/bin/redis %i\n", 0644);
        a->c.package = STR("redis"), a->c.unit = STR("redis@one.service");
        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        cr_assert(holds("/run/systemd/system/vks.default.web.redis.service", "ExecStart=/usr/bin/redis one\n"));
        a->c.unit = STR("redis@.service");
        write_pod(a);
        expect(-ENOENT, "has no unit redis@.service");
        a->c.unit = STR("old.service");
        write_pod(a);
        expect(-ENOENT, "/run/systemd/generator.late/old.service: No such file"); /* its script is there, systemd has
                                                                                     made nothing of it */
        put("/run/systemd/generator.late/old.service", "[Service]\nExecStart=/etc/init.d/old start\n", 0644);
        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        cr_assert(holds("/run/systemd/system/vks.default.web.redis.service", "ExecStart=/etc/init.d/old start\n"));
        cr_assert_eq(unlink(REDIS), 0);
        make(REDIS);
        a->c.unit = STR("redis.service");
        write_pod(a);
        expect(-EINVAL, REDIS ": not a regular file");
}
