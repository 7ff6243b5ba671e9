/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/client/http_get.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <strings.h>

#include "agent/lib/times.h"
#include "common/buf.h"
#include "common/mem.h"

enum { REDIRECTS_MAX = 10, URL_MAX = 16 * 1024 };

struct http_get {
        struct http *http;
        struct http_call *call;
        char *url, *first; /* the present one; that of the first request */
        char *host;
        uint16_t port;
        char **headers;
        uint64_t deadline_ms; /* of CLOCK_MONOTONIC */
        unsigned redirects;
        http_get_done done;
        void *userdata;
};

struct http *http_get_client(sd_event *event)
{
        struct http *h = http_new(event);

        http_set_identity(h, &(struct http_identity){ .insecure = true });
        return h;
}

/* ---- the request ------------------------------------------------------------------------------------------------- */

/* What no URL can hold is escaped; everything else is the server's business. */
static char *make_url(const struct http_get_request *r)
{
        const char *brackets = strchr(r->host, ':') ? "[]" : "";
        struct buf b = BUF(URL_MAX);

        buf_printf(&b, "%s://%.1s%s%s:%u", r->https ? "https" : "http", brackets, r->host, *brackets ? "]" : "",
                   (unsigned)r->port);
        if (!r->path || *r->path != '/')
                buf_char(&b, '/');
        for (const char *p = r->path ? r->path : ""; *p; p++)
                if ((unsigned char)*p <= ' ' || (unsigned char)*p >= 0x7f)
                        buf_printf(&b, "%%%02X", (unsigned)(unsigned char)*p);
                else
                        buf_char(&b, *p);
        return buf_steal(&b);
}

static bool is_named(const char *header, const char *name)
{
        size_t n = strlen(name);

        return strncasecmp(header, name, n) == 0 && header[n] == ':';
}

static bool has_value(const char *header)
{
        const char *colon = strchr(header, ':');

        return colon && colon[1 + strspn(colon + 1, " \t")];
}

/* curl sends "Name;" as a header without a value, and takes "Name:" for one that it shall not send. */
static char *curls(const char *header)
{
        return has_value(header) ? xstrdup(header) : xasprintf("%.*s;", (int)strcspn(header, ":"), header);
}

static char **make_headers(const struct http_get_request *r)
{
        /* Go sends the first of these, whatever comes behind; and these, never. */
        static const char *const once[] = { "Host", "User-Agent" };
        static const char *const never[] = { "Content-Length", "Transfer-Encoding", "Trailer" };
        bool seen[ARRAY_LEN(once)] = { false }, accept = false, refuse_accept = false;
        char **v = NULL;
        size_t n = 0;

        for (const char *const *h = r->headers; h && *h; h++) {
                bool skip = false;
                for (size_t i = 0; i < ARRAY_LEN(never); i++)
                        skip |= is_named(*h, never[i]);
                for (size_t i = 0; i < ARRAY_LEN(once); i++)
                        if (is_named(*h, once[i])) {
                                skip |= seen[i] || !has_value(*h);
                                seen[i] = true;
                        }
                if (is_named(*h, "Accept")) {
                        refuse_accept |= !accept && !has_value(*h);
                        accept = true;
                }
                if (!skip && !(refuse_accept && is_named(*h, "Accept")))
                        strv_push(&v, &n, curls(*h));
        }
        if (!seen[1])
                strv_push(&v, &n, xasprintf("User-Agent: %s", r->user_agent));
        if (refuse_accept)
                strv_push(&v, &n, xstrdup("Accept:"));
        strv_push(&v, &n, xstrdup("Connection: close"));
        return v;
}

/* ---- the answer -------------------------------------------------------------------------------------------------- */

char *http_get_words(const struct http_response *r, const char *host, uint16_t port)
{
        static const struct {
                int error;
                const char *words;
        } known[] = {
                { -ECONNREFUSED, "connect: connection refused" },
                { -EHOSTUNREACH, "connect: no route to host" },
                { -ENETUNREACH, "connect: network is unreachable" },
                { -ETIMEDOUT, "i/o timeout" },
        };
        const char *open = strchr(host, ':') ? "[" : "", *close = *open ? "]" : "";

        for (size_t i = 0; i < ARRAY_LEN(known); i++)
                if (r->error == known[i].error)
                        return xasprintf("dial tcp %s%s%s:%u: %s", open, host, close, (unsigned)port, known[i].words);
        return xstrdup(r->text);
}

static void get_free(struct http_get *g)
{
        http_cancel(g->call);
        strv_free(g->headers);
        free(g->url);
        free(g->first);
        free(g->host);
        free(g);
}

struct http_get *http_get_cancel(struct http_get *g)
{
        if (g)
                get_free(g);
        return NULL;
}

static void end(struct http_get *g, const struct http_response *r, const char *why)
{
        CLEANUP(freep) char *words = why ? xstrdup(why) : NULL, *text = NULL;
        struct http_get_answer a = { .error = r->error, .status = r->status, .body = r->body, .size = r->size };

        if (why)
                a.error = -ELOOP;
        else if (r->error == -ETIMEDOUT)
                words = xstrdup("context deadline exceeded (Client.Timeout exceeded while awaiting headers)");
        else if (r->error)
                words = http_get_words(r, g->host, g->port);
        if (words)
                text = xasprintf("Get \"%s\": %s", g->first, words);
        a.text = text ? text : "";
        g->done(g->userdata, &a);
        get_free(g);
}

static bool leads_on(long status)
{
        return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

/* Takes the URL of a redirect, if it is one to the same host. */
static bool take_redirect(struct http_get *g, const char *url)
{
        CURLU *u = curl_url();
        char *scheme = NULL, *host = NULL;
        const char *bare;
        bool same = false;

        if (u && curl_url_set(u, CURLUPART_URL, url, CURLU_PATH_AS_IS) == CURLUE_OK &&
            curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
            curl_url_get(u, CURLUPART_HOST, &host, 0) == CURLUE_OK) {
                size_t n = strlen(host);
                bare = host;
                if (n > 2 && host[0] == '[') {
                        host[n - 1] = '\0';
                        bare++;
                }
                same = (streq(scheme, "http") || streq(scheme, "https")) && strcasecmp(bare, g->host) == 0;
        }
        curl_free(scheme);
        curl_free(host);
        curl_url_cleanup(u);
        if (!same)
                return false;
        free(g->url);
        g->url = xstrdup(url);
        return true;
}

static void ask(struct http_get *g);

static void on_done(void *userdata, const struct http_response *r)
{
        struct http_get *g = userdata;

        g->call = NULL;
        if (r->error || !leads_on(r->status) || !r->redirect || !take_redirect(g, r->redirect)) {
                end(g, r, NULL);
        } else if (++g->redirects >= REDIRECTS_MAX) {
                end(g, r, "stopped after 10 redirects");
        } else if (time_monotonic() / 1000 >= g->deadline_ms) {
                end(g, &(struct http_response){ .error = -ETIMEDOUT, .text = "", .body = (char[1]){ "" } }, NULL);
        } else {
                ask(g);
        }
}

static void ask(struct http_get *g)
{
        uint64_t now = time_monotonic() / 1000;
        struct http_request r = {
                .method = "GET",
                .url = g->url,
                .headers = (const char *const *)g->headers,
                .urgent = true,
                .timeout_ms = g->deadline_ms > now ? (unsigned)(g->deadline_ms - now) : 1,
                .line = HTTP_ALONE,
                .body_max = HTTP_GET_BODY_MAX,
                .body_cut = true,
                .done = on_done,
                .userdata = g,
        };

        g->call = http_start(g->http, &r);
}

struct http_get *http_get_start(struct http *h, const struct http_get_request *r, http_get_done done, void *userdata)
{
        struct http_get *g = NEW(struct http_get);

        g->http = h;
        g->url = make_url(r);
        g->first = xstrdup(g->url);
        g->host = xstrdup(r->host);
        g->port = r->port;
        g->headers = make_headers(r);
        g->deadline_ms = time_monotonic() / 1000 + r->timeout_ms;
        g->done = done;
        g->userdata = userdata;
        ask(g);
        return g;
}
