/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/server/kubelet_api.h"

#include <inttypes.h>
#include <stdio.h>

#include "agent/lib/times.h"
#include "agent/server/logs.h"
#include "common/buf.h"
#include "common/mem.h"

enum { SEGMENTS_MAX = 6 };

/* "/a/b/c" into owned segments in place of `path`'s slashes; 0 when there are more than `max`. */
static size_t split(char *path, char **ret, size_t max)
{
        size_t n = 0;

        for (char *p = path; *p;) {
                if (*p != '/')
                        return 0;
                *p++ = '\0';
                if (!*p)
                        break;
                if (n == max)
                        return 0;
                ret[n++] = p;
                while (*p && *p != '/')
                        p++;
        }
        return n;
}

static void logs(struct kubelet_api *api, const struct request *r, struct response *res, char **segment)
{
        const char *namespace = segment[1], *pod = segment[2], *container = segment[3];
        struct log_options options;
        struct pods_container c;
        struct err e = ERR_NONE;
        struct log_source source;
        const char *run;

        if (log_options_parse(r, time_now(), &options, &e) < 0) {
                response_error(res, 400, "%s", e.text);
                return;
        }
        if (!pods_find(api->pods, namespace, pod)) {
                response_error(res, 404, "pod \"%s/%s\" not found", namespace, pod);
                return;
        }
        if (!pods_find_container(api->pods, namespace, pod, container, &c)) {
                response_error(res, 404, "container %s not found in pod %s/%s", container, namespace, pod);
                return;
        }
        run = options.previous ? container_last_run(c.state, c.container, c.pod)->invocation : c.state->invocation;
        if (options.previous && !*run) {
                response_error(res, 400, "previous terminated container \"%s\" in pod \"%s\" not found", container,
                               pod);
                return;
        }
        if (!*run) {
                response_error(res, 400, "container \"%s\" in pod \"%s\" is waiting to start: %s", container, pod,
                               c.state->pull_failure.code ? c.state->pull_failure.reason : "ContainerCreating");
                return;
        }
        source = (struct log_source){
                .pod_uid = c.pod->id.uid,
                .container = c.container->name,
                .unit = c.container->unit,
                .invocation_id = run,
        };
        log_stream_start(api->event, res, &source, &options, pods_is_running, api->pods);
}

static void metrics(struct kubelet_api *api, struct response *res)
{
        CLEANUP(buf_done) struct buf b = BUF(4096);

        buf_printf(&b,
                   "# HELP vks_api_requests_total Requests to the API server since the agent started.\n"
                   "# TYPE vks_api_requests_total counter\nvks_api_requests_total %" PRIu64 "\n"
                   "# HELP vks_pods Pods that the agent knows.\n"
                   "# TYPE vks_pods gauge\nvks_pods %zu\n",
                   api_request_count(api->api), pods_count(api->pods));
        response_send(res, 200, "text/plain; version=0.0.4; charset=utf-8", b.data, b.len);
}

void kubelet_api_handle(void *userdata, const struct request *r, struct response *res)
{
        struct kubelet_api *api = userdata;
        CLEANUP(freep) char *path = xstrdup(r->path);
        char *segment[SEGMENTS_MAX];
        size_t n = split(path, segment, SEGMENTS_MAX);

        if (n >= 1 && streq(segment[0], "healthz")) {
                response_send(res, 200, "text/plain; charset=utf-8", "ok", 2);
        } else if (n == 1 && streq(segment[0], "metrics")) {
                metrics(api, res);
        } else if (n == 4 && streq(segment[0], "containerLogs")) {
                if (streq(r->method, "GET"))
                        logs(api, r, res, segment);
                else
                        response_error(res, 405, "%s is not allowed here", r->method);
        } else {
                response_error(res, 404, "404 page not found");
        }
}
