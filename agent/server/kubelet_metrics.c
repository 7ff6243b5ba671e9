/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/server/kubelet_metrics.h"

#include "agent/pods/shown.h"
#include "agent/server/pieces.h"
#include "agent/stats/exposition.h"
#include "agent/stats/own_metrics.h"
#include "common/mem.h"

enum { ANSWERS_MAX = 64, TEXT_MAX = 256 * 1024 };

void kubelet_metrics(const struct kubelet_api *api, struct response *res)
{
        CLEANUP(buf_done) struct buf b = BUF(TEXT_MAX);
        struct api_answers answers[ANSWERS_MAX];
        struct pods_counts pods;
        struct own_metrics m = {
                .node_name = api->config->node_name,
                .version = api->version(api->userdata),
                .server = api_server(api->api),
                .pods = &pods,
                .answers = answers,
                .n_answers = api_answers(api->api, answers, ANSWERS_MAX),
                .requests = api_request_count(api->api),
                .process.started = api->started,
                .client_seconds_left = rotation_client_seconds_left(api->rotation),
                .server_seconds_left = rotation_serving_seconds_left(api->rotation),
        };

        pods_count_all(api->pods, &pods);
        process_usage_read(&m.process);
        own_metrics_text(&m, &b);
        response_send(res, 200, EXPOSITION_TYPE, b.data, b.len);
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
