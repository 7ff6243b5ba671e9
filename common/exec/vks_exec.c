/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vks-exec [--user UID --group GID] [--argv0 NAME] PROGRAM [ARG...]: the last step before a container's program, where systemd's own
 * settings do not reach. It adds the variables that an EnvironmentFile= cannot carry (UNIT_TEXT_CARRIED in the unit's credentials:
 * NAME=VALUE, each ended by a NUL), becomes a user that no passwd entry has, and is replaced by the program.
 *
 * With --user it is started as root: its own environment has nothing of the pod's then (all of that is in the credential), so nothing that a
 * pod says is heard before the user has changed. It never comes back to root: no capability, no set-user-id program.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <grp.h>
#include <stdio.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/mem.h"
#include "common/unit_text.h"

enum { NOT_RUN = 203 }; /* systemd's EXIT_EXEC: systemd.exec(5), PROCESS EXIT CODES */

static int failed(const char *what)
{
        fprintf(stderr, "vks-exec: %s: %s\n", what, strerror(errno));
        return NOT_RUN;
}

/* The variables; they stay where they were read to, for putenv(3). */
static bool take_environment(void)
{
        const char *dir = getenv("CREDENTIALS_DIRECTORY");
        CLEANUP(freep) char *path = xasprintf("%s/" UNIT_TEXT_CARRIED, dir ? dir : "");
        FD fd = open(path, O_RDONLY | O_CLOEXEC);
        struct stat st;
        size_t size, have = 0;
        char *text;

        if (fd < 0 || fstat(fd, &st) < 0)
                return false;
        size = (size_t)st.st_size;
        text = xcalloc(size + 1, 1);
        while (have < size) {
                ssize_t n = read(fd, text + have, size - have);
                if (n <= 0)
                        return false;
                have += (size_t)n;
        }
        for (char *s = text; s < text + size; s += strlen(s) + 1)
                if (putenv(s) != 0)
                        return false;
        return true;
}

static bool become(uid_t uid, gid_t gid)
{
        cap_t none = cap_init();

        if (uid == (uid_t)-1 || gid == (gid_t)-1) { /* "leave it as it is", to the system calls below */
                errno = EINVAL;
                return false;
        }
        for (int c = 0; cap_get_bound(c) >= 0; c++)
                if (cap_drop_bound(c) < 0)
                        return false;
        return setgroups(0, NULL) == 0 && setresgid(gid, gid, gid) == 0 && setresuid(uid, uid, uid) == 0 && none && cap_set_proc(none) == 0 &&
               cap_free(none) == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
}

int main(int argc, char **argv)
{
        static const struct option options[] = { { "user", required_argument, NULL, 'u' },
                                                 { "group", required_argument, NULL, 'g' },
                                                 { "argv0", required_argument, NULL, 'a' },
                                                 { NULL, 0, NULL, 0 } };
        const char *program, *argv0 = NULL;
        uid_t uid = 0;
        gid_t gid = 0;

        for (int c; (c = getopt_long(argc, argv, "+", options, NULL)) != -1;) {
                if (c == 'u')
                        uid = (uid_t)strtoul(optarg, NULL, 10);
                else if (c == 'g')
                        gid = (gid_t)strtoul(optarg, NULL, 10);
                else if (c == 'a')
                        argv0 = optarg;
                else
                        return NOT_RUN;
        }
        if (optind >= argc) {
                fprintf(stderr, "vks-exec: no program\n");
                return NOT_RUN;
        }
        if (!take_environment())
                return failed("the container's environment");
        if (uid && !become(uid, gid))
                return failed("becoming the container's user");
        program = argv[optind];
        if (argv0)
                argv[optind] = (char *)(uintptr_t)argv0;
        execvp(program, argv + optind);
        return failed(program);
}
