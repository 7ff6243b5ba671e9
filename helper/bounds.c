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
         * what starts.
         */
        JOBS_START = 256,
        JOBS_STOP = 384,
        /* One at a time has apt's lock; the others wait for it, or look whether there is anything newer. As many as
         * the agent asks for at a time (agent/packages/installer.c). */
        INSTALLS = 8,
        EXECS = 256,          /* commands of kubectl exec, probes and hooks that run at a time */
        INSTALLS_FAILED = 32, /* that PID 1 remembers, for the agent to see what became of them */
};

int bounds_jobs(struct machine *m, size_t n, bool stops, struct err *e)
{
        uint32_t most = stops ? JOBS_STOP : JOBS_START, jobs;
        int r = unit_jobs(m, &jobs, e);

        if (r == 0 && jobs + n > most)
                r = err_set(e, -EAGAIN, "max-jobs", "systemd has %u jobs to do, and gets no more than %u of pods", jobs,
                            most);
        return r;
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
