/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/stats/summary.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdio.h>

#include "agent/lib/times.h"
#include "common/mem.h"

/* A whole number as Go's uint64 wants it: cJSON would write a large one with an exponent. */
static void add_number(cJSON *o, const char *name, uint64_t value)
{
        char text[24];

        snprintf(text, sizeof(text), "%" PRIu64, value);
        cJSON_AddRawToObject(o, name, text);
}

static void add_field(cJSON *o, const char *name, const struct usage *u, enum usage_field field)
{
        uint64_t value;

        if (usage_get(u, field, &value))
                add_number(o, name, value);
}

static void add_time(cJSON *o, const char *name, uint64_t usec)
{
        char text[32];

        time_rfc3339(usec, text);
        cJSON_AddStringToObject(o, name, text);
}

static void add_cpu(cJSON *o, const struct usage *u, uint64_t at)
{
        uint64_t usec;
        cJSON *cpu;

        if (!usage_get(u, USAGE_CPU, &usec))
                return;
        cpu = cJSON_AddObjectToObject(o, "cpu");
        add_time(cpu, "time", at);
        add_field(cpu, "usageNanoCores", u, USAGE_CPU_RATE);
        add_number(cpu, "usageCoreNanoSeconds", usec * 1000);
}

/* `total`: what there is at most, 0: without a limit. */
static void add_memory(cJSON *o, const struct usage *u, uint64_t total, uint64_t at)
{
        uint64_t in_use, working_set;
        cJSON *memory;

        if (!usage_get(u, USAGE_MEMORY, &in_use))
                return;
        memory = cJSON_AddObjectToObject(o, "memory");
        add_time(memory, "time", at);
        if (usage_working_set(u, &working_set)) {
                if (total)
                        add_number(memory, "availableBytes", total > working_set ? total - working_set : 0);
                add_number(memory, "usageBytes", in_use);
                add_number(memory, "workingSetBytes", working_set);
        } else {
                add_number(memory, "usageBytes", in_use);
        }
        add_field(memory, "rssBytes", u, USAGE_ANONYMOUS);
        add_field(memory, "pageFaults", u, USAGE_FAULTS);
        add_field(memory, "majorPageFaults", u, USAGE_FAULTS_MAJOR);
}

static void add_swap(cJSON *o, const struct usage *u, bool has_free, uint64_t free_bytes, uint64_t at)
{
        uint64_t in_use;
        cJSON *swap;

        if (!usage_get(u, USAGE_SWAP, &in_use))
                return;
        swap = cJSON_AddObjectToObject(o, "swap");
        add_time(swap, "time", at);
        if (has_free)
                add_number(swap, "swapAvailableBytes", free_bytes);
        add_number(swap, "swapUsageBytes", in_use);
}

/* CPU and memory of a cgroup, within its own limit. */
static void add_usage(cJSON *o, const struct usage *u, uint64_t at)
{
        uint64_t limit = 0;

        if (!usage_get(u, USAGE_MEMORY_LIMIT, &limit))
                limit = 0;
        add_cpu(o, u, at);
        add_memory(o, u, limit, at);
}

/* ---- the node ---------------------------------------------------------------------------------------------------- */

static void add_system_container(cJSON *all, const char *name, const struct usage *u, uint64_t started, uint64_t at)
{
        cJSON *o;

        if (!u->told)
                return;
        o = cJSON_CreateObject();
        cJSON_AddStringToObject(o, "name", name);
        add_time(o, "startTime", started);
        add_usage(o, u, at);
        cJSON_AddItemToArray(all, o);
}

static void fill_interface(cJSON *o, const struct interface_usage *i)
{
        cJSON_AddStringToObject(o, "name", i->name);
        add_number(o, "rxBytes", i->rx_bytes);
        add_number(o, "rxErrors", i->rx_errors);
        add_number(o, "txBytes", i->tx_bytes);
        add_number(o, "txErrors", i->tx_errors);
}

static void add_network(cJSON *o, const struct sample *s)
{
        const struct machine_usage *m = &s->machine;
        cJSON *network, *all;

        if (!m->n_interfaces)
                return;
        network = cJSON_AddObjectToObject(o, "network");
        add_time(network, "time", s->at);
        for (size_t i = 0; i < m->n_interfaces; i++)
                if (streq(m->interfaces[i].name, m->main_interface))
                        fill_interface(network, &m->interfaces[i]);
        if (!*m->main_interface)
                cJSON_AddStringToObject(network, "name", "");
        all = cJSON_AddArrayToObject(network, "interfaces");
        for (size_t i = 0; i < m->n_interfaces; i++) {
                cJSON *one = cJSON_CreateObject();

                fill_interface(one, &m->interfaces[i]);
                cJSON_AddItemToArray(all, one);
        }
}

static void add_filesystem(cJSON *o, const char *name, const struct sample *s)
{
        const struct machine_usage *m = &s->machine;
        cJSON *fs;

        if (!m->fs_total)
                return;
        fs = cJSON_AddObjectToObject(o, name);
        add_time(fs, "time", s->at);
        add_number(fs, "availableBytes", m->fs_available);
        add_number(fs, "capacityBytes", m->fs_total);
        add_number(fs, "usedBytes", m->fs_used);
        if (m->inodes_total) { /* some filesystems count none */
                add_number(fs, "inodesFree", m->inodes_free);
                add_number(fs, "inodes", m->inodes_total);
                add_number(fs, "inodesUsed", m->inodes_total - m->inodes_free);
        }
}

static cJSON *node(const struct summary_walk *w)
{
        const struct sample *s = w->sample;
        cJSON *o = cJSON_CreateObject(), *containers, *rlimit;

        cJSON_AddStringToObject(o, "nodeName", w->node_name);
        containers = cJSON_AddArrayToObject(o, "systemContainers");
        add_system_container(containers, "kubelet", &s->agent, s->machine.booted, s->at);
        add_system_container(containers, "pods", &s->all_pods, s->machine.booted, s->at);
        add_time(o, "startTime", s->machine.booted);
        add_cpu(o, &s->machine.usage, s->at);
        add_memory(o, &s->machine.usage, s->machine.memory_total, s->at);
        if (w->only_cpu_and_memory)
                return o;
        add_network(o, s);
        add_filesystem(o, "fs", s);
        if (w->pids_max && w->pids) {
                rlimit = cJSON_AddObjectToObject(o, "rlimit");
                add_time(rlimit, "time", s->at);
                add_number(rlimit, "maxpid", w->pids_max);
                add_number(rlimit, "curproc", w->pids);
        }
        add_swap(o, &s->machine.usage, s->machine.has_swap, s->machine.swap_free, s->at);
        return o;
}

/* ---- a pod ------------------------------------------------------------------------------------------------------- */

static cJSON *container(const struct sampled_container *c, bool whole)
{
        cJSON *o = cJSON_CreateObject();

        cJSON_AddStringToObject(o, "name", c->name);
        add_time(o, "startTime", c->started);
        add_usage(o, &c->usage, c->at);
        if (whole)
                add_swap(o, &c->usage, false, 0, c->at);
        return o;
}

/* A kubelet tells of all volumes; here of those alone that are filesystems of their own. */
static cJSON *volume(const struct claim_usage *u, uint64_t at)
{
        cJSON *o = cJSON_CreateObject(), *ref;

        add_time(o, "time", at);
        add_number(o, "availableBytes", u->of[CLAIM_AVAILABLE]);
        add_number(o, "capacityBytes", u->of[CLAIM_CAPACITY]);
        add_number(o, "usedBytes", u->of[CLAIM_USED]);
        if (u->of[CLAIM_INODES]) {
                add_number(o, "inodesFree", u->of[CLAIM_INODES_FREE]);
                add_number(o, "inodes", u->of[CLAIM_INODES]);
                add_number(o, "inodesUsed", u->of[CLAIM_INODES_USED]);
        }
        cJSON_AddStringToObject(o, "name", u->volume);
        ref = cJSON_AddObjectToObject(o, "pvcRef");
        cJSON_AddStringToObject(ref, "name", u->claim);
        cJSON_AddStringToObject(ref, "namespace", u->pod.namespace);
        return o;
}

static void add_volumes(cJSON *o, const struct sampled_pod *p, const struct claim_usages *claims)
{
        cJSON *list = NULL;

        for (size_t i = 0; claims && i < claims->n; i++) {
                if (!streq(claims->list[i].pod.uid, p->id.uid))
                        continue;
                if (!list)
                        list = cJSON_AddArrayToObject(o, "volume");
                cJSON_AddItemToArray(list, volume(&claims->list[i], p->at));
        }
}

static cJSON *pod(const struct sampled_pod *p, const struct claim_usages *claims, bool whole)
{
        cJSON *o = cJSON_CreateObject(), *ref = cJSON_AddObjectToObject(o, "podRef"), *containers;
        uint64_t pids;

        cJSON_AddStringToObject(ref, "name", p->id.name);
        cJSON_AddStringToObject(ref, "namespace", p->id.namespace);
        cJSON_AddStringToObject(ref, "uid", p->id.uid);
        add_time(o, "startTime", p->started);
        containers = cJSON_AddArrayToObject(o, "containers");
        for (size_t i = 0; i < p->n_containers; i++)
                cJSON_AddItemToArray(containers, container(&p->containers[i], whole));
        add_usage(o, &p->usage, p->at);
        if (!whole)
                return o;
        if (usage_get(&p->usage, USAGE_PIDS, &pids))
                add_number(cJSON_AddObjectToObject(o, "process_stats"), "process_count", pids);
        add_swap(o, &p->usage, false, 0, p->at);
        add_volumes(o, p, claims);
        return o;
}

/* Takes `o` over. */
static void add(struct buf *ret, cJSON *o)
{
        CLEANUP(freep) char *text = cJSON_PrintUnformatted(o);

        cJSON_Delete(o);
        buf_str(ret, text ? text : "{}");
}

bool summary_next(struct summary_walk *w, struct buf *ret)
{
        const struct sample *s = w->sample;
        size_t i = w->next++;

        if (i == 0) {
                buf_str(ret, "{\"node\":");
                add(ret, node(w));
                buf_str(ret, ",\"pods\":[");
        } else if (i <= s->n_pods) {
                if (i > 1)
                        buf_char(ret, ',');
                add(ret, pod(&s->pods[i - 1], w->claims, !w->only_cpu_and_memory));
        }
        if (i < s->n_pods)
                return true;
        buf_str(ret, "]}\n");
        return false;
}
