/* SPDX-License-Identifier: Apache-2.0 */
/* A pod's limits and those of its slice, and RESIZE. */
#include "tests/unit/helper/asking.h"

TestSuite(helper_resize, .init = setup, .fini = teardown);

#define SLICE "/run/systemd/system/kubepods-besteffort-pod0f6c2a9e_1234_4abc_8def_0123456789ab.slice"

/* It is there before the pod's first unit, with which PID 1 reads it; and it goes with the pod. */
Test(helper_resize, a_pods_limits_are_its_slices)
{
        struct asked *a = sleeper();
        Vks__Limits pods = VKS__LIMITS__INIT, own = VKS__LIMITS__INIT;

        pods.memory_max = 4096, own.tasks_max = 3;
        a->m.limits = &pods, a->c.limits = &own;
        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        cr_assert(holds(SLICE, "\n[Slice]\nMemoryMax=4096\nMemorySwapMax=0\n"));
        cr_assert(holds("/run/systemd/system/" SLEEP ".d/vks.conf", "\nTasksMax=3\n"));
        pods.memory_max = 8192;
        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        cr_assert(holds(SLICE, "MemoryMax=4096\n"), "PID 1 may have read it");
        cr_assert_eq(units(VERB_remove, SLEEP, false), 0, "%s", reply->text);
        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        cr_assert(holds(SLICE, "MemoryMax=8192\n"));
        cr_assert_eq(units(VERB_remove, NULL, true), 0, "%s", reply->text);
        nothing_is_left();
}

Test(helper_resize, what_is_over_leaves_no_slice_with_limits)
{
        struct asked *a = sleeper();
        Vks__Limits pods = VKS__LIMITS__INIT;

        pods.cpu_weight = 10, a->m.limits = &pods;
        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        cr_assert_eq(units(VERB_remove, SLEEP, false), 0, "%s", reply->text);
        a->m.qos = VKS__QOS__QOS_GUARANTEED;
        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        cr_assert_neq(access(SLICE, F_OK), 0, "the other slice's is gone");
        cr_assert_eq(units(VERB_remove, SLEEP, false), 0, "%s", reply->text);
        a->m.limits = NULL;
        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        cr_assert_neq(access("/run/systemd/system/kubepods-pod0f6c2a9e_1234_4abc_8def_0123456789ab.slice", F_OK), 0);
        cr_assert_eq(units(VERB_remove, NULL, true), 0, "%s", reply->text);
        nothing_is_left();
}

/* What cannot be written takes the pod's slice with it. */
Test(helper_resize, a_write_that_fails_leaves_no_slice)
{
        struct asked *a = sleeper();
        Vks__Limits pods = VKS__LIMITS__INIT;

        pods.cpu_weight = 10, a->m.limits = &pods;
        a->words[0] = STR("/usr/bin/there-is-none");
        pid1.units[0].unit = SLEEP, pid1.units[0].state = "inactive";
        cr_assert_eq(write_pod(a), -EAGAIN, "%s", reply->text);
        nothing_is_left();
}

/* ---- RESIZE ------------------------------------------------------------------------------------------------------ */

#define RESIZED       SLEEP_FILE ".d/vks.resized.conf"
#define SLICE_RESIZED SLICE ".d/vks.resized.conf"
#define CONTROL       "/run/systemd/system.control"

static int resize(const char *name, const Vks__Limits *own, const Vks__Limits *pods)
{
        Vks__Resize m = VKS__RESIZE__INIT;
        Vks__Size size = VKS__SIZE__INIT, *sizes[] = { &size };

        m.pod = &pod, m.limits = (Vks__Limits *)(uintptr_t)pods;
        size.unit = STR(name ? name : ""), size.limits = (Vks__Limits *)(uintptr_t)own;
        m.sizes = sizes, m.n_sizes = name ? 1 : 0;
        return ask(VERB_resize, &m.base);
}

/* What PID 1 notes beside its units (systemd's unit_write_setting()). */
static void pid1_notes(const char *name)
{
        CLEANUP(freep) char *dir = xasprintf(CONTROL "/%s.d", name), *file = xasprintf("%s/50-MemoryMax.conf", dir);

        mkdir(CONTROL, 0755);
        mkdir(dir, 0755);
        close(open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
}

Test(helper_resize, what_runs_is_resized_by_a_file_and_by_pid_1)
{
        struct asked *a = sleeper();
        Vks__Limits pods = VKS__LIMITS__INIT, own = VKS__LIMITS__INIT;

        pods.memory_max = 4096, own.cpu_milli = 100, own.memory_max = 4096;
        a->m.limits = &pods, a->c.limits = &own;
        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        pid1.units[0].unit = SLEEP, pid1.units[0].state = "active";
        pid1.units[1].unit = "kubepods-besteffort-pod0f6c2a9e_1234_4abc_8def_0123456789ab.slice",
        pid1.units[1].state = "active";
        own.cpu_weight = 7, own.cpu_milli = 250, own.memory_max = 8192, own.tasks_max = 9, pods.memory_max = 16384;
        cr_assert_eq(resize(SLEEP, &own, &pods), 0, "%s", reply->text);
        cr_assert_str_eq(pid1.asked,
                         "GetUnit kubepods-besteffort-pod0f6c2a9e_1234_4abc_8def_0123456789ab.slice\n"
                         "SetUnitProperties kubepods-besteffort-pod0f6c2a9e_1234_4abc_8def_0123456789ab.slice "
                         "MemoryMax=16384 MemorySwapMax=0\n"
                         "GetUnit " SLEEP "\n"
                         "SetUnitProperties " SLEEP
                         " CPUWeight=7 CPUQuotaPerSecUSec=250000 MemoryMax=8192 MemorySwapMax=0 TasksMax=9\n");
        cr_assert(holds(RESIZED,
                        "[Service]\nCPUWeight=7\nCPUQuota=25.0%\nMemoryMax=8192\nMemorySwapMax=0\nTasksMax=9\n"));
        cr_assert(holds(SLICE_RESIZED, "[Slice]\nMemoryMax=16384\n"));
        cr_assert(holds(SLEEP_DROPIN, "\nMemoryMax=4096\n"), "no limit is taken away: WRITE's stays beneath");
        cr_assert(holds(SLICE, "\nMemoryMax=4096\n"));
        cr_assert(strstr(line, "resize default/web: done"), "%s", line);
        pid1_notes(SLEEP), pid1_notes("kubepods-besteffort-pod0f6c2a9e_1234_4abc_8def_0123456789ab.slice");
        pid1.units[0].unit = pid1.units[1].unit = NULL;
        cr_assert_eq(units(VERB_remove, NULL, true), 0, "%s", reply->text);
        cr_assert_eq(rmdir(CONTROL), 0, "what PID 1 has noted goes with the pod");
        nothing_is_left();
}

Test(helper_resize, what_is_not_loaded_is_resized_by_its_file_alone)
{
        struct asked *a = sleeper();
        Vks__Limits own = VKS__LIMITS__INIT;

        own.memory_max = 4096, a->c.limits = &own;
        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        own.memory_max = 8192;
        cr_assert_eq(resize(SLEEP, &own, NULL), 0, "%s", reply->text);
        cr_assert_str_eq(pid1.asked, "GetUnit " SLEEP "\n");
        cr_assert(holds(RESIZED, "MemoryMax=8192\n"));
        cr_assert_neq(access(SLICE_RESIZED, F_OK), 0);
        cr_assert_eq(resize(SLEEP, NULL, &own), 0, "%s", reply->text);
        cr_assert(holds(RESIZED, "MemoryMax=8192\n"), "nothing is said of it");
        cr_assert(holds(SLICE_RESIZED, "MemoryMax=8192\n"));
}

/* The next WRITE says all that counts. */
Test(helper_resize, a_unit_that_is_written_again_has_what_write_says)
{
        struct asked *a = sleeper();
        Vks__Limits own = VKS__LIMITS__INIT;

        own.memory_max = 4096, a->c.limits = &own, a->m.limits = &own;
        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        cr_assert_eq(resize(SLEEP, &own, &own), 0, "%s", reply->text);
        pid1_notes(SLEEP);
        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        cr_assert_neq(access(RESIZED, F_OK), 0);
        cr_assert_eq(rmdir(CONTROL), 0);
        cr_assert_eq(access(SLICE_RESIZED, F_OK), 0, "PID 1 may have read the slice");
        cr_assert_eq(units(VERB_remove, SLEEP, false), 0, "%s", reply->text);
        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        cr_assert_neq(access(SLICE_RESIZED, F_OK), 0);
        cr_assert_eq(units(VERB_remove, NULL, true), 0, "%s", reply->text);
        nothing_is_left();
}

Test(helper_resize, only_a_pods_own_units_are_resized)
{
        struct asked *a = sleeper();
        Vks__Limits own = VKS__LIMITS__INIT;

        own.memory_max = 4096;
        cr_assert_eq(resize(SLEEP, &own, NULL), -ENOENT);
        expect(-ENOENT, SLEEP " is not a unit of pod default/web");
        cr_assert_eq(resize(NULL, NULL, &own), -ENOENT);
        expect(-ENOENT, "has no slice");
        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        pod.uid = STR(OTHER);
        cr_assert_eq(resize(SLEEP, &own, NULL), -ENOENT);
        cr_assert_eq(resize(NULL, NULL, &own), -ENOENT);
        pod.uid = STR(UID);
        cr_assert_neq(access(RESIZED, F_OK), 0);
        cr_assert_str_eq(pid1.asked, "");
        own.memory_max = UINT64_MAX;
        cr_assert_eq(resize(SLEEP, &own, NULL), -EINVAL);
}

Test(helper_resize, what_pid_1_refuses_is_said_and_may_be_asked_again)
{
        struct asked *a = sleeper();
        Vks__Limits own = VKS__LIMITS__INIT;

        own.memory_max = 4096, a->c.limits = &own;
        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        pid1.units[0].unit = SLEEP, pid1.units[0].state = "active";
        fail("SetUnitProperties", DENIED);
        cr_assert_lt(resize(SLEEP, &own, NULL), 0);
        cr_assert(strstr(reply->text, "SetUnitProperties " SLEEP ": as told"), "%s", reply->text);
        fail(NULL, NULL);
        cr_assert_eq(resize(SLEEP, &own, NULL), 0, "%s", reply->text);
}

/* PID 1 is not asked for what would not outlive its next reading. */
Test(helper_resize, what_cannot_be_written_is_not_applied)
{
        struct asked *a = sleeper();
        Vks__Limits own = VKS__LIMITS__INIT;

        own.memory_max = 4096, a->c.limits = &own;
        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        pid1.units[0].unit = SLEEP, pid1.units[0].state = "active";
        cr_assert_eq(mkdir(RESIZED, 0755), 0);
        cr_assert_lt(resize(SLEEP, &own, NULL), 0);
        cr_assert(strstr(reply->text, "writing what " SLEEP " may take"), "%s", reply->text);
        cr_assert_str_eq(pid1.asked, "");
        cr_assert_eq(rmdir(RESIZED), 0);
        cr_assert_eq(resize(SLEEP, &own, NULL), 0, "%s", reply->text);
}

/* What an administrator has put beside ours stays, and keeps nobody from removing the pod. */
Test(helper_resize, a_slices_other_files_stay)
{
        struct asked *a = sleeper();
        Vks__Limits own = VKS__LIMITS__INIT;

        own.memory_max = 4096, a->m.limits = &own;
        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        cr_assert_eq(resize(NULL, NULL, &own), 0, "%s", reply->text);
        close(open(SLICE ".d/admin.conf", O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
        cr_assert_eq(units(VERB_remove, NULL, true), 0, "%s", reply->text);
        cr_assert_neq(access(SLICE_RESIZED, F_OK), 0);
        cr_assert_eq(unlink(SLICE ".d/admin.conf"), 0);
        cr_assert_eq(rmdir(SLICE ".d"), 0);
}

/* A request that was refused, or whose units are gone, binds nobody. */
Test(helper_resize, a_pod_without_units_may_be_in_another_slice)
{
        struct asked *a = sleeper();

        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        cr_assert_eq(units(VERB_remove, SLEEP, false), 0, "%s", reply->text);
        a->m.qos = (Vks__Qos)!a->m.qos;
        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        cr_assert_eq(units(VERB_remove, NULL, true), 0, "%s", reply->text);
        cr_assert(strstr(pid1.asked, "StopUnit kubepods-burstable-pod0f6c2a9e_1234"), "%s", pid1.asked);
        nothing_is_left();
}
