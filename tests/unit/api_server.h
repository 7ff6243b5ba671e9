/* SPDX-License-Identifier: Apache-2.0 */
/* The agent's API client, talking to a handler in the test (http_server.h). */
#ifndef VKS_TESTS_API_SERVER_H
#define VKS_TESTS_API_SERVER_H

#include "agent/client/api.h"
#include "tests/unit/http_server.h"

static inline struct api *api_start(struct server *s, void (*handler)(struct server *s, int fd, const char *request),
                                    void *userdata, const char *token_file)
{
        CLEANUP(freep) char *url = NULL;
        struct kubeconfig k = { .token = (char *)(uintptr_t) "secret", .token_file = (char *)(uintptr_t)token_file };
        struct api *a = NULL;
        struct err e;

        server_start(s, handler, userdata);
        k.server = url = xasprintf("http://127.0.0.1:%d", s->port);
        cr_assert_eq(api_new(s->event, &k, &a, &e), 0, "%s", e.text);
        return a;
}

static inline bool request_is(const char *request, const char *method_and_path)
{
        size_t n = strlen(method_and_path);

        return strncmp(request, method_and_path, n) == 0 && strchr(" ?", request[n]);
}

#endif
