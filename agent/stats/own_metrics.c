/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/stats/own_metrics.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "agent/stats/exposition.h"
#include "common/mem.h"

/* ---- this process ------------------------------------------------------------------------------------------------ */

static uint64_t count_fds(void)
{
        DIR *d = opendir("/proc/self/fd");
        const struct dirent *entry;
        uint64_t n = 0;

        if (!d)
                return 0;
        while ((entry = readdir(d)))
                n += entry->d_name[0] != '.';
        closedir(d);
        return n - 1; /* the one that reads */
}

void process_usage_read(struct process_usage *ret)
{
        struct timespec cpu = { 0 };
        struct rlimit files = { 0 };
        FILE *f = fopen("/proc/self/statm", "re");
        unsigned long virtual = 0, resident = 0;
        uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

        if (f && fscanf(f, "%lu %lu", &virtual, &resident) == 2) {
                ret->virtual = virtual * page;
                ret->resident = resident * page;
        }
        if (f)
                fclose(f);
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
        ret->cpu_usec = (uint64_t)cpu.tv_sec * 1000000 + (uint64_t)cpu.tv_nsec / 1000;
        ret->open_fds = count_fds();
        if (getrlimit(RLIMIT_NOFILE, &files) == 0)
                ret->max_fds = files.rlim_cur;
}

/* ---- pure -------------------------------------------------------------------------------------------------------- */

void process_start_text(uint64_t started, struct buf *ret)
{
        exposition_single(ret, "process_start_time_seconds", "gauge",
                          "Start time of the process since unix epoch in seconds.", number_of_usec(started));
}

static void process(const struct process_usage *p, struct buf *ret)
{
        exposition_single(ret, "process_cpu_seconds_total", "counter",
                          "Total user and system CPU time spent in seconds.", number_of_usec(p->cpu_usec));
        exposition_single(ret, "process_max_fds", "gauge", "Maximum number of open file descriptors.",
                          number_of(p->max_fds));
        exposition_single(ret, "process_open_fds", "gauge", "Number of open file descriptors.", number_of(p->open_fds));
        exposition_single(ret, "process_resident_memory_bytes", "gauge", "Resident memory size in bytes.",
                          number_of(p->resident));
        process_start_text(p->started, ret);
        exposition_single(ret, "process_virtual_memory_bytes", "gauge", "Virtual memory size in bytes.",
                          number_of(p->virtual));
}

/* The version is made of the API server's release, which clusters compare with their own. */
static void build(const char *version, struct buf *ret)
{
        unsigned major, minor;
        char text[16];

        if (sscanf(version, "v%u.%u.", &major, &minor) != 2)
                return;
        exposition_head(ret, "kubernetes_build_info", "gauge",
                        "[ALPHA] A metric with a constant '1' value labeled by major, minor, git version.");
        buf_str(ret, "kubernetes_build_info");
        exposition_label(ret, "{", "git_version", version);
        snprintf(text, sizeof(text), "%u", major);
        exposition_label(ret, ",", "major", text);
        snprintf(text, sizeof(text), "%u", minor);
        exposition_label(ret, ",", "minor", text);
        buf_char(ret, '}');
        exposition_value(ret, number_of(1), 0);
}

static void labelled(struct buf *ret, const char *name, const char *label, const char *value, uint64_t n)
{
        buf_str(ret, name);
        exposition_label(ret, "{", label, value);
        buf_char(ret, '}');
        exposition_value(ret, number_of(n), 0);
}

static void histogram(const char *name, const char *help, const struct histogram *h, struct buf *ret)
{
        exposition_head(ret, name, "histogram", help);
        for (size_t i = 0; i < HISTOGRAM_BOUNDS; i++)
                buf_printf(ret, "%s_bucket{le=\"%g\"} %" PRIu64 "\n", name, histogram_bounds_ms[i] / 1000.0,
                           h->within[i]);
        buf_printf(ret, "%s_bucket{le=\"+Inf\"} %" PRIu64 "\n%s_sum", name, h->count, name);
        exposition_value(ret, number_of_usec(h->sum_usec), 0);
        buf_printf(ret, "%s_count %" PRIu64 "\n", name, h->count);
}

static void pods(const struct pods_counts *p, struct buf *ret)
{
        static const char *const desired = "kubelet_desired_pods", *const containers = "kubelet_running_containers";

        exposition_head(ret, desired, "gauge",
                        "[ALPHA] The number of pods the kubelet is being instructed to run. static is true if the pod "
                        "is not from the apiserver.");
        labelled(ret, desired, "static", "", p->pods - p->from_files);
        labelled(ret, desired, "static", "true", p->from_files);
        histogram("kubelet_pod_start_duration_seconds",
                  "[ALPHA] Duration in seconds from kubelet seeing a pod for the first time to the pod starting to run",
                  &p->starts, ret);
        exposition_head(ret, containers, "gauge", "[ALPHA] Number of containers currently running");
        labelled(ret, containers, "container_state", "exited", p->containers_exited);
        labelled(ret, containers, "container_state", "running", p->containers_running);
        exposition_single(ret, "kubelet_running_pods", "gauge",
                          "[ALPHA] Number of pods that have a running pod sandbox", number_of(p->running));
}

static void certificate(const char *name, const char *help, int64_t seconds, struct buf *ret)
{
        exposition_head(ret, name, "gauge", help);
        if (seconds == INT64_MAX)
                buf_printf(ret, "%s +Inf\n", name);
        else
                buf_printf(ret, "%s %" PRId64 "\n", name, seconds);
}

static void certificates(const struct own_metrics *m, struct buf *ret)
{
        certificate("kubelet_certificate_manager_client_ttl_seconds",
                    "[ALPHA] Gauge of the TTL (time-to-live) of the Kubelet's client certificate, in seconds. Negative "
                    "once it has expired; +Inf: there is none that the Kubelet keeps.",
                    m->client_seconds_left, ret);
        certificate("kubelet_certificate_manager_server_ttl_seconds",
                    "[ALPHA] Gauge of the TTL (time-to-live) of the Kubelet's serving certificate, likewise.",
                    m->server_seconds_left, ret);
}

/* The names of client-go: "<error>" is no answer, and the host is that of the URL. */
static void requests(const struct own_metrics *m, struct buf *ret)
{
        static const char *const name = "rest_client_requests_total";
        const char *host = strstr(m->server, "://");
        CLEANUP(freep) char *authority = NULL;

        host = host ? host + 3 : m->server;
        authority = xstrndup(host, strcspn(host, "/"));
        if (!m->n_answers)
                return;
        exposition_head(ret, name, "counter",
                        "[ALPHA] Number of HTTP requests, partitioned by status code, method, and host.");
        for (size_t i = 0; i < m->n_answers; i++) {
                char code[16] = "<error>";

                if (m->answers[i].status)
                        snprintf(code, sizeof(code), "%ld", m->answers[i].status);
                buf_str(ret, name);
                exposition_label(ret, "{", "code", code);
                exposition_label(ret, ",", "host", authority);
                exposition_label(ret, ",", "method", m->answers[i].method);
                buf_char(ret, '}');
                exposition_value(ret, number_of(m->answers[i].n), 0);
        }
}

static void evictions(const struct own_metrics *m, struct buf *ret)
{
        static const char *const name = "kubelet_evictions";

        exposition_head(ret, name, "counter", "[ALPHA] Cumulative number of pod evictions by eviction signal");
        for (size_t i = 0; i < m->n_evictions; i++)
                labelled(ret, name, "eviction_signal", m->evictions[i].signal, m->evictions[i].n);
}

void own_metrics_text(const struct own_metrics *m, struct buf *ret)
{
        certificates(m, ret);
        evictions(m, ret);
        exposition_head(ret, "kubelet_node_name", "gauge", "[ALPHA] The node's name. The count is always 1.");
        labelled(ret, "kubelet_node_name", "node", m->node_name, 1);
        pods(m->pods, ret);
        build(m->version, ret);
        process(&m->process, ret);
        requests(m, ret);
        exposition_single(ret, "vks_api_requests_total", "counter",
                          "Requests to the API server since the agent started.", number_of(m->requests));
        exposition_single(ret, "vks_pods", "gauge", "Pods that the agent knows.", number_of(m->pods->pods));
}
