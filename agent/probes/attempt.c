/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/probes/attempt.h"

#include <errno.h>
#include <stdio.h>

#include "agent/client/http_get.h"
#include "agent/pods/content.h"
#include "agent/probes/grpc_health.h"
#include "common/mem.h"

#define USER_AGENT "kube-probe/" VKS_VERSION

enum {
        OUTPUT_MAX = 10 * 1024, /* of a command; the kubelet's number (pkg/kubelet/prober, maxRespBodyLength) */
        WORDS_MAX = 12 * 1024,
        REQUEST_MAX = 8 * 1024, /* to a gRPC server */
        TIMEOUT_MAX_S = 24 * 3600,
};

struct attempt {
        /* one of these, while it runs */
        struct http_get *get;
        struct http_call *call;
        struct command_run *run;

        struct grpc_answer grpc;
        char *host, *service;
        uint16_t port;
        char *command; /* with blanks between its words, for a person */
        unsigned timeout_s;
        attempt_done done;
        void *userdata;
};

static void attempt_free(struct attempt *a)
{
        free(a->host);
        free(a->service);
        free(a->command);
        free(a);
}

struct attempt *attempt_cancel(struct attempt *a)
{
        if (!a)
                return NULL;
        http_get_cancel(a->get);
        http_cancel(a->call);
        if (a->run)
                command_run_cancel(a->run);
        attempt_free(a);
        return NULL;
}

/* Lets go of itself before it tells: whoever listens may begin the next attempt. */
static void end(struct attempt *a, enum attempt_result result, const char *text)
{
        attempt_done done = a->done;
        void *userdata = a->userdata;

        attempt_free(a);
        done(userdata, result, text);
}

static unsigned timeout_s(const struct probe *p)
{
        return p->timeout_s < TIMEOUT_MAX_S ? p->timeout_s : TIMEOUT_MAX_S;
}

/* ---- httpGet ----------------------------------------------------------------------------------------------------- */

static void on_got(void *userdata, const struct http_get_answer *r)
{
        struct attempt *a = userdata;
        CLEANUP(buf_done) struct buf words = BUF(WORDS_MAX);

        a->get = NULL;
        if (r->error) {
                end(a, ATTEMPT_BAD, r->text);
        } else if (r->status >= 200 && r->status < 300) {
                end(a, ATTEMPT_GOOD, "");
        } else if (r->status >= 300 && r->status < 400) {
                buf_printf(&words, "Probe terminated redirects, Response body: %s", r->body);
                end(a, ATTEMPT_WARNED, words.data);
        } else {
                buf_printf(&words, "HTTP probe failed with statuscode: %ld", r->status);
                end(a, ATTEMPT_BAD, words.data);
        }
}

static void try_http(struct attempt *a, const struct attempt_means *means, const struct probe *p)
{
        const struct http_get_request r = {
                .https = p->https,
                .host = a->host,
                .port = p->port,
                .path = p->path,
                .headers = (const char *const *)p->headers,
                .user_agent = USER_AGENT,
                .timeout_ms = a->timeout_s * 1000,
        };

        a->get = http_get_start(means->http, &r, on_got, a);
}

/* ---- tcpSocket and grpc ------------------------------------------------------------------------------------------ */

static char *make_url(const struct attempt *a, const char *path)
{
        bool brackets = strchr(a->host, ':');

        return xasprintf("http://%s%s%s:%u%s", brackets ? "[" : "", a->host, brackets ? "]" : "", (unsigned)a->port,
                         path);
}

static void on_connected(void *userdata, const struct http_response *r)
{
        struct attempt *a = userdata;
        CLEANUP(freep) char *words = r->error ? http_get_words(r, a->host, a->port) : NULL;

        a->call = NULL;
        end(a, r->error ? ATTEMPT_BAD : ATTEMPT_GOOD, words ? words : "");
}

static void try_tcp(struct attempt *a, const struct attempt_means *means)
{
        CLEANUP(freep) char *url = make_url(a, "/");
        const struct http_request r = {
                .method = "GET",
                .url = url,
                .urgent = true,
                .timeout_ms = a->timeout_s * 1000,
                .line = HTTP_CONNECT,
                .done = on_connected,
                .userdata = a,
        };

        a->call = http_start(means->http, &r);
}

static void on_line(void *userdata, const char *line, size_t size)
{
        grpc_take_line(&((struct attempt *)userdata)->grpc, line, size);
}

static void on_health(void *userdata, const struct http_response *r)
{
        struct attempt *a = userdata;
        CLEANUP(buf_done) struct buf words = BUF(WORDS_MAX);
        bool healthy = false;

        a->call = NULL;
        if (r->error == -ETIMEDOUT && !r->status) {
                buf_printf(&words, "timeout: failed to connect service \"%s:%u\" within %us: context deadline exceeded",
                           a->host, (unsigned)a->port, a->timeout_s);
        } else if (r->error == -ETIMEDOUT || a->grpc.code == GRPC_DEADLINE) {
                buf_printf(&words, "timeout: health rpc did not complete within %us", a->timeout_s);
        } else if (r->error) {
                CLEANUP(freep) char *why = http_get_words(r, a->host, a->port);
                buf_printf(&words, "error: health rpc probe failed: %s", why);
        } else {
                healthy = grpc_is_healthy(&a->grpc, r->body, r->size, &words);
        }
        end(a, healthy ? ATTEMPT_GOOD : ATTEMPT_BAD, words.data);
}

static void try_grpc(struct attempt *a, const struct attempt_means *means)
{
        static const char user_agent[] = "User-Agent: " USER_AGENT;
        static const char *const headers[] = { "Content-Type: application/grpc", "TE: trailers", user_agent,
                                               "Accept:", NULL };
        CLEANUP(freep) char *url = make_url(a, "/grpc.health.v1.Health/Check");
        CLEANUP(buf_done) struct buf body = BUF(REQUEST_MAX);
        struct http_request r = {
                .method = "POST",
                .url = url,
                .headers = headers,
                .urgent = true,
                .timeout_ms = a->timeout_s * 1000,
                .line = HTTP_ALONE_2,
                .body_max = GRPC_ANSWER_MAX,
                .head = on_line,
                .done = on_health,
                .userdata = a,
        };

        a->grpc.code = -1;
        grpc_health_request(&body, a->service);
        r.body = body.data;
        r.body_size = body.len;
        a->call = http_start(means->http, &r);
}

/* ---- exec -------------------------------------------------------------------------------------------------------- */

static void on_run(void *userdata, int exit_code, const char *text, UNUSED size_t size)
{
        struct attempt *a = userdata;
        CLEANUP(buf_done) struct buf words = BUF(WORDS_MAX);

        a->run = NULL;
        if (exit_code == COMMAND_TIMED_OUT) {
                buf_printf(&words, "command timed out: \"%.*s\" timed out after %us", OUTPUT_MAX, a->command,
                           a->timeout_s);
                end(a, ATTEMPT_BAD, words.data);
        } else {
                end(a, exit_code < 0 ? ATTEMPT_UNKNOWN : exit_code ? ATTEMPT_BAD : ATTEMPT_GOOD, text);
        }
}

char **attempt_words(char *const *command, const struct container *c)
{
        Vks__Env *all = xcalloc(c->n_env, sizeof(*all));
        const Vks__Env **env = xcalloc(c->n_env, sizeof(*env));
        char **v = NULL;
        size_t n_env = 0, n = 0;

        for (size_t i = 0; i < c->n_env; i++) {
                if (c->env[i].kind != SOURCE_VALUE)
                        continue;
                vks__env__init(&all[n_env]);
                all[n_env].name = c->env[i].name;
                all[n_env].value.data = (uint8_t *)c->env[i].text;
                all[n_env].value.len = strlen(c->env[i].text);
                env[n_env] = &all[n_env];
                n_env++;
        }
        for (; *command; command++)
                strv_push(&v, &n, content_expand(*command, env, n_env));
        free(all);
        free(env);
        return v;
}

static void try_exec(struct attempt *a, const struct attempt_means *means, const struct pods_container *where,
                     const struct probe *p)
{
        CLEANUP(strv_freep) char **argv = attempt_words(p->command, where->container);
        struct buf words = BUF(OUTPUT_MAX);

        for (char **w = argv; w && *w; w++)
                buf_printf(&words, "%s%s", w == argv ? "" : " ", *w);
        a->command = buf_steal(&words);
        a->run = command_run(means->commands, where, argv, "kubelet-probe", OUTPUT_MAX,
                             (uint64_t)a->timeout_s * 1000 * 1000, on_run, a);
}

struct attempt *attempt_start(const struct attempt_means *means, const struct pods_container *where,
                              const struct probe *p, attempt_done done, void *userdata)
{
        struct attempt *a = NEW(struct attempt);

        a->host = xstrdup(p->host && p->kind != PROBE_GRPC ? p->host : means->ip);
        a->port = p->port;
        a->service = xstrdup(p->service);
        a->timeout_s = timeout_s(p);
        a->done = done;
        a->userdata = userdata;
        switch (p->kind) {
        case PROBE_EXEC:
                try_exec(a, means, where, p);
                break;
        case PROBE_HTTP:
                try_http(a, means, p);
                break;
        case PROBE_TCP:
                try_tcp(a, means);
                break;
        case PROBE_GRPC:
                try_grpc(a, means);
                break;
        }
        return a;
}
