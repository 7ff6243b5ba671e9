/* SPDX-License-Identifier: Apache-2.0 */
/* A workingDir that is missing: by whom it is made, and where it is not. */
#include "tests/unit/helper/asking.h"

TestSuite(helper_working_dir, .init = setup, .fini = teardown);

#define WORK "/var/lib/vks/pods/" UID "/working/c"

/* It is mounted: a directory of the container's own at that path. */
static bool is_mounted_at(const char *path)
{
        CLEANUP(freep)
        char *setting = xasprintf("\nWorkingDirectory=%s\n", path),
             *bind = xasprintf("\nBindPaths=\"" WORK "\":\"%s\"\n", path);

        return holds(SLEEP_DROPIN, setting) && holds(SLEEP_DROPIN, bind) && !holds(SLEEP_DROPIN, "--dir") &&
               mode_of(WORK) == 0777;
}

/* vks-exec makes it, as the container's user. */
static bool is_made_at_start(const char *path)
{
        CLEANUP(freep)
        char *setting = xasprintf("\nWorkingDirectory=-%s\n", path),
             *made = xasprintf("\nExecStart=/usr/libexec/vks/vks-exec --dir \"%s\" ", path);

        return holds(SLEEP_DROPIN, setting) && holds(SLEEP_DROPIN, made) && holds(SLEEP_DROPIN, "\nLoadCredential=") &&
               !holds(SLEEP_DROPIN, "/working/c");
}

/* The same, and PID 1 hears nothing of it. */
static bool is_entered(const char *path)
{
        CLEANUP(freep) char *made = xasprintf("\nExecStart=/usr/libexec/vks/vks-exec --dir \"%s\" ", path);

        return holds(SLEEP_DROPIN, made) && !holds(SLEEP_DROPIN, "WorkingDirectory=");
}

/* Nobody has to make it. */
static bool is_as_it_was(const char *path)
{
        CLEANUP(freep) char *setting = xasprintf("\nWorkingDirectory=%s\n", path);

        return holds(SLEEP_DROPIN, setting) && !holds(SLEEP_DROPIN, "vks-exec") && !holds(SLEEP_DROPIN, "/working/c");
}

Test(helper_working_dir, a_working_dir_that_is_missing_is_made_by_whom_its_ground_says)
{
        static const struct {
                const char *dir, *as;
                bool (*made)(const char *path);
        } cases[] = {
                { "/vks-none/src/app", NULL, is_mounted_at }, /* nowhere on the machine */
                { "/srv/app", NULL, is_mounted_at },
                { "/home/somebody/app", NULL, is_mounted_at }, /* hidden from pods */
                { "/root/app", NULL, is_mounted_at },
                { "/run/app", NULL, is_mounted_at }, /* the pod's, but root's */
                { "/var/run/app", "/run/app", is_mounted_at },
                { "/var/lib/app", NULL, is_mounted_at },
                { "/tmp/out", NULL, is_made_at_start }, /* the pod's, and everybody's */
                { "/tmp/a b/$x%n", "/tmp/a b/$$x%%n", NULL },
                { "/var/tmp/x/y", NULL, is_made_at_start },
                { "/dev/shm/x", NULL, is_entered }, /* systemd takes nothing in /dev, /proc and /sys */
                { "/dev/shm", NULL, is_entered },
                { "/proc", NULL, is_entered },
                { "/sys/kernel", NULL, is_entered },
                { "/var/lock/x", "/run/lock/x", is_made_at_start },
                { "/data/src", NULL, is_made_at_start }, /* a volume of the pod's */
                { "/data/2/3/4/5/6/7/8/9/a/b/c/d/e/f/g", NULL, is_made_at_start },
                { "/data/2/3/4/5/6/7/8/9/a/b/c/d/e/f/g/h", NULL, is_entered }, /* too deep for PID 1 */
                { "/data", NULL, is_as_it_was },
                { "/usr/bin", NULL, is_as_it_was }, /* there */
                { "/", NULL, is_as_it_was },
                { "/tmp", NULL, is_as_it_was },
                { "/home", NULL, is_as_it_was },
                { "/etc/vks", NULL, is_as_it_was },
                { "/run/daemon", NULL, is_as_it_was }, /* the pod has what the machine's /run has */
                { "/var/lib", NULL, is_as_it_was },
        };
        struct asked *a = sleeper();

        own_directory("/srv", "mode=0755");
        with_mount(a, "disk", "/data");
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                const char *as = cases[i].as ? cases[i].as : cases[i].dir;

                cr_expect_eq(write_in(a, cases[i].dir), 0, "%s: %s", cases[i].dir, reply->text);
                if (cases[i].made)
                        cr_expect(cases[i].made(as), "%s", cases[i].dir);
                else
                        cr_expect(holds(SLEEP_DROPIN, "WorkingDirectory=-/tmp/a b/$x%%n\n") &&
                                  holds(SLEEP_DROPIN, "--dir \"/tmp/a b/$$x%%n\" "));
                cr_assert_eq(units(VERB_remove, NULL, true), 0, "%s", reply->text);
                nothing_is_left();
        }
        cr_assert(!is_there("/vks-none") && !is_there("/srv/app") && !is_there("/var/lib/app") && !is_there("/run/app"),
                  "nothing was made on the machine");
}

Test(helper_working_dir, a_working_dir_is_not_made_where_nothing_may_be_mounted)
{
        static const char *const never[] = { "/etc/vks/x", "/usr/lib/vks-none", "/proc/vks-none", "/sys/vks-none",
                                             "/dev/vks-none" };
        struct asked *a = sleeper();

        for (size_t i = 0; i < ARRAY_LEN(never); i++) {
                cr_expect_eq(write_in(a, never[i]), -EPERM, "%s", never[i]);
                cr_expect_str_eq(reply->rule, "mount-target");
                cr_expect(strstr(reply->text, never[i]) && starts_with(reply->text, "container c: workingDir "), "%s",
                          reply->text);
        }
        own_directory("/srv", "mode=0755");
        cr_assert(mkdir("/srv/closed", 0700) == 0 && symlink("/srv/closed", "/srv/link") == 0);
        cr_assert_eq(write_in(a, "/srv/closed/x"), -EPERM);
        expect(-EPERM, "workingDir /srv/closed/x is not there, and /srv/closed is closed to others");
        cr_assert_eq(write_in(a, "/srv/link/x"), -EPERM);
        expect(-EPERM, "workingDir /srv/link/x: a symbolic link is on the way");
        nothing_is_left();
}

Test(helper_working_dir, what_a_pod_has_put_where_its_working_dir_shall_be_is_not_followed_by_root)
{
        struct asked *a = sleeper();

        cr_assert_eq(write_pod(a), 0);
        cr_assert_eq(symlink("/etc", "/run/vks/pods/" UID "/run/link"), 0); /* by a root daemon of the pod's */
        cr_assert_eq(write_in(a, "/run/link/vks-was-here"), 0, "%s", reply->text);
        cr_assert(is_made_at_start("/run/link/vks-was-here"), "with the rights of the container");
        cr_assert_not(is_there("/etc/vks-was-here"));
}

Test(helper_working_dir, a_volume_may_lie_in_a_working_dir_that_is_made)
{
        struct asked *a = sleeper();

        with_mount(a, "disk", "/vks-none/app/data");
        cr_assert_eq(write_in(a, "/vks-none/app"), 0, "%s", reply->text);
        cr_assert(is_mounted_at("/vks-none/app") == false && mode_of(WORK) == 01777,
                  "nobody may replace the mount point");
        cr_assert(is_there(WORK "/data") &&
                  holds(SLEEP_DROPIN, "\nBindPaths=\"" WORK "\":\"/vks-none/app\"\nBindPaths=\""
                                      "/var/lib/vks/pods/" UID "/volumes/disk\":\"/vks-none/app/data\"\n"));
}
