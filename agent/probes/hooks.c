/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/probes/hooks.h"

#include <stdio.h>
#include <utlist.h>

#include "agent/client/http_get.h"
#include "agent/probes/attempt.h"
#include "common/buf.h"
#include "common/log.h"
#include "common/mem.h"

#define USER_AGENT "kube-lifecycle/" VKS_VERSION

enum {
        OUTPUT_MAX = 512, /* of what a command wrote, for the event */
        TEXT_MAX = 4096,
};
#define NO_LIMIT_USEC (30 * UINT64_C(24) * 3600 * USEC_PER_SEC) /* longer than anybody waits */

struct hooks {
        sd_event *event;
        struct pods *pods;
        struct commands *commands;
        struct http *http;
        const char *ip;
        struct hook *all;
};

struct hook {
        struct hooks *hooks;
        struct hook *prev, *next;
        char uid[ID_UID_MAX + 1];
        char invocation[33];
        size_t index;
        enum hook_kind kind;
        char *what; /* as a failure names it */

        /* one of these, while it runs; the timer also for what failed at once */
        struct command_run *run;
        struct http_get *get;
        sd_event_source *timer;
        const char *failure; /* what the timer tells; NULL: that it went well */
};

static void hook_free(struct hook *k)
{
        DL_DELETE(k->hooks->all, k);
        if (k->run)
                command_run_cancel(k->run);
        http_get_cancel(k->get);
        sd_event_source_disable_unref(k->timer);
        free(k->what);
        free(k);
}

/* Lets go of itself before it tells. */
static void end(struct hook *k, const char *failure)
{
        struct pods *pods = k->hooks->pods;
        const struct hook was = *k;

        hook_free(k);
        pods_hook_ended(pods, was.uid, was.index, was.invocation, was.kind, failure);
}

/* ---- what it does ------------------------------------------------------------------------------------------------ */

static int on_timer(UNUSED sd_event_source *source, UNUSED uint64_t usec, void *userdata)
{
        struct hook *k = userdata;
        CLEANUP(freep) char *text = k->failure ? xasprintf("%s failed - error: %s", k->what, k->failure) : NULL;

        end(k, text);
        return 0;
}

static void wait_for(struct hook *k, uint64_t usec, const char *failure)
{
        k->failure = failure;
        if (sd_event_add_time_relative(k->hooks->event, &k->timer, CLOCK_MONOTONIC, usec, 0, on_timer, k) < 0)
                log_warning("a hook cannot be waited for");
}

static void on_run(void *userdata, int exit_code, const char *output, size_t size)
{
        struct hook *k = userdata;
        CLEANUP(buf_done) struct buf text = BUF(TEXT_MAX);

        k->run = NULL;
        if (exit_code == 0) {
                end(k, NULL);
                return;
        }
        buf_printf(&text, "%.1024s failed - error: ", k->what);
        if (exit_code == COMMAND_TIMED_OUT)
                buf_str(&text, "it did not complete in the grace period");
        else if (exit_code < 0)
                buf_printf(&text, "%.*s", (int)size, output);
        else
                buf_printf(&text, "the command exited with %d, message: \"%.*s\"", exit_code, (int)size, output);
        end(k, text.data);
}

static void run_command(struct hook *k, const struct pods_container *where, const struct probe *asks, uint64_t usec)
{
        CLEANUP(strv_freep) char **argv = attempt_words(asks->command, where->container);

        k->run = command_run(k->hooks->commands, where, argv, "kubelet-lifecycle", OUTPUT_MAX, usec, on_run, k);
}

/* Whatever the status is, it was an answer (handlers.go, runHTTPHandler). */
static void on_got(void *userdata, const struct http_get_answer *a)
{
        struct hook *k = userdata;
        CLEANUP(freep) char *text = a->error ? xasprintf("%s failed - error: %.1024s", k->what, a->text) : NULL;

        k->get = NULL;
        end(k, text);
}

static void get(struct hook *k, const struct probe *asks, uint64_t usec)
{
        const struct http_get_request r = {
                .https = asks->https,
                .host = asks->host ? asks->host : k->hooks->ip,
                .port = asks->port,
                .path = asks->path,
                .headers = (const char *const *)asks->headers,
                .user_agent = USER_AGENT,
                .timeout_ms = usec / 1000 < INT32_MAX ? (unsigned)(usec / 1000) : INT32_MAX,
        };

        k->get = http_get_start(k->hooks->http, &r, on_got, k);
}

/* ---- all of them ------------------------------------------------------------------------------------------------- */

void hooks_begin(struct hooks *h, const char *pod_uid, size_t index, enum hook_kind kind, uint64_t usec)
{
        static const char *const names[] = { [PROBE_EXEC] = "Exec", [PROBE_HTTP] = "HTTP" };
        struct hook *k = NEW(struct hook);
        struct pods_container where;
        const struct handler *handler;
        const struct probe *asks;

        k->hooks = h;
        k->index = index;
        k->kind = kind;
        snprintf(k->uid, sizeof(k->uid), "%s", pod_uid);
        DL_APPEND(h->all, k);
        if (!pods_container_at(h->pods, pod_uid, index, &where) || !where.container->hooks[kind]) {
                hook_free(k);
                return;
        }
        handler = where.container->hooks[kind];
        asks = handler->asks;
        snprintf(k->invocation, sizeof(k->invocation), "%s", where.state->invocation);
        if (!usec)
                usec = NO_LIMIT_USEC;
        k->what = xasprintf("%s lifecycle hook (%s) for Container \"%s\" in Pod \"%s_%s(%s)\"",
                            !asks                                                  ? "Sleep"
                            : asks->kind == PROBE_EXEC || asks->kind == PROBE_HTTP ? names[asks->kind]
                                                                                   : "Unsupported",
                            hook_fields[kind], where.container->name, where.pod->id.name, where.pod->id.namespace,
                            where.pod->id.uid);
        if (!asks) {
                uint64_t sleep = (uint64_t)handler->sleep_s * USEC_PER_SEC;
                wait_for(k, sleep < usec ? sleep : usec,
                         sleep < usec ? NULL : "it did not complete in the grace period");
        } else if (asks->wrong) {
                wait_for(k, 0, "its port is not one of the container's");
        } else if (asks->kind == PROBE_EXEC) {
                run_command(k, &where, asks, usec);
        } else if (asks->kind == PROBE_HTTP) {
                get(k, asks, usec);
        } else {
                wait_for(k, 0, "invalid handler: only exec, httpGet and sleep can be run");
        }
}

void hooks_forget(struct hooks *h, const char *pod_uid)
{
        struct hook *k, *next;

        DL_FOREACH_SAFE (h->all, k, next)
                if (streq(k->uid, pod_uid))
                        hook_free(k);
}

struct hooks *hooks_new(sd_event *event, struct pods *pods, struct commands *commands, const char *ip)
{
        struct hooks *h = NEW(struct hooks);

        h->event = event;
        h->pods = pods;
        h->commands = commands;
        h->http = http_get_client(event);
        h->ip = ip;
        return h;
}

struct hooks *hooks_free(struct hooks *h)
{
        if (!h)
                return NULL;
        while (h->all)
                hook_free(h->all);
        http_free(h->http);
        free(h);
        return NULL;
}
