/* SPDX-License-Identifier: Apache-2.0 */
/* The pure half of packages.h: what unit files and maintainer scripts say. */
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
