/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/server/routes.h"

#include <stdlib.h>

#define GET_ONLY    "GET"
#define GET_OR_POST "GET, POST"

/*
 * "*" is one segment, whatever it is; "**", at the end, all that may follow. Where `allow` is NULL, the kubelet asks
 * for no method either, and a path with "/" behind it is another path.
 */
static const struct row {
        const char *path;
        enum route route;
        const char *allow;
} rows[] = {
        { "/healthz", ROUTE_HEALTHZ, NULL },
        { "/healthz/ping", ROUTE_HEALTHZ, NULL },
        { "/healthz/log", ROUTE_HEALTHZ, NULL },
        { "/healthz/syncloop", ROUTE_HEALTHZ, NULL },
        { "/pods", ROUTE_PODS, GET_ONLY },
        { "/runningpods", ROUTE_RUNNING_PODS, GET_ONLY },
        { "/configz", ROUTE_CONFIGZ, NULL },
        { "/statusz", ROUTE_STATUSZ, NULL },
        { "/flagz", ROUTE_FLAGZ, NULL },
        { "/metrics", ROUTE_METRICS, NULL },
        { "/metrics/cadvisor", ROUTE_METRICS_CADVISOR, NULL },
        { "/metrics/probes", ROUTE_METRICS_PROBES, NULL },
        { "/metrics/resource", ROUTE_METRICS_RESOURCE, NULL },
        { "/metrics/slis", ROUTE_METRICS_SLIS, NULL },
        { "/stats/summary", ROUTE_STATS_SUMMARY, GET_OR_POST },
        { "/logs", ROUTE_NODE_LOGS, GET_ONLY },
        { "/logs/**", ROUTE_NODE_LOGS, GET_ONLY },
        { "/containerLogs/*/*/*", ROUTE_LOGS, GET_ONLY },
        { "/run/*/*/*", ROUTE_RUN, "POST" },
        { "/run/*/*/*/*", ROUTE_RUN, "POST" },
        { "/exec/*/*/*", ROUTE_EXEC, GET_OR_POST },
        { "/exec/*/*/*/*", ROUTE_EXEC, GET_OR_POST },
        { "/attach/*/*/*", ROUTE_ATTACH, GET_OR_POST },
        { "/attach/*/*/*/*", ROUTE_ATTACH, GET_OR_POST },
        { "/portForward/*/*", ROUTE_PORT_FORWARD, GET_OR_POST },
        { "/portForward/*/*/*", ROUTE_PORT_FORWARD, GET_OR_POST },
        { "/debug/pprof", ROUTE_NO_PROFILES, NULL },
        { "/debug/pprof/**", ROUTE_NO_PROFILES, NULL },
        { "/debug/flags/v", ROUTE_NO_FLAGS, NULL },
};

static bool fits(const char *pattern, const char *path)
{
        while (*pattern && *path) {
                if (streq(pattern, "**"))
                        return true;
                if (*pattern == '*') {
                        size_t n = strcspn(path, "/");

                        if (n == 0)
                                return false;
                        path += n;
                        pattern++;
                } else if (*pattern++ != *path++) {
                        return false;
                }
        }
        return (!*pattern || streq(pattern, "**")) && !*path;
}

static bool is_method_of(const char *allow, const char *method)
{
        size_t n = strlen(method);

        for (const char *s = allow; s; s = strchr(s, ' ') ? strchr(s, ' ') + 1 : NULL)
                if (strncmp(s, method, n) == 0 && strcspn(s, ",") == n)
                        return true;
        return false;
}

/* "/a/b/c" in ret->text into its segments. */
static void split(struct route_found *ret)
{
        for (char *s = ret->text; *s && ret->n < ARRAY_LEN(ret->segment);) {
                *s++ = '\0';
                ret->segment[ret->n++] = s;
                s += strcspn(s, "/");
        }
}

void route_find(const char *method, const char *path, struct route_found *ret)
{
        size_t size = strlen(path);
        bool slash = size > 1 && path[size - 1] == '/';

        *ret = (struct route_found){ 0 };
        if (size >= sizeof(ret->text))
                return; /* no name of a namespace, a pod or a container is that long */
        memcpy(ret->text, path, size - slash);
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                const struct row *row = &rows[i];

                if (!fits(row->path, row->allow ? ret->text : path))
                        continue;
                ret->route = row->route;
                if (row->allow && !is_method_of(row->allow, method))
                        ret->allow = row->allow;
                split(ret);
                return;
        }
}

/* The row's path is whole: "/pods", and not "/healthz/ping". */
static bool is_top(const struct row *row)
{
        return !strchr(row->path + 1, '/');
}

static int compare(const void *a, const void *b)
{
        return strcmp(*(const char *const *)a, *(const char *const *)b);
}

size_t route_tops(const char *ret[], size_t max)
{
        /* of those that have no path of their own */
        static const char *const others[] = { "/stats",  "/containerLogs", "/run",  "/exec",
                                              "/attach", "/portForward",   "/debug" };
        size_t n = 0;

        for (size_t i = 0; i < ARRAY_LEN(rows) && n < max; i++)
                if (is_top(&rows[i]) && rows[i].route != ROUTE_STATUSZ)
                        ret[n++] = rows[i].path;
        for (size_t i = 0; i < ARRAY_LEN(others) && n < max; i++)
                ret[n++] = others[i];
        qsort(ret, n, sizeof(ret[0]), compare);
        return n;
}
