/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/progress.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

static void enter(struct progress *p, enum progress_stage stage, unsigned n, const char *detail)
{
        size_t len = 0;

        p->stage = stage;
        p->n = n;
        for (; detail[len] && len + 1 < sizeof(p->detail); len++)
                p->detail[len] = (char)(isprint((unsigned char)detail[len]) ? detail[len] : '?');
        p->detail[len] = '\0';
}

/* "2 upgraded, 10 newly installed, 1 reinstalled, 1 downgraded, 0 to remove and 3 not upgraded." */
static bool summary(const char *line, unsigned *ret)
{
        unsigned long total = 0, n;
        char *end;

        for (;;) {
                if (!isdigit((unsigned char)*line))
                        return false;
                n = strtoul(line, &end, 10);
                if (starts_with(end, " to remove"))
                        break;
                if (!starts_with(end, " upgraded") && !starts_with(end, " newly installed") && !starts_with(end, " reinstalled") &&
                    !starts_with(end, " downgraded"))
                        return false;
                total += n;
                line = strchr(end, ',');
                if (!line || line[1] != ' ')
                        return false;
                line += 2;
        }
        *ret = total > 99999 ? 99999 : (unsigned)total;
        return true;
}

/* Counts a package that dpkg names; apt's summary may have missed one that was left over. */
static void next(struct progress *p, enum progress_stage stage, const char *detail)
{
        enter(p, stage, p->stage == stage ? p->n + 1 : 1, detail);
        p->detail[strcspn(p->detail, ")")] = '\0';
        if (p->detail[0])
                snprintf(p->detail + strlen(p->detail), sizeof(p->detail) - strlen(p->detail), "%s", strchr(p->detail, '(') ? ")" : "");
        if (p->n > p->total)
                p->total = p->n;
}

void progress_line(struct progress *p, const char *line)
{
        static const char need[] = "Need to get ", unpack[] = "Unpacking ", set_up[] = "Setting up ", fetch[] = "Fetching ";

        if (summary(line, &p->total)) {
                if (p->stage < PROGRESS_UNPACK)
                        enter(p, PROGRESS_NONE, 0, "");
        } else if (starts_with(line, "Waiting for ")) {
                enter(p, PROGRESS_WAIT, 0, line);
        } else if (starts_with(line, fetch)) {
                enter(p, PROGRESS_FETCH, 0, line + strlen(fetch));
        } else if (starts_with(line, need)) {
                enter(p, PROGRESS_DOWNLOAD, 0, line + strlen(need));
                p->detail[strcspn(p->detail, "\n")] = '\0';
                if (strstr(p->detail, " of archives"))
                        *strstr(p->detail, " of archives") = '\0';
        } else if (starts_with(line, "Get:") || starts_with(line, "Hit:") || starts_with(line, "Ign:")) {
                if (p->stage == PROGRESS_DOWNLOAD)
                        p->n = (unsigned)strtoul(line + strlen("Get:"), NULL, 10);
                else if (p->stage != PROGRESS_FETCH)
                        enter(p, PROGRESS_LISTS, 0, "");
        } else if (starts_with(line, unpack)) {
                next(p, PROGRESS_UNPACK, line + strlen(unpack));
        } else if (starts_with(line, set_up)) {
                next(p, PROGRESS_SET_UP, line + strlen(set_up));
        }
}

void progress_words(const struct progress *p, char *ret, size_t size)
{
        unsigned total = p->total < p->n ? p->n : p->total;

        *ret = '\0';
        switch (p->stage) {
        case PROGRESS_NONE:
                break;
        case PROGRESS_WAIT:
                snprintf(ret, size, "%s", p->detail);
                break;
        case PROGRESS_FETCH:
                snprintf(ret, size, "fetching %s", p->detail);
                break;
        case PROGRESS_LISTS:
                snprintf(ret, size, "reading the lists of packages");
                break;
        case PROGRESS_DOWNLOAD:
                snprintf(ret, size, "downloading %u of %u (%s)", p->n, total, p->detail);
                break;
        case PROGRESS_UNPACK:
                snprintf(ret, size, "unpacking %u of %u: %s", p->n, total, p->detail);
                break;
        case PROGRESS_SET_UP:
                snprintf(ret, size, "setting up %u of %u: %s", p->n, total, p->detail);
                break;
        }
}
