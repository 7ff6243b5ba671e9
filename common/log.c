/* SPDX-License-Identifier: Apache-2.0 */
#include "common/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "common/utf8.h"

enum { LINE_MAX_BYTES = 2048 };

static int max_shown = LOG_INFO;

void log_open(int max_priority)
{
        max_shown = max_priority;
}

void log_line(int priority, const char *fmt, ...)
{
        char line[LINE_MAX_BYTES];
        int head = 0, n;
        va_list ap;

        if (priority > max_shown)
                return;
        if (!isatty(STDERR_FILENO))
                head = snprintf(line, sizeof(line), "<%d>", priority);
        va_start(ap, fmt);
        n = vsnprintf(line + head, sizeof(line) - (size_t)head - 1, fmt, ap);
        va_end(ap);
        if (n < 0)
                return;
        n += head;
        if (n > LINE_MAX_BYTES - 2)
                n = LINE_MAX_BYTES - 2;
        utf8_mend(line + head, "\t");
        line[n++] = '\n';
        (void)!write(STDERR_FILENO, line, (size_t)n);
}
