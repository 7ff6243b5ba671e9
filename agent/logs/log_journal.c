/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Facts about journald that this file rests on (systemd 252):
 *
 *   - Fields that begin with "_" are journald's own and cannot be forged; VKS_POD_UID= and VKS_CONTAINER= could be, by
 * any process, so the unit is matched too. What the unit's processes send themselves has VKS_POD_UID= alone
 * (LogExtraFields=): with a second field systemd 257 loses what PID 1's child has to say when it cannot execute a
 * program.
 *   - Lines of a process that died before journald saw them keep unit and extra fields, but may lack
 * _SYSTEMD_INVOCATION_ID=, which journald reads from a link that PID 1 removes when the unit ends: a container that
 * complains and exits at once is just that case. Such a line belongs to the run that had begun last, and when a run
 * began PID 1 has said.
 *   - PID 1's child, before it executes the container's program, has the unit's fields already.
 *   - What a container writes to stdout and stderr is brought by vks-log (helper/log/vks_log.c), byte for byte. Its
 * messages have journald's fields of vks-log, and say in fields of their own whose they are: VKS_POD_UID=,
 * VKS_CONTAINER=, VKS_RUN= (may be missing, as above), VKS_PART= where the line goes on in the next message of the
 * stream. Nobody else's _SYSTEMD_UNIT= is vks-log.service. The rest of this is about what processes send to journald
 * themselves.
 *   - A line is broken after LineMax= bytes, and where the writing process changes, and then says so in _LINE_BREAK=.
 * Only the former is joined again: empty lines are not kept, and so the end of the latter ("cat file; echo") may be
 * missing.
 */
#include "agent/logs/log_journal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/mem.h"

enum {
        MANAGER_LINES_MAX = 1000,     /* that PID 1 says of a unit, looked at when searching for a run's bounds */
        FIELD_MAX = 512,              /* of the fields that are not the message; more than any unit's name has */
        SLACK_USEC = 5 * 1000 * 1000, /* lines of a run that journald dated outside it, being late */
};

#define LOGGER "vks-log.service"

struct log_journal {
        sd_journal *journal; /* NULL: it rests */
        char *cursor;        /* where; NULL: nothing was read */
        bool taken;          /* what is at the cursor was read */
        char *unit, *pod_uid, *container, *directory;
        char *invocation_id; /* NULL: every run counts */
        uint64_t begin, end; /* of the run; begin 0: not known, end UINT64_MAX: not yet */
        uint64_t first;      /* nothing older is looked at */
        int64_t tail;        /* lines still to go back; -1: we are where reading begins */
        bool tail_started;
        bool bounded; /* begin, end and first are known */
        bool over;
};

struct field {
        const char *data;
        size_t size;
};

/* The value of a field of the current entry; false where it has none, or it cannot be read. */
static bool get(sd_journal *j, const char *name, struct field *ret)
{
        size_t skip = strlen(name) + 1;
        const void *data;
        size_t size;

        if (sd_journal_get_data(j, name, &data, &size) < 0 || size < skip)
                return false;
        *ret = (struct field){ .data = (const char *)data + skip, .size = size - skip };
        return true;
}

static bool is(struct field f, const char *value)
{
        return f.size == strlen(value) && memcmp(f.data, value, f.size) == 0;
}

static int match(sd_journal *j, const char *name, const char *value)
{
        CLEANUP(freep) char *text = xasprintf("%s=%s", name, value);

        return sd_journal_add_match(j, text, 0);
}

/* When PID 1 sent it; journald's own date may be later than that of what it caused. */
static uint64_t sent_at(sd_journal *j)
{
        struct field f;
        uint64_t usec = 0;

        if (get(j, "_SOURCE_REALTIME_TIMESTAMP", &f) && f.size > 0 && f.size < 20)
                for (size_t i = 0; i < f.size && f.data[i] >= '0' && f.data[i] <= '9'; i++)
                        usec = usec * 10 + (uint64_t)(f.data[i] - '0');
        if (usec == 0)
                (void)sd_journal_get_realtime_usec(j, &usec);
        return usec;
}

/* When the run began and the next one did, by PID 1's own words ("Started ..."), which the journal may have lost. */
static int find_bounds(struct log_journal *l)
{
        sd_journal *j = l->journal;
        struct field id;
        int r;

        if ((r = match(j, "_PID", "1")) < 0 || (r = match(j, "UNIT", l->unit)) < 0 ||
            (r = match(j, "INVOCATION_ID", l->invocation_id)) < 0 || (r = sd_journal_seek_head(j)) < 0 ||
            (r = sd_journal_next(j)) <= 0)
                return r;
        l->begin = sent_at(j);
        sd_journal_flush_matches(j);
        if ((r = match(j, "_PID", "1")) < 0 || (r = match(j, "UNIT", l->unit)) < 0 ||
            (r = sd_journal_seek_realtime_usec(j, l->begin)) < 0)
                return r;
        for (int i = 0; i < MANAGER_LINES_MAX && (r = sd_journal_next(j)) > 0; i++) {
                if (get(j, "INVOCATION_ID", &id) && !is(id, l->invocation_id) && sent_at(j) > l->begin) {
                        l->end = sent_at(j);
                        break;
                }
        }
        return r;
}

static int match_container(struct log_journal *l)
{
        sd_journal *j = l->journal;
        int r;

        /* What the unit's processes send themselves, or what vks-log brings of the container. */
        sd_journal_flush_matches(j);
        if ((r = match(j, "_SYSTEMD_UNIT", l->unit)) < 0 || (r = match(j, "VKS_POD_UID", l->pod_uid)) < 0 ||
            (r = sd_journal_add_disjunction(j)) < 0 || (r = match(j, "_SYSTEMD_UNIT", LOGGER)) < 0 ||
            (r = match(j, "VKS_POD_UID", l->pod_uid)) < 0 || (r = match(j, "VKS_CONTAINER", l->container)) < 0)
                return r;
        return r;
}

/* The same of one entry, whatever its reader matches. */
static bool is_of_container(const struct log_journal *l, sd_journal *j)
{
        struct field f;

        if (!get(j, "VKS_POD_UID", &f) || !is(f, l->pod_uid) || !get(j, "_SYSTEMD_UNIT", &f))
                return false;
        return is(f, l->unit) || (is(f, LOGGER) && get(j, "VKS_CONTAINER", &f) && is(f, l->container));
}

static int open_journal(struct log_journal *l)
{
        int r = l->directory ? sd_journal_open_directory(&l->journal, l->directory, 0)
                             : sd_journal_open(&l->journal, SD_JOURNAL_LOCAL_ONLY);

        return r < 0 ? r : sd_journal_set_data_threshold(l->journal, FIELD_MAX);
}

static int seek_start(struct log_journal *l)
{
        if (l->tail >= 0)
                return l->end == UINT64_MAX ? sd_journal_seek_tail(l->journal)
                                            : sd_journal_seek_realtime_usec(l->journal, l->end + SLACK_USEC);
        return l->first ? sd_journal_seek_realtime_usec(l->journal, l->first) : sd_journal_seek_head(l->journal);
}

/* Done once: what the journal has forgotten meanwhile it has told. */
static int find_first(struct log_journal *l)
{
        int r = l->invocation_id ? find_bounds(l) : 0;

        if (r < 0)
                return r;
        if (l->begin > SLACK_USEC && l->first < l->begin - SLACK_USEC)
                l->first = l->begin - SLACK_USEC;
        l->bounded = true;
        return 0;
}

/* To where log_journal_rest() was called. */
static int seek_back(struct log_journal *l)
{
        int r;

        if (!l->cursor)
                return seek_start(l);
        r = sd_journal_seek_cursor(l->journal, l->cursor);
        if (r < 0 || !l->taken)
                return r;
        r = sd_journal_next(l->journal);
        if (r > 0 &&
            sd_journal_test_cursor(l->journal, l->cursor) == 0) /* it is gone meanwhile: this is the next one */
                r = sd_journal_seek_cursor(l->journal, l->cursor);
        return r;
}

int log_journal_open(struct log_journal *l)
{
        int r = open_journal(l);

        if (r >= 0 && !l->bounded)
                r = find_first(l);
        if (r >= 0)
                r = match_container(l);
        if (r >= 0)
                r = seek_back(l);
        if (r < 0) {
                sd_journal_close(l->journal);
                l->journal = NULL;
        }
        return r;
}

void log_journal_rest(struct log_journal *l, sd_journal *at, bool taken)
{
        char *cursor;

        if (!at && !l->journal)
                return;
        if (sd_journal_get_cursor(at ?: l->journal, &cursor) >= 0) { /* else it stays where it was */
                free(l->cursor);
                l->cursor = cursor;
                l->taken = at ? taken : true;
        }
        sd_journal_close(l->journal);
        l->journal = NULL;
}

bool log_journal_rests(const struct log_journal *l)
{
        return !l->journal;
}

struct log_journal *log_journal_new(const struct log_source *source, int64_t tail, uint64_t since_usec)
{
        struct log_journal *l = NEW(struct log_journal);

        *l = (struct log_journal){
                .unit = xstrdup(source->unit),
                .pod_uid = xstrdup(source->pod_uid),
                .container = xstrdup(source->container),
                .directory = xstrdup(source->directory),
                .invocation_id = xstrdup(source->invocation_id),
                .end = UINT64_MAX,
                .tail = tail,
                .first = since_usec,
        };
        return l;
}

struct log_journal *log_journal_free(struct log_journal *l)
{
        if (!l)
                return NULL;
        sd_journal_close(l->journal);
        free(l->cursor);
        free(l->unit);
        free(l->pod_uid);
        free(l->container);
        free(l->directory);
        free(l->invocation_id);
        free(l);
        return NULL;
}

/* What is to be known of an entry before its message is looked at. */
struct entry {
        char transport[16];
        char unit[sizeof(LOGGER) + 1]; /* enough to tell whether it is vks-log */
        char run[40], said_run[40];
        char stream[40], said_stream[16];
        char part[2];
        char line_break[16];
        char about_unit[2], about_run[2]; /* as systemd's own messages are; only whether is of interest */
};

/* One walk over all fields: to ask for each by its name takes several times as long. */
static void read_entry(sd_journal *j, struct entry *ret)
{
        const struct {
                const char *name;
                char *value;
                size_t size;
        } wanted[] = {
                { "_TRANSPORT=", ret->transport, sizeof(ret->transport) },
                { "_SYSTEMD_UNIT=", ret->unit, sizeof(ret->unit) },
                { "_SYSTEMD_INVOCATION_ID=", ret->run, sizeof(ret->run) },
                { "VKS_RUN=", ret->said_run, sizeof(ret->said_run) },
                { "VKS_STREAM=", ret->said_stream, sizeof(ret->said_stream) },
                { "VKS_PART=", ret->part, sizeof(ret->part) },
                { "_STREAM_ID=", ret->stream, sizeof(ret->stream) },
                { "_LINE_BREAK=", ret->line_break, sizeof(ret->line_break) },
                { "UNIT=", ret->about_unit, sizeof(ret->about_unit) },
                { "INVOCATION_ID=", ret->about_run, sizeof(ret->about_run) },
        };
        const void *data;
        size_t size;

        *ret = (struct entry){ 0 };
        sd_journal_restart_data(j);
        while (sd_journal_enumerate_available_data(j, &data, &size) > 0) {
                for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
                        size_t skip = strlen(wanted[i].name), n;

                        if (size < skip || memcmp(data, wanted[i].name, skip) != 0)
                                continue;
                        n = size - skip < wanted[i].size ? size - skip : wanted[i].size - 1;
                        memcpy(wanted[i].value, (const char *)data + skip, n);
                        break;
                }
        }
        if (!streq(ret->unit, LOGGER))
                return;
        memcpy(ret->run, ret->said_run, sizeof(ret->run));
        snprintf(ret->stream, sizeof(ret->stream), "%s", ret->said_stream);
        snprintf(ret->line_break, sizeof(ret->line_break), "%s", *ret->part ? "line-max" : "");
}

/*
 * The current entry's text, valid until another field is read. Without a bound compressed fields grow to whatever their
 * writer wanted; one that is longer than LOG_LINE_MAX can still be told.
 */
static bool read_message(sd_journal *j, struct field *ret)
{
        bool found;

        sd_journal_set_data_threshold(j, LOG_LINE_MAX + FIELD_MAX);
        found = get(j, "MESSAGE", ret);
        sd_journal_set_data_threshold(j, FIELD_MAX);
        return found;
}

/* Is the entry of the run? */
static bool is_of_run(struct log_journal *l, const struct entry *entry, uint64_t usec)
{
        bool ours = l->invocation_id && streq(entry->run, l->invocation_id);

        if (!l->invocation_id)
                return true;
        if (l->begin == 0) /* when it began is not known any more */
                return ours;
        if (!*entry->run)
                return usec >= l->begin && usec < l->end;
        if (!ours && usec > l->begin + SLACK_USEC)
                l->over = true;
        return ours;
}

/* Was it written by the container, and not by systemd on its behalf, the kernel, or the audit subsystem? */
static bool is_output(const struct entry *entry)
{
        if (streq(entry->transport, "journal"))
                return streq(entry->unit, LOGGER) || !(*entry->about_unit && *entry->about_run);
        return streq(entry->transport, "stdout") || streq(entry->transport, "syslog");
}

static bool is_open(const struct entry *entry)
{
        return streq(entry->line_break, "line-max");
}

/* Goes back, from the end, to the entry that ends the line before the last `tail` ones: 0 when it is there. */
static int go_back(struct log_journal *l, unsigned *budget)
{
        sd_journal *j = l->journal;

        for (; *budget > 0; (*budget)--) {
                struct entry entry;
                uint64_t usec = 0;
                int r = sd_journal_previous(j);

                if (r > 0)
                        r = sd_journal_get_realtime_usec(j, &usec);
                else if (r == 0) { /* all there is; "before the first" is no place to go on from */
                        l->tail = -1;
                        return sd_journal_seek_head(j);
                }
                if (r < 0)
                        return r;
                if (usec < l->first)
                        break;
                read_entry(j, &entry);
                if (!is_of_run(l, &entry, usec) || !is_output(&entry))
                        continue;
                if (l->tail_started && is_open(&entry))
                        continue;
                l->tail_started = true;
                if (l->tail-- == 0)
                        break;
        }
        if (*budget == 0)
                return -EAGAIN;
        l->tail = -1;
        return 0;
}

/* Is the current entry, which is one of the container's, such a line? */
static bool read_line(struct log_journal *l, sd_journal *j, uint64_t usec, struct log_line *ret)
{
        struct entry entry;
        struct field message;

        if (usec < l->first)
                return false;
        read_entry(j, &entry);
        if (!is_of_run(l, &entry, usec) || !is_output(&entry) || !read_message(j, &message))
                return false;
        *ret = (struct log_line){ .usec = usec, .open = is_open(&entry) };
        memcpy(ret->stream, entry.stream, sizeof(ret->stream));
        ret->text = message.data;
        ret->cut = message.size > LOG_LINE_MAX;
        ret->size = ret->cut ? LOG_LINE_MAX : message.size;
        return true;
}

int log_journal_next(struct log_journal *l, unsigned *budget, struct log_line *ret)
{
        int r = l->journal ? 0 : log_journal_open(l);

        if (r >= 0 && l->tail >= 0)
                r = go_back(l, budget);
        if (r < 0)
                return r;
        for (; *budget > 0; (*budget)--) {
                sd_journal *j = l->journal;
                uint64_t usec;

                if ((r = sd_journal_next(j)) <= 0 || (r = sd_journal_get_realtime_usec(j, &usec)) < 0)
                        return r;
                if (l->end != UINT64_MAX && usec > l->end + SLACK_USEC) {
                        l->over = true;
                        return 0;
                }
                if (read_line(l, j, usec, ret)) {
                        (*budget)--;
                        return 1;
                }
        }
        return -EAGAIN;
}

bool log_journal_take(struct log_journal *l, sd_journal *j, struct log_line *ret)
{
        uint64_t usec;

        return is_of_container(l, j) && sd_journal_get_realtime_usec(j, &usec) >= 0 && read_line(l, j, usec, ret);
}

bool log_journal_is_over(const struct log_journal *l)
{
        return l->over;
}
