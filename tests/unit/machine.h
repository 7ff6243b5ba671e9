/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A machine of a test's own, for the helper: a mount namespace with a /run, a /var/lib and an /etc that are empty but
 * for what systemd, dpkg and vks have there, and a pod to be written on it. Root only.
 */
#ifndef VKS_TESTS_MACHINE_H
#define VKS_TESTS_MACHINE_H

#include <criterion/criterion.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "common/file.h"
#include "common/mem.h"
#include "helper/text/unit_text.h"
#include "policy/policy.h"
#include "proto/verbs.h"
#include "proto/wire.h"

#define UNIT_DIR     "/run/systemd/system"
#define UID          "0f6c2a9e-1234-4abc-8def-0123456789ab"
#define SLEEP        "vks.default.web.usr\\x2fbin\\x2fsleep.service"
#define SLEEP_FILE   UNIT_DIR "/" SLEEP
#define SLEEP_DROPIN SLEEP_FILE ".d/vks.conf"
#define STR(s)       ((char *)(uintptr_t)(s))

#define ROW(n, verb, Message, where) VERB_##verb = n,
enum { VERBS(ROW) };
#undef ROW

static int journal = -1; /* what is sent to journald arrives here */

static void put(const char *path, const char *text, mode_t mode)
{
        FILE *f = fopen(path, "we");

        cr_assert(f && fputs(text, f) >= 0 && fclose(f) == 0 && chmod(path, mode) == 0, "%s", path);
}

static UNUSED void long_ago(const char *path)
{
        cr_assert_eq(utimensat(AT_FDCWD, path, (struct timespec[2]){ { 0 } }, 0), 0, "%s", path);
}

/* As if it had been written long ago: else it might be half-written. */
static UNUSED void put_policy(const char *text)
{
        put("/etc/vks/policy.conf", text, 0644);
        long_ago("/etc/vks/policy.conf");
}

static void own_directory(const char *path, const char *options)
{
        cr_assert_eq(mount("test", path, "tmpfs", 0, options), 0, "%s: %s (these tests make mounts: they need root)",
                     path, strerror(errno));
}

static void make(const char *path)
{
        cr_assert_eq(mkdir(path, 0755), 0, "%s", path);
}

static UNUSED void make_machine(void)
{
        static const char *const dirs[] = { "/run/vks",
                                            "/run/vks/pods",
                                            "/run/vks/log",
                                            "/run/vks/messages",
                                            "/run/lock",
                                            "/run/daemon",
                                            "/run/systemd",
                                            "/run/systemd/system",
                                            "/run/systemd/journal",
                                            "/run/systemd/generator.late",
                                            "/var/lib/vks",
                                            "/var/lib/vks/pods",
                                            "/var/lib/dpkg",
                                            "/var/lib/dpkg/info",
                                            "/etc/systemd",
                                            "/etc/systemd/system",
                                            "/etc/init.d",
                                            "/etc/vks" };
        struct sockaddr_un addr = { .sun_family = AF_UNIX, .sun_path = "/run/systemd/journal/socket" };

        umask(0);
        cr_assert(unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0,
                  "%s (these tests make mounts: they need root)", strerror(errno));
        own_directory("/run", "mode=0755");
        own_directory("/var/lib", "mode=0755");
        own_directory("/etc", "mode=0755");
        for (size_t i = 0; i < ARRAY_LEN(dirs); i++)
                make(dirs[i]);
        long_ago("/etc/vks"); /* that there is no policy in it */
        put("/etc/passwd",
            "root:x:0:0::/:/bin/sh\nvks:x:990:990::/:/bin/false\nvks-pod:x:991:992::/:/bin/false\nredis:x:120:121::/:/"
            "bin/false\n",
            0644);
        journal = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        cr_assert_eq(bind(journal, (struct sockaddr *)&addr, sizeof(addr)), 0);
}

static UNUSED bool is_there(const char *path)
{
        struct stat st;

        return lstat(path, &st) == 0;
}

static UNUSED mode_t mode_of(const char *path)
{
        struct stat st = { 0 };

        cr_assert_eq(lstat(path, &st), 0, "%s", path);
        return st.st_mode & 07777;
}

static UNUSED bool holds(const char *path, const char *words)
{
        CLEANUP(freep) char *text = NULL;
        size_t size;

        return file_read(path, 1 << 20, &text, &size, NULL) == 0 && strstr(text, words);
}

/* ---- a pod ------------------------------------------------------------------------------------------------------- */

static Vks__Pod pod = { PROTOBUF_C_MESSAGE_INIT(&vks__pod__descriptor), .namespace_ = STR("default"),
                        .name = STR("web"), .uid = STR(UID) };

/* A pod of one container, /usr/bin/sleep, for tests to change. */
struct asked {
        Vks__Write m;
        Vks__Container c, c2, *containers[2];
        Vks__Volume disk, memory, files, host, *volumes[4];
        Vks__EmptyDir on_disk, in_memory;
        Vks__Files none;
        Vks__HostPath path;
        Vks__Mount mount, *mounts[1];
        Vks__Env env, *envs[1];
        Vks__Id user, group;
        char *words[2];
};

static UNUSED struct asked *sleeper(void)
{
        static struct asked a;

        a = (struct asked){ .m = VKS__WRITE__INIT,
                            .c = VKS__CONTAINER__INIT,
                            .c2 = VKS__CONTAINER__INIT,
                            .disk = VKS__VOLUME__INIT,
                            .memory = VKS__VOLUME__INIT,
                            .files = VKS__VOLUME__INIT,
                            .host = VKS__VOLUME__INIT,
                            .on_disk = VKS__EMPTY_DIR__INIT,
                            .in_memory = VKS__EMPTY_DIR__INIT,
                            .none = VKS__FILES__INIT,
                            .path = VKS__HOST_PATH__INIT,
                            .mount = VKS__MOUNT__INIT,
                            .env = VKS__ENV__INIT,
                            .user = VKS__ID__INIT,
                            .group = VKS__ID__INIT,
                            .words = { STR("sleep"), STR("9") } };
        a.in_memory.memory = true;
        a.disk.name = STR("disk"), a.disk.source_case = VKS__VOLUME__SOURCE_EMPTY_DIR, a.disk.empty_dir = &a.on_disk;
        a.memory.name = STR("memory"), a.memory.source_case = VKS__VOLUME__SOURCE_EMPTY_DIR,
        a.memory.empty_dir = &a.in_memory;
        a.files.name = STR("files"), a.files.source_case = VKS__VOLUME__SOURCE_FILES, a.files.files = &a.none;
        a.host.name = STR("host"), a.host.source_case = VKS__VOLUME__SOURCE_HOST_PATH, a.host.host_path = &a.path;
        a.path.path = STR("/srv");
        a.c.name = STR("c"), a.c.image = STR("/usr/bin/sleep"), a.c.command = a.words, a.c.n_command = 2;
        a.c2.name = STR("d"), a.c2.image = STR("/usr/bin/env");
        a.c.mounts = a.mounts, a.c.env = a.envs, a.mounts[0] = &a.mount, a.envs[0] = &a.env;
        a.containers[0] = &a.c, a.containers[1] = &a.c2;
        a.volumes[0] = &a.disk, a.volumes[1] = &a.memory, a.volumes[2] = &a.files, a.volumes[3] = &a.host;
        a.m.pod = &pod, a.m.containers = a.containers, a.m.n_containers = 1, a.m.volumes = a.volumes, a.m.n_volumes = 3,
        a.m.grace_seconds = 5;
        pod.uid = STR(UID);
        return &a;
}

#endif
