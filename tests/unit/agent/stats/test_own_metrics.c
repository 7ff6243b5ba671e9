/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <unistd.h>

#include "agent/stats/own_metrics.h"
#include "common/mem.h"

static void has(const char *text, const char *line)
{
        size_t n = strlen(line);

        for (const char *at = text; (at = strstr(at, line)); at++)
                if ((at == text || at[-1] == '\n') && at[n] == '\n')
                        return;
        cr_expect(false, "%s\nis not in\n%s", line, text);
}

Test(own_metrics, names_that_alerts_ask_for)
{
        static const struct api_answers answers[] = { { "GET", 200, 7 }, { "PATCH", 409, 2 }, { "GET", 0, 1 } };
        static const struct eviction_count evictions[] = { { "memory.available", 3 }, { "emptydirfs.limit", 0 } };
        struct pods_counts pods = {
                .pods = 5, .from_files = 2, .running = 4, .containers_running = 6, .containers_exited = 1
        };
        struct own_metrics m = {
                .node_name = "n",
                .version = "v1.37.0+vks.0.1.0",
                .server = "https://[::1]:6443/path",
                .pods = &pods,
                .answers = answers,
                .n_answers = ARRAY_LEN(answers),
                .evictions = evictions,
                .n_evictions = ARRAY_LEN(evictions),
                .requests = 12,
                .client_seconds_left = -3,
                .server_seconds_left = INT64_MAX,
                .process = { .cpu_usec = 2500000,
                             .resident = 4096,
                             .open_fds = 9,
                             .max_fds = 16384,
                             .started = 1500000 },
        };
        struct buf b = BUF(256 * 1024);
        CLEANUP(freep) char *text = NULL;

        histogram_add(&pods.starts, 400 * 1000);
        histogram_add(&pods.starts, 500 * 1000);
        histogram_add(&pods.starts, 7 * 1000 * 1000);
        histogram_add(&pods.starts, UINT64_C(7200) * 1000 * 1000);
        own_metrics_text(&m, &b);
        text = buf_steal(&b);
        has(text, "kubelet_certificate_manager_client_ttl_seconds -3");
        has(text, "kubelet_certificate_manager_server_ttl_seconds +Inf");
        has(text, "kubelet_node_name{node=\"n\"} 1");
        has(text, "kubelet_desired_pods{static=\"\"} 3");
        has(text, "kubelet_desired_pods{static=\"true\"} 2");
        has(text, "kubelet_running_pods 4");
        has(text, "kubelet_evictions{eviction_signal=\"memory.available\"} 3");
        has(text, "kubelet_evictions{eviction_signal=\"emptydirfs.limit\"} 0");
        has(text, "kubelet_running_containers{container_state=\"running\"} 6");
        has(text, "kubelet_running_containers{container_state=\"exited\"} 1");
        has(text, "# TYPE kubelet_pod_start_duration_seconds histogram");
        has(text, "kubelet_pod_start_duration_seconds_bucket{le=\"0.5\"} 2");
        has(text, "kubelet_pod_start_duration_seconds_bucket{le=\"6\"} 2");
        has(text, "kubelet_pod_start_duration_seconds_bucket{le=\"8\"} 3");
        has(text, "kubelet_pod_start_duration_seconds_bucket{le=\"3600\"} 3");
        has(text, "kubelet_pod_start_duration_seconds_bucket{le=\"+Inf\"} 4");
        has(text, "kubelet_pod_start_duration_seconds_sum 7207.900000");
        has(text, "kubelet_pod_start_duration_seconds_count 4");
        has(text, "kubernetes_build_info{git_version=\"v1.37.0+vks.0.1.0\",major=\"1\",minor=\"37\"} 1");
        has(text, "rest_client_requests_total{code=\"200\",host=\"[::1]:6443\",method=\"GET\"} 7");
        has(text, "rest_client_requests_total{code=\"409\",host=\"[::1]:6443\",method=\"PATCH\"} 2");
        has(text, "rest_client_requests_total{code=\"<error>\",host=\"[::1]:6443\",method=\"GET\"} 1");
        has(text, "process_cpu_seconds_total 2.500000");
        has(text, "process_start_time_seconds 1.500000");
        has(text, "vks_api_requests_total 12");
}

Test(own_metrics, what_is_not_known_is_not_told)
{
        struct pods_counts pods = { 0 };
        struct own_metrics m = { .node_name = "n", .version = "", .server = "https://h", .pods = &pods };
        CLEANUP(buf_done) struct buf b = BUF(256 * 1024);

        own_metrics_text(&m, &b);
        cr_assert(!strstr(b.data, "kubernetes_build_info"));
        cr_assert(!strstr(b.data, "rest_client_requests_total"));
}

Test(own_metrics, this_process)
{
        struct process_usage before = { 0 }, after = { 0 };
        int fd;

        process_usage_read(&before);
        fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
        process_usage_read(&after);
        close(fd);
        cr_assert_eq(after.open_fds, before.open_fds + 1);
        cr_assert(before.resident > 0 && before.virtual >= before.resident);
        cr_assert(after.cpu_usec >= before.cpu_usec && before.cpu_usec > 0);
        cr_assert(before.max_fds >= before.open_fds);
}
