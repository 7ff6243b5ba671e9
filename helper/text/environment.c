/* SPDX-License-Identifier: Apache-2.0 */
/* The variables of a container: what PID 1 reads itself, and what vks-exec brings. */
#include "common/utf8.h"
#include "helper/text/unit_text.h"

/*
 * PID 1 reads the file itself, at each start, and does nothing else until it has looked for each name among all others,
 * some three times over. So there are not many in it, and none has a long name: a second would be a matter of a pod's
 * wish. What is beyond that is vks-exec's to bring.
 */
enum { FILE_VARIABLES = 512, FILE_NAME = 128 };

/* What systemd's src/basic/env-util.c accepts: letters, digits and underscores; UTF-8 without control characters but
 * tab and newline. */
static bool env_is_plain(const char *name, const void *value, size_t size)
{
        return name[strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_")] == '\0' &&
               !strchr("0123456789", *name) && utf8_clean(value, size, "\t\n");
}

/* A line of an environment file, as systemd's src/basic/env-file.c reads it. */
void unit_text_env(struct unit_text *u, const char *name, const void *value, size_t size, struct buf *b,
                   struct buf *carried)
{
        if (u->who.become || !env_is_plain(name, value, size) || strlen(name) > FILE_NAME ||
            u->n_env >= FILE_VARIABLES) {
                buf_printf(carried, "%s=", name);
                buf_add(carried, value, size);
                buf_char(carried, '\0');
                return;
        }
        u->n_env++;
        buf_printf(b, "%s=\"", name);
        for (const char *s = value; size-- > 0; s++) {
                if (strchr("\"\\`$", *s))
                        buf_char(b, '\\');
                buf_char(b, *s);
        }
        buf_str(b, "\"\n");
}

void unit_text_hidden(uint32_t index, const char *word, struct buf *carried)
{
        buf_printf(carried, "=%u=", index);
        buf_str(carried, word);
        buf_char(carried, '\0');
}

/* What unit_text_env() has written, and nothing else: so this is no reader of environment files. */
static void carry_file(const char *s, size_t n, struct buf *b)
{
        bool quoted = false;

        for (const char *end = s + n; s < end; s++) {
                if (*s == '"')
                        quoted = !quoted;
                else if (*s == '\n' && !quoted)
                        buf_char(b, '\0');
                else
                        buf_char(b, *s == '\\' && s + 1 < end ? *++s : *s);
        }
}

void unit_text_env_beside(const void *file, size_t n_file, const void *carried, size_t n_carried, bool all,
                          struct buf *b)
{
        const char *s = carried, *end = s + n_carried;

        for (size_t n; s < end; s += n) {
                n = strnlen(s, (size_t)(end - s)) + 1;
                if (*s != '=')
                        buf_add(b, s, n);
        }
        if (all)
                carry_file(file, n_file, b);
}
