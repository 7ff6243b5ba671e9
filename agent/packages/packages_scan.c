/* SPDX-License-Identifier: Apache-2.0 */
/* The pure half of packages.h: unit files, and the rule that chooses a package's unit. */
#include <errno.h>
#include <stdio.h>

#include "agent/lib/lines.h"
#include "agent/packages/packages.h"

/* ---- unit files -------------------------------------------------------------------------------------------------- */

static bool has_word(struct line value, const char *a, const char *b)
{
        while (value.n > 0) {
                struct line w = line_word(&value);
                if (line_is(w, a) || line_is(w, b))
                        return true;
        }
        return false;
}

void unit_scan(const char *text, size_t size, struct unit_candidate *c)
{
        enum { OTHER, SERVICE, INSTALL } section = OTHER;
        bool has_work = false, has_exec = false;
        struct line l, v;

        for (size_t pos = 0; next_line(text, size, &pos, &l);) {
                l = line_trim(l);
                if (l.n > 0 && l.s[0] == '[') {
                        section = line_is(l, "[Service]") ? SERVICE : line_is(l, "[Install]") ? INSTALL : OTHER;
                } else if (section == INSTALL) {
                        if (line_field(l, "WantedBy", '=', &v) && has_word(v, "multi-user.target", "default.target"))
                                c->multi_user = true;
                        else if (line_field(l, "Alias", '=', &v) && !c->alias[0])
                                line_copy(line_word(&v), c->alias, sizeof(c->alias));
                } else if (section == SERVICE) {
                        if (line_field(l, "Type", '=', &v))
                                c->oneshot = line_is(v, "oneshot");
                        else if (line_field(l, "ExecStart", '=', &v) && v.n > 0)
                                has_exec = true, has_work |= !line_is(v, "/bin/true") && !line_is(v, "/usr/bin/true");
                        else if ((line_field(l, "StateDirectory", '=', &v) ||
                                  line_field(l, "CacheDirectory", '=', &v) ||
                                  line_field(l, "LogsDirectory", '=', &v)) &&
                                 v.n > 0)
                                c->state = true;
                }
        }
        c->umbrella = c->oneshot && has_exec && !has_work;
}

/* ---- the choice -------------------------------------------------------------------------------------------------- */

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
        return c->oneshot || !c->multi_user;
}

int unit_choose(const char *package, const struct unit_candidate *c, size_t n, const char **ret_why)
{
        static const char *const suffixes[] = { "-server", "-daemon", "d" };
        int found = find_called(c, n, package, strlen(package));

        *ret_why = "it has the package's name";
        if (found >= 0)
                return found;
        *ret_why = "it has the package's name without its suffix";
        for (size_t i = 0; i < ARRAY_LEN(suffixes); i++)
                if (ends_with(package, suffixes[i]) &&
                    (found = find_called(c, n, package, strlen(package) - strlen(suffixes[i]))) >= 0)
                        return found;
        *ret_why = "it is the only one";
        if (n == 1)
                return 0;
        *ret_why = "it is the only one that multi-user.target wants and that stays";
        for (size_t i = 0; i < n; i++)
                if (!is_side_show(&c[i])) {
                        if (found >= 0)
                                return -ENOTUNIQ;
                        found = (int)i;
                }
        return found >= 0 ? found : -ENOTUNIQ;
}

/* ---- /var -------------------------------------------------------------------------------------------------------- */

/* What packages name there without it being their data. */
static bool is_systems_own(const char *s, size_t n)
{
        static const char *const own[] = { "lib/dpkg",  "lib/systemd",   "lib/ucf",        "lib/update-rc.d", "lib/apt",
                                           "cache/apt", "cache/debconf", "cache/ldconfig", "log/journal" };

        for (size_t i = 0; i < ARRAY_LEN(own); i++)
                if (n == strlen(own[i]) && memcmp(s, own[i], n) == 0)
                        return true;
        return starts_with(s, "run/") || starts_with(s, "lock/") || starts_with(s, "tmp/");
}

static bool is_name_char(char c)
{
        return isalnum((unsigned char)c) || c == '.' || c == '_' || c == '-' || c == '+';
}

/* Does "/var/" at `at` go on with a directory of the system and a name in it? A small letter in front: it is somebody
 * else's var. */
static bool is_var_path(struct line l, size_t at)
{
        const char *s = l.s + at + 5, *end = l.s + l.n;
        char head[64];
        size_t dir = 0, name;

        if (at > 0 && (islower((unsigned char)l.s[at - 1]) || isdigit((unsigned char)l.s[at - 1])))
                return false;
        while (s + dir < end && islower((unsigned char)s[dir]))
                dir++;
        if (dir == 0 || s + dir >= end || s[dir] != '/')
                return false;
        name = dir + 1;
        while (s + name < end && is_name_char(s[name]))
                name++;
        /* A name that a variable makes counts as one. */
        if (name == dir + 1 && (s + name >= end || s[name] != '$'))
                return false;
        snprintf(head, sizeof(head), "%.*s", (int)(name < sizeof(head) ? name : sizeof(head) - 1), s);
        return !is_systems_own(head, strlen(head));
}

bool mentions_var(const char *text, size_t size)
{
        struct line l;

        for (size_t pos = 0; next_line(text, size, &pos, &l);) {
                l = line_trim(l);
                if (l.n == 0 || l.s[0] == '#')
                        continue;
                for (const char *s = l.s; (s = memmem(s, l.n - (size_t)(s - l.s), "/var/", 5)); s++)
                        if (is_var_path(l, (size_t)(s - l.s)))
                                return true;
        }
        return false;
}
