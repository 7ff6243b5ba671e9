/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pod/probe_state.h"

static const uint64_t SECOND = 1000 * 1000, TICK = 100 * 1000;

uint64_t probe_spread(const struct probe *p)
{
        return p->period_s * SECOND;
}

void probe_begin(struct probe_state *s, const struct probe *p, uint64_t now, uint64_t age, uint64_t spread)
{
        uint64_t delay = p->initial_delay_s * SECOND, rest = delay > age ? delay - age : 0;

        *s = (struct probe_state){ .due = now + (rest > spread ? rest : spread) };
}

/* After a period, which is of whole seconds. A time that has passed during the probe is made up for, more are not. */
static void set_next(struct probe_state *s, const struct probe *p, uint64_t now)
{
        s->due += p->period_s * SECOND;
        if (s->due < now)
                s->due = now;
        s->due = (s->due + TICK - 1) / TICK * TICK;
}

enum probe_verdict probe_take(struct probe_state *s, const struct probe *p, enum probe_type type, bool good,
                              uint64_t now)
{
        set_next(s, p, now);
        if (s->run && s->last == good) {
                s->run++;
        } else {
                s->last = good;
                s->run = 1;
        }
        if (s->run < (good ? p->success_threshold : p->failure_threshold))
                return PROBE_NO_NEWS;
        s->run = good ? p->success_threshold : p->failure_threshold; /* it counts no further */
        s->on_hold = (good && type == PROBE_STARTUP) || (!good && type != PROBE_READINESS);
        return good ? PROBE_SUCCEEDED : PROBE_FAILED;
}

void probe_skip(struct probe_state *s, const struct probe *p, uint64_t now)
{
        set_next(s, p, now);
}
