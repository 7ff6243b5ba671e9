/* SPDX-License-Identifier: Apache-2.0 */
/* The words of Prometheus' text format (version 0.0.4), in which Kubernetes tells numbers. Pure. */
#ifndef VKS_AGENT_STATS_EXPOSITION_H
#define VKS_AGENT_STATS_EXPOSITION_H

#include "common/buf.h"

#define EXPOSITION_TYPE "text/plain; version=0.0.4; charset=utf-8"

struct number { /* whole + micro / 10^6 */
        uint64_t whole;
        uint32_t micro;
};

static inline struct number number_of(uint64_t whole)
{
        return (struct number){ .whole = whole };
}

static inline struct number number_of_usec(uint64_t usec) /* in seconds */
{
        return (struct number){ .whole = usec / 1000000, .micro = (uint32_t)(usec % 1000000) };
}

/* What comes before the samples of a name: "# HELP" and "# TYPE". */
void exposition_head(struct buf *b, const char *name, const char *type, const char *help);

/* name="value" with `before` in front ("{" or ","). */
void exposition_label(struct buf *b, const char *before, const char *name, const char *value);

/* What follows name and labels. `at`: microseconds since the epoch, 0: no time is told. */
void exposition_value(struct buf *b, struct number value, uint64_t at);

/* A sample without labels, head included. */
void exposition_single(struct buf *b, const char *name, const char *type, const char *help, struct number value);

#endif
