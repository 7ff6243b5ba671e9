/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the journal has of units of the machine, as `journalctl --utc --output=short-precise --unit=...` prints it: what
 * the unit's processes wrote, and what systemd said about it. It reads what the agent's groups may read, and nothing
 * else. Each call takes a bounded number of steps.
 */
#ifndef VKS_AGENT_LOGS_UNIT_LOG_H
#define VKS_AGENT_LOGS_UNIT_LOG_H

#include "common/buf.h"
#include "common/err.h"

enum {
        UNIT_LOG_LINE_MAX = 64 * 1024,    /* of a longer message only this much is shown */
        UNIT_LOG_PATTERN_MAX = 8 * 1024,  /* a pattern is sought in so much of a message */
        UNIT_LOG_ENTRY_MAX = 1024 * 1024, /* bytes that one entry comes to, its indented lines included */
        UNIT_LOG_BOOTS_MAX = 1000,        /* so many boots ago */
};

struct unit_log_options {
        uint64_t since_usec, until_usec; /* wall clock, both included; 0 and UINT64_MAX: no limit */
        int64_t tail;                    /* so many entries from the end, of those that fit; -1: all */
        bool of_boot;                    /* only of the boot `boot`: 0 is this one, -1 the one before, ... */
        int boot;
        const char *pattern; /* only messages in which this is found (agent/lib/pattern.h); NULL: all */
};

struct unit_log;

/* `directory` of the journal; NULL: this machine's. */
int unit_log_open(const char *directory, struct unit_log **ret, struct err *e);
struct unit_log *unit_log_free(struct unit_log *l);
DEFINE_FREEP(struct unit_log, unit_log_free)

/* Has the journal a word of the unit (a whole name)? Not between unit_log_start() and the end. */
bool unit_log_knows(struct unit_log *l, const char *unit);

/* Was there a message of which it would have taken too long to tell whether the pattern is in it? It was left out. */
bool unit_log_gave_up(const struct unit_log *l);

/* Goes to where reading begins. -EINVAL: the pattern is none. The strings are not needed afterwards. */
int unit_log_start(struct unit_log *l, const char *const *units, size_t n, const struct unit_log_options *o,
                   struct err *e);

/*
 * Appends the next entry to `ret`, with a newline at its end. 1: it did; 0: there are no more; -EAGAIN: *budget, which
 * counts down with each entry that is looked at, is used up, and the event loop should run first; -ESRCH: the journal
 * has no such boot; another negative errno: it cannot be read.
 */
int unit_log_next(struct unit_log *l, unsigned *budget, struct buf *ret);

#endif
