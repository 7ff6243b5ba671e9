/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The eye. It is root's and looks from outside, so that nothing that runs in a pod can tell it what to see; only what a
 * program in a pod can read and what it may do, it hears from that program itself (mischief.c), who means to boast.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <systemd/sd-journal.h>
#include <time.h>

#include "common/fd.h"
#include "common/mem.h"
#include "tests/hostile/compose.h"

static unsigned seen; /* marks, since whoever asks set it to 0 */

void mark(const char *fmt, ...)
{
        va_list ap;

        va_start(ap, fmt);
        printf("MARK: ");
        vprintf(fmt, ap);
        printf("\n");
        va_end(ap);
        fflush(stdout);
        seen++;
}

unsigned marks_told(void)
{
        unsigned n = seen;

        seen = 0;
        return n;
}

/* ---- files: of the whole machine, before and after --------------------------------------------------------------- */

struct file {
        char *path;
        struct stat st;
};
struct files {
        struct file *all;
        size_t n, size;
};

/* Where the machine itself is at work, and what is vks's. What is in there is told by other looks. */
static const char *const alive[] = {
        "/proc",
        "/sys",
        "/dev/pts",
        "/dev/mqueue",
        "/run/vks",
        "/run/log",
        "/var/log/journal",
        "/run/systemd/units",
        "/run/systemd/transient",
        "/run/systemd/propagate",
        "/run/systemd/inaccessible",
        "/run/systemd/journal",
        "/run/systemd/sessions",
        "/run/systemd/generator",
        "/run/systemd/generator.late",
        "/run/systemd/systemd-units-load",
        "/run/systemd/incoming",
        "/run/systemd/timesync",
        "/run/systemd/dynamic-uid",
        "/run/systemd/unit-private-tmp",
        "/run/systemd/unit-root",
        "/run/credentials",
        "/run/user",
        "/run/host",
        "/run/udev",
        "/run/dbus",
        "/run/utmp",
        "/run/systemd/system.control",
        "/var/lib/vks",
        "/var/cache/vks",
        "/var/lib/systemd",
        "/var/lib/apt",
        "/var/cache/apt",
        "/var/lib/dpkg/lock",
        "/var/lib/dpkg/lock-frontend",
        "/var/log/apt",
        "/var/log/wtmp",
        "/var/log/lastlog",
        "/var/log/btmp",
        "/srv/compose/rw",
        "/etc/vks/policy.conf",
        "/etc/vks/policy.conf.new",
        "/run/compose.sock",
        TAKEN_AWAY,
};
/* Things come and go in these: they have no time. */
static const char *const busy[] = { "/run",     "/run/systemd", "/run/systemd/system",
                                    "/tmp",     "/var/tmp",     "/dev",
                                    "/dev/shm", "/etc/vks",     "/var/lib/dpkg",
                                    "/var/log", "/var/cache",   "/run/lock" };

static bool is_among(const char *const *list, size_t n, const char *path)
{
        for (size_t i = 0; i < n; i++)
                if (streq(list[i], path))
                        return true;
        return false;
}

static struct files *walked;

static int take(const char *path, const struct stat *st, int type, UNUSED struct FTW *how)
{
        bool ours = starts_with(path, "/run/systemd/system/vks.") ||
                    starts_with(path, "/run/systemd/system/vks-exec-") ||
                    starts_with(path, "/run/systemd/system/run-vks-") ||
                    starts_with(path, "/run/systemd/system/kubepods-") || starts_with(path, "/tmp/apt") ||
                    starts_with(path, "/run/systemd/namespace-") || /* of units of the machine's that begin just now */
                    starts_with(path, "/tmp/systemd-private-") || starts_with(path, "/var/tmp/systemd-private-");

        if (type == FTW_NS || ours || is_among(alive, ARRAY_LEN(alive), path))
                return FTW_SKIP_SUBTREE;
        if (walked->n == walked->size) {
                walked->size = walked->size * 2 + 1024;
                walked->all = xrealloc(walked->all, walked->size, sizeof(*walked->all));
        }
        struct file *f = &walked->all[walked->n++];
        *f = (struct file){ xstrdup(path), *st };
        if (is_among(busy, ARRAY_LEN(busy), path))
                f->st.st_mtim = f->st.st_ctim = (struct timespec){ 0 };
        return FTW_CONTINUE;
}

static int by_path(const void *a, const void *b)
{
        return strcmp(((const struct file *)a)->path, ((const struct file *)b)->path);
}

static void walk(struct files *ret)
{
        static const char *const tops[] = { "/boot", "/dev", "/etc", "/home", "/media", "/mnt", "/opt",
                                            "/root", "/run", "/srv", "/tmp",  "/usr",   "/var" };

        walked = ret;
        for (size_t i = 0; i < ARRAY_LEN(tops); i++)
                (void)nftw(tops[i], take, 64, FTW_PHYS | FTW_ACTIONRETVAL);
        qsort(ret->all, ret->n, sizeof(*ret->all), by_path);
}

static void free_files(struct files *f)
{
        for (size_t i = 0; i < f->n; i++)
                free(f->all[i].path);
        free(f->all);
        *f = (struct files){ 0 };
}

/* Whatever is done to a file leaves its time of change, which nobody can set. */
static const char *difference(const struct stat *a, const struct stat *b)
{
        if ((a->st_mode & S_IFMT) != (b->st_mode & S_IFMT) || a->st_rdev != b->st_rdev)
                return "is of another kind";
        if (a->st_mode != b->st_mode)
                return "has another mode";
        if (a->st_uid != b->st_uid || a->st_gid != b->st_gid)
                return "has another owner";
        if (a->st_mtim.tv_sec != b->st_mtim.tv_sec || a->st_mtim.tv_nsec != b->st_mtim.tv_nsec)
                return S_ISDIR(a->st_mode) ? "had something made or removed in it" : "has another content";
        if (a->st_ctim.tv_sec != b->st_ctim.tv_sec || a->st_ctim.tv_nsec != b->st_ctim.tv_nsec)
                return "was changed";
        return NULL;
}

static struct files before;

/* What pods may write to: no right of anybody's may be left there. */
static int look_at_left(const char *path, const struct stat *st, int type, UNUSED struct FTW *how)
{
        char caps[64];

        if (type == FTW_NS) /* renamed meanwhile: *st holds nothing */
                return 0;
        if (!S_ISDIR(st->st_mode) && !S_ISLNK(st->st_mode) && (st->st_mode & 06000))
                mark("%s is left with set-user-id or set-group-id, mode %o, of %u", path, st->st_mode & 07777,
                     st->st_uid);
        if (S_ISBLK(st->st_mode) || S_ISCHR(st->st_mode))
                mark("%s is left, a device", path);
        if (S_ISREG(st->st_mode) && lgetxattr(path, "security.capability", caps, sizeof(caps)) > 0)
                mark("%s is left with capabilities", path);
        return 0;
}

unsigned look_at_files(void)
{
        struct files after = { 0 };
        size_t a = 0, b = 0;

        walk(&after);
        while (a < before.n || b < after.n) {
                int order = a == before.n ? 1 : b == after.n ? -1 : strcmp(before.all[a].path, after.all[b].path);
                const char *what = order ? NULL : difference(&before.all[a].st, &after.all[b].st);
                const struct stat *st = &after.all[b].st;

                if (order < 0)
                        mark("%s is gone", before.all[a].path);
                else if (order > 0)
                        mark("%s is new, mode %o, of %u:%u", after.all[b].path, st->st_mode, st->st_uid, st->st_gid);
                else if (what)
                        mark("%s %s: mode %o, of %u:%u", after.all[b].path, what, st->st_mode, st->st_uid, st->st_gid);
                a += order <= 0;
                b += order >= 0;
        }
        free_files(&before);
        before = after;
        (void)nftw("/srv/compose/rw", look_at_left, 64, FTW_PHYS);
        static const char *const closed[] = { "/run/vks/pods", "/var/lib/vks/pods", "/run/vks/log" };
        for (size_t i = 0; i < ARRAY_LEN(closed); i++) {
                struct stat st;
                if (stat(closed[i], &st) < 0 || st.st_uid != 0 || (st.st_mode & 077))
                        mark("%s is open", closed[i]);
        }
        struct stat messages;
        if (stat("/run/vks/messages", &messages) < 0 || messages.st_uid != 0 || (messages.st_mode & 067))
                mark("/run/vks/messages is open");
        return marks_told();
}

/* ---- processes --------------------------------------------------------------------------------------------------- */

static bool read_proc(pid_t pid, const char *name, char *ret, size_t size)
{
        char path[64];

        snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
        FD fd = open(path, O_RDONLY | O_CLOEXEC);
        size_t at = 0;
        for (ssize_t n; fd >= 0 && at < size - 1 && (n = read(fd, ret + at, size - 1 - at)) > 0;)
                at += (size_t)n;
        ret[at] = '\0';
        return at > 0;
}

/* PID 1's own child before it becomes the program, and vks-exec before it becomes the user, are root: by the file that
 * they run, not by a name that a pod might give to another one. */
static bool is_roots_own(pid_t pid)
{
        static const char *const programs[] = { "/usr/lib/systemd/systemd", "/usr/lib/systemd/systemd-executor",
                                                "/usr/libexec/vks/vks-exec" };
        char path[64];
        struct stat exe, st;

        snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
        if (stat(path, &exe) < 0)
                return true; /* it has ended */
        for (size_t i = 0; i < ARRAY_LEN(programs); i++)
                if (stat(programs[i], &st) == 0 && st.st_dev == exe.st_dev && st.st_ino == exe.st_ino)
                        return true;
        return false;
}

static bool was_asked(const struct sequence *s, const char *at)
{
        static const char *const aliases[][2] = { { "/var/run/", "/run/" },
                                                  { "/var/lock/", "/run/lock/" },
                                                  { "/bin", "/usr/bin" },
                                                  { "/lib/", "/usr/lib/" } };

        for (size_t p = 0; p < PODS; p++)
                for (size_t i = 0; i < s->asked[p].n_targets; i++) {
                        const char *target = s->asked[p].targets[i];
                        if (streq(target, at))
                                return true;
                        for (size_t a = 0; a < ARRAY_LEN(aliases); a++) {
                                size_t n = strlen(aliases[a][0]);
                                if (strncmp(target, aliases[a][0], n) == 0 && starts_with(at, aliases[a][1]) &&
                                    streq(target + n, at + strlen(aliases[a][1])))
                                        return true;
                        }
                }
        return false;
}

#define GONE "//deleted" /* what the kernel says behind the root of a mount whose directory was removed */

/* A pod's volume lies where a container asked for it, a directory that PID 1 gave away where the package has it; and
 * nowhere else. */
static void look_at_mounts(const struct sequence *s, pid_t pid, const char *unit)
{
        static char mounts[256 * 1024];
        char *save = NULL;

        if (is_roots_own(pid) || !read_proc(pid, "mountinfo", mounts, sizeof(mounts)))
                return;
        for (char *line = strtok_r(mounts, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
                char root[1024], at[1024];
                bool volume = false;

                if (sscanf(line, "%*d %*d %*s %1023s %1023s", root, at) != 2)
                        continue;
                if (ends_with(root, GONE)) /* it is gone with another container that PID 1 gave it to */
                        root[strlen(root) - strlen(GONE)] = '\0';
                for (size_t p = 0; p < PODS; p++) {
                        const char *of = strstr(root, pod_uids[p]);
                        of = of ? of + strlen(pod_uids[p]) : "";
                        volume |= starts_with(of, "/volumes/") || starts_with(of, "/files/") ||
                                  (starts_with(of, "/given/") && !streq(of + sizeof("/given") - 1, at) &&
                                   !starts_with(at, "/run/vks/pods/")); /* where PID 1 itself has it */
                }
                if (volume && !was_asked(s, at))
                        mark("a volume (%s) is at %s in %s, where no container asked for it", root, at, unit);
        }
}

/* Commands beside containers have units of their own, whose names have the pod's uid. */
#define COMMANDS "vks-exec-c0c0c0c0-"

static bool is_of_commands(const char *cgroup)
{
        return strstr(cgroup, "/" COMMANDS) != NULL;
}

static bool is_of_pods(const char *cgroup)
{
        return strstr(cgroup, "/vks." NAMESPACE ".") != NULL || is_of_commands(cgroup);
}

unsigned look_at_processes(const struct sequence *s)
{
        DIR *proc = opendir("/proc");

        for (struct dirent *e; proc && (e = readdir(proc));) {
                pid_t pid = (pid_t)strtol(e->d_name, NULL, 10);
                char cgroup[1024], status[4096], command[256];
                unsigned r, eff, sav, fs;

                if (pid <= 0 || !read_proc(pid, "cgroup", cgroup, sizeof(cgroup)) || !is_of_pods(cgroup))
                        continue;
                bool own = is_roots_own(pid); /* first: it may become the program, and its user, at any time */
                if (!read_proc(pid, "status", status, sizeof(status)))
                        continue;
                bool command_only = is_of_commands(cgroup); /* root has no business there, whatever policy says */
                const char *unit = strstr(cgroup, command_only ? COMMANDS : "vks." NAMESPACE ".");
                cgroup[(size_t)(unit - cgroup) + strcspn(unit, "\n/")] = '\0';
                const char *ids = strstr(status, "\nUid:");
                if (ids && sscanf(ids + 5, "%u %u %u %u", &r, &eff, &sav, &fs) == 4 && (!r || !eff || !sav || !fs) &&
                    (command_only || !s->package_root) && !own) {
                        (void)read_proc(pid, "cmdline", command, sizeof(command));
                        mark("a process of a pod is root where nothing may be: %s in %s", command, unit);
                }
                look_at_mounts(s, pid, unit);
        }
        if (proc)
                closedir(proc);
        return marks_told();
}

/* ---- what mischief tells ----------------------------------------------------------------------------------------- */

static int ear = -1;
static bool honest_heard;
static uid_t vks_pod;

static void listen_to_mischief(void)
{
        struct sockaddr_un addr = { .sun_family = AF_UNIX };
        const struct passwd *pw = getpwnam(FALLBACK_USER);
        int size = 4 << 20;

        memcpy(addr.sun_path + 1, EAR, strlen(EAR));
        ear = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (ear < 0 || !pw ||
            bind(ear, (struct sockaddr *)&addr, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(EAR))) <
                    0) {
                printf("compose: no ear, or no user " FALLBACK_USER "\n");
                exit(2);
        }
        (void)setsockopt(ear, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
        vks_pod = pw->pw_uid;
}

/* The default ranges of policy (packaging/policy.conf), vks-pod, and users of the package's units. */
static bool may_be(unsigned id, bool dynamic)
{
        return id == vks_pod || id == 1 || (id >= 1000 && id <= 59999) || (id >= 65520 && id <= 65533) ||
               (dynamic && id >= 61184 && id <= 65519);
}

static void judge(const struct sequence *s, char *line)
{
        char *field[16] = { NULL }, *copy = line;
        size_t n = 0;
        unsigned r, e, sv, gid;

        for (char *f; n < ARRAY_LEN(field) && (f = strsep(&copy, "\t"));)
                field[n++] = f;
        if (n >= 7 && streq(field[0], "found")) {
                /* what the package's own line can read is its own affair */
                if (!streq(field[1], "package") || streq(field[3], "planted"))
                        mark("the secret \"%s\" was read by %s %s (%s) as %s in %s", field[5], field[1], field[2],
                             field[3], field[4], field[6]);
                return;
        }
        if (n < 10 || !streq(field[0], "is") || sscanf(field[5], "%u %u %u", &r, &e, &sv) != 3)
                return;
        honest_heard |= streq(field[2], "honest");
        const char *whose = field[1], *cgroup = field[9];
        bool planted = streq(field[3], "planted"), own = streq(whose, "package") && !planted;
        bool root = !r || !e || !sv, dynamic = is_of_pods(cgroup);
#define WHO                                                                                                            \
        "%s %s (%s) uids %s groups %s capabilities %s %s in %s", whose, field[2], field[3], field[5], field[6],        \
                field[7], field[8], cgroup
        if (!is_of_pods(cgroup))
                mark("runs outside of pods: " WHO);
        if (!own && strtoull(field[7], NULL, 16)) /* what its package's unit gives a daemon is the package's affair */
                mark("has capabilities: " WHO);
        if (root && !(own && s->package_root))
                mark("is root: " WHO);
        /* the command line of a package may be what it likes to be, as the pod's own user; a program that policy has
         * named may not */
        if (planted && streq(field[4], "1") && !starts_with(field[8], "/usr/share/compose/"))
                mark("PID 1 has run what a pod brought: " WHO);
        if (r != e || e != sv)
                mark("set-user-id has worked: " WHO);
        if (!root && !may_be(e, dynamic))
                mark("is a user that policy does not give: " WHO);
        if (!own && !root && strtoull(field[7], NULL, 16))
                mark("has capabilities: " WHO);
        for (char *groups = field[6], *end; !own && !root; groups = end) {
                gid = (unsigned)strtoul(groups, &end, 10);
                if (end == groups)
                        break;
                if (!may_be(gid, dynamic))
                        mark("is in a group that policy does not give: " WHO);
        }
#undef WHO
}

unsigned look_at_reports(const struct sequence *s, int timeout_ms)
{
        struct timespec t;
        long end;

        clock_gettime(CLOCK_MONOTONIC, &t);
        end = t.tv_sec * 1000 + t.tv_nsec / 1000000 + timeout_ms;
        for (long left = timeout_ms; left >= 0;) {
                char line[8192];
                struct pollfd p = { .fd = ear, .events = POLLIN };

                if (poll(&p, 1, (int)left) > 0) {
                        ssize_t n = recv(ear, line, sizeof(line) - 1, 0);
                        if (n > 0) {
                                line[n] = '\0';
                                judge(s, line);
                        }
                } else {
                        break;
                }
                clock_gettime(CLOCK_MONOTONIC, &t);
                left = end - (t.tv_sec * 1000 + t.tv_nsec / 1000000);
        }
        return marks_told();
}

bool look_was_honest(void)
{
        bool was = honest_heard;

        honest_heard = false;
        return was;
}

/* ---- secrets, where anybody looks -------------------------------------------------------------------------------- */

/* Of everybody's, what has a secret in its name or in its bytes; the one that mischief says is no secret. */
static void look_at_bytes(const char *bytes, size_t size, const char *path)
{
        char name[32];

        for (const char *at = bytes; (at = memmem(at, (size_t)(bytes + size - at), SECRET, sizeof(SECRET) - 1)); at++)
                if (is_secret(at, name)) {
                        mark("anybody reads the secret \"%s\" in %s", name, path);
                        return;
                }
}

static void look_at_stream(FILE *f, const char *path)
{
        static char bytes[4 << 20];
        size_t n = f ? fread(bytes, 1, sizeof(bytes) - 1, f) : 0;

        bytes[n] = '\0';
        look_at_bytes(bytes, n, path);
}

static sd_journal *journal;

static void look_in_journal(void)
{
        static const char *const bad[] = { "status=11/SEGV", "status=31/SYS", "status=6/ABRT",
                                           "status=7/BUS",   "status=4/ILL",  "status=14/ALRM",
                                           "runtime error:", "Sanitizer",     "dumped core" };

        while (journal && sd_journal_next(journal) > 0) {
                const void *data;
                size_t size;
                bool helpers = false;
                char said[512] = "";

                SD_JOURNAL_FOREACH_DATA(journal, data, size)
                {
                        CLEANUP(freep) char *text = xmemdup(data, size);

                        look_at_bytes(text, size, "the journal");
                        helpers |= size >= 18 && (memmem(data, size, "UNIT=vks-helper.service", 23) ||
                                                  memmem(data, size, "UNIT=vks-log.service", 20));
                        if (size > 8 && size < sizeof(said) && memcmp(data, "MESSAGE=", 8) == 0)
                                snprintf(said, sizeof(said), "%.*s", (int)size, text);
                }
                for (size_t i = 0; helpers && i < ARRAY_LEN(bad); i++)
                        if (strstr(said, bad[i]))
                                mark("vks-helper or vks-log has failed: %s", said);
        }
}

static int look_in_file(const char *path, const struct stat *st, int type, UNUSED struct FTW *how)
{
        if (streq(path, "/run/log") || streq(path, "/run/host") || streq(path, "/run/udev"))
                return FTW_SKIP_SUBTREE;
        look_at_bytes(path, strlen(path), "a name");
        if (type == FTW_NS || !S_ISREG(st->st_mode))
                return FTW_CONTINUE;
        int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
        FILE *f = fd < 0 ? NULL : fdopen(fd, "r");
        look_at_stream(f, path);
        if (f)
                fclose(f);
        return FTW_CONTINUE;
}

static _Noreturn void look_as_nobody(void)
{
        static const char *const tops[] = { "/run", "/tmp", "/var/tmp", "/dev/shm", "/srv", "/var/lib" };
        const struct passwd *nobody = getpwnam("nobody");

        if (!nobody || setgroups(0, NULL) < 0 || setresgid(nobody->pw_gid, nobody->pw_gid, nobody->pw_gid) < 0 ||
            setresuid(nobody->pw_uid, nobody->pw_uid, nobody->pw_uid) < 0)
                _exit(2);
        for (size_t i = 0; i < ARRAY_LEN(tops); i++)
                (void)nftw(tops[i], look_in_file, 64, FTW_PHYS | FTW_ACTIONRETVAL);
        DIR *proc = opendir("/proc");
        for (struct dirent *e; proc && (e = readdir(proc));)
                for (int i = 0; i < 2 && e->d_name[0] >= '1' && e->d_name[0] <= '9'; i++) {
                        CLEANUP(freep) char *path = xasprintf("/proc/%s/%s", e->d_name, i ? "cmdline" : "environ");
                        FILE *f = fopen(path, "re");
                        look_at_stream(f, path);
                        if (f)
                                fclose(f);
                }
        FILE *show = popen("systemctl show 'vks.*' 'run-vks*' 2>/dev/null", "re");
        look_at_stream(show, "systemctl show");
        if (show)
                pclose(show);
        _exit(seen ? 1 : 0);
}

unsigned look_for_secrets(void)
{
        int status = 0;
        pid_t pid;

        fflush(stdout);
        if ((pid = fork()) == 0)
                look_as_nobody();
        if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status) == 2)
                mark("nobody could not look");
        else
                seen += WEXITSTATUS(status) == 1;
        look_in_journal();
        return marks_told();
}

/* ---- when all pods are gone -------------------------------------------------------------------------------------- */

static void look_at_names(const char *dir, const char *beginning)
{
        DIR *d = opendir(dir);

        for (struct dirent *e; d && (e = readdir(d));)
                if (e->d_name[0] != '.' && starts_with(e->d_name, beginning))
                        mark("%s/%s is left", dir, e->d_name);
        if (d)
                closedir(d);
}

/* The helper takes a removed pod's files away bit by bit, while it answers others. */
static bool has_names(const char *dir, const char *beginning)
{
        DIR *d = opendir(dir);
        bool has = false;

        for (struct dirent *e; d && !has && (e = readdir(d));)
                has = starts_with(e->d_name, beginning);
        if (d)
                closedir(d);
        return has;
}

unsigned look_at_what_is_left(void)
{
        static char mounts[1 << 20];
        DIR *proc = opendir("/proc");

        look_at_names("/run/systemd/system", "vks." NAMESPACE ".");
        look_at_names("/run/systemd/system", "run-vks-pods-c0c0");
        look_at_names("/run/systemd/system", "kubepods-");
        look_at_names("/run/systemd/system", COMMANDS);
        for (int i = 0;
             i < 1000 && (has_names("/run/vks/pods", "c0c0c0c0-") || has_names("/var/lib/vks/pods", "c0c0c0c0-") ||
                          has_names("/run/systemd/transient", COMMANDS));
             i++)
                nanosleep(&(struct timespec){ .tv_nsec = 20000000 }, NULL);
        look_at_names("/run/systemd/transient", COMMANDS);
        for (size_t p = 0; p < PODS; p++) {
                look_at_names("/run/vks/pods", pod_uids[p]);
                look_at_names("/var/lib/vks/pods", pod_uids[p]);
        }
        if (read_proc(1, "mountinfo", mounts, sizeof(mounts)) &&
            (strstr(mounts, "c0c0c0c0-") || strstr(mounts, "/compose")))
                mark("a mount is left on the machine: %.200s",
                     strstr(mounts, "c0c0c0c0-") ? strstr(mounts, "c0c0c0c0-") : strstr(mounts, "/compose"));
        for (struct dirent *e; proc && (e = readdir(proc));) {
                pid_t pid = (pid_t)strtol(e->d_name, NULL, 10);
                char cgroup[1024], command[256] = "";

                if (pid > 0 && read_proc(pid, "cgroup", cgroup, sizeof(cgroup)) && is_of_pods(cgroup)) {
                        (void)read_proc(pid, "cmdline", command, sizeof(command));
                        mark("process %d (%s) is left in %s", (int)pid, command, cgroup);
                }
        }
        if (proc)
                closedir(proc);
        return marks_told();
}

void look_begin(void)
{
        listen_to_mischief();
        walk(&before);
        if (before.n < 5000) {
                printf("compose: %zu files are no machine\n", before.n);
                exit(2);
        }
        if (sd_journal_open(&journal, SD_JOURNAL_LOCAL_ONLY) < 0 || sd_journal_seek_tail(journal) < 0 ||
            sd_journal_previous(journal) < 0) {
                printf("compose: there is no journal\n");
                exit(2);
        }
}
