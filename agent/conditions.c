/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/conditions.h"

#include "common/file.h"
#include "common/mem.h"
#include "common/unit_text.h"

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
        CLEANUP(freep) char *path = xasprintf("/run/systemd/system/%s", unit), *text = NULL;
        size_t size = 0;

        if (file_read(path, UNIT_MAX, &text, &size, NULL) == 0)
                conditions_list(text, size, ret);
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
