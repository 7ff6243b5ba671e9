/* SPDX-License-Identifier: Apache-2.0 */
/* The root helper's operations, from the packet to the files: on a machine of each test's own, with a PID 1 that notes
 * what it is asked. */
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sysinfo.h>

#include "common/message.h"
#include "helper/arena.h"
#include "helper/files/dir.h"
#include "helper/helper.h"
#include "policy/policy_conf.h"
#include "tests/unit/machine.h"
#include "tests/unit/pid1.h"

#define OTHER "11111111-1234-4abc-8def-0123456789ab"
#define MOUNT "run-vks-pods-0f6c2a9e\\x2d1234\\x2d4abc\\x2d8def\\x2d0123456789ab-var.mount"

static struct pid1 pid1;
static struct machine machine;
static int ends[2] = { -1, -1 }; /* ends[0]: the agent's, ends[1]: the helper's */
static Vks__Reply *reply;
static char line[4096]; /* the last one that the journal got, and how many of the last request */
static unsigned lines;
static char unit[] = SLEEP;
static int stream_fd[WIRE_N_STREAMS]; /* EXEC's, of which copies are sent */

static int open_dir(const char *path)
{
        int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        cr_assert_geq(fd, 0, "%s", path);
        return fd;
}

static void setup(void)
{
        make_machine();
        machine = (struct machine){ .pods = open_dir(POD_RUN_DIR),
                                    .disk = open_dir(POD_DISK_DIR),
                                    .units = open_dir(UNIT_DIR),
                                    .logs = open_dir(LOG_DIR),
                                    .messages = open_dir(MESSAGE_DIR) };
        machine.policy_file.path = POLICY_FILE;
        put_policy("");
        for (size_t i = 0; i < ARRAY_LEN(stream_fd); i++)
                stream_fd[i] = open("/dev/null", O_RDWR | O_CLOEXEC);
        cr_assert_geq(pid1_start(&pid1, -1, &machine.bus), 0);
        cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
}

static void forget_reply(void)
{
        if (reply)
                vks__reply__free_unpacked(reply, NULL);
        reply = NULL;
}

static void teardown(void)
{
        forget_reply();
        policy_file_forget(&machine);
        cr_assert_not(machine.trash.removing);
        machine.bus = sd_bus_flush_close_unref(machine.bus);
        pid1_join(&pid1);
        fd_close(machine.pods), fd_close(machine.disk), fd_close(machine.units), fd_close(machine.logs),
                fd_close(machine.messages), fd_close(journal), fd_close(ends[0]), fd_close(ends[1]);
        for (size_t i = 0; i < ARRAY_LEN(stream_fd); i++)
                fd_close(stream_fd[i]);
}

TestSuite(helper, .init = setup, .fini = teardown);

/* How many names a directory has. */
static size_t count(int dir)
{
        return dir_count(dir, id_is_filename);
}

/* ---- asking ------------------------------------------------------------------------------------------------------ */

/* A journal that nobody reads would hold the helper up. */
static void read_journal(void)
{
        lines = 0;
        for (ssize_t n; (n = recv(journal, line, sizeof(line) - 1, 0)) > 0; lines++)
                line[n] = '\0';
}

/* What the helper replied; 1 when it replied nothing. The reply's words are in `reply`. */
static int ask(int verb, const ProtobufCMessage *m)
{
        const struct wire_verb *v = NULL;
        ProtobufCMessage *got = NULL;
        struct err e = ERR_NONE;

        forget_reply();
        pid1.asked[0] = '\0';
        int streams[WIRE_N_STREAMS];

        for (size_t i = 0; i < ARRAY_LEN(streams); i++)
                streams[i] = verb == VERB_exec ? fcntl(stream_fd[i], F_DUPFD_CLOEXEC, 3) : -1;
        cr_assert_eq(
                wire_send_request(ends[0], wire_verb_find((uint8_t)verb), m, verb == VERB_exec ? streams : NULL, &e), 0,
                "%s", e.text);
        cr_assert_eq(dispatch(&machine, ends[1], &e), 1, "%s", e.text);
        read_journal();
        cr_assert_eq(wire_recv_reply(ends[0], &v, &got, &e), 1, "%s", e.text);
        cr_assert_eq(v->number, verb);
        reply = (Vks__Reply *)(void *)got;
        return reply->error;
}

static void with_mount(struct asked *a, const char *volume, const char *path)
{
        a->mount.volume = STR(volume), a->mount.path = STR(path), a->c.n_mounts = 1;
}

static int write_pod(const struct asked *a)
{
        return ask(VERB_write, &a->m.base);
}

static int units(int verb, const char *name, bool flag)
{
        Vks__Start start = VKS__START__INIT;
        Vks__Stop stop = VKS__STOP__INIT;
        Vks__Remove gone = VKS__REMOVE__INIT;
        char *names[] = { STR(name) };
        size_t n = name ? 1 : 0;

        start.pod = stop.pod = gone.pod = &pod;
        start.units = stop.units = gone.units = names, start.n_units = stop.n_units = gone.n_units = n;
        start.restart = stop.kill = gone.all = flag;
        return ask(verb, verb == VERB_start ? &start.base : verb == VERB_stop ? &stop.base : &gone.base);
}

static void expect(int r, const char *words)
{
        cr_assert_eq(reply->error, r, "%d: %s", reply->error, reply->text);
        cr_assert(strstr(reply->text, words), "%s", reply->text);
}

static void fail(const char *method, const char *error)
{
        pid1.fail_method = method, pid1.fail_name = error;
}

#define DENIED  "org.freedesktop.DBus.Error.AccessDenied"
#define NO_UNIT "org.freedesktop.systemd1.NoSuchUnit"

/* But for what vks-log needs for the last words, and ends. */
static void nothing_is_left(void)
{
        unlink(LOG_DIR "/" UID ".c" LOG_GONE);
        while (trash_sweep(&machine))
                ;
        cr_assert_eq(count(machine.units), 0);
        cr_assert_eq(count(machine.pods), 0);
        cr_assert_eq(count(machine.disk), 0);
        cr_assert_eq(count(machine.logs), 0);
        cr_assert_eq(count(machine.messages), 0);
}

/* ---- WRITE ------------------------------------------------------------------------------------------------------- */

Test(helper, a_written_pod_is_files_and_nothing_runs)
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
Test(helper, a_hidden_word_stands_in_a_file_of_roots_alone)
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

Test(helper, one_line_is_left_in_the_journal_and_no_secret_in_it)
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

Test(helper, no_word_of_a_request_makes_a_line_of_its_own)
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

Test(helper, what_systemd_has_loaded_is_not_written_again)
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
Test(helper, a_unit_that_is_written_again_goes_first_and_comes_back_last)
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

Test(helper, an_earlier_pod_of_the_name_is_in_the_way)
{
        struct asked *a = sleeper();

        cr_assert_eq(write_pod(a), 0);
        pod.uid = STR(OTHER);
        cr_assert_eq(write_pod(a), -EEXIST);
        expect(-EEXIST, "belongs to an earlier pod of this name");
        cr_assert_not(is_there("/run/vks/pods/" OTHER), "what was made for it is gone again");
        cr_assert(holds(SLEEP_DROPIN, UID));
}

Test(helper, what_cannot_be_written_whole_is_not_written)
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
Test(helper, that_a_program_is_nowhere_is_for_pid_1_to_say)
{
        struct asked *a = sleeper();

        a->words[0] = STR("no-such-program");
        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        cr_assert(holds(SLEEP_DROPIN, "ExecStart=\"/usr/bin/no-such-program\" \"9\"\n"));
        put_policy("program = /usr/bin/sleep");
        cr_assert_eq(write_pod(a), -EPERM);
        cr_assert_str_eq(reply->rule, "program");
}

Test(helper, a_host_path_is_bound)
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

Test(helper, a_host_path_that_is_only_read_takes_nothing_away)
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

Test(helper, a_node_takes_no_more_units_than_its_root_says)
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

Test(helper, a_host_path_that_somebody_could_swap_is_refused)
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

/* ---- a workingDir that is missing -------------------------------------------------------------------------------- */

#define WORK "/var/lib/vks/pods/" UID "/working/c"

static int write_in(struct asked *a, const char *dir)
{
        a->c.working_dir = STR(dir);
        return write_pod(a);
}

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

Test(helper, a_working_dir_that_is_missing_is_made_by_whom_its_ground_says)
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

Test(helper, a_working_dir_is_not_made_where_nothing_may_be_mounted)
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

Test(helper, what_a_pod_has_put_where_its_working_dir_shall_be_is_not_followed_by_root)
{
        struct asked *a = sleeper();

        cr_assert_eq(write_pod(a), 0);
        cr_assert_eq(symlink("/etc", "/run/vks/pods/" UID "/run/link"), 0); /* by a root daemon of the pod's */
        cr_assert_eq(write_in(a, "/run/link/vks-was-here"), 0, "%s", reply->text);
        cr_assert(is_made_at_start("/run/link/vks-was-here"), "with the rights of the container");
        cr_assert_not(is_there("/etc/vks-was-here"));
}

Test(helper, a_volume_may_lie_in_a_working_dir_that_is_made)
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

/* ---- programs on the pod's own ground ---------------------------------------------------------------------------- */

Test(helper, a_program_is_what_the_machines_links_and_the_pods_mounts_make_of_its_path)
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

Test(helper, a_program_of_the_pods_own_runs_by_default_but_never_as_root)
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

Test(helper, no_mount_point_is_made_where_a_pod_has_put_something)
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

/* It removes a file of another name, and the machine's /run would have one more for each container that ever was. */
Test(helper, what_pid_1_forgets_to_remove_of_a_unit_goes_with_it)
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
Test(helper, a_unit_of_a_long_name_goes_with_all_that_it_has)
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
Test(helper, a_removal_that_was_interrupted_leaves_nothing_that_nobody_knows_of)
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

Test(helper, variables_that_are_too_many_are_refused_and_not_cut)
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

Test(helper, the_units_of_one_pod_have_so_much_text_and_no_more)
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

Test(helper, a_quarter_of_the_machines_run_is_not_for_units)
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
Test(helper, on_a_full_machine_nothing_is_half_done, .timeout = 1200)
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

Test(helper, the_machines_var_is_a_layer_below_the_pods_own)
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

/* ---- whose unit, whose user -------------------------------------------------------------------------------------- */

static void package(const char *name, const char *files)
{
        CLEANUP(freep) char *path = xasprintf("/var/lib/dpkg/info/%s.list", name);

        put(path, files, 0644);
}

#define REDIS "/etc/systemd/system/redis.service"

static struct asked *redis(const char *text)
{
        struct asked *a = sleeper();

        package("redis", REDIS "\n");
        put(REDIS, text, 0644);
        a->c.image = a->c.package = STR("redis"), a->c.unit = STR("redis.service"), a->c.n_command = 0;
        return a;
}

static bool dropin_has(const char *words)
{
        return holds("/run/systemd/system/vks.default.web.redis.service.d/vks.conf", words);
}

/* A directory of the pod's own part of a layer. */
static void is_held(const char *path, uid_t uid, gid_t gid, mode_t mode)
{
        struct stat st = { 0 };

        cr_assert(lstat(path, &st) == 0 && S_ISDIR(st.st_mode), "%s", path);
        cr_assert(st.st_uid == uid && st.st_gid == gid && (st.st_mode & 07777) == mode, "%s: %u:%u %o", path, st.st_uid,
                  st.st_gid, st.st_mode);
}

#define ETC_MOUNT    "run-vks-pods-0f6c2a9e\\x2d1234\\x2d4abc\\x2d8def\\x2d0123456789ab-etc.mount"
#define ETC_BIND     "BindPaths=\"-/run/vks/pods/" UID "/etc/redis\":\"/etc/redis\"\n"
#define WRITES_REDIS "[Service]\nExecStart=/usr/bin/redis\nUser=redis\nReadWriteDirectories=-/etc/redis\n"

/* What the machine has must stay as it is, whoever owns it: the pod's directory is a layer over it. */
Test(helper, what_a_unit_writes_to_below_etc_is_the_pods_own)
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

Test(helper, a_layer_over_etc_has_no_volume_in_it_and_nothing_that_could_lead_elsewhere)
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

Test(helper, a_configuration_directory_is_no_way_to_write_on_the_machine)
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

Test(helper, nothing_is_mounted_in_a_directory_that_is_given_to_a_user_in_whatever_order_they_come)
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
Test(helper, nothing_is_mounted_in_a_directory_of_roots_that_others_may_write_to)
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
Test(helper, systemd_reads_a_pid_file_only_where_nobody_but_root_can_put_anything)
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
Test(helper, what_a_packages_unit_mounts_is_where_nobody_but_root_can_put_a_link)
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
Test(helper, no_user_is_given_a_directory_where_each_view_has_mounts)
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
Test(helper, what_the_administrator_says_of_a_unit_holds_by_its_second_name)
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
Test(helper, an_instance_has_a_second_name_too)
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
Test(helper, a_pid_file_is_not_in_what_another_container_is_given)
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
Test(helper, what_systemd_will_make_lies_in_directories_of_roots_from_the_beginning)
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
Test(helper, a_mirror_has_no_link_that_leads_through_what_is_others)
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
Test(helper, a_directory_that_is_given_is_known_however_its_unit_spells_it)
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
Test(helper, a_directory_in_another_one_of_the_unit_is_made_by_its_user)
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
Test(helper, a_directory_in_one_of_somebodys_is_not_made_by_pid_1_either)
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

Test(helper, the_machines_data_shows_through_only_where_it_is_the_users_own)
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

Test(helper, a_working_dir_in_a_directory_of_the_packages_is_its_users_to_make)
{
        struct asked *a = redis("[Service]\nExecStart=/usr/bin/redis\nUser=redis\nStateDirectory=redis\n");

        cr_assert_eq(write_in(a, "/var/lib/redis/work"), 0, "%s", reply->text);
        cr_assert(dropin_has("--dir \"/var/lib/redis/work\" "));
        cr_assert_eq(write_in(a, "/var/lib/redis"), 0, "%s", reply->text);
        cr_assert(dropin_has("WorkingDirectory=/var/lib/redis\n") && !dropin_has("--dir"), "PID 1 makes that one");
}

/* PID 1 mounts the layer for whichever unit starts; one that was written without it would have the machine's data. */
Test(helper, all_units_of_a_pod_have_the_same_var_whatever_request_brings_them)
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

Test(helper, a_pod_without_the_layer_waits_for_pid_1_to_forget_that_of_an_earlier_one)
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
Test(helper, a_var_that_a_refused_request_has_left_is_known_to_the_next_one)
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

Test(helper, a_mount_point_shows_nothing_that_was_closed)
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

Test(helper, a_volume_that_is_not_the_pods_to_write_to_gets_no_mount_points)
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

/* ---- a part of a volume ------------------------------------------------------------------------------------------ */

#define PARTS "/var/lib/vks/pods/" UID "/parts"

/* As a root daemon could do it that writes to the volume: nothing of root's follows a name that lies in one. */
Test(helper, a_part_of_an_empty_directory_lies_beside_it_and_is_mounted_over_its_place)
{
        struct asked *a = sleeper();
        Vks__Mount part = VKS__MOUNT__INIT, other = VKS__MOUNT__INIT, *mounts[] = { &part };
        Vks__Mount *both[] = { &a->mount, &part, &other };

        a->c2.mounts = mounts, a->c2.n_mounts = 1, a->m.n_containers = 2;
        part.volume = STR("disk"), part.path = STR("/tmp/part"), part.sub_path = STR("a/b");
        with_mount(a, "disk", "/tmp/whole");
        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        cr_assert_eq(mode_of(PARTS "/disk:a:b"), 0777);
        cr_assert_eq(mode_of(PARTS), 0700);
        cr_assert(holds(SLEEP_DROPIN, "BindPaths=\"/var/lib/vks/pods/" UID "/volumes/disk\":\"/tmp/whole\"\n"
                                      "BindPaths=\"" PARTS "/disk:a:b\":\"/tmp/whole/a/b\"\n"));
        cr_assert(is_there("/var/lib/vks/pods/" UID "/volumes/disk/a/b"));

        /* the same again, with a link in its place */
        cr_assert_eq(rename("/var/lib/vks/pods/" UID "/volumes/disk/a/b", "/var/lib/vks/pods/" UID "/volumes/disk/c"),
                     0);
        cr_assert_eq(symlink("/etc", "/var/lib/vks/pods/" UID "/volumes/disk/a/b"), 0);
        cr_assert_eq(write_pod(a), -EPERM);
        cr_assert_str_eq(reply->rule, "mount-target");
        expect(-EPERM, "/tmp/whole/a/b: a symbolic link is on the way");
        a->c.n_mounts = 0;
        cr_assert_eq(write_pod(a), 0, "the part does not go that way: %s", reply->text);

        /* Nothing is mounted over what the pod mounts itself; what lies in a part is its part, too. */
        cr_assert_eq(unlink("/var/lib/vks/pods/" UID "/volumes/disk/a/b"), 0);
        a->c.mounts = both, a->c.n_mounts = 3, a->m.n_containers = 1;
        part.path = STR("/tmp/whole/a/b"), part.read_only = true;
        other.volume = STR("disk"), other.path = STR("/tmp/a"), other.sub_path = STR("a");
        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        cr_assert(holds(SLEEP_DROPIN, "BindReadOnlyPaths=\"" PARTS "/disk:a:b\":\"/tmp/whole/a/b\"\n") &&
                  !holds(SLEEP_DROPIN, "BindPaths=\"" PARTS "/disk:a:b\":\"/tmp/whole/a/b\"\n"));
        cr_assert(holds(SLEEP_DROPIN, "BindPaths=\"" PARTS "/disk:a\":\"/tmp/whole/a\"\n"));
        cr_assert(holds(SLEEP_DROPIN, "BindPaths=\"" PARTS "/disk:a:b\":\"/tmp/a/b\"\n"));
}

/* `n` parts of the volume, beginning with that number, each with a mount of its own in one container. */
static int write_parts(struct asked *a, unsigned first, unsigned n)
{
        static Vks__Mount parts[256], *mounts[256];
        static char names[256][16], targets[256][32];

        for (unsigned i = 0; i < n; i++) {
                vks__mount__init(&parts[i]);
                snprintf(names[i], sizeof(names[i]), "p%u", first + i);
                snprintf(targets[i], sizeof(targets[i]), "/tmp/t%u", first + i);
                parts[i].volume = STR("disk"), parts[i].sub_path = names[i], parts[i].path = targets[i];
                mounts[i] = &parts[i];
        }
        a->c.mounts = mounts, a->c.n_mounts = n;
        return write_pod(a);
}

Test(helper, parts_are_so_many_and_no_more)
{
        struct asked *a = sleeper();
        Vks__Mount whole[2] = { VKS__MOUNT__INIT, VKS__MOUNT__INIT }, *both[] = { &whole[0], &whole[1] };

        for (unsigned first = 0; first < 750; first += 250)
                cr_assert_eq(write_parts(a, first, 250), 0, "%s", reply->text);
        whole[0].volume = whole[1].volume = STR("disk"), whole[0].path = STR("/tmp/a"), whole[1].path = STR("/tmp/b");
        a->c.mounts = both, a->c.n_mounts = 2;
        cr_assert_eq(write_pod(a), -E2BIG);
        expect(-E2BIG, "volumeMounts: more than 1024 parts of volumes in one container");
        cr_assert_eq(write_parts(a, 750, 250), 0, "%s", reply->text);
        cr_assert_eq(write_parts(a, 1000, 250), 0, "%s", reply->text);
        cr_assert_eq(write_parts(a, 1250, 1), -E2BIG, "who asks for others again and again");
        cr_assert_not(is_there(PARTS "/disk:p1250"));
}

Test(helper, a_part_of_files_must_be_there)
{
        struct asked *a = sleeper();
        Vks__File f = VKS__FILE__INIT, *files[] = { &f };
        Vks__Fill m = VKS__FILL__INIT;

        m.pod = &pod, m.volume = STR("files"), m.files = files, m.n_files = 1;
        f.path = STR("sub/key"), f.mode = 0644, f.content = (ProtobufCBinaryData){ 5, (uint8_t *)STR("value") };
        cr_assert_eq(ask(VERB_fill, &m.base), 0, "%s", reply->text);
        with_mount(a, "files", "/tmp/conf");
        a->mount.sub_path = STR("sub/none");
        cr_assert_eq(write_pod(a), -ENOENT);
        expect(-ENOENT, "subPath \"sub/none\" is not in volume files");
        a->mount.sub_path = STR("sub/key");
        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        cr_assert(holds(SLEEP_DROPIN, "BindPaths=\"/run/vks/pods/" UID "/files/files/sub/key\":\"/tmp/conf\"\n"));
        cr_assert(holds("/run/vks/pods/" UID "/tmp/conf", ""), "a file's mount point is a file");
}

Test(helper, a_part_of_a_host_path_is_one_itself)
{
        struct asked *a = sleeper();

        put_policy("host-path = /srv rw /srv/x/new/y/keys ro");
        own_directory("/srv", NULL);
        cr_assert_eq(mkdir("/srv/x", 0755), 0);
        a->m.n_volumes = 4, a->path.path = STR("/srv/x"), a->path.type = STR("Directory");
        with_mount(a, "host", "/tmp/host");
        a->mount.sub_path = STR("new/y");
        cr_assert_eq(write_pod(a), -EPERM, "what lies in it is read-only, so all of it is");
        put_policy("host-path = /srv rw");
        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        cr_assert(is_there("/srv/x/new/y") && holds(SLEEP_DROPIN, "BindPaths=\"/srv/x/new/y\":\"/tmp/host\"\n"));
        a->mount.sub_path = STR("none"), a->mount.read_only = true;
        cr_assert_eq(write_pod(a), -ENOENT, "none is made where the pod only reads");
        cr_assert_eq(symlink("/etc", "/srv/x/link"), 0);
        a->mount.sub_path = STR("link/ssl");
        cr_assert_eq(write_pod(a), -EPERM);
        cr_assert_str_eq(reply->rule, "host-path");
        cr_assert_eq(chmod("/srv/x", 0777), 0);
        a->mount.sub_path = STR("new"), a->mount.read_only = false;
        cr_assert_eq(write_pod(a), -EPERM, "somebody could put a link there");
        cr_assert_str_eq(reply->rule, "host-path");
}

Test(helper, a_unit_that_a_packages_script_has_made_is_its_own_by_roots_record)
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

Test(helper, a_packages_unit_runs_as_the_package_says)
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
Test(helper, root_is_known_by_its_number)
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
Test(helper, what_pid_1_reads_for_a_package_is_its_own_command_lines)
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
Test(helper, a_variable_that_a_command_line_with_rights_names_is_not_the_pods)
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
Test(helper, groups_of_a_package_are_not_for_commands_of_a_pod)
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

Test(helper, more_groups_than_are_known_are_not_given)
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

Test(helper, who_speaks_for_the_machine_runs_as_it_is_or_not_at_all)
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
Test(helper, what_a_root_daemon_runs_is_not_in_a_volume)
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

Test(helper, where_nothing_may_be_root_no_command_of_a_package_is)
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

Test(helper, a_user_that_is_the_instance_must_be_in_the_range)
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

Test(helper, a_unit_file_that_leads_to_what_is_not_for_everybody_is_not_copied)
{
        struct asked *a = redis("[Service]\nExecStart=/usr/bin/redis\n");

        put("/etc/shadow", "root:secret\n", 0600);
        cr_assert(unlink(REDIS) == 0 && symlink("/etc/shadow", REDIS) == 0);
        cr_assert_eq(write_pod(a), -EPERM);
        expect(-EPERM, REDIS " is not for everybody to read");
}

Test(helper, run_as_user_is_in_range_or_the_packages_own)
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

Test(helper, who_must_not_be_root_does_not_run_where_the_package_would_be)
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

Test(helper, who_is_named_runs_it_whatever_the_packages_line_says)
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

Test(helper, where_every_container_may_be_root_nobody_is_kept_from_it)
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

Test(helper, without_vks_pod_nothing_runs_as_it)
{
        struct asked *a = sleeper();

        put("/etc/passwd", "root:x:0:0::/:/bin/sh\n", 0644);
        write_pod(a);
        expect(-ENOENT, "there is no user vks-pod on this node");
        nothing_is_left();
}

Test(helper, a_unit_is_the_packages_or_it_is_none)
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

/* ---- START, STOP ------------------------------------------------------------------------------------------------- */

Test(helper, what_the_administrator_put_in_a_units_place_holds_for_pods)
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

Test(helper, only_units_whose_files_name_the_pod_are_started_and_stopped)
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
Test(helper, each_run_has_pipes_of_its_own_until_the_unit_is_removed)
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

Test(helper, without_room_for_its_pipes_nothing_is_started)
{
        cr_assert_eq(write_pod(sleeper()), 0);
        make(LOG_DIR "/.vks-new");
        units(VERB_start, unit, false);
        expect(-EISDIR, "pipes of " SLEEP);
        cr_assert_str_eq(pid1.asked, "");
}

Test(helper, what_is_said_of_a_removed_container_has_to_be_kept)
{
        cr_assert_eq(write_pod(sleeper()), 0);
        make(LOG_DIR "/" UID ".c" LOG_GONE);
        cr_assert_eq(units(VERB_remove, NULL, true), -EISDIR, "%s", reply->text);
}

/* ---- termination messages ---------------------------------------------------------------------------------------- */

#define MESSAGE MESSAGE_DIR "/" UID ".c"

Test(helper, each_run_has_a_file_of_its_own_for_its_termination_message)
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

Test(helper, a_termination_message_may_be_wherever_a_volume_may)
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
Test(helper, beside_a_root_daemon_a_termination_message_lies_among_data)
{
        struct asked *a = redis("[Service]\nExecStart=/usr/share/redis/redis\n");

        a->c.message_path = STR("/usr/share/redis/x");
        write_pod(a);
        expect(-EPERM, "policy rule root: nothing of the pod's is mounted at /usr/share/redis/x");
        a->c.message_path = STR(MESSAGE_PATH);
        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
}

Test(helper, without_a_file_for_its_message_nothing_is_started)
{
        cr_assert_eq(write_pod(sleeper()), 0);
        make(MESSAGE_DIR "/.vks-new");
        units(VERB_start, unit, false);
        expect(-EISDIR, "pipes of " SLEEP);
        cr_assert_str_eq(pid1.asked, "");
        cr_assert_eq(rmdir(MESSAGE_DIR "/.vks-new"), 0);
}

Test(helper, what_pid_1_says_reaches_the_agent)
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

Test(helper, a_unit_is_told_to_end_by_its_own_signal_and_not_stopped)
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
Test(helper, a_container_may_have_a_signal_of_its_own)
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

Test(helper, a_dynamic_user_sees_no_root_of_the_pods_own)
{
        struct asked *a = redis("[Service]\nExecStart=/usr/bin/redis\nDynamicUser=yes\n");

        with_mount(a, "memory", "/vks-none");
        cr_assert_eq(write_pod(a), -EOPNOTSUPP);
        expect(-EOPNOTSUPP, "container c: mountPath or workingDir: redis.service runs as a dynamic user");
        a->mount.path = STR("/tmp/x");
        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
}

Test(helper, what_runs_is_not_removed)
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

Test(helper, a_unit_that_is_unloaded_while_we_ask_is_gone)
{
        cr_assert_eq(write_pod(sleeper()), 0);
        pid1.units[0].unit = unit, pid1.units[0].state = "active";
        fail("Get", SD_BUS_ERROR_UNKNOWN_OBJECT);
        cr_assert_eq(units(VERB_remove, NULL, true), 0, "%s", reply->text);
        nothing_is_left();
}

Test(helper, removal_that_fails_says_what_and_can_be_repeated)
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

Test(helper, unit_files_that_are_in_use_as_mount_points_stay)
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

Test(helper, removal_waits_for_the_unmounting_and_not_for_ever)
{
        struct asked *a = sleeper();

        a->c.writes_var = true;
        cr_assert_eq(write_pod(a), 0);
        stays_while_mounted("/run/vks/pods/" UID "/var");
        make("/etc/redis");
        cr_assert_eq(write_pod(redis(WRITES_REDIS)), 0);
        stays_while_mounted("/run/vks/pods/" UID "/etc");
}

/* ---- INSTALL, FILL ----------------------------------------------------------------------------------------------- */

static int install(const char *name, const char *version)
{
        Vks__Package k = VKS__PACKAGE__INIT, *packages[] = { &k };
        Vks__Install m = VKS__INSTALL__INIT;

        k.name = STR(name), k.version = STR(version);
        m.packages = packages, m.n_packages = 1;
        return ask(VERB_install, &m.base);
}

Test(helper, an_installation_is_a_unit_of_pid_1s)
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

Test(helper, a_volume_is_filled_before_its_pod_is_written)
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

Test(helper, a_quarter_of_what_pods_have_is_not_for_content)
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

Test(helper, volumes_are_of_the_group_that_the_pod_names)
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

Test(helper, a_pod_has_so_much_content_and_no_more)
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
Test(helper, names_are_content)
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

Test(helper, all_pods_have_so_much_content_and_more_comes_later)
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

Test(helper, systemd_gets_so_many_jobs_of_one_process_and_more_of_the_next)
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

Test(helper, so_many_installations_are_under_way_and_more_come_later)
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
Test(helper, there_is_room_for_what_a_pod_leaves_before_it_leaves_anything)
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
Test(helper, what_a_pod_leaves_is_removed_in_slices)
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
Test(helper, what_cannot_be_removed_does_not_keep_the_rest)
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

/* ---- what is no request ------------------------------------------------------------------------------------------ */

int __real_arena_init(struct arena *a, size_t size);
int __wrap_arena_init(struct arena *a, size_t size);
static bool no_memory;

int __wrap_arena_init(struct arena *a, size_t size)
{
        return no_memory ? -ENOMEM : __real_arena_init(a, size);
}

Test(helper, without_memory_for_it_a_request_is_not_begun)
{
        Vks__Remove m = VKS__REMOVE__INIT;
        struct err e = ERR_NONE;

        m.pod = &pod, m.all = true;
        no_memory = true;
        cr_assert_eq(wire_send_request(ends[0], wire_verb_find(VERB_remove), &m.base, NULL, &e), 0);
        cr_assert_eq(dispatch(&machine, ends[1], &e), -ENOMEM);
        cr_assert(starts_with(e.text, "memory for a request"));
        no_memory = false;
        cr_assert_eq(units(VERB_remove, NULL, true), 0);
}

/* Else the next reply would be taken for the answer to this request. */
Test(helper, who_does_not_read_replies_is_not_served_on)
{
        Vks__Remove m = VKS__REMOVE__INIT;
        struct err e = ERR_NONE;
        int r = 1;

        m.pod = &pod, m.all = true;
        for (int i = 0; i < 100000 && r == 1; i++) {
                cr_assert_eq(wire_send_request(ends[0], wire_verb_find(VERB_remove), &m.base, NULL, &e), 0);
                r = dispatch(&machine, ends[1], &e);
                read_journal();
        }
        cr_assert(r < 0 && r != -EAGAIN, "%d: %s", r, e.text);
}

Test(helper, what_is_no_message_of_its_verb_is_answered_and_the_connection_closed)
{
        static const uint8_t junk[] = { WIRE_VERSION, VERB_start, 0xff }, other[] = { WIRE_VERSION, 99 };
        const struct wire_verb *v;
        ProtobufCMessage *got = NULL;
        struct err e = ERR_NONE;

        cr_assert_eq(dispatch(&machine, ends[1], &e), -EAGAIN, "nothing was sent");
        cr_assert_eq(send(ends[0], junk, sizeof(junk), 0), (ssize_t)sizeof(junk));
        cr_assert_eq(dispatch(&machine, ends[1], &e), -EBADMSG);
        cr_assert_eq(wire_recv_reply(ends[0], &v, &got, &e), 1);
        cr_assert_eq(((const Vks__Reply *)(void *)got)->error, -EBADMSG);
        protobuf_c_message_free_unpacked(got, NULL);
        read_journal();
        cr_assert_eq(lines, 1);
        cr_assert_eq(send(ends[0], other, sizeof(other), 0), (ssize_t)sizeof(other));
        cr_assert_eq(dispatch(&machine, ends[1], &e), -EBADMSG, "an unknown verb");
        ends[0] = fd_close(ends[0]);
        cr_assert_eq(dispatch(&machine, ends[1], &e), 0, "the peer has gone");
}

/* ---- EXEC -------------------------------------------------------------------------------------------------------- */

#define BESIDE      "vks-exec-" UID "-c-"
#define BESIDE_FILE UNIT_DIR "/" BESIDE ".service.d/vks.conf"

/* `words` beside the container of the sleeper, which WRITE knows. */
static int exec(struct asked *a, uint64_t id, char **words, size_t n)
{
        Vks__Exec m = VKS__EXEC__INIT;
        Vks__Container c = a->c;

        c.command = words, c.n_command = n, c.n_args = c.n_env = c.n_hidden = 0;
        m.pod = &pod, m.container = &c, m.volumes = a->volumes, m.n_volumes = a->m.n_volumes, m.id = id;
        m.qos = a->m.qos;
        m.user = STR("alice");
        return ask(VERB_exec, &m.base);
}

Test(helper, a_command_is_a_unit_of_its_own_beside_the_containers)
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

Test(helper, words_and_users_that_only_vks_exec_can_bring_are_in_a_file_of_roots)
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
Test(helper, streams_made_for_a_command_become_its_users)
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
Test(helper, what_is_no_stream_is_no_commands)
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
Test(helper, the_walls_of_a_command_that_waits_stay)
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
Test(helper, no_walls_of_a_command_are_without_a_user)
{
        char *words[] = { STR("sleep") };
        struct asked *a = sleeper();

        a->user.value = 4711, a->c.run_as_user = &a->user;
        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        cr_assert_eq(exec(a, 1, words, 1), 0, "%s", reply->text);
        cr_assert(holds(BESIDE_FILE, "\nUser=vks-pod\n"));
}

/* Who the container is, and what it sees, is what WRITE was asked for. */
Test(helper, a_command_is_asked_for_as_its_container_was)
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
Test(helper, no_command_begins_beside_a_container_that_is_not_up)
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
Test(helper, a_unit_goes_after_its_commands_and_with_what_they_had)
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

Test(helper, a_command_for_which_no_file_can_be_written_is_not_begun)
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
Test(helper, a_stream_that_stays_the_agents_begins_no_command)
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
Test(helper, a_pipe_with_a_name_is_nobodys_stream)
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
Test(helper, a_command_sees_the_directories_that_its_container_has)
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

Test(helper, commands_are_stopped_and_hold_up_what_would_take_their_ground)
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
Test(helper, no_more_commands_run_than_the_machine_bears)
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

/* ---- what two requests could make of one pod --------------------------------------------------------------------- */

/* Variables, hidden words and pipes have the container's name: a second unit of that name would bring its own to the
 * first one's. */
Test(helper, a_container_has_one_unit_whatever_request_brings_it)
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
Test(helper, a_unit_that_becomes_another_containers_leaves_nothing_of_the_earlier_one)
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

Test(helper, a_unit_that_waits_for_its_turn_is_not_removed)
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
Test(helper, who_becomes_somebody_brings_nothing_to_what_is_root_before)
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
Test(helper, who_becomes_somebody_is_loaded_with_nothing_of_a_packages_environment)
{
        static const char none[] = "UnsetEnvironment=GLIBC_TUNABLES LD_AUDIT LD_DEBUG LD_LIBRARY_PATH LD_PRELOAD ";
        struct asked *a = redis("[Service]\nExecStart=/usr/bin/redis\nUser=redis\nEnvironmentFile=-/srv/redis/env\n");

        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        cr_assert_not(dropin_has(none), "PID 1 starts it as its user");
        a->user.value = 4711, a->c.run_as_user = &a->user;
        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        cr_assert(dropin_has(none));
}

Test(helper, a_pod_does_not_begin_while_the_layer_of_an_earlier_one_cannot_be_forgotten)
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
Test(helper, no_directory_is_given_where_a_user_owns_the_way)
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
Test(helper, no_unit_is_written_that_pid_1_knows_without_its_file)
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
Test(helper, all_units_of_a_pod_are_in_one_slice_whatever_request_brings_them)
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
Test(helper, who_drops_a_capability_and_becomes_somebody_gains_none)
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

#define SLICE "/run/systemd/system/kubepods-besteffort-pod0f6c2a9e_1234_4abc_8def_0123456789ab.slice"

/* It is there before the pod's first unit, with which PID 1 reads it; and it goes with the pod. */
Test(helper, a_pods_limits_are_its_slices)
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

Test(helper, what_is_over_leaves_no_slice_with_limits)
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
Test(helper, a_write_that_fails_leaves_no_slice)
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

Test(helper, what_runs_is_resized_by_a_file_and_by_pid_1)
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

Test(helper, what_is_not_loaded_is_resized_by_its_file_alone)
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
Test(helper, a_unit_that_is_written_again_has_what_write_says)
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

Test(helper, only_a_pods_own_units_are_resized)
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

Test(helper, what_pid_1_refuses_is_said_and_may_be_asked_again)
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
Test(helper, what_cannot_be_written_is_not_applied)
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
Test(helper, a_slices_other_files_stay)
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
Test(helper, a_pod_without_units_may_be_in_another_slice)
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
Test(helper, who_gets_a_directory_below_var_later_does_not_get_it_in_a_pod)
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
Test(helper, what_the_machine_makes_on_the_way_to_a_volume_later_is_not_seen)
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
Test(helper, a_link_that_root_puts_in_a_mount_points_place_is_none_in_a_pod)
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
Test(helper, nothing_is_mounted_in_a_directory_of_the_machines_that_all_may_write_to)
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
Test(helper, no_directory_is_given_where_all_may_write)
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
Test(helper, in_a_layer_that_is_mounted_the_way_is_held_or_refused)
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
