/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/certs/k3s_signer.h"

#include <errno.h>
#include <systemd/sd-event.h>

#include "agent/certs/k3s.h"
#include "agent/certs/store.h"
#include "agent/client/http.h"
#include "agent/client/server_url.h"
#include "common/mem.h"

enum { TIMEOUT_MS = 30000 };

struct k3s_signer {
        struct signer signer;
        sd_event *event;
        struct http *http; /* of its own: at a supervisor's port there may be no HTTP/2, and no API server */
        char *server, *connect_to, *ca_pem;
        char *dir, *node_name;
};

struct signing {
        struct k3s_signer *owner;
        const struct signer_handler *handler;
        void *userdata;
        struct http_call *call;
        sd_event_source *soon; /* it failed before anything was asked */
        struct err failure;
};

static void signing_cancel(struct signing *s)
{
        if (!s)
                return;
        http_cancel(s->call);
        sd_event_source_disable_unref(s->soon);
        free(s);
}

static void fail(struct signing *s, const struct err *e)
{
        const struct signer_handler *handler = s->handler;
        void *userdata = s->userdata;
        struct err copy = *e;

        signing_cancel(s);
        handler->failed(userdata, &copy);
}

static int fail_soon(UNUSED sd_event_source *source, UNUSED uint64_t usec, void *userdata)
{
        struct signing *s = userdata;

        fail(s, &s->failure);
        return 0;
}

static void on_done(void *userdata, const struct http_response *r)
{
        struct signing *s = userdata;
        const struct signer_handler *handler = s->handler;
        struct err e = ERR_NONE;

        s->call = NULL;
        if (r->error < 0)
                err_set(&e, r->error, NULL, "%s: %s", s->owner->server, r->text);
        else
                k3s_judge(r->status, r->body, s->owner->node_name, true, &e);
        if (e.code < 0) {
                fail(s, &e);
                return;
        }
        userdata = s->userdata;
        signing_cancel(s);
        handler->done(userdata, r->body, r->size);
}

/* The certificate of now, which this may be about to replace. */
static int take_identity(struct k3s_signer *k, struct err *e)
{
        CLEANUP(cert_wipep) char *pair = NULL;
        size_t size;
        int r = cert_store_read(k->dir, CERT_CLIENT, &pair, &size, e);

        if (r < 0)
                return r;
        http_set_identity(k->http, &(struct http_identity){
                                           .ca_pem = k->ca_pem,
                                           .cert_pem = pair,
                                           .key_pem = pair,
                                           .connect_to = k->connect_to,
                                   });
        return 0;
}

static int start(struct signing *s, const struct cert_request *request, bool serving, struct err *e)
{
        struct k3s_signer *k = s->owner;
        CLEANUP(freep) char *url = xasprintf("%s%s", k->server, serving ? K3S_SERVING_PATH : K3S_CLIENT_PATH);
        CLEANUP(cert_wipep) char *word = NULL;
        char *lines[K3S_HEADERS + 1] = { NULL };
        size_t size;
        int r = cert_store_read(k->dir, CERT_NODE_WORD, &word, &size, e);

        if (r == 0)
                r = take_identity(k, e);
        if (r < 0)
                return r;
        word[strcspn(word, "\n")] = '\0';
        k3s_headers(k->node_name, word, cert_request_ips(request), lines);
        s->call = http_start(k->http, &(struct http_request){
                                              .method = "POST",
                                              .url = url,
                                              .headers = (const char *const *)lines,
                                              .body = cert_request_der(request, &size),
                                              .body_size = size,
                                              .timeout_ms = TIMEOUT_MS,
                                              .line = HTTP_ALONE,
                                              .body_max = CERT_ANSWER_MAX,
                                              .done = on_done,
                                              .userdata = s,
                                      });
        k3s_headers_done(lines);
        return 0;
}

static struct signing *ask(void *self, const struct cert_request *r, bool serving, const struct signer_handler *handler,
                           void *userdata)
{
        struct k3s_signer *k = self;
        struct signing *s = NEW(struct signing);

        s->owner = k;
        s->handler = handler;
        s->userdata = userdata;
        if (start(s, r, serving, &s->failure) < 0)
                sd_event_add_time_relative(k->event, &s->soon, CLOCK_MONOTONIC, 0, 0, fail_soon, s);
        return s;
}

static void signer_free(struct signer *s)
{
        k3s_signer_free(s);
}

int k3s_signer_new(sd_event *event, const struct kubeconfig *kubeconfig, const char *server, const char *dir,
                   const char *node_name, struct signer **ret, struct err *e)
{
        struct k3s_signer *k = NEW(struct k3s_signer);

        k->signer = (struct signer){ .name = "k3s",
                                     .bare_serving_name = true,
                                     .ask = ask,
                                     .cancel = signing_cancel,
                                     .free = signer_free,
                                     .self = k };
        if (server_url_named(server, kubeconfig->server_name, &k->server, &k->connect_to, e) < 0) {
                free(k);
                return e ? e->code : -EINVAL;
        }
        k->event = sd_event_ref(event);
        k->http = http_new(event);
        k->ca_pem = xstrdup(kubeconfig->ca_pem);
        k->dir = xstrdup(dir);
        k->node_name = xstrdup(node_name);
        *ret = &k->signer;
        return 0;
}

struct signer *k3s_signer_free(struct signer *s)
{
        struct k3s_signer *k = s ? s->self : NULL;

        if (!k)
                return NULL;
        http_free(k->http);
        sd_event_unref(k->event);
        free(k->server);
        free(k->connect_to);
        free(k->ca_pem);
        free(k->dir);
        free(k->node_name);
        free(k);
        return NULL;
}
