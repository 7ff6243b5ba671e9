/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/machine/spawn.h"

#include <stdio.h>
#include <systemd/sd-journal.h>
#include <systemd/sd-messages.h>

#include "common/mem.h"

static int match(sd_journal *journal, const char *name, const char *value)
{
        CLEANUP(freep) char *text = xasprintf("%s=%s", name, value);

        return sd_journal_add_match(journal, text, 0);
}

/* "UNIT: Failed at step ..." without the unit, which the reader knows. */
static void copy_reason(const char *message, size_t n, const char *unit, char *ret, size_t size)
{
        size_t prefix = strlen(unit);

        if (n > prefix + 2 && memcmp(message, unit, prefix) == 0 && memcmp(message + prefix, ": ", 2) == 0) {
                message += prefix + 2;
                n -= prefix + 2;
        }
        snprintf(ret, size, "%.*s", (int)(n < size ? n : size), message);
}

bool spawn_failed(const char *directory, const char *unit, const char *invocation, char *ret, size_t size)
{
        static const char field[] = "MESSAGE=";
        sd_journal *journal = NULL;
        const void *data;
        size_t n;
        bool found = false;
        int r = directory ? sd_journal_open_directory(&journal, directory, 0)
                          : sd_journal_open(&journal, SD_JOURNAL_LOCAL_ONLY);

        if (r >= 0)
                r = match(journal, "MESSAGE_ID", SD_MESSAGE_SPAWN_FAILED_STR);
        if (r >= 0)
                r = match(journal, "_SYSTEMD_UNIT", unit);
        if (r >= 0)
                r = match(journal, "INVOCATION_ID", invocation);
        if (r >= 0)
                r = sd_journal_seek_tail(journal);
        if (r >= 0)
                found = sd_journal_previous(journal) > 0 && sd_journal_get_data(journal, "MESSAGE", &data, &n) >= 0 &&
                        n > strlen(field);
        if (found)
                copy_reason((const char *)data + strlen(field), n - strlen(field), unit, ret, size);
        sd_journal_close(journal);
        return found;
}
