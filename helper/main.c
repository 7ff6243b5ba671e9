/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The root helper. It is started by its socket, answers typed requests of the agent (proto/verbs.h) as far as /etc/vks/policy.conf
 * allows them, and leaves when there is nothing to do.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>
#include <systemd/sd-journal.h>

#include "common/fd.h"
#include "common/file.h"
#include "common/log.h"
#include "common/mem.h"
#include "helper/cage.h"
#include "helper/dispatch.h"
#include "policy/policy_conf.h"

#define AGENT_USER "vks"

enum { PEERS_MAX = 16, BUS_USEC = 10 * 1000 * 1000 };

struct server {
        struct machine machine;
        sd_event *event;
        sd_event_source *idle;
        uid_t agent;
        unsigned peers;
        uint64_t idle_usec;
};

static void stay(struct server *s)
{
        sd_event_source_set_time_relative(s->idle, s->idle_usec);
        sd_event_source_set_enabled(s->idle, SD_EVENT_ONESHOT);
}

static int on_idle(UNUSED sd_event_source *source, UNUSED uint64_t usec, void *userdata)
{
        struct server *s = userdata;

        return s->peers ? 0 : sd_event_exit(s->event, 0);
}

static int on_request(sd_event_source *source, int fd, UNUSED uint32_t events, void *userdata)
{
        struct server *s = userdata;
        struct err e = ERR_NONE;
        int r = dispatch(&s->machine, fd, &e);

        if (r <= 0 && r != -EAGAIN) {
                if (r < 0)
                        log_warning("connection closed: %s", e.text);
                sd_event_source_disable_unref(source);
                fd_close(fd);
                s->peers--;
        }
        stay(s);
        return 0;
}

static int on_connection(UNUSED sd_event_source *source, int fd, UNUSED uint32_t events, void *userdata)
{
        struct server *s = userdata;
        FD peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        struct ucred who = { .uid = (uid_t)-1 };

        if (peer < 0)
                return 0;
        if (getsockopt(peer, SOL_SOCKET, SO_PEERCRED, &who, &(socklen_t){ sizeof(who) }) < 0 || (who.uid != s->agent && who.uid != 0)) {
                log_warning("uid %u is not served", who.uid);
                return 0;
        }
        if (s->peers >= PEERS_MAX || sd_event_add_io(s->event, NULL, peer, EPOLLIN, on_request, s) < 0) {
                log_warning("too many connections");
                return 0;
        }
        fd_take(&peer);
        s->peers++;
        stay(s);
        return 0;
}

static int load_policy(const char *path, struct policy **ret, struct err *e)
{
        CLEANUP(freep) char *text = NULL;
        size_t size = 0;
        int r = file_read(path, POLICY_SIZE_MAX, &text, &size, e);

        return r < 0 && r != -ENOENT ? r : policy_parse(path, text, size, ret, e);
}

static int open_dir(const char *path)
{
        int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return fd < 0 ? -errno : fd;
}

static int prepare(struct server *s, struct err *e)
{
        struct machine *m = &s->machine;
        struct passwd *agent = getpwnam(AGENT_USER);
        int r;

        s->agent = agent ? agent->pw_uid : 0;
        umask(077);
        if (sd_listen_fds(true) != 1 || sd_is_socket_unix(SD_LISTEN_FDS_START, SOCK_SEQPACKET, 1, NULL, 0) <= 0)
                return err_set(e, -EINVAL, NULL, "to be started by its socket: systemctl start vks-helper.socket");
        if ((r = m->pods = open_dir(RUN_DIR)) < 0 || (r = m->disk = open_dir(DISK_DIR)) < 0 || (r = m->units = open_dir(UNIT_DIR)) < 0)
                return err_errno(e, r, NULL, RUN_DIR ", " DISK_DIR ", " UNIT_DIR);
        if ((r = sd_bus_open_system(&m->bus)) < 0 || (r = sd_bus_set_method_call_timeout(m->bus, BUS_USEC)) < 0)
                return err_errno(e, r, NULL, "system bus");
        sd_journal_send("PRIORITY=7", "MESSAGE=policy is read, ready", NULL); /* opens the socket to the journal, too */
        if ((r = sd_event_default(&s->event)) < 0 ||
            (r = sd_event_add_io(s->event, NULL, SD_LISTEN_FDS_START, EPOLLIN, on_connection, s)) < 0 ||
            (r = sd_event_add_time_relative(s->event, &s->idle, CLOCK_MONOTONIC, s->idle_usec, 0, on_idle, s)) < 0)
                return err_errno(e, r, NULL, "event loop");
        return cage_lock(e);
}

static const char usage[] = "usage: vks-helper [--policy FILE] [--socket-idle SECONDS]\n"
                            "       vks-helper --check-policy FILE | --explain | --help | --version\n"
                            "The root helper of vks; started by vks-helper.socket. See " POLICY_FILE ".\n";

int main(int argc, char **argv)
{
        static const struct option options[] = { { "help", no_argument, NULL, 'h' },         { "version", no_argument, NULL, 'V' },
                                                 { "policy", required_argument, NULL, 'p' }, { "check-policy", required_argument, NULL, 'c' },
                                                 { "explain", no_argument, NULL, 'x' },      { "socket-idle", required_argument, NULL, 'i' },
                                                 { NULL, 0, NULL, 0 } };
        struct server s = { .idle_usec = 30 * 1000000 };
        CLEANUP(policy_freep) struct policy *policy = NULL;
        CLEANUP(buf_done) struct buf text = BUF(1 << 20);
        const char *path = POLICY_FILE;
        bool check = false, explain = false;
        struct err e = ERR_NONE;

        for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
                if (c == 'h' || c == 'V')
                        return fputs(c == 'h' ? usage : "vks-helper " VKS_VERSION "\n", stdout) < 0;
                if (c == '?')
                        return 2;
                if (c == 'p' || c == 'c')
                        path = optarg;
                else if (c == 'i')
                        s.idle_usec = strtoul(optarg, NULL, 10) * UINT64_C(1000000);
                check |= c == 'c';
                explain |= c == 'x';
        }
        if (load_policy(path, &policy, &e) < 0 || (!check && !explain && prepare((s.machine.policy = policy, &s), &e) < 0)) {
                log_error("%s", e.text);
                return 1;
        }
        if (explain)
                policy_print(policy, &text);
        if (check || explain)
                return fputs(text.data ? text.data : "", stdout) < 0;
        return sd_event_loop(s.event) < 0;
}
