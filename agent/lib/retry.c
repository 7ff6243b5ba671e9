/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/lib/retry.h"

#include <errno.h>
#include <sys/random.h>
#include <time.h>

#include "common/log.h"
#include "common/mem.h"

unsigned retry_next(struct retry *r, uint32_t random)
{
        uint64_t f = (uint64_t)r->first_ms << (r->failures < 32 ? r->failures : 32);

        if (f > r->most_ms / 2)
                f = r->most_ms / 2;
        if (f == 0)
                f = 1;
        r->failures++;
        return (unsigned)(f + random % f);
}

uint32_t random_u32(void)
{
        struct timespec now = { 0 };
        uint32_t v = 0;

        if (getrandom(&v, sizeof(v), GRND_NONBLOCK) == (ssize_t)sizeof(v))
                return v;
        clock_gettime(CLOCK_MONOTONIC, &now); /* early in the boot; it only spreads retries and makes names differ */
        return (uint32_t)now.tv_nsec;
}

unsigned random_between(unsigned low, unsigned high)
{
        return low + random_u32() % (high - low + 1);
}

void timer_arm(sd_event *event, sd_event_source **timer, clockid_t clock, uint64_t delay_usec,
               sd_event_time_handler_t handler, void *userdata)
{
        uint64_t accuracy = delay_usec / 10 < 250000 ? delay_usec / 10 + 1 : 250000;
        int r;

        if (!*timer)
                r = sd_event_add_time_relative(event, timer, clock, delay_usec, accuracy, handler, userdata);
        else if ((r = sd_event_source_set_time_accuracy(*timer, accuracy)) >= 0 &&
                 (r = sd_event_source_set_time_relative(*timer, delay_usec)) >= 0)
                r = sd_event_source_set_enabled(*timer, SD_EVENT_ONESHOT);
        if (r < 0 &&
            r != -ESTALE) { /* for want of memory or of descriptors; ESTALE: the loop has ended, nothing will fire */
                log_error("cannot arm a timer: %s", strerrordesc_np(-r));
                abort();
        }
}
