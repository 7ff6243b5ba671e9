/* SPDX-License-Identifier: Apache-2.0 */
/* What several requests could make of one pod. */
#include "tests/unit/helper/asking.h"

TestSuite(helper_order, .init = setup, .fini = teardown);

/* Variables, hidden words and pipes have the container's name: a second unit of that name would bring its own to the
 * first one's. */
Test(helper_order, a_container_has_one_unit_whatever_request_brings_it)
{
        struct asked *a = sleeper();

        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        a->c.image = STR("/usr/bin/env");
        cr_assert_eq(write_pod(a), -EEXIST);
        expect(-EEXIST, "container c has a unit already: " SLEEP);
        cr_assert_eq(write_pod(a), -EEXIST, "again");
        cr_assert_eq(units(VERB_remove, SLEEP, false), 0, "%s", reply->text);
        cr_assert_eq(write_pod(a), 0, "its image was changed: %s", reply->text);
}

/* Its pipes and its message have the container's name, and the account knows but one. */
Test(helper_order, a_unit_that_becomes_another_containers_leaves_nothing_of_the_earlier_one)
{
        struct asked *a = sleeper();

        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        cr_assert_eq(units(VERB_start, SLEEP, false), 0, "%s", reply->text);
        cr_assert(is_there(LOG_DIR "/" UID ".c.out") && is_there(MESSAGE_DIR "/" UID ".c"));
        a->c.name = STR("d");
        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        cr_expect(is_there(LOG_DIR "/" UID ".d"));
        cr_expect(!is_there(LOG_DIR "/" UID ".c") && !is_there(LOG_DIR "/" UID ".c.out"));
        cr_expect(!is_there(MESSAGE_DIR "/" UID ".c"));
        cr_assert_eq(units(VERB_remove, NULL, true), 0, "%s", reply->text);
        unlink(LOG_DIR "/" UID ".d" LOG_GONE);
        nothing_is_left();
        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        make(LOG_DIR "/" UID ".d" LOG_GONE);
        a->c.name = STR("e");
        cr_assert_eq(write_pod(a), -EISDIR);
        expect(-EISDIR, "an earlier " SLEEP);
}

Test(helper_order, a_unit_that_waits_for_its_turn_is_not_removed)
{
        struct asked *a = sleeper();

        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        pid1.units[0].unit = SLEEP, pid1.units[0].state = "inactive", pid1.job = 7;
        cr_assert_eq(units(VERB_remove, NULL, true), -EBUSY);
        expect(-EBUSY, "is activating");
        cr_assert(is_there(SLEEP_FILE));
        fail("Job", DENIED);
        cr_assert_neq(units(VERB_remove, NULL, true), 0);
        fail(NULL, NULL);
        pid1.then = "active"; /* its turn comes while it is asked for */
        cr_assert_eq(units(VERB_remove, NULL, true), -EBUSY);
        cr_assert(is_there(SLEEP_FILE));
        pid1.job = 0, pid1.then = NULL, pid1.units[0].state = "inactive";
        cr_assert_eq(units(VERB_remove, NULL, true), 0, "%s", reply->text);
}

/* It begins as root: so it loads nothing that a pod names, and is nowhere that its user may not be. */
Test(helper_order, who_becomes_somebody_brings_nothing_to_what_is_root_before)
{
        char *words[] = { STR("sleep") };
        struct asked *a = sleeper();

        a->user.value = 4711, a->c.run_as_user = &a->user, a->c.working_dir = STR("/usr/share");
        a->env.name = STR("LD_PRELOAD"), a->env.value = (ProtobufCBinaryData){ 1, (uint8_t *)STR("v") }, a->c.n_env = 1;
        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        cr_assert_not(holds(SLEEP_DROPIN, "EnvironmentFile="));
        cr_assert_not(holds(SLEEP_DROPIN, "WorkingDirectory="));
        cr_assert(holds(SLEEP_DROPIN, "--user=4711 --group=992 --dir \"/usr/share\" \"/usr/bin/sleep\""));
        cr_assert_eq(exec(a, 1, words, 1), 0, "%s", reply->text);
        cr_assert_not(holds(BESIDE_FILE, "EnvironmentFile=") || holds(BESIDE_FILE, "WorkingDirectory="));
        cr_assert_not(holds(SLEEP_DROPIN, "UnsetEnvironment="), "there is nothing of a package's");
}

/* What a package's unit reads there may be written by a user of the machine, or by a pod that has a hostPath to it. */
Test(helper_order, who_becomes_somebody_is_loaded_with_nothing_of_a_packages_environment)
{
        static const char none[] = "UnsetEnvironment=GLIBC_TUNABLES LD_AUDIT LD_DEBUG LD_LIBRARY_PATH LD_PRELOAD ";
        struct asked *a = redis("[Service]\nExecStart=/usr/bin/redis\nUser=redis\nEnvironmentFile=-/srv/redis/env\n");

        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        cr_assert_not(dropin_has(none), "PID 1 starts it as its user");
        a->user.value = 4711, a->c.run_as_user = &a->user;
        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        cr_assert(dropin_has(none));
}

Test(helper_order, a_pod_does_not_begin_while_the_layer_of_an_earlier_one_cannot_be_forgotten)
{
        static const char mount[] =
                UNIT_DIR "/run-vks-pods-0f6c2a9e\\x2d1234\\x2d4abc\\x2d8def\\x2d0123456789ab-var.mount";
        struct asked *a = sleeper();

        make(mount);
        own_directory(mount, NULL);
        cr_assert_neq(write_pod(a), 0);
        expect(reply->error, "removing run-vks-pods-");
        cr_assert_eq(umount2(mount, MNT_DETACH), 0);
        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
}

/* The empty directory in the place of the machine's is mounted: a user of the pod's, who owns one above, could lead
 * that elsewhere. */
Test(helper_order, no_directory_is_given_where_a_user_owns_the_way)
{
        struct asked *a = redis("[Service]\nExecStart=/usr/bin/redis\nUser=redis\nStateDirectory=nest/c\n");

        make("/var/lib/nest");
        cr_assert_eq(chown("/var/lib/nest", 120, 121), 0);
        cr_assert_eq(write_pod(a), 0, "without the layer the machine's are not seen: %s", reply->text);
        cr_assert_eq(units(VERB_remove, NULL, true), 0, "%s", reply->text);
        while (trash_sweep(&machine))
                ;
        a->c.writes_var = true;
        cr_assert_eq(write_pod(a), -EPERM);
        cr_assert_str_eq(reply->rule, "mount-target");
        expect(-EPERM, "the package's directory /var/lib/nest/c is");
        cr_assert_eq(chown("/var/lib/nest", 0, 0), 0);
        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
}

/* PID 1 runs what it has read, not what is written in its place. */
Test(helper_order, no_unit_is_written_that_pid_1_knows_without_its_file)
{
        struct asked *a = sleeper();

        pid1.units[0].unit = SLEEP, pid1.units[0].state = "inactive", pid1.job = 7;
        cr_assert_eq(write_pod(a), -EAGAIN);
        expect(-EAGAIN, "systemd still knows an earlier " SLEEP);
        nothing_is_left();
        cr_assert_not(strstr(pid1.asked, "ResetFailedUnit"), "%s", pid1.asked);
        pid1.units[0].state = "failed", pid1.job = 0;
        cr_assert_eq(write_pod(a), -EAGAIN);
        cr_assert(strstr(pid1.asked, "ResetFailedUnit " SLEEP "\n"), "it would be known for ever: %s", pid1.asked);
        nothing_is_left();
        pid1.units[0].unit = NULL;
        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
}

/* REMOVE stops the slice of the pod's account: the one that its units are in. */
Test(helper_order, all_units_of_a_pod_are_in_one_slice_whatever_request_brings_them)
{
        struct asked *a = sleeper();
        int qos = (int)a->m.qos;

        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        a->containers[0] = &a->c2;
        a->m.qos = (Vks__Qos)!qos;
        cr_assert_eq(write_pod(a), -EBUSY);
        expect(-EBUSY, "pod default/web has units in another slice: kubepods-");
        a->m.qos = (Vks__Qos)qos;
        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        cr_assert_eq(units(VERB_remove, NULL, true), 0, "%s", reply->text);
        unlink(LOG_DIR "/" UID ".d" LOG_GONE);
        nothing_is_left();
}

/* Whom vks-exec becomes gains nothing from then on: its bounding set has what becoming takes. */
Test(helper_order, who_drops_a_capability_and_becomes_somebody_gains_none)
{
        struct asked *a = sleeper();

        put_policy("root = allow\n");
        a->user.value = 4711, a->c.run_as_user = &a->user;
        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        cr_assert(holds(SLEEP_DROPIN, " --may-gain "));
        a->c.drop_capabilities = 1 << 7; /* CAP_SETUID */
        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        cr_assert(!holds(SLEEP_DROPIN, " --may-gain ") && holds(SLEEP_DROPIN, "\nNoNewPrivileges=yes\n"));
}
