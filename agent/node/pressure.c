/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/node/pressure.h"

enum { AMOUNT_WHOLE = 100000 };

uint64_t pressure_amount(const struct config_amount *a, uint64_t all)
{
        return a->is_part ? all / AMOUNT_WHOLE * a->amount + all % AMOUNT_WHOLE * a->amount / AMOUNT_WHOLE : a->amount;
}

static uint64_t minus(uint64_t a, uint64_t b)
{
        return a > b ? a - b : 0;
}

/*
 * False where there is nothing to be counted, as of a filesystem without inodes. What fills the tmpfs of pods, be it
 * with names, is memory, and the kernel counts it as that pod's; and no other pod begins before he has gone.
 */
static bool observe(const struct facts *f, enum eviction_signal signal, uint64_t *ret_available, uint64_t *ret_all)
{
        const struct {
                uint64_t available, all;
        } signals[EVICTION_SIGNALS] = {
                [SIGNAL_MEMORY] = { f->pods_full || f->pods_full_of_names ? 0 : f->mem_available, f->mem_total },
                [SIGNAL_NODEFS] = { f->fs_available, f->fs_total },
                [SIGNAL_NODEFS_INODES] = { f->inodes_free, f->inodes_total },
                [SIGNAL_IMAGEFS] = { f->image_available, f->image_total },
                [SIGNAL_IMAGEFS_INODES] = { f->image_inodes_free, f->image_inodes_total },
                [SIGNAL_PIDS] = { minus(f->pids_max, f->pids), f->pids_max },
        };

        *ret_available = signals[signal].available;
        *ret_all = signals[signal].all;
        return *ret_all > 0;
}

/* Once a threshold is met, it is until there is so much more as evicting is to bring. */
static bool is_met(const struct config_amount *a, bool was_met, const struct config_amount *reclaim, uint64_t available,
                   uint64_t all)
{
        uint64_t threshold = pressure_amount(a, all);

        if (!a->set)
                return false;
        if (was_met && reclaim->set)
                threshold += pressure_amount(reclaim, all);
        return available < threshold;
}

static uint64_t *condition_of(struct node_pressure *p, enum eviction_signal signal)
{
        return signal == SIGNAL_MEMORY ? &p->memory : signal == SIGNAL_PIDS ? &p->pid : &p->disk;
}

static void see_signal(struct node_pressure *p, const struct config_eviction *c, const struct facts *f,
                       enum eviction_signal i, uint64_t now)
{
        uint64_t available, all;
        bool known = observe(f, i, &available, &all), soft;

        p->hard[i] = known && is_met(&c->hard[i], p->hard[i], &c->reclaim[i], available, all);
        soft = known && is_met(&c->soft[i], p->soft[i], &c->reclaim[i], available, all);
        if (!soft)
                p->soft_since[i] = 0;
        else if (!p->soft_since[i])
                p->soft_since[i] = now;
        p->soft[i] = soft && now - p->soft_since[i] >= c->grace_usec[i];
        if (p->hard[i] || p->soft[i])
                *condition_of(p, i) = now;
}

bool node_pressure_see(struct node_pressure *p, const struct config_eviction *c, const struct facts *f, uint64_t now)
{
        const struct node_pressure before = *p;
        uint64_t *const conditions[] = { &p->memory, &p->disk, &p->pid };

        for (size_t i = 0; i < ARRAY_LEN(conditions); i++)
                if (*conditions[i] && now >= *conditions[i] + c->transition_usec)
                        *conditions[i] = 0;
        for (size_t i = 0; i < EVICTION_SIGNALS; i++)
                see_signal(p, c, f, (enum eviction_signal)i, now);
        return !before.memory != !p->memory || !before.disk != !p->disk || !before.pid != !p->pid;
}

bool node_pressure_needs(const struct node_pressure *p, const struct config_eviction *c, const struct facts *f,
                         struct pressure_need *ret)
{
        uint64_t available, all;

        for (size_t i = 0; i < EVICTION_SIGNALS; i++) { /* in the order of their names, memory first */
                const struct config_amount *a = p->hard[i] ? &c->hard[i] : &c->soft[i];

                if ((!p->hard[i] && !p->soft[i]) || !observe(f, (enum eviction_signal)i, &available, &all))
                        continue;
                *ret = (struct pressure_need){
                        .signal = (enum eviction_signal)i,
                        .hard = p->hard[i],
                        .threshold = pressure_amount(a, all),
                        .available = available,
                };
                return true;
        }
        return false;
}
