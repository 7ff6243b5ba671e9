/* SPDX-License-Identifier: Apache-2.0 */
#include "helper/text/unit_file.h"

#include <errno.h>
#include <strings.h>

#include "common/buf.h"
#include "common/mem.h"

/*
 * What a pod's unit keeps of its package's [Unit]: all else could reach from there to other units or to the machine,
 * and a drop-in cannot take dependencies back. Nor does anything of the machine's wait for a pod (Before=). Keys that
 * systemd learns later, or knows by an older name, are not among them either.
 */
static const char *const kept_of_unit[] = {
        "Description",
        "Documentation",
        "After",
        "Wants",
        "Requires",
        "RequiresMountsFor",
        "WantsMountsFor",
        "DefaultDependencies",
        "CollectMode",
        "JobTimeoutSec",
        "JobRunningTimeoutSec",
        "StartLimitIntervalSec",
        "StartLimitInterval",
        "StartLimitBurst",
};

/* What it does not keep of [Service], for the same reason; and what PID 1 would keep of a unit that is gone. */
static const char *const dropped_of_service[] = {
        "FailureAction",  "SuccessAction", "StartLimitAction",
        "RebootArgument", "Sockets",       "FileDescriptorStorePreserve",
};

struct unit_file *unit_file_free(struct unit_file *u)
{
        for (size_t i = 0; u && i < u->n; i++) {
                free(u->service[i].key);
                free(u->service[i].value);
        }
        if (u) {
                free(u->service);
                free(u->text);
        }
        free(u);
        return NULL;
}

const char *unit_file_get(const struct unit_file *u, const char *key)
{
        for (size_t i = u ? u->n : 0; i-- > 0;)
                if (streq(u->service[i].key, key))
                        return u->service[i].value;
        return "";
}

bool unit_file_says(const struct unit_file *u, const char *key, const char *beginning)
{
        for (size_t i = 0; u && i < u->n; i++)
                if (streq(u->service[i].key, key) && starts_with(u->service[i].value, beginning))
                        return true;
        return false;
}

char *unit_file_words(const struct unit_file *u, const char *key)
{
        CLEANUP(buf_done) struct buf words = BUF(2 * UNIT_FILE_MAX);

        for (size_t i = 0; u && i < u->n; i++) {
                const char *v = u->service[i].value;

                if (!streq(u->service[i].key, key))
                        continue;
                if (!*v) /* what came before is taken back */
                        buf_reset(&words);
                for (size_t n; *(v += strspn(v, " \t")); v += n) {
                        n = strcspn(v, " \t");
                        buf_printf(&words, "%s%.*s", words.len ? " " : "", (int)n, v);
                }
        }
        return words.len ? buf_steal(&words) : xstrdup("");
}

/* Writes `s` with the specifiers resolved that would mean another unit's name in the copy. */
static void add_resolved(struct buf *b, const char *s, const char *name)
{
        size_t stem = strlen(name) - strlen(".service"), prefix = strcspn(name, "@") < stem ? strcspn(name, "@") : stem;
        const char *instance = prefix < stem ? name + prefix + 1 : name + stem;
        size_t n = stem - (size_t)(instance - name);

        for (; *s; s++) {
                if (s[0] != '%' || !s[1]) {
                        buf_char(b, *s);
                        continue;
                }
                switch (*++s) {
                case 'n':
                        buf_str(b, name);
                        break;
                case 'N':
                        buf_add(b, name, stem);
                        break;
                case 'p':
                        buf_add(b, name, prefix);
                        break;
                case 'i':
                        buf_add(b, instance, n);
                        break;
                case 'I': /* unescaped; instances with \xNN were refused */
                        for (size_t i = 0; i < n; i++)
                                buf_char(b, instance[i] == '-' ? '/' : instance[i]);
                        break;
                default:
                        buf_char(b, '%');
                        buf_char(b, *s);
                }
        }
}

bool unit_yes(const char *value)
{
        return strcasecmp(value, "on") == 0 || (*value && strchr("1yYtT", *value));
}

static bool is_one_of(const char *const *keys, size_t n_keys, const char *line, size_t n)
{
        for (size_t i = 0; i < n_keys; i++)
                if (n == strlen(keys[i]) && strncmp(line, keys[i], n) == 0)
                        return true;
        return false;
}

/* `chosen`: the instance, which the pod chooses, has a say in what the line names. */
static bool is_dropped(const char *line, bool unit, bool chosen)
{
        size_t n = strcspn(line, " \t=");

        if (!unit)
                return is_one_of(dropped_of_service, ARRAY_LEN(dropped_of_service), line, n);
        if (starts_with(line, "Condition") || starts_with(line, "Assert"))
                return false;
        if (!is_one_of(kept_of_unit, ARRAY_LEN(kept_of_unit), line, n))
                return true;
        /* A pod's daemon makes its sockets itself: PID 1 would give those of the package's unit to that only. Targets
         * are states of the machine (shutdown.target). And PID 1 would start as root what the instance's name makes of
         * a name (user@.service: user-runtime-dir@%i.service). */
        return (strncmp(line, "Requires", n) == 0 || strncmp(line, "Wants", n) == 0) &&
               (chosen || strstr(line, ".socket") || strstr(line, ".target"));
}

/*
 * systemd takes quotes and escapes off a command's first word before it looks for prefixes there ("+/bin/sh" in quotes
 * is root's), and this file looks for them in what is written. So what is written has to be plain up to the path. Of
 * several commands, separated by ";", each.
 */
static bool commands_are_plain(const char *s)
{
        for (s += strspn(s, " \t"); *s; s += strspn(s, "; \t")) {
                s += strspn(s, "-@:+!|");
                s += *s == '"' || *s == '\'';
                if (*s && strchr("-@:+!|\\\"'", *s))
                        return false;
                while (*s && !(*s == ';' && strchr(" \t", s[1])))
                        s++;
        }
        return true;
}

/* A whole setting, its continuation lines joined. */
static void add_setting(struct unit_file *u, char *line)
{
        char *eq = strchr(line, '=');
        size_t n = eq ? (size_t)(eq - line) : 0;

        if (!eq)
                return;
        while (n > 0 && strchr(" \t", line[n - 1]))
                n--;
        eq += 1 + strspn(eq + 1, " \t");
        for (size_t end = strlen(eq); end > 0 && strchr(" \t\r", eq[end - 1]); end--)
                eq[end - 1] = '\0';
        u->service = xrealloc(u->service, u->n + 1, sizeof(*u->service));
        u->service[u->n++] = (struct unit_setting){ .key = xstrndup(line, n), .value = xstrdup(eq) };
}

/* Of the last setting, which has a specifier. false: that cannot be allowed. */
static bool note_specifier(struct unit_file *u)
{
        const char *key = u->n ? u->service[u->n - 1].key : "";

        u->user_of_instance |= streq(key, "User");
        return !streq(key, "Group") && !streq(key, "SupplementaryGroups");
}

/* Has one of the commands of a line a prefix that makes it root's? */
static bool is_roots(const char *line)
{
        while (*line) { /* word by word: several commands are separated by ";" */
                size_t n = strspn(line, "-@:+!|");

                if (memchr(line, '+', n) || memchr(line, '!', n))
                        return true;
                while (*line && !(*line == ';' && strchr(" \t", line[1])))
                        line++;
                line += strspn(line, "; \t");
        }
        return false;
}

bool unit_file_has_root_commands(const struct unit_file *u)
{
        if (unit_yes(unit_file_get(u, "PermissionsStartOnly")))
                return true;
        for (size_t i = 0; u && i < u->n; i++)
                if (starts_with(u->service[i].key, "Exec") && is_roots(u->service[i].value))
                        return true;
        return false;
}

bool unit_file_starts_as_root(const struct unit_file *u)
{
        for (size_t i = 0; u && i < u->n; i++)
                if (streq(u->service[i].key, "ExecStart") && is_roots(u->service[i].value))
                        return true;
        return false;
}

/* Two backslashes at its end are one that is meant. */
static bool goes_on(const char *line)
{
        size_t n = strlen(line), k = 0;

        while (k < n && line[n - 1 - k] == '\\')
                k++;
        return k % 2;
}

int unit_file_parse(const char *name, const char *text, size_t size, struct unit_file **ret, struct err *e)
{
        CLEANUP(unit_file_freep) struct unit_file *u = NEW(struct unit_file);
        CLEANUP(buf_done)
        struct buf all = BUF(2 * UNIT_FILE_MAX), raw = BUF(2 * UNIT_FILE_MAX), joined = BUF(2 * UNIT_FILE_MAX);
        bool service = false, install = false, unit = false, specifier = false;

        if (size > UNIT_FILE_MAX || memchr(text, '\0', size))
                return err_set(e, -EINVAL, NULL, "unit %s: too large, or not a text", name);
        if (memchr(text, '\r', size)) /* a line ends there for systemd, and would not for us */
                return err_set(e, -EINVAL, NULL, "unit %s: has carriage returns", name);
        while (size > 0) {
                const char *end = memchr(text, '\n', size);
                size_t n = end ? (size_t)(end - text) : size;
                CLEANUP(freep) char *line = xstrndup(text, n);
                CLEANUP(buf_done) struct buf resolved = BUF(2 * UNIT_FILE_MAX);
                size_t blank = strspn(line, " \t");
                bool comment = line[blank] == '#' || line[blank] == ';', more = !comment && goes_on(line);

                specifier |= !comment && strchr(line, '%');
                add_resolved(&resolved, line, name);
                if (!buf_ok(&resolved))
                        return err_set(e, -EINVAL, NULL, "unit %s: too large", name);
                buf_printf(&raw, "%s\n", resolved.data ? resolved.data : "");
                if (!comment && resolved.data)
                        buf_add(&joined, resolved.data + (joined.len ? 0 : blank),
                                resolved.len - (joined.len ? 0 : blank));
                n += end ? 1 : 0;
                text += n;
                size -= n;
                if (more && size > 0 && joined.len) {
                        joined.data[joined.len - 1] = ' ';
                        continue;
                }
                if (comment && joined.len)
                        continue;
                if (joined.len && joined.data[0] == '[') {
                        unit = starts_with(joined.data, "[Unit]");
                        service = starts_with(joined.data, "[Service]");
                        install = starts_with(joined.data, "[Install]");
                }
                if (service && joined.len && joined.data[0] != '[') {
                        add_setting(u, joined.data);
                        if (u->n && starts_with(u->service[u->n - 1].key, "Exec") &&
                            !commands_are_plain(u->service[u->n - 1].value))
                                return err_set(
                                        e, -EPERM, "root",
                                        "policy rule root: %s: %s= hides behind quotes how its command is to be run",
                                        name, u->service[u->n - 1].key);
                        if (specifier && !note_specifier(u))
                                return err_set(e, -EPERM, "group",
                                               "policy rule group: %s: its groups are its instance's to say", name);
                }
                if (install && joined.len && starts_with(joined.data, "Alias")) {
                        u->syslog |= strstr(joined.data, "syslog.service") != NULL;
                        u->bus |= strstr(joined.data, "=dbus.service") || strstr(joined.data, " dbus.service");
                }
                if (!install && !(joined.len && joined.data[0] != '[' &&
                                  is_dropped(joined.data, unit, specifier && strchr(name, '@'))))
                        buf_add(&all, raw.data, raw.len);
                buf_reset(&raw);
                buf_reset(&joined);
                specifier = false;
        }
        if (!buf_ok(&all) || !buf_ok(&raw) || !buf_ok(&joined))
                return err_set(e, -EINVAL, NULL, "unit %s: too large", name);
        u->text = buf_steal(&all);
        *ret = TAKE(u);
        return 0;
}
