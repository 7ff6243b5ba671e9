/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/lib/mountinfo.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/mem.h"

enum { FIELD_MAX = 64 * 1024 };

void mountinfo_done(struct mountinfo *m)
{
        free(m->device);
        free(m->root);
        free(m->at);
        free(m->type);
        free(m->source);
        *m = (struct mountinfo){ 0 };
}

/* A field up to the next blank, its octal escapes undone; *s is behind it then. NULL: there is none. */
static char *next_field(const char **s)
{
        CLEANUP(buf_done) struct buf b = BUF(FIELD_MAX);
        const char *at = *s;

        while (*at == ' ')
                at++;
        if (!*at || *at == '\n')
                return NULL;
        for (; *at && *at != ' ' && *at != '\n'; at++) {
                if (at[0] == '\\' && isdigit((unsigned char)at[1]) && isdigit((unsigned char)at[2]) &&
                    isdigit((unsigned char)at[3])) {
                        buf_char(&b, (char)((at[1] - '0') * 64 + (at[2] - '0') * 8 + (at[3] - '0')));
                        at += 3;
                } else {
                        buf_char(&b, *at);
                }
        }
        *s = at;
        return buf_ok(&b) ? buf_steal(&b) : NULL;
}

/* "36 35 0:52 / /mnt rw shared:1 - nfs4 host:/x rw": between "rw" and "-" there may be any number of fields. */
static bool parse_line(const char *line, struct mountinfo *ret)
{
        CLEANUP(freep) char *field = NULL;

        for (int i = 0; i < 2; i++) {
                free(TAKE(field));
                field = next_field(&line);
        }
        ret->device = next_field(&line);
        ret->root = next_field(&line);
        ret->at = next_field(&line);
        do {
                free(TAKE(field));
                field = next_field(&line);
        } while (field && !streq(field, "-"));
        ret->type = next_field(&line);
        ret->source = next_field(&line);
        return ret->source != NULL;
}

bool mountinfo_next(const char **text, struct mountinfo *ret)
{
        bool found = false;

        while (!found && **text) {
                const char *line = *text;

                *text += strcspn(line, "\n");
                *text += **text == '\n';
                mountinfo_done(ret);
                found = parse_line(line, ret);
        }
        if (!found)
                mountinfo_done(ret);
        return found;
}
