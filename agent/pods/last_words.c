/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pods/last_words.h"

#include <stdio.h>

#include "agent/machine/message_file.h"
#include "common/mem.h"
#include "common/message.h"

/* The end of a log that is being read, and for which run. */
struct reading {
        struct pod_entry *entry;
        size_t index;
        char invocation[33];
};

static void on_log_end(void *userdata, const char *text)
{
        CLEANUP(freep) struct reading *r = userdata;
        struct pod_entry *e = r->entry;
        struct container_state *c;

        if (!pod_entry_answered(e))
                return;
        c = &e->state->containers[r->index];
        for (struct termination *t = &c->now; t; t = t == &c->now ? &c->last : NULL) {
                if (!t->awaits_log || !streq(t->invocation, r->invocation))
                        continue;
                t->awaits_log = false;
                termination_say(t, text);
        }
        pod_mark(e);
}

static void read_log(struct pod_entry *e, size_t i)
{
        const struct pods_parts *parts = &e->pods->parts;
        struct termination *t = &e->state->containers[i].now;
        struct reading *r = NEW(struct reading);

        r->entry = e;
        r->index = i;
        snprintf(r->invocation, sizeof(r->invocation), "%s", t->invocation);
        if (parts->log_end(parts->userdata, e->pod->id.uid, &e->pod->containers[i], t->invocation, on_log_end, r) < 0) {
                free(r);
                return;
        }
        t->awaits_log = true;
        e->in_flight++;
}

void last_words_take(struct pod_entry *e, size_t i)
{
        const struct container *spec = &e->pod->containers[i];
        struct container_state *c = &e->state->containers[i];
        /* What systemd has started again by itself had the file of the run before. */
        uint64_t since = c->unit.restarts ? c->now.started : 0;
        CLEANUP(freep) char *text = message_file_read(MESSAGE_DIR, e->pod->id.uid, spec->name, since);

        termination_say(&c->now, text);
        if (!text && spec->message_from_log && c->now.exit_code && *c->now.invocation &&
            !streq(c->now.reason, "StartError") && !e->state->gone && e->pods->parts.log_end)
                read_log(e, i);
}
