/* SPDX-License-Identifier: Apache-2.0 */
/* A sample made by hand: two pods, one of them with two containers, the other without memory being counted. */
#ifndef VKS_TESTS_UNIT_AGENT_STATS_SAMPLED_H
#define VKS_TESTS_UNIT_AGENT_STATS_SAMPLED_H

#include <stdio.h>

#include "agent/stats/sample.h"
#include "common/mem.h"

#define AT (UINT64_C(1700000000) * 1000000)

static struct usage used(uint64_t cpu_usec, uint64_t memory, uint64_t inactive)
{
        struct usage u = { 0 };

        usage_set(&u, USAGE_CPU, cpu_usec);
        if (memory) {
                usage_set(&u, USAGE_MEMORY, memory);
                usage_set(&u, USAGE_FILE_INACTIVE, inactive);
                usage_set(&u, USAGE_ANONYMOUS, 50);
                usage_set(&u, USAGE_FAULTS, 6);
                usage_set(&u, USAGE_FAULTS_MAJOR, 1);
        }
        return u;
}

static void sampled_add(struct sampled_pod *p, const char *name, struct usage usage)
{
        struct sampled_container *c;

        p->containers = xrealloc(p->containers, p->n_containers + 1, sizeof(*p->containers));
        c = &p->containers[p->n_containers++];
        *c = (struct sampled_container){
                .name = xstrdup(name),
                .image = xasprintf("image-%s", name),
                .cgroup = xasprintf("%s/%s.service", p->cgroup, name),
                .invocation = "abc",
                .started = AT - 2500000,
                .at = AT,
                .usage = usage,
        };
}

static struct sampled_pod *sampled_pod(struct sample *s, const char *name, struct usage usage)
{
        struct sampled_pod *p;

        s->pods = xrealloc(s->pods, s->n_pods + 1, sizeof(*s->pods));
        p = &s->pods[s->n_pods++];
        *p = (struct sampled_pod){ .id.namespace = "ns", .started = AT - 3000000, .at = AT + 1000, .usage = usage };
        p->cgroup = xasprintf("/kubepods.slice/%s", name);
        snprintf(p->id.name, sizeof(p->id.name), "%s", name);
        snprintf(p->id.uid, sizeof(p->id.uid), "uid-%s", name);
        return p;
}

static struct sample *sampled(void)
{
        struct sample *s = NEW(struct sample);
        struct sampled_pod *p;

        s->users = 1;
        s->depth = USAGE_WHOLE;
        s->at = AT;
        s->machine.usage = used(9000001, 1000000, 1000);
        s->machine.memory_total = 2000000;
        s->machine.cpus = 2;
        s->machine.booted = AT - 100 * UINT64_C(1000000);
        s->machine.n_interfaces = 1;
        s->machine.interfaces[0] = (struct interface_usage){ .name = "eth0", .rx_bytes = 11, .tx_bytes = 12 };
        snprintf(s->machine.main_interface, sizeof(s->machine.main_interface), "eth0");
        s->machine.fs_total = 500;
        s->machine.fs_available = 100;
        s->machine.fs_used = 300;
        s->all_pods = used(7, 0, 0);
        p = sampled_pod(s, "one", used(3000000, 700, 200));
        sampled_add(p, "a", used(1000000, 300, 100));
        sampled_add(p, "b", used(1500000, 200, 0));
        p = sampled_pod(s, "two", used(5, 0, 0));
        sampled_add(p, "a", used(5, 0, 0));
        return s;
}

#endif
