/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/join/machine.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/certs/store.h"
#include "common/fd.h"
#include "common/mem.h"

extern char **environ;

int machine_look(struct machine *ret, struct err *e)
{
        const struct passwd *user;

        if (geteuid() != 0)
                return err_set(e, -EPERM, NULL, "this must be run as root");
        if (access("/run/systemd/system", F_OK) < 0)
                return err_set(e, -ENOTSUP, NULL, "systemd does not run here");
        user = getpwnam("vks");
        if (!user)
                return err_set(e, -ENOENT, NULL, "there is no user vks: the package vks makes it");
        *ret = (struct machine){ .uid = user->pw_uid, .gid = user->pw_gid };
        return 0;
}

int machine_write(const struct machine *m, const char *name, const char *text, struct err *e)
{
        return cert_store_write_mode(MACHINE_ETC, name, text, 0640, 0, m->gid, e);
}

int machine_write_pki(const struct machine *m, const char *name, const char *text, struct err *e)
{
        FD fd = -1;

        if (mkdir(CERT_STORE_DIR, 0700) < 0 && errno != EEXIST)
                return err_errno(e, -errno, NULL, "cannot make %s", CERT_STORE_DIR);
        fd = open(CERT_STORE_DIR, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0 || fchown(fd, m->uid, m->gid) < 0 || fchmod(fd, 0700) < 0)
                return err_errno(e, -errno, NULL, "cannot give %s to user vks", CERT_STORE_DIR);
        return cert_store_write(CERT_STORE_DIR, name, text, m->uid, m->gid, e);
}

int machine_remove(const char *path, struct err *e)
{
        if (unlink(path) < 0 && errno != ENOENT)
                return err_errno(e, -errno, NULL, "cannot remove %s", path);
        return 0;
}

int machine_run(const char *const *argv, bool quiet, struct err *e)
{
        posix_spawn_file_actions_t actions;
        int status, r;
        pid_t pid;

        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
        if (quiet) {
                posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
                posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
        }
        fflush(stdout);
        r = posix_spawnp(&pid, argv[0], &actions, NULL, (char *const *)argv, environ);
        posix_spawn_file_actions_destroy(&actions);
        if (r != 0)
                return err_errno(e, -r, NULL, "cannot run %s", argv[0]);
        while (waitpid(pid, &status, 0) < 0)
                if (errno != EINTR)
                        return err_errno(e, -errno, NULL, "cannot wait for %s", argv[0]);
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
