/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/sessions/console.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>
#include <utlist.h>

#include "agent/lib/times.h"
#include "agent/sessions/input.h"
#include "agent/sessions/terminal.h"
#include "common/buf.h"
#include "common/console.h"
#include "common/fd.h"
#include "common/log.h"
#include "common/mem.h"

enum {
        PART = 4096,      /* a pipe that may be written to takes so much without blocking: pipe(7), PIPE_BUF */
        SILENT_MAX = 64,  /* visitors who have not said anything */
        FDS_MAX = 253,    /* of one packet: the kernel's SCM_MAX_FD */
        QUEUE_MAX = 1024, /* of packets, more than a sender's buffer holds */
        CLOSING_MAX = 64, /* threads, */
        CLOSING_MS = 20,  /* which are waited for so long, once */
        WAITING_MAX = 4,  /* of the processes of one container who wait to be known */
        VISIT_USEC = 5 * 1000 * 1000, /* as long as vks-exec waits */
        RUN_MAX = 32,                 /* an invocation id of systemd's */
        EARLY_MAX = 32 * 1024,
        REST_MAX = 64 * 1024, /* more than the kernel holds of a terminal */
        KEPT_NAME_MAX = 160,
};

static atomic_uint closing; /* threads that close what somebody has handed over */

struct consoles {
        sd_event *event;
        struct pods *pods;
        sd_event_source *listener;
        int socket;
        struct console *list;
        dev_t log_device; /* of LOG_DIR */
        struct visitor *silent, *waiting;
        struct console_wait *waits;
};

struct console {
        struct console *prev, *next;
        struct consoles *all;
        char uid[ID_UID_MAX + 1], container[ID_LABEL_MAX + 1];
        char unit[ID_UNIT_MAX + 1], run[RUN_MAX + 1]; /* whose it is; "": not known yet */
        bool terminal;
        int fd;                /* our end of the terminal, or of the standard input */
        int log;               /* of a terminal: the container's log pipe; -1: none */
        sd_event_source *io;   /* of a terminal: what is to be read */
        bool hung;             /* terminal_set_hung() */
        sd_event_source *rest; /* of a terminal whose run has ended: what is left to be read; NULL: it has not */
        size_t rest_len;       /* of that, read by now */
        struct input *in;      /* `fd` once more, to be written: each event source wants a descriptor for itself */
        sd_event_source *log_writable;
        struct buf out;       /* not written to the log yet */
        struct buf early;     /* of a terminal: what was on it before anybody came, not later than CONSOLE_EARLY_USEC */
        uint64_t early_until; /* CLOCK_MONOTONIC; 0: it is kept no more */
        struct console_user *users;
};

/*
 * A process that has connected. It may be anybody, until it has said what vks-exec says (then it is among those who
 * wait): the log pipe that comes with that only a container's processes have. Who floods is in the way of his like:
 * strangers in that of strangers, and a container's other processes in that of its own main process.
 */
struct visitor {
        struct visitor *prev, *next;
        struct consoles *all;
        int sock, log;
        uint32_t pid;
        char uid[ID_UID_MAX + 1], container[ID_LABEL_MAX + 1]; /* whose log pipe that is; "": it is silent */
        sd_event_source *io, *timer;
};

/* ---- what PID 1 keeps -------------------------------------------------------------------------------------------- */

/*
 * "t.UID.CONTAINER.RUN" is our end of a terminal, "l." the log pipe beside it, "i." a standard input. An earlier vks
 * did not tell the run.
 */
static void kept_name(const struct console *c, char kind, char ret[static KEPT_NAME_MAX])
{
        snprintf(ret, KEPT_NAME_MAX, "%c.%s.%s%s%s", kind, c->uid, c->container, *c->run ? "." : "", c->run);
}

static void keep(const struct console *c, char kind, int fd)
{
        char name[KEPT_NAME_MAX];
        CLEANUP(freep) char *text = NULL;

        kept_name(c, kind, name);
        /* PID 1 lets go of what hangs up, unless it is told not to look: a terminal may, and its container runs on. */
        text = xasprintf("FDSTORE=1\n%sFDNAME=%s", kind == 't' ? "FDPOLL=0\n" : "", name);
        if (fd >= 0 && sd_pid_notify_with_fds(0, 0, text, &fd, 1) < 0)
                log_warning("the console of %s will not outlive this process", c->container);
}

static void let_go(const struct console *c, char kind)
{
        char name[KEPT_NAME_MAX];

        kept_name(c, kind, name);
        (void)sd_notifyf(0, "FDSTOREREMOVE=1\nFDNAME=%s", name);
}

/* ---- consoles ---------------------------------------------------------------------------------------------------- */

void console_wait(struct consoles *all, struct console_wait *w)
{
        w->due = false;
        DL_APPEND(all->waits, w);
}

void console_wait_end(struct consoles *all, struct console_wait *w)
{
        DL_DELETE(all->waits, w);
}

/* Whoever is told may end his own wait, others', or begin another. */
static void tell_waiting(struct consoles *all, const char *unit)
{
        struct console_wait *w;

        DL_FOREACH (all->waits, w)
                w->due = streq(w->unit, unit);
        while (true) {
                DL_FOREACH (all->waits, w)
                        if (w->due)
                                break;
                if (!w)
                        return;
                DL_DELETE(all->waits, w);
                w->news(w->userdata);
        }
}

struct console *console_find(struct consoles *all, const char *pod_uid, const char *container)
{
        struct console *c;

        DL_FOREACH (all->list, c)
                if (streq(c->uid, pod_uid) && streq(c->container, container) && !c->rest)
                        return c;
        return NULL;
}

static void on_room(void *userdata);
static void on_input_ended(void *userdata);

static struct console *console_new(struct consoles *all, const char *uid, const char *container, const char *run,
                                   bool terminal, int fd)
{
        static const struct input_handler input_handler = { .room = on_room, .ended = on_input_ended };
        struct console *c = NEW(struct console);

        c->all = all;
        snprintf(c->uid, sizeof(c->uid), "%s", uid);
        snprintf(c->container, sizeof(c->container), "%s", container);
        snprintf(c->run, sizeof(c->run), "%s", run);
        c->terminal = terminal;
        c->fd = fd;
        c->in = input_new(all->event, fcntl(fd, F_DUPFD_CLOEXEC, 3), &input_handler, c);
        c->log = -1;
        c->out = BUF(2 * PART);
        c->early = BUF(EARLY_MAX);
        DL_APPEND(all->list, c);
        return c;
}

static void console_drop(struct console *c)
{
        sd_event_source_disable_unref(c->io);
        sd_event_source_disable_unref(c->rest);
        input_free(c->in);
        sd_event_source_disable_unref(c->log_writable);
        fd_close(c->fd);
        fd_close(c->log);
        buf_done(&c->out);
        buf_done(&c->early);
        DL_DELETE(c->all->list, c);
        free(c);
}

static void keep_all(const struct console *c)
{
        keep(c, c->terminal ? 't' : 'i', c->fd);
        keep(c, 'l', c->log);
}

static void let_go_all(const struct console *c)
{
        let_go(c, c->terminal ? 't' : 'i');
        if (c->log >= 0)
                let_go(c, 'l');
}

static void console_end(struct console *c)
{
        struct console_user *u, *next;

        DL_FOREACH_SAFE (c->users, u, next) {
                DL_DELETE(c->users, u);
                u->ended(u->userdata);
        }
        let_go_all(c);
        console_drop(c);
}

/* A terminal is read when everybody has taken what was read before. */
static void read_if_wanted(struct console *c)
{
        struct console_user *u;
        bool full = c->out.len > 0;

        DL_FOREACH (c->users, u)
                full |= u->full;
        if (c->io)
                sd_event_source_set_enabled(c->io, full ? SD_EVENT_OFF : SD_EVENT_ON);
        if (c->rest)
                sd_event_source_set_enabled(c->rest, full ? SD_EVENT_OFF : SD_EVENT_ON);
}

static int on_log_writable(UNUSED sd_event_source *source, UNUSED int fd, UNUSED uint32_t events, void *userdata)
{
        struct console *c = userdata;
        ssize_t n = write(c->log, c->out.data, c->out.len < PART ? c->out.len : PART);

        if (n < 0 && errno != EAGAIN && errno != EINTR) {
                buf_done(&c->out);
                c->log = fd_close(c->log);
        }
        buf_consume(&c->out, n > 0 ? (size_t)n : 0);
        if (c->out.len == 0) {
                c->log_writable = sd_event_source_disable_unref(c->log_writable);
                read_if_wanted(c);
        }
        return 0;
}

static void forget_early(struct console *c)
{
        buf_done(&c->early);
        c->early_until = 0;
}

static void keep_early(struct console *c, const void *p, size_t n)
{
        if (!c->early_until)
                return;
        buf_add(&c->early, p, n);
        if (!buf_ok(&c->early) || time_monotonic() > c->early_until)
                forget_early(c);
}

/* A part of what is on the terminal goes where it belongs; its length. 0: there is nothing for now; -EIO: nor has
 * anybody the far end open. */
static int read_terminal(struct console *c)
{
        struct console_user *u, *next;
        char part[PART];
        ssize_t n = read(c->fd, part, sizeof(part));

        if (n <= 0)
                return n < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -EIO;
        if (c->log >= 0) {
                buf_add(&c->out, part, (size_t)n);
                if (!c->log_writable &&
                    sd_event_add_io(c->all->event, &c->log_writable, c->log, EPOLLOUT, on_log_writable, c) < 0)
                        buf_done(&c->out);
        }
        keep_early(c, part, (size_t)n);
        DL_FOREACH_SAFE (c->users, u, next)
                u->full = !u->output(u->userdata, part, (size_t)n);
        read_if_wanted(c);
        return (int)n;
}

/* The terminal is the container's until its run ends, whether its processes have it open or not: who closed our end
 * would hang up on them. */
static int on_terminal(sd_event_source *source, UNUSED int fd, UNUSED uint32_t events, void *userdata)
{
        struct console *c = userdata;

        terminal_set_hung(source, &c->hung, read_terminal(c) < 0);
        return 0;
}

/* Whoever has the terminal open now is none of the container's, and may write without end: what the container has left
 * is no more than the kernel holds. */
static int on_rest(UNUSED sd_event_source *source, void *userdata)
{
        struct console *c = userdata;

        int n = c->rest_len < REST_MAX ? read_terminal(c) : 0;

        if (n <= 0)
                console_end(c);
        else
                c->rest_len += (size_t)n;
        return 0;
}

static void run_ended(struct console *c)
{
        if (c->rest)
                return;
        if (!c->terminal || sd_event_add_defer(c->all->event, &c->rest, on_rest, c) < 0) {
                console_end(c);
                return;
        }
        c->io = sd_event_source_disable_unref(c->io);
        read_if_wanted(c);
}

static int on_input_gone(UNUSED sd_event_source *source, UNUSED int fd, UNUSED uint32_t events, void *userdata)
{
        console_end(userdata); /* nobody has the other end open any more */
        return 0;
}

static bool watch(struct console *c)
{
        return sd_event_add_io(c->all->event, &c->io, c->fd, c->terminal ? EPOLLIN : 0,
                               c->terminal ? on_terminal : on_input_gone, c) >= 0;
}

/* ---- who is at one ----------------------------------------------------------------------------------------------- */

void console_enter(struct console *c, struct console_user *u)
{
        DL_APPEND(c->users, u);
        if (c->early.len && time_monotonic() <= c->early_until)
                u->full = !u->output(u->userdata, c->early.data, c->early.len);
        forget_early(c);
        read_if_wanted(c);
}

void console_leave(struct console *c, struct console_user *u)
{
        DL_DELETE(c->users, u);
        read_if_wanted(c);
}

void console_go_on(struct console *c, struct console_user *u)
{
        u->full = false;
        read_if_wanted(c);
}

bool console_is_terminal(const struct console *c)
{
        return c->terminal;
}

static void on_room(void *userdata)
{
        struct console *c = userdata;
        struct console_user *u, *next;

        DL_FOREACH_SAFE (c->users, u, next)
                u->room(u->userdata);
}

/* A terminal stays: a half of it cannot be closed. */
static void on_input_ended(void *userdata)
{
        struct console *c = userdata;

        if (c->terminal)
                return;
        c->io = sd_event_source_disable_unref(c->io);
        let_go(c, 'i');
        c->fd = fd_close(c->fd);
}

int console_input(struct console *c, const void *p, size_t n)
{
        return input_add(c->in, p, n);
}

void console_input_end(struct console *c)
{
        input_end(c->in);
}

void console_resize(struct console *c, unsigned short width, unsigned short height)
{
        const struct winsize size = { .ws_col = width, .ws_row = height };

        if (c->terminal)
                (void)ioctl(c->fd, TIOCSWINSZ, &size);
}

/* ---- visitors ---------------------------------------------------------------------------------------------------- */

static void *close_slowly(void *fd)
{
        (void)close((int)(intptr_t)fd);
        atomic_fetch_sub(&closing, 1);
        return NULL;
}

/*
 * What a stranger hands over may take to be closed as long as he likes: a connection that lingers with data that nobody
 * takes, a socket in which such a one is on its way, a file of a file system of his own. So no connection lingers, and
 * what is neither one nor a pipe is closed by a thread. When too many of these wait, nobody is listened to any more.
 */
static void close_strange(struct consoles *all, int fd)
{
        pthread_t thread;
        int domain = -1;

        if (fd < 0)
                return;
        (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &(struct linger){ 0 }, sizeof(struct linger));
        (void)getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &(socklen_t){ sizeof(domain) });
        if (domain == AF_INET || domain == AF_INET6 || fcntl(fd, F_GETPIPE_SZ) >= 0) {
                fd_close(fd);
                return;
        }
        for (int i = 0; i < CLOSING_MS && atomic_load(&closing) >= CLOSING_MAX; i++)
                (void)poll(NULL, 0, 1); /* there may only be many */
        if (atomic_fetch_add(&closing, 1) >= CLOSING_MAX) {
                log_warning("containers get no terminals and no input any more: somebody hands over what cannot be "
                            "closed");
                sd_event_source_set_enabled(all->listener, SD_EVENT_OFF);
        } else if (pthread_create(&thread, NULL, close_slowly, (void *)(intptr_t)fd) == 0) {
                pthread_detach(thread);
        } /* else it stays open, and is counted */
}

/* One packet, with the first descriptor in it; there is room for all that may be, since the kernel would close the
 * others as we would. */
static ssize_t receive_packet(struct consoles *all, int sock, char *ret_kind, int *ret_fd)
{
        _Alignas(struct cmsghdr) char control[CMSG_SPACE(FDS_MAX * sizeof(int))] = { 0 };
        struct iovec iov = { ret_kind, 1 };
        struct msghdr m = {
                .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)
        };
        ssize_t n = recvmsg(sock, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

        *ret_fd = -1;
        for (struct cmsghdr *c = n < 0 ? NULL : CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c))
                for (size_t i = 0; c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS &&
                                   CMSG_LEN((i + 1) * sizeof(int)) <= c->cmsg_len;
                     i++) {
                        int fd;

                        memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
                        if (*ret_fd < 0 && i == 0)
                                *ret_fd = fd;
                        else
                                close_strange(all, fd);
                }
        return n;
}

/* With all that it has sent and nobody has read; nothing more comes. */
static void close_visit(struct consoles *all, int sock)
{
        ssize_t n = 0;
        char kind;

        (void)shutdown(sock, SHUT_RDWR);
        for (int i = 0, fd; i < QUEUE_MAX && n >= 0; i++) { /* a packet may be empty, too */
                n = receive_packet(all, sock, &kind, &fd);
                close_strange(all, fd);
        }
        fd_close(sock);
}

static void visitor_free(struct visitor *v)
{
        if (*v->uid)
                DL_DELETE(v->all->waiting, v);
        else
                DL_DELETE(v->all->silent, v);
        sd_event_source_disable_unref(v->io);
        sd_event_source_disable_unref(v->timer);
        close_visit(v->all, v->sock);
        close_strange(v->all, v->log);
        free(v);
}

/*
 * Is the descriptor the standard output of a container's present run, and of which? It is a pipe of root's on the file
 * system of LOG_DIR, which nobody else can make there, and the kernel says where: "LOG_DIR/UID.CONTAINER.out" (and
 * something behind that, when a new run has new pipes).
 */
static bool is_log_pipe(const struct visitor *v, char uid[static ID_UID_MAX + 1],
                        char container[static ID_LABEL_MAX + 1])
{
        static const char begin[] = LOG_DIR "/", end[] = ".out";
        CLEANUP(freep) char *link = xasprintf("/proc/self/fd/%d", v->log);
        char path[sizeof(begin) + ID_UID_MAX + ID_LABEL_MAX + sizeof(end) + 1];
        const char *dot, *name = path + strlen(begin);
        ssize_t n;
        struct statx st;

        /* Its file system is not asked, which may be somebody's own and never answer. */
        if (statx(v->log, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE | STATX_UID, &st) < 0 ||
            !S_ISFIFO(st.stx_mode) || st.stx_uid != 0 ||
            makedev(st.stx_dev_major, st.stx_dev_minor) != v->all->log_device)
                return false;
        n = readlink(link, path, sizeof(path) - 1);
        path[n < 0 ? 0 : n] = '\0';
        dot = starts_with(path, begin) && ends_with(path, end) ? strchr(name, '.') : NULL;
        return dot && str_copy(uid, ID_UID_MAX + 1, name, dot) &&
               str_copy(container, ID_LABEL_MAX + 1, dot + 1, path + n - strlen(end)) && id_is_label(container);
}

/* It has said what vks-exec says. False: it is none of a container's. */
static bool begin_to_wait(struct visitor *v)
{
        char uid[ID_UID_MAX + 1], container[ID_LABEL_MAX + 1];
        struct visitor *o, *oldest = NULL;
        size_t n = 0;

        if (!is_log_pipe(v, uid, container))
                return false;
        DL_FOREACH (v->all->waiting, o)
                if (streq(o->uid, uid) && streq(o->container, container) && ++n == 1)
                        oldest = o;
        if (n >= WAITING_MAX)
                visitor_free(oldest);
        DL_DELETE(v->all->silent, v);
        memcpy(v->uid, uid, sizeof(v->uid));
        memcpy(v->container, container, sizeof(v->container));
        DL_APPEND(v->all->waiting, v);
        return true;
}

static bool answer(const struct visitor *v, char kind, int fd)
{
        _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))] = { 0 };
        struct iovec iov = { &kind, 1 };
        struct msghdr m = {
                .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)
        };
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);

        *c = (struct cmsghdr){ .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int)) };
        memcpy(CMSG_DATA(c), &fd, sizeof(int));
        return sendmsg(v->sock, &m, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0;
}

/* The log pipe once more, in a way that does not block us; the container's own descriptor is not changed by that. */
static int open_log(int fd)
{
        CLEANUP(freep) char *path = xasprintf("/proc/self/fd/%d", fd);
        struct stat st;

        if (fd < 0 || fstat(fd, &st) < 0 || !S_ISFIFO(st.st_mode))
                return -1;
        return open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

static void give_terminal(struct visitor *v, const struct pods_container *who)
{
        struct console *c;
        FD far = -1;
        int near;

        if (terminal_new(&near, &far) < 0) {
                log_warning("no terminal for container %s", who->container->name);
                return;
        }
        c = console_new(v->all, who->pod->id.uid, who->container->name, who->state->unit.invocation, true, near);
        snprintf(c->unit, sizeof(c->unit), "%s", who->container->unit);
        c->early_until = time_monotonic() + CONSOLE_EARLY_USEC;
        c->log = open_log(v->log);
        if (!watch(c) || !answer(v, CONSOLE_TERMINAL, far)) {
                console_drop(c);
                return;
        }
        keep_all(c);
}

static void give_input(struct visitor *v, const struct pods_container *who)
{
        struct console *c;
        FD theirs = -1;
        int ends[2];

        if (pipe2(ends, O_CLOEXEC) < 0)
                return;
        theirs = ends[0];
        c = console_new(v->all, who->pod->id.uid, who->container->name, who->state->unit.invocation, false, ends[1]);
        snprintf(c->unit, sizeof(c->unit), "%s", who->container->unit);
        if (fcntl(c->fd, F_SETFL, O_NONBLOCK) < 0 || !watch(c) || !answer(v, CONSOLE_INPUT, theirs)) {
                console_drop(c);
                return;
        }
        keep_all(c);
}

/* True: it was known, and is gone. */
static bool receive(struct visitor *v)
{
        struct consoles *all = v->all;
        struct pods_container who;
        struct console *old;

        /* The process that had this number as it connected may be no more; then another may have the number by now, but
         * not the pipe. */
        if (!pods_find_main(all->pods, v->pid, &who) || !(who.container->tty || who.container->has_stdin) ||
            !streq(who.pod->id.uid, v->uid) || !streq(who.container->name, v->container))
                return false;
        old = console_find(all, who.pod->id.uid, who.container->name);
        if (old) /* of its last run */
                run_ended(old);
        if (who.container->tty)
                give_terminal(v, &who);
        else
                give_input(v, &who);
        visitor_free(v);
        tell_waiting(all, who.container->unit);
        return true;
}

static int on_patience(UNUSED sd_event_source *source, UNUSED uint64_t usec, void *userdata)
{
        visitor_free(userdata);
        return 0;
}

static int on_visitor(UNUSED sd_event_source *source, int fd, UNUSED uint32_t events, void *userdata)
{
        struct visitor *v = userdata;
        char kind = 0;
        int log;
        ssize_t n = receive_packet(v->all, fd, &kind, &log);

        if (n < 0 && errno == EAGAIN)
                return 0;
        close_strange(v->all, v->log);
        v->log = log;
        if (n != 1 || kind != CONSOLE_HELLO || v->log < 0 || !begin_to_wait(v)) {
                visitor_free(v);
                return 0;
        }
        v->io = sd_event_source_disable_unref(v->io); /* what else it may send nobody reads */
        (void)receive(v);
        return 0;
}

static int on_listener(UNUSED sd_event_source *source, int fd, UNUSED uint32_t events, void *userdata)
{
        struct consoles *all = userdata;
        int sock = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        struct ucred peer;
        struct visitor *v;
        int n;

        if (sock < 0)
                return 0;
        if (getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &peer, &(socklen_t){ sizeof(peer) }) < 0) {
                fd_close(sock);
                return 0;
        }
        DL_COUNT(all->silent, v, n);
        if (n >= SILENT_MAX) /* the oldest had its time */
                visitor_free(all->silent);
        v = NEW(struct visitor);
        v->all = all;
        v->sock = sock;
        v->log = -1;
        v->pid = (uint32_t)peer.pid;
        DL_APPEND(all->silent, v);
        if (sd_event_add_io(all->event, &v->io, sock, EPOLLIN, on_visitor, v) < 0 ||
            sd_event_add_time_relative(all->event, &v->timer, CLOCK_MONOTONIC, VISIT_USEC, 0, on_patience, v) < 0)
                visitor_free(v);
        else /* what it has said by now is heard at once: it is not among the silent for as long as others arrive */
                (void)on_visitor(v->io, sock, EPOLLIN, v);
        return 0;
}

/* One that an earlier vks had PID 1 keep: from now on by this run's name, and however often it hangs up. */
static void learn_run(struct console *c, const char *run)
{
        let_go_all(c);
        snprintf(c->run, sizeof(c->run), "%s", run);
        keep_all(c);
}

void consoles_unit_changed(struct consoles *all, const char *unit, const struct unit_state *s)
{
        struct visitor *v, *next_visitor;
        struct console *c, *next;

        DL_FOREACH_SAFE (all->list, c, next) {
                if (!streq(c->unit, unit))
                        continue;
                if (!*c->run && unit_has_processes(s->phase))
                        learn_run(c, s->invocation);
                if (!unit_has_processes(s->phase) || !streq(c->run, s->invocation))
                        run_ended(c);
        }
        DL_FOREACH_SAFE (all->waiting, v, next_visitor)
                (void)receive(v);
        tell_waiting(all, unit);
}

void consoles_units_synced(struct consoles *all, struct observed *o)
{
        struct console *c, *next;

        DL_FOREACH_SAFE (all->list, c, next)
                if (!observed_state(o, c->unit, &(struct unit_state){ 0 }))
                        run_ended(c);
}

/* ---- the whole --------------------------------------------------------------------------------------------------- */

/* A descriptor that an earlier agent had PID 1 keep. */
static void take_back(struct consoles *all, const char *name, int fd)
{
        char uid[ID_UID_MAX + 1], container[ID_LABEL_MAX + 1];
        const char *dot = name[0] && name[1] == '.' ? strchr(name + 2, '.') : NULL;
        const char *end = dot ? strchrnul(dot + 1, '.') : NULL, *run = end && *end ? end + 1 : "";
        struct console *c;

        if (!dot || !str_copy(uid, sizeof(uid), name + 2, dot) ||
            !str_copy(container, sizeof(container), dot + 1, end) || strlen(run) > RUN_MAX) {
                fd_close(fd);
                return;
        }
        DL_FOREACH (all->list, c)
                if (streq(c->uid, uid) && streq(c->container, container) && streq(c->run, run))
                        break;
        if (name[0] == 'l' && c && c->log < 0) {
                c->log = fd;
        } else if ((name[0] == 't' || name[0] == 'i') && !c) {
                c = console_new(all, uid, container, run, name[0] == 't', fd);
                if (!watch(c))
                        console_drop(c);
        } else {
                fd_close(fd);
        }
}

static void find_unit(void *userdata, const struct unit_meta *meta)
{
        struct consoles *all = userdata;
        struct console *c;

        DL_FOREACH (all->list, c)
                if (streq(c->uid, meta->pod.uid) && streq(c->container, meta->container))
                        memcpy(c->unit, meta->unit, sizeof(c->unit));
}

struct consoles *consoles_new(sd_event *event, struct pods *pods, char *const *names, int first)
{
        struct consoles *all = NEW(struct consoles);
        struct stat st;

        all->event = event;
        all->pods = pods;
        all->socket = -1;
        if (stat(LOG_DIR, &st) < 0)
                log_warning("%s is not there: containers get no terminals", LOG_DIR);
        else
                all->log_device = st.st_dev;
        for (int pass = 0; pass < 2; pass++) /* log pipes belong to terminals, which come first */
                for (int i = 0; names && names[i]; i++) {
                        bool log = names[i][0] == 'l', listener = streq(names[i], "console");
                        int fd = first + i;

                        if (listener && pass == 0)
                                all->socket = fd;
                        else if (!listener && log == (pass == 1))
                                take_back(all, names[i], fd);
                }
        if (all->list)
                observed_units_on_disk(NULL, find_unit, all);
        if (all->socket >= 0 && sd_event_add_io(event, &all->listener, all->socket, EPOLLIN, on_listener, all) < 0)
                log_warning("containers get no terminals");
        return all;
}

struct consoles *consoles_free(struct consoles *all)
{
        struct console *c, *next;
        struct visitor *v, *next_visitor;

        if (!all)
                return NULL;
        DL_FOREACH_SAFE (all->silent, v, next_visitor)
                visitor_free(v);
        DL_FOREACH_SAFE (all->waiting, v, next_visitor)
                visitor_free(v);
        DL_FOREACH_SAFE (all->list, c, next)
                console_drop(c);
        sd_event_source_disable_unref(all->listener);
        fd_close(all->socket);
        free(all);
        return NULL;
}
