/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <stdio.h>

#include "agent/server/routes.h"

static const char *const methods[] = { "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "get", "GE", "X" };

/* What each path takes; NULL: whatever method. As registered in pkg/kubelet/server/server.go of Kubernetes 1.37. */
static const struct {
        const char *path;
        enum route route;
        const char *allow;
} table[] = {
        { "/", ROUTE_NONE, NULL },
        { "", ROUTE_NONE, NULL },
        { "x", ROUTE_NONE, NULL },
        { "/nothing", ROUTE_NONE, NULL },
        { "/healthz", ROUTE_HEALTHZ, NULL },
        { "/healthz/ping", ROUTE_HEALTHZ, NULL },
        { "/healthz/log", ROUTE_HEALTHZ, NULL },
        { "/healthz/syncloop", ROUTE_HEALTHZ, NULL },
        { "/healthz/", ROUTE_NONE, NULL },
        { "/healthz/other", ROUTE_NONE, NULL },
        { "/healthz/ping/x", ROUTE_NONE, NULL },
        { "/healthzx", ROUTE_NONE, NULL },
        { "/pods", ROUTE_PODS, "GET" },
        { "/pods/", ROUTE_PODS, "GET" },
        { "/pods//", ROUTE_NONE, NULL },
        { "/pods/x", ROUTE_NONE, NULL },
        { "/runningpods", ROUTE_RUNNING_PODS, "GET" },
        { "/runningpods/", ROUTE_RUNNING_PODS, "GET" },
        { "/configz", ROUTE_CONFIGZ, NULL },
        { "/configz/", ROUTE_NONE, NULL },
        { "/statusz", ROUTE_STATUSZ, NULL },
        { "/flagz", ROUTE_FLAGZ, NULL },
        { "/flagz/x", ROUTE_NONE, NULL },
        { "/metrics", ROUTE_METRICS, NULL },
        { "/metrics/x", ROUTE_NONE, NULL },
        { "/metrics/cadvisor", ROUTE_METRICS_CADVISOR, NULL },
        { "/metrics/probes", ROUTE_METRICS_PROBES, NULL },
        { "/metrics/resource", ROUTE_METRICS_RESOURCE, NULL },
        { "/metrics/resource/", ROUTE_NONE, NULL },
        { "/metrics/slis", ROUTE_METRICS_SLIS, NULL },
        { "/metrics/slis/", ROUTE_NONE, NULL },
        { "/debug", ROUTE_NONE, NULL },
        { "/debug/pprof", ROUTE_NO_PROFILES, NULL },
        { "/debug/pprof/", ROUTE_NO_PROFILES, NULL },
        { "/debug/pprof/cmdline", ROUTE_NO_PROFILES, NULL },
        { "/debug/pprofx", ROUTE_NONE, NULL },
        { "/debug/flags", ROUTE_NONE, NULL },
        { "/debug/flags/v", ROUTE_NO_FLAGS, NULL },
        { "/debug/flags/v/", ROUTE_NONE, NULL },
        { "/stats", ROUTE_NONE, NULL },
        { "/stats/summary", ROUTE_STATS_SUMMARY, "GET, POST" },
        { "/stats/container", ROUTE_NONE, NULL },
        { "/metrics/../containerLogs/ns/p/c", ROUTE_NONE, NULL },
        { "/logs", ROUTE_NODE_LOGS, "GET" },
        { "/logs/", ROUTE_NODE_LOGS, "GET" },
        { "/logs/apt/history.log", ROUTE_NODE_LOGS, "GET" },
        { "/logs/apt/", ROUTE_NODE_LOGS, "GET" },
        { "/logsx", ROUTE_NONE, NULL },
        { "/containerLogs/ns/p/c", ROUTE_LOGS, "GET" },
        { "/containerLogs/ns/p", ROUTE_NONE, NULL },
        { "/containerLogs/ns/p/c/d", ROUTE_NONE, NULL },
        { "/containerLogs/ns//c", ROUTE_NONE, NULL },
        { "/containerLogs//p/c", ROUTE_NONE, NULL },
        { "//containerLogs/ns/p/c", ROUTE_NONE, NULL },
        { "/run/ns/p/c", ROUTE_RUN, "POST" },
        { "/run/ns/p/uid/c", ROUTE_RUN, "POST" },
        { "/run/ns/p", ROUTE_NONE, NULL },
        { "/exec/ns/p/c", ROUTE_EXEC, "GET, POST" },
        { "/exec/ns/p/uid/c", ROUTE_EXEC, "GET, POST" },
        { "/exec/ns/p/uid/c/d", ROUTE_NONE, NULL },
        { "/attach/ns/p/c", ROUTE_ATTACH, "GET, POST" },
        { "/attach/ns/p/uid/c", ROUTE_ATTACH, "GET, POST" },
        { "/portForward/ns/p", ROUTE_PORT_FORWARD, "GET, POST" },
        { "/portForward/ns/p/uid", ROUTE_PORT_FORWARD, "GET, POST" },
        { "/portForward/ns", ROUTE_NONE, NULL },
};

static bool is_word_of(const char *list, const char *word)
{
        char spaced[64], wanted[64];

        snprintf(spaced, sizeof(spaced), ", %s,", list);
        snprintf(wanted, sizeof(wanted), ", %s,", word);
        return strstr(spaced, wanted);
}

Test(routes, each_path_with_each_method)
{
        for (size_t i = 0; i < ARRAY_LEN(table); i++)
                for (size_t k = 0; k < ARRAY_LEN(methods); k++) {
                        bool taken = !table[i].allow || is_word_of(table[i].allow, methods[k]);
                        struct route_found found;

                        route_find(methods[k], table[i].path, &found);
                        cr_expect_eq(found.route, table[i].route, "%s %s: %d", methods[k], table[i].path, found.route);
                        cr_expect_eq(!found.allow, taken, "%s %s: %s", methods[k], table[i].path, found.allow);
                        cr_expect(taken || streq(found.allow, table[i].allow));
                }
}

Test(routes, a_path_is_divided)
{
        struct route_found found;
        char path[ROUTE_PATH_MAX + 100];

        route_find("GET", "/exec/ns/pod.with.dots/uid/c", &found);
        cr_assert_eq(found.n, 5);
        cr_assert_str_eq(found.segment[0], "exec");
        cr_assert_str_eq(found.segment[1], "ns");
        cr_assert_str_eq(found.segment[2], "pod.with.dots");
        cr_assert_str_eq(found.segment[3], "uid");
        cr_assert_str_eq(found.segment[4], "c");
        memset(path, 'x', sizeof(path));
        memcpy(path, "/exec/ns/p/", 11);
        for (size_t n = ROUTE_PATH_MAX - 2; n < ROUTE_PATH_MAX + 3; n++) {
                path[n] = '\0';
                route_find("GET", path, &found);
                cr_assert_eq(found.route, n < ROUTE_PATH_MAX ? ROUTE_EXEC : ROUTE_NONE, "%zu", n);
                path[n] = 'x';
        }
}

/* Each route is below a top that is told, and each top has a route. */
Test(routes, tops_are_all_there)
{
        const char *tops[64];
        size_t n = route_tops(tops, ARRAY_LEN(tops));

        cr_assert_lt(n, ARRAY_LEN(tops));
        for (size_t k = 1; k < n; k++)
                cr_expect_lt(strcmp(tops[k - 1], tops[k]), 0, "%s", tops[k]);
        for (size_t i = 0; i < ARRAY_LEN(table); i++) {
                bool told = table[i].route == ROUTE_NONE || table[i].route == ROUTE_STATUSZ;

                for (size_t k = 0; k < n; k++) {
                        size_t size = strlen(tops[k]);

                        told |= starts_with(table[i].path, tops[k]) && strchr("/", table[i].path[size]);
                }
                cr_expect(told, "%s", table[i].path);
        }
        for (size_t k = 0; k < n; k++) {
                bool used = false;

                for (size_t i = 0; i < ARRAY_LEN(table); i++)
                        used |= table[i].route != ROUTE_NONE && starts_with(table[i].path, tops[k]);
                cr_expect(used, "%s", tops[k]);
        }
}
