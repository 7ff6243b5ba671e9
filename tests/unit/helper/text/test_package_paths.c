/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include "common/mem.h"
#include "helper/text/package_paths.h"

static struct mount_line lines[] = {
        { MOUNT_TMPFS, NULL, (char *)"/" },
        { MOUNT_BIND_READ_ONLY, (char *)"-/usr", (char *)"/usr" },
        { MOUNT_BIND, (char *)"-/proc", (char *)"/proc" },
        { MOUNT_BIND, (char *)"/v", (char *)"/data" },
        { MOUNT_BIND, (char *)"/w", (char *)"/srv/own/data" },
};
static const struct mount_plan rooted = { .n = ARRAY_LEN(lines), .lines = lines, .root = true }, none;

static const struct given nothing, *given = &nothing; /* to the user of the unit that is checked */

static void check(const struct mount_plan *mounts, const char *settings, const char *want)
{
        CLEANUP(freep) char *text = xasprintf("[Service]\n%s\n", settings);
        CLEANUP(unit_file_freep) struct unit_file *file = NULL;
        CLEANUP(buf_done) struct buf b = BUF(65536);

        cr_assert_eq(unit_file_parse("x.service", text, strlen(text), &file, NULL), 0);
        package_paths(&b, file, mounts, given);
        cr_expect_str_eq(b.data ? b.data : "", want, "%s\ngave\n%s", settings, b.data ? b.data : "");
}

Test(package_paths, who_says_nothing_gets_nothing)
{
        CLEANUP(buf_done) struct buf b = BUF(65536);

        check(&rooted, "ExecStart=/x\nReadWritePaths=/var/lib/x", "");
        package_paths(&b, NULL, &rooted, given);
        cr_expect_eq(b.len, 0);
}

/* Each of the lists, at each of our paths, in each spelling. */
Test(package_paths, at_a_path_of_ours_the_package_has_no_say)
{
        static const char *const keys[] = { "ReadOnlyPaths",       "InaccessiblePaths",
                                            "TemporaryFileSystem", "ReadOnlyDirectories",
                                            "BindPaths",           "BindReadOnlyPaths",
                                            "MountImages",         "InaccessibleDirectories" };
        static const char *const ours[] = {
                "/",        "/var",     "/run",       "/tmp",  "/home",        "/root",     "/etc/vks",     "/dev",
                "/dev/shm", "/data",    "/usr",       "/proc", "/var/",        "//var",     "/./var/.",     "%t",
                "%T/",      "/var/run", "/run/dbus/", "//",    "/run/systemd", "/var/run/", "/srv/own/data"
        };

        for (size_t k = 0; k < ARRAY_LEN(keys); k++)
                for (size_t i = 0; i < ARRAY_LEN(ours); i++) {
                        bool bind = strstr(keys[k], "Bind") || strstr(keys[k], "Images");
                        bool old = ends_with(keys[k], "Directories");
                        CLEANUP(freep)
                        char *setting = xasprintf("%s=%s%s%s", keys[k], bind ? "-/srv/x:" : "", ours[i],
                                                  bind || streq(keys[k], "TemporaryFileSystem") ? ":norbind" : "");
                        CLEANUP(freep)
                        char *want = xasprintf("%.*s%s=\n", old ? (int)(strlen(keys[k]) - strlen("Directories")) : 80,
                                               keys[k], old ? "Paths" : "");

                        check(&rooted, setting, want);
                }
}

Test(package_paths, elsewhere_it_has_but_nothing_of_the_machines_is_writable)
{
        check(&rooted, "ReadOnlyPaths=/etc -/srv/x +/opt",
              "ReadOnlyPaths=\nReadOnlyPaths=/etc\nReadOnlyPaths=-/srv/x\n"
              "ReadOnlyPaths=+/opt\n");
        check(&rooted, "BindPaths=/srv/x:/var/lib/x /etc/y",
              "BindPaths=\nBindReadOnlyPaths=/srv/x:/var/lib/x\n"
              "BindReadOnlyPaths=/etc/y\n");
        check(&none, "BindPaths=/a\nBindReadOnlyPaths=/b\nBindPaths=\nBindPaths=/c",
              "BindPaths=\nBindReadOnlyPaths=\nBindReadOnlyPaths=/c\n");
        check(&none, "TemporaryFileSystem=/srv:ro\nInaccessiblePaths=/var/lib/x",
              "InaccessiblePaths=\nTemporaryFileSystem=\nInaccessiblePaths=-/var/lib/x\nTemporaryFileSystem=/srv:ro\n");
}

Test(package_paths, no_mount_of_the_packages_is_in_a_volume_and_no_volume_in_a_bind_of_the_packages)
{
        static const struct {
                const char *setting, *want;
        } rows[] = {
                { "BindPaths=/a:/srv", "BindPaths=\n" },
                { "BindReadOnlyPaths=-/srv", "BindReadOnlyPaths=\n" },
                { "BindReadOnlyPaths=/a:/srv/v/x:norbind", "BindReadOnlyPaths=\n" },
                { "BindPaths=/a:/srv/v/x/y", "BindPaths=\n" },
                { "MountImages=/a:/srv", "MountImages=\n" },
                { "TemporaryFileSystem=/srv/v/x:ro", "TemporaryFileSystem=\n" },
                { "TemporaryFileSystem=/srv", "TemporaryFileSystem=\nTemporaryFileSystem=/srv\n" },
                { "BindPaths=/a:/srv/vv", "BindPaths=\nBindReadOnlyPaths=/a:/srv/vv\n" },
                { "BindPaths=/a:/srv/own/x", "BindPaths=\nBindReadOnlyPaths=/a:/srv/own/x\n" },
                { "ReadOnlyPaths=/srv", "ReadOnlyPaths=\nReadOnlyPaths=/srv\n" },
        };
        struct mount_line two[] = {
                { MOUNT_BIND, (char *)(uintptr_t) "/m", (char *)(uintptr_t) "/srv/v" },
                { MOUNT_BIND_READ_ONLY, (char *)(uintptr_t) "-/srv/own", (char *)(uintptr_t) "/srv/own" }, /* root's */
        };
        const struct mount_plan plan = { .n = ARRAY_LEN(two), .lines = two };

        for (size_t i = 0; i < ARRAY_LEN(rows); i++)
                check(&plan, rows[i].setting, rows[i].want);
}

/* PID 1 would follow a link of that user's, and mount there what the unit says. */
Test(package_paths, no_mount_of_the_packages_is_in_a_directory_of_its_user)
{
        struct given_dir dirs[] = { { GIVEN_RUNTIME, (char *)(uintptr_t) "/run/a", false, false },
                                    { GIVEN_STATE, (char *)(uintptr_t) "/var/lib/a", false, true } };
        const struct given users = { ARRAY_LEN(dirs), dirs, false }, roots = { ARRAY_LEN(dirs), dirs, true };
        static const struct {
                const char *setting, *want;
        } rows[] = {
                { "TemporaryFileSystem=/run/a/tmp:mode=1777", "TemporaryFileSystem=\n" },
                { "BindPaths=/b:/var/run/a/b/c", "BindPaths=\n" },
                { "BindReadOnlyPaths=-/b:/var/lib/a/b", "BindReadOnlyPaths=\n" },
                { "MountImages=/b:/var/lib/a/b", "MountImages=\n" },
                { "TemporaryFileSystem=/run/a", "TemporaryFileSystem=\nTemporaryFileSystem=/run/a\n" },
                { "BindPaths=/b:/run/ab/c", "BindPaths=\nBindReadOnlyPaths=/b:/run/ab/c\n" },
                { "ReadOnlyPaths=/var/lib/a/b", "ReadOnlyPaths=\nReadOnlyPaths=-/var/lib/a/b\n" },
        };

        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                given = &users;
                check(&none, rows[i].setting, rows[i].want);
        }
        given = &roots;
        check(&none, "TemporaryFileSystem=/run/a/tmp", "TemporaryFileSystem=\nTemporaryFileSystem=/run/a/tmp\n");
}

/* Who sees it is policy's to say, and a package's unit could show it to a command of the pod's. */
Test(package_paths, the_bus_is_not_brought_in_by_another_way)
{
        static const char *const ways[] = { "/run/dbus/system_bus_socket",
                                            "-/run/dbus/system_bus_socket:/srv/bus",
                                            "/var/run/dbus:/srv/bus:norbind",
                                            "/run:/srv/run",
                                            "/:/srv/host",
                                            "%t/dbus:/srv/bus",
                                            "/run/./dbus//:/srv/bus",
                                            "%h/x:/srv/x" };

        for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
                CLEANUP(freep) char *writable = xasprintf("BindPaths=%s", ways[i]);
                CLEANUP(freep) char *readable = xasprintf("BindReadOnlyPaths=%s", ways[i]);

                check(&none, writable, "BindPaths=\n");
                check(&none, readable, "BindReadOnlyPaths=\n");
        }
        check(&none, "BindReadOnlyPaths=/run/dbusx:/srv/x",
              "BindReadOnlyPaths=\nBindReadOnlyPaths=/run/dbusx:/srv/x\n");
}

Test(package_paths, nothing_above_a_path_of_ours_is_hidden)
{
        check(&rooted, "InaccessiblePaths=/srv /srv/own /srv/other /run/systemd /dev/shm",
              "InaccessiblePaths=\nInaccessiblePaths=/srv/other\n");
        check(&none, "InaccessiblePaths=/srv", "InaccessiblePaths=\nInaccessiblePaths=/srv\n");
}

/* PID 1 would make the mount point of ours in what is bound: /srv/x/vks on the machine. */
Test(package_paths, nothing_is_bound_above_a_path_of_ours)
{
        check(&none, "BindPaths=/srv/x:/etc -/srv/y:/var/lib", "BindPaths=\n");
        check(&none, "BindReadOnlyPaths=/srv/x:/etc/ /usr /srv/x:/etc/x",
              "BindReadOnlyPaths=\nBindReadOnlyPaths=/usr\n"
              "BindReadOnlyPaths=/srv/x:/etc/x\n");
        check(&rooted, "BindReadOnlyPaths=/a:/srv", "BindReadOnlyPaths=\n");
        check(&none, "TemporaryFileSystem=/etc", "TemporaryFileSystem=\nTemporaryFileSystem=/etc\n");
}

Test(package_paths, what_may_not_be_executed_on_the_whole_machine_may_not_in_what_is_mounted_instead)
{
        check(&none, "NoExecPaths=/\nExecPaths=/usr/bin/redis-server /lib",
              "NoExecPaths=\nExecPaths=\nNoExecPaths=/\nExecPaths=/usr/bin/redis-server\nExecPaths=/lib\n");
        check(&rooted, "NoExecPaths=/\nExecPaths=/usr/bin/redis-server /",
              "NoExecPaths=\nExecPaths=\nNoExecPaths=-/usr\nNoExecPaths=-/proc\nNoExecPaths=-/data\n"
              "NoExecPaths=-/srv/own/data\nExecPaths=/usr/bin/redis-server\n");
        check(&rooted, "NoExecPaths=/\nExecPaths=/bin/x -/usr/",
              "NoExecPaths=\nExecPaths=\nNoExecPaths=-/proc\nNoExecPaths=-/data\nNoExecPaths=-/srv/own/data\n"
              "ExecPaths=/bin/x\nExecPaths=-/usr/\n");
        check(&rooted, "NoExecPaths=/var /home", "NoExecPaths=\nNoExecPaths=-/var\n");
}

Test(package_paths, what_cannot_be_read_is_left_out)
{
        check(&none, "ReadOnlyPaths=\"/srv/a\" /srv/%h /srv/../var /srv\\x2f relative /srv/b",
              "ReadOnlyPaths=\nReadOnlyPaths=/srv/b\n");
}

Test(package_paths, a_dev_or_proc_of_its_own_stays)
{
        static const struct {
                const char *setting;
                bool dev, proc;
        } cases[] = { { "PrivateDevices=yes", true, false },
                      { "ProtectProc=invisible", false, true },
                      { "ProcSubset=pid", false, true },
                      { "ProtectProc=default", false, false },
                      { "PrivateDevices=no", false, false } };

        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                CLEANUP(freep) char *text = xasprintf("[Service]\n%s\n", cases[i].setting);
                CLEANUP(unit_file_freep) struct unit_file *file = NULL;

                cr_assert_eq(unit_file_parse("x.service", text, strlen(text), &file, NULL), 0);
                cr_expect_eq(package_paths_replace(file, "/dev"), cases[i].dev);
                cr_expect_eq(package_paths_replace(file, "/proc"), cases[i].proc);
                cr_expect(!package_paths_replace(file, "/usr"));
        }
        cr_expect(!package_paths_replace(NULL, "/dev"));
}

/* accounts-daemon names /var/log/wtmp and /run/systemd/seats, which the machine has and the pod has not. */
Test(package_paths, what_is_missing_in_the_pods_own_directories_keeps_no_daemon_from_its_start)
{
        check(&none, "ReadOnlyPaths=/usr/share/x /var/log/wtmp /run/systemd/seats/ +/var/lib/y -/tmp/z /variable",
              "ReadOnlyPaths=\nReadOnlyPaths=/usr/share/x\nReadOnlyPaths=-/var/log/wtmp\n"
              "ReadOnlyPaths=-/run/systemd/seats/\nReadOnlyPaths=-+/var/lib/y\nReadOnlyPaths=-/tmp/z\n"
              "ReadOnlyPaths=/variable\n");
        check(&none, "InaccessiblePaths=/home/x\nExecPaths=/var/lib/x/bin\nNoExecPaths=/dev/shm/x",
              "InaccessiblePaths=\nNoExecPaths=\nExecPaths=\nInaccessiblePaths=-/home/x\n"
              "NoExecPaths=-/dev/shm/x\nExecPaths=-/var/lib/x/bin\n");
        check(&rooted, "ReadOnlyPaths=/data/x /usr/x",
              "ReadOnlyPaths=\nReadOnlyPaths=-/data/x\nReadOnlyPaths=/usr/x\n");
}

static void check_etc(const char *settings, const char *want)
{
        CLEANUP(freep) char *text = xasprintf("[Service]\n%s\n", settings);
        CLEANUP(unit_file_freep) struct unit_file *file = NULL;
        CLEANUP(buf_done) struct buf b = BUF(65536);
        CLEANUP(strv_freep) char **paths = NULL;

        cr_assert_eq(unit_file_parse("x.service", text, strlen(text), &file, NULL), 0);
        paths = package_etc(file);
        for (char **path = paths; path && *path; path++)
                buf_printf(&b, "%s ", *path);
        cr_expect_str_eq(b.data ? b.data : "", want, "%s\ngave\n%s", settings, b.data ? b.data : "");
}

Test(package_paths, the_directories_below_etc_that_a_package_writes_to)
{
        cr_expect_null(package_etc(NULL));
        check_etc("ReadOnlyDirectories=/\nReadWriteDirectories=-/etc/redis", "/etc/redis ");
        check_etc("ReadWritePaths=/etc/a /var/lib/x -/etc/b/ +/etc//c /etc/./d %E/e\nReadWritePaths=/etc/a",
                  "/etc/a /etc/b /etc/c /etc/d /etc/e /etc/a ");
        check_etc("ReadWritePaths=/etc/a\nReadWritePaths=\nReadWritePaths=/etc/b", "/etc/b ");
        check_etc("ConfigurationDirectory=a b/c d", "/etc/a /etc/d ");
        /* All of /etc, what lies deeper, vks' own, what leads elsewhere, and what cannot be read. */
        check_etc("ReadWritePaths=/etc /etc/ / /etc/a/b /etc/vks /etc/vks/ /etc/vks/x", "");
        check_etc("ReadWritePaths=/etc/../usr /etc/a/../vks /etc/.. etc/x \"/etc/q\" /etc/b\\x20 /etc/%i /etc/a:b", "");
        check_etc("ConfigurationDirectory=../usr vks .", "");
}
