/* SPDX-License-Identifier: Apache-2.0 */
/*
 * In libc's place, in every test under ASan: fork(2) while no other thread can be inside malloc(3). The allocator of
 * GCC 12's ASan is not locked for a fork; where a thread (criterion has one of its own) held its lock at that moment,
 * the child waits for ever for somebody who is not there. Who sleeps holds no such lock; and who sleeps goes on
 * sleeping, as long as no other test runs beside this one (tests/run-unit).
 */
#include <dirent.h>
#include <dlfcn.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

pid_t fork(void);

static int sleeps(const char *tid)
{
        char path[64], text[256] = "";
        const char *name_ends;
        FILE *f;

        snprintf(path, sizeof(path), "/proc/self/task/%.16s/stat", tid);
        f = fopen(path, "re");
        if (!f)
                return 1; /* it has ended */
        name_ends = fgets(text, sizeof(text), f) ? strrchr(text, ')') : NULL;
        fclose(f);
        return !name_ends || strchr("SXZ", name_ends[2]) != NULL;
}

static int others_sleep(void)
{
        DIR *d = opendir("/proc/self/task");
        struct dirent *entry;
        int quiet = 1;

        while (d && quiet && (entry = readdir(d)))
                quiet = entry->d_name[0] == '.' || strtol(entry->d_name, NULL, 10) == gettid() || sleeps(entry->d_name);
        if (d)
                closedir(d);
        return quiet;
}

pid_t fork(void)
{
        pid_t (*real)(void);

        *(void **)&real = dlsym(RTLD_NEXT, "fork");
        while (!others_sleep())
                sched_yield();
        return real();
}
