/* SPDX-License-Identifier: Apache-2.0 */
/* Asks the helper as the agent does, from the packet to the files: on a machine of each test's own, with a PID 1 that
 * notes what it is asked. Root only. */
#ifndef VKS_TESTS_UNIT_HELPER_ASKING_H
#define VKS_TESTS_UNIT_HELPER_ASKING_H

#include <fcntl.h>

#include "common/message.h"
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
static UNUSED char unit[] = SLEEP;
static int stream_fd[WIRE_N_STREAMS]; /* EXEC's, of which copies are sent */

static UNUSED int open_dir(const char *path)
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

static UNUSED void forget_reply(void)
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

/* How many names a directory has. */
static UNUSED size_t count(int dir)
{
        return dir_count(dir, id_is_filename);
}

/* ---- asking ------------------------------------------------------------------------------------------------------ */

/* A journal that nobody reads would hold the helper up. */
static UNUSED void read_journal(void)
{
        lines = 0;
        for (ssize_t n; (n = recv(journal, line, sizeof(line) - 1, 0)) > 0; lines++)
                line[n] = '\0';
}

/* What the helper replied; 1 when it replied nothing. The reply's words are in `reply`. */
static UNUSED int ask(int verb, const ProtobufCMessage *m)
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

static UNUSED void with_mount(struct asked *a, const char *volume, const char *path)
{
        a->mount.volume = STR(volume), a->mount.path = STR(path), a->c.n_mounts = 1;
}

static UNUSED int write_pod(const struct asked *a)
{
        return ask(VERB_write, &a->m.base);
}

static UNUSED int units(int verb, const char *name, bool flag)
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

static UNUSED void expect(int r, const char *words)
{
        cr_assert_eq(reply->error, r, "%d: %s", reply->error, reply->text);
        cr_assert(strstr(reply->text, words), "%s", reply->text);
}

static UNUSED void fail(const char *method, const char *error)
{
        pid1.fail_method = method, pid1.fail_name = error;
}

#define DENIED  "org.freedesktop.DBus.Error.AccessDenied"
#define NO_UNIT "org.freedesktop.systemd1.NoSuchUnit"

/* But for what vks-log needs for the last words, and ends. */
static UNUSED void nothing_is_left(void)
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

/* ---- a pod ------------------------------------------------------------------------------------------------------- */

static UNUSED int write_in(struct asked *a, const char *dir)
{
        a->c.working_dir = STR(dir);
        return write_pod(a);
}

static UNUSED bool dropin_has(const char *words)
{
        return holds("/run/systemd/system/vks.default.web.redis.service.d/vks.conf", words);
}

/* ---- packages ---------------------------------------------------------------------------------------------------- */

static UNUSED void package(const char *name, const char *files)
{
        CLEANUP(freep) char *path = xasprintf("/var/lib/dpkg/info/%s.list", name);

        put(path, files, 0644);
}

#define REDIS "/etc/systemd/system/redis.service"

#define WRITES_REDIS "[Service]\nExecStart=/usr/bin/redis\nUser=redis\nReadWriteDirectories=-/etc/redis\n"

static UNUSED struct asked *redis(const char *text)
{
        struct asked *a = sleeper();

        package("redis", REDIS "\n");
        put(REDIS, text, 0644);
        a->c.image = a->c.package = STR("redis"), a->c.unit = STR("redis.service"), a->c.n_command = 0;
        return a;
}

static UNUSED int install(const char *name, const char *version)
{
        Vks__Package k = VKS__PACKAGE__INIT, *packages[] = { &k };
        Vks__Install m = VKS__INSTALL__INIT;

        k.name = STR(name), k.version = STR(version);
        m.packages = packages, m.n_packages = 1;
        return ask(VERB_install, &m.base);
}

/* ---- commands ---------------------------------------------------------------------------------------------------- */

#define BESIDE      "vks-exec-" UID "-c-"
#define BESIDE_FILE UNIT_DIR "/" BESIDE ".service.d/vks.conf"

/* `words` beside the container of the sleeper, which WRITE knows. */
static UNUSED int exec(struct asked *a, uint64_t id, char **words, size_t n)
{
        Vks__Exec m = VKS__EXEC__INIT;
        Vks__Container c = a->c;

        c.command = words, c.n_command = n, c.n_args = c.n_env = c.n_hidden = 0;
        m.pod = &pod, m.container = &c, m.volumes = a->volumes, m.n_volumes = a->m.n_volumes, m.id = id;
        m.qos = a->m.qos;
        m.user = STR("alice");
        return ask(VERB_exec, &m.base);
}

#endif
