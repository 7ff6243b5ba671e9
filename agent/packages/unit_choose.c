/* SPDX-License-Identifier: Apache-2.0 */
/* Which of a package's units is its daemon (packages.h, unit_choose()): the rules in their order, the reasons in words.
 * Pure. */
#include <errno.h>
#include <stdio.h>

#include "agent/packages/packages.h"

static bool has_service(const char *list, const char *name)
{
        char word[ID_UNIT_MAX + 3];

        snprintf(word, sizeof(word), " %s ", name);
        return strstr(list, word);
}

/* Does the list name it, by its own name or by its alias (smbd waits for nmb.service, which is nmbd's)? */
static bool is_in(const char *list, const struct unit_candidate *c)
{
        return has_service(list, c->name) || (c->alias[0] && has_service(list, c->alias));
}

void unit_relate(struct unit_candidate *c, size_t n)
{
        for (size_t i = 0; i < n; i++)
                for (size_t k = 0; k < n && !c[i].wanted && !c[i].starter[0]; k++)
                        if (k != i && is_in(c[k].pulls, &c[i]))
                                snprintf(c[i].starter, sizeof(c[i].starter), "%s", c[k].name);
}

static bool is_called(const struct unit_candidate *c, const char *stem, size_t n)
{
        const char *names[] = { c->name, c->alias };

        for (size_t i = 0; i < ARRAY_LEN(names); i++)
                if (strncmp(names[i], stem, n) == 0 && streq(names[i] + n, ".service"))
                        return true;
        return false;
}

static int find_called(const struct unit_candidate *c, size_t n, const char *stem, size_t stem_size)
{
        for (size_t i = 0; i < n; i++)
                if (stem_size > 0 && is_called(&c[i], stem, stem_size))
                        return (int)i;
        return -1;
}

static bool is_side_show(const struct unit_candidate *c)
{
        static const char *const endings[] = { "-wait",  "-resolvconf", "-htcacheclean", "-setup",
                                               "-init",  "-helper",     "-clean",        "-cleanup",
                                               "-check", "-restart",    "-reload",       "-upgrade" };
        size_t n = strlen(c->name) - strlen(".service");

        for (size_t i = 0; i < ARRAY_LEN(endings); i++) {
                size_t k = strlen(endings[i]);
                if (n > k && memcmp(c->name + n - k, endings[i], k) == 0)
                        return true;
        }
        return c->oneshot || !c->multi_user || c->starter[0];
}

/* The one that waits for others of them, while none waits for it: those are there for it. */
static int find_last(const struct unit_candidate *c, size_t n)
{
        int found = -ENOTUNIQ;

        for (size_t i = 0; i < n; i++) {
                bool before = false, after = false;

                for (size_t k = 0; k < n && !is_side_show(&c[i]); k++)
                        if (k != i && !is_side_show(&c[k])) {
                                after |= is_in(c[i].after, &c[k]);
                                before |= is_in(c[k].after, &c[i]);
                        }
                if (after && !before && found >= 0)
                        return -ENOTUNIQ;
                if (after && !before)
                        found = (int)i;
        }
        return found;
}

int unit_choose(const char *package, const struct unit_candidate *c, size_t n, const char **ret_why)
{
        static const char *const suffixes[] = { "-server", "-daemon", "d" };
        int found = find_called(c, n, package, strlen(package));
        size_t daemons = 0;

        *ret_why = "it has the package's name";
        if (found >= 0)
                return found;
        *ret_why = "it has the package's name without its suffix";
        for (size_t i = 0; i < ARRAY_LEN(suffixes); i++)
                if (ends_with(package, suffixes[i]) &&
                    (found = find_called(c, n, package, strlen(package) - strlen(suffixes[i]))) >= 0)
                        return found;
        for (size_t i = 0; i < n; i++)
                daemons += !c[i].starter[0];
        if (daemons == 0)
                return -ENOENT;
        *ret_why = "it is the only one";
        if (n == 1)
                return 0;
        *ret_why = "it is the only one that nothing else starts";
        for (size_t i = 0; i < n && daemons == 1; i++)
                if (!c[i].starter[0] && !c[i].oneshot)
                        return (int)i;
        *ret_why = "it is the only one that multi-user.target wants and that stays";
        daemons = 0;
        for (size_t i = 0; i < n; i++)
                if (!is_side_show(&c[i])) {
                        found = (int)i;
                        daemons++;
                }
        if (daemons == 1)
                return found;
        *ret_why =
                "of several it is the one that starts behind others; the annotation vks.systemd.io/unit names another";
        return find_last(c, n);
}
