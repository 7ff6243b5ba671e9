/* SPDX-License-Identifier: Apache-2.0 */
/* WRITE: what a pod's units are on the disk, and what keeps them from being written. */
#include <sys/inotify.h>

#include "tests/unit/helper/asking.h"

TestSuite(helper_write, .init = setup, .fini = teardown);

/* ---- WRITE ------------------------------------------------------------------------------------------------------- */

Test(helper_write, a_written_pod_is_files_and_nothing_runs)
{
        struct asked *a = sleeper();

        a->env.name = STR("A"), a->env.value = (ProtobufCBinaryData){ 6, (uint8_t *)STR("secret") }, a->c.n_env = 1;
        with_mount(a, "disk", "/tmp/cache/x");
        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        cr_assert_str_eq(pid1.asked, "GetUnit " MOUNT "\nGetUnit " SLEEP "\n");
        cr_assert(holds(SLEEP_FILE, "Description=Container c of pod default/web"));
        cr_assert(holds(SLEEP_DROPIN, "[X-Kubernetes]\nUID=" UID "\n"));
        cr_assert(holds(SLEEP_DROPIN, "ExecStart=\"/usr/bin/sleep\" \"9\"\n"), "by its name, found in /usr/bin");
        cr_assert(holds(SLEEP_DROPIN, "User=vks-pod\n"));
        cr_assert(holds(SLEEP_DROPIN, "Group=992\n"));
        cr_assert(holds(SLEEP_DROPIN, "\"/var/lib/vks/pods/" UID "/volumes/disk\":\"/tmp/cache/x\""));
        cr_assert(holds("/run/vks/pods/" UID "/env/c", "A=\"secret\"\n"));
        cr_assert_eq(mode_of("/run/vks/pods/" UID "/env/c"), 0600);
        cr_assert_eq(mode_of("/run/vks/pods/" UID), 0700);
        cr_assert(is_there("/run/vks/pods/" UID "/tmp/cache/x") && is_there("/run/vks/pods/" UID "/volumes/memory") &&
                  is_there("/run/vks/pods/" UID "/files/files"));
        cr_assert(is_there("/run/vks/pods/" UID "/run/daemon") && !is_there("/run/vks/pods/" UID "/run/vks"),
                  "the shape of the machine's /run");
        cr_assert(is_there("/var/lib/vks/pods/" UID "/volumes/disk"));
        cr_assert_not(is_there("/run/vks/pods/" UID "/upper"));
}

/* The unit's text is everybody's to read, and what PID 1 tells of it. */
Test(helper_write, a_hidden_word_stands_in_a_file_of_roots_alone)
{
        struct asked *a = sleeper();
        Vks__Word hush = VKS__WORD__INIT, *hidden[] = { &hush };

        hush.index = 1, hush.value = STR("hush"), a->c.hidden = hidden, a->c.n_hidden = 1;
        a->words[1] = STR("$(PW)");
        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        cr_assert_not(holds(SLEEP_DROPIN, "hush") || holds(SLEEP_FILE, "hush"));
        cr_assert(holds(SLEEP_DROPIN, "ExecStart=/usr/libexec/vks/vks-exec \"/usr/bin/sleep\" \"$$(PW)\"\n"));
        cr_assert(holds("/run/vks/pods/" UID "/env/c.carried", "=1=hush"));
        cr_assert_eq(mode_of("/run/vks/pods/" UID "/env/c.carried"), 0600);
        cr_assert_not(strstr(line, "hush"), "%s", line);
        a->c.n_hidden = 0, a->words[1] = STR("9");
        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        cr_assert(holds(SLEEP_DROPIN, "ExecStart=\"/usr/bin/sleep\" \"9\"\n"));
        cr_assert_not(is_there("/run/vks/pods/" UID "/env/c.carried"), "nobody needs it any more");
}

Test(helper_write, one_line_is_left_in_the_journal_and_no_secret_in_it)
{
        struct asked *a = sleeper();

        a->env.name = STR("A"), a->env.value = (ProtobufCBinaryData){ 6, (uint8_t *)STR("secret") }, a->c.n_env = 1;
        write_pod(a);
        cr_assert_eq(lines, 1);
        cr_assert(strstr(line, "VKS_VERB=write\n") && strstr(line, "VKS_POD_UID=" UID "\n") &&
                          strstr(line, "VKS_SUBJECT=default/web\n") && strstr(line, "VKS_RESULT=0\n") &&
                          strstr(line, "VKS_RULE=\n") && strstr(line, "PRIORITY=6\n"),
                  "%s", line);
        cr_assert_not(strstr(line, "secret"));
        put_policy("program = /opt/*");
        a->words[0] = STR("/usr/bin/sleep");
        write_pod(a);
        cr_assert_eq(lines, 1);
        cr_assert(strstr(line, "VKS_RESULT=-1\n") && strstr(line, "VKS_RULE=program\n") && strstr(line, "PRIORITY=4\n"),
                  "%s", line);
}

Test(helper_write, no_word_of_a_request_makes_a_line_of_its_own)
{
        struct asked *a = sleeper();

        pod.name = STR("web\nMESSAGE=start default/x: done\x1b[2J");
        cr_assert_eq(write_pod(a), -EINVAL);
        cr_assert(strstr(line, "MESSAGE=write default/web?MESSAGE=start default/x: done?[2J: ") &&
                          strstr(line, "VKS_SUBJECT=default/web?MESSAGE="),
                  "%s", line);
        pod.name = STR("web");
        a->disk.name = STR("a\nb\xff\xc3\xa4");
        cr_assert_eq(write_pod(a), -EINVAL);
        cr_assert(strstr(line, ": volume \"a?b?\xc3\xa4\": "), "%s", line);
        expect(-EINVAL, "volume \"a?b?\xc3\xa4\": ");
        a->disk.name = STR("\xc3\xa4");
        cr_assert_eq(write_pod(a), -EINVAL);
        expect(-EINVAL, "volume \"\xc3\xa4\": ");
        a->disk.name = STR("disk"), pod.uid = STR("a\nb");
        cr_assert_eq(write_pod(a), -EINVAL);
        cr_assert(strstr(line, "VKS_POD_UID=\n"), "what is no uid is none: %s", line);
}

Test(helper_write, what_systemd_has_loaded_is_not_written_again)
{
        struct asked *a = sleeper();

        cr_assert_eq(write_pod(a), 0);
        a->words[1] = STR("10");
        pid1.units[0].unit = unit, pid1.units[0].state = "active";
        cr_assert_eq(write_pod(a), 0);
        cr_assert(holds(SLEEP_DROPIN, "\"9\""));
        pid1.units[0].unit = NULL;
        cr_assert_eq(write_pod(a), 0);
        cr_assert(holds(SLEEP_DROPIN, "\"10\""));
        fail("GetUnit", DENIED);
        cr_assert_eq(write_pod(a), -EACCES);
        expect(-EACCES, "GetUnit " SLEEP ": as told");
        cr_assert(is_there(SLEEP_FILE), "an old pod's files stay when it cannot be written again");
}

/* The helper may be killed at any moment: then nothing can be started that is one half of this and one of that. */
Test(helper_write, a_unit_that_is_written_again_goes_first_and_comes_back_last)
{
        struct asked *a = sleeper();
        int watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
        _Alignas(struct inotify_event) char events[8192];
        char order[1024] = "";

        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        cr_assert(inotify_add_watch(watch, UNIT_DIR, IN_DELETE | IN_MOVED_TO) > 0 &&
                  inotify_add_watch(watch, UNIT_DIR "/" SLEEP ".d", IN_MOVED_TO) > 0 &&
                  inotify_add_watch(watch, "/run/vks/pods/" UID "/env", IN_MOVED_TO) > 0);
        a->env.name = STR("LD_PRELOAD"), a->env.value = (ProtobufCBinaryData){ 2, (uint8_t *)STR("/x") };
        a->c.n_env = 1;
        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        ssize_t n = read(watch, events, sizeof(events));
        for (char *at = events; n > 0 && at < events + n; at += sizeof(struct inotify_event)) {
                const struct inotify_event *event = (const struct inotify_event *)(const void *)at;

                snprintf(order + strlen(order), sizeof(order) - strlen(order), "%s%s\n",
                         event->mask & IN_DELETE ? "-" : "", event->name);
                at += event->len;
        }
        cr_assert_str_eq(order, "-" SLEEP "\nc\nvks.conf\n" SLEEP "\n");
        fd_close(watch);
}

Test(helper_write, an_earlier_pod_of_the_name_is_in_the_way)
{
        struct asked *a = sleeper();

        cr_assert_eq(write_pod(a), 0);
        pod.uid = STR(OTHER);
        cr_assert_eq(write_pod(a), -EEXIST);
        expect(-EEXIST, "belongs to an earlier pod of this name");
        cr_assert_not(is_there("/run/vks/pods/" OTHER), "what was made for it is gone again");
        cr_assert(holds(SLEEP_DROPIN, UID));
}

Test(helper_write, what_cannot_be_written_whole_is_not_written)
{
        struct asked *a = sleeper();

        a->m.n_containers = 2, a->c2.image = STR("/usr/bin/no-such-program"), a->words[0] = STR("no such program");
        a->c2.command = a->words, a->c2.n_command = 1;
        cr_assert_eq(write_pod(a), -ENOENT);
        expect(-ENOENT, "container c: command: there is no program \"no such program\"");
        nothing_is_left();
        a->c.n_command = 0;
        write_pod(a);
        expect(-ENOENT, "container d: command: there is no program \"no such program\"");
        nothing_is_left();
        a->c2.n_command = 0, a->m.n_volumes = 4, a->path.path = STR("/srv/not-there"), a->path.type = STR("Directory");
        with_mount(a, "host", "/data");
        put_policy("host-path = /srv rw");
        write_pod(a);
        expect(-ENOENT, "container c: hostPath /srv/not-there");
        nothing_is_left();
}

/* As with a path: the container's run fails, and whoever counts runs that fail counts it. */
Test(helper_write, that_a_program_is_nowhere_is_for_pid_1_to_say)
{
        struct asked *a = sleeper();

        a->words[0] = STR("no-such-program");
        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        cr_assert(holds(SLEEP_DROPIN, "ExecStart=\"/usr/bin/no-such-program\" \"9\"\n"));
        put_policy("program = /usr/bin/sleep");
        cr_assert_eq(write_pod(a), -EPERM);
        cr_assert_str_eq(reply->rule, "program");
}

Test(helper_write, a_host_path_is_bound)
{
        struct asked *a = sleeper();

        put_policy("host-path = /srv rw");
        own_directory("/srv", NULL);
        a->m.n_volumes = 4, a->path.path = STR("/srv/new"), a->path.type = STR("DirectoryOrCreate");
        with_mount(a, "host", "/tmp/host");
        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        cr_assert(is_there("/srv/new") && holds(SLEEP_DROPIN, "BindPaths=\"/srv/new\":\"/tmp/host\""));
        cr_assert(holds(SLEEP_DROPIN, "CapabilityBoundingSet=~CAP_MKNOD CAP_SETFCAP\n"));
}

Test(helper_write, a_host_path_that_is_only_read_takes_nothing_away)
{
        struct asked *a = sleeper();

        put_policy("host-path = /srv rw");
        own_directory("/srv", NULL);
        a->m.n_volumes = 4, a->path.path = STR("/srv/new"), a->path.type = STR("DirectoryOrCreate");
        with_mount(a, "host", "/tmp/host");
        a->mount.read_only = true;
        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        cr_assert(holds(SLEEP_DROPIN, "BindReadOnlyPaths=\"/srv/new\":\"/tmp/host\"") &&
                  !holds(SLEEP_DROPIN, "CapabilityBoundingSet="));
}

Test(helper_write, a_node_takes_no_more_units_than_its_root_says)
{
        struct asked *a = sleeper();

        put_policy("max-units = 1");
        cr_assert_eq(write_pod(a), 0);
        cr_assert_eq(write_pod(a), 0, "again is not one more");
        pod.name = STR("other"), pod.uid = STR(OTHER);
        cr_assert_eq(write_pod(a), -EPERM);
        cr_assert_str_eq(reply->rule, "max-units");
        expect(-EPERM, "policy rule max-units: this node takes 1");
        pod.name = STR("web"), pod.uid = STR(UID);
        cr_assert_not(is_there("/run/vks/pods/" OTHER));
        a->m.n_containers = 2; /* beside one that is there already */
        cr_assert_eq(write_pod(a), -EPERM);
        cr_assert_str_eq(reply->rule, "max-units");
        a->m.n_containers = 1;
        cr_assert_eq(units(VERB_remove, NULL, true), 0, "%s", reply->text);
        pod.name = STR("other"), pod.uid = STR(OTHER);
        cr_assert_eq(write_pod(a), 0, "there is room again: %s", reply->text);
}

Test(helper_write, a_host_path_that_somebody_could_swap_is_refused)
{
        struct asked *a = sleeper();

        put_policy("host-path = /srv rw");
        own_directory("/srv", "mode=0777");
        cr_assert_eq(mkdir("/srv/x", 0755), 0);
        a->m.n_volumes = 4, a->path.path = STR("/srv/x");
        with_mount(a, "host", "/data");
        cr_assert_eq(write_pod(a), -EPERM);
        cr_assert_str_eq(reply->rule, "host-path");
        cr_assert_eq(chmod("/srv", 0755), 0);
        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
}

/* It removes a file of another name, and the machine's /run would have one more for each container that ever was. */
Test(helper_write, what_pid_1_forgets_to_remove_of_a_unit_goes_with_it)
{
        make("/run/systemd/units");
        put("/run/systemd/units/log-extra-fields:" SLEEP, "x", 0644);
        put("/run/systemd/units/log-extra-fields:other.service", "x", 0644);
        cr_assert_eq(write_pod(sleeper()), 0, "%s", reply->text);
        cr_assert_eq(units(VERB_remove, NULL, true), 0, "%s", reply->text);
        cr_assert_not(is_there("/run/systemd/units/log-extra-fields:" SLEEP));
        cr_assert(is_there("/run/systemd/units/log-extra-fields:other.service"));
}

/* With the word before it, it would be no name of a file. */
Test(helper_write, a_unit_of_a_long_name_goes_with_all_that_it_has)
{
        struct asked *a = sleeper();
        char namespace[ID_LABEL_MAX + 1] = "", image[160] = "/usr/bin/";

        memset(namespace, 'n', ID_LABEL_MAX);
        memset(image + strlen(image), 'x', 138);
        pod.namespace_ = namespace, a->c.image = image;
        make("/run/systemd/units");
        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        cr_assert_eq(units(VERB_remove, NULL, true), 0, "%s", reply->text);
        nothing_is_left();
}

/* By what is left the unit is still known to be the pod's. */
Test(helper_write, a_removal_that_was_interrupted_leaves_nothing_that_nobody_knows_of)
{
        static const char *const ways[] = { "/run/systemd/units/log-extra-fields:" SLEEP, LOG_DIR "/" UID ".c.out" };

        make("/run/systemd/units");
        for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
                cr_assert_eq(write_pod(sleeper()), 0, "%s", reply->text);
                put(ways[i], "", 0644);
                cr_assert_eq(mount(ways[i], ways[i], NULL, MS_BIND, NULL), 0, "%s", strerror(errno));
                cr_assert_eq(units(VERB_remove, NULL, true), -EBUSY, "%s", reply->text);
                cr_assert_eq(umount2(ways[i], MNT_DETACH), 0);
                cr_assert_eq(units(VERB_remove, NULL, true), 0, "%s", reply->text);
                nothing_is_left();
        }
}

Test(helper_write, variables_that_are_too_many_are_refused_and_not_cut)
{
        struct asked *a = sleeper();
        size_t n = 1024 * 1024 - strlen("a.b") - 2; /* as much as there may be, and one word more */
        CLEANUP(freep) char *value = xcalloc(n, 1);
        Vks__Word hush = VKS__WORD__INIT, *hidden[] = { &hush };

        memset(value, '"', n);
        hush.index = 1, hush.value = STR("hush"), a->c.hidden = hidden, a->c.n_hidden = 1;
        a->env.name = STR("a.b"), a->env.value = (ProtobufCBinaryData){ n, (uint8_t *)value }, a->c.n_env = 1;
        write_pod(a);
        expect(-E2BIG, "container c: writing ");
        nothing_is_left();
}

Test(helper_write, the_units_of_one_pod_have_so_much_text_and_no_more)
{
        enum { SIZE = 100 * 1024 };
        struct asked *a = sleeper();
        CLEANUP(freep) char *word = xcalloc(SIZE + 1, 1);
        char *args[] = { word }, name[16];
        unsigned n = 0;
        int r = 0;

        memset(word, '\x01', SIZE); /* four bytes each, in a unit's text */
        a->c.args = args, a->c.n_args = 1, a->c.shares_image = true, a->c.name = name;
        for (; r == 0 && n < 64; n++) {
                snprintf(name, sizeof(name), "c%u", n);
                r = write_pod(a);
        }
        cr_assert_eq(n, 10, "%u: %s", n, reply->text);
        expect(-E2BIG, "container c9: writing vks.");
        cr_assert(strstr(reply->text, "the units of one pod may have 4 MiB of text"), "%s", reply->text);
        snprintf(name, sizeof(name), "c8");
        cr_assert_eq(write_pod(a), 0, "what is written again is not counted twice: %s", reply->text);
}

Test(helper_write, a_quarter_of_the_machines_run_is_not_for_units)
{
        struct asked *a = sleeper();
        int other;

        own_directory(UNIT_DIR, "mode=0755,size=64k");
        fd_close(machine.units);
        machine.units = open_dir(UNIT_DIR);
        other = openat(machine.units, "other", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        cr_assert_eq(fallocate(other, 0, 0, 40 * 1024), 0);
        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        cr_assert_eq(fallocate(other, 0, 0, 52 * 1024), 0);
        cr_assert_eq(write_pod(a), -ENOSPC);
        expect(-ENOSPC, "/run/systemd/system is three quarters full");
        fd_close(other);
        cr_assert_eq(umount2(UNIT_DIR, MNT_DETACH), 0);
}

/* A machine that still has room for so many files, or so many pages, and one more each time until it is enough: what
 * cannot be written says so, and leaves nothing. */
Test(helper_write, on_a_full_machine_nothing_is_half_done, .timeout = 1200)
{
        static const struct {
                const char *place, *limit;
                int unit, *fd;
        } cases[] = { { UNIT_DIR, "nr_inodes", 1, &machine.units },
                      { POD_RUN_DIR, "nr_inodes", 1, &machine.pods },
                      { POD_DISK_DIR, "nr_inodes", 1, &machine.disk },
                      { UNIT_DIR, "size", 4096, &machine.units },
                      { POD_RUN_DIR, "size", 4096, &machine.pods } };
        struct asked *a = sleeper();
        char pages[2 * 4096];

        with_mount(a, "disk", "/var/cache/x/y");
        memset(pages, 'x', sizeof(pages));
        a->env.name = STR("A"), a->env.value = (ProtobufCBinaryData){ sizeof(pages), (uint8_t *)pages }, a->c.n_env = 1;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                int old = *cases[i].fd, failures = 0;
                bool enough[2] = { false };

                for (int room = 2; room < 400 && !(enough[0] && enough[1]); room++) {
                        char options[64];

                        snprintf(options, sizeof(options), "mode=0700,%s=%d", cases[i].limit, room / 2 * cases[i].unit);
                        own_directory(cases[i].place, options);
                        *cases[i].fd = open_dir(cases[i].place);
                        a->c.writes_var = room % 2;
                        if (write_pod(a) == 0) {
                                enough[room % 2] = true;
                                cr_assert_eq(units(VERB_remove, NULL, true), 0, "%s", reply->text);
                        } else {
                                failures++;
                                expect(-ENOSPC, "No space left on device");
                        }
                        nothing_is_left();
                        fd_close(*cases[i].fd);
                        cr_assert_eq(umount2(cases[i].place, MNT_DETACH), 0);
                }
                cr_assert(enough[0] && enough[1] && failures > 0, "%s %s", cases[i].place, cases[i].limit);
                *cases[i].fd = old;
        }
}

Test(helper_write, the_machines_var_is_a_layer_below_the_pods_own)
{
        struct asked *a = sleeper();

        a->c.writes_var = true;
        with_mount(a, "disk", "/var/lib/thing");
        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        cr_assert(holds("/run/systemd/system/" MOUNT, "Options=lowerdir=/var,upperdir=/run/vks/pods/" UID "/upper,"));
        cr_assert(is_there("/run/vks/pods/" UID "/work") && !is_there("/run/vks/pods/" UID "/var/lib"));
        cr_assert(holds(SLEEP_DROPIN, "Requires=" MOUNT "\n"));
        cr_assert_eq(units(VERB_remove, NULL, true), 0, "%s", reply->text);
        cr_assert_str_eq(pid1.asked, "GetUnit " SLEEP "\nStopUnit " MOUNT "\nResetFailedUnit " MOUNT
                                     "\nStopUnit kubepods-besteffort-pod0f6c2a9e_1234_4abc_8def_0123456789ab.slice\n");
        nothing_is_left();
}

/* ---- programs on the pod's own ground ---------------------------------------------------------------------------- */

Test(helper_write, a_program_is_what_the_machines_links_and_the_pods_mounts_make_of_its_path)
{
        struct asked *a = sleeper();

        own_directory("/srv", "mode=0755");
        cr_assert(mkdir("/srv/real", 0755) == 0 && mkdir("/srv/bin", 0755) == 0);
        put("/srv/real/tool", "", 0755);
        cr_assert_eq(symlink("../real/tool", "/srv/bin/tool"), 0);
        put_policy("program = /srv/bin/* /opt/x");
        a->words[0] = STR("/srv/bin/tool"), a->c.image = STR("/opt/x");
        cr_assert_eq(write_pod(a), 0, "the machine's: %s", reply->text);
        cr_assert_eq(units(VERB_remove, NULL, true), 0);
        with_mount(a, "disk", "/srv/real");
        cr_assert_eq(write_pod(a), -EPERM, "the pod's, by a link of the machine's");
        cr_assert_str_eq(reply->rule, "program");
        expect(-EPERM, "/srv/real/tool is not allowed, since it is the pod's own");
        a->mount.path = STR("/srv/bin");
        cr_assert_eq(write_pod(a), -EPERM);
        expect(-EPERM, "/srv/bin/tool is not allowed, since it is the pod's own");
        put_policy("program = /srv/bin/* /opt/x pod");
        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
}

Test(helper_write, a_program_of_the_pods_own_runs_by_default_but_never_as_root)
{
        struct asked *a = sleeper();

        a->words[0] = STR("/scripts/run.sh");
        with_mount(a, "files", "/scripts");
        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        cr_assert(holds(SLEEP_DROPIN, "\nExecStart=\"/scripts/run.sh\" \"9\"\n") &&
                  holds(SLEEP_DROPIN, "\nUser=vks-pod\n") && holds(SLEEP_DROPIN, "\nNoNewPrivileges=yes\n"));
        cr_assert_eq(units(VERB_remove, NULL, true), 0);
        put_policy("root = allow");
        cr_assert_eq(write_pod(a), -EPERM);
        cr_assert_str_eq(reply->rule, "program");
        expect(-EPERM, "/scripts/run.sh is the pod's own, and such a program does not run as root");
        a->c.run_as_user = &a->user, a->user.value = 0;
        cr_assert_eq(write_pod(a), -EPERM);
        a->user.value = 1000;
        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
}

Test(helper_write, no_mount_point_is_made_where_a_pod_has_put_something)
{
        struct asked *a = sleeper();

        cr_assert_eq(write_pod(a), 0);
        cr_assert_eq(symlink("/etc", "/run/vks/pods/" UID "/tmp/x"), 0);
        with_mount(a, "memory", "/tmp/x/vks-was-here");
        write_pod(a);
        expect(-EPERM,
               "container c: policy rule mount-target: mountPath /tmp/x/vks-was-here: a symbolic link is on the way");
        cr_assert_not(is_there("/etc/vks-was-here"));
}
