/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one cgroup has used, out of the files of cgroup v2 (Documentation/admin-guide/cgroup-v2.rst). A kernel or a
 * cgroup without a controller tells less: what was not told is not there, and is left out of every answer.
 */
#ifndef VKS_AGENT_STATS_USAGE_H
#define VKS_AGENT_STATS_USAGE_H

#include "common/base.h"

enum usage_field {
        /* cpu.stat; microseconds since the cgroup was made */
        USAGE_CPU,
        USAGE_CPU_USER,
        USAGE_CPU_SYSTEM,
        USAGE_PERIODS, /* only where there is a limit */
        USAGE_PERIODS_THROTTLED,
        USAGE_THROTTLED,
        USAGE_CPU_RATE, /* billionths of a core, since an earlier look: agent/stats/rates.h */
        /* memory.current and memory.stat; bytes, but for the faults */
        USAGE_MEMORY,
        USAGE_ANONYMOUS, /* which the kubelet calls resident set */
        USAGE_FILE,
        USAGE_FILE_MAPPED,
        USAGE_FILE_INACTIVE,
        USAGE_FAULTS,
        USAGE_FAULTS_MAJOR,
        /* one file each */
        USAGE_SWAP,
        USAGE_MEMORY_LIMIT,
        USAGE_PIDS,
        USAGE_OOM_KILLS,
        USAGE_FIELDS
};

struct usage {
        uint32_t told; /* bit 1 << field */
        uint64_t of[USAGE_FIELDS];
};

bool usage_get(const struct usage *u, enum usage_field field, uint64_t *ret);
void usage_set(struct usage *u, enum usage_field field, uint64_t value);

/* What the kubelet and `kubectl top` call the memory in use: without file pages that were not used for some time. False
 * where the kernel does not tell. */
bool usage_working_set(const struct usage *u, uint64_t *ret);

/* The text of cpu.stat, of memory.stat, of memory.events; lines that are not known are passed over. Pure. */
void usage_parse_cpu(const char *text, struct usage *ret);
void usage_parse_memory(const char *text, struct usage *ret);
void usage_parse_events(const char *text, struct usage *ret);

enum usage_depth {
        USAGE_BASIC, /* CPU and working set: three files */
        USAGE_WHOLE,
};

/* Adds what the files of the cgroup `path`, below the directory `top`, tell. */
void usage_read(int top, const char *path, enum usage_depth depth, struct usage *ret);
/* One file more, which says nothing where the machine has no swap. */
void usage_read_swap(int top, const char *path, struct usage *ret);

#endif
