/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/server/kubelet_metrics.h"

#include "agent/pods/shown.h"
#include "agent/server/pieces.h"
#include "agent/stats/claim_usage.h"
#include "agent/stats/exposition.h"
#include "agent/stats/own_metrics.h"
#include "common/mem.h"

enum { ANSWERS_MAX = 64 };

static void tell_own(const struct kubelet_api *api, struct buf *ret)
{
        struct api_answers answers[ANSWERS_MAX];
        struct eviction_count evictions[EVICTION_COUNTS];
        struct pods_counts pods;
        struct own_metrics m = {
                .node_name = api->config->node_name,
                .version = api->version(api->userdata),
                .server = api_server(api->api),
                .pods = &pods,
                .answers = answers,
                .n_answers = api_answers(api->api, answers, ANSWERS_MAX),
                .evictions = evictions,
                .n_evictions = EVICTION_COUNTS,
                .requests = api_request_count(api->api),
                .process.started = api->started,
                .client_seconds_left = rotation_client_seconds_left(api->rotation),
                .server_seconds_left = rotation_serving_seconds_left(api->rotation),
        };

        evictor_counts(api->evictor, evictions);
        pods_count_all(api->pods, &pods);
        process_usage_read(&m.process);
        own_metrics_text(&m, ret);
}

/* The agent's own, and then one value of all claims after the other. */
struct own {
        const struct kubelet_api *api;
        struct claim_usages claims;
        unsigned next; /* 0: the agent's own */
};

static bool own_next(void *userdata, struct buf *ret)
{
        struct own *o = userdata;

        if (o->next == 0)
                tell_own(o->api, ret);
        else
                claim_usages_text(&o->claims, o->next - 1, ret);
        return o->next++ < CLAIM_VALUES;
}

static void own_done(void *userdata)
{
        struct own *o = userdata;

        claim_usages_done(&o->claims);
        free(o);
}

void kubelet_metrics(const struct kubelet_api *api, const struct request *r, struct response *res)
{
        static const struct pieces pieces = { own_next, own_done };
        struct own *o = NEW(struct own);

        o->api = api;
        claim_usages_read(api->pods, &o->claims);
        pieces_send(streq(r->method, "HEAD"), res, EXPOSITION_TYPE, &pieces, o);
}

/* ---- /metrics/probes --------------------------------------------------------------------------------------------- */

struct list {
        const struct kubelet_api *api;
        char **uids;
        size_t at;
        bool begun;
};

static const char prober[] = "prober_probe_total";

static void tell(const struct pods_container *c, enum probe_type type, const char *result, uint64_t n, struct buf *ret)
{
        buf_str(ret, prober);
        exposition_label(ret, "{", "container", c->container->name);
        exposition_label(ret, ",", "namespace", c->pod->id.namespace);
        exposition_label(ret, ",", "pod", c->pod->id.name);
        exposition_label(ret, ",", "pod_uid", c->pod->id.uid);
        exposition_label(ret, ",", "probe_type", probe_words[type]);
        exposition_label(ret, ",", "result", result);
        buf_char(ret, '}');
        exposition_value(ret, number_of(n), 0);
}

static void tell_container(const struct list *l, const struct pods_container *c, size_t index, struct buf *ret)
{
        struct probes_results results;

        for (enum probe_type t = 0; t < PROBE_TYPES; t++) {
                if (!probes_results(l->api->probes, c->pod->id.uid, index, t, &results))
                        continue;
                if (results.good)
                        tell(c, t, "successful", results.good, ret);
                if (results.bad)
                        tell(c, t, "failed", results.bad, ret);
        }
}

static bool next(void *userdata, struct buf *ret)
{
        struct list *l = userdata;
        struct pods_container c;

        if (!l->begun)
                exposition_head(ret, prober, "counter",
                                "[BETA] Cumulative number of a liveness, readiness or startup probe for a container by "
                                "result.");
        l->begun = true;
        if (!l->uids[l->at]) {
                process_start_text(l->api->started, ret);
                return false;
        }
        for (size_t i = 0; pods_container_at(l->api->pods, l->uids[l->at], i, &c); i++)
                tell_container(l, &c, i, ret);
        l->at++;
        return true;
}

static void done(void *userdata)
{
        struct list *l = userdata;

        strv_free(l->uids);
        free(l);
}

void kubelet_metrics_probes(const struct kubelet_api *api, const struct request *r, struct response *res)
{
        static const struct pieces pieces = { next, done };
        struct list *l = NEW(struct list);

        *l = (struct list){ .api = api, .uids = shown_uids(api->pods) };
        pieces_send(streq(r->method, "HEAD"), res, EXPOSITION_TYPE, &pieces, l);
}
