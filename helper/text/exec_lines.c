/* SPDX-License-Identifier: Apache-2.0 */
/* What PID 1 executes for a container: its own command and the package's others; and the words of a command beside it.
 */
#include "common/mem.h"
#include "helper/text/unit_parts.h"

#define PREFIXES "-@:+!|" /* of a command in an Exec line */
#define VKS_EXEC "/usr/libexec/vks/vks-exec"

/* The end of the word that begins at `s`, quotes respected. */
static const char *word_end(const char *s)
{
        char quote = 0;

        for (; *s && (quote || !strchr(" \t", *s)); s++)
                if (*s == '\\' && s[1])
                        s++;
                else if (quote ? *s == quote : (*s == '"' || *s == '\''))
                        quote = quote ? 0 : *s;
        return s;
}

static const char *next_word(const char *s)
{
        s = word_end(s);
        return s + strspn(s, " \t");
}

/* Where a command of a line ends: several are separated by ";", a word of its own. */
static const char *command_end(const char *s)
{
        while (*s && !(*s == ';' && (!s[1] || strchr(" \t", s[1]))))
                s = next_word(s);
        return s;
}

/* "--groups=7,8", or "". */
static char *more_groups(const struct privilege *w)
{
        CLEANUP(buf_done) struct buf b = BUF(1024);

        for (size_t i = 0; i < w->n_more; i++)
                buf_printf(&b, "%s%u", i ? "," : "--groups=", w->more[i]);
        return b.len ? buf_steal(&b) : xstrdup("");
}

/* An Exec line of the package with its prefixes, but those of `without`; "+" becomes "!": privileged, but in the pod's
 * view of the file system. */
static void prefixes(struct buf *b, const char *line, size_t n, bool privileged, const char *without)
{
        for (size_t i = 0; i < n; i++) {
                privileged |= (line[i] == '+' || line[i] == '!') && !strchr(without, line[i]);
                if (line[i] != '+' && line[i] != '!' && !strchr(without, line[i]))
                        buf_char(b, line[i]);
        }
        if (privileged)
                buf_char(b, '!');
}

/* Where the program begins as root to become somebody, it enters the directory as that somebody: as root it could get
 * to where that user may not. */
static bool enters_dir(const struct unit_text *u)
{
        return u->makes_dir || (u->who.become && *u->working_dir);
}

static void become_options(struct buf *b, const struct unit_text *u)
{
        CLEANUP(freep) char *groups = more_groups(&u->who);

        buf_printf(b, "--user=%u --group=%u %s%s%s", u->who.uid, u->who.gid, groups, *groups ? " " : "",
                   may_gain(&u->who) ? "--may-gain " : "");
}

/* One ExecStart line: the package's `line`, with what the pod says instead of its words. */
static void exec_start(struct buf *b, const struct unit_text *u, const char *line)
{
        size_t n_prefixes = strspn(line, PREFIXES);
        const char *first = line + n_prefixes + strspn(line + n_prefixes, " \t"), *second = next_word(first);
        bool at = memchr(line, '@', n_prefixes), literal = memchr(line, ':', n_prefixes), args = u->n_args || !u->file;

        literal &= !(u->program && args); /* something of the package's line remains */
        buf_str(b, "ExecStart=");
        if (!u->program && !*first) { /* it takes back what came before it; or there is none, and the first of `args`
                                         would be in its place */
                buf_char(b, '\n');
                return;
        }
        if (u->program)
                prefixes(b, ":", literal, u->who.become, "");
        else
                prefixes(b, line, n_prefixes, u->who.become,
                         u->who.plain ? u->carried ? "@+!" : "+!"
                         : u->carried ? "@"
                                      : "");
        if (u->carried)
                buf_str(b, VKS_EXEC " ");
        if (u->who.become)
                become_options(b, u);
        if (enters_dir(u)) {
                buf_str(b, "--dir ");
                quote_word(b, u->working_dir, !literal);
                buf_char(b, ' ');
        }
        if (u->console)
                buf_str(b, "--console ");
        if (u->carried && at && !u->program)
                buf_printf(b, "--argv0 %.*s ", (int)(word_end(second) - second), second);
        if (u->program)
                quote_word(b, u->program, u->carried && !literal);
        else
                buf_add(b, first, (size_t)(word_end(at && !u->carried ? second : first) - first));
        for (size_t i = 1; i < u->n_command; i++) {
                buf_char(b, ' ');
                quote_word(b, u->command[i], !literal);
        }
        for (size_t i = 0; i < u->n_args; i++) {
                buf_char(b, ' ');
                quote_word(b, u->args[i], !literal);
        }
        if (!args)
                buf_printf(b, " %s", at ? next_word(second) : second);
        buf_char(b, '\n');
}

/* Of several commands in one line each: a oneshot may have them. */
static void exec_starts(struct buf *b, const struct unit_text *u, const char *line)
{
        if (!*line)
                exec_start(b, u, line);
        for (const char *end; *line; line = end + strspn(end, "; \t")) {
                end = command_end(line);
                CLEANUP(freep) char *one = xstrndup(line, (size_t)(end - line));
                exec_start(b, u, one);
        }
}

void exec_lines_own(struct buf *b, const struct unit_text *u)
{
        bool same = !u->program && !u->n_args;

        if (same && !u->carried && !(u->who.plain && unit_file_starts_as_root(u->file)))
                return;
        buf_str(b, "ExecStart=\n");
        if (!same)
                exec_start(b, u, unit_file_get(u->file, "ExecStart"));
        for (size_t i = 0; same && i < u->file->n; i++)
                if (streq(u->file->service[i].key, "ExecStart"))
                        exec_starts(b, u, u->file->service[i].value);
        if (u->carried && *unit_file_get(u->file, "NoExecPaths")) /* the package says what may be executed */
                buf_str(b, "ExecPaths=" VKS_EXEC "\n");
        if (u->carried)
                buf_printf(b, "LoadCredential=" UNIT_TEXT_CARRIED ":" POD_RUN_DIR "/%s/env/%s.carried\n", u->pod->uid,
                           u->container);
}

/*
 * One of the package's other commands, from `s` to `end`. Where vks-exec becomes the container's user, it does so for
 * this one, too: PID 1 would give it all groups that the user has on the machine, and its configuration is the pod's.
 */
static bool other_command(struct buf *b, const struct unit_text *u, const char *key, const char *s, const char *end,
                          bool privileged)
{
        size_t n = strspn(s, PREFIXES);
        const char *first = s + n + strspn(s + n, " \t"), *second = next_word(first);
        bool root = privileged || memchr(s, '+', n) || memchr(s, '!', n), at = memchr(s, '@', n),
             through = u->who.become && !root;

        buf_printf(b, "%s=", key);
        prefixes(b, s, n, privileged || through, through ? "@" : "");
        if (through) {
                buf_str(b, VKS_EXEC " --other ");
                become_options(b, u);
                if (at)
                        buf_printf(b, "--argv0 %.*s ", (int)(word_end(second) - second), second);
                buf_printf(b, "%.*s ", (int)(word_end(first) - first), first);
                first = at ? next_word(second) : second;
        }
        buf_printf(b, "%.*s\n", (int)(end > first ? end - first : 0), first);
        return memchr(s, '+', n);
}

/*
 * The package's other commands: written again where one would leave the pod's view of the file system, and dropped
 * where the pod brings a command of its own. They prepare, test and serve the package's daemon with its own
 * configuration
 * ("nginx -t"), and a container runs its command and nothing else. With `args` alone it is still the package's daemon.
 */
void exec_lines_other(struct buf *b, const struct unit_text *u)
{
        static const char *const keys[] = { "ExecCondition", "ExecStartPre", "ExecStartPost",
                                            "ExecReload",    "ExecStop",     "ExecStopPost" };
        const struct unit_file *p = u->file;
        bool start_only = unit_yes(unit_file_get(p, "PermissionsStartOnly")), privileged = start_only;

        for (size_t k = 0; p && k < ARRAY_LEN(keys); k++) {
                buf_printf(b, "%s=\n", keys[k]);
                /* As the unit's user, in the container's view; the path is plain (given.h). */
                for (size_t i = 0; i < u->given->n && streq(keys[k], "ExecStartPre"); i++)
                        if (u->given->dirs[i].inner)
                                buf_printf(b, "ExecStartPre=-:/bin/mkdir -p %s\n", u->given->dirs[i].path);
                for (size_t i = 0; i < p->n && !u->program; i++) {
                        const char *v = p->service[i].value;

                        if (!streq(p->service[i].key, keys[k]))
                                continue;
                        if (!*v) /* it takes back what came before it */
                                buf_printf(b, "%s=\n", keys[k]);
                        for (const char *end; *v; v = end + strspn(end, "; \t")) {
                                end = command_end(v);
                                privileged |= other_command(b, u, keys[k], v, end, start_only);
                        }
                }
        }
        if (start_only)
                buf_str(b, "PermissionsStartOnly=no\n");
        if (privileged &&
            *unit_file_get(p, "CapabilityBoundingSet")) /* they had all; what making directories takes is added */
                buf_str(b, "CapabilityBoundingSet=CAP_CHOWN CAP_FOWNER CAP_DAC_OVERRIDE\n");
}

char **unit_text_beside_argv(const struct unit_text *u)
{
        char **argv = NULL;
        size_t n = 0;

        if (u->carried)
                strv_push(&argv, &n, xstrdup(VKS_EXEC));
        if (u->who.become) {
                strv_push(&argv, &n, xasprintf("--user=%u", u->who.uid));
                strv_push(&argv, &n, xasprintf("--group=%u", u->who.gid));
                if (u->who.n_more)
                        strv_push(&argv, &n, more_groups(&u->who));
                if (may_gain(&u->who))
                        strv_push(&argv, &n, xstrdup("--may-gain"));
        }
        if (enters_dir(u))
                strv_push(&argv, &n, xasprintf("--dir=%s", u->working_dir));
        strv_push(&argv, &n, xstrdup(u->program));
        for (size_t i = 1; i < u->n_command; i++)
                strv_push(&argv, &n, xstrdup(u->command[i]));
        return argv;
}
