/* SPDX-License-Identifier: Apache-2.0 */
/* START, STOP and REMOVE; the pipes of a run and its termination message. */
#include "tests/unit/helper/asking.h"

TestSuite(helper_life, .init = setup, .fini = teardown);

/* ---- START, STOP ------------------------------------------------------------------------------------------------- */

Test(helper_life, what_the_administrator_put_in_a_units_place_holds_for_pods)
{
        struct asked *a = redis("[Service]\nExecStart=/usr/bin/redis\n");

        /* The package's own lies elsewhere: what is in /etc is the administrator's. */
        package("redis", "/run/systemd/generator.late/redis.service\n/etc/init.d/redis\n");
        put("/etc/init.d/redis", "", 0755);
        put("/run/systemd/generator.late/redis.service", "[Service]\nExecStart=/etc/init.d/redis\n", 0644);
        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        cr_assert(holds("/run/systemd/system/vks.default.web.redis.service", "ExecStart=/usr/bin/redis\n"),
                  "systemctl edit --full");
        cr_assert(unlink(REDIS) == 0 && symlink("/dev/null", REDIS) == 0);
        cr_assert_eq(write_pod(a), -EPERM);
        expect(-EPERM, "container c: redis.service is masked on this machine");
        put("/etc/vks/empty", "", 0644);
        cr_assert(unlink(REDIS) == 0 && symlink("/etc/vks/empty", REDIS) == 0);
        cr_assert_eq(write_pod(a), -EPERM, "an empty file masks as well");
        cr_assert_eq(unlink(REDIS), 0);
        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        cr_assert(holds("/run/systemd/system/vks.default.web.redis.service", "ExecStart=/etc/init.d/redis\n"));
}

Test(helper_life, only_units_whose_files_name_the_pod_are_started_and_stopped)
{
        cr_assert_eq(write_pod(sleeper()), 0);
        cr_assert_eq(units(VERB_start, unit, false), 0, "%s", reply->text);
        cr_assert_str_eq(pid1.asked, "StartUnit " SLEEP "\n");
        cr_assert_eq(units(VERB_start, unit, true), 0);
        cr_assert_str_eq(pid1.asked, "RestartUnit " SLEEP "\n");
        cr_assert_eq(units(VERB_stop, unit, false), 0);
        cr_assert_str_eq(pid1.asked, "StopUnit " SLEEP "\n");
        cr_assert_eq(units(VERB_stop, unit, true), 0);
        cr_assert_str_eq(pid1.asked, "KillUnit " SLEEP "\n");
        units(VERB_start, "vks.default.web.other.service", false);
        expect(-ENOENT, "vks.default.web.other.service is not a unit of pod default/web");
        pod.uid = STR(OTHER);
        units(VERB_stop, unit, true);
        expect(-ENOENT, "is not a unit of pod default/web");
        cr_assert_str_eq(pid1.asked, "", "PID 1 was not asked");
}

static ino_t inode_of(const char *path)
{
        struct stat st = { 0 };

        cr_assert(lstat(path, &st) == 0 && S_ISFIFO(st.st_mode), "%s", path);
        return st.st_ino;
}

/* Whoever still writes to those of the run before does not write to these. */
Test(helper_life, each_run_has_pipes_of_its_own_until_the_unit_is_removed)
{
        static const char out[] = LOG_DIR "/" UID ".c.out", err[] = LOG_DIR "/" UID ".c.err";
        int before = -1;
        ino_t first;

        cr_assert_eq(write_pod(sleeper()), 0);
        cr_expect(holds(LOG_DIR "/" UID ".c", "OBJECT_SYSTEMD_UNIT=" SLEEP "\nVKS_POD_UID=" UID
                                              "\nVKS_POD=default/web\nVKS_CONTAINER=c\nSYSLOG_IDENTIFIER=c\n"));
        cr_expect_eq(mode_of(LOG_DIR "/" UID ".c"), 0600);
        cr_expect(holds(SLEEP_DROPIN, "StandardOutput=file:" LOG_DIR "/" UID ".c.out\nStandardError=file:" LOG_DIR
                                      "/" UID ".c.err\n"));
        cr_expect(!is_there(out), "nothing runs yet");
        cr_assert_eq(units(VERB_start, unit, false), 0, "%s", reply->text);
        cr_expect_eq(mode_of(out), 0622);
        cr_expect_eq(mode_of(err), 0622);
        first = inode_of(out);
        before = open(out, O_RDONLY | O_NONBLOCK | O_CLOEXEC); /* or its number could be the next one's */
        cr_assert_eq(units(VERB_start, unit, true), 0);
        cr_expect_neq(inode_of(out), first);
        fd_close(before);
        cr_assert_eq(units(VERB_stop, unit, false), 0);
        cr_expect(is_there(out));
        cr_assert_eq(units(VERB_remove, unit, true), 0, "%s", reply->text);
        cr_expect(holds(LOG_DIR "/" UID ".c" LOG_GONE, "OBJECT_SYSTEMD_UNIT=" SLEEP "\n"));
        nothing_is_left();
}

Test(helper_life, without_room_for_its_pipes_nothing_is_started)
{
        cr_assert_eq(write_pod(sleeper()), 0);
        make(LOG_DIR "/.vks-new");
        units(VERB_start, unit, false);
        expect(-EISDIR, "pipes of " SLEEP);
        cr_assert_str_eq(pid1.asked, "");
}

Test(helper_life, what_is_said_of_a_removed_container_has_to_be_kept)
{
        cr_assert_eq(write_pod(sleeper()), 0);
        make(LOG_DIR "/" UID ".c" LOG_GONE);
        cr_assert_eq(units(VERB_remove, NULL, true), -EISDIR, "%s", reply->text);
}

/* ---- termination messages ---------------------------------------------------------------------------------------- */

#define MESSAGE MESSAGE_DIR "/" UID ".c"

Test(helper_life, each_run_has_a_file_of_its_own_for_its_termination_message)
{
        struct asked *a = sleeper();
        int before = -1;
        struct stat st;
        ino_t first;

        a->c.message_path = STR(MESSAGE_PATH);
        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        cr_assert(holds(SLEEP_DROPIN, " " MESSAGE ":" MESSAGE_PATH "\n"), "everybody's path");
        cr_assert(!is_there(MESSAGE), "nothing runs yet");
        cr_assert_eq(units(VERB_start, unit, false), 0, "%s", reply->text);
        cr_assert_eq(mode_of(MESSAGE), 0666, "whatever the container's user is");
        put(MESSAGE, "last words", 0666);
        before = open(MESSAGE, O_RDONLY | O_CLOEXEC); /* or its number could be the next one's */
        cr_assert(fstat(before, &st) == 0);
        first = st.st_ino;
        cr_assert_eq(units(VERB_stop, unit, false), 0);
        cr_assert(holds(MESSAGE, "last words"), "they are read after the end");
        cr_assert_eq(units(VERB_start, unit, true), 0);
        cr_assert(stat(MESSAGE, &st) == 0 && st.st_size == 0 && st.st_ino != first && S_ISREG(st.st_mode));
        fd_close(before);
        cr_assert_eq(units(VERB_remove, unit, true), 0, "%s", reply->text);
        nothing_is_left();
}

Test(helper_life, a_termination_message_may_be_wherever_a_volume_may)
{
        static const char *const refused[] = { "/dev/log", "/proc/x", "/etc/vks/x", "relative", "/a/../b" };
        struct asked *a = sleeper();

        a->c.message_path = STR("/tmp/words/last");
        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        cr_assert(holds(SLEEP_DROPIN, "BindPaths=\"" MESSAGE "\":\"/tmp/words/last\"\n"));
        cr_assert_not(holds(SLEEP_DROPIN, MESSAGE_PATH));
        cr_assert_eq(mode_of("/run/vks/pods/" UID "/tmp/words/last") & 0777, 0644, "a mount point for a file");
        for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
                a->c.message_path = STR(refused[i]);
                write_pod(a);
                cr_expect_lt(reply->error, 0, "%s", refused[i]);
                cr_expect(strstr(reply->text, "terminationMessagePath: "), "%s", reply->text);
        }
        with_mount(a, "disk", "/data");
        a->c.message_path = STR("/data");
        cr_assert_eq(write_pod(a), -EINVAL, "not where a volume is");
        a->c.message_path = STR("/data/last");
        cr_assert_eq(write_pod(a), 0, "but in one: %s", reply->text);
        cr_assert(is_there("/var/lib/vks/pods/" UID "/volumes/disk/last"));
        cr_assert(holds(SLEEP_DROPIN, "BindPaths=\"" MESSAGE "\":\"/data/last\"\n"));
}

/* It would be one more way to decide what root's program reads there. */
Test(helper_life, beside_a_root_daemon_a_termination_message_lies_among_data)
{
        struct asked *a = redis("[Service]\nExecStart=/usr/share/redis/redis\n");

        a->c.message_path = STR("/usr/share/redis/x");
        write_pod(a);
        expect(-EPERM, "policy rule root: nothing of the pod's is mounted at /usr/share/redis/x");
        a->c.message_path = STR(MESSAGE_PATH);
        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
}

Test(helper_life, without_a_file_for_its_message_nothing_is_started)
{
        cr_assert_eq(write_pod(sleeper()), 0);
        make(MESSAGE_DIR "/.vks-new");
        units(VERB_start, unit, false);
        expect(-EISDIR, "pipes of " SLEEP);
        cr_assert_str_eq(pid1.asked, "");
        cr_assert_eq(rmdir(MESSAGE_DIR "/.vks-new"), 0);
}

Test(helper_life, what_pid_1_says_reaches_the_agent)
{
        cr_assert_eq(write_pod(sleeper()), 0);
        fail("StartUnit", NO_UNIT);
        units(VERB_start, unit, false);
        expect(-ENOENT, "StartUnit " SLEEP ": as told");
        fail("StopUnit", NO_UNIT);
        cr_assert_eq(units(VERB_stop, unit, false), 0, "what is not loaded is stopped already");
        fail("KillUnit", "org.freedesktop.systemd1.NoSuchProcess");
        cr_assert_eq(units(VERB_stop, unit, true), 0);
        fail("StopUnit", DENIED);
        cr_assert_eq(units(VERB_stop, unit, false), -EACCES);
}

/* ---- REMOVE ------------------------------------------------------------------------------------------------------ */

static int signal_unit(void)
{
        Vks__Stop stop = VKS__STOP__INIT;
        char *names[] = { STR(unit) };

        stop.pod = &pod, stop.units = names, stop.n_units = 1, stop.signal = true;
        pid1.asked[0] = '\0';
        return ask(VERB_stop, &stop.base);
}

Test(helper_life, a_unit_is_told_to_end_by_its_own_signal_and_not_stopped)
{
        cr_assert_eq(write_pod(sleeper()), 0);
        cr_assert_eq(signal_unit(), 0, "what is not loaded needs no signal: %s", reply->text);
        pid1.units[0].unit = unit, pid1.units[0].state = "active", pid1.kill_signal = SIGQUIT;
        cr_assert_eq(signal_unit(), 0, "%s", reply->text);
        cr_assert_str_eq(pid1.asked, "GetUnit " SLEEP "\nKillUnit " SLEEP " main 3\n");
        pid1.kill_mode = "control-group";
        cr_assert_eq(signal_unit(), 0, "%s", reply->text);
        cr_assert_str_eq(pid1.asked, "GetUnit " SLEEP "\nKillUnit " SLEEP " all 3\n");
        pid1.kill_mode = NULL;
        fail("KillUnit", "org.freedesktop.systemd1.NoSuchProcess");
        cr_assert_eq(signal_unit(), 0, "%s", reply->text);
        cr_assert(strstr(pid1.asked, "KillUnit " SLEEP " all 3\n"), "no main process: %s", pid1.asked);
        fail("Get", DENIED);
        cr_assert_eq(signal_unit(), -EACCES);
        pod.uid = STR(OTHER);
        cr_assert_eq(signal_unit(), -ENOENT, "another pod's");
        pod.uid = STR(UID);
}

/* STOP sends what stands in the unit's file. */
Test(helper_life, a_container_may_have_a_signal_of_its_own)
{
        static const char *const known[] = { "SIGUSR1", "SIGKILL", "SIGRTMIN", "SIGRTMIN+15", "SIGRTMAX-1" };
        static const char *const unknown[] = { "USR1",         "SIG",        "sigusr1",   "SIGUSR1\nUser=root",
                                               "SIGRTMIN+16",  "SIGRTMIN+0", "SIGRTMIN+", "SIGRTMIN+1x",
                                               "SIGRTMAX-15x", "SIGRTMAX+1", "10" };
        struct asked *a = sleeper();

        cr_assert_eq(write_pod(a), 0);
        cr_assert_not(holds(SLEEP_DROPIN, "KillSignal="), "the package's, or systemd's");
        for (size_t i = 0; i < ARRAY_LEN(known); i++) {
                CLEANUP(freep) char *line_of = xasprintf("\nKillSignal=%s\n", known[i]);

                a->c.stop_signal = STR(known[i]);
                cr_assert_eq(write_pod(a), 0, "%s", reply->text);
                cr_assert(holds(SLEEP_DROPIN, line_of), "%s", known[i]);
        }
        for (size_t i = 0; i < ARRAY_LEN(unknown); i++) {
                a->c.stop_signal = STR(unknown[i]);
                cr_expect_eq(write_pod(a), -EINVAL, "%s", unknown[i]);
        }
}

Test(helper_life, a_dynamic_user_sees_no_root_of_the_pods_own)
{
        struct asked *a = redis("[Service]\nExecStart=/usr/bin/redis\nDynamicUser=yes\n");

        with_mount(a, "memory", "/vks-none");
        cr_assert_eq(write_pod(a), -EOPNOTSUPP);
        expect(-EOPNOTSUPP, "container c: mountPath or workingDir: redis.service runs as a dynamic user");
        a->mount.path = STR("/tmp/x");
        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
}

Test(helper_life, what_runs_is_not_removed)
{
        cr_assert_eq(write_pod(sleeper()), 0);
        pid1.units[0].unit = unit, pid1.units[0].state = "deactivating";
        cr_assert_eq(units(VERB_remove, NULL, true), -EBUSY);
        expect(-EBUSY, SLEEP " is deactivating");
        cr_assert(is_there(SLEEP_FILE) && is_there("/run/vks/pods/" UID));
        pid1.units[0].state = "failed";
        cr_assert_eq(units(VERB_remove, unit, false), 0);
        cr_assert(strstr(pid1.asked, "ResetFailedUnit " SLEEP "\n"));
        cr_assert(is_there("/run/vks/pods/" UID), "its directories only with all of it");
        cr_assert_eq(units(VERB_remove, NULL, true), 0);
        nothing_is_left();
        cr_assert_eq(units(VERB_remove, NULL, true), 0, "again");
}

Test(helper_life, a_unit_that_is_unloaded_while_we_ask_is_gone)
{
        cr_assert_eq(write_pod(sleeper()), 0);
        pid1.units[0].unit = unit, pid1.units[0].state = "active";
        fail("Get", SD_BUS_ERROR_UNKNOWN_OBJECT);
        cr_assert_eq(units(VERB_remove, NULL, true), 0, "%s", reply->text);
        nothing_is_left();
}

Test(helper_life, removal_that_fails_says_what_and_can_be_repeated)
{
        struct asked *a = sleeper();

        a->c.writes_var = true;
        cr_assert_eq(write_pod(a), 0);
        fail("GetUnit", DENIED);
        cr_assert_eq(units(VERB_remove, NULL, true), -EACCES);
        fail("StopUnit", DENIED);
        cr_assert_eq(units(VERB_remove, NULL, true), -EACCES);
        expect(-EACCES, "StopUnit " MOUNT);
        fail("ResetFailedUnit", DENIED);
        cr_assert_eq(units(VERB_remove, NULL, true), -EACCES);
        fail(NULL, NULL);
        cr_assert_eq(units(VERB_remove, NULL, true), 0);
        nothing_is_left();
}

Test(helper_life, unit_files_that_are_in_use_as_mount_points_stay)
{
        cr_assert_eq(write_pod(sleeper()), 0);
        cr_assert_eq(mount("/etc/passwd", SLEEP_FILE, NULL, MS_BIND, NULL), 0);
        units(VERB_remove, NULL, true);
        expect(-EBUSY, "removing " SLEEP);
        cr_assert_eq(umount2(SLEEP_FILE, MNT_DETACH), 0);
        cr_assert_eq(units(VERB_remove, NULL, true), 0, "%s", reply->text);
        nothing_is_left();
}

static void stays_while_mounted(const char *layer)
{
        CLEANUP(freep) char *keep = xasprintf("%s/keep", layer);

        own_directory(layer, NULL);
        put(keep, "", 0644);
        units(VERB_remove, NULL, true);
        cr_assert(reply->error == -EXDEV || reply->error == -EBUSY, "%s", reply->text);
        expect(reply->error, "removing the pod's directories");
        cr_assert(is_there(keep), "nothing is removed across a mount point");
        pid1.unmount = layer;
        cr_assert_eq(units(VERB_remove, NULL, true), 0, "%s", reply->text);
        nothing_is_left();
}

Test(helper_life, removal_waits_for_the_unmounting_and_not_for_ever)
{
        struct asked *a = sleeper();

        a->c.writes_var = true;
        cr_assert_eq(write_pod(a), 0);
        stays_while_mounted("/run/vks/pods/" UID "/var");
        make("/etc/redis");
        cr_assert_eq(write_pod(redis(WRITES_REDIS)), 0);
        stays_while_mounted("/run/vks/pods/" UID "/etc");
}
