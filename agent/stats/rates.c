/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/stats/rates.h"

enum { LEAST_USEC = 1000 * 1000 };

static void rate(struct usage *u, uint64_t at, const struct usage *before, uint64_t before_at)
{
        uint64_t now, then, known;

        if (!usage_get(u, USAGE_CPU, &now) || !usage_get(before, USAGE_CPU, &then))
                return;
        if (at < before_at + LEAST_USEC) {
                if (usage_get(before, USAGE_CPU_RATE, &known))
                        usage_set(u, USAGE_CPU_RATE, known);
        } else if (now >= then) { /* else the cgroup was made again meanwhile */
                usage_set(u, USAGE_CPU_RATE, (uint64_t)((double)(now - then) * 1e9 / (double)(at - before_at)));
        }
}

static void rates_of_pod(struct sampled_pod *p, const struct sampled_pod *before)
{
        rate(&p->usage, p->at, &before->usage, before->at);
        for (size_t i = 0; i < p->n_containers; i++)
                for (size_t k = 0; k < before->n_containers; k++) {
                        struct sampled_container *c = &p->containers[i];
                        const struct sampled_container *b = &before->containers[k];

                        if (streq(c->name, b->name) && streq(c->invocation, b->invocation))
                                rate(&c->usage, c->at, &b->usage, b->at);
                }
}

void sample_rates(struct sample *s, const struct sample *before)
{
        size_t next = 0; /* of the earlier pods, which mostly are in the same order */

        rate(&s->machine.usage, s->at, &before->machine.usage, before->at);
        rate(&s->all_pods, s->at, &before->all_pods, before->at);
        rate(&s->agent, s->at, &before->agent, before->at);
        for (size_t i = 0; i < s->n_pods; i++)
                for (size_t tried = 0; tried < before->n_pods; tried++) {
                        const struct sampled_pod *b = &before->pods[(next + tried) % before->n_pods];

                        if (!streq(b->id.uid, s->pods[i].id.uid))
                                continue;
                        rates_of_pod(&s->pods[i], b);
                        next += tried + 1;
                        break;
                }
}
