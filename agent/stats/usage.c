/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/stats/usage.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/fd.h"

enum {
        FILE_MAX = 8192, /* memory.stat, the longest of them, has some 2 KiB */
        PATH_ROOM = 1024,
};

struct key {
        const char *name;
        enum usage_field field;
};

bool usage_get(const struct usage *u, enum usage_field field, uint64_t *ret)
{
        *ret = u->of[field];
        return u->told & (UINT32_C(1) << field);
}

void usage_set(struct usage *u, enum usage_field field, uint64_t value)
{
        u->of[field] = value;
        u->told |= UINT32_C(1) << field;
}

bool usage_working_set(const struct usage *u, uint64_t *ret)
{
        uint64_t all, inactive;

        if (!usage_get(u, USAGE_MEMORY, &all) || !usage_get(u, USAGE_FILE_INACTIVE, &inactive))
                return false;
        *ret = all > inactive ? all - inactive : 0;
        return true;
}

/* ---- pure -------------------------------------------------------------------------------------------------------- */

/* "key 123" lines */
static void parse(const char *text, const struct key *keys, size_t n, struct usage *ret)
{
        for (const char *line = text, *end; *line; line = *end ? end + 1 : end) {
                size_t name = strcspn(line, " \n");

                end = line + strcspn(line, "\n");
                if (line[name] != ' ' || !isdigit((unsigned char)line[name + 1]))
                        continue;
                for (size_t i = 0; i < n; i++)
                        if (strncmp(line, keys[i].name, name) == 0 && keys[i].name[name] == '\0')
                                usage_set(ret, keys[i].field, strtoull(line + name + 1, NULL, 10));
        }
}

void usage_parse_cpu(const char *text, struct usage *ret)
{
        static const struct key keys[] = {
                { "usage_usec", USAGE_CPU },
                { "user_usec", USAGE_CPU_USER },
                { "system_usec", USAGE_CPU_SYSTEM },
                { "nr_periods", USAGE_PERIODS },
                { "nr_throttled", USAGE_PERIODS_THROTTLED },
                { "throttled_usec", USAGE_THROTTLED },
        };

        parse(text, keys, ARRAY_LEN(keys), ret);
}

void usage_parse_memory(const char *text, struct usage *ret)
{
        static const struct key keys[] = {
                { "anon", USAGE_ANONYMOUS },          { "file", USAGE_FILE },
                { "file_mapped", USAGE_FILE_MAPPED }, { "inactive_file", USAGE_FILE_INACTIVE },
                { "pgfault", USAGE_FAULTS },          { "pgmajfault", USAGE_FAULTS_MAJOR },
        };

        parse(text, keys, ARRAY_LEN(keys), ret);
}

void usage_parse_events(const char *text, struct usage *ret)
{
        static const struct key keys[] = { { "oom_kill", USAGE_OOM_KILLS } };

        parse(text, keys, ARRAY_LEN(keys), ret);
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

static bool read_text(int top, const char *path, const char *name, char ret[FILE_MAX])
{
        char full[PATH_ROOM];
        ssize_t n;

        if (snprintf(full, sizeof(full), "%s/%s", path, name) >= (int)sizeof(full))
                return false;
        FD fd = openat(top, full, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return false;
        n = read(fd, ret, FILE_MAX - 1);
        if (n < 0)
                return false;
        ret[n] = '\0';
        return true;
}

/* "max" is no number: there is no limit. */
static void read_number(int top, const char *path, const char *name, enum usage_field field, struct usage *ret)
{
        char text[FILE_MAX];

        if (read_text(top, path, name, text) && isdigit((unsigned char)text[0]))
                usage_set(ret, field, strtoull(text, NULL, 10));
}

void usage_read(int top, const char *path, enum usage_depth depth, struct usage *ret)
{
        char text[FILE_MAX];

        if (read_text(top, path, "cpu.stat", text))
                usage_parse_cpu(text, ret);
        read_number(top, path, "memory.current", USAGE_MEMORY, ret);
        /* A cgroup without the controller has none of them; a root cgroup has only the second. */
        if (read_text(top, path, "memory.stat", text))
                usage_parse_memory(text, ret);
        if (depth == USAGE_BASIC)
                return;
        read_number(top, path, "memory.max", USAGE_MEMORY_LIMIT, ret);
        read_number(top, path, "pids.current", USAGE_PIDS, ret);
        if (read_text(top, path, "memory.events", text))
                usage_parse_events(text, ret);
}

void usage_read_swap(int top, const char *path, struct usage *ret)
{
        read_number(top, path, "memory.swap.current", USAGE_SWAP, ret);
}
