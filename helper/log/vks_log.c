/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vks-log: what containers write to stdout and stderr, brought to the journal as it is.
 *
 * If journald's own socket were a container's stdout, the container could not open it by name (/dev/stdout: ENXIO),
 * and journald would change what arrives by it: "<6>" at a line's beginning, empty lines and NULs get lost. So stdout
 * and stderr of a container are pipes, as in any container: FIFOs in LOG_DIR, which START makes anew for each run
 * (helper/logs.c) and PID 1's child opens. One process for the whole machine reads them all. A process per container
 * would be in the container's cgroup, where PID 1 kills it as soon as the main process ends, with the last words
 * unread; and it would cost each pod memory and time.
 *
 *   UID.CONTAINER                what stands before each of its messages, in the journal's native protocol
 *   UID.CONTAINER.out, .err      the FIFOs
 *   UID.CONTAINER.gone           what stands before the messages of a container that is removed: REMOVE gives this name
 *                                to the first file, for what is still in the pipes; it is ended here, after them
 *
 * This process has user id 0, but no capability. It needs the id since journalctl -u shows messages about a unit by
 * others (OBJECT_SYSTEMD_UNIT=) only if root sent them. A container's bytes are only sent as the value of MESSAGE=,
 * with its length before it: so they cannot become a field.
 *
 * It may be killed at any moment: PID 1 keeps the reading ends (FileDescriptorStoreMax=) with all that is in them, so
 * that no writer gets SIGPIPE, and gives them to the next one. It is started when there is something in LOG_DIR
 * (vks-log.path), and leaves when there is nothing.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/file.h"
#include "common/mem.h"
#include "helper/text/unit_text.h"

#define JOURNAL_SOCKET "/run/systemd/journal/socket"
#define RUNS_DIR       "/run/systemd/units"

enum {
        PART_MAX =
                16 * 1024, /* of a line, as other container runtimes have it; what is longer becomes several messages */
        READ_MAX = 4096,   /* at a time: whoever writes much is no reason for others to wait long */
        BATCH_MAX = 64 * 1024,
        MESSAGES_MAX = 64, /* in a batch */
        FIELDS_MAX = 4096,
        HEAD_MAX = FIELDS_MAX + 256, /* of a message, all but its text */
        EVENTS = 64,
        RUNS_MAX = 8,           /* of a container, whose pipes are kept open for last words */
        LATE_MAX = 1024 * 1024, /* in a pipe: pipe(7), pipe-max-size */
        IDLE_MS = 10 * 1000,
        RETRY_MS = 100, /* while journald is away */
        RETRIES = 100,
        FIRST_FD = 3, /* of those that PID 1 gives (sd_listen_fds(3)) */
};

struct pipe {
        struct pipe *next, *next_ready, *next_again;
        int fd;
        ino_t inode;
        char name[NAME_MAX + 1]; /* in LOG_DIR; another FIFO may have it by now */
        char *fields, *unit;
        size_t n_fields;
        char run[48]; /* one more field: the invocation id of who writes; "" where that is not known */
        bool ready, told;
        bool over;   /* nobody of the container's writes to it any more: what is in it is read, and that is all */
        size_t late; /* read since */
        char *rest;  /* a line that has begun */
        size_t n_rest;
};

struct logger {
        int dir, watch, epoll, journal;
        int end;    /* a signalfd(2) of SIGTERM: a handler's word could come just before the wait, which would go on */
        bool ended; /* it was heard */
        const char *notify;
        struct pipe *pipes;
        struct pipe *ready, **ready_end; /* first who was written to first: stdout and stderr are two pipes */
        char batch[BATCH_MAX];           /* messages for the journal, */
        size_t n_batch;
        size_t messages[MESSAGES_MAX]; /* which begin there */
        unsigned n_messages;
};

/* ---- PID 1, which keeps descriptors (sd_notify(3)) --------------------------------------------------------------- */

static void notify(const struct logger *l, const char *text, int fd)
{
        struct sockaddr_un to = { .sun_family = AF_UNIX };
        size_t n = l->notify ? strlen(l->notify) : 0;
        union {
                struct cmsghdr header;
                char space[CMSG_SPACE(sizeof(int))];
        } control = { .header = {
                              .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int)) } };
        struct iovec words = { .iov_base = (char *)(uintptr_t)text, .iov_len = strlen(text) };
        struct msghdr m = { .msg_name = &to, .msg_iov = &words, .msg_iovlen = 1 };
        FD sock = -1;

        if (n == 0 || n >= sizeof(to.sun_path))
                return;
        memcpy(to.sun_path, l->notify, n);
        if (to.sun_path[0] == '@')
                to.sun_path[0] = '\0';
        m.msg_namelen = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
        if (fd >= 0) {
                memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
                m.msg_control = &control;
                m.msg_controllen = sizeof(control);
        }
        sock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (sock >= 0)
                (void)sendmsg(sock, &m, MSG_NOSIGNAL);
}

static void keep(const struct logger *l, const struct pipe *p, bool kept)
{
        CLEANUP(freep)
        char *text = kept ? xasprintf("FDSTORE=1\nFDPOLL=0\nFDNAME=%s.%ju", p->name, (uintmax_t)p->inode)
                          : xasprintf("FDSTOREREMOVE=1\nFDNAME=%s.%ju", p->name, (uintmax_t)p->inode);

        notify(l, text, kept ? p->fd : -1);
}

/* ---- lines ------------------------------------------------------------------------------------------------------- */

/* Which run writes is what PID 1 says as it begins (exported for journald); it takes that back when the unit has ended.
 */
static void look_for_run(struct pipe *p)
{
        CLEANUP(freep) char *path = xasprintf(RUNS_DIR "/invocation:%s", p->unit);
        char id[33];
        ssize_t n = readlink(path, id, sizeof(id) - 1);

        *p->run = '\0';
        if (n > 0)
                snprintf(p->run, sizeof(p->run), "VKS_RUN=%.*s\n", (int)n, id);
        p->told = true;
}

/*
 * A datagram for each message, many of them with one system call. (Several in one datagram are what the protocol allows
 * as well, but the journald of systemd 257 stores the first of them only.)
 */
static void flush(struct logger *l)
{
        struct mmsghdr datagrams[MESSAGES_MAX] = { 0 };
        struct iovec parts[MESSAGES_MAX];
        unsigned sent = 0;

        for (unsigned i = 0; i < l->n_messages; i++) {
                size_t end = i + 1 < l->n_messages ? l->messages[i + 1] : l->n_batch;

                parts[i] = (struct iovec){ .iov_base = l->batch + l->messages[i], .iov_len = end - l->messages[i] };
                datagrams[i].msg_hdr = (struct msghdr){ .msg_iov = &parts[i], .msg_iovlen = 1 };
        }
        for (int i = 0; sent < l->n_messages && i < RETRIES;) {
                const struct sockaddr_un to = { .sun_family = AF_UNIX, .sun_path = JOURNAL_SOCKET };
                int n = sendmmsg(l->journal, datagrams + sent, l->n_messages - sent, MSG_NOSIGNAL);

                if (n > 0) {
                        sent += (unsigned)n;
                        continue;
                }
                i++;
                if (errno == EINTR)
                        continue;
                (void)poll(NULL, 0, RETRY_MS);
                (void)connect(l->journal, (const struct sockaddr *)&to, sizeof(to));
        }
        l->n_batch = 0;
        l->n_messages = 0;
}

static void add(struct logger *l, const void *data, size_t size)
{
        memcpy(l->batch + l->n_batch, data, size);
        l->n_batch += size;
}

/* `more`: the line goes on in the next message. */
static void send_line(struct logger *l, struct pipe *p, const char *text, size_t size, bool more)
{
        static const char part[] = "VKS_PART=1\n", message[] = "MESSAGE\n", end[] = "\n";
        uint64_t length = htole64(size);

        if (!p->told)
                look_for_run(p);
        if (l->n_messages == MESSAGES_MAX || l->n_batch + size + HEAD_MAX > BATCH_MAX)
                flush(l);
        l->messages[l->n_messages++] = l->n_batch;
        add(l, p->fields, p->n_fields);
        add(l, p->run, strlen(p->run));
        if (more)
                add(l, part, strlen(part));
        add(l, message, strlen(message));
        add(l, &length, sizeof(length));
        add(l, text, size);
        add(l, end, strlen(end));
}

static void send_rest(struct logger *l, struct pipe *p, bool more)
{
        send_line(l, p, p->rest, p->n_rest, more);
        free(TAKE(p->rest));
        p->n_rest = 0;
}

static void take_bytes(struct logger *l, struct pipe *p, const char *data, size_t n)
{
        while (n > 0) {
                const char *newline = memchr(data, '\n', n);
                size_t room = PART_MAX - p->n_rest, size = newline ? (size_t)(newline - data) : n;
                bool whole = newline && size <= room, full = size >= room && !whole;

                if (size > room)
                        size = room;
                if (p->n_rest == 0 && (whole || full)) {
                        send_line(l, p, data, size, full);
                } else {
                        if (!p->rest)
                                p->rest = xcalloc(1, PART_MAX);
                        memcpy(p->rest + p->n_rest, data, size);
                        p->n_rest += size;
                        if (whole || full)
                                send_rest(l, p, full);
                }
                size += whole;
                data += size;
                n -= size;
        }
}

/* ---- pipes ------------------------------------------------------------------------------------------------------- */

static void pipe_ready(struct logger *l, struct pipe *p)
{
        if (p->ready)
                return;
        p->ready = true;
        p->next_ready = NULL;
        *l->ready_end = p;
        l->ready_end = &p->next_ready;
}

/* PID 1's copy of the descriptor would keep it among those that are waited for. */
static void pipe_free(struct logger *l, struct pipe *p)
{
        (void)epoll_ctl(l->epoll, EPOLL_CTL_DEL, p->fd, NULL);
        fd_close(p->fd);
        free(p->fields);
        free(p->unit);
        free(p->rest);
        free(p);
}

/* Without ".out" or ".err". */
static size_t stem_of(const char *name)
{
        return strlen(name) - strlen(".out");
}

/* The fields of a removed container, unless a pipe has still words for them. */
static void forget_fields(const struct logger *l, const char *name, size_t stem)
{
        CLEANUP(freep) char *gone = xasprintf("%.*s" LOG_GONE, (int)stem, name);

        for (const struct pipe *p = l->pipes; p; p = p->next)
                if (stem_of(p->name) == stem && memcmp(p->name, name, stem) == 0)
                        return;
        (void)unlinkat(l->dir, gone, 0);
}

static void pipe_end(struct logger *l, struct pipe *p)
{
        struct pipe **at = &l->pipes;

        while (*at != p)
                at = &(*at)->next;
        *at = p->next;
        keep(l, p, false);
        forget_fields(l, p->name, stem_of(p->name));
        pipe_free(l, p);
}

/* What stands before the messages of a pipe. If another FIFO has its name by now, it is that of the container that was
 * removed. */
static char *read_fields(const struct logger *l, const char *name, ino_t inode)
{
        struct stat st;
        bool current = fstatat(l->dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_ino == inode;

        for (int gone = !current, i = 0; i < 2; i++, gone = !gone) {
                CLEANUP(freep)
                char *path = xasprintf(LOG_DIR "/%.*s%s", (int)stem_of(name), name, gone ? LOG_GONE : "");
                char *fields = NULL;
                size_t size;

                if (file_read(path, FIELDS_MAX, &fields, &size, NULL) >= 0)
                        return fields;
        }
        return NULL;
}

/* Takes the descriptor. */
static void pipe_new(struct logger *l, const char *name, int fd, ino_t inode, bool is_kept)
{
        static const char unit[] = "OBJECT_SYSTEMD_UNIT=";
        CLEANUP(freep) char *fields = read_fields(l, name, inode);
        struct epoll_event event = { .events = EPOLLIN | EPOLLET };
        struct pipe *p = NEW(struct pipe);

        p->fd = fd;
        p->inode = inode;
        snprintf(p->name, sizeof(p->name), "%s", name);
        event.data.ptr = p;
        if (!fields || !starts_with(fields, unit) || epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &event) < 0) {
                keep(l, p, false);
                pipe_free(l, p);
                return;
        }
        p->unit = xstrndup(fields + strlen(unit), strcspn(fields, "\n") - strlen(unit));
        p->fields = xasprintf("%sVKS_STREAM=%s\n", fields, ends_with(name, ".err") ? "stderr" : "stdout");
        p->n_fields = strlen(p->fields);
        p->next = l->pipes;
        l->pipes = p;
        if (!is_kept)
                keep(l, p, true);
        pipe_ready(l, p);
}

/* One look. true: what is there may be more than that, but others have their turn first. */
static bool pipe_read(struct logger *l, struct pipe *p)
{
        static char data[READ_MAX];
        ssize_t n = read(p->fd, data, sizeof(data));
        struct stat st;

        if (n > 0)
                take_bytes(l, p, data, (size_t)n);
        if (n > 0 && p->over)
                p->late += (size_t)n;
        if ((n > 0 && p->late < LATE_MAX) || (n < 0 && errno == EINTR))
                return true;
        if (n < 0 && !p->over)
                return false; /* EAGAIN: somebody has it open */
        if (p->n_rest)        /* it ended without a newline, and so it is told */
                send_rest(l, p, true);
        p->told = false;
        if (p->over || fstat(p->fd, &st) < 0 || st.st_nlink == 0)
                pipe_end(l, p);
        return false;
}

static bool is_fifo_name(const char *name)
{
        return name[0] != '.' && (ends_with(name, ".out") || ends_with(name, ".err"));
}

/*
 * A container was removed, and so all of its processes have ended. Who still has one of its pipes was handed it by
 * them, and each would hold one of our descriptors for as long as he likes.
 */
static void look_at_gone(struct logger *l, const char *name)
{
        size_t stem = strlen(name) - strlen(LOG_GONE);
        struct stat st;

        for (struct pipe *p = l->pipes; p; p = p->next) {
                if (stem_of(p->name) != stem || memcmp(p->name, name, stem) != 0)
                        continue;
                p->over |= fstat(p->fd, &st) == 0 && st.st_nlink == 0; /* or it is of one that has the name now */
                pipe_ready(l, p);
        }
        forget_fields(l, name, stem);
}

/*
 * A name in LOG_DIR means another FIFO now, or none; those that had it end when their writers have, or when so many
 * runs have been since that these are none of the container's. A container may be called "gone": UID.gone.
 */
static void look_at(struct logger *l, const char *name)
{
        FD fd = -1;
        struct stat st = { 0 };
        unsigned runs = 0;

        if (ends_with(name, LOG_GONE) && strchr(name, '.') != strrchr(name, '.'))
                look_at_gone(l, name);
        if (!is_fifo_name(name))
                return;
        if (fstatat(l->dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISFIFO(st.st_mode))
                fd = openat(l->dir, name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
        if (fd >= 0 && fstat(fd, &st) < 0)
                fd_close(fd_take(&fd));
        for (struct pipe *p = l->pipes; p; p = p->next) {
                if (!streq(p->name, name))
                        continue;
                if (fd >= 0 && p->inode == st.st_ino) {
                        fd_close(fd_take(&fd));
                        continue;
                }
                p->over |= ++runs > RUNS_MAX; /* the latest are the first in the list */
                pipe_ready(l, p);
        }
        if (fd >= 0)
                pipe_new(l, name, fd_take(&fd), st.st_ino, false);
}

static void look_at_all(struct logger *l)
{
        DIR *d = opendir(LOG_DIR);
        struct dirent *entry;

        while (d && (entry = readdir(d)))
                look_at(l, entry->d_name);
        if (d)
                closedir(d);
}

static bool is_empty(void)
{
        DIR *d = opendir(LOG_DIR);
        struct dirent *entry;
        bool empty = true;

        while (d && (entry = readdir(d)))
                empty &= streq(entry->d_name, ".") || streq(entry->d_name, "..");
        if (d)
                closedir(d);
        return empty;
}

static void on_watch(struct logger *l)
{
        _Alignas(struct inotify_event) char events[16384];
        ssize_t n = read(l->watch, events, sizeof(events));

        for (ssize_t at = 0; at < n;) {
                const struct inotify_event *event = (const struct inotify_event *)(const void *)(events + at);

                if (event->mask & IN_Q_OVERFLOW)
                        look_at_all(l);
                else if (event->len)
                        look_at(l, event->name);
                at += (ssize_t)(sizeof(*event) + event->len);
        }
}

/* ---- the process ------------------------------------------------------------------------------------------------- */

/* What PID 1 kept from the process before: $LISTEN_FDNAMES has a name for each, NAME.INODE. */
static void take_kept(struct logger *l)
{
        const char *names = getenv("LISTEN_FDNAMES"), *pid = getenv("LISTEN_PID"), *count = getenv("LISTEN_FDS");
        long n = pid && count && strtol(pid, NULL, 10) == (long)getpid() ? strtol(count, NULL, 10) : 0;

        for (long i = 0; i < n && names; i++) {
                size_t length = strcspn(names, ":");
                CLEANUP(freep) char *name = xstrndup(names, length);
                char *dot = strrchr(name, '.');
                FD fd = FIRST_FD + (int)i;
                struct stat st;

                names += length + (names[length] == ':');
                (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
                if (dot)
                        *dot = '\0';
                if (dot && is_fifo_name(name) && fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode))
                        pipe_new(l, name, fd_take(&fd), st.st_ino, true);
        }
}

static int start(struct logger *l)
{
        const struct sockaddr_un to = { .sun_family = AF_UNIX, .sun_path = JOURNAL_SOCKET };
        struct epoll_event event = { .events = EPOLLIN }, end = { .events = EPOLLIN, .data.ptr = l };
        sigset_t mask;

        l->ready_end = &l->ready;
        sigemptyset(&mask);
        sigaddset(&mask, SIGTERM);
        sigprocmask(SIG_BLOCK, &mask, NULL);
        l->end = signalfd(-1, &mask, SFD_NONBLOCK | SFD_CLOEXEC);
        l->dir = open(LOG_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        l->watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
        l->epoll = epoll_create1(EPOLL_CLOEXEC);
        l->journal = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (l->end < 0 || l->dir < 0 || l->watch < 0 || l->epoll < 0 || l->journal < 0 ||
            inotify_add_watch(l->watch, LOG_DIR, IN_MOVED_TO | IN_DELETE) < 0 ||
            epoll_ctl(l->epoll, EPOLL_CTL_ADD, l->watch, &event) < 0 ||
            epoll_ctl(l->epoll, EPOLL_CTL_ADD, l->end, &end) < 0)
                return -errno;
        (void)connect(l->journal, (const struct sockaddr *)&to, sizeof(to)); /* flush() tries again */
        take_kept(l);
        look_at_all(l);
        notify(l, "READY=1", -1);
        return 0;
}

/* One turn of the loop; false: there is nothing left to wait for. */
static bool turn(struct logger *l)
{
        struct epoll_event events[EVENTS];
        struct pipe *ready = l->ready, *again = NULL;
        int n;

        l->ready = NULL;
        l->ready_end = &l->ready;
        for (struct pipe *p = ready, *next; p; p = next) {
                next = p->next_ready;
                p->ready = false;
                if (!pipe_read(l, p))
                        continue;
                p->next_again = again;
                again = p;
        }
        flush(l);
        n = epoll_wait(l->epoll, events, EVENTS, l->ready || again ? 0 : l->pipes ? -1 : IDLE_MS);
        for (int i = 0; i < n; i++)
                if (events[i].data.ptr == l)
                        l->ended = true;
                else if (events[i].data.ptr)
                        pipe_ready(l, events[i].data.ptr);
        for (struct pipe *p = again; p; p = p->next_again) /* behind those that were written to meanwhile */
                pipe_ready(l, p);
        for (int i = 0; i < n; i++)
                if (!events[i].data.ptr)
                        on_watch(l);
        return n != 0 || l->ready || l->pipes || !is_empty();
}

int main(void)
{
        static struct logger l;
        int r;

        l.notify = getenv("NOTIFY_SOCKET");
        r = start(&l);
        if (r < 0) {
                fprintf(stderr, "vks-log: %s: %s\n", LOG_DIR, strerrordesc_np(-r));
                return 1;
        }
        while (turn(&l) && !l.ended)
                ;
        for (struct pipe *p = l.pipes, *next; p; p = next) { /* PID 1 has the pipes, but not what was read already */
                next = p->next;
                if (p->n_rest)
                        send_rest(&l, p, true);
                pipe_free(&l, p);
        }
        flush(&l);
        return 0;
}
