/* SPDX-License-Identifier: Apache-2.0 */
/* EXEC: commands beside a container. */
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "tests/unit/helper/asking.h"

TestSuite(helper_command, .init = setup, .fini = teardown);

Test(helper_command, a_command_is_a_unit_of_its_own_beside_the_containers)
{
        char *words[] = { STR("sleep"), STR("$A %n") };
        struct asked *a = sleeper();

        cr_assert_eq(exec(a, 1, words, 2), -ENOENT, "the pod was never written");
        expect(-ENOENT, "container c of pod default/web was not started");
        a->env.name = STR("A"), a->env.value = (ProtobufCBinaryData){ 6, (uint8_t *)STR("secret") }, a->c.n_env = 1;
        with_mount(a, "disk", "/tmp/cache/x");
        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        cr_assert_eq(exec(a, 1, words, 2), 0, "%s", reply->text);
        cr_assert(strstr(pid1.asked, "StartTransientUnit " BESIDE "0000000000000001.service\n"), "%s", pid1.asked);
        cr_assert_eq(pid1.n_streams, 3);
        cr_assert(strstr(line, "default/web" BESIDE "0000000000000001.service c: sleep for alice") ||
                          strstr(line, "c: sleep for alice"),
                  "%s", line);
        cr_assert(holds(BESIDE_FILE, "[X-Kubernetes]\nUID=" UID "\n"));
        cr_assert(holds(BESIDE_FILE, "RootDirectory=\n"));
        cr_assert(holds(BESIDE_FILE, "\"/var/lib/vks/pods/" UID "/volumes/disk\":\"/tmp/cache/x\""));
        cr_assert_not(holds(BESIDE_FILE, "ExecStart") || holds(BESIDE_FILE, "secret"));
        cr_assert_not(is_there("/run/vks/pods/" UID "/env/c.beside"), "its variables are in a file that PID 1 reads");
        cr_assert_eq(exec(a, 2, words, 2), 0, "%s", reply->text);
        a->c.name = STR("d"); /* the same image, and so the unit's name */
        cr_assert_eq(exec(a, 3, words, 2), -ENOENT, "the unit is another container's");
        cr_assert_not(is_there(UNIT_DIR "/vks-exec-" UID "-d-.service.d"));
        a->c.name = STR("c");
        fail("StartTransientUnit", "org.freedesktop.systemd1.UnitExists");
        cr_assert_eq(exec(a, 2, words, 2), -EEXIST);
        fail("StartTransientUnit", DENIED);
        cr_assert_neq(exec(a, 3, words, 2), 0);
        machine.jobs = 200; /* so many that PID 1 is asked */
        fail("NJobs", DENIED);
        cr_assert_neq(exec(a, 3, words, 2), 0);
        machine.jobs = 0;
        fail(NULL, NULL);
        words[0] = STR("no-such-program");
        cr_assert_eq(exec(a, 3, words, 1), -ENOENT);
        words[0] = STR("sleep");
        put_policy("exec = kube-*\n");
        cr_assert_eq(exec(a, 4, words, 1), -EPERM);
        cr_assert_str_eq(reply->rule, "exec");
        put_policy("");
        cr_assert_eq(units(VERB_remove, NULL, true), 0, "%s", reply->text);
        nothing_is_left();
}

Test(helper_command, words_and_users_that_only_vks_exec_can_bring_are_in_a_file_of_roots)
{
        Vks__Word hush = VKS__WORD__INIT, *hidden[] = { &hush };
        char *words[] = { STR("sleep") };
        struct asked *a = sleeper();

        a->env.name = STR("odd.name"), a->env.value = (ProtobufCBinaryData){ 1, (uint8_t *)STR("v") }, a->c.n_env = 1;
        hush.index = 1, hush.value = STR("hush"), a->c.hidden = hidden, a->c.n_hidden = 1;
        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        cr_assert_eq(exec(a, 1, words, 1), 0, "%s", reply->text);
        cr_assert(holds("/run/vks/pods/" UID "/env/c.beside", "odd.name=v"));
        cr_assert_not(holds("/run/vks/pods/" UID "/env/c.beside", "hush"), "the word is the container's");
        cr_assert_eq(mode_of("/run/vks/pods/" UID "/env/c.beside"), 0600);
        cr_assert(holds(BESIDE_FILE, "LoadCredential=vks-env:/run/vks/pods/" UID "/env/c.beside\n"));
}

/* A pipe and the far end of a terminal that the agent has made become the command's user's; nothing else does. */
Test(helper_command, streams_made_for_a_command_become_its_users)
{
        char *words[] = { STR("sleep") };
        int made[2], others[2], terminal = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
        CLEANUP(freep) char *fifo = NULL;
        struct asked *a = sleeper();
        struct stat st;

        cr_assert(pipe2(made, O_CLOEXEC) == 0 && pipe2(others, O_CLOEXEC) == 0);
        fifo = xasprintf("/proc/self/fd/%d", made[0]);
        cr_assert_eq(fchown(made[0], 990, 990), 0);
        stream_fd[0] = made[0], stream_fd[1] = others[1];
        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        cr_assert_eq(exec(a, 1, words, 1), 0, "%s", reply->text);
        cr_assert_eq(fstat(made[0], &st), 0);
        cr_assert_eq(st.st_uid, 991, "vks-pod's");
        cr_assert_eq(st.st_gid, 990);
        cr_assert_eq(fstat(others[1], &st), 0);
        cr_assert_eq(st.st_uid, 0, "what was never the agent's");
        cr_assert_eq(unlockpt(terminal), 0);
        stream_fd[2] = ioctl(terminal, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
        cr_assert_eq(fchown(stream_fd[2], 990, 990), 0);
        cr_assert_eq(exec(a, 2, words, 1), 0, "%s", reply->text);
        cr_assert_eq(fstat(stream_fd[2], &st), 0);
        cr_assert_eq(st.st_uid, 991, "a terminal's far end");
        cr_assert_eq(fchown(made[0], 990, 990), 0);
        fd_close(made[0]), fd_close(others[1]);
        stream_fd[0] = open("/dev/null", O_RDWR | O_CLOEXEC), stream_fd[1] = open("/dev/null", O_RDWR | O_CLOEXEC);
}

/* By anything but a stream a command could get to what lies outside of its view of the machine. */
Test(helper_command, what_is_no_stream_is_no_commands)
{
        char *words[] = { STR("sleep") };
        CLEANUP(freep) char *fifo = NULL;
        struct asked *a = sleeper();
        int pair[2], tube[2];

        cr_assert(pipe2(tube, O_CLOEXEC) == 0 && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
        fifo = xasprintf("/proc/self/fd/%d", tube[0]);
        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        put("/run/file", "", 0644);
        int odd[] = { open_dir("/"),
                      open("/", O_PATH | O_CLOEXEC),
                      open("/run/file", O_RDWR | O_CLOEXEC),
                      open("/dev/zero", O_RDWR | O_CLOEXEC),
                      open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC),
                      open("/dev/null", O_PATH | O_CLOEXEC),
                      open(fifo, O_PATH | O_CLOEXEC),
                      pair[0],
                      memfd_create("x", MFD_CLOEXEC),
                      epoll_create1(EPOLL_CLOEXEC) };
        for (size_t i = 0; i < ARRAY_LEN(odd); i++)
                for (size_t k = 0; k < WIRE_N_STREAMS; k++) {
                        int null = stream_fd[k];

                        stream_fd[k] = odd[i];
                        cr_assert_eq(exec(a, 1, words, 1), -EINVAL, "%zu as %zu", i, k);
                        expect(-EINVAL, "is neither a pipe nor a terminal nor /dev/null");
                        cr_assert_str_eq(pid1.asked, "");
                        stream_fd[k] = null;
                }
        for (size_t i = 0; i < ARRAY_LEN(odd); i++)
                fd_close(odd[i]);
        cr_assert_not(is_there(BESIDE_FILE), "nothing was written");
        stream_fd[0] = tube[0];
        cr_assert_eq(exec(a, 1, words, 1), 0, "%s", reply->text);
        fd_close(pair[1]), fd_close(tube[1]);
}

/*
 * PID 1 reads the drop-in again at a daemon-reload, and the command line of a unit that waits is from before. So as
 * long as it knows of one no other text is written: with the walls of a user that nobody knows the line of a known
 * one's command would be root's.
 */
Test(helper_command, the_walls_of_a_command_that_waits_stay)
{
        char *words[] = { STR("sleep") };
        struct asked *a = redis("[Service]\nExecStart=/usr/bin/redis\nUser=redis\nPrivateUsers=no\n");

        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        cr_assert_eq(exec(a, 1, words, 1), 0, "%s", reply->text);
        pid1.units[0].unit = BESIDE "0000000000000001.service", pid1.units[0].state = "inactive", pid1.job = 7;
        cr_assert_eq(exec(a, 2, words, 1), 0, "the same text: %s", reply->text);
        put(REDIS, "[Service]\nExecStart=/usr/bin/redis\nUser=redis\nPrivateUsers=yes\n", 0644);
        cr_assert_eq(exec(a, 3, words, 1), -EAGAIN);
        expect(-EAGAIN, "what the machine says of container c has changed");
        cr_assert(holds(BESIDE_FILE, "PrivateUsers=no"));
        fail("ListUnitsByPatterns", DENIED);
        cr_assert_neq(exec(a, 3, words, 1), 0);
        fail(NULL, NULL);
        pid1.job = 0, pid1.units[0].unit = NULL;
        cr_assert_eq(exec(a, 3, words, 1), 0, "%s", reply->text);
        cr_assert(holds(BESIDE_FILE, "PrivateUsers=yes"));
}

/* The one whom nobody knows is who vks-exec becomes; no line but vks-exec's, which says so itself, is root. */
Test(helper_command, no_walls_of_a_command_are_without_a_user)
{
        char *words[] = { STR("sleep") };
        struct asked *a = sleeper();

        a->user.value = 4711, a->c.run_as_user = &a->user;
        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        cr_assert_eq(exec(a, 1, words, 1), 0, "%s", reply->text);
        cr_assert(holds(BESIDE_FILE, "\nUser=vks-pod\n"));
}

/* Who the container is, and what it sees, is what WRITE was asked for. */
Test(helper_command, a_command_is_asked_for_as_its_container_was)
{
        char *words[] = { STR("sleep") };
        struct asked *a = sleeper();
        Vks__Limits limits = VKS__LIMITS__INIT;

        put_policy("host-path = /srv rw\n");
        with_mount(a, "disk", "/tmp/cache");
        a->m.n_volumes = 4;
        limits.cpu_weight = 1, a->m.limits = &limits, a->c.limits = &limits, a->c.oom_score_adjust = 1000;
        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        a->c.mark = 7, a->c.restart = VKS__RESTART__RESTART_ALWAYS, a->c.console = true, a->c.writes_var = true;
        a->c.stop_signal = STR("SIGINT"), a->m.limits = NULL, a->c.limits = NULL, a->c.oom_score_adjust = 0;
        a->m.n_volumes = 1;
        cr_assert_eq(exec(a, 1, words, 1), 0, "how it lives is not asked: %s", reply->text);
#define REFUSED(set, reset)                                                                                            \
        do {                                                                                                           \
                set;                                                                                                   \
                cr_assert_eq(exec(a, 2, words, 1), -ESTALE, #set ": %d: %s", reply->error, reply->text);               \
                expect(-ESTALE, "was started as another one");                                                         \
                cr_assert_str_eq(pid1.asked, "");                                                                      \
                reset;                                                                                                 \
        } while (0)
        a->user.value = 4711, a->group.value = 4711;
        REFUSED(a->c.run_as_user = &a->user, a->c.run_as_user = NULL);
        REFUSED(a->c.run_as_group = &a->group, a->c.run_as_group = NULL);
        REFUSED(a->c.run_as_non_root = true, a->c.run_as_non_root = false);
        REFUSED(a->c.no_new_privileges = true, a->c.no_new_privileges = false);
        REFUSED(a->c.read_only_root = true, a->c.read_only_root = false);
        REFUSED(a->c.filter_system_calls = true, a->c.filter_system_calls = false);
        REFUSED(a->c.drop_capabilities = 1, a->c.drop_capabilities = 0);
        REFUSED(a->c.reads_files = true, a->c.reads_files = false);
        REFUSED((a->c.groups = &(uint32_t){ 2000 }, a->c.n_groups = 1), a->c.n_groups = 0);
        REFUSED(a->mount.path = STR("/tmp/other"), a->mount.path = STR("/tmp/cache"));
        REFUSED(a->mount.read_only = true, a->mount.read_only = false);
        REFUSED(a->c.n_mounts = 0, a->c.n_mounts = 1);
        REFUSED(a->c.working_dir = STR("/tmp"), a->c.working_dir = STR(""));
        REFUSED(a->m.qos = VKS__QOS__QOS_GUARANTEED, a->m.qos = VKS__QOS__QOS_BEST_EFFORT);
        REFUSED(a->on_disk.memory = true, a->on_disk.memory = false);
        REFUSED((a->disk.source_case = VKS__VOLUME__SOURCE_HOST_PATH, a->disk.host_path = &a->path),
                (a->disk.source_case = VKS__VOLUME__SOURCE_EMPTY_DIR, a->disk.empty_dir = &a->on_disk));
#undef REFUSED
        cr_assert_eq(exec(a, 2, words, 1), 0, "%s", reply->text);
        put("/run/vks/pods/" UID "/units/" SLEEP, "c", 0600);
        cr_assert_eq(exec(a, 3, words, 1), -ESTALE, "an older vks kept no more");
        cr_assert_eq(units(VERB_start, SLEEP, false), 0, "%s", reply->text);
        cr_assert_eq(units(VERB_remove, NULL, true), 0, "%s", reply->text);
        nothing_is_left();
}

/* A command that waited for the container's end would begin when nothing ends it any more. */
Test(helper_command, no_command_begins_beside_a_container_that_is_not_up)
{
        static const struct {
                const char *state, *job;
                bool up;
        } cases[] = { { "active", "", true },          { "active", "stop", false },
                      { "active", "restart", false },  { "activating", "start", true },
                      { "activating", "", false },     { "activating", "stop", false },
                      { "reloading", "reload", true }, { "deactivating", "stop", false },
                      { "inactive", "", false },       { "inactive", "start", false },
                      { "failed", "", false } };
        char *words[] = { STR("sleep") };
        struct asked *a = sleeper();

        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                pid1.named = cases[i].state, pid1.named_job = cases[i].job;
                cr_assert_eq(exec(a, i, words, 1), cases[i].up ? 0 : -EAGAIN, "%s, %s: %s", cases[i].state,
                             cases[i].job, reply->text);
                cr_assert(cases[i].up || strstr(reply->text, "does not run, or is about to end"), "%s", reply->text);
        }
        pid1.named = pid1.named_job = NULL;
        fail("ListUnitsByNames", DENIED);
        cr_assert_neq(exec(a, 20, words, 1), 0);
}

/* Not while one waits, either; and what its commands had goes with a unit, be the pod's others there or not. */
Test(helper_command, a_unit_goes_after_its_commands_and_with_what_they_had)
{
        char *words[] = { STR("sleep") };
        struct asked *a = sleeper();

        for (int whole = 0; whole < 2; whole++) {
                cr_assert_eq(write_pod(a), 0, "%s", reply->text);
                cr_assert_eq(exec(a, 1, words, 1), 0, "%s", reply->text);
                pid1.units[0].unit = BESIDE "0000000000000001.service", pid1.units[0].state = "inactive", pid1.job = 7;
                cr_assert_eq(units(VERB_remove, whole ? NULL : SLEEP, whole), -EBUSY);
                expect(-EBUSY, BESIDE "0000000000000001.service still runs");
                cr_assert(is_there(SLEEP_FILE) && is_there(BESIDE_FILE), "by it the command is stopped");
                pid1.job = 0;
                cr_assert_eq(units(VERB_remove, whole ? NULL : SLEEP, whole), 0, "%s", reply->text);
                cr_assert_not(is_there(UNIT_DIR "/" BESIDE ".service.d"));
                cr_assert_not(is_there("/run/vks/pods/" UID "/units/" BESIDE ".service"));
                pid1.units[0].unit = NULL;
        }
        nothing_is_left();
}

Test(helper_command, a_command_for_which_no_file_can_be_written_is_not_begun)
{
        char *words[] = { STR("sleep") };
        struct asked *a = sleeper();
        CLEANUP(freep) char *big = xcalloc((1 << 20) + 8, 1);

        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        memset(big, 'x', (1 << 20) + 7);
        put("/run/vks/pods/" UID "/env/c.carried", big, 0600);
        cr_assert_eq(exec(a, 1, words, 1), -E2BIG);
        cr_assert_eq(unlink("/run/vks/pods/" UID "/env/c.carried"), 0);
        make("/run/vks/pods/" UID "/env/c.carried");
        cr_assert_eq(exec(a, 1, words, 1), -EISDIR);
        cr_assert_eq(rmdir("/run/vks/pods/" UID "/env/c.carried"), 0);
        put(UNIT_DIR "/" BESIDE ".service.d", "", 0644);
        cr_assert_neq(exec(a, 1, words, 1), 0);
        expect(reply->error, "files for a command beside " SLEEP);
        cr_assert_eq(unlink(UNIT_DIR "/" BESIDE ".service.d"), 0);
        make(UNIT_DIR "/" BESIDE ".service.d"), make(UNIT_DIR "/" BESIDE ".service.d/.vks-new");
        cr_assert_neq(exec(a, 1, words, 1), 0);
        expect(reply->error, "files for a command beside " SLEEP);
        cr_assert_eq(rmdir(UNIT_DIR "/" BESIDE ".service.d/.vks-new"), 0);
        cr_assert_eq(unlink("/run/vks/pods/" UID "/units/" SLEEP), 0);
        make("/run/vks/pods/" UID "/units/" SLEEP);
        cr_assert_eq(exec(a, 1, words, 1), -EISDIR);
        expect(reply->error, "account of " SLEEP);
        cr_assert(!strstr(pid1.asked, "StartTransientUnit"), "%s", pid1.asked);
}

/* A stream that was made for the command, and cannot be given to its user. */
Test(helper_command, a_stream_that_stays_the_agents_begins_no_command)
{
        char *words[] = { STR("sleep") };
        struct asked *a = sleeper();
        int terminal, unlocked = 0;

        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        make("/run/pts");
        cr_assert_eq(mount("devpts", "/run/pts", "devpts", 0, "newinstance,ptmxmode=0666"), 0, "%s", strerror(errno));
        terminal = open("/run/pts/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
        cr_assert(ioctl(terminal, TIOCSPTLCK, &unlocked) == 0 && chown("/run/pts/0", 990, 990) == 0, "%s",
                  strerror(errno));
        stream_fd[0] = open("/run/pts/0", O_RDWR | O_NOCTTY | O_CLOEXEC);
        cr_assert_eq(mount(NULL, "/run/pts", NULL, MS_REMOUNT | MS_RDONLY, NULL), 0, "%s", strerror(errno));
        cr_assert_eq(exec(a, 1, words, 1), -EROFS);
        expect(-EROFS, "standard streams");
        fd_close(stream_fd[0]), fd_close(terminal);
        stream_fd[0] = open("/dev/null", O_RDWR | O_CLOEXEC);
        cr_assert_eq(umount2("/run/pts", MNT_DETACH), 0);
}

/* In a directory that all may write to (/dev/shm) it would be somebody else's, by its name and its owner, and the
 * agent's at the other end. */
Test(helper_command, a_pipe_with_a_name_is_nobodys_stream)
{
        char *words[] = { STR("sleep") };
        struct asked *a = sleeper();
        struct stat st;

        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        cr_assert(mkfifo("/run/named", 0600) == 0 && chown("/run/named", 990, 990) == 0);
        stream_fd[0] = open("/run/named", O_RDWR | O_CLOEXEC);
        cr_assert_eq(exec(a, 1, words, 1), -EINVAL);
        expect(-EINVAL, "standard stream 0 is neither a pipe nor a terminal nor /dev/null");
        cr_assert(stat("/run/named", &st) == 0 && st.st_uid == 990);
        fd_close(stream_fd[0]);
        stream_fd[0] = open("/dev/null", O_RDWR | O_CLOEXEC);
}

/* What PID 1 has made for the container is what its commands see, too. */
Test(helper_command, a_command_sees_the_directories_that_its_container_has)
{
        struct asked *a = redis("[Service]\nExecStart=/usr/bin/redis\nUser=redis\nStateDirectory=redis\n");
        char *words[] = { STR("sleep") };

        a->c.writes_var = true;
        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        cr_assert_eq(exec(a, 1, words, 1), 0, "%s", reply->text);
        cr_assert_not(holds(BESIDE_FILE, "/given/var/lib/redis:/var/lib/redis"), "it was not started yet");
        cr_assert_eq(mkdir("/run/vks/pods/" UID "/given", 0755) == 0 || errno == EEXIST, true);
        make("/run/vks/pods/" UID "/given/var");
        make("/run/vks/pods/" UID "/given/var/lib");
        make("/run/vks/pods/" UID "/given/var/lib/redis");
        cr_assert_eq(exec(a, 2, words, 1), 0, "%s", reply->text);
        cr_assert(holds(BESIDE_FILE, "/given/var/lib/redis:/var/lib/redis"));
        cr_assert_not(holds(BESIDE_FILE, "RuntimeDirectory="), "nothing is made, given or taken away");
}

Test(helper_command, commands_are_stopped_and_hold_up_what_would_take_their_ground)
{
        char *words[] = { STR("sleep") };
        struct asked *a = sleeper();

        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        cr_assert_eq(units(VERB_stop, BESIDE "0000000000000001.service", false), -ENOENT, "there is none");
        cr_assert_eq(exec(a, 1, words, 1), 0, "%s", reply->text);
        cr_assert_eq(units(VERB_stop, BESIDE "0000000000000001.service", false), 0, "%s", reply->text);
        cr_assert(strstr(pid1.asked, "StopUnit " BESIDE "0000000000000001.service\n"), "%s", pid1.asked);
        pod.uid = STR("00000000-1234-4abc-8def-0123456789ab");
        cr_assert_eq(units(VERB_stop, BESIDE "0000000000000001.service", false), -ENOENT, "another pod's");
        pod.uid = STR(UID);
        pid1.units[0].unit = BESIDE "0000000000000001.service", pid1.units[0].state = "active";
        cr_assert_eq(units(VERB_remove, NULL, true), -EBUSY);
        expect(-EBUSY, "still runs");
        fail("ListUnitsByPatterns", DENIED);
        cr_assert_neq(units(VERB_remove, NULL, true), 0);
        fail(NULL, NULL);
        pid1.units[0].unit = NULL;
        cr_assert_eq(units(VERB_remove, NULL, true), 0, "%s", reply->text);
        nothing_is_left();
}

/* PID 1 is asked how many there are when a helper begins, and when there may be too many. */
Test(helper_command, no_more_commands_run_than_the_machine_bears)
{
        static char names[PID1_UNITS][ID_UNIT_MAX + 1];
        char *words[] = { STR("sleep") };
        struct asked *a = sleeper();

        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        fail("ListUnitsByPatterns", DENIED);
        machine.execs = 2;
        cr_assert_eq(exec(a, 1, words, 1), -EACCES, "its text is new");
        fail(NULL, NULL);
        cr_assert_eq(exec(a, 1, words, 1), 0, "%s", reply->text);
        cr_assert_eq(machine.execs, 0);
        for (size_t i = 0; i < PID1_UNITS; i++) {
                snprintf(names[i], sizeof(names[i]), BESIDE "%016zx.service", i);
                pid1.units[i].unit = names[i], pid1.units[i].state = "active";
        }
        cr_assert_eq(exec(a, 2, words, 1), -EAGAIN, "as a new helper knows");
        cr_assert_str_eq(reply->rule, "max-execs");
        expect(-EAGAIN, "300 commands run");
        for (size_t i = 100; i < PID1_UNITS; i++)
                pid1.units[i].unit = NULL;
        cr_assert_eq(exec(a, 2, words, 1), 0, "%s", reply->text);
        cr_assert_eq(machine.execs, 155, "with the 100 that there are, and this one");
        machine.execs = 0;
        fail("ListUnitsByPatterns", DENIED);
        cr_assert_neq(exec(a, 3, words, 1), 0);
}
