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

/* Is there a message of that kind about the run? The journal stands at the latest one then. */
static bool has(sd_journal *journal, const char *id, const char *name, const char *value, const char *invocation)
{
        bool by_pid_1 = streq(name, "UNIT");
        int r;

        sd_journal_flush_matches(journal);
        r = match(journal, "MESSAGE_ID", id);
        if (r >= 0)
                r = match(journal, name, value);
        if (r >= 0)
                r = match(journal, "INVOCATION_ID", invocation);
        if (r >= 0 && by_pid_1)
                r = match(journal, "_PID", "1");
        if (r >= 0)
                r = sd_journal_seek_tail(journal);
        return r >= 0 && sd_journal_previous(journal) > 0;
}

/* Did the main process say that it could not execute the program? The journal stands at that message then. */
static bool has_failed(sd_journal *journal, const char *unit, const char *invocation, uint32_t main_pid)
{
        CLEANUP(freep) char *pid = xasprintf("%u", main_pid);

        return has(journal, SD_MESSAGE_SPAWN_FAILED_STR, "_SYSTEMD_UNIT", unit, invocation) ||
               (main_pid && has(journal, SD_MESSAGE_SPAWN_FAILED_STR, "_PID", pid, invocation));
}

enum spawn spawn_look(const char *directory, const char *unit, const char *invocation, uint32_t main_pid, char *ret,
                      size_t size)
{
        static const char field[] = "MESSAGE=";
        enum spawn verdict = SPAWN_UNKNOWN;
        sd_journal *journal = NULL;
        const void *data;
        size_t n;
        int r = directory ? sd_journal_open_directory(&journal, directory, 0)
                          : sd_journal_open(&journal, SD_JOURNAL_LOCAL_ONLY);

        /* The end first: what was said before it is there when it is. */
        if (r >= 0 && has(journal, SD_MESSAGE_UNIT_PROCESS_EXIT_STR, "UNIT", unit, invocation))
                verdict = SPAWN_EXECUTED;
        if (r >= 0 && has_failed(journal, unit, invocation, main_pid) &&
            sd_journal_get_data(journal, "MESSAGE", &data, &n) >= 0 && n > strlen(field)) {
                verdict = SPAWN_FAILED;
                copy_reason((const char *)data + strlen(field), n - strlen(field), unit, ret, size);
        }
        sd_journal_close(journal);
        return verdict;
}
