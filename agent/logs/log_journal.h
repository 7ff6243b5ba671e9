/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds the lines that one container wrote in the journal. The journal holds more about a unit than these, and any
 * process may write entries that look like them; this file decides which entries count. Each call takes a bounded
 * number of steps.
 */
#ifndef VKS_AGENT_LOGS_LOG_JOURNAL_H
#define VKS_AGENT_LOGS_LOG_JOURNAL_H

#include <systemd/sd-journal.h>

#include "agent/logs/log_stream.h"

struct log_journal;

enum { LOG_LINE_MAX = 1024 * 1024 }; /* of a longer entry only this much is shown */

struct log_line {
        uint64_t usec;
        const char *text; /* any bytes; valid until the next call */
        size_t size;
        bool cut;        /* the entry was longer than LOG_LINE_MAX */
        bool open;       /* the line was broken here; the next entry of the same stream continues it */
        char stream[40]; /* id of the stdout or stderr that the line was written to; "" if it came another way */
};

/* At the first of the last `tail` lines (-1: of all lines) since `since_usec`. The strings of `source` are copied. It
 * rests (see below). */
struct log_journal *log_journal_new(const struct log_source *source, int64_t tail, uint64_t since_usec);
struct log_journal *log_journal_free(struct log_journal *l);
DEFINE_FREEP(struct log_journal, log_journal_free)

/*
 * Reads the next line. 1: *ret has it; 0: there is none yet; -EAGAIN: *budget, which counts down with each entry that
 * is looked at, is used up, and the event loop should run first; another negative errno: the journal cannot be read.
 */
int log_journal_next(struct log_journal *l, unsigned *budget, struct log_line *ret);

/* Has another run followed the one that was asked for? Then no more lines will come. */
bool log_journal_is_over(const struct log_journal *l);

/* Opens the journal. Files that it gets later are not seen (journal_tail.h tells of them). */
int log_journal_open(struct log_journal *l);

/*
 * Closes the journal, which costs descriptors and mappings, and remembers the place; log_journal_next() opens it again.
 * The place is behind what was read last, or where the reader `at` of another's is: behind its entry if that is
 * `taken`, else before it.
 */
void log_journal_rest(struct log_journal *l, sd_journal *at, bool taken);
bool log_journal_rests(const struct log_journal *l);

/* Is the entry at which `j`, a reader of another's, is such a line? Then *ret has it, until `j` is read again. */
bool log_journal_take(struct log_journal *l, sd_journal *j, struct log_line *ret);

#endif
