/* SPDX-License-Identifier: Apache-2.0 */
/* The pure half of packages.h: unit files, and the rule that chooses a package's unit. */
#include <errno.h>
#include <stdio.h>

#include "agent/lib/lines.h"
#include "agent/packages/packages.h"

/* ---- unit files -------------------------------------------------------------------------------------------------- */

/* "Key = value", with or without blanks. */
static bool unit_field(struct line l, const char *key, struct line *ret_value)
{
        size_t n = strlen(key);
        struct line rest;

        if (l.n <= n || memcmp(l.s, key, n) != 0)
                return false;
        rest = line_trim((struct line){ l.s + n, l.n - n });
        if (rest.n == 0 || rest.s[0] != '=')
                return false;
        *ret_value = line_trim((struct line){ rest.s + 1, rest.n - 1 });
        return true;
}

static bool has_word(struct line value, const char *a, const char *b)
{
        while (value.n > 0) {
                struct line w = line_word(&value);
                if (line_is(w, a) || line_is(w, b))
                        return true;
        }
        return false;
}

/* Adds the services among the words to " a.service b.service ". */
static void add_services(struct line value, char *list, size_t size)
{
        char word[ID_UNIT_MAX + 1];
        size_t len = strlen(list);

        while (value.n > 0) {
                struct line w = line_word(&value);
                if (line_copy(w, word, sizeof(word)) && ends_with(word, ".service") && len + w.n + 3 <= size)
                        len += (size_t)snprintf(list + len, size - len, "%s%s ", len ? "" : " ", word);
        }
}

static bool has_service(const char *list, const char *name)
{
        char word[ID_UNIT_MAX + 3];

        snprintf(word, sizeof(word), " %s ", name);
        return strstr(list, word);
}

/* Whoever is wanted by these, or by another unit that is no target, has something to do at times. */
static void scan_wanted(struct line value, struct unit_candidate *c)
{
        static const char *const at_times[] = { "sleep.target",
                                                "suspend.target",
                                                "hibernate.target",
                                                "hybrid-sleep.target",
                                                "suspend-then-hibernate.target",
                                                "shutdown.target",
                                                "reboot.target",
                                                "halt.target",
                                                "poweroff.target",
                                                "final.target",
                                                "kexec.target" };
        char word[ID_UNIT_MAX + 1];

        if (has_word(value, "multi-user.target", "default.target"))
                c->multi_user = true;
        while (value.n > 0) {
                bool is_at_times;

                if (!line_copy(line_word(&value), word, sizeof(word)) || !*word)
                        continue;
                is_at_times = !ends_with(word, ".target");
                for (size_t i = 0; i < ARRAY_LEN(at_times); i++)
                        is_at_times |= streq(word, at_times[i]);
                if (!is_at_times)
                        c->starter[0] = '\0';
                else if (!c->wanted)
                        snprintf(c->starter, sizeof(c->starter), "%s", word);
                c->wanted = true;
        }
}

bool starter_scan(const char *name, const char *text, size_t size, char ret[static ID_UNIT_MAX + 1])
{
        struct line l, v;

        snprintf(ret, ID_UNIT_MAX + 1, "%.*s.service", (int)(strrchr(name, '.') - name), name);
        for (size_t pos = 0; next_line(text, size, &pos, &l);)
                if (unit_field(line_trim(l), "Unit", &v) && v.n > 0)
                        line_copy(v, ret, ID_UNIT_MAX + 1);
        return ends_with(ret, ".service");
}

void unit_relate(struct unit_candidate *c, size_t n)
{
        for (size_t i = 0; i < n; i++)
                for (size_t k = 0; k < n && !c[i].wanted && !c[i].starter[0]; k++)
                        if (k != i && has_service(c[k].pulls, c[i].name))
                                snprintf(c[i].starter, sizeof(c[i].starter), "%s", c[k].name);
}

void unit_scan(const char *text, size_t size, struct unit_candidate *c)
{
        enum { OTHER, UNIT, SERVICE, INSTALL } section = OTHER;
        bool has_work = false, has_exec = false;
        struct line l, v;

        for (size_t pos = 0; next_line(text, size, &pos, &l);) {
                l = line_trim(l);
                if (l.n > 0 && l.s[0] == '[') {
                        section = line_is(l, "[Service]")   ? SERVICE
                                  : line_is(l, "[Install]") ? INSTALL
                                  : line_is(l, "[Unit]")    ? UNIT
                                                            : OTHER;
                } else if (section == UNIT) {
                        if (unit_field(l, "After", &v))
                                add_services(v, c->after, sizeof(c->after));
                        else if (unit_field(l, "Wants", &v) || unit_field(l, "Requires", &v) ||
                                 unit_field(l, "BindsTo", &v))
                                add_services(v, c->pulls, sizeof(c->pulls));
                } else if (section == INSTALL) {
                        if (unit_field(l, "WantedBy", &v) || unit_field(l, "RequiredBy", &v))
                                scan_wanted(v, c);
                        else if (unit_field(l, "Alias", &v) && !c->alias[0])
                                line_copy(line_word(&v), c->alias, sizeof(c->alias));
                } else if (section == SERVICE) {
                        if (unit_field(l, "Type", &v))
                                c->oneshot = line_is(v, "oneshot");
                        else if (unit_field(l, "ExecStart", &v) && v.n > 0)
                                has_exec = true, has_work |= !line_is(v, "/bin/true") && !line_is(v, "/usr/bin/true");
                        else if ((unit_field(l, "StateDirectory", &v) || unit_field(l, "CacheDirectory", &v) ||
                                  unit_field(l, "LogsDirectory", &v)) &&
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
                                after |= has_service(c[i].after, c[k].name);
                                before |= has_service(c[k].after, c[i].name);
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
