/* SPDX-License-Identifier: Apache-2.0 */
/* package_manager.h, installations: the lines that apt and dpkg print in the C locale. Pure, but for one stat(). */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/packages/package_manager.h"
#include "common/mem.h"

#define LISTS "/var/lib/apt/lists"

/* ---- how far it has come ----------------------------------------------------------------------------------------- */

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
                if (!starts_with(end, " upgraded") && !starts_with(end, " newly installed") &&
                    !starts_with(end, " reinstalled") && !starts_with(end, " downgraded"))
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
                snprintf(p->detail + strlen(p->detail), sizeof(p->detail) - strlen(p->detail), "%s",
                         strchr(p->detail, '(') ? ")" : "");
        if (p->n > p->total)
                p->total = p->n;
}

void package_manager_progress(struct progress *p, const char *line)
{
        static const char need[] = "Need to get ", unpack[] = "Unpacking ", set_up[] = "Setting up ",
                          fetch[] = "Fetching ";

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

/* ---- why not ----------------------------------------------------------------------------------------------------- */

/*
 * "E: ..." lines, what apt says before "you have held broken packages": "a : Depends: b but it is not installable", and
 * dpkg's, which give the reason in the next line: "dpkg: error processing archive ...:".
 */
bool package_manager_complains(const char *line, bool *goes_on)
{
        static const char *const middles[] = { " : Depends: ", " : PreDepends: ", " : Conflicts: " };
        bool dpkg = starts_with(line, "dpkg: error"), yes = *goes_on || dpkg || starts_with(line, "E: ");

        *goes_on = dpkg && ends_with(line, ":");
        for (size_t i = 0; i < ARRAY_LEN(middles); i++)
                yes = yes || strstr(line, middles[i]);
        return yes;
}

bool package_manager_newest(const char *line, char name[static ID_PACKAGE_MAX + 1],
                            char version[static ID_VERSION_MAX + 1])
{
        static const char middle[] = " is already the newest version (";
        const char *at = strstr(line, middle), *from = at ? at + strlen(middle) : NULL;
        size_t n = at ? (size_t)(at - line) : 0, size = from ? strcspn(from, ")") : 0;

        if (n == 0 || n > ID_PACKAGE_MAX || size == 0 || size > ID_VERSION_MAX || from[size] != ')')
                return false;
        snprintf(name, ID_PACKAGE_MAX + 1, "%.*s", (int)n, line);
        snprintf(version, ID_VERSION_MAX + 1, "%.*s", (int)size, from);
        return id_is_package(name) && id_is_version(version);
}

struct timespec package_manager_lists(void)
{
        struct stat st = { 0 };

        return stat(LISTS, &st) < 0 ? (struct timespec){ 0 } : st.st_mtim;
}
