/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pod/backoff.h"

#include <stdio.h>

#include "agent/lib/json.h"

uint64_t backoff_after(uint64_t delay)
{
        return delay == 0 ? BACKOFF_FIRST : delay * 2 > BACKOFF_MAX ? BACKOFF_MAX : delay * 2;
}

uint64_t backoff_between(uint64_t ended, uint64_t started, uint32_t restarts)
{
        uint64_t delay = 0;

        while (--restarts > 0 && delay < BACKOFF_MAX && ended + backoff_after(delay) <= started)
                delay = backoff_after(delay);
        return delay;
}

uint64_t backoff_told(const cJSON *waiting)
{
        const char *message = json_str(waiting, "message");
        uint64_t delay;
        unsigned seconds;
        int end = 0;

        if (!message || sscanf(message, "back-off %9us restarting%n", &seconds, &end) != 1 || end == 0)
                return BACKOFF_FIRST; /* also of a kubelet's "5m0s", which was here before */
        delay = seconds * USEC_PER_SEC;
        return delay < BACKOFF_MAX ? delay : BACKOFF_MAX;
}

uint64_t backoff_next(unsigned *failures, uint64_t first)
{
        uint64_t delay = first << (*failures < 16 ? *failures : 16);

        ++*failures;
        return delay < BACKOFF_MAX ? delay : BACKOFF_MAX;
}

enum {
        LATER_FIRST_USEC = 500 * 1000,
        LATER_LONG = 4, /* the waits before were 0.5, 1, 2 and 4 seconds */
};

uint64_t later_next(unsigned *failures)
{
        uint64_t delay = backoff_next(failures, LATER_FIRST_USEC);

        return delay < LATER_MAX ? delay : LATER_MAX;
}

bool later_is_long(unsigned failures)
{
        return failures > LATER_LONG;
}
