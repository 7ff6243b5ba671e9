/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include "agent/stats/exposition.h"
#include "agent/stats/families.h"
#include "tests/unit/agent/stats/sampled.h"

static char *told(const struct families *families, const struct sample *s)
{
        struct families_walk w = { .families = families, .sample = s };
        struct buf b = BUF(16 * 1024 * 1024);

        while (families_next(&w, &b))
                ;
        cr_assert(buf_ok(&b));
        return buf_steal(&b);
}

static void has(const char *text, const char *line)
{
        size_t n = strlen(line);

        for (const char *at = text; (at = strstr(at, line)); at++)
                if ((at == text || at[-1] == '\n') && at[n] == '\n')
                        return;
        cr_expect(false, "%s\nis not in\n%s", line, text);
}

Test(families, resource)
{
        CLEANUP(sample_unrefp) struct sample *s = sampled();
        CLEANUP(freep) char *text = told(&families_resource, s);

        has(text, "# TYPE container_cpu_usage_seconds_total counter");
        has(text, "container_cpu_usage_seconds_total{container=\"a\",namespace=\"ns\",pod=\"one\"} 1 1700000000000");
        has(text,
            "container_cpu_usage_seconds_total{container=\"b\",namespace=\"ns\",pod=\"one\"} 1.500000 1700000000000");
        has(text,
            "container_cpu_usage_seconds_total{container=\"a\",namespace=\"ns\",pod=\"two\"} 0.000005 1700000000000");
        has(text, "container_memory_working_set_bytes{container=\"a\",namespace=\"ns\",pod=\"one\"} 200 1700000000000");
        has(text, "container_start_time_seconds{container=\"a\",namespace=\"ns\",pod=\"one\"} 1699999997.500000");
        has(text, "node_cpu_usage_seconds_total 9.000001 1700000000000");
        has(text, "node_memory_working_set_bytes 999000 1700000000000");
        has(text, "pod_cpu_usage_seconds_total{namespace=\"ns\",pod=\"one\"} 3 1700000000001");
        has(text, "pod_memory_working_set_bytes{namespace=\"ns\",pod=\"one\"} 500 1700000000001");
        has(text, "resource_scrape_error 0");
        has(text, "scrape_error 0");
        cr_assert(!strstr(text, "working_set_bytes{container=\"a\",namespace=\"ns\",pod=\"two\""),
                  "what the kernel does not count is not told");
        cr_assert(!strstr(text, "swap_usage_bytes "));
}

Test(families, cadvisor)
{
        CLEANUP(sample_unrefp) struct sample *s = sampled();
        CLEANUP(freep) char *text = told(&families_cadvisor, s);

        has(text,
            "container_cpu_usage_seconds_total{container=\"a\",cpu=\"total\",id=\"/kubepods.slice/one/a.service\","
            "image=\"image-a\",name=\"abc\",namespace=\"ns\",pod=\"one\"} 1 1700000000000");
        has(text,
            "container_cpu_usage_seconds_total{container=\"\",cpu=\"total\",id=\"/kubepods.slice/one\",image=\"\","
            "name=\"\",namespace=\"ns\",pod=\"one\"} 3 1700000000001");
        has(text, "container_cpu_usage_seconds_total{container=\"\",cpu=\"total\",id=\"/\",image=\"\",name=\"\","
                  "namespace=\"\",pod=\"\"} 9.000001 1700000000000");
        has(text,
            "container_memory_failures_total{container=\"b\",failure_type=\"pgmajfault\",scope=\"hierarchy\",id=\""
            "/kubepods.slice/one/b.service\",image=\"image-b\",name=\"abc\",namespace=\"ns\",pod=\"one\"} 1 "
            "1700000000000");
        has(text,
            "container_network_receive_bytes_total{container=\"\",id=\"/\",image=\"\",interface=\"eth0\",name=\"\","
            "namespace=\"\",pod=\"\"} 11 1700000000000");
        has(text, "machine_memory_bytes 2000000");
        has(text, "machine_cpu_cores 2");
        cr_assert(!strstr(text, "container_cpu_cfs_periods_total{"), "there is no limit");
}

/* The parser of Prometheus refuses a name whose samples do not stand together, and a head that comes twice. */
Test(families, each_name_has_one_head)
{
        static const struct families *const all[] = { &families_resource, &families_cadvisor };

        for (size_t i = 0; i < ARRAY_LEN(all); i++) {
                CLEANUP(sample_unrefp) struct sample *s = sampled();
                CLEANUP(freep) char *text = told(all[i], s);

                for (char *at = text; (at = strstr(at, "# HELP ")); at++) {
                        CLEANUP(freep) char *head = xstrndup(at, strcspn(at + 7, " ") + 8);
                        const char *again = strstr(at + 1, head);

                        cr_expect(!again, "%s", head);
                }
        }
}

Test(families, many_pods_come_in_pieces)
{
        CLEANUP(sample_unrefp) struct sample *s = sampled();
        struct families_walk w = { .families = &families_resource, .sample = s };
        CLEANUP(buf_done) struct buf piece = BUF(1024 * 1024);
        size_t lines = 0, pieces = 0;
        bool more;

        for (int i = 0; i < 1000; i++)
                sampled_add(sampled_pod(s, "p", used(1, 2, 1)), "c", used(1, 2, 1));
        do {
                buf_reset(&piece);
                more = families_next(&w, &piece);
                cr_assert_lt(piece.len, 32 * 1024);
                pieces++;
                for (const char *at = piece.len ? piece.data : ""; (at = strstr(at, "pod=\"p\"")); at++)
                        lines++;
        } while (more);
        cr_assert_eq(lines, 1000 * 5);
        cr_assert_gt(pieces, 5 * 1000 / 64);
}

Test(families, without_cgroups_only_the_machine)
{
        struct sample s = { .failed = true, .at = AT };
        CLEANUP(freep) char *text = NULL;

        s.machine.usage = used(1, 2, 1);
        text = told(&families_resource, &s);
        has(text, "resource_scrape_error 1");
        has(text, "node_cpu_usage_seconds_total 0.000001 1700000000000");
}

Test(families, labels_are_quoted)
{
        CLEANUP(buf_done) struct buf b = BUF(1024);

        exposition_label(&b, "{", "a", "x\"y\\z\nw");
        cr_assert_str_eq(b.data, "{a=\"x\\\"y\\\\z\\nw\"");
        buf_reset(&b);
        exposition_label(&b, "{", "a", "");
        cr_assert_str_eq(b.data, "{a=\"\"");
}
