/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/join/fetch.h"

#include <curl/curl.h>
#include <errno.h>
#include <openssl/err.h>
#include <strings.h>

#include "agent/client/server_url.h"
#include "agent/lib/times.h"
#include "common/log.h"
#include "common/mem.h"

enum { CONNECT_TIMEOUT_S = 15, TIMEOUT_S = 60 };

#define USEC UINT64_C(1000000)

struct call {
        CURL *easy;
        struct curl_slist *headers, *connect_to;
        char words[CURL_ERROR_SIZE];
        struct fetch_answer *answer;
};

static void *must(void *p)
{
        if (!p) {
                log_error("out of memory in libcurl");
                abort();
        }
        return p;
}

static void append(struct curl_slist **list, const char *s)
{
        *list = must(curl_slist_append(*list, s));
}

static void call_done(struct call *c)
{
        curl_easy_cleanup(c->easy);
        for (struct curl_slist *s = c->headers; s; s = s->next)
                explicit_bzero(s->data, strlen(s->data)); /* a token may be among them */
        curl_slist_free_all(c->headers);
        curl_slist_free_all(c->connect_to);
}

static size_t take_body(char *data, size_t size, size_t n, void *userdata)
{
        struct call *c = userdata;

        buf_add(&c->answer->body, data, size * n);
        return buf_ok(&c->answer->body) ? size * n : 0;
}

static size_t take_header(char *data, size_t size, size_t n, void *userdata)
{
        static const char name[] = "date:";
        struct call *c = userdata;

        if (size * n > strlen(name) && strncasecmp(data, name, strlen(name)) == 0) {
                CLEANUP(freep) char *value = xstrndup(data + strlen(name), size * n - strlen(name));
                time_t t = curl_getdate(value, NULL);

                if (t > 0)
                        c->answer->server_usec = (uint64_t)t * USEC;
                c->answer->machine_usec = time_now();
        }
        return size * n;
}

static void set_blob(CURL *easy, CURLoption option, char *pem)
{
        struct curl_blob blob = { .data = pem, .len = pem ? strlen(pem) : 0, .flags = CURL_BLOB_NOCOPY };

        if (pem)
                curl_easy_setopt(easy, option, &blob);
}

static int set_url(struct call *c, const char *url, const char *server_name, struct err *e)
{
        CLEANUP(freep) char *whole = NULL, *connect_to = NULL, *rule = NULL;
        int r = server_url_named(url, server_name, &whole, &connect_to, e);

        if (r < 0)
                return r;
        curl_easy_setopt(c->easy, CURLOPT_URL, whole);
        if (connect_to) {
                rule = xasprintf("::%s", connect_to);
                append(&c->connect_to, rule);
                curl_easy_setopt(c->easy, CURLOPT_CONNECT_TO, c->connect_to);
        }
        return 0;
}

static void set_who(struct call *c, const struct kubeconfig *who)
{
        set_blob(c->easy, CURLOPT_CAINFO_BLOB, who->ca_pem);
        set_blob(c->easy, CURLOPT_SSLCERT_BLOB, who->cert_pem);
        set_blob(c->easy, CURLOPT_SSLKEY_BLOB, who->key_pem);
        if (who->insecure) {
                curl_easy_setopt(c->easy, CURLOPT_SSL_VERIFYPEER, 0L);
                curl_easy_setopt(c->easy, CURLOPT_SSL_VERIFYHOST, 0L);
        }
        if (who->token) {
                CLEANUP(freep) char *line = xasprintf("Authorization: Bearer %s", who->token);

                append(&c->headers, line);
                explicit_bzero(line, strlen(line));
        }
}

static int error_of(const struct call *c, CURLcode code)
{
        long os_error = 0;

        if (!buf_ok(&c->answer->body))
                return -EMSGSIZE;
        switch (code) {
        case CURLE_OPERATION_TIMEDOUT:
                return -ETIMEDOUT;
        case CURLE_COULDNT_RESOLVE_HOST:
                return -EHOSTUNREACH;
        case CURLE_PEER_FAILED_VERIFICATION:
        case CURLE_SSL_CERTPROBLEM:
                return -EKEYREJECTED;
        case CURLE_COULDNT_CONNECT:
                curl_easy_getinfo(c->easy, CURLINFO_OS_ERRNO, &os_error);
                return os_error > 0 ? (int)-os_error : -ECONNREFUSED;
        default:
                return -EIO;
        }
}

/* OpenSSL's words for a certificate out of its time are the same whoever's clock is wrong. */
static const char *clock_words(const char *words, char ret[64])
{
        char now[32];

        ret[0] = '\0';
        if (strstr(words, "not yet valid") || strstr(words, "has expired")) {
                time_rfc3339(time_now(), now);
                snprintf(ret, 64, "; this machine's clock says %s", now);
        }
        return ret;
}

static int perform(struct call *c, const struct fetch_request *request, struct err *e)
{
        CURLcode code = curl_easy_perform(c->easy);
        const char *words = *c->words ? c->words : curl_easy_strerror(code);
        char clock[64];

        ERR_clear_error();
        if (code != CURLE_OK)
                return err_set(e, error_of(c, code), NULL, "%s: %s%s", request->url, words, clock_words(words, clock));
        curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &c->answer->status);
        buf_str(&c->answer->body, "");
        return 0;
}

int fetch(const struct kubeconfig *who, const struct fetch_request *request, struct fetch_answer *ret, struct err *e)
{
        struct call c = { .answer = ret };
        int r;

        if (who->insecure && (who->token || who->key_pem))
                return err_set(e, -EPERM, NULL, "no credentials are given to a server that is not verified");
        buf_reset(&ret->body);
        c.easy = must(curl_easy_init());
        curl_easy_setopt(c.easy, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(c.easy, CURLOPT_PROXY, "");
        curl_easy_setopt(c.easy, CURLOPT_PROTOCOLS_STR, "https");
        curl_easy_setopt(c.easy, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_TIMEOUT_S);
        curl_easy_setopt(c.easy, CURLOPT_TIMEOUT, (long)TIMEOUT_S);
        curl_easy_setopt(c.easy, CURLOPT_ERRORBUFFER, c.words);
        curl_easy_setopt(c.easy, CURLOPT_WRITEFUNCTION, take_body);
        curl_easy_setopt(c.easy, CURLOPT_WRITEDATA, &c);
        curl_easy_setopt(c.easy, CURLOPT_HEADERFUNCTION, take_header);
        curl_easy_setopt(c.easy, CURLOPT_HEADERDATA, &c);
        curl_easy_setopt(c.easy, CURLOPT_CUSTOMREQUEST, request->method);
        set_who(&c, who);
        append(&c.headers, "Expect:");
        for (size_t i = 0; request->headers[i]; i++)
                append(&c.headers, request->headers[i]);
        curl_easy_setopt(c.easy, CURLOPT_HTTPHEADER, c.headers);
        if (request->body) {
                curl_easy_setopt(c.easy, CURLOPT_POSTFIELDSIZE, (long)request->body_size);
                curl_easy_setopt(c.easy, CURLOPT_POSTFIELDS, request->body);
        }
        r = set_url(&c, request->url, who->server_name, e);
        if (r == 0)
                r = perform(&c, request, e);
        call_done(&c);
        return r;
}

void fetch_answer_done(struct fetch_answer *a)
{
        buf_done(&a->body);
}

int64_t fetch_clock_ahead_s(const struct fetch_answer *a)
{
        if (!a->server_usec)
                return 0;
        return ((int64_t)a->machine_usec - (int64_t)a->server_usec) / (int64_t)USEC;
}
