/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lines that one container wrote, in the journal. What the journal holds of a unit is more than that, and what any
 * process may write there is more still; which entries count is decided here, and in a bounded number of steps per
 * call.
 */
#ifndef VKS_AGENT_SERVER_LOG_JOURNAL_H
#define VKS_AGENT_SERVER_LOG_JOURNAL_H

#include <systemd/sd-journal.h>

#include "agent/server/logs.h"

struct log_journal;

enum { LOG_LINE_MAX = 1024 * 1024 }; /* more of one entry is not shown */

struct log_line {
        uint64_t usec;
        const char *text; /* any bytes; valid until the next call */
        size_t size;
        bool cut;        /* there was more than LOG_LINE_MAX */
        bool open;       /* journald broke the line here, the next one of the same stream goes on with it */
        char stream[40]; /* journald's id of the file descriptor it was written to; "" for other ways */
};

/*
 * Opens the journal where `tail` lines (-1: all) since `since_usec` begin. With `follow`, sd_journal_get_fd() works on
 * its handle. The strings of `source` are copied.
 */
int log_journal_open(const struct log_source *source, int64_t tail, uint64_t since_usec, bool follow,
                     struct log_journal **ret, struct err *e);
struct log_journal *log_journal_free(struct log_journal *l);
DEFINE_FREEP(struct log_journal, log_journal_free)

/*
 * The next line: 1; 0 when there is none yet; -EAGAIN when *budget entries were looked at (it counts down) and the loop
 * should turn; another negative errno when the journal cannot be read.
 */
int log_journal_next(struct log_journal *l, unsigned *budget, struct log_line *ret);

/* The run that was asked for has been followed by another one: nothing more will come. */
bool log_journal_is_over(const struct log_journal *l);

sd_journal *log_journal_handle(struct log_journal *l);

#endif
