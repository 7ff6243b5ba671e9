/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/machine/nudge.h"

#include <systemd/sd-daemon.h>

#include "common/mem.h"

struct nudge {
        sd_event_source *timer;
        uint64_t first_usec;
        unsigned done; /* of NUDGES since the last work */
        bool armed;
};

static void arm(struct nudge *n, uint64_t usec)
{
        sd_event_source_set_time_relative(n->timer, usec);
        sd_event_source_set_enabled(n->timer, SD_EVENT_ONESHOT);
        n->armed = true;
}

static int on_timer(UNUSED sd_event_source *source, UNUSED uint64_t usec, void *userdata)
{
        struct nudge *n = userdata;

        (void)sd_notify(0, "WATCHDOG=1");
        n->armed = false;
        if (++n->done < NUDGES)
                arm(n, n->first_usec << n->done);
        return 0;
}

void nudge_soon(struct nudge *n)
{
        bool waits_for_the_first = n->armed && n->done == 0;

        n->done = 0;
        if (!waits_for_the_first) /* whoever asks all the time does not put it off */
                arm(n, n->first_usec);
}

struct nudge *nudge_new(sd_event *event, uint64_t first_usec)
{
        struct nudge *n = NEW(struct nudge);

        n->first_usec = first_usec;
        if (sd_event_add_time_relative(event, &n->timer, CLOCK_MONOTONIC, first_usec, first_usec / 4, on_timer, n) <
                    0 ||
            sd_event_source_set_enabled(n->timer, SD_EVENT_OFF) < 0)
                abort(); /* as when memory is short: there is nothing else that can fail here */
        return n;
}

struct nudge *nudge_free(struct nudge *n)
{
        if (!n)
                return NULL;
        sd_event_source_disable_unref(n->timer);
        free(n);
        return NULL;
}
