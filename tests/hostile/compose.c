/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Carries sequences out (compose.h), as root in a node whose agent is stopped; the helper hears them from user vks.
 *
 *      compose SECONDS [SEED]       one sequence after the other for so long, from that seed on
 *      compose until SECONDS SEED   the same, to the first one that leaves a mark
 *      compose replay SEED [STEPS]  one of them, or its first steps; everything is looked at after each step
 *      compose show SEED            says what it is, and does nothing
 *
 * Ends with 0 when there was no mark, and no sequence of which nothing was accepted is all there was.
 */
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-bus.h>
#include <time.h>

#include "common/fd.h"
#include "common/mem.h"
#include "proto/verbs.h"
#include "proto/wire.h"
#include "tests/hostile/compose.h"

#define POLICY "/etc/vks/policy.conf"

enum {
        HANG_SECONDS = 60,
        SLOW_SECONDS = 8, /* who has waited for so long says what it is that takes time, and wakes PID 1 by asking */
        GONE_SECONDS = 60,
        HONEST_EVERY = 8,
        TOLD = 16, /* reasons why requests were refused */
};

#define ROW(n, verb, Message, body) verb_##verb = n,
enum { VERBS(ROW) };
#undef ROW

static unsigned long sent[16], accepted[16], marks, installed, sequences;
static uint64_t first_seed;
static long all_began;
static int sock = -1;

static long now_ms(void)
{
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void nap(long ms)
{
        nanosleep(&(struct timespec){ ms / 1000, ms % 1000 * 1000000 }, NULL);
}

static void tell_when(void)
{
        printf("after %ld s and %lu sequences:\n", (now_ms() - all_began) / 1000, sequences + 1);
}

/* Nothing can be asked any more. */
static _Noreturn void hangs(const char *who)
{
        mark("%s hangs", who);
        tell_when();
        printf("FOUND by SEED=%llu\n", (unsigned long long)(first_seed + sequences));
        exit(1);
}

/* ---- why not ----------------------------------------------------------------------------------------------------- */

/* What is refused shows little: whoever changes the generator wants to know what most of that is. */
static struct refusal {
        char *text;
        unsigned long n;
} refusals[256];

/* Names, paths and numbers are left out: they are another's each time. */
static void note_refusal(uint8_t verb, const char *why)
{
        CLEANUP(freep) char *text = xasprintf("%s:", wire_verb_find(verb)->name);
        size_t i = 0;

        for (const char *at = why; *(at += strspn(at, " "));) {
                size_t n = strcspn(at, " ");
                bool plain = strcspn(at, "/.0123456789\"=") >= n;
                char *more = xasprintf("%s %.*s", text, plain ? (int)n : 3, plain ? at : "...");

                free(text);
                text = more;
                at += n;
        }
        while (i < ARRAY_LEN(refusals) - 1 && refusals[i].text && !streq(refusals[i].text, text))
                i++;
        if (!refusals[i].text)
                refusals[i].text = TAKE(text);
        refusals[i].n++;
}

static int by_number(const void *a, const void *b)
{
        unsigned long x = ((const struct refusal *)a)->n, y = ((const struct refusal *)b)->n;

        return x < y ? 1 : x > y ? -1 : 0;
}

static void tell_why_not(void)
{
        qsort(refusals, ARRAY_LEN(refusals), sizeof(*refusals), by_number);
        for (size_t i = 0; i < TOLD && refusals[i].n; i++)
                printf("  %lu times %s\n", refusals[i].n, refusals[i].text);
}

/* ---- asking ------------------------------------------------------------------------------------------------------ */

/* The kernel tells the helper who called connect(2). */
static int dial(void)
{
        struct sockaddr_un addr = { .sun_family = AF_UNIX, .sun_path = WIRE_SOCKET };
        struct timeval patience = { .tv_sec = SLOW_SECONDS };
        const struct passwd *vks = getpwnam("vks");
        FD fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
        int r = 0;

        if (!vks || fd < 0 || setegid(vks->pw_gid) < 0 || seteuid(vks->pw_uid) < 0)
                return -ENOENT;
        if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
                r = -errno;
        if (seteuid(0) < 0 || setegid(0) < 0)
                abort();
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
        return r < 0 ? r : fd_take(&fd);
}

/* What those whom an answer takes are doing while there is none: PID 1, the bus, the helper, and who sleeps in the
 * kernel for long. Twice, since one look does not tell who waits from who works. */
static void tell_who_waits(long ms)
{
        printf("SLOW: no answer for %ld s\n", ms / 1000);
        fflush(stdout);
        for (int i = 0; i < 2; i++, nap(1000))
                if (system("cd /proc && cut -d ' ' -f 1-3 loadavg && for p in [0-9]*; do "
                           "    read -r name <$p/comm && state=$(sed -n 's/^State:.//p' $p/status) || continue; "
                           "    case $p:$name:$state in "
                           "    1:*|*:vks-helper:*|*:dbus-daemon:*|*:systemd-journal:*|*:D*) ;; *) continue ;; esac; "
                           "    echo \"  $p $name $state, system call $(cut -d ' ' -f 1-4 $p/syscall)\"; "
                           "    sed 's/^/      /' $p/stack; "
                           "done 2>/dev/null; systemctl --no-pager list-jobs 2>&1 & sleep 3; kill $! 2>/dev/null") < 0)
                        return;
}

/* Is there an answer within HANG_SECONDS? */
static bool answered(void)
{
        long began = now_ms();
        bool told = false;
        char byte;

        while (recv(sock, &byte, 1, MSG_PEEK) < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) {
                if (now_ms() - began >= 1000L * HANG_SECONDS)
                        return false;
                if (!told)
                        tell_who_waits(now_ms() - began);
                told = true;
        }
        if (told)
                printf("SLOW: the answer took %ld s\n", (now_ms() - began) / 1000);
        return true;
}

/* A pod may have made it wait for something. */
static bool pid_1_answers(void)
{
        return system("timeout 60 busctl --timeout=60 call org.freedesktop.systemd1 /org/freedesktop/systemd1 "
                      "org.freedesktop.DBus.Peer Ping >/dev/null 2>&1") == 0;
}

/* The reply's error; a helper that was killed meanwhile is asked once more. */
static int ask(uint8_t verb, const ProtobufCMessage *m, char *ret_text, size_t size)
{
        int r = -EIO;

        sent[verb]++;
        for (int again = 0; again < 4; again++) {
                const struct wire_verb *v = NULL;
                ProtobufCMessage *got = NULL;
                struct err e = ERR_NONE;
                int streams[WIRE_N_STREAMS] = { -1, -1, -1 };

                for (long end = now_ms() + 1000L * HANG_SECONDS; sock < 0 && (sock = dial()) < 0 && now_ms() < end;)
                        nap(50);
                if (sock < 0)
                        break;
                for (int i = 0; verb == verb_exec && i < WIRE_N_STREAMS; i++) /* given away with the request */
                        streams[i] = open("/dev/null", O_RDWR | O_CLOEXEC);
                r = wire_send_request(sock, wire_verb_find(verb), m, verb == verb_exec ? streams : NULL, &e);
                if (r == -EMSGSIZE)
                        break;
                if (r == 0 && !answered())
                        hangs("the helper");
                if (r == 0 && wire_recv_reply(sock, &v, &got, &e) > 0) {
                        const Vks__Reply *reply = (const Vks__Reply *)(const void *)got;

                        r = reply->error;
                        snprintf(ret_text, size, "%s", reply->text);
                        if (r == -ETIMEDOUT && !pid_1_answers())
                                hangs("PID 1");
                        protobuf_c_message_free_unpacked(got, NULL);
                        accepted[verb] += r == 0;
                        if (r < 0)
                                note_refusal(verb, ret_text);
                        return r;
                }
                sock = fd_close(sock);
                nap(20);
        }
        if (sock < 0)
                mark("the helper is not there any more");
        snprintf(ret_text, size, "(no reply)");
        return r < 0 ? r : -EIO;
}

/* ---- the machine's own part -------------------------------------------------------------------------------------- */

static void machine(const char *command)
{
        if (system(command) != 0)
                printf("(%s has failed)\n", command);
}

/* The file is whole, and old: the helper does not wait to see whether more is written. */
static void policy(bool package)
{
        FD fd = open(POLICY ".new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

        if (fd < 0 ||
            dprintf(fd,
                    "root = %s\npackage = compose compose-*\nprogram = /usr/local/bin/* /opt/compose/bin/*\n"
                    "host-path = /srv/compose/rw rw /srv/compose/ro ro /srv/compose/link ro\n",
                    package ? "package" : "deny") < 0 ||
            futimens(fd, (const struct timespec[2]){ { .tv_sec = 1 }, { .tv_sec = 1 } }) < 0 ||
            rename(POLICY ".new", POLICY) < 0) {
                printf("compose: " POLICY ": %s\n", strerror(errno));
                exit(2);
        }
        sock = fd_close(sock);
        machine("systemctl --quiet stop vks-helper.service 2>/dev/null");
}

static void carry_out(const struct step *s, bool tell)
{
        char text[1024] = "";
        int r = 0;

        switch (s->what) {
        case ASK:
                r = ask(s->verb, s->message, text, sizeof(text));
                limits_note(s, r == 0);
                if (s->wrong_owner && r == 0)
                        mark("accepted for a pod that it does not belong to: %s", s->text);
                break;
        case PAUSE:
                break;
        case KILL_HELPER:
                machine("systemctl kill --signal=KILL vks-helper.service 2>/dev/null || :");
                break;
        case STOP_HELPER:
                machine("systemctl --quiet stop vks-helper.service 2>/dev/null");
                break;
        case RESTART_LOG:
                machine("systemctl restart vks-log.service");
                break;
        case RELOAD:
                machine("systemctl daemon-reload");
                break;
        case TAKE_AWAY:
                machine("rm -rf " TAKEN_AWAY);
                break;
        case POLICY_DENY:
        case POLICY_PACKAGE:
                policy(s->what == POLICY_PACKAGE);
                break;
        }
        if (tell)
                printf("    %s%s%s\n", s->text,
                       s->what != ASK ? ""
                       : r == 0       ? "\n      -> accepted"
                                      : "\n      -> ",
                       r ? text : "");
        fflush(stdout);
}

/* ---- sequences --------------------------------------------------------------------------------------------------- */

static unsigned quick_look(const struct sequence *s, int ms)
{
        return look_at_reports(s, ms) + look_at_processes(s);
}

static unsigned whole_look(const struct sequence *s, int ms)
{
        return quick_look(s, ms) + look_at_limits() + look_for_secrets() + look_at_files();
}

/* Ends the sequence's pods. While a pod is being ended, the helper says that it is busy. */
static unsigned clean_up(const struct sequence *s)
{
        char text[1024] = "";

        for (unsigned p = 0; p < PODS; p++)
                for (size_t i = 0; i < s->asked[p].n_units; i++)
                        for (int kill = 1; kill >= 0; kill--)
                                (void)ask(verb_stop, &compose_stop(s, p, i, kill)->base, text, sizeof(text));
        for (unsigned p = 0; p < PODS; p++) {
                int r = -EBUSY;
                for (long end = now_ms() + 1000L * GONE_SECONDS; r < 0 && now_ms() < end; nap(r < 0 ? 30 : 0))
                        r = ask(verb_remove, &compose_remove(p)->base, text, sizeof(text));
                if (r < 0)
                        mark("a pod cannot be removed: %s", text);
        }
        machine("find /srv/compose/rw -mindepth 1 -delete; mkdir -p /srv/compose/rw/sub " TAKEN_AWAY);
        machine("systemctl stop compose-socket.socket 'compose-*.service' 2>/dev/null || :");
        return look_at_reports(s, 0);
}

/* How many steps there were when there was something to see; 0 when there was not. `careful`: everything is looked at
 * after each step. */
static size_t run(const struct sequence *s, size_t steps, bool careful)
{
        unsigned found = 0;
        size_t at = 0;

        limits_begin();
        policy(s->begins_with_package);
        for (at = 0; at < steps && at < s->n && found == 0; at++) {
                carry_out(&s->steps[at], careful);
                found += careful ? whole_look(s, 600) : quick_look(s, (int)s->steps[at].pause_ms);
        }
        if (found == 0)
                found += whole_look(s, 150);
        found += clean_up(s);
        for (long end = now_ms() + 1000L * GONE_SECONDS; accepted[verb_install] > installed && now_ms() < end; nap(100))
                if (system("systemctl list-units --state=activating --no-legend 'vks-install-*' | grep -q .") != 0)
                        installed = accepted[verb_install];
        found += look_at_what_is_left() + look_at_files();
        marks += found;
        return found ? at : 0;
}

static void honest(void)
{
        static struct sequence s;
        char text[1024] = "";

        compose_honest(&s);
        policy(false);
        for (size_t i = 0; i < s.n; i++)
                if (ask(s.steps[i].verb, s.steps[i].message, text, sizeof(text)) < 0)
                        mark("an honest pod is not served: %s", text);
        bool heard = false, told = false;
        long began = now_ms();
        for (; !heard && now_ms() < began + 1000L * HANG_SECONDS; heard = look_was_honest()) {
                marks += look_at_reports(&s, 20);
                if (told || now_ms() < began + 1000L * SLOW_SECONDS)
                        continue;
                tell_who_waits(now_ms() - began);
                told = true;
        }
        if (!heard)
                mark("an honest pod does not run");
        marks += clean_up(&s);
}

/* Which is the shortest beginning of the sequence that shows something? */
static void finding(const struct sequence *s, size_t steps)
{
        size_t first;

        printf("FOUND by SEED=%llu, at step %zu of %zu; once more, with a look after each step:\n",
               (unsigned long long)s->seed, steps, s->n);
        first = run(s, s->n, true);
        for (size_t n = 1; first == 0 && n <= s->n; n++) /* what has to come in time is not seen by who looks so long */
                first = run(s, n, false) ? n : 0;
        if (first)
                printf("SEED=%llu STEPS=%zu shows it\n", (unsigned long long)s->seed, first);
        else
                printf("SEED=%llu shows it, but not each time\n", (unsigned long long)s->seed);
        fflush(stdout);
}

static void tell_how_much(long ms)
{
        printf("%lu sequences in %ld s:", sequences, ms / 1000);
#define ROW(n, verb, Message, body) printf(" %s %lu/%lu", #verb, accepted[n], sent[n]);
        VERBS(ROW)
#undef ROW
        printf("; %lu marks\n", marks);
}

int main(int argc, char **argv)
{
        static struct sequence s;
        bool until = argc > 3 && streq(argv[1], "until");
        if (until)
                argc--, argv++;
        long seconds = argc > 1 ? strtol(argv[1], NULL, 10) : 0;
        uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;

        first_seed = seed;
        all_began = now_ms();
        setvbuf(stdout, NULL, _IOLBF, 0);
        if (argc == 3 && streq(argv[1], "show")) {
                compose(seed, &s);
                for (size_t i = 0; i < s.n; i++)
                        printf("%zu. %s\n", i + 1, s.steps[i].text);
                return 0;
        }
        look_begin();
        if (argc > 2 && streq(argv[1], "replay")) {
                compose(seed, &s);
                size_t first = run(&s, argc > 3 ? strtoul(argv[3], NULL, 10) : s.n, true);
                printf("%zu\n", first);
                return first ? 1 : 0;
        }
        if (seconds <= 0)
                return 2;
        for (; now_ms() - all_began < seconds * 1000 && !(until && marks); sequences++) {
                if (sequences % HONEST_EVERY == 0)
                        honest();
                compose(seed + sequences, &s);
                size_t steps = run(&s, s.n, false);
                if (steps) {
                        tell_when();
                        finding(&s, steps);
                }
        }
        honest();
        tell_how_much(now_ms() - all_began);
        tell_why_not();
        return marks ? 1 : 0;
}
