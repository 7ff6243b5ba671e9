/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/client/api.h"

#include <ctype.h>
#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <utlist.h>

#include "agent/client/http.h"
#include "agent/client/server_url.h"
#include "agent/lib/json.h"
#include "common/buf.h"
#include "common/file.h"
#include "common/log.h"
#include "common/mem.h"

#define TOKEN_AGE_USEC UINT64_C(60000000)
enum {
        TIMEOUT_MS = 30000,
        TOKEN_SIZE_MAX = 64 * 1024,
        ANSWERS_MAX = 64, /* pairs of a method and a status; a server that makes up more of them is not counted */
};

struct api {
        sd_event *event;
        struct http *http;
        char *server; /* what paths are put behind */
        char *token;  /* given, or what token_file held at token_usec */
        char *token_file;
        uint64_t token_usec;
        bool token_refused;
        bool away; /* no answer last time, and said so */
        uint64_t requests;
        struct api_answers answers[ANSWERS_MAX];
        size_t n_answers;
        struct api_call *calls;
};

struct api_call {
        struct api *api;
        struct http_call *http;
        const char *method;
        char *what; /* "GET /api/v1/pods", for messages */
        api_data data;
        api_done done;
        void *userdata;
        bool told; /* of a good answer nobody reads more than that it is good */
        struct api_call *prev, *next;
};

static const char *const methods[] = {
        [API_GET] = "GET", [API_POST] = "POST", [API_PUT] = "PUT", [API_PATCH] = "PATCH", [API_DELETE] = "DELETE",
};

static char *wipe(char *s)
{
        if (s)
                explicit_bzero(s, strlen(s));
        free(s);
        return NULL;
}

/* ---- who we are -------------------------------------------------------------------------------------------------- */

int api_set_config(struct api *a, const struct kubeconfig *config, struct err *e)
{
        CLEANUP(freep) char *connect_to = NULL;
        char *server = NULL;
        int r = server_url_named(config->server, config->server_name, &server, &connect_to, e);

        if (r < 0)
                return r;
        free(a->server);
        a->server = server;
        wipe(a->token);
        a->token = xstrdup(config->token_file ? NULL : config->token);
        free(a->token_file);
        a->token_file = xstrdup(config->token_file);
        a->token_usec = 0;
        http_set_identity(a->http, &(struct http_identity){
                                           .ca_pem = config->ca_pem,
                                           .cert_pem = config->cert_pem,
                                           .key_pem = config->key_pem,
                                           .insecure = config->insecure,
                                           .connect_to = connect_to,
                                   });
        http_close_connections(a->http);
        return 0;
}

void api_set_certificate(struct api *a, const char *cert_pem, const char *key_pem)
{
        http_set_certificate(a->http, cert_pem, key_pem);
}

/* Tokens in files rotate. One that cannot be read now leaves the one before, which may still be good. */
static void refresh_token(struct api *a)
{
        char *text;
        size_t size;
        uint64_t now = 0;
        struct err e;

        sd_event_now(a->event, CLOCK_MONOTONIC, &now);
        if (!a->token_file || (a->token_usec && !a->token_refused && now - a->token_usec < TOKEN_AGE_USEC))
                return;
        a->token_usec = now;
        a->token_refused = false;
        if (file_read(a->token_file, TOKEN_SIZE_MAX, &text, &size, &e) < 0) {
                log_warning("cannot read the token: %s", e.text);
                return;
        }
        while (size > 0 && isspace((unsigned char)text[size - 1]))
                text[--size] = '\0';
        for (size_t i = 0; i < size; i++)
                if (!isgraph((unsigned char)text[i])) {
                        log_warning("%s: not a token", a->token_file);
                        wipe(text);
                        return;
                }
        wipe(a->token);
        a->token = text;
}

/* ---- answers ----------------------------------------------------------------------------------------------------- */

int api_error(long status, const char *reason)
{
        if (status / 100 == 2)
                return 0;
        switch (status) {
        case 400:
        case 422:
                return -EINVAL;
        case 401:
        case 403:
                return -EACCES;
        case 404:
                return -ENOENT;
        case 409:
                return streq(reason, "AlreadyExists") ? -EEXIST : -ESTALE;
        case 410:
                return -EKEYEXPIRED;
        case 429:
                return -EBUSY;
        default:
                return -EIO;
        }
}

static void count_answer(struct api *a, const char *method, long status)
{
        struct api_answers *known = a->answers;

        while (known < a->answers + a->n_answers && (known->method != method || known->status != status))
                known++;
        if (known == a->answers + ANSWERS_MAX)
                return;
        if (known == a->answers + a->n_answers) {
                *known = (struct api_answers){ .method = method, .status = status };
                a->n_answers++;
        }
        known->n++;
}

size_t api_answers(const struct api *a, struct api_answers *ret, size_t max)
{
        size_t n = a->n_answers < max ? a->n_answers : max;

        memcpy(ret, a->answers, n * sizeof(*ret));
        return n;
}

const char *api_peer(const struct api *a)
{
        return http_peer(a->http);
}

const char *api_server(const struct api *a)
{
        return a->server;
}

/* Says once that the server went away, and once that it is back. */
static void note_answer(struct api *a, const struct http_response *h)
{
        if (h->status == 0 && !a->away)
                log_warning("no answer from the API server %s: %s", a->server, h->text);
        if (h->status != 0 && a->away)
                log_info("the API server %s answers again", a->server);
        a->away = h->status == 0;
}

/* `h` as Kubernetes means it. */
static void interpret(const struct api_call *c, const struct http_response *h, struct api_response *r)
{
        const char *reason, *message;
        const cJSON *details;

        r->status = h->status;
        r->retry_after_s = h->retry_after_s;
        if (h->error < 0) {
                r->error = err_set(&r->err, h->error, NULL, "%s: %s", c->what, h->text);
                return;
        }
        if (c->told && h->status / 100 == 2)
                return;
        if (h->size > 0)
                r->body = json_parse_unmanaged(h->body, h->size);
        reason = json_str(r->body, "reason");
        message = json_str(r->body, "message");
        details = json_get(r->body, "details");
        if (r->retry_after_s == 0 && json_int(details, "retryAfterSeconds", 0) > 0)
                r->retry_after_s = (unsigned)json_int(details, "retryAfterSeconds", 0) % 3600;
        r->error = api_error(h->status, reason);
        if (r->error < 0 && message)
                err_set(&r->err, r->error, reason, "%s: %s", c->what, message);
        else if (r->error < 0)
                err_set(&r->err, r->error, NULL, "%s: HTTP status %ld: %.200s", c->what, h->status, h->body);
        else if (h->size > 0 && !r->body)
                r->error = err_set(&r->err, -EIO, NULL, "%s: the answer is not JSON", c->what);
}

static void call_destroy(struct api_call *c)
{
        DL_DELETE(c->api->calls, c);
        free(c->what);
        free(c);
}

static void on_done(void *userdata, const struct http_response *h)
{
        struct api_call *c = userdata;
        struct api_response r = { 0 };
        api_done done = c->done;

        userdata = c->userdata;
        note_answer(c->api, h);
        count_answer(c->api, c->method, h->status);
        interpret(c, h, &r);
        if (h->status == 401)
                c->api->token_refused = true;
        call_destroy(c); /* first: the callee may free the api */
        done(userdata, &r);
        cJSON_Delete(r.body);
}

static void on_data(void *userdata, const char *data, size_t size)
{
        struct api_call *c = userdata;

        c->data(c->userdata, data, size);
}

/* ---- requests ---------------------------------------------------------------------------------------------------- */

static struct api_call *start(struct api *a, const char *method, const char *path, const char *content_type,
                              struct http_request *q, struct api_call *c)
{
        CLEANUP(freep) char *url = xasprintf("%s%s", a->server, path);
        CLEANUP(freep) char *type = content_type ? xasprintf("Content-Type: %s", content_type) : NULL;
        const char *headers[5] = { "Accept: application/json", "User-Agent: vks-agent/" VKS_VERSION };
        char *authorization = NULL;
        size_t n = 2;

        refresh_token(a);
        if (a->token)
                headers[n++] = authorization = xasprintf("Authorization: Bearer %s", a->token);
        if (type)
                headers[n++] = type;
        c->api = a;
        c->method = method;
        c->what = xasprintf("%s %.300s", method, path);
        q->method = method;
        q->url = url;
        q->headers = headers;
        q->body_max = API_BODY_MAX;
        q->done = on_done;
        q->userdata = c;
        DL_APPEND(a->calls, c);
        a->requests++;
        c->http = http_start(a->http, q);
        wipe(authorization);
        return c;
}

static struct api_call *ask(struct api *a, enum api_method method, const char *path, const cJSON *body,
                            unsigned timeout_ms, struct api_call *c)
{
        const char *type = method == API_PATCH ? "application/strategic-merge-patch+json" : "application/json";
        char *text = body ? cJSON_PrintUnformatted(body) : NULL;
        struct http_request q = {
                .body = text,
                .body_size = text ? strlen(text) : 0,
                .urgent = method == API_PUT,
                .timeout_ms = timeout_ms ? timeout_ms : TIMEOUT_MS,
        };

        start(a, methods[method], path, text ? type : NULL, &q, c);
        wipe(text); /* it may ask about a token */
        return c;
}

struct api_call *api_call(struct api *a, enum api_method method, const char *path, const cJSON *body,
                          unsigned timeout_ms, api_done done, void *userdata)
{
        struct api_call *c = NEW(struct api_call);

        c->done = done;
        c->userdata = userdata;
        return ask(a, method, path, body, timeout_ms, c);
}

struct api_call *api_tell(struct api *a, enum api_method method, const char *path, const cJSON *body,
                          unsigned timeout_ms, api_done done, void *userdata)
{
        struct api_call *c = NEW(struct api_call);

        c->done = done;
        c->userdata = userdata;
        c->told = true;
        return ask(a, method, path, body, timeout_ms, c);
}

struct api_call *api_stream(struct api *a, const char *path, unsigned silence_ms, api_data data, api_done done,
                            void *userdata)
{
        struct api_call *c = NEW(struct api_call);
        struct http_request q = { .silence_ms = silence_ms, .data = on_data };

        c->data = data;
        c->done = done;
        c->userdata = userdata;
        return start(a, methods[API_GET], path, NULL, &q, c);
}

struct api_call *api_cancel(struct api_call *c)
{
        if (c) {
                http_cancel(c->http);
                call_destroy(c);
        }
        return NULL;
}

void api_close_connections(struct api *a)
{
        http_close_connections(a->http);
}

uint64_t api_request_count(const struct api *a)
{
        return a->requests;
}

/* ---- life -------------------------------------------------------------------------------------------------------- */

int api_new(sd_event *event, const struct kubeconfig *config, struct api **ret, struct err *e)
{
        CLEANUP(api_freep) struct api *a = NEW(struct api);
        int r;

        a->event = sd_event_ref(event);
        a->http = http_new(event);
        r = api_set_config(a, config, e);
        if (r == 0)
                *ret = TAKE(a);
        return r;
}

struct api *api_free(struct api *a)
{
        if (!a)
                return NULL;
        while (a->calls)
                api_cancel(a->calls);
        http_free(a->http);
        sd_event_unref(a->event);
        free(a->server);
        wipe(a->token);
        free(a->token_file);
        free(a);
        return NULL;
}

char *api_escape(const char *s)
{
        struct buf b = BUF(3 * strlen(s));

        for (; *s; s++)
                if (isalnum((unsigned char)*s) || strchr("-._~", *s))
                        buf_char(&b, *s);
                else
                        buf_printf(&b, "%%%02X", (unsigned char)*s);
        return buf_steal(&b);
}
