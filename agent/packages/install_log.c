/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/packages/install_log.h"

#include <stdio.h>
#include <sys/epoll.h>
#include <systemd/sd-journal.h>

#include "common/log.h"
#include "common/mem.h"

enum { LINE_SIZE = 400 };

struct install_log {
        sd_journal *journal;
        sd_event_source *io, *first;
        char *invocation;
        void (*each)(void *userdata, const char *line);
        void *userdata;
};

/* The value of a field of the current entry, cut to what fits; false where it has none. */
static bool get(sd_journal *j, const char *name, char *ret, size_t size)
{
        size_t skip = strlen(name) + 1, n;
        const void *data;

        if (sd_journal_get_data(j, name, &data, &n) < 0 || n <= skip)
                return false;
        snprintf(ret, size, "%.*s", (int)(n - skip), (const char *)data + skip);
        return true;
}

void install_log_drain(struct install_log *l)
{
        char line[LINE_SIZE], invocation[40];

        (void)sd_journal_process(l->journal);
        while (sd_journal_next(l->journal) > 0) {
                /* journald does not know it of the last words of a process that has died meanwhile */
                if (*l->invocation && get(l->journal, "_SYSTEMD_INVOCATION_ID", invocation, sizeof(invocation)) &&
                    !streq(invocation, l->invocation))
                        continue;
                if (get(l->journal, "MESSAGE", line, sizeof(line)))
                        l->each(l->userdata, line);
        }
}

static int on_io(UNUSED sd_event_source *source, UNUSED int fd, UNUSED uint32_t events, void *userdata)
{
        install_log_drain(userdata);
        return 0;
}

static int on_first(UNUSED sd_event_source *source, void *userdata)
{
        install_log_drain(userdata);
        return 0;
}

struct install_log *install_log_new(sd_event *event, const char *unit, const char *invocation, uint64_t since_usec,
                                    void (*each)(void *userdata, const char *line), void *userdata)
{
        CLEANUP(freep) char *match = xasprintf("_SYSTEMD_UNIT=%s", unit);
        struct install_log *l = NEW(struct install_log);
        int r;

        *l = (struct install_log){ .invocation = xstrdup(invocation), .each = each, .userdata = userdata };
        r = sd_journal_open(&l->journal, SD_JOURNAL_LOCAL_ONLY | SD_JOURNAL_SYSTEM);
        /* the descriptor before the first look, so that nothing is missed */
        if (r < 0 || (r = sd_event_add_io(event, &l->io, sd_journal_get_fd(l->journal), EPOLLIN, on_io, l)) < 0 ||
            (r = sd_event_add_defer(event, &l->first, on_first, l)) < 0 ||
            (r = sd_journal_add_match(l->journal, match, 0)) < 0 ||
            (r = sd_journal_seek_realtime_usec(l->journal, since_usec)) < 0) {
                log_warning("cannot read the journal: %s", strerrordesc_np(-r));
                return install_log_free(l);
        }
        return l;
}

struct install_log *install_log_free(struct install_log *l)
{
        if (!l)
                return NULL;
        sd_event_source_disable_unref(l->io);
        sd_event_source_disable_unref(l->first);
        sd_journal_close(l->journal);
        free(l->invocation);
        free(l);
        return NULL;
}
