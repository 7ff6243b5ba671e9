/* SPDX-License-Identifier: Apache-2.0 */
/* The pure half of packages.h: dpkg's status file, unit files, and the rule that chooses a package's unit. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "agent/packages.h"

/* A line of a text that need not end in NUL or newline. */
struct line {
        const char *s;
        size_t n;
};

static bool next_line(const char *text, size_t size, size_t *pos, struct line *ret)
{
        const char *end;

        if (*pos >= size)
                return false;
        end = memchr(text + *pos, '\n', size - *pos);
        *ret = (struct line){ text + *pos, end ? (size_t)(end - text) - *pos : size - *pos };
        *pos += ret->n + 1;
        return true;
}

static struct line trim(struct line l)
{
        while (l.n > 0 && isspace((unsigned char)l.s[0]))
                l.s++, l.n--;
        while (l.n > 0 && isspace((unsigned char)l.s[l.n - 1]))
                l.n--;
        return l;
}

/* Is the line "key<sep>value"? Then *ret_value is the trimmed value. */
static bool field(struct line l, const char *key, char sep, struct line *ret_value)
{
        size_t n = strlen(key);

        if (l.n <= n || l.s[n] != sep || strncasecmp(l.s, key, n) != 0)
                return false;
        *ret_value = trim((struct line){ l.s + n + 1, l.n - n - 1 });
        return true;
}

/* False, and "" in `ret`, when it does not fit or holds a NUL. */
static bool copy(struct line l, char *ret, size_t size)
{
        ret[0] = '\0';
        if (l.n >= size || memchr(l.s, '\0', l.n))
                return false;
        memcpy(ret, l.s, l.n);
        ret[l.n] = '\0';
        return true;
}

static struct line word(struct line *rest)
{
        struct line w = { rest->s, 0 };

        while (w.n < rest->n && !isspace((unsigned char)w.s[w.n]))
                w.n++;
        *rest = trim((struct line){ rest->s + w.n, rest->n - w.n });
        return w;
}

static bool same(struct line l, const char *s)
{
        return l.n == strlen(s) && memcmp(l.s, s, l.n) == 0;
}

/* The third word of Status: what is unpacked and configured, pending triggers or not (dpkg(1), PACKAGE STATES). */
static bool is_installed(struct line status)
{
        struct line state;

        (void)word(&status);
        (void)word(&status);
        state = word(&status);
        return same(state, "installed") || same(state, "triggers-pending") || same(state, "triggers-awaited");
}

struct paragraph {
        char name[ID_PACKAGE_MAX + 1], source[ID_PACKAGE_MAX + 1], version[ID_VERSION_MAX + 1], arch[32];
        uint64_t size;
        bool installed;
        size_t offset;
};

static void paragraph_line(struct paragraph *p, struct line l)
{
        struct line v;
        char number[24];

        if (field(l, "Package", ':', &v))
                copy(v, p->name, sizeof(p->name));
        else if (field(l, "Status", ':', &v))
                p->installed = is_installed(v);
        else if (field(l, "Version", ':', &v))
                copy(v, p->version, sizeof(p->version));
        else if (field(l, "Architecture", ':', &v))
                copy(v, p->arch, sizeof(p->arch));
        else if (field(l, "Source", ':', &v))
                copy(word(&v), p->source, sizeof(p->source)); /* "nginx (1.22.1-9)" */
        else if (field(l, "Installed-Size", ':', &v) && copy(v, number, sizeof(number)))
                p->size = strtoull(number, NULL, 10) & UINT32_MAX; /* KiB */
}

static void paragraph_end(const struct paragraph *p, void (*each)(void *, const struct package *, size_t), void *userdata)
{
        struct package package = { p->name, p->version, p->arch, p->source[0] ? p->source : p->name, p->size * 1024 };

        if (p->installed && id_is_package(p->name) && id_is_version(p->version))
                each(userdata, &package, p->offset);
}

void status_scan(const char *text, size_t size, void (*each)(void *userdata, const struct package *package, size_t offset), void *userdata)
{
        struct paragraph p = { 0 };
        struct line l;

        for (size_t pos = 0; next_line(text, size, &pos, &l);) {
                if (l.n == 0) {
                        paragraph_end(&p, each, userdata);
                        p = (struct paragraph){ .offset = pos };
                } else if (l.s[0] != ' ' && l.s[0] != '\t') {
                        paragraph_line(&p, l);
                }
        }
        paragraph_end(&p, each, userdata);
}

/* ---- unit files -------------------------------------------------------------------------------------------------- */

static bool has_word(struct line value, const char *a, const char *b)
{
        while (value.n > 0) {
                struct line w = word(&value);
                if (same(w, a) || same(w, b))
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
                l = trim(l);
                if (l.n > 0 && l.s[0] == '[') {
                        section = same(l, "[Service]") ? SERVICE : same(l, "[Install]") ? INSTALL : OTHER;
                } else if (section == INSTALL) {
                        if (field(l, "WantedBy", '=', &v) && has_word(v, "multi-user.target", "default.target"))
                                c->multi_user = true;
                        else if (field(l, "Alias", '=', &v) && !c->alias[0])
                                copy(word(&v), c->alias, sizeof(c->alias));
                } else if (section == SERVICE) {
                        if (field(l, "Type", '=', &v))
                                c->oneshot = same(v, "oneshot");
                        else if (field(l, "ExecStart", '=', &v) && v.n > 0)
                                has_exec = true, has_work |= !same(v, "/bin/true") && !same(v, "/usr/bin/true");
                        else if ((field(l, "StateDirectory", '=', &v) || field(l, "CacheDirectory", '=', &v) ||
                                  field(l, "LogsDirectory", '=', &v)) &&
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
        static const char *const endings[] = { "-wait", "-resolvconf", "-htcacheclean", "-setup", "-init", "-helper", "-clean", "-cleanup",
                                               "-check", "-restart", "-reload", "-upgrade" };
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
                if (ends_with(package, suffixes[i]) && (found = find_called(c, n, package, strlen(package) - strlen(suffixes[i]))) >= 0)
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
        static const char *const own[] = { "lib/dpkg", "lib/systemd", "lib/ucf", "lib/update-rc.d", "lib/apt", "cache/apt", "cache/debconf",
                                           "cache/ldconfig", "log/journal" };

        for (size_t i = 0; i < ARRAY_LEN(own); i++)
                if (n == strlen(own[i]) && memcmp(s, own[i], n) == 0)
                        return true;
        return starts_with(s, "run/") || starts_with(s, "lock/") || starts_with(s, "tmp/");
}

static bool is_name_char(char c)
{
        return isalnum((unsigned char)c) || c == '.' || c == '_' || c == '-' || c == '+';
}

/* Does "/var/" at `at` go on with a directory of the system and a name in it? A small letter in front: it is somebody else's var. */
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
                l = trim(l);
                if (l.n == 0 || l.s[0] == '#')
                        continue;
                for (const char *s = l.s; (s = memmem(s, l.n - (size_t)(s - l.s), "/var/", 5)); s++)
                        if (is_var_path(l, (size_t)(s - l.s)))
                                return true;
        }
        return false;
}
