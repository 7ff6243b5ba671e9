/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <stdio.h>

#include "agent/server/who_may.h"

/* As in pkg/kubelet/server/auth.go of Kubernetes 1.37; 1.36 has no /allocatedPods. */
static const struct {
        const char *path, *subresources;
} paths[] = {
        { "/", "proxy" },
        { "", "proxy" },
        { "/containerLogs/ns/pod/c", "proxy" },
        { "/exec/ns/pod/c", "proxy" },
        { "/run/ns/pod/c", "proxy" },
        { "/attach/ns/pod/c", "proxy" },
        { "/portForward/ns/pod", "proxy" },
        { "/debug/pprof/heap", "proxy" },
        { "/spec/", "proxy" },
        { "/stats", "stats" },
        { "/stats/", "stats" },
        { "/stats/summary", "stats" },
        { "/statsx", "proxy" },
        { "/stat", "proxy" },
        { "/metrics", "metrics" },
        { "/metrics/", "metrics" },
        { "/metrics/cadvisor", "metrics" },
        { "/metrics/../containerLogs/ns/pod/c", "metrics" }, /* which is the path of no route */
        { "/metricsx/cadvisor", "proxy" },
        { "//metrics", "proxy" },
        { "/Metrics", "proxy" },
        { "/logs", "log" },
        { "/logs/syslog", "log" },
        { "/log", "proxy" },
        { "/checkpoint/ns/pod/c", "checkpoint" },
        { "/statusz", "statusz" },
        { "/flagz", "configz" },
        { "/flagz/x", "configz" },
        { "/pods", "pods proxy" },
        { "/pods/", "pods proxy" },
        { "/podsx", "proxy" },
        { "/allocatedPods", "pods proxy" },
        { "/runningpods", "pods proxy" },
        { "/runningpods/", "pods proxy" },
        { "/runningPods/", "proxy" },
        { "/healthz", "healthz proxy" },
        { "/healthz/ping", "healthz proxy" },
        { "/healthzx", "proxy" },
        { "/configz", "configz proxy" },
};

static const struct {
        const char *method, *verb;
} methods[] = {
        { "GET", "get" },       { "POST", "create" }, { "PUT", "update" }, { "PATCH", "patch" },
        { "DELETE", "delete" }, { "HEAD", "" },       { "OPTIONS", "" },   { "get", "" },
};

Test(who_may, every_path_by_every_method)
{
        for (size_t i = 0; i < ARRAY_LEN(paths); i++)
                for (size_t k = 0; k < ARRAY_LEN(methods); k++) {
                        struct who_may may = who_may(methods[k].method, paths[i].path);
                        char text[64];

                        cr_assert(may.n == 1 || may.n == 2);
                        snprintf(text, sizeof(text), "%s%s%s", may.subresource[0], may.n > 1 ? " " : "",
                                 may.n > 1 ? may.subresource[1] : "");
                        cr_expect_str_eq(text, paths[i].subresources, "%s: %s", paths[i].path, text);
                        cr_expect_str_eq(may.verb, methods[k].verb, "%s: %s", methods[k].method, may.verb);
                }
}
