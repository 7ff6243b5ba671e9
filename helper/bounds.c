/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How much of the machine requests may take up at a time. What would be beyond a bound is refused before anything is
 * done, with the bound's name as reason: -EAGAIN where it will be possible later, -EPERM where the pod asks for too
 * much.
 */
#include <errno.h>
#include <sys/sysinfo.h>

#include "common/fd.h"
#include "common/mem.h"
#include "helper/helper.h"

enum {
        /*
         * PID 1 watches on the bus for the end of whoever asked for a job, by one match rule for each job, and the bus
         * allows it 512 (dbus-daemon(1), max_match_rules_per_connection): one more, and no unit of the machine is
         * started over the bus any more. A request has at most 64 units; and what is to be stopped does not wait for
         * what starts. These are jobs that the present process has asked for: a pod may have some that never end (a
         * oneshot's lasts as long as it runs), and others shall not wait for them. With the process the rules go.
         */
        JOBS_START = 256,
        JOBS_STOP = 384,
        /* One at a time has apt's lock; the others wait for it, or look whether there is anything newer. As many as
         * the agent asks for at a time (agent/packages/installer.c). */
        INSTALLS = 8,
        EXECS = 256,          /* commands of kubectl exec, probes and hooks that run at a time */
        INSTALLS_FAILED = 32, /* that PID 1 remembers, for the agent to see what became of them */
};

static int on_leave(sd_event_source *source, UNUSED void *userdata)
{
        return sd_event_exit(sd_event_source_get_event(source), 0);
}

/* When who has asked already has been answered. The socket starts another process. */
static void leave(struct machine *m)
{
        sd_event_source *source = NULL;

        (void)(sd_event_add_defer(m->event, &source, on_leave, NULL) < 0 ||
               sd_event_source_set_priority(source, SD_EVENT_PRIORITY_IDLE) < 0 ||
               sd_event_source_set_floating(source, true) < 0);
        sd_event_source_unref(source);
}

/*
 * Without an answer of PID 1's all that this process has ever asked for counts: it is asked, which each pod would have
 * to wait for, only when that comes near to a bound.
 */
int bounds_jobs(struct machine *m, size_t n, bool stops, struct err *e)
{
        uint32_t most = stops ? JOBS_STOP : JOBS_START, all = UINT32_MAX;
        int r = m->jobs + n > most / 2 ? unit_jobs(m, &all, e) : 0;

        if (r < 0)
                return r;
        if (m->jobs > all) /* some have ended */
                m->jobs = all;
        if (m->jobs + n > most) {
                leave(m);
                return err_set(e, -EAGAIN, "max-jobs", "systemd has %u jobs to do, and gets no more than %u at a time",
                               m->jobs, most);
        }
        m->jobs += (uint32_t)n;
        return 0;
}

/*
 * PID 1 is asked only when so many have begun that the bound may be reached; and by each new helper, since commands
 * outlive it.
 */
int bounds_execs(struct machine *m, struct err *e)
{
        struct units_found found = { 0 };
        int r = m->execs ? 0 : unit_find_busy(m, "vks-exec-*.service", &found, e);

        strv_free(found.busy);
        strv_free(found.failed);
        if (r < 0)
                return r;
        if (m->execs == 0 && found.n_busy >= EXECS)
                return err_set(e, -EAGAIN, "max-execs", "%zu commands run beside containers, and no more than %d may",
                               found.n_busy, EXECS);
        if (m->execs == 0)
                m->execs = EXECS - (unsigned)found.n_busy;
        m->execs--;
        return 0;
}

int bounds_install(struct machine *m, const char *unit, struct err *e)
{
        struct units_found found = { 0 };
        int r = unit_find_busy(m, "vks-install-*.service", &found, e);
        CLEANUP(strv_freep) char **busy = found.busy, **failed = found.failed;

        for (size_t i = 0; i < found.n_failed && r == 0 && found.n_failed > INSTALLS_FAILED; i++)
                r = unit_ask(m, "ResetFailedUnit", failed[i], e);
        for (size_t i = 0; i < found.n_busy && r == 0; i++)
                if (streq(busy[i], unit))
                        return 0;
        if (r == 0 && found.n_busy >= INSTALLS)
                r = err_set(e, -EAGAIN, "max-installs",
                            "%zu installations run or wait already, and no more than %d may", found.n_busy, INSTALLS);
        return r;
}

/* ---- what pods' files and variables take of the tmpfs ------------------------------------------------------------ */

uint64_t content_of(struct machine *m, const char *uid)
{
        FD pod = dir_open(m->pods, uid);

        return pod < 0 ? 0 : dir_bytes(pod, "files") + dir_bytes(pod, "env");
}

static uint64_t content_of_all(struct machine *m)
{
        CLEANUP(strv_freep) char **pods = dir_list(m->pods);
        uint64_t sum = 0;

        for (char **uid = pods; uid && *uid; uid++)
                sum += content_of(m, *uid);
        return sum;
}

static unsigned mib(uint64_t bytes)
{
        return (unsigned)((bytes + (1 << 20) - 1) >> 20);
}

int content_room(struct machine *m, const char *uid, uint64_t more, const struct content_bounds *b, uint64_t *ret_own,
                 struct err *e)
{
        struct sysinfo memory;
        uint64_t all;

        *ret_own = content_of(m, uid);
        if (*ret_own + more > (uint64_t)b->pod_mib << 20)
                return err_set(
                        e, -EPERM, "max-pod-content",
                        "policy rule max-pod-content: the files and variables of this pod would take %u MiB, and "
                        "may take %u (see /etc/vks/policy.conf)",
                        mib(*ret_own + more), b->pod_mib);
        if (!m->content_known)
                m->content = content_of_all(m);
        m->content_known = true;
        sysinfo(&memory);
        all = (uint64_t)memory.totalram * memory.mem_unit / 100 * b->all_percent;
        if (m->content + more > all)
                return err_set(e, -EAGAIN, "max-content",
                               "policy rule max-content: the files and variables of all pods take %u MiB, these would "
                               "take %u more, and %u are allowed (see /etc/vks/policy.conf)",
                               mib(m->content), mib(more), mib(all));
        return 0;
}

void content_note(struct machine *m, const char *uid, uint64_t own)
{
        m->content += content_of(m, uid) - own;
}
