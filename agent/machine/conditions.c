/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/machine/conditions.h"

#include "agent/lib/lines.h"
#include "common/file.h"
#include "common/ids.h"
#include "common/mem.h"

#define UNITS "/run/systemd/system"

enum { UNIT_MAX = 256 * 1024, DROPIN_MAX = 2 * 1024 * 1024 };

void conditions_list(const char *text, size_t size, struct buf *ret)
{
        const char *end = text + size;
        bool unit = false;

        while (text < end) {
                const char *eol = memchr(text, '\n', (size_t)(end - text));
                size_t n = (size_t)((eol ? eol : end) - text);

                if (n && text[0] == '[')
                        unit = n == strlen("[Unit]") && memcmp(text, "[Unit]", n) == 0;
                else if (unit && n > strlen("Condition") && memcmp(text, "Condition", strlen("Condition")) == 0)
                        buf_printf(ret, "%s%.*s", ret->len ? ", " : "", (int)(n < 200 ? n : 200), text);
                text += n + 1;
        }
}

void conditions_of(const char *unit, struct buf *ret)
{
        CLEANUP(freep) char *path = xasprintf(UNITS "/%s", unit), *text = NULL;
        size_t size = 0;

        if (file_read(path, UNIT_MAX, &text, &size, NULL) == 0)
                conditions_list(text, size, ret);
}

/* Does the drop-in bind something there? Paths stand in quotes (helper/text/quote.c). */
static bool is_covered(const char *dropin, const char *path)
{
        size_t n = strlen(path);

        while (n > 1 && path[n - 1] == '/')
                n--;
        CLEANUP(freep) char *word = xasprintf(":\"%.*s\"\n", (int)n, path);

        return dropin && strstr(dropin, word);
}

void read_only_list(const char *text, size_t size, const char *dropin, struct buf *ret)
{
        static const char *const own[] = {
                "/var/", "/run/", "/tmp", "/dev", "/proc", "/sys", "/home", "/root"
        }; /* the pod's, or nobody's */
        struct line l, v;

        for (size_t pos = 0; next_line(text, size, &pos, &l);) {
                l = line_trim(l);
                if (!line_field(l, "ReadWritePaths", '=', &v) && !line_field(l, "ReadWriteDirectories", '=', &v))
                        continue;
                while (v.n > 0) {
                        struct line w = line_word(&v);
                        char path[256];
                        bool is_own = false;

                        if (!line_copy(w, path, sizeof(path)))
                                continue;
                        const char *p = path + strspn(path, "-+");
                        for (size_t i = 0; i < ARRAY_LEN(own); i++)
                                is_own |= starts_with(p, own[i]);
                        if (*p == '/' && p[1] && !is_own && !is_covered(dropin, p))
                                buf_printf(ret, "%s%s", ret->len ? ", " : "", p);
                }
        }
}

void read_only_of(const char *unit, struct buf *ret)
{
        CLEANUP(freep) char *path = xasprintf(UNITS "/%s", unit), *text = NULL;
        CLEANUP(freep) char *dropin_path = xasprintf(UNITS "/%s.d/vks.conf", unit), *dropin = NULL;
        size_t size = 0, dropin_size = 0;

        if (file_read(dropin_path, DROPIN_MAX, &dropin, &dropin_size, NULL) == 0 &&
            file_read(path, UNIT_MAX, &text, &size, NULL) == 0)
                read_only_list(text, size, dropin, ret);
}

bool fallback_user_in(const char *text, size_t size)
{
        static const char line[] = "\nUser=" FALLBACK_USER "\n";

        return memmem(text, size, line, sizeof(line) - 1) != NULL;
}

bool fallback_user_of(const char *unit)
{
        CLEANUP(freep) char *path = xasprintf(UNITS "/%s.d/vks.conf", unit), *text = NULL;
        size_t size = 0;

        return file_read(path, DROPIN_MAX, &text, &size, NULL) == 0 && fallback_user_in(text, size);
}
