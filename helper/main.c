/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The root helper. It is started by its socket, answers typed requests of the agent (proto/verbs.h) as far as
 * /etc/vks/policy.conf allows them at that moment, and leaves when there is nothing to do.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>
#include <systemd/sd-journal.h>

#include "common/log.h"
#include "common/mem.h"
#include "common/message.h"
#include "helper/helper.h"
#include "policy/policy_conf.h"
#include "proto/serve.h"

/*
 * PID 1 answers nobody while it reads its units again, which takes seconds on a slow machine with many of them. A call
 * that is given up is still carried out when its turn comes: the agent would be told of a failure, and the command ran.
 * So the helper is as patient as PID 1 is with a unit (systemd-system.conf(5), DefaultTimeoutStartSec=); nobody can be
 * served in the meantime anyway.
 */
enum { BUS_USEC = 90 * 1000 * 1000 };

static int load_policy(const char *path, struct policy **ret, struct err *e)
{
        CLEANUP(freep) char *text = NULL;
        size_t size = 0;
        int r = policy_file_read(path, &text, &size, e);

        return r < 0 ? r : policy_parse(path, text, size, ret, e);
}

static int open_machine(struct machine *m, struct err *e)
{
        int *const fds[] = { &m->pods, &m->disk, &m->units, &m->logs, &m->messages };
        static const char *const paths[] = { POD_RUN_DIR, POD_DISK_DIR, UNIT_DIR, LOG_DIR, MESSAGE_DIR };
        int r;

        for (size_t i = 0; i < ARRAY_LEN(paths); i++)
                if ((*fds[i] = open(paths[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
                        return err_errno(e, -errno, NULL, "%s", paths[i]);
        if ((r = sd_bus_open_system(&m->bus)) < 0 || (r = sd_bus_set_method_call_timeout(m->bus, BUS_USEC)) < 0 ||
            (r = sd_event_default(&m->event)) < 0 || (r = sd_bus_attach_event(m->bus, m->event, 0)) < 0 ||
            (r = sd_bus_set_exit_on_disconnect(m->bus, true)) <
                    0) /* without the bus there is nothing to do here: the socket starts another one */
                return err_errno(e, r, NULL, "system bus and event loop");
        return 0;
}

/* The story of a run: everything is opened, then the door is shut, then requests are read. */
static int run(const char *policy, uint64_t idle_usec, struct err *e)
{
        struct machine m = { .policy_file.path = policy, .trash.more = true };
        struct passwd *agent = getpwnam("vks");
        uid_t uid = agent ? agent->pw_uid : 0;
        int r;

        umask(077);
        if (sd_listen_fds(true) != 1 || sd_is_socket_unix(SD_LISTEN_FDS_START, SOCK_SEQPACKET, 1, NULL, 0) <= 0)
                return err_set(e, -EINVAL, NULL, "to be started by its socket: systemctl start vks-helper.socket");
        sd_journal_print(LOG_DEBUG, "ready"); /* opens the socket to the journal, too */
        if ((r = open_machine(&m, e)) < 0 || (r = helper_cage(e)) < 0)
                return r;
        r = serve(m.event, SD_LISTEN_FDS_START, uid, idle_usec, dispatch, trash_sweep, &m);
        return r < 0 ? err_errno(e, r, NULL, "event loop") : 0;
}

static const char usage[] = "usage: vks-helper [--policy FILE] [--socket-idle SECONDS]\n"
                            "       vks-helper --check-policy FILE | --explain | --help | --version\n"
                            "The root helper of vks; started by vks-helper.socket. See " POLICY_FILE ".\n";

int main(int argc, char **argv)
{
        static const struct option options[] = { { "help", no_argument, NULL, 'h' },
                                                 { "version", no_argument, NULL, 'V' },
                                                 { "policy", required_argument, NULL, 'p' },
                                                 { "check-policy", required_argument, NULL, 'c' },
                                                 { "explain", no_argument, NULL, 'x' },
                                                 { "socket-idle", required_argument, NULL, 'i' },
                                                 { NULL, 0, NULL, 0 } };
        CLEANUP(policy_freep) struct policy *policy = NULL;
        CLEANUP(buf_done) struct buf text = BUF(1 << 20);
        const char *path = POLICY_FILE;
        uint64_t idle_usec = 30 * 1000000;
        bool check = false, explain = false;
        struct err e = ERR_NONE;

        for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
                if (c == 'h' || c == 'V')
                        return fputs(c == 'h' ? usage : "vks-helper " VKS_VERSION "\n", stdout) < 0;
                if (c == '?')
                        return 2;
                if (c == 'p' || c == 'c')
                        path = optarg;
                if (c == 'i')
                        idle_usec = strtoul(optarg, NULL, 10) * UINT64_C(1000000);
                check |= c == 'c';
                explain |= c == 'x';
        }
        if ((check || explain ? load_policy(path, &policy, &e) : run(path, idle_usec, &e)) < 0) {
                log_error("%s", e.text);
                return 1;
        }
        if (explain) {
                policy_print(policy, &text);
                policy_explain(policy, &text);
        }
        return fputs(text.data ? text.data : "", stdout) < 0;
}
