/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/stats/families.h"

#include "agent/stats/exposition.h"

enum { PODS_AT_ONCE = 64 }; /* in one piece */

/* Whom a family tells about. */
enum {
        MACHINE = 1,
        POD = 2,
        CONTAINER = 4,
        INTERFACE = 8,
        TIMED = 16, /* ... and when it was read is told, too */
};

/* One about whom something is told. */
struct subject {
        const struct sample *sample;
        const struct sampled_pod *pod;             /* NULL: the machine */
        const struct sampled_container *container; /* NULL: the pod, or the machine */
        const struct usage *usage;
        const struct interface_usage *interface;
        uint64_t at, started;
};

struct family {
        const char *name, *type, *help;
        unsigned about;
        bool (*value)(const struct subject *s, struct number *ret); /* false: it is not known */
        const char *more; /* labels of this row alone; rows of one name stand together, and the first has the head */
};

struct families {
        const struct family *rows;
        size_t n;
        void (*labels)(struct buf *b, const struct subject *s, const char *more);
};

/* ---- values ------------------------------------------------------------------------------------------------------ */

static bool whole(const struct usage *u, enum usage_field field, struct number *ret)
{
        uint64_t value;

        if (!usage_get(u, field, &value))
                return false;
        *ret = number_of(value);
        return true;
}

static bool seconds(const struct usage *u, enum usage_field field, struct number *ret)
{
        uint64_t value;

        if (!usage_get(u, field, &value))
                return false;
        *ret = number_of_usec(value);
        return true;
}

#define WHOLE(name, field)                                                                                             \
        static bool name(const struct subject *s, struct number *ret)                                                  \
        {                                                                                                              \
                return whole(s->usage, field, ret);                                                                    \
        }
#define IN_SECONDS(name, field)                                                                                        \
        static bool name(const struct subject *s, struct number *ret)                                                  \
        {                                                                                                              \
                return seconds(s->usage, field, ret);                                                                  \
        }
#define OF_INTERFACE(name)                                                                                             \
        static bool name(const struct subject *s, struct number *ret)                                                  \
        {                                                                                                              \
                *ret = number_of(s->interface->name);                                                                  \
                return true;                                                                                           \
        }

IN_SECONDS(cpu, USAGE_CPU)
IN_SECONDS(cpu_user, USAGE_CPU_USER)
IN_SECONDS(cpu_system, USAGE_CPU_SYSTEM)
WHOLE(periods, USAGE_PERIODS)
WHOLE(periods_throttled, USAGE_PERIODS_THROTTLED)
IN_SECONDS(throttled, USAGE_THROTTLED)
WHOLE(memory, USAGE_MEMORY)
WHOLE(anonymous, USAGE_ANONYMOUS)
WHOLE(file_pages, USAGE_FILE)
WHOLE(file_mapped, USAGE_FILE_MAPPED)
WHOLE(faults, USAGE_FAULTS)
WHOLE(faults_major, USAGE_FAULTS_MAJOR)
WHOLE(swap, USAGE_SWAP)
WHOLE(memory_limit, USAGE_MEMORY_LIMIT)
WHOLE(pids, USAGE_PIDS)
WHOLE(oom_kills, USAGE_OOM_KILLS)
OF_INTERFACE(rx_bytes)
OF_INTERFACE(rx_packets)
OF_INTERFACE(rx_errors)
OF_INTERFACE(rx_dropped)
OF_INTERFACE(tx_bytes)
OF_INTERFACE(tx_packets)
OF_INTERFACE(tx_errors)
OF_INTERFACE(tx_dropped)

static bool working_set(const struct subject *s, struct number *ret)
{
        uint64_t value;

        if (!usage_working_set(s->usage, &value))
                return false;
        *ret = number_of(value);
        return true;
}

static bool started(const struct subject *s, struct number *ret)
{
        *ret = number_of_usec(s->started);
        return s->started > 0;
}

static bool seen(const struct subject *s, struct number *ret)
{
        *ret = number_of(s->at / 1000000);
        return s->at > 0;
}

static bool machine_cpus(const struct subject *s, struct number *ret)
{
        *ret = number_of(s->sample->machine.cpus);
        return ret->whole > 0;
}

static bool machine_memory(const struct subject *s, struct number *ret)
{
        *ret = number_of(s->sample->machine.memory_total);
        return ret->whole > 0;
}

static bool failed(const struct subject *s, struct number *ret)
{
        *ret = number_of(s->sample->failed);
        return true;
}

/* ---- who it is about --------------------------------------------------------------------------------------------- */

static void resource_labels(struct buf *b, const struct subject *s, UNUSED const char *more)
{
        if (!s->pod)
                return;
        if (s->container)
                exposition_label(b, "{", "container", s->container->name);
        exposition_label(b, s->container ? "," : "{", "namespace", s->pod->id.namespace);
        exposition_label(b, ",", "pod", s->pod->id.name);
        buf_char(b, '}');
}

static void cadvisor_labels(struct buf *b, const struct subject *s, const char *more)
{
        const char *id = s->container ? s->container->cgroup : s->pod ? s->pod->cgroup : "/";

        exposition_label(b, "{", "container", s->container ? s->container->name : "");
        if (more)
                buf_printf(b, ",%s", more);
        exposition_label(b, ",", "id", id);
        exposition_label(b, ",", "image", s->container ? s->container->image : "");
        if (s->interface)
                exposition_label(b, ",", "interface", s->interface->name);
        exposition_label(b, ",", "name", s->container ? s->container->invocation : "");
        exposition_label(b, ",", "namespace", s->pod ? s->pod->id.namespace : "");
        exposition_label(b, ",", "pod", s->pod ? s->pod->id.name : "");
        buf_char(b, '}');
}

/* ---- the tables -------------------------------------------------------------------------------------------------- */

static const struct family resource[] = {
        { "container_cpu_usage_seconds_total", "counter",
          "[STABLE] Cumulative cpu time consumed by the container in core-seconds", CONTAINER | TIMED, cpu, NULL },
        { "container_memory_working_set_bytes", "gauge", "[STABLE] Current working set of the container in bytes",
          CONTAINER | TIMED, working_set, NULL },
        { "container_start_time_seconds", "gauge", "[STABLE] Start time of the container since unix epoch in seconds",
          CONTAINER, started, NULL },
        { "container_swap_usage_bytes", "gauge",
          "[ALPHA] Current amount of the container swap usage in bytes. Reported only on non-windows systems",
          CONTAINER | TIMED, swap, NULL },
        { "node_cpu_usage_seconds_total", "counter",
          "[STABLE] Cumulative cpu time consumed by the node in core-seconds", MACHINE | TIMED, cpu, NULL },
        { "node_memory_working_set_bytes", "gauge", "[STABLE] Current working set of the node in bytes",
          MACHINE | TIMED, working_set, NULL },
        { "node_swap_usage_bytes", "gauge",
          "[ALPHA] Current swap usage of the node in bytes. Reported only on non-windows systems", MACHINE | TIMED,
          swap, NULL },
        { "pod_cpu_usage_seconds_total", "counter", "[STABLE] Cumulative cpu time consumed by the pod in core-seconds",
          POD | TIMED, cpu, NULL },
        { "pod_memory_working_set_bytes", "gauge", "[STABLE] Current working set of the pod in bytes", POD | TIMED,
          working_set, NULL },
        { "pod_swap_usage_bytes", "gauge",
          "[ALPHA] Current amount of the pod swap usage in bytes. Reported only on non-windows systems", POD | TIMED,
          swap, NULL },
        { "resource_scrape_error", "gauge",
          "[STABLE] 1 if there was an error while getting container metrics, 0 otherwise", MACHINE, failed, NULL },
        { "scrape_error", "gauge",
          "[ALPHA] (Deprecated since 1.29.0) 1 if there was an error while getting container metrics, 0 otherwise",
          MACHINE, failed, NULL },
};
const struct families families_resource = { resource, ARRAY_LEN(resource), resource_labels };

#define EACH (MACHINE | POD | CONTAINER)

static const struct family cadvisor[] = {
        { "container_cpu_cfs_periods_total", "counter", "Number of elapsed enforcement period intervals.",
          POD | CONTAINER | TIMED, periods, NULL },
        { "container_cpu_cfs_throttled_periods_total", "counter", "Number of throttled period intervals.",
          POD | CONTAINER | TIMED, periods_throttled, NULL },
        { "container_cpu_cfs_throttled_seconds_total", "counter",
          "Total time duration the container has been throttled.", POD | CONTAINER | TIMED, throttled, NULL },
        { "container_cpu_system_seconds_total", "counter", "Cumulative system cpu time consumed in seconds.",
          EACH | TIMED, cpu_system, NULL },
        { "container_cpu_usage_seconds_total", "counter", "Cumulative cpu time consumed in seconds.", EACH | TIMED, cpu,
          "cpu=\"total\"" },
        { "container_cpu_user_seconds_total", "counter", "Cumulative user cpu time consumed in seconds.", EACH | TIMED,
          cpu_user, NULL },
        { "container_last_seen", "gauge", "Last time a container was seen by the exporter", EACH | TIMED, seen, NULL },
        { "container_memory_cache", "gauge", "Number of bytes of page cache memory.", EACH | TIMED, file_pages, NULL },
        { "container_memory_failures_total", "counter", "Cumulative count of memory allocation failures.", EACH | TIMED,
          faults, "failure_type=\"pgfault\",scope=\"hierarchy\"" },
        { "container_memory_failures_total", "counter", "Cumulative count of memory allocation failures.", EACH | TIMED,
          faults_major, "failure_type=\"pgmajfault\",scope=\"hierarchy\"" },
        { "container_memory_mapped_file", "gauge", "Size of memory mapped files in bytes.", EACH | TIMED, file_mapped,
          NULL },
        { "container_memory_rss", "gauge", "Size of RSS in bytes.", EACH | TIMED, anonymous, NULL },
        { "container_memory_swap", "gauge", "Container swap usage in bytes.", EACH | TIMED, swap, NULL },
        { "container_memory_usage_bytes", "gauge",
          "Current memory usage in bytes, including all memory regardless of when it was accessed", EACH | TIMED,
          memory, NULL },
        { "container_memory_working_set_bytes", "gauge", "Current working set in bytes.", EACH | TIMED, working_set,
          NULL },
        { "container_network_receive_bytes_total", "counter", "Cumulative count of bytes received", INTERFACE | TIMED,
          rx_bytes, NULL },
        { "container_network_receive_errors_total", "counter", "Cumulative count of errors encountered while receiving",
          INTERFACE | TIMED, rx_errors, NULL },
        { "container_network_receive_packets_dropped_total", "counter",
          "Cumulative count of packets dropped while receiving", INTERFACE | TIMED, rx_dropped, NULL },
        { "container_network_receive_packets_total", "counter", "Cumulative count of packets received",
          INTERFACE | TIMED, rx_packets, NULL },
        { "container_network_transmit_bytes_total", "counter", "Cumulative count of bytes transmitted",
          INTERFACE | TIMED, tx_bytes, NULL },
        { "container_network_transmit_errors_total", "counter",
          "Cumulative count of errors encountered while transmitting", INTERFACE | TIMED, tx_errors, NULL },
        { "container_network_transmit_packets_dropped_total", "counter",
          "Cumulative count of packets dropped while transmitting", INTERFACE | TIMED, tx_dropped, NULL },
        { "container_network_transmit_packets_total", "counter", "Cumulative count of packets transmitted",
          INTERFACE | TIMED, tx_packets, NULL },
        { "container_oom_events_total", "counter", "Count of out of memory events observed for the container",
          POD | CONTAINER | TIMED, oom_kills, NULL },
        { "container_spec_memory_limit_bytes", "gauge", "Memory limit for the container.", POD | CONTAINER,
          memory_limit, NULL },
        { "container_start_time_seconds", "gauge", "Start time of the container since unix epoch in seconds.",
          EACH | TIMED, started, NULL },
        { "container_threads", "gauge", "Number of threads running inside the container", POD | CONTAINER | TIMED, pids,
          NULL },
        { "machine_cpu_cores", "gauge", "Number of logical CPU cores.", MACHINE, machine_cpus, NULL },
        { "machine_memory_bytes", "gauge", "Amount of memory installed on the machine.", MACHINE, machine_memory,
          NULL },
};
const struct families families_cadvisor = { cadvisor, ARRAY_LEN(cadvisor), cadvisor_labels };

/* ---- one after the other ----------------------------------------------------------------------------------------- */

static void tell(struct families_walk *w, const struct family *f, const struct subject *s, struct buf *ret)
{
        struct number value;

        if (!f->value(s, &value))
                return;
        if (!streq(w->headed, f->name))
                exposition_head(ret, f->name, f->type, f->help);
        w->headed = f->name;
        buf_str(ret, f->name);
        if (f->value != machine_memory && f->value != machine_cpus)
                w->families->labels(ret, s, f->more);
        exposition_value(ret, value, f->about & TIMED ? s->at : 0);
}

static void tell_machine(struct families_walk *w, const struct family *f, struct buf *ret)
{
        const struct machine_usage *m = &w->sample->machine;
        struct subject s = { .sample = w->sample, .usage = &m->usage, .at = w->sample->at, .started = m->booted };

        if (f->about & MACHINE)
                tell(w, f, &s, ret);
        for (size_t i = 0; f->about & INTERFACE && i < m->n_interfaces; i++) {
                s.interface = &m->interfaces[i];
                tell(w, f, &s, ret);
        }
}

static void tell_pod(struct families_walk *w, const struct family *f, const struct sampled_pod *p, struct buf *ret)
{
        struct subject s = { .sample = w->sample, .pod = p, .usage = &p->usage, .at = p->at, .started = p->started };

        if (f->about & POD)
                tell(w, f, &s, ret);
        for (size_t i = 0; f->about & CONTAINER && i < p->n_containers; i++) {
                s.container = &p->containers[i];
                s.usage = &s.container->usage;
                s.at = s.container->at;
                s.started = s.container->started;
                tell(w, f, &s, ret);
        }
}

bool families_next(struct families_walk *w, struct buf *ret)
{
        const struct family *f = &w->families->rows[w->family];
        size_t until = w->pod + PODS_AT_ONCE;

        if (w->pod == 0)
                tell_machine(w, f, ret);
        if (!(f->about & (POD | CONTAINER)))
                w->pod = w->sample->n_pods;
        for (; w->pod < w->sample->n_pods && w->pod < until; w->pod++)
                tell_pod(w, f, &w->sample->pods[w->pod], ret);
        if (w->pod < w->sample->n_pods)
                return true;
        w->pod = 0;
        w->family++;
        return w->family < w->families->n;
}
