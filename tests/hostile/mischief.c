/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs in the pods of compose.c. It tells the eye as whom it runs, does again and again what its words say, and looks
 * for secrets.
 *
 *      mischief package [WORD]...        the package's own command line: it only tells
 *      mischief code                     run by a package's program, which does not know for whom: it only tells
 *      mischief pod pNcM DEED...         as container M of pod N
 *          swap=PATH>TARGET              PATH is by turns a directory and a link to TARGET
 *          plant=PATH                    a copy of itself is there, with set-user-id
 *          write=PATH                    something is written there
 *          move=PATH>PATH
 *          fifo=PATH                     a FIFO is there, at which whoever reads it waits
 *          use=PATH                      runs it
 *          notify=TEXT                   says that to PID 1
 *          end                           ends instead of doing it again
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/base.h"
#include "common/fd.h"
#include "common/mem.h"
#include "tests/hostile/mischief.h"

enum { FILE_MAX = 256 * 1024, LOOK_DEPTH = 5, LOOK_ENTRIES = 600, ROUNDS = 400, ROUNDS_A_LOOK = 16 };

static const char volatile stamp[] = STAMP "P";
static const char *whose = "?", *who = "?";
static bool used; /* another of these has run it: its parent may be PID 1 by now, who has not */

static bool is_planted(void)
{
        return stamp[sizeof(STAMP) - 1] != 'P';
}

/* ---- telling ----------------------------------------------------------------------------------------------------- */

static int unix_socket(const char *path, bool abstract)
{
        struct sockaddr_un addr = { .sun_family = AF_UNIX };
        FD fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        struct timeval patience = { .tv_sec = 5 };
        socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + abstract + strlen(path));

        memcpy(addr.sun_path + abstract, path, strlen(path));
        if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) < 0 ||
            connect(fd, (struct sockaddr *)&addr, size) < 0)
                return -errno;
        return fd_take(&fd);
}

static void tell(const char *line)
{
        FD fd = unix_socket(EAR, true);

        if (fd >= 0)
                (void)!send(fd, line, strlen(line), MSG_NOSIGNAL);
}

/* All of its lines in one. */
static void read_cgroup(char *ret, size_t size)
{
        FD fd = open("/proc/self/cgroup", O_RDONLY | O_CLOEXEC);
        ssize_t n = fd < 0 ? -1 : read(fd, ret, size - 1);

        ret[n > 0 ? n : 0] = '\0';
        for (char *at = ret; (at = strchr(at, '\n'));)
                *at = ' ';
}

static void tell_who(void)
{
        uid_t r, e, s;
        gid_t gr, ge, gs, groups[64];
        int n = getgroups(64, groups);
        cap_t caps = cap_get_proc();
        cap_flag_value_t some = CAP_CLEAR;
        unsigned long long mask = 0;
        char cgroup[2048], path[1024] = "";
        ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 1);
        CLEANUP(freep) char *line = NULL, *more = xstrdup("");

        path[length > 0 ? length : 0] = '\0';
        getresuid(&r, &e, &s);
        getresgid(&gr, &ge, &gs);
        for (int i = 0; i < n; i++) {
                char *next = xasprintf("%s %u", more, groups[i]);
                free(more);
                more = next;
        }
        for (int cap = 0; cap <= CAP_LAST_CAP; cap++)
                for (int flag = 0; flag < 2; flag++)
                        if (cap_get_flag(caps, cap, flag ? CAP_PERMITTED : CAP_EFFECTIVE, &some) == 0 && some)
                                mask |= 1ULL << cap;
        cap_free(caps);
        read_cgroup(cgroup, sizeof(cgroup));
        line = xasprintf("is\t%s\t%s\t%s\t%d\t%u %u %u\t%u %u %u%s\t%llx\t%s\t%s", whose, who,
                         is_planted() ? "planted" : "shipped", used ? 0 : (int)getppid(), r, e, s, gr, ge, gs, more,
                         mask, path, cgroup);
        tell(line);
}

/* ---- looking ----------------------------------------------------------------------------------------------------- */

/* Not what its own pod was given: the secret of pod N, in pN's containers. What a package's script has run was told no
 * name; each pod's secrets are with its own user (give_env() in compose_steps.c). */
static bool is_own(const char *secret)
{
        unsigned digit = (unsigned)(secret[sizeof(SECRET "pod") - 1] - '0');

        if (!starts_with(secret, SECRET "pod"))
                return false;
        return who[0] == 'p' ? (unsigned)(who[1] - '0') == digit : geteuid() == 20000 + digit;
}

/* Each is told once. */
static void look_at(char *bytes, size_t size, const char *path)
{
        static char known[64][32];
        static size_t n_known;

        for (char *at = bytes; (at = memmem(at, (size_t)(bytes + size - at), SECRET, sizeof(SECRET) - 1)); at++) {
                char name[32];
                bool old = !is_secret(at, name);

                for (size_t i = 0; !old && i < n_known; i++)
                        old = streq(known[i], name);
                if (old || is_own(at) || n_known == ARRAY_LEN(known))
                        continue;
                snprintf(known[n_known++], sizeof(known[0]), "%s", name);
                CLEANUP(freep)
                char *line = xasprintf("found\t%s\t%s\t%s\t%u\t%s\t%s", whose, who,
                                       is_planted() ? "planted" : "shipped", geteuid(), name, path);
                tell(line);
        }
}

static void look_in(int fd, const char *path)
{
        static char bytes[FILE_MAX];
        ssize_t n = read(fd, bytes, sizeof(bytes) - 1);

        bytes[n > 0 ? n : 0] = '\0';
        if (n > 0)
                look_at(bytes, (size_t)n, path);
}

static void look_below(int at, const char *name, const char *path, unsigned depth, unsigned *left)
{
        FD fd = openat(at, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
        struct stat st;

        if (fd < 0 || fstat(fd, &st) < 0)
                return;
        if (S_ISREG(st.st_mode))
                look_in(fd, path);
        if (!S_ISDIR(st.st_mode) || depth == 0)
                return;
        DIR *d = fdopendir(dup(fd));
        for (struct dirent *e; d && *left > 0 && (e = readdir(d));) {
                CLEANUP(freep) char *below = xasprintf("%s/%s", path, e->d_name);

                if (e->d_name[0] == '.' && (!e->d_name[1] || e->d_name[1] == '.'))
                        continue;
                --*left;
                look_at(e->d_name, strlen(e->d_name), below);
                look_below(fd, e->d_name, below, depth - 1, left);
        }
        if (d)
                closedir(d);
}

static void look(void)
{
        static const char *const places[] = { "/srv",
                                              "/etc/compose",
                                              "/etc/vks",
                                              "/run/credentials",
                                              "/var/lib",
                                              "/var/cache",
                                              "/var/log",
                                              "/run/systemd/system",
                                              "/run/vks",
                                              "/mnt",
                                              "/opt",
                                              "/root",
                                              "/home",
                                              "/tmp",
                                              "/var/tmp",
                                              "/usr/share/compose",
                                              "/usr/libexec/vks",
                                              "/run/compose-run",
                                              "/var/disk",
                                              "/dev/shm" };
        DIR *proc = opendir("/proc");

        for (size_t i = 0; i < ARRAY_LEN(places); i++) {
                unsigned left = LOOK_ENTRIES;
                look_below(AT_FDCWD, places[i], places[i], LOOK_DEPTH, &left);
        }
        for (struct dirent *e; proc && (e = readdir(proc));)
                for (int i = 0; i < 2 && e->d_name[0] >= '1' && e->d_name[0] <= '9'; i++) {
                        CLEANUP(freep) char *path = xasprintf("/proc/%s/%s", e->d_name, i ? "cmdline" : "environ");
                        FD fd = open(path, O_RDONLY | O_CLOEXEC);
                        if (fd >= 0)
                                look_in(fd, path);
                }
        if (proc)
                closedir(proc);
}

/* ---- deeds ------------------------------------------------------------------------------------------------------- */

static void plant(const char *path)
{
        static char bytes[1 << 20];
        FD from = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
        ssize_t n = from < 0 ? -1 : read(from, bytes, sizeof(bytes));
        /* not by the literal, which the file would have twice then */
        char *at = n > 0 ? memmem(bytes, (size_t)n, (const char *)(uintptr_t)stamp, sizeof(STAMP) - 1) : NULL;
        CLEANUP(freep) char *new = xasprintf("%s.new", path);
        FD fd = at ? open(new, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755) : -1;

        if (fd < 0)
                return;
        at[sizeof(STAMP) - 1] = 'Q';
        if (write(fd, bytes, (size_t)n) != n || fchmod(fd, 0755) < 0)
                return;
        (void)fchmod(fd, 06755);
        fd_close(fd_take(&fd));
        (void)rename(new, path);
}

static void swap(const char *path, const char *target)
{
        CLEANUP(freep) char *link = xasprintf("%s.l", path);

        if (mkdir(path, 0777) < 0 && errno != EEXIST)
                return;
        if (symlink(target, link) == 0 || errno == EEXIST)
                (void)renameat2(AT_FDCWD, path, AT_FDCWD, link, RENAME_EXCHANGE);
}

static void write_to(const char *path)
{
        FD fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_NONBLOCK | O_CLOEXEC, 0666);
        CLEANUP(freep) char *dir = xasprintf("%s.d", path), *device = xasprintf("%s.dev", path);

        if (fd >= 0)
                (void)!write(fd, "mischief\n", 9), (void)fchmod(fd, 06777);
        (void)mkdir(dir, 0777);
        (void)chmod(dir, 06777);
        (void)mknod(device, S_IFCHR | 0666, makedev(1, 5));
        (void)chmod(path, 0777);
}

static void fifo(const char *path)
{
        CLEANUP(freep) char *new = xasprintf("%s.new", path);

        if (mkfifo(new, 0666) == 0 || errno == EEXIST)
                (void)rename(new, path);
}

static void use(const char *path)
{
        pid_t pid = fork();

        if (pid == 0) {
                execl(path, path, "pod", who, "used", "end", (char *)NULL);
                _exit(0);
        }
        if (pid > 0)
                (void)waitpid(pid, NULL, 0);
}

static void notify(const char *text)
{
        FD fd = unix_socket("/run/systemd/notify", false);

        if (fd >= 0)
                (void)!send(fd, text, strlen(text), MSG_NOSIGNAL);
}

static void do_as_told(char *word)
{
        char *a = strchr(word, '='), *b = a ? strchr(a, '>') : NULL;
        CLEANUP(freep) char *first = a ? xstrndup(a + 1, b ? (size_t)(b - a - 1) : strlen(a + 1)) : NULL;

        if (!first)
                return;
        if (starts_with(word, "swap=") && b)
                swap(first, b + 1);
        else if (starts_with(word, "move=") && b)
                (void)rename(first, b + 1);
        else if (starts_with(word, "plant="))
                plant(first);
        else if (starts_with(word, "write="))
                write_to(first);
        else if (starts_with(word, "fifo="))
                fifo(first);
        else if (starts_with(word, "use="))
                use(first);
        else if (starts_with(word, "notify="))
                notify(first);
}

int main(int argc, char **argv)
{
        bool again = true;

        signal(SIGPIPE, SIG_IGN);
        umask(0);
        whose = argc > 1 ? argv[1] : "?";
        who = argc > 2 && streq(whose, "pod") ? argv[2] : "?";
        used = argc > 3 && streq(argv[3], "used");
        tell_who();
        if (streq(whose, "code"))
                return 0;
        if (!streq(whose, "pod") && !is_planted()) {
                for (int i = 0; i < ROUNDS && argc > 2 && streq(argv[2], "stay"); i++)
                        nanosleep(&(struct timespec){ .tv_nsec = 100000000 }, NULL);
                return 0;
        }
        for (int round = 0; round < ROUNDS && again; round++) {
                for (int i = 3; i < argc; i++) {
                        do_as_told(argv[i]);
                        again &= !streq(argv[i], "end");
                }
                if (round % ROUNDS_A_LOOK == 0)
                        look();
                nanosleep(&(struct timespec){ .tv_nsec = 40000000 }, NULL);
        }
        return 0;
}
