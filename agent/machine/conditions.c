/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/machine/conditions.h"

#include "agent/lib/lines.h"
#include "common/file.h"
#include "common/ids.h"
#include "common/mem.h"

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

static void list_of(const char *unit, void (*list)(const char *, size_t, struct buf *), struct buf *ret)
{
        CLEANUP(freep) char *path = xasprintf("/run/systemd/system/%s", unit), *text = NULL;
        size_t size = 0;

        if (file_read(path, UNIT_MAX, &text, &size, NULL) == 0)
                list(text, size, ret);
}

void conditions_of(const char *unit, struct buf *ret)
{
        list_of(unit, conditions_list, ret);
}

void read_only_list(const char *text, size_t size, struct buf *ret)
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
                        if (*p == '/' && p[1] && !is_own)
                                buf_printf(ret, "%s%s", ret->len ? ", " : "", p);
                }
        }
}

void read_only_of(const char *unit, struct buf *ret)
{
        list_of(unit, read_only_list, ret);
}

bool fallback_user_in(const char *text, size_t size)
{
        static const char line[] = "\nUser=" FALLBACK_USER "\n";

        return memmem(text, size, line, sizeof(line) - 1) != NULL;
}

bool fallback_user_of(const char *unit)
{
        CLEANUP(freep) char *path = xasprintf("/run/systemd/system/%s.d/vks.conf", unit), *text = NULL;
        size_t size = 0;

        return file_read(path, DROPIN_MAX, &text, &size, NULL) == 0 && fallback_user_in(text, size);
}
