/* SPDX-License-Identifier: Apache-2.0 */
/* INSTALL and FILL, and how much of the machine requests may take up. */
#include <sys/sysinfo.h>

#include "tests/unit/helper/asking.h"

TestSuite(helper_bounds, .init = setup, .fini = teardown);

/* ---- INSTALL, FILL ----------------------------------------------------------------------------------------------- */

Test(helper_bounds, an_installation_is_a_unit_of_pid_1s)
{
        CLEANUP(freep) char *first = NULL;

        cr_assert_eq(install("redis", "1"), 0, "%s", reply->text);
        first = xstrdup(reply->unit);
        cr_assert(starts_with(first, "vks-install-") && id_is_unit(first));
        cr_assert(strstr(pid1.asked, "StartTransientUnit vks-install-"));
        cr_assert_eq(install("redis", "2"), 0);
        cr_assert_str_neq(first, reply->unit);
        fail("StartTransientUnit", "org.freedesktop.systemd1.UnitExists");
        cr_assert_eq(install("redis", "1"), 0, "it is under way already");
        cr_assert_str_eq(first, reply->unit);
        cr_assert(strstr(line, ".service redis=1\n") && strstr(line, ".service redis=1: done\n"),
                  "the journal has the names: %s", line);
        fail("StartTransientUnit", DENIED);
        cr_assert_eq(install("redis", "1"), -EACCES);
        fail("ResetFailedUnit", DENIED);
        cr_assert_eq(install("redis", "1"), -EACCES);
        cr_assert_not(strstr(pid1.asked, "StartTransientUnit"));
}

Test(helper_bounds, a_volume_is_filled_before_its_pod_is_written)
{
        Vks__File f = VKS__FILE__INIT, *files[] = { &f };
        Vks__Fill m = VKS__FILL__INIT;

        m.pod = &pod, m.volume = STR("conf"), m.files = files, m.n_files = 1;
        f.path = STR("sub/key"), f.mode = 0640, f.content = (ProtobufCBinaryData){ 5, (uint8_t *)STR("value") };
        cr_assert_eq(ask(VERB_fill, &m.base), 0, "%s", reply->text);
        cr_assert(holds("/run/vks/pods/" UID "/files/conf/sub/key", "value"));
        cr_assert_eq(mode_of("/run/vks/pods/" UID "/files/conf/..data/sub/key"), 0640);
        put("/run/vks/pods/" UID "/files/other", "", 0600);
        m.volume = STR("other");
        cr_assert_lt(ask(VERB_fill, &m.base), 0);
        expect(-ENOTDIR, "volume other: Not a directory");
}

Test(helper_bounds, a_quarter_of_what_pods_have_is_not_for_content)
{
        Vks__File f = VKS__FILE__INIT, *files[] = { &f };
        Vks__Fill m = VKS__FILL__INIT;
        static uint8_t content[400 * 1024];

        own_directory(POD_RUN_DIR, "mode=0700,size=1m");
        fd_close(machine.pods);
        machine.pods = open_dir(POD_RUN_DIR);
        m.pod = &pod, m.volume = STR("a"), m.files = files, m.n_files = 1;
        f.path = STR("k"), f.content = (ProtobufCBinaryData){ sizeof(content), content };
        cr_assert_eq(ask(VERB_fill, &m.base), 0, "%s", reply->text);
        m.volume = STR("b");
        cr_assert_eq(ask(VERB_fill, &m.base), 0, "%s", reply->text);
        m.volume = STR("c");
        cr_assert_eq(ask(VERB_fill, &m.base), -ENOSPC);
        expect(-ENOSPC, "volume c: /run/vks/pods is three quarters full");
        cr_assert_not(is_there("/run/vks/pods/" UID "/files/c"));
        cr_assert_eq(umount2(POD_RUN_DIR, MNT_DETACH), 0);
}

/* ---- bounds ------------------------------------------------------------------------------------------------------ */

/* In libc's place: a machine with 100 MiB of memory. */
int sysinfo(struct sysinfo *ret)
{
        *ret = (struct sysinfo){ .totalram = 100 << 10, .mem_unit = 1 << 10 };
        return 0;
}

enum { MIB = 1 << 20 };

static int fill(const char *uid, const char *volume, size_t size)
{
        Vks__File f = VKS__FILE__INIT, *files[] = { &f };
        CLEANUP(freep) uint8_t *content = xcalloc(1, size);
        Vks__Fill m = VKS__FILL__INIT;
        int r;

        pod.uid = STR(uid);
        m.pod = &pod, m.volume = STR(volume), m.files = files, m.n_files = 1;
        f.path = STR("k"), f.content = (ProtobufCBinaryData){ size, content };
        r = ask(VERB_fill, &m.base);
        pod.uid = STR(UID);
        return r;
}

static void is_like(const char *path, mode_t mode, gid_t gid)
{
        struct stat st;

        cr_assert_eq(stat(path, &st), 0, "%s", path);
        cr_expect_eq(st.st_mode & 07777, mode, "%s: %o", path, st.st_mode);
        cr_expect(st.st_uid == 0 && st.st_gid == gid, "%s: %u", path, st.st_gid);
}

Test(helper_bounds, volumes_are_of_the_group_that_the_pod_names)
{
        static const char at[] = "/run/vks/pods/" UID "/files/a/k";
        Vks__File f = VKS__FILE__INIT, *files[] = { &f };
        Vks__Fill m = VKS__FILL__INIT;
        Vks__Id group = VKS__ID__INIT;
        Vks__EmptyDir disk = VKS__EMPTY_DIR__INIT, memory = VKS__EMPTY_DIR__INIT;
        Vks__Volume v[2] = { VKS__VOLUME__INIT, VKS__VOLUME__INIT }, *volumes[] = { &v[0], &v[1] };
        struct asked *a = sleeper();
        Vks__Mount in = VKS__MOUNT__INIT, *both[] = { &a->mount, &in };

        m.pod = &pod, m.volume = STR("a"), m.files = files, m.n_files = 1;
        f.path = STR("k"), f.content = (ProtobufCBinaryData){ 1, (uint8_t *)STR("x") };
        f.mode = 0400;
        cr_assert_eq(ask(VERB_fill, &m.base), 0, "%s", reply->text);
        is_like(at, 0440, 992);
        f.mode = 0644;
        cr_assert_eq(ask(VERB_fill, &m.base), 0, "%s", reply->text);
        is_like(at, 0644, 0);
        put_policy("root = allow"); /* a program may be root, and reads it */
        f.mode = 0400;
        cr_assert_eq(ask(VERB_fill, &m.base), 0, "%s", reply->text);
        is_like(at, 0400, 0);
        put_policy("");
        m.group = &group, group.value = 2000, f.mode = 0440;
        cr_assert_eq(ask(VERB_fill, &m.base), 0, "%s", reply->text);
        is_like(at, 0440, 2000);
        group.value = 42;
        cr_assert_eq(ask(VERB_fill, &m.base), -EPERM);
        is_like(at, 0440, 2000);

        group.value = 2000;
        disk.group = memory.group = &group, memory.memory = true;
        v[0].name = STR("disk"), v[0].source_case = VKS__VOLUME__SOURCE_EMPTY_DIR, v[0].empty_dir = &disk;
        v[1].name = STR("memory"), v[1].source_case = VKS__VOLUME__SOURCE_EMPTY_DIR, v[1].empty_dir = &memory;
        a->m.volumes = volumes, a->m.n_volumes = 2;
        a->c.groups = &group.value, a->c.n_groups = 1;
        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        is_like("/var/lib/vks/pods/" UID "/volumes/disk", 02777, 2000);
        is_like("/run/vks/pods/" UID "/volumes/memory", 02777, 2000);
        in.volume = STR("memory"), in.path = STR("/tmp/d/in"), a->c.mounts = both;
        with_mount(a, "disk", "/tmp/d");
        a->c.n_mounts = 2;
        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        is_like("/var/lib/vks/pods/" UID "/volumes/disk", 03777, 2000);
        a->c.n_mounts = 0;
        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        is_like("/var/lib/vks/pods/" UID "/volumes/disk", 03777,
                2000); /* another container still has that mount point */
        cr_assert(holds(SLEEP_DROPIN, "vks-exec --user=991 --group=992 --groups=2000 "),
                  "nobody knows that group here");
        put("/etc/group", "root:x:0:\nvks-pod:x:992:\nteam:x:2000:\n", 0644);
        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        cr_assert(holds(SLEEP_DROPIN, "\nSupplementaryGroups=2000\n") && !holds(SLEEP_DROPIN, "--groups"));
        group.value = 42;
        cr_assert_eq(write_pod(a), -EPERM);
        cr_assert_str_eq(reply->rule, "group");
}

Test(helper_bounds, a_pod_has_so_much_content_and_no_more)
{
        struct asked *a = sleeper();
        static uint8_t value[64 * 1024];

        put_policy("max-pod-content = 4\nmax-content = 100");
        cr_assert_eq(fill(UID, "a", 3 * MIB), 0, "%s", reply->text);
        cr_assert_eq(fill(UID, "b", MIB), -EPERM);
        expect(-EPERM,
               "volume b: policy rule max-pod-content: the files and variables of this pod would take 5 MiB, and "
               "may take 4");
        cr_assert(strstr(line, "VKS_RULE=max-pod-content\n") && strstr(line, "VKS_VERB=fill\n"), "%s", line);
        cr_assert_not(is_there("/run/vks/pods/" UID "/files/b"));
        cr_assert_eq(fill(OTHER, "b", MIB), 0, "%s", reply->text);
        cr_assert_eq(fill(UID, "a", MIB / 2), 0, "the old and the new are there together, and fit: %s", reply->text);
        cr_assert_eq(fill(UID, "b", MIB), 0, "%s", reply->text);
        cr_assert_eq(fill(UID, "c", 3 * MIB / 2), 0, "%s", reply->text);
        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        memset(value, 'x', sizeof(value));
        a->env.name = STR("A"), a->env.value = (ProtobufCBinaryData){ sizeof(value), value }, a->c.n_env = 1;
        put_policy("max-pod-content = 3");
        cr_assert_eq(write_pod(a), -EPERM, "variables are content, too: %d %s", reply->error, reply->text);
        expect(-EPERM, "max-pod-content");
}

/* Empty files and directories are content: each takes a page of the tmpfs. */
Test(helper_bounds, names_are_content)
{
        enum { MANY = 200 };
        Vks__File f[MANY], *files[MANY];
        char paths[MANY][32];
        Vks__Fill m = VKS__FILL__INIT;

        put_policy("max-pod-content = 1");
        m.pod = &pod, m.volume = STR("v"), m.files = files, m.n_files = MANY;
        for (size_t i = 0; i < MANY; i++) {
                f[i] = (Vks__File)VKS__FILE__INIT, files[i] = &f[i];
                snprintf(paths[i], sizeof(paths[i]), "%zu/a/b", i);
                f[i].path = paths[i];
        }
        cr_assert_eq(ask(VERB_fill, &m.base), -EPERM);
        expect(-EPERM, "max-pod-content");
        m.n_files = 20;
        cr_assert_eq(ask(VERB_fill, &m.base), 0, "%s", reply->text);
}

Test(helper_bounds, all_pods_have_so_much_content_and_more_comes_later)
{
        put_policy("max-content = 10"); /* MiB, here */
        cr_assert_eq(fill(UID, "a", 4 * MIB), 0, "%s", reply->text);
        cr_assert_eq(fill(OTHER, "a", 4 * MIB), 0, "%s", reply->text);
        cr_assert_eq(fill(OTHER, "b", 4 * MIB), -EAGAIN);
        expect(-EAGAIN,
               "volume b: policy rule max-content: the files and variables of all pods take 9 MiB, these would take "
               "5 more, and 10 are allowed");
        cr_assert(strstr(line, "VKS_RULE=max-content\n"), "%s", line);
        machine.content_known = false; /* another helper counts what is there */
        cr_assert_eq(fill(OTHER, "b", 4 * MIB), -EAGAIN);
        cr_assert_eq(units(VERB_remove, NULL, true), 0, "%s", reply->text);
        cr_assert_eq(fill(OTHER, "b", 4 * MIB), 0, "%s", reply->text);
        for (int i = 0; i < 20; i++) /* nothing is counted twice, and nothing forgotten */
                cr_assert_eq(fill(OTHER, "b", MIB), 0, "%s", reply->text);
        cr_assert_eq(fill(UID, "a", 6 * MIB), -EAGAIN);
        cr_assert_eq(fill(UID, "a", 4 * MIB), 0, "%s", reply->text);
        machine.content_known = false;
        cr_assert_eq(fill(UID, "b", MIB), -EAGAIN, "%s", reply->text);
}

Test(helper_bounds, systemd_gets_so_many_jobs_of_one_process_and_more_of_the_next)
{
        int code;

        cr_assert_eq(sd_event_new(&machine.event), 0);
        cr_assert_eq(write_pod(sleeper()), 0);
        pid1.n_jobs = 4000; /* others', the machine's or pods' that never end: nobody waits for them */
        cr_assert_eq(units(VERB_start, unit, false), 0, "%s", reply->text);
        machine.jobs = 255;
        cr_assert_eq(units(VERB_start, unit, true), 0, "%s", reply->text);
        pid1.asked[0] = '\0';
        cr_assert_eq(sd_event_get_exit_code(machine.event, &code), -ENODATA);
        cr_assert_eq(units(VERB_start, unit, false), -EAGAIN);
        expect(-EAGAIN, "systemd has 256 jobs to do, and gets no more than 256 at a time");
        cr_assert(strstr(line, "VKS_RULE=max-jobs\n"), "%s", line);
        cr_assert_str_eq(pid1.asked, "", "nothing was begun");
        cr_assert_geq(sd_event_run(machine.event, 0), 0);
        cr_assert_eq(sd_event_get_exit_code(machine.event, &code), 0, "it makes room for the next one");
        cr_assert_eq(code, 0);
        cr_assert_eq(units(VERB_start, unit, true), -EAGAIN);
        cr_assert_eq(units(VERB_stop, unit, false), 0, "to be stopped it does not wait for what starts: %s",
                     reply->text);
        machine.jobs = 384;
        cr_assert_eq(units(VERB_stop, unit, false), -EAGAIN);
        cr_assert_eq(units(VERB_remove, NULL, true), -EAGAIN);
        cr_assert(is_there(SLEEP_FILE));
        cr_assert_eq(units(VERB_stop, unit, true), 0, "SIGKILL is no job: %s", reply->text);
        pid1.n_jobs = 255; /* no more of its own than there are: PID 1 is asked where a bound is near */
        cr_assert_eq(units(VERB_start, unit, false), 0, "%s", reply->text);
        cr_assert_eq(machine.jobs, 256);
        fail("NJobs", DENIED);
        cr_assert_eq(units(VERB_start, unit, false), -EACCES);
        expect(-EACCES, "NJobs of systemd");
        machine.jobs = 127;
        cr_assert_eq(units(VERB_start, unit, false), 0, "far from the bound nobody waits for that answer: %s",
                     reply->text);
        cr_assert_eq(machine.jobs, 128);
        cr_assert_eq(units(VERB_start, unit, false), -EACCES);
        machine.event = sd_event_unref(machine.event);
}

Test(helper_bounds, so_many_installations_are_under_way_and_more_come_later)
{
        char names[PID1_UNITS][ID_UNIT_MAX];

        cr_assert_eq(install("redis", "1"), 0, "%s", reply->text);
        snprintf(names[0], sizeof(names[0]), "%s", reply->unit);
        for (int i = 0; i < 8; i++) {
                if (i > 0)
                        snprintf(names[i], sizeof(names[i]), "vks-install-%016d.service", i);
                pid1.units[i].unit = names[i], pid1.units[i].state = i % 2 ? "deactivating" : "activating";
        }
        cr_assert_eq(install("redis", "2"), -EAGAIN);
        expect(-EAGAIN, "8 installations run or wait already, and no more than 8 may");
        cr_assert(strstr(line, "VKS_RULE=max-installs\n") && strstr(line, " redis=2"), "%s", line);
        cr_assert_not(strstr(pid1.asked, "StartTransientUnit"));
        cr_assert_eq(install("redis", "1"), 0, "it is one of them: %s", reply->text);
        pid1.units[7].state = "failed";
        cr_assert_eq(install("redis", "2"), 0, "%s", reply->text);
        cr_assert_not(strstr(pid1.asked, "ResetFailedUnit vks-install-0"), "the agent wants to see it");
        for (int i = 8; i < 45; i++) {
                snprintf(names[i], sizeof(names[i]), "vks-install-%016d.service", i);
                pid1.units[i].unit = names[i], pid1.units[i].state = "failed";
        }
        cr_assert_eq(install("redis", "2"), 0, "%s", reply->text);
        cr_assert(strstr(pid1.asked, "ResetFailedUnit vks-install-0000000000000044"), "not for ever: %s", pid1.asked);
        fail("ListUnitsByPatterns", DENIED);
        cr_assert_eq(install("redis", "3"), -EACCES);
        cr_assert_not(strstr(pid1.asked, "StartTransientUnit"));
}

/* A pod may take the last inode of the tmpfs: then none would be left for where it is to be thrown. */
Test(helper_bounds, there_is_room_for_what_a_pod_leaves_before_it_leaves_anything)
{
        static const char *const places[] = { POD_RUN_DIR "/.trash", POD_DISK_DIR "/.trash" };

        cr_assert_eq(write_pod(sleeper()), 0);
        while (trash_sweep(&machine))
                ;
        for (size_t i = 0; i < ARRAY_LEN(places); i++)
                cr_assert(is_there(places[i]) && mode_of(places[i]) == 0700, "%s", places[i]);
        cr_assert_eq(units(VERB_remove, NULL, true), 0, "%s", reply->text);
        while (trash_sweep(&machine))
                ;
        for (size_t i = 0; i < ARRAY_LEN(places); i++)
                cr_assert_not(is_there(places[i]), "%s", places[i]);
}

/* However much a pod leaves: who asks for its removal is answered, and so is the next one. */
Test(helper_bounds, what_a_pod_leaves_is_removed_in_slices)
{
        enum { FILES = 20000 };
        unsigned slices = 0;

        cr_assert_eq(write_pod(sleeper()), 0);
        FD volume = open_dir("/var/lib/vks/pods/" UID "/volumes/disk");
        for (int i = 0; i < FILES; i++) {
                char name[32];

                snprintf(name, sizeof(name), "f%d", i);
                cr_assert_eq(mkdirat(volume, name, 0755), 0);
        }
        cr_assert_eq(units(VERB_remove, NULL, true), 0, "%s", reply->text);
        cr_assert_not(is_there("/run/vks/pods/" UID) || is_there("/var/lib/vks/pods/" UID) || is_there(SLEEP_FILE));
        cr_assert_eq(count(volume), FILES, "all of it is still there");
        cr_assert_eq(mode_of("/var/lib/vks/pods/.trash"), 0700);
        cr_assert(trash_sweep(&machine), "not at once");
        cr_assert(count(volume) < FILES && count(volume) > 0);
        cr_assert_eq(write_pod(sleeper()), 0, "the same pod may come again meanwhile");
        cr_assert_eq(units(VERB_remove, NULL, true), 0, "%s", reply->text);
        while (trash_sweep(&machine))
                slices++;
        cr_assert_gt(slices, 1);
        nothing_is_left();
}

/* What cannot be removed is told of, and does not keep the rest. */
Test(helper_bounds, what_cannot_be_removed_does_not_keep_the_rest)
{
        cr_assert_eq(write_pod(sleeper()), 0);
        own_directory("/var/lib/vks/pods/" UID "/volumes/disk", NULL);
        cr_assert_eq(units(VERB_remove, NULL, true), 0, "%s", reply->text);
        pod.uid = STR(OTHER);
        cr_assert_eq(fill(OTHER, "a", 1), 0);
        cr_assert_eq(fill(OTHER, "a", 1), 0);
        pod.uid = STR(OTHER);
        cr_assert_eq(units(VERB_remove, NULL, true), 0, "%s", reply->text);
        while (trash_sweep(&machine))
                ;
        FD disk = open_dir("/var/lib/vks/pods/.trash");
        cr_assert_eq(count(machine.pods), 0);
        cr_assert_eq(count(disk), 1);
        cr_assert_eq(umount2("/var/lib/vks/pods/.trash/" UID ".1/volumes/disk", MNT_DETACH), 0);
        machine.trash.more = true;
        nothing_is_left();
}
