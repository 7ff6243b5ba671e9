/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One reader at the end of the journal for all who follow it. A reader of one's own costs a descriptor and mappings of
 * each of the journal's files, and one of the user's 128 inotify instances; whoever has read what was there listens
 * here instead. The reader is there as long as somebody listens.
 */
#ifndef VKS_AGENT_LOGS_JOURNAL_TAIL_H
#define VKS_AGENT_LOGS_JOURNAL_TAIL_H

#include <systemd/sd-event.h>
#include <systemd/sd-journal.h>

#include "common/err.h"

struct journal_tail;

/* A listener must neither come nor go from inside these. */
struct tail_listener {
        const char *pod_uid; /* whose entries (VKS_POD_UID=) are of interest; stays where it is */
        void (*entry)(void *userdata,
                      sd_journal *j);              /* `j` is at one that is new; its data may be read, nothing else */
        void (*failed)(void *userdata, int error); /* nothing more will be heard */
        void *userdata;
        struct journal_tail *tail;
        struct tail_listener *prev, *next;
};

/* Fills in `tail`. `directory` NULL: this machine's journal. */
int journal_tail_join(sd_event *event, const char *directory, struct tail_listener *l, struct err *e);
void journal_tail_leave(struct tail_listener *l); /* does nothing where it has not joined */

/* Reads now, and tells all listeners. 0: there is no more; -EAGAIN: there is, but others should have their turn. */
int journal_tail_read(struct journal_tail *t);

/* Another number: files of the journal have come, which whoever opened it before does not see. */
unsigned journal_tail_generation(const struct journal_tail *t);

#endif
