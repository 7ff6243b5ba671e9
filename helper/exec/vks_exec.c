/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vks-exec [--user UID --group GID [--groups GID,...] [--may-gain]] [--dir DIR] [--console] [--other] [--argv0 NAME]
 * PROGRAM [ARG...]: the last step before a container's program, where systemd's own settings do not reach. It adds the
 * variables that an EnvironmentFile= cannot carry, puts into the command line the words that not everybody may read
 * (UNIT_TEXT_CARRIED in the unit's credentials has both: NAME=VALUE, and =INDEX=WORD with 0 for the program, each ended
 * by a NUL), becomes a user that no passwd entry has, or one without the groups that /etc/group has for it, and says
 * where its home is, makes the working directory, and is replaced by the program.
 *
 * With --user it is started as root, with an environment that has nothing of the pod's: all of that is in the
 * credential, which only root can read. So that is read first, as bytes; then the user changes, without a way back (no
 * capability, and no set-user-id program but with --may-gain, on machines where every container may be root); and only
 * then is a directory made, and do the bytes become variables, which the C library listens to.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/console.h"
#include "common/fd.h"
#include "common/mem.h"
#include "helper/text/unit_text.h"

#ifndef JOURNAL_SOCKET /* a test has one of its own */
#define JOURNAL_SOCKET "/run/systemd/journal/socket"
#endif

enum { NOT_RUN = 203 }; /* systemd's EXIT_EXEC: systemd.exec(5), PROCESS EXIT CODES */

/*
 * The exit code alone does not tell that the program was never executed: a program may end with the same. So it is said
 * to the journal in systemd's own words for this (sd-messages.h, SD_MESSAGE_SPAWN_FAILED), with the fields by which
 * systemd's messages about a unit are known from what the unit writes. In a bounded datagram, since nothing can be done
 * about one that does not arrive.
 */
static void tell_journal(const char *what, const char *why)
{
        const struct sockaddr_un to = { .sun_family = AF_UNIX, .sun_path = JOURNAL_SOCKET };
        const char *run = getenv("INVOCATION_ID");
        CLEANUP(freep)
        char *text = xasprintf("MESSAGE_ID=641257651c1b4ec9a8624d7a40a9e1e7\nPRIORITY=3\nSYSLOG_IDENTIFIER=vks-exec\n"
                               "UNIT=vks-exec\nINVOCATION_ID=%.32s\nMESSAGE=Failed to execute: %.1024s: %s\n",
                               run ? run : "", what, why);
        FD fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

        if (fd >= 0)
                (void)sendto(fd, text, strlen(text), MSG_NOSIGNAL, (const struct sockaddr *)&to, sizeof(to));
}

static int failed(const char *what)
{
        const char *why = strerror(errno);

        fprintf(stderr, "vks-exec: %s: %s\n", what, why);
        tell_journal(what, why);
        return NOT_RUN;
}

/* The directory `path`, to which no link leads; with `make` what is missing of it is made. -1 with errno. */
static int walk(const char *path, bool make)
{
        const int flags = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
        CLEANUP(freep) char *copy = xstrdup(path);
        FD at = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

        for (char *rest = copy, *name; at >= 0 && (name = strsep(&rest, "/"));) {
                int next = *name ? openat(at, name, flags) : dup(at);

                if (next < 0 && make && errno == ENOENT && (mkdirat(at, name, 0755) == 0 || errno == EEXIST))
                        next = openat(at, name, flags);
                if (next < 0)
                        return -1;
                fd_close(at);
                at = next;
        }
        return fd_take(&at);
}

/*
 * The credential's bytes and one NUL; they stay for good, since putenv(3) copies nothing. They are read as root: so
 * they are what PID 1 has put there, and nothing that a link leads to.
 */
static char *read_carried(size_t *ret_size)
{
        const char *way = getenv("CREDENTIALS_DIRECTORY");
        CLEANUP(freep) char *text = NULL;
        FD dir = walk(way ? way : "", false),
           fd = dir < 0 ? -1 : openat(dir, UNIT_TEXT_CARRIED, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        struct stat st;

        if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
                return NULL;
        *ret_size = (size_t)st.st_size;
        text = xcalloc(*ret_size + 1, 1);
        for (size_t have = 0; have < *ret_size;) {
                ssize_t n = read(fd, text + have, *ret_size - have);
                if (n <= 0)
                        return NULL;
                have += (size_t)n;
        }
        return TAKE(text);
}

/* `entry` is "=INDEX=WORD". A word takes the place of another, and never the program's. */
static bool put_word(char *entry, char **argv, int argc)
{
        char *end;
        unsigned long index = strtoul(entry + 1, &end, 10);

        if (end == entry + 1 || *end != '=' || index == 0 || index >= (unsigned long)argc) {
                errno = EINVAL;
                return false;
        }
        argv[index] = end + 1;
        return true;
}

/* `other`: of another command line than the one that the words are for. */
static bool put_all(char *text, size_t size, char **argv, int argc, bool other)
{
        for (char *s = text; s < text + size; s += strlen(s) + 1)
                if (*s == '=' ? !other && !put_word(s, argv, argc) : putenv(s) != 0)
                        return false;
        return true;
}

struct groups {
        size_t n;
        gid_t ids[GROUPS_MAX];
};

/* "7,8" */
static bool parse_groups(const char *s, struct groups *ret)
{
        for (char *end; *s; s = end + (*end == ',')) {
                if (ret->n == GROUPS_MAX)
                        return false;
                ret->ids[ret->n++] = (gid_t)strtoul(s, &end, 10);
                if (end == s || (*end && (*end != ',' || !end[1])))
                        return false;
        }
        return true;
}

static bool become(uid_t uid, gid_t gid, const struct groups *more, bool may_gain)
{
        cap_t none = cap_init();

        if (uid == (uid_t)-1 || gid == (gid_t)-1) { /* "leave it as it is", to the system calls below */
                errno = EINVAL;
                return false;
        }
        for (int c = 0; !may_gain && cap_get_bound(c) >= 0; c++)
                if (cap_drop_bound(c) < 0)
                        return false;
        return setgroups(more->n, more->ids) == 0 && setresgid(gid, gid, gid) == 0 && setresuid(uid, uid, uid) == 0 &&
               none && cap_set_proc(none) == 0 && cap_free(none) == 0 &&
               (may_gain || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
}

/*
 * HOME as container runtimes have it: the user's in /etc/passwd, and "/" for one who is not there. By now this is the
 * container's user, so whatever the file is there, it is read with no more than his rights; and no variable of the
 * pod's is there yet: its own HOME wins later, as a HOME of the package's unit does now.
 */
static bool go_home(uid_t uid)
{
        FILE *file = fopen("/etc/passwd", "re");
        const struct passwd *user = NULL;
        bool done;

        while (file && (user = fgetpwent(file)))
                if (user->pw_uid == uid)
                        break;
        done = setenv("HOME", user && *user->pw_dir ? user->pw_dir : "/", 0) == 0;
        if (file)
                (void)fclose(file);
        return done;
}

/*
 * Standard input, or a terminal, from the agent (agent/sessions/console.h): it knows by the kernel whose process this
 * is, and gets in return where the container's output goes. This is the container's user already, so what the agent
 * sends is no more than a descriptor to it. Without an agent the program runs without.
 */
static bool get_console(void)
{
        const struct sockaddr_un to = { .sun_family = AF_UNIX, .sun_path = CONSOLE_SOCKET };
        const struct timeval patience = { .tv_sec = 5 };
        _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))] = { 0 };
        char kind = CONSOLE_HELLO;
        struct iovec iov = { &kind, 1 };
        struct msghdr m = {
                .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)
        };
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        FD sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), fd = -1;

        *c = (struct cmsghdr){ .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int)) };
        memcpy(CMSG_DATA(c), &(int){ STDOUT_FILENO }, sizeof(int));
        if (sock < 0 || setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0 ||
            setsockopt(sock, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) < 0 || /* connect(2) waits by it */
            connect(sock, (const struct sockaddr *)&to, sizeof(to)) < 0 || sendmsg(sock, &m, MSG_NOSIGNAL) < 0 ||
            recvmsg(sock, &m, MSG_CMSG_CLOEXEC) != 1)
                return false;
        c = CMSG_FIRSTHDR(&m);
        if (!c || c->cmsg_type != SCM_RIGHTS || c->cmsg_len != CMSG_LEN(sizeof(int)))
                return false;
        memcpy(&fd, CMSG_DATA(c), sizeof(int));
        if (dup2(fd, STDIN_FILENO) < 0)
                return false;
        if (kind == CONSOLE_TERMINAL) /* PID 1 has made this process the leader of a session */
                return ioctl(fd, TIOCSCTTY, 0) == 0 && dup2(fd, STDOUT_FILENO) >= 0 && dup2(fd, STDERR_FILENO) >= 0;
        return true;
}

/*
 * Makes what is missing of `dir`, and enters it. A path that is there may lead through links; one that is to be made
 * may not, since another container of the pod could have put them there, and this process may be a root daemon's.
 */
static bool enter(const char *dir)
{
        FD at = -1;

        if (chdir(dir) == 0)
                return true;
        if (errno != ENOENT || starts_with(dir, "/proc/") ||
            starts_with(dir, "/sys/")) /* a cgroup would be the machine's */
                return false;
        at = walk(dir, true);
        return at >= 0 && fchdir(at) == 0;
}

int main(int argc, char **argv)
{
        static const struct option options[] = { { "user", required_argument, NULL, 'u' },
                                                 { "group", required_argument, NULL, 'g' },
                                                 { "groups", required_argument, NULL, 's' },
                                                 { "may-gain", no_argument, NULL, 'm' },
                                                 { "dir", required_argument, NULL, 'd' },
                                                 { "argv0", required_argument, NULL, 'a' },
                                                 { "console", no_argument, NULL, 'c' },
                                                 { "other", no_argument, NULL, 'o' },
                                                 { NULL, 0, NULL, 0 } };
        const char *program, *argv0 = NULL, *dir = NULL;
        char *carried;
        size_t size = 0;
        uid_t uid = 0;
        gid_t gid = 0;
        struct groups more = { 0 };
        bool may_gain = false, console = false, other = false;

        for (int c; (c = getopt_long(argc, argv, "+", options, NULL)) != -1;) {
                if (c == 'u')
                        uid = (uid_t)strtoul(optarg, NULL, 10);
                else if (c == 'g')
                        gid = (gid_t)strtoul(optarg, NULL, 10);
                else if (c == 's' && parse_groups(optarg, &more))
                        continue;
                else if (c == 'm')
                        may_gain = true;
                else if (c == 'c')
                        console = true;
                else if (c == 'o')
                        other = true;
                else if (c == 'd')
                        dir = optarg;
                else if (c == 'a')
                        argv0 = optarg;
                else
                        return NOT_RUN;
        }
        if (optind >= argc) {
                fprintf(stderr, "vks-exec: no program\n");
                return NOT_RUN;
        }
        carried = read_carried(&size);
        if (!carried)
                return failed("what the container is given");
        if (uid && (!become(uid, gid, &more, may_gain) || !go_home(uid)))
                return failed("becoming the container's user");
        if (dir && !enter(dir)) {
                CLEANUP(freep) char *what = xasprintf("workingDir %s", dir);
                return failed(what);
        }
        if (console && !get_console())
                fprintf(stderr, "vks-exec: there is no agent to give the container its terminal or input: %s\n",
                        strerror(errno));
        if (!put_all(carried, size, argv + optind, argc - optind, other))
                return failed("what the container is given");
        program = argv[optind];
        if (argv0)
                argv[optind] = (char *)(uintptr_t)argv0;
        execvp(program, argv + optind);
        return failed(program);
}
