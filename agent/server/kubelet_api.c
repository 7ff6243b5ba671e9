/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/server/kubelet_api.h"

#include "agent/lib/times.h"
#include "agent/server/configz.h"
#include "agent/server/container_routes.h"
#include "agent/server/kubelet_metrics.h"
#include "agent/server/kubelet_pods.h"
#include "agent/server/kubelet_stats.h"
#include "agent/server/routes.h"
#include "agent/server/zpages.h"
#include "agent/stats/exposition.h"
#include "common/buf.h"
#include "common/mem.h"

static void healthz(struct kubelet_api *api, const struct request *r, struct response *res)
{
        CLEANUP(buf_done) struct buf b = BUF(64 * 1024);
        struct health health = { 0 };
        int status;

        api->look(api->userdata, &health);
        status = health_answer(&health, r, &b);
        response_send(res, status, "text/plain; charset=utf-8", b.data, b.len);
}

/* DELETE begins to count anew, as with the kubelet. */
static void slis(struct kubelet_api *api, const struct request *r, struct response *res)
{
        CLEANUP(buf_done) struct buf b = BUF(64 * 1024);
        struct health health = { 0 };

        api->look(api->userdata, &health);
        if (streq(r->method, "DELETE")) {
                *health.counts = (struct health_counts){ 0 };
                buf_str(&b, "metrics reset\n");
        } else {
                health_counts_text(health.counts, &b);
        }
        response_send(res, 200, EXPOSITION_TYPE, b.data, b.len);
}

static void configz(struct kubelet_api *api, struct response *res)
{
        CLEANUP(freep) char *text = configz_text(api->config);

        response_send(res, 200, "application/json", text, strlen(text));
}

static void statusz(const struct kubelet_api *api, const struct request *r, struct response *res)
{
        const char *paths[32];
        const struct zpage_status status = {
                .started = api->started,
                .now = time_now(),
                .version = VKS_VERSION,
                .kubelet = api->version(api->userdata),
                .paths = paths,
                .n_paths = route_tops(paths, ARRAY_LEN(paths)),
        };

        statusz_answer(&status, r, res);
}

void kubelet_api_handle(void *userdata, const struct request *r, struct response *res)
{
        struct kubelet_api *api = userdata;
        struct route_found found;

        route_find(r->method, r->path, &found);
        if (found.allow) {
                response_not_allowed(res, r->method, found.allow);
                return;
        }
        switch (found.route) {
        case ROUTE_NONE:
                response_error(res, 404, "404 page not found");
                break;
        case ROUTE_HEALTHZ:
                healthz(api, r, res);
                break;
        case ROUTE_PODS:
        case ROUTE_RUNNING_PODS:
                kubelet_pods_answer(api->pods, found.route == ROUTE_RUNNING_PODS, r, res);
                break;
        case ROUTE_CONFIGZ:
                configz(api, res);
                break;
        case ROUTE_STATUSZ:
                statusz(api, r, res);
                break;
        case ROUTE_FLAGZ:
                flagz_answer(api->config, r, res);
                break;
        case ROUTE_METRICS:
                kubelet_metrics(api, r, res);
                break;
        case ROUTE_METRICS_CADVISOR:
                kubelet_stats_metrics(api->sampler, &families_cadvisor, USAGE_WHOLE, r, res);
                break;
        case ROUTE_METRICS_PROBES:
                kubelet_metrics_probes(api, r, res);
                break;
        case ROUTE_METRICS_RESOURCE:
                kubelet_stats_metrics(api->sampler, &families_resource, USAGE_BASIC, r, res);
                break;
        case ROUTE_METRICS_SLIS:
                slis(api, r, res);
                break;
        case ROUTE_STATS_SUMMARY:
                kubelet_stats_summary(api->sampler, api->pods, api->config->node_name, r, res);
                break;
        case ROUTE_NODE_LOGS:
                node_logs_answer(&api->node_logs, r, res);
                break;
        case ROUTE_LOGS:
                container_logs(api, r, res, found.segment);
                break;
        case ROUTE_RUN:
                container_run(api, r, res, found.segment, found.n);
                break;
        case ROUTE_EXEC:
                container_exec(api, r, res, found.segment, found.n);
                break;
        case ROUTE_ATTACH:
                container_attach(api, r, res, found.segment, found.n);
                break;
        case ROUTE_PORT_FORWARD:
                container_port_forward(api, r, res, found.segment, found.n);
                break;
        case ROUTE_NO_PROFILES: /* as a kubelet answers that has them switched off */
                response_error(res, 405, "profiling endpoint is disabled.");
                break;
        case ROUTE_NO_FLAGS:
                response_error(res, 405, "flags endpoint is disabled.");
                break;
        }
}
