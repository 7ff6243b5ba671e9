/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/server/routes.h"

#define GET_ONLY    "GET"
#define GET_OR_POST "GET, POST"

/*
 * "*" is one segment, whatever it is. Where `allow` is NULL, the kubelet asks for no method either, and a path with "/"
 * behind it is another path.
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
        { "/metrics", ROUTE_METRICS, NULL },
        { "/metrics/cadvisor", ROUTE_METRICS_CADVISOR, NULL },
        { "/metrics/probes", ROUTE_METRICS_PROBES, NULL },
        { "/metrics/resource", ROUTE_METRICS_RESOURCE, NULL },
        { "/stats/summary", ROUTE_STATS_SUMMARY, GET_OR_POST },
        { "/containerLogs/*/*/*", ROUTE_LOGS, GET_ONLY },
        { "/run/*/*/*", ROUTE_RUN, "POST" },
        { "/run/*/*/*/*", ROUTE_RUN, "POST" },
        { "/exec/*/*/*", ROUTE_EXEC, GET_OR_POST },
        { "/exec/*/*/*/*", ROUTE_EXEC, GET_OR_POST },
        { "/attach/*/*/*", ROUTE_ATTACH, GET_OR_POST },
        { "/attach/*/*/*/*", ROUTE_ATTACH, GET_OR_POST },
        { "/portForward/*/*", ROUTE_PORT_FORWARD, GET_OR_POST },
        { "/portForward/*/*/*", ROUTE_PORT_FORWARD, GET_OR_POST },
};

static bool fits(const char *pattern, const char *path)
{
        while (*pattern && *path) {
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
        return !*pattern && !*path;
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

                if (!fits(row->path, ret->text) || (slash && !row->allow))
                        continue;
                ret->route = row->route;
                if (row->allow && !is_method_of(row->allow, method))
                        ret->allow = row->allow;
                split(ret);
                return;
        }
}
