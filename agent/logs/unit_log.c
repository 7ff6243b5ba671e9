/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/logs/unit_log.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <systemd/sd-journal.h>
#include <time.h>

#include "agent/lib/pattern.h"
#include "common/mem.h"
#include "common/utf8.h"

enum {
        BOOT_COST = 16,       /* of the budget, for a step from one boot to the one before */
        STEPS_FOR_ONE = 1000, /* of a pattern: what they cost of the budget */
        NAME_MAX_BYTES = 256,
};

struct unit_log {
        sd_journal *journal;
        char **units;
        size_t n_units;
        struct unit_log_options options;
        struct pattern *pattern;
        enum { BOOTS, BACKWARDS, HERE, FORWARDS, OVER } state;
        int64_t left;    /* entries still to go back */
        int boots_left;  /* to go back */
        sd_id128_t boot; /* of the last entry that was told, or that is looked for */
        bool told;
        bool gave_up; /* a pattern, in a message */
};

int unit_log_open(const char *directory, struct unit_log **ret, struct err *e)
{
        CLEANUP(unit_log_freep) struct unit_log *l = NEW(struct unit_log);
        int r = directory ? sd_journal_open_directory(&l->journal, directory, 0)
                          : sd_journal_open(&l->journal, SD_JOURNAL_LOCAL_ONLY);

        if (r >= 0)
                r = sd_journal_set_data_threshold(l->journal, UNIT_LOG_LINE_MAX + 64);
        if (r < 0)
                return err_errno(e, r, NULL, "cannot read the journal");
        *ret = TAKE(l);
        return 0;
}

struct unit_log *unit_log_free(struct unit_log *l)
{
        if (!l)
                return NULL;
        sd_journal_close(l->journal);
        pattern_free(l->pattern);
        strv_free(l->units);
        free(l);
        return NULL;
}

/* ---- which entries ----------------------------------------------------------------------------------------------- */

static int match(sd_journal *j, const char *name, const char *value)
{
        CLEANUP(freep) char *text = xasprintf("%s=%s", name, value);

        return sd_journal_add_match(j, text, 0);
}

/* What its processes wrote, what PID 1 said of it, and what another of root's did on its behalf: journalctl's rule. */
static int match_unit(sd_journal *j, const char *unit)
{
        int r;

        if ((r = sd_journal_add_disjunction(j)) < 0 || (r = match(j, "_SYSTEMD_UNIT", unit)) < 0 ||
            (r = sd_journal_add_disjunction(j)) < 0 || (r = match(j, "_PID", "1")) < 0 ||
            (r = match(j, "UNIT", unit)) < 0 || (r = sd_journal_add_disjunction(j)) < 0 ||
            (r = match(j, "_UID", "0")) < 0 || (r = match(j, "OBJECT_SYSTEMD_UNIT", unit)) < 0)
                return r;
        return sd_journal_add_disjunction(j);
}

static int match_all(struct unit_log *l)
{
        char boot[SD_ID128_STRING_MAX];
        int r = 0;

        sd_journal_flush_matches(l->journal);
        for (size_t i = 0; i < l->n_units && r >= 0; i++)
                r = match_unit(l->journal, l->units[i]);
        if (r >= 0 && l->options.of_boot && (r = sd_journal_add_conjunction(l->journal)) >= 0)
                r = match(l->journal, "_BOOT_ID", sd_id128_to_string(l->boot, boot));
        return r;
}

bool unit_log_knows(struct unit_log *l, const char *unit)
{
        sd_journal_flush_matches(l->journal);
        return match_unit(l->journal, unit) >= 0 && sd_journal_seek_head(l->journal) >= 0 &&
               sd_journal_next(l->journal) > 0;
}

/* ---- where to begin ---------------------------------------------------------------------------------------------- */

static int go_to_start(struct unit_log *l)
{
        const struct unit_log_options *o = &l->options;
        int r = match_all(l);

        if (r < 0)
                return r;
        l->left = o->tail;
        l->state = o->tail > 0 ? BACKWARDS : o->tail == 0 ? OVER : FORWARDS;
        if (l->state == BACKWARDS)
                return o->until_usec == UINT64_MAX ? sd_journal_seek_tail(l->journal)
                                                   : sd_journal_seek_realtime_usec(l->journal, o->until_usec + 1);
        return o->since_usec ? sd_journal_seek_realtime_usec(l->journal, o->since_usec)
                             : sd_journal_seek_head(l->journal);
}

/* Capital letters in a pattern are meant; one without any finds them, too: journalctl's rule. */
static bool has_capital(const char *s)
{
        for (; *s; s++)
                if (isupper((unsigned char)*s))
                        return true;
        return false;
}

/* This boot is that of the journal's last entry: the kernel's own word for it is hidden where /proc is mounted anew. */
static int last_boot(sd_journal *j, sd_id128_t *ret)
{
        int r;

        sd_journal_flush_matches(j);
        if ((r = sd_journal_seek_tail(j)) < 0 || (r = sd_journal_previous(j)) < 0)
                return r;
        return r == 0 ? 0 : sd_journal_get_monotonic_usec(j, &(uint64_t){ 0 }, ret);
}

int unit_log_start(struct unit_log *l, const char *const *units, size_t n, const struct unit_log_options *o,
                   struct err *e)
{
        int r = 0;

        for (size_t i = 0; i < n; i++)
                strv_push(&l->units, &l->n_units, xstrdup(units[i]));
        l->options = *o;
        if (o->pattern)
                r = pattern_new(o->pattern, !has_capital(o->pattern), &l->pattern, e);
        l->options.pattern = NULL;
        if (r < 0)
                return r;
        if (!o->of_boot) {
                r = go_to_start(l);
        } else {
                l->state = BOOTS;
                l->boots_left = -o->boot;
                r = last_boot(l->journal, &l->boot);
        }
        return r < 0 ? err_errno(e, r, NULL, "cannot read the journal") : 0;
}

/*
 * From the boot that l->boot is to the one before: behind its first entry there is one of another boot, or none. A boot
 * of which the journal has nothing is passed over: from this one, then, the last that is there is the one before.
 */
static int go_back_a_boot(struct unit_log *l)
{
        sd_journal *j = l->journal;
        char text[SD_ID128_STRING_MAX];
        int r;

        sd_journal_flush_matches(j);
        if ((r = match(j, "_BOOT_ID", sd_id128_to_string(l->boot, text))) < 0 || (r = sd_journal_seek_head(j)) < 0 ||
            (r = sd_journal_next(j)) < 0)
                return r;
        sd_journal_flush_matches(j);
        if (r == 0)
                r = sd_journal_seek_tail(j);
        if (r < 0 || (r = sd_journal_previous(j)) < 0)
                return r;
        return r == 0 ? -ESRCH : sd_journal_get_monotonic_usec(j, &(uint64_t){ 0 }, &l->boot);
}

static int find_boot(struct unit_log *l, unsigned *budget)
{
        int r = 0;

        if (l->boots_left > UNIT_LOG_BOOTS_MAX)
                return -ESRCH;
        while (l->boots_left > 0) {
                if (*budget < BOOT_COST)
                        return -EAGAIN;
                *budget -= BOOT_COST;
                if ((r = go_back_a_boot(l)) < 0)
                        return r;
                l->boots_left--;
        }
        return go_to_start(l);
}

/* ---- one entry --------------------------------------------------------------------------------------------------- */

struct field {
        const char *data;
        size_t size;
};

/* `name` ends with "=". */
static bool get(sd_journal *j, const char *name, struct field *ret)
{
        char field[32];
        const void *data;
        size_t size, skip = strlen(name);

        snprintf(field, sizeof(field), "%.*s", (int)skip - 1, name);
        if (sd_journal_get_data(j, field, &data, &size) < 0 || size < skip)
                return false;
        *ret = (struct field){ .data = (const char *)data + skip, .size = size - skip };
        if (ret->size > UNIT_LOG_LINE_MAX)
                ret->size = UNIT_LOG_LINE_MAX;
        return true;
}

/* The first of two fields that there is; false: there is neither. What is no clean text is left out. */
static bool add_name(sd_journal *j, const char *first, const char *second, struct buf *ret)
{
        struct field f;

        if (!get(j, first, &f) && !get(j, second, &f))
                return false;
        if (f.size > NAME_MAX_BYTES || !utf8_clean(f.data, f.size, ""))
                return false;
        buf_add(ret, f.data, f.size);
        return true;
}

static void add_time(sd_journal *j, struct buf *ret)
{
        char text[32] = "";
        uint64_t usec = 0;
        time_t seconds;
        struct tm tm;

        (void)sd_journal_get_realtime_usec(j, &usec);
        seconds = (time_t)(usec / 1000000);
        if (gmtime_r(&seconds, &tm))
                (void)strftime(text, sizeof(text), "%b %d %H:%M:%S", &tm);
        buf_printf(ret, "%s.%06u ", text, (unsigned)(usec % 1000000));
}

/* Further lines are indented as far as the first one's text. */
static void add_message(const struct field *message, size_t indent, struct buf *ret)
{
        const char *p = message->data, *end = p + message->size;

        while (end > p && (end[-1] == '\n' || end[-1] == ' ' || end[-1] == '\t' || end[-1] == '\r'))
                end--;
        if (!utf8_clean(p, (size_t)(end - p), "\t\n")) {
                buf_printf(ret, "[%zuB blob data]\n", message->size);
                return;
        }
        for (;;) {
                const char *newline = memchr(p, '\n', (size_t)(end - p));
                size_t n = (size_t)((newline ? newline : end) - p);

                buf_add(ret, p, n);
                buf_char(ret, '\n');
                if (!newline)
                        return;
                p = newline + 1;
                buf_printf(ret, "%*s", (int)indent, "");
        }
}

static void add_entry(struct unit_log *l, struct buf *ret)
{
        CLEANUP(buf_done) struct buf entry = BUF(UNIT_LOG_ENTRY_MAX), pid = BUF(NAME_MAX_BYTES);
        sd_journal *j = l->journal;
        struct field message;
        sd_id128_t boot = l->boot;
        char text[SD_ID128_STRING_MAX];
        size_t start;

        if (sd_journal_get_monotonic_usec(j, &(uint64_t){ 0 }, &boot) >= 0 && l->told && !sd_id128_equal(boot, l->boot))
                buf_printf(&entry, "-- Boot %s --\n", sd_id128_to_string(boot, text));
        l->boot = boot;
        l->told = true;
        start = entry.len;
        add_time(j, &entry);
        if (add_name(j, "_HOSTNAME=", "_HOSTNAME=", &entry))
                buf_char(&entry, ' ');
        if (!add_name(j, "SYSLOG_IDENTIFIER=", "_COMM=", &entry))
                buf_str(&entry, "unknown");
        if (add_name(j, "_PID=", "SYSLOG_PID=", &pid))
                buf_printf(&entry, "[%s]", pid.data);
        buf_str(&entry, ": ");
        if (!get(j, "MESSAGE=", &message))
                return;
        add_message(&message, entry.len - start, &entry);
        if (buf_ok(&entry))
                buf_add(ret, entry.data, entry.len);
        else
                buf_str(ret, "[an entry is left out: it has too many lines]\n");
}

/* Is the entry that is read now asked for? */
static bool fits(struct unit_log *l, unsigned *budget)
{
        struct field message;
        unsigned steps, cost;
        int found;

        if (!get(l->journal, "MESSAGE=", &message))
                return false;
        if (!l->pattern)
                return true;
        found = pattern_find(l->pattern, message.data,
                             message.size < UNIT_LOG_PATTERN_MAX ? message.size : UNIT_LOG_PATTERN_MAX, &steps);
        cost = steps / STEPS_FOR_ONE;
        *budget -= cost < *budget ? cost : *budget;
        l->gave_up |= found < 0;
        return found > 0;
}

/* Backwards, to the first of the last that fit. */
static int go_back(struct unit_log *l, unsigned *budget)
{
        uint64_t usec;
        int r;

        while (*budget > 0) {
                (*budget)--;
                r = sd_journal_previous(l->journal);
                if (r < 0)
                        return r;
                if (r == 0 && l->left == l->options.tail)
                        l->state = OVER;
                if (r == 0) { /* all there is */
                        if (l->state != OVER)
                                l->state = FORWARDS;
                        return sd_journal_seek_head(l->journal);
                }
                if ((r = sd_journal_get_realtime_usec(l->journal, &usec)) < 0)
                        return r;
                if (usec > l->options.until_usec)
                        continue;
                if (usec < l->options.since_usec) { /* the next one is the first */
                        l->state = FORWARDS;
                        return 0;
                }
                if (fits(l, budget) && --l->left == 0) {
                        l->state = HERE;
                        return 0;
                }
        }
        return -EAGAIN;
}

static int go_on(struct unit_log *l, unsigned *budget, struct buf *ret)
{
        uint64_t usec;
        int r;

        while (*budget > 0) {
                (*budget)--;
                r = l->state == HERE ? 1 : sd_journal_next(l->journal);
                if (r > 0 && sd_journal_get_realtime_usec(l->journal, &usec) < 0)
                        continue; /* its file has gone meanwhile */
                if (r <= 0 || usec > l->options.until_usec) {
                        l->state = OVER;
                        return r < 0 ? r : 0;
                }
                l->state = FORWARDS;
                if (usec < l->options.since_usec || !fits(l, budget))
                        continue;
                add_entry(l, ret);
                return 1;
        }
        return -EAGAIN;
}

int unit_log_next(struct unit_log *l, unsigned *budget, struct buf *ret)
{
        int r = 0;

        if (l->state == BOOTS)
                r = find_boot(l, budget);
        if (r >= 0 && l->state == BACKWARDS)
                r = go_back(l, budget);
        if (r < 0 || l->state == OVER)
                return r;
        return go_on(l, budget, ret);
}

bool unit_log_gave_up(const struct unit_log *l)
{
        return l->gave_up;
}
