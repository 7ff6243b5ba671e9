/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/server/who_may.h"

static const struct {
        const char *method, *verb;
} verbs[] = {
        { "POST", "create" }, { "GET", "get" }, { "PUT", "update" }, { "PATCH", "patch" }, { "DELETE", "delete" },
};

/* Each for itself and all that lies below it. What is not here is proxy's alone: logs of containers, exec, ... */
static const struct {
        const char *path, *subresource;
        bool or_proxy; /* the finer right came later: whoever has nodes/proxy keeps what he had */
} paths[] = {
        { "/stats", "stats", false },     { "/metrics", "metrics", false },
        { "/logs", "log", false },        { "/checkpoint", "checkpoint", false },
        { "/statusz", "statusz", false }, { "/flagz", "configz", false },
        { "/pods", "pods", true },        { "/allocatedPods", "pods", true },
        { "/runningpods", "pods", true }, { "/healthz", "healthz", true },
        { "/configz", "configz", true },
};

static bool lies_below(const char *path, const char *top)
{
        return starts_with(path, top) && (path[strlen(top)] == '\0' || path[strlen(top)] == '/');
}

struct who_may who_may(const char *method, const char *path)
{
        struct who_may may = { .verb = "" };

        for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
                if (streq(method, verbs[i].method))
                        may.verb = verbs[i].verb;
        for (size_t i = 0; i < ARRAY_LEN(paths); i++)
                if (lies_below(path, paths[i].path)) {
                        may.subresource[may.n++] = paths[i].subresource;
                        if (!paths[i].or_proxy)
                                return may;
                        break; /* none lies below another */
                }
        may.subresource[may.n++] = "proxy";
        return may;
}
