/* SPDX-License-Identifier: Apache-2.0 */
/* What is mounted where, and which directories a unit's user is given: in whatever order a pod's containers and a
 * package's changes come. */
#include "tests/unit/helper/asking.h"

TestSuite(helper_ground, .init = setup, .fini = teardown);

/* A directory of the pod's own part of a layer. */
static void is_held(const char *path, uid_t uid, gid_t gid, mode_t mode)
{
        struct stat st = { 0 };

        cr_assert(lstat(path, &st) == 0 && S_ISDIR(st.st_mode), "%s", path);
        cr_assert(st.st_uid == uid && st.st_gid == gid && (st.st_mode & 07777) == mode, "%s: %u:%u %o", path, st.st_uid,
                  st.st_gid, st.st_mode);
}

#define ETC_MOUNT "run-vks-pods-0f6c2a9e\\x2d1234\\x2d4abc\\x2d8def\\x2d0123456789ab-etc.mount"
#define ETC_BIND  "BindPaths=\"-/run/vks/pods/" UID "/etc/redis\":\"/etc/redis\"\n"
/* What the machine has must stay as it is, whoever owns it: the pod's directory is a layer over it. */
Test(helper_ground, what_a_unit_writes_to_below_etc_is_the_pods_own)
{
        struct asked *a = redis(WRITES_REDIS);

        make("/etc/redis");
        put("/etc/redis/sentinel.conf", "port 1\n", 0640);
        cr_assert_eq(chown("/etc/redis", 120, 121), 0);
        cr_assert_eq(chmod("/etc/redis", 02750), 0);
        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        cr_assert(dropin_has(ETC_BIND) && dropin_has("Requires=" ETC_MOUNT "\nAfter=" ETC_MOUNT "\n"));
        cr_assert(dropin_has("\nReadWritePaths=\n"), "the machine's stays read-only");
        cr_assert(holds(UNIT_DIR "/" ETC_MOUNT, "Where=/run/vks/pods/" UID "/etc\n") &&
                  holds(UNIT_DIR "/" ETC_MOUNT, "Options=lowerdir=/etc,upperdir=/run/vks/pods/" UID "/etc-upper,"
                                                "workdir=/run/vks/pods/" UID "/etc-work,nodev,nosuid\n"));
        cr_assert(mode_of("/run/vks/pods/" UID) == 0700 && mode_of("/run/vks/pods/" UID "/etc-work") == 0700);
        cr_assert_not(is_there("/run/vks/pods/" UID "/etc/redis"));
        is_held("/run/vks/pods/" UID "/etc-upper/redis", 120, 121, 02750);
        cr_assert_not(is_there("/run/vks/pods/" UID "/etc-upper/redis/sentinel.conf"), "the helper copies no file");
        cr_assert_eq(write_pod(a), 0, "again: %s", reply->text);
        cr_assert_eq(units(VERB_remove, NULL, true), 0, "%s", reply->text);
        cr_assert(strstr(pid1.asked, "StopUnit " ETC_MOUNT "\nResetFailedUnit " ETC_MOUNT "\n"), "%s", pid1.asked);
        cr_assert(holds("/etc/redis/sentinel.conf", "port 1\n"));
        nothing_is_left();
}

Test(helper_ground, a_layer_over_etc_has_no_volume_in_it_and_nothing_that_could_lead_elsewhere)
{
        static const char *const mounts[] = { "/etc/redis", "/etc/redis/x" };
        struct asked *a = redis(WRITES_REDIS);

        cr_assert(write_pod(a) == 0 && !dropin_has(ETC_MOUNT), "there is none");
        put("/etc/redis", "", 0644);
        cr_assert(write_pod(a) == 0 && !dropin_has(ETC_MOUNT), "a file");
        cr_assert(unlink("/etc/redis") == 0 && symlink("/etc/vks", "/etc/redis") == 0);
        cr_assert(write_pod(a) == 0 && !dropin_has(ETC_MOUNT), "a link");
        cr_assert_eq(unlink("/etc/redis"), 0);
        make("/etc/redis");
        own_directory("/etc/redis", NULL);
        cr_assert(write_pod(a) == 0 && !dropin_has(ETC_MOUNT), "something is mounted there");
        cr_assert_eq(umount2("/etc/redis", MNT_DETACH), 0);
        make("/etc/redis/x");
        for (size_t i = 0; i < ARRAY_LEN(mounts); i++) {
                with_mount(a, "memory", mounts[i]);
                cr_assert_eq(write_pod(a), 0, "%s", reply->text);
                cr_assert_not(dropin_has(ETC_MOUNT), "%s", mounts[i]);
        }
        with_mount(a, "memory", "/etc/redi");
        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        cr_assert(dropin_has(ETC_BIND) && !dropin_has("\"-/etc/redis\""), "in a mirror of /etc, too, and once");
        a = redis("[Service]\nExecStart=/usr/bin/redis\nReadWritePaths=/etc /etc/vks /etc/redis/x\n");
        cr_assert(write_pod(a) == 0 && !dropin_has(ETC_MOUNT), "neither all of /etc, nor ours, nor deeper");
}

Test(helper_ground, a_configuration_directory_is_no_way_to_write_on_the_machine)
{
        struct asked *a = redis("[Service]\nExecStart=/usr/bin/redis\nConfigurationDirectory=redis\n");

        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        cr_assert(dropin_has("\nConfigurationDirectory=\n") && !dropin_has(ETC_MOUNT));
        make("/etc/redis");
        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        cr_assert(dropin_has("\nConfigurationDirectory=\n") && dropin_has(ETC_BIND));
}

/* Two containers: one is of package iwd with a command of its own, the other has a volume in the directory that PID 1
 * gives to the first. */
static struct asked *two_of_them(void)
{
        struct asked *a = sleeper();

        package("iwd", "/usr/lib/systemd/system/iwd.service\n/etc/systemd/system/iwd.service\n");
        put("/etc/systemd/system/iwd.service", "[Service]\nExecStart=/usr/bin/iwd\nStateDirectory=iwd\n", 0644);
        a->c2.image = a->c2.package = STR("iwd"), a->c2.unit = STR("iwd.service");
        a->c2.command = a->words, a->c2.n_command = 2;
        with_mount(a, "memory", "/var/lib/iwd/x");
        return a;
}

Test(helper_ground, nothing_is_mounted_in_a_directory_that_is_given_to_a_user_in_whatever_order_they_come)
{
        struct asked *a = two_of_them();

        a->m.n_containers = 2;
        cr_assert_eq(write_pod(a), -EPERM);
        cr_assert_str_eq(reply->rule, "mount-target");
        expect(-EPERM, "container d: policy rule mount-target: mountPath /var/lib/iwd/x lies in /var/lib/iwd");
        nothing_is_left();
        a->m.n_containers = 1; /* the volume's first, then the directory's */
        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        a->containers[0] = &a->c2;
        cr_assert_eq(write_pod(a), -EPERM);
        cr_assert_eq(units(VERB_remove, NULL, true), 0);
        cr_assert_eq(write_pod(a), 0, "the directory's first: %s", reply->text);
        a->containers[0] = &a->c;
        cr_assert_eq(write_pod(a), -EPERM);
        a->mount.path = STR("/var/lib/iwd");
        cr_assert_eq(write_pod(a), 0, "a volume in its place: %s", reply->text);
}

/* A daemon of root's may say that others write to its directory: who does could put a link in the place of a mount
 * point. */
Test(helper_ground, nothing_is_mounted_in_a_directory_of_roots_that_others_may_write_to)
{
        static const struct {
                const char *mode;
                int result;
        } rows[] = {
                { "RuntimeDirectoryMode=0777\n", -EPERM },          { "StateDirectoryMode=0702\n", -EPERM },
                { "RuntimeDirectoryMode=0770\nGroup=7\n", -EPERM }, { "RuntimeDirectoryMode=0770\n", 0 },
                { "RuntimeDirectoryMode=0755\nGroup=7\n", 0 },      { "", 0 },
        };

        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                CLEANUP(freep)
                char *text = xasprintf("[Service]\nExecStart=/usr/bin/redis\nRuntimeDirectory=redis\n%s", rows[i].mode);
                struct asked *a = redis(text);

                with_mount(a, "memory", "/run/redis/x");
                cr_assert_eq(write_pod(a), rows[i].result, "%s: %s", rows[i].mode, reply->text);
                cr_assert(rows[i].result == 0 || strstr(reply->text, "/run/redis/x lies in /run/redis"), "%s",
                          reply->text);
                cr_assert_eq(units(VERB_remove, NULL, true), 0, "%s", reply->text);
        }
}

/* PID 1 waits for what it opens there: a FIFO would hold it up, and with it the machine. */
Test(helper_ground, systemd_reads_a_pid_file_only_where_nobody_but_root_can_put_anything)
{
        static const struct {
                const char *lines, *read; /* "": none */
        } rows[] = {
                { "PIDFile=/run/x.pid\nUser=redis\n", "/run/x.pid" },
                { "PIDFile=x.pid\nUser=redis\n", "/run/x.pid" },
                { "PIDFile=/var/run/x.pid\n", "/run/x.pid" },
                { "PIDFile=/run/redis/x.pid\nUser=redis\nRuntimeDirectory=redis\n", "" },
                { "PIDFile=/run/redis/a/x.pid\nUser=redis\nRuntimeDirectory=redis\n", "" },
                { "PIDFile=/run/redis/x.pid\nRuntimeDirectory=redis\n", "/run/redis/x.pid" },
                { "PIDFile=/run/redis/x.pid\nRuntimeDirectory=redis\nRuntimeDirectoryMode=0777\n", "" },
                { "PIDFile=/run/redis/x.pid\nRuntimeDirectory=redis\nRuntimeDirectoryMode=1777\n", "" },
                { "PIDFile=/run/redis/x.pid\nRuntimeDirectory=redis\nRuntimeDirectoryMode=0775\nGroup=7\n", "" },
                { "PIDFile=/run/redis/x.pid\nRuntimeDirectory=redis\nRuntimeDirectoryMode=0775\n", "/run/redis/x.pid" },
                { "PIDFile=/run/theirs/x.pid\nUser=redis\n", "" },
                { "PIDFile=/run/lock/x.pid\n", "" },
                { "PIDFile=/tmp/x.pid\n", "" },
                { "PIDFile=/var/lib/x.pid\n", "" },
                { "PIDFile=%t/x.pid\n", "" },
                { "PIDFile=/run/../x.pid\n", "" },
                { "PIDFile=/run/new/x.pid\n", "/run/new/x.pid" },
        };

        make("/run/theirs");
        cr_assert(chown("/run/theirs", 7, 7) == 0 && chmod("/run/lock", 01777) == 0);
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                CLEANUP(freep)
                char *text = xasprintf("[Service]\nType=forking\nExecStart=/usr/bin/redis\n%s", rows[i].lines);
                CLEANUP(freep)
                char *want = xasprintf("\nPIDFile=%s%s\n", *rows[i].read ? POD_RUN_DIR "/" UID : "", rows[i].read);
                struct asked *a = redis(text);

                cr_assert_eq(write_pod(a), 0, "%s: %s", rows[i].lines, reply->text);
                cr_assert(dropin_has(want), "%s", rows[i].lines);
                cr_assert_eq(units(VERB_remove, NULL, true), 0, "%s", reply->text);
        }
}

/* PID 1 makes a mount point that is missing before anything is read-only: where a link leads, in the machine's /etc. */
Test(helper_ground, what_a_packages_unit_mounts_is_where_nobody_but_root_can_put_a_link)
{
        static const struct {
                const char *line;
                bool mounted, var;
        } rows[] = {
                { "BindReadOnlyPaths=/etc/passwd:/tmp/x", false, false },
                { "BindReadOnlyPaths=/etc/passwd:/var/tmp/x", false, false },
                { "TemporaryFileSystem=/var/tmp/x", false, true },
                { "TemporaryFileSystem=/run/lock/x:ro", false, false },
                { "TemporaryFileSystem=/dev/shm/x", false, false },
                { "TemporaryFileSystem=/run/theirs/x", false, false },
                { "TemporaryFileSystem=/var/lib/theirs/x", true, false },
                { "TemporaryFileSystem=/var/lib/theirs/x", false, true },
                { "TemporaryFileSystem=/etc/theirs/x", false, false },
                { "TemporaryFileSystem=/etc/roots/x", true, false },
                { "TemporaryFileSystem=/run/roots/x", true, false },
                { "TemporaryFileSystem=/run/x", true, true },
                { "TemporaryFileSystem=/var/lib/x", true, true },
                { "StateDirectory=redis\nTemporaryFileSystem=/var/lib/redis/x", false, false },
                { "TemporaryFileSystem=/tmp/x\nTemporaryFileSystem=/run/x", true, false },
        };
        static const char *const theirs[] = { "/run/theirs", "/var/lib/theirs", "/etc/theirs" };

        cr_assert_eq(chmod("/run/lock", 01777), 0);
        for (size_t i = 0; i < ARRAY_LEN(theirs); i++) {
                make(theirs[i]);
                cr_assert_eq(chown(theirs[i], 7, 7), 0);
        }
        make("/etc/roots");
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                const char *last = strrchr(rows[i].line, '\n');
                CLEANUP(freep)
                char *text = xasprintf("[Service]\nExecStart=/usr/bin/redis\nUser=redis\n%s\n", rows[i].line),
                     *want = xasprintf("\n%s\n", last ? last + 1 : rows[i].line);
                struct asked *a = redis(text);

                a->c.writes_var = rows[i].var;
                cr_assert_eq(write_pod(a), 0, "%s: %s", rows[i].line, reply->text);
                cr_expect_eq(dropin_has(want), rows[i].mounted, "%s", rows[i].line);
                cr_assert_eq(units(VERB_remove, NULL, true), 0, "%s", reply->text);
        }
}

/* Sockets of the machine's are mounted below it in each view, and these mount points are in no account. */
Test(helper_ground, no_user_is_given_a_directory_where_each_view_has_mounts)
{
        static const char *const given[] = { "RuntimeDirectory=systemd", "RuntimeDirectory=systemd/journal",
                                             "RuntimeDirectory=credentials/x" };

        for (size_t i = 0; i < ARRAY_LEN(given); i++) {
                CLEANUP(freep)
                char *text = xasprintf("[Service]\nExecStart=/usr/bin/redis\nUser=redis\n%s\n", given[i]);

                cr_assert_eq(write_pod(redis(text)), 0, "%s", reply->text);
                cr_expect(!dropin_has("\nRuntimeDirectory=vks/"), "%s", given[i]);
        }
}

/* kmod.service is a link to systemd-modules-load.service, which may be masked. */
Test(helper_ground, what_the_administrator_says_of_a_unit_holds_by_its_second_name)
{
        struct asked *a = redis("[Service]\nExecStart=/usr/bin/redis\nUser=redis\n");

        package("redis", "/etc/systemd/system/redis.service\n/etc/systemd/system/redis-server.service\n");
        cr_assert_eq(rename("/etc/systemd/system/redis.service", "/etc/systemd/system/redis-server.service"), 0);
        cr_assert_eq(symlink("redis-server.service", "/etc/systemd/system/redis.service"), 0);
        make("/etc/systemd/system/redis-server.service.d");
        put("/etc/systemd/system/redis-server.service.d/x.conf", "[Service]\nPrivateDevices=yes\n", 0644);
        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        cr_assert(holds("/run/systemd/system/vks.default.web.redis.service", "\nPrivateDevices=yes\n"));
        put("/etc/systemd/system/redis-server.service", "", 0644);
        cr_assert_eq(write_pod(a), -EPERM);
        expect(-EPERM, "redis.service is masked on this machine");
}

/* An instance of a link is the same instance of what it leads to. */
Test(helper_ground, an_instance_has_a_second_name_too)
{
        struct asked *a = redis("[Service]\nExecStart=/usr/bin/redis\nUser=redis\n");

        package("redis", "/etc/systemd/system/redis@.service\n/etc/systemd/system/redis-server@.service\n");
        put("/etc/systemd/system/redis-server@.service", "[Service]\nExecStart=/usr/bin/redis %i\nUser=redis\n", 0644);
        cr_assert_eq(symlink("redis-server@.service", "/etc/systemd/system/redis@.service"), 0);
        make("/etc/systemd/system/redis-server@one.service.d");
        put("/etc/systemd/system/redis-server@one.service.d/x.conf", "[Service]\nPrivateDevices=yes\n", 0644);
        a->c.unit = STR("redis@one.service");
        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        cr_assert(holds("/run/systemd/system/vks.default.web.redis.service", "\nPrivateDevices=yes\n"));
        cr_assert(holds("/run/systemd/system/vks.default.web.redis.service", "ExecStart=/usr/bin/redis one\n"));
}

/* Whoever comes first: a container that is given the directory, or one whose pid file lies in it. */
Test(helper_ground, a_pid_file_is_not_in_what_another_container_is_given)
{
        struct asked *a = redis("[Service]\nType=forking\nExecStart=/usr/bin/redis\nPIDFile=/run/redis/x.pid\n");

        package("iwd", "/usr/lib/systemd/system/iwd.service\n/etc/systemd/system/iwd.service\n");
        put("/etc/systemd/system/iwd.service",
            "[Service]\nExecStart=/usr/bin/iwd\nRuntimeDirectory=redis\nUser=redis\n", 0644);
        a->c2.image = a->c2.package = STR("iwd"), a->c2.unit = STR("iwd.service");
        a->m.n_containers = 2;
        cr_assert_eq(write_pod(a), -EPERM);
        expect(-EPERM, "/run/redis/x.pid, which systemd makes or reads for a container of the pod, lies in /run/redis");
        a->containers[0] = &a->c2, a->containers[1] = &a->c;
        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        cr_assert(dropin_has("\nPIDFile=\n"));
}

/* What a later WRITE finds at the top of the machine's /run is copied with its owner, unless the pod has it already. */
Test(helper_ground, what_systemd_will_make_lies_in_directories_of_roots_from_the_beginning)
{
        struct asked *a = redis("[Service]\nExecStart=/usr/bin/redis\nUser=redis\nRuntimeDirectory=theirs/x\n");
        struct stat st;

        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        cr_assert(dropin_has("RuntimeDirectory=vks/pods/" UID "/run/theirs/x\n"));
        make("/run/theirs");
        cr_assert_eq(chown("/run/theirs", 7, 7), 0);
        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        cr_assert(stat(POD_RUN_DIR "/" UID "/run/theirs", &st) == 0 && st.st_uid == 0);
}

/* A link is followed at each start: by then who has a hostPath on its way may have chosen where it leads. */
Test(helper_ground, a_mirror_has_no_link_that_leads_through_what_is_others)
{
        struct asked *a = redis("[Service]\nExecStart=/usr/bin/redis\nUser=redis\n");

        own_directory("/srv", "mode=0755"), own_directory("/opt", "mode=0755");
        make("/srv/theirs"), make("/srv/roots"), make("/srv/theirs/data"), make("/opt/own");
        cr_assert_eq(chown("/srv/theirs", 7, 7), 0);
        cr_assert_eq(symlink("/srv/theirs/data", "/opt/data"), 0);
        cr_assert_eq(symlink("../srv/roots", "/opt/roots"), 0);
        cr_assert_eq(symlink("roots/../theirs/data", "/srv/way"), 0);
        cr_assert_eq(symlink("/srv/way", "/opt/way"), 0);
        make("/srv/all"), make("/srv/all/roots");
        cr_assert(chmod("/srv/all", 01777) == 0 && symlink("/srv/all/roots", "/opt/all") == 0);
        make("/opt/\"..\""), make("/opt/it's"); /* to systemd the first is /opt/.. */
        with_mount(a, "memory", "/opt/new");
        put_policy("root = deny\n");
        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        cr_assert(!dropin_has("..") && !dropin_has("it's"));
        cr_assert(dropin_has("\"-/opt/own\":\"/opt/own\"") && dropin_has("\"-/opt/roots\":\"/opt/roots\""));
        cr_assert(!dropin_has("/opt/data") && !dropin_has("/opt/way") && !dropin_has("/opt/all"));
}

/* What PID 1 makes of a word of StateDirectory= is what the pod's account has to know it by. */
Test(helper_ground, a_directory_that_is_given_is_known_however_its_unit_spells_it)
{
        static const char *const same[] = { "iwd/", "./iwd", "iwd/.", ".//iwd//", "iwd:link", "iwd/:link" };
        static const char *const unknown[] = { "\"iwd\"",    "iw'd'",      "iw\\x64", "%P", "%N%%",
                                               "../lib/iwd", "iwd/../iwd", ".",       "/" };
        struct asked *a = two_of_them();

        a->m.n_containers = 2;
        for (size_t i = 0; i < ARRAY_LEN(same) + ARRAY_LEN(unknown); i++) {
                const char *word = i < ARRAY_LEN(same) ? same[i] : unknown[i - ARRAY_LEN(same)];
                CLEANUP(freep) char *text = xasprintf("[Service]\nExecStart=/usr/bin/iwd\nStateDirectory=%s\n", word);

                put("/etc/systemd/system/iwd.service", text, 0644);
                cr_assert_eq(write_pod(a), i < ARRAY_LEN(same) ? -EPERM : -EOPNOTSUPP, "%s: %s", word, reply->text);
        }
        nothing_is_left();
}

/*
 * PID 1 goes through the outer one on its way to the inner one at each start, and makes or gives away what it gets to:
 * by then the outer one belongs to a user, who may have laid a link there.
 */
Test(helper_ground, a_directory_in_another_one_of_the_unit_is_made_by_its_user)
{
        struct asked *a = redis("[Service]\nExecStart=/usr/bin/redis\nUser=redis\nStateDirectory=redis redis/x/y "
                                "redis2\nExecStartPre=/usr/bin/prepare\n");

        for (int var = 0; var < 2; var++) {
                a->c.writes_var = var;
                cr_assert_eq(write_pod(a), 0, "%s", reply->text);
                cr_assert(dropin_has(var ? "RuntimeDirectory=vks/pods/" UID "/given/var/lib/redis vks/pods/" UID
                                           "/given/var/lib/redis2\n"
                                         : "RuntimeDirectory=vks/pods/" UID "/var/lib/redis vks/pods/" UID
                                           "/var/lib/redis2\n"));
                cr_assert(dropin_has("STATE_DIRECTORY=/var/lib/redis:/var/lib/redis/x/y:/var/lib/redis2\n"));
                cr_assert(dropin_has("ExecStartPre=\nExecStartPre=-:/bin/mkdir -p /var/lib/redis/x/y\n"
                                     "ExecStartPre=/usr/bin/prepare\n"));
                cr_assert(!dropin_has("vks/pods/" UID "/var/lib/redis/x") && !dropin_has("given/var/lib/redis/x"));
                cr_assert_eq(units(VERB_remove, NULL, true), 0, "%s", reply->text);
        }
        cr_assert_eq(write_in(a, "/var/lib/redis/x/y"), 0, "%s", reply->text);
        cr_assert(dropin_has("--dir \"/var/lib/redis/x/y\" "), "as any other directory there");
}

/* The pod's /run has what the machine's has at its top, and the users whose it is. */
Test(helper_ground, a_directory_in_one_of_somebodys_is_not_made_by_pid_1_either)
{
        static const struct {
                const char *dir;
                uid_t uid;
                mode_t mode;
                bool given;
        } cases[] = { { "/run/roots", 0, 0755, true },
                      { "/run/users", 120, 0755, false },
                      { "/run/groups", 0, 0775, false },
                      { "/run/everybodys", 0, 01777, false } };

        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                cr_assert(mkdir(cases[i].dir, 0700) == 0 && chmod(cases[i].dir, cases[i].mode) == 0 &&
                          chown(cases[i].dir, cases[i].uid, 0) == 0);
                CLEANUP(freep)
                char *text = xasprintf("[Service]\nExecStart=/usr/bin/redis\nUser=redis\nRuntimeDirectory=%s/a/b "
                                       "redis\n",
                                       cases[i].dir + strlen("/run/"));
                CLEANUP(freep)
                char *given =
                        xasprintf("RuntimeDirectory=vks/pods/" UID "%s/a/b vks/pods/" UID "/run/redis\n", cases[i].dir);
                CLEANUP(freep) char *made = xasprintf("ExecStartPre=-:/bin/mkdir -p %s/a/b\n", cases[i].dir);
                struct asked *a = redis(text);

                cr_assert_eq(write_pod(a), 0, "%s", reply->text);
                cr_assert(dropin_has(cases[i].given ? given : "RuntimeDirectory=vks/pods/" UID "/run/redis\n"), "%s",
                          cases[i].dir);
                cr_assert_eq(dropin_has(made), !cases[i].given, "%s", cases[i].dir);
                cr_assert_eq(units(VERB_remove, NULL, true), 0, "%s", reply->text);
        }
}

Test(helper_ground, the_machines_data_shows_through_only_where_it_is_the_users_own)
{
        static const char fresh[] = "RuntimeDirectory=vks/pods/" UID "/given/var/lib/redis\n",
                          through[] = "RuntimeDirectory=vks/pods/" UID "/var/lib/redis\n";
        struct asked *a = redis("[Service]\nExecStart=/usr/bin/redis\nUser=redis\nStateDirectory=redis\n");

        a->c.writes_var = true;
        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        cr_assert(dropin_has(fresh), "what comes to be there later is not the pod's either");
        cr_assert_eq(mkdir("/var/lib/redis", 0700), 0);
        cr_assert_eq(write_pod(a), 0);
        cr_assert(dropin_has(fresh) && dropin_has("/given/var/lib/redis:/var/lib/redis\n"), "root's");
        cr_assert_eq(chown("/var/lib/redis", 120, 0), 0);
        cr_assert_eq(write_pod(a), 0);
        cr_assert(dropin_has(fresh), "another group's");
        cr_assert_eq(chown("/var/lib/redis", 120, 121), 0);
        cr_assert_eq(write_pod(a), 0);
        cr_assert(!dropin_has("/given/"), "the user's own");
        cr_assert(!dropin_has(through),
                  "who owns it could have PID 1 give it to him once more, with all that is in it");
        a->c.run_as_user = &a->user, a->user.value = 1000;
        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        cr_assert(dropin_has(fresh), "somebody else's than whom it runs as");
        a = redis("[Service]\nExecStart=/usr/bin/redis\nUser=redis\nDynamicUser=yes\nStateDirectory=redis\n");
        a->c.writes_var = true;
        cr_assert_eq(write_pod(a), 0);
        cr_assert(dropin_has(fresh), "nobody knows yet whose");
        cr_assert_eq(units(VERB_remove, NULL, true), 0, "%s", reply->text);
        a->c.writes_var = false;
        cr_assert_eq(write_pod(a), 0);
        cr_assert(dropin_has(through), "without the machine's /var below there is nothing to show");
}

Test(helper_ground, a_working_dir_in_a_directory_of_the_packages_is_its_users_to_make)
{
        struct asked *a = redis("[Service]\nExecStart=/usr/bin/redis\nUser=redis\nStateDirectory=redis\n");

        cr_assert_eq(write_in(a, "/var/lib/redis/work"), 0, "%s", reply->text);
        cr_assert(dropin_has("--dir \"/var/lib/redis/work\" "));
        cr_assert_eq(write_in(a, "/var/lib/redis"), 0, "%s", reply->text);
        cr_assert(dropin_has("WorkingDirectory=/var/lib/redis\n") && !dropin_has("--dir"), "PID 1 makes that one");
}

/* PID 1 mounts the layer for whichever unit starts; one that was written without it would have the machine's data. */
Test(helper_ground, all_units_of_a_pod_have_the_same_var_whatever_request_brings_them)
{
        static const char fresh[] = "RuntimeDirectory=vks/pods/" UID "/given/var/lib/redis\n";
        struct asked *a = redis("[Service]\nExecStart=/usr/bin/redis\nUser=redis\nStateDirectory=redis\n");

        cr_assert_eq(mkdir("/var/lib/redis", 0700), 0);
        a->c2.writes_var = true;
        a->containers[0] = &a->c2;
        cr_assert_eq(write_pod(a), 0, "the layer first: %s", reply->text);
        a->containers[0] = &a->c;
        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        cr_assert(dropin_has(fresh) && dropin_has("Requires=" MOUNT "\n"));
        cr_assert_eq(units(VERB_remove, NULL, true), 0, "%s", reply->text);
        cr_assert_eq(write_pod(a), 0, "the layer last: %s", reply->text);
        a->containers[0] = &a->c2;
        cr_assert_eq(write_pod(a), -EOPNOTSUPP);
        expect(-EOPNOTSUPP, "pod default/web has a /var without the machine's data");
        cr_assert(!is_there("/run/vks/pods/" UID "/upper"));
        cr_assert_eq(units(VERB_remove, NULL, true), 0, "%s", reply->text);
        unlink(LOG_DIR "/" UID ".d" LOG_GONE);
        nothing_is_left();
}

Test(helper_ground, a_pod_without_the_layer_waits_for_pid_1_to_forget_that_of_an_earlier_one)
{
        struct asked *a = redis("[Service]\nExecStart=/usr/bin/redis\nUser=redis\nStateDirectory=redis\n");

        put("/run/systemd/system/" MOUNT, "[Mount]\n", 0644);
        pid1.units[0].unit = MOUNT, pid1.units[0].state = "inactive";
        cr_assert_eq(write_pod(a), -EAGAIN);
        expect(-EAGAIN, "systemd still knows the /var of an earlier pod of this uid");
        cr_assert(!strstr(pid1.asked, "ResetFailedUnit"), "%s", pid1.asked);
        pid1.units[0].state = "failed";
        cr_assert_eq(write_pod(a), -EAGAIN);
        cr_assert(strstr(pid1.asked, "ResetFailedUnit " MOUNT), "it would be known for ever: %s", pid1.asked);
        nothing_is_left();
        pid1.units[0].unit = NULL;
        put("/run/systemd/system/" MOUNT, "[Mount]\n", 0644);
        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        cr_assert(!is_there("/run/systemd/system/" MOUNT), "nor can it learn of it again");
        pid1.units[0].unit = MOUNT, pid1.units[0].state = "inactive";
        a->containers[0] = &a->c2;
        cr_assert_eq(write_pod(a), 0, "once there are units it may be a name that they make: %s", reply->text);
        pid1.units[0].unit = NULL;
        cr_assert_eq(units(VERB_remove, NULL, true), 0, "%s", reply->text);
        pid1.units[0].unit = MOUNT, pid1.units[0].state = "inactive";
        a->c2.writes_var = true;
        cr_assert_eq(write_pod(a), 0, "with the layer it is the same one: %s", reply->text);
        pid1.units[0].unit = NULL;
}

/* A request that is refused leaves the layer that it would have had, and the next one has to know of it. */
Test(helper_ground, a_var_that_a_refused_request_has_left_is_known_to_the_next_one)
{
        static const char fresh[] = "RuntimeDirectory=vks/pods/" UID "/given/var/lib/redis\n";
        struct asked *a = redis("[Service]\nExecStart=/usr/bin/redis\nUser=redis\nStateDirectory=redis\n");
        Vks__Fill fill = VKS__FILL__INIT;

        cr_assert_eq(mkdir("/var/lib/redis", 0700), 0);
        fill.pod = &pod, fill.volume = STR("conf");
        cr_assert_eq(ask(VERB_fill, &fill.base), 0, "%s", reply->text);
        a->c.writes_var = true;
        with_mount(a, "memory", "/var/lib/redis/x");
        cr_assert_eq(write_pod(a), -EPERM);
        a->c.writes_var = false, a->c.n_mounts = 0;
        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        cr_assert(dropin_has(fresh));
        cr_assert_eq(units(VERB_remove, NULL, true), 0, "%s", reply->text);
        nothing_is_left();
}

Test(helper_ground, a_mount_point_shows_nothing_that_was_closed)
{
        struct asked *a = sleeper();

        own_directory("/srv", "mode=0755");
        cr_assert(mkdir("/srv/backups", 0755) == 0 && mkdir("/srv/backups/db", 0755) == 0);
        put("/srv/backups/key.pem", "secret", 0644);
        with_mount(a, "memory", "/srv/backups/x");
        cr_assert_eq(write_pod(a), 0, "open to everybody: %s", reply->text);
        cr_assert(holds(SLEEP_DROPIN, "/srv/backups/key.pem"));
        for (mode_t mode = 0700; mode < 0755; mode++) { /* not both of r and x for others, in it or above it */
                if ((mode & 05) == 05)
                        continue;
                cr_assert_eq(chmod("/srv/backups", mode), 0);
                cr_assert_eq(write_pod(a), -EPERM, "%o", mode);
                cr_assert_str_eq(reply->rule, "mount-target");
        }
        a->mount.path = STR("/srv/backups/db/x");
        cr_assert_eq(chmod("/srv/backups", 0750), 0);
        cr_assert_eq(write_pod(a), -EPERM);
        cr_assert_eq(chmod("/srv/backups", 0751), 0);
        cr_assert_eq(write_pod(a), 0, "who knows its name may enter: %s", reply->text);
}

Test(helper_ground, a_volume_that_is_not_the_pods_to_write_to_gets_no_mount_points)
{
        struct asked *a = sleeper();
        Vks__Mount in = VKS__MOUNT__INIT, *both[2] = { &a->mount, &in };

        put_policy("host-path = /srv ro");
        own_directory("/srv", "mode=0755");
        cr_assert_eq(mkdir("/srv/data", 0755), 0);
        a->m.n_volumes = 4, a->path.path = STR("/srv/data"), a->c.mounts = both;
        with_mount(a, "host", "/data");
        a->mount.read_only = true;
        in.volume = STR("memory"), in.path = STR("/data/sub"), a->c.n_mounts = 2;
        cr_assert_eq(write_pod(a), -EPERM);
        expect(-EPERM, "container c: policy rule mount-target: mountPath /data/sub is not there, and in the volume at "
                       "/data it cannot be made");
        cr_assert_not(is_there("/srv/data/sub"));
        cr_assert_eq(mkdir("/srv/data/sub", 0755), 0);
        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        a->mount.volume = STR("files");
        cr_assert_eq(write_pod(a), -EPERM, "a ConfigMap is not the pod's to write to either");
}

/* ---- what a package does to /var after WRITE has looked ---------------------------------------------------------- */

#define UPPER "/run/vks/pods/" UID "/upper"
#define COVER "/run/vks/pods/" UID "/cover/:var"

static void is_roots(const char *path, mode_t mode)
{
        struct stat st = { 0 };

        cr_assert(lstat(path, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == 0, "%s", path);
        cr_assert_eq(st.st_mode & 07777, mode, "%s: %o", path, st.st_mode);
}

/* PID 1 follows the path at each start: the directories on the way are the pod's own, and root's, from the first on. */
Test(helper_ground, who_gets_a_directory_below_var_later_does_not_get_it_in_a_pod)
{
        struct asked *a = redis("[Service]\nExecStart=/usr/bin/redis\nUser=redis\nStateDirectory=nest/a/c\n");

        a->c.writes_var = true;
        with_mount(a, "disk", "/var/lib/late/b/x");
        cr_assert_eq(mkdir("/var/lib/nest", 0), 0);
        cr_assert_eq(chmod("/var/lib/nest", 02750), 0);
        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        is_roots(UPPER "/lib", 0755);
        is_roots(UPPER "/lib/nest", 02750), is_roots(UPPER "/lib/nest/a", 0755);
        is_roots(UPPER "/lib/nest/a/c", 0700);
        cr_assert_not(is_there("/var/lib/late"), "nothing is made on the machine");
        cr_assert_eq(write_pod(a), 0, "again: %s", reply->text);
        cr_assert_eq(units(VERB_remove, NULL, true), 0, "%s", reply->text);
        nothing_is_left();
        a->c.writes_var = false;
        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        cr_assert_not(is_there(UPPER), "a pod without the layer has all of this to itself");
}

/*
 * What the machine does not have on the way is the pod's own empty directory, bound there: one of the layer would show
 * what the machine makes there later, by a mode that is not the machine's. It stays so when the machine has it.
 */
Test(helper_ground, what_the_machine_makes_on_the_way_to_a_volume_later_is_not_seen)
{
        static const char bind[] = "BindPaths=\"/run/vks/pods/" UID "/cover/:var:lib:late\":\"/var/lib/late\"\n";
        struct asked *a = redis("[Service]\nExecStart=/usr/bin/redis\nUser=redis\n");

        a->c.writes_var = true;
        with_mount(a, "disk", "/var/lib/late/b/x");
        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        cr_assert(dropin_has(bind));
        is_roots(COVER ":lib:late", 0755), is_roots(COVER ":lib:late/b/x", 0755);
        is_roots(UPPER "/lib", 0755);
        is_roots(UPPER "/lib/late", 0700); /* it would be merged with the machine's */
        cr_assert_eq(mkdir("/var/lib/late", 0700), 0);
        cr_assert_eq(write_pod(a), 0, "again: %s", reply->text);
        cr_assert(dropin_has(bind));
        cr_assert_eq(rmdir("/var/lib/late"), 0);
        cr_assert_eq(units(VERB_remove, NULL, true), 0, "%s", reply->text);
        nothing_is_left();
}

/* PID 1 mounts there at each start, and would follow a link that root has put there meanwhile, or has there now. */
Test(helper_ground, a_link_that_root_puts_in_a_mount_points_place_is_none_in_a_pod)
{
        static const char options[] = "lowerdir=/run/lower,upperdir=" UPPER ",workdir=/run/vks/pods/" UID "/work";
        struct asked *a = redis("[Service]\nExecStart=/usr/bin/redis\nUser=redis\nStateDirectory=redis other\n");

        a->c.writes_var = true;
        with_mount(a, "disk", "/var/lib/volume");
        make("/var/lib/volume"), make("/var/lib/other");
        cr_assert_eq(chown("/var/lib/volume", 130, 131), 0);
        cr_assert_eq(chmod("/var/lib/volume", 02770), 0);
        cr_assert_eq(symlink("/tmp/anybodys", "/var/lib/redis"), 0);
        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        is_roots(UPPER "/lib/redis", 0700);
        is_held(UPPER "/lib/volume", 130, 131, 02770);
        is_held(UPPER "/lib/other", 0, 0, mode_of("/var/lib/other"));
        cr_assert_eq(units(VERB_remove, NULL, true), 0, "%s", reply->text);
        nothing_is_left();

        a->c2.writes_var = true; /* in a layer that is mounted, too */
        a->containers[0] = &a->c2;
        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        make("/run/lower"), make("/run/lower/lib"), make("/run/lower/lib/volume");
        put("/run/lower/lib/file", "", 0644);
        cr_assert_eq(symlink("/tmp/anybodys", "/run/lower/lib/redis"), 0);
        cr_assert_eq(mount("overlay", "/run/vks/pods/" UID "/var", "overlay", 0, options), 0, "%s", strerror(errno));
        a->containers[0] = &a->c;
        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        cr_assert_eq(rename("/run/lower/lib/volume", "/run/lower/lib/moved"), 0);
        cr_assert_eq(symlink("/tmp/anybodys", "/run/lower/lib/volume"), 0);
        is_roots("/run/vks/pods/" UID "/var/lib/redis", 0700);
        is_roots(UPPER "/lib/volume", 0755);
        with_mount(a, "disk", "/var/lib/file");
        cr_assert_eq(write_pod(a), 0, "that there is a file is for PID 1 to say: %s", reply->text);
        cr_assert_not(is_there(UPPER "/lib/file"));
        cr_assert_eq(umount2("/run/vks/pods/" UID "/var", MNT_DETACH), 0);
}

/*
 * PID 1 has directories in /var/tmp for services of the machine's (PrivateTmp=), and takes them away with them. In the
 * layer whoever likes could then put a link there, which PID 1 would follow as it mounts.
 */
Test(helper_ground, nothing_is_mounted_in_a_directory_of_the_machines_that_all_may_write_to)
{
        static const char *const paths[] = { "/var/tmp/roots", "/var/tmp/roots/x", "/var/tmp/roots/new/x",
                                             "/srv/roots" };
        struct asked *a = sleeper();

        a->c.writes_var = true;
        own_directory("/var/tmp", "mode=01777"), own_directory("/srv", "mode=01777");
        make("/var/tmp/roots"), make("/var/tmp/roots/x"), make("/srv/roots");
        for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
                with_mount(a, "disk", paths[i]);
                cr_assert_eq(write_pod(a), -EPERM, "%s", paths[i]);
                expect(-EPERM, "somebody else than root could put a symbolic link on the way");
        }
        with_mount(a, "disk", "/var/tmp");
        cr_assert_eq(write_pod(a), 0, "the directory itself: %s", reply->text);
}

/* What a mount has made root's there already PID 1 would give to a user, and he could put a link in its place. */
Test(helper_ground, no_directory_is_given_where_all_may_write)
{
        struct asked *a = redis("[Service]\nExecStart=/usr/bin/redis\nUser=redis\nRuntimeDirectory=lock/redis\n");

        cr_assert_eq(chmod("/run/lock", 01777), 0);
        with_mount(a, "disk", "/run/lock/redis");
        for (int i = 0; i < 2; i++) {
                cr_assert_eq(write_pod(a), 0, "%s", reply->text);
                cr_assert_not(dropin_has("RuntimeDirectory=vks/pods/"));
                cr_assert(is_there(POD_RUN_DIR "/" UID "/run/lock/redis"));
        }
}

/* A container of the pod runs already, and its layer is mounted: what is in it counts. */
Test(helper_ground, in_a_layer_that_is_mounted_the_way_is_held_or_refused)
{
        struct asked *a = sleeper();
        static const char options[] = "lowerdir=/run/lower,upperdir=" UPPER ",workdir=/run/vks/pods/" UID "/work";

        a->c2.writes_var = true;
        a->containers[0] = &a->c2;
        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        make("/run/lower"), make("/run/lower/lib"), make("/run/lower/lib/held"), make("/run/lower/lib/theirs");
        cr_assert_eq(chown("/run/lower/lib/theirs", 120, 121), 0);
        cr_assert_eq(mount("overlay", "/run/vks/pods/" UID "/var", "overlay", 0, options), 0, "%s", strerror(errno));
        a->containers[0] = &a->c;
        cr_assert_eq(mkdir("/var/lib/theirs", 0755), 0);
        cr_assert_eq(mkdir("/var/lib/held", 0755), 0);
        with_mount(a, "disk", "/var/lib/theirs/x");
        cr_assert_eq(write_pod(a), -EPERM);
        cr_assert_str_eq(reply->rule, "mount-target");
        expect(-EPERM, "/var/lib/theirs/x: in the pod's /var somebody else than root could put a symbolic link");
        with_mount(a, "disk", "/var/lib/held/new/x");
        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        cr_assert_eq(chown("/run/lower/lib/held", 120, 121), 0);
        is_roots("/run/vks/pods/" UID "/var/lib/held", 0755);
        is_roots(COVER ":lib:held:new", 0755);
        cr_assert_eq(umount2("/run/vks/pods/" UID "/var", MNT_DETACH), 0);
}
