/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/logs/journal_tail.h"

#include <errno.h>
#include <sys/epoll.h>
#include <utlist.h>

#include "common/mem.h"

enum {
        ENTRIES_PER_RUN = 256,
        FIELD_MAX = 512,             /* more than any unit's name has */
        PRIORITY_BEHIND_OTHERS = 10, /* as those of whom each reads for himself */
};

struct journal_tail {
        char *directory;
        sd_journal *journal;
        sd_event_source *io, *timer, *work;
        unsigned generation;
        bool failed; /* nobody joins it any more */
        struct tail_listener *listeners;
        struct journal_tail *prev, *next;
};

/* The exception to "no globals", as log_stream.c's: whoever comes joins the reader that is there. */
static struct journal_tail *tails;

static struct journal_tail *tail_free(struct journal_tail *t)
{
        if (!t)
                return NULL;
        sd_event_source_disable_unref(t->io);
        sd_event_source_disable_unref(t->timer);
        sd_event_source_disable_unref(t->work);
        sd_journal_close(t->journal);
        free(t->directory);
        free(t);
        return NULL;
}

DEFINE_FREEP(struct journal_tail, tail_free)

static void fail(struct journal_tail *t, int error)
{
        struct tail_listener *l;

        if (!t->failed)
                DL_DELETE(tails, t);
        t->failed = true;
        sd_event_source_set_enabled(t->io, SD_EVENT_OFF);
        sd_event_source_set_enabled(t->timer, SD_EVENT_OFF);
        DL_FOREACH (t->listeners, l)
                l->failed(l->userdata, error);
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

/* Tells who wants to know of the pod that the current entry is about. */
static void tell(struct journal_tail *t)
{
        static const char field[] = "VKS_POD_UID=";
        struct tail_listener *l;
        const void *data;
        char uid[64];
        size_t size;

        if (sd_journal_get_data(t->journal, "VKS_POD_UID", &data, &size) < 0 || size < strlen(field) ||
            !str_copy(uid, sizeof(uid), (const char *)data + strlen(field), (const char *)data + size))
                return;
        DL_FOREACH (t->listeners, l)
                if (streq(l->pod_uid, uid))
                        l->entry(l->userdata, t->journal);
}

static int take_note_of_files(struct journal_tail *t)
{
        int r;

        while ((r = sd_journal_process(t->journal)) > 0)
                if (r == SD_JOURNAL_INVALIDATE)
                        t->generation++;
        return r;
}

int journal_tail_read(struct journal_tail *t)
{
        uint64_t at;
        int r = take_note_of_files(t);

        for (int i = 0; r >= 0 && i < ENTRIES_PER_RUN; i++) {
                r = sd_journal_next(t->journal);
                if (r == 0) {
                        /* only where the journal lies on a network file system, which tells of no change */
                        if (sd_journal_get_timeout(t->journal, &at) >= 0 && at != UINT64_MAX) {
                                sd_event_source_set_time(t->timer, at);
                                sd_event_source_set_enabled(t->timer, SD_EVENT_ONESHOT);
                        }
                        return 0;
                }
                if (r > 0)
                        tell(t);
        }
        if (r < 0) {
                fail(t, r);
                return r;
        }
        sd_event_source_set_enabled(t->work, SD_EVENT_ONESHOT);
        return -EAGAIN;
}

static int on_work(sd_event_source *source UNUSED, void *userdata)
{
        (void)journal_tail_read(userdata); /* listeners are told of an error */
        return 0;
}

static int on_journal(sd_event_source *source UNUSED, int fd UNUSED, uint32_t events UNUSED, void *userdata)
{
        return on_work(NULL, userdata);
}

static int on_timer(sd_event_source *source UNUSED, uint64_t usec UNUSED, void *userdata)
{
        return on_work(NULL, userdata);
}

/* ---- coming and going -------------------------------------------------------------------------------------------- */

/* So that what no listener's pod says is not even looked at. Where we are in the journal does not change by it. */
static int match_listeners(struct journal_tail *t)
{
        struct tail_listener *l;

        sd_journal_flush_matches(t->journal);
        DL_FOREACH (t->listeners, l) {
                CLEANUP(freep) char *text = xasprintf("VKS_POD_UID=%s", l->pod_uid);
                int r = sd_journal_add_match(t->journal, text, 0);

                if (r < 0)
                        return r;
        }
        return 0;
}

/* To the last entry that there is. (From behind the last one, where sd_journal_seek_tail() is, older libraries find no
 * next.) */
static int seek_end(sd_journal *j)
{
        int r = sd_journal_seek_tail(j);

        if (r >= 0)
                r = sd_journal_previous(j);
        return r == 0 ? sd_journal_seek_head(j) : r;
}

static int add_sources(struct journal_tail *t, sd_event *event)
{
        int r = sd_event_add_io(event, &t->io, sd_journal_get_fd(t->journal), EPOLLIN, on_journal, t);

        if (r >= 0)
                r = sd_event_source_set_priority(t->io, SD_EVENT_PRIORITY_NORMAL + PRIORITY_BEHIND_OTHERS);
        if (r >= 0)
                r = sd_event_add_time_relative(event, &t->timer, CLOCK_MONOTONIC, 0, 0, on_timer, t);
        if (r >= 0)
                r = sd_event_source_set_enabled(t->timer, SD_EVENT_OFF);
        if (r >= 0)
                r = sd_event_add_defer(event, &t->work, on_work, t);
        if (r >= 0)
                r = sd_event_source_set_priority(t->work, SD_EVENT_PRIORITY_NORMAL + PRIORITY_BEHIND_OTHERS);
        if (r >= 0)
                r = sd_event_source_set_enabled(t->work, SD_EVENT_OFF);
        return r;
}

static int tail_new(sd_event *event, const char *directory, struct journal_tail **ret)
{
        CLEANUP(tail_freep) struct journal_tail *t = NEW(struct journal_tail);
        int r = directory ? sd_journal_open_directory(&t->journal, directory, 0)
                          : sd_journal_open(&t->journal, SD_JOURNAL_LOCAL_ONLY);

        t->directory = xstrdup(directory);
        if (r >= 0)
                r = sd_journal_set_data_threshold(t->journal, FIELD_MAX);
        if (r >= 0) /* before the first seek, so that nothing is missed */
                r = sd_journal_get_fd(t->journal);
        if (r >= 0)
                r = seek_end(t->journal);
        if (r >= 0)
                r = add_sources(t, event);
        if (r < 0)
                return r;
        DL_APPEND(tails, t);
        *ret = TAKE(t);
        return 0;
}

static struct journal_tail *find(const char *directory)
{
        struct journal_tail *t;

        DL_FOREACH (tails, t)
                if (streq(t->directory ?: "", directory ?: ""))
                        break;
        return t;
}

int journal_tail_join(sd_event *event, const char *directory, struct tail_listener *l, struct err *e)
{
        struct journal_tail *t = find(directory);
        int r = t ? 0 : tail_new(event, directory, &t);

        if (r < 0)
                return err_errno(e, r, NULL, "cannot follow the journal");
        l->tail = t;
        DL_APPEND(t->listeners, l);
        r = match_listeners(t);
        if (r < 0)
                journal_tail_leave(l);
        return r < 0 ? err_errno(e, r, NULL, "cannot follow the journal") : 0;
}

void journal_tail_leave(struct tail_listener *l)
{
        struct journal_tail *t = TAKE(l->tail);

        if (!t)
                return;
        /* Who has a `tail` is in its list. NOLINTNEXTLINE(clang-analyzer-core.NullDereference) */
        DL_DELETE(t->listeners, l);
        if (t->listeners) {
                (void)match_listeners(t); /* fewer than there were: no memory is wanted that was not there */
        } else {
                if (!t->failed)
                        DL_DELETE(tails, t);
                tail_free(t);
        }
}

unsigned journal_tail_generation(const struct journal_tail *t)
{
        return t->generation;
}
