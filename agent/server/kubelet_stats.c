/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/server/kubelet_stats.h"

#include "agent/node/facts.h"
#include "agent/server/pieces.h"
#include "agent/stats/exposition.h"
#include "agent/stats/summary.h"
#include "common/mem.h"

/* An answer that waits for its sample, and then one that is sent. */
struct answer {
        struct response *res;
        bool head_only;
        struct sample_wait *wait;
        struct sample *sample;
        char *node_name;
        struct families_walk families; /* one of the two */
        struct summary_walk summary;
        struct pods *pods; /* of a summary */
        struct claim_usages claims;
};

static void answer_free(void *userdata)
{
        struct answer *a = userdata;

        sample_cancel(a->wait);
        sample_unref(a->sample);
        claim_usages_done(&a->claims);
        free(a->node_name);
        free(a);
}

static bool next_families(void *userdata, struct buf *ret)
{
        return families_next(&((struct answer *)userdata)->families, ret);
}

static bool next_summary(void *userdata, struct buf *ret)
{
        return summary_next(&((struct answer *)userdata)->summary, ret);
}

static void on_sample(void *userdata, struct sample *sample)
{
        static const struct pieces metrics = { next_families, answer_free }, summary = { next_summary, answer_free };
        struct answer *a = userdata;
        struct facts facts = { 0 };

        a->wait = NULL;
        a->sample = sample;
        if (a->families.families) {
                a->families.sample = sample;
                pieces_send(a->head_only, a->res, EXPOSITION_TYPE, &metrics, a);
                return;
        }
        facts_refresh("", &facts);
        if (!a->summary.only_cpu_and_memory)
                claim_usages_read(a->pods, &a->claims);
        a->summary.claims = &a->claims;
        a->summary.sample = sample;
        a->summary.node_name = a->node_name;
        a->summary.pids_max = facts.pids_max;
        a->summary.pids = facts.pids;
        pieces_send(a->head_only, a->res, "application/json", &summary, a);
}

static struct answer *answer_new(const struct request *r, struct response *res)
{
        struct answer *a = NEW(struct answer);

        a->res = res;
        a->head_only = streq(r->method, "HEAD");
        response_later(res, answer_free, a);
        return a;
}

void kubelet_stats_metrics(struct sampler *sampler, const struct families *families, enum usage_depth depth,
                           const struct request *r, struct response *res)
{
        struct answer *a = answer_new(r, res);

        a->families.families = families;
        a->wait = sample_recent(sampler, depth, on_sample, a);
}

void kubelet_stats_summary(struct sampler *sampler, struct pods *pods, const char *node_name, const struct request *r,
                           struct response *res)
{
        struct answer *a = answer_new(r, res);

        a->pods = pods;
        a->node_name = xstrdup(node_name);
        a->summary.only_cpu_and_memory = streq(request_query(r, "only_cpu_and_memory"), "true");
        a->wait = sample_recent(sampler, a->summary.only_cpu_and_memory ? USAGE_BASIC : USAGE_WHOLE, on_sample, a);
}
