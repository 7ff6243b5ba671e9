/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/client/tokens.h"

#include <errno.h>
#include <uthash.h>

#include "agent/lib/json.h"
#include "agent/lib/retry.h"
#include "common/mem.h"

enum {
        RENEW_JITTER_S = 10,
        RENEW_AT_MOST_S = 24 * 3600,
        LIFE_MAX_S = 10 * 365 * 24 * 3600, /* beyond that it does not matter */
        /*
         * The authorizer learns of a pod a moment after we do (403), and so does what looks for the pod that a token is
         * bound to (404). Seven tries more are between 1.3 and 2.5 s; who is told no after that was told so for good.
         */
        LAG_FIRST_MS = 10,
        LAG_RETRIES = 7,
        RETRY_FIRST_MS = 800,
        RETRY_MOST_MS = 30000,
};

struct token {
        struct tokens *tokens;
        char *id; /* the hash key */
        struct pod_id pod;
        char *service_account, *audience;
        int64_t expiration_s;
        unsigned holders;
        char *bytes;           /* NULL: none yet, or expired */
        bool failed;           /* there is none, and it was told */
        uint64_t expires_usec; /* CLOCK_BOOTTIME: by our own clock since it came, whatever the wall clocks say */
        struct err *err;       /* NULL: none; a thousand tokens would hold a megabyte of them */
        struct retry retry, lag;
        struct api_call *call;
        sd_event_source *timer;
        UT_hash_handle hh;
};

struct tokens {
        sd_event *event;
        struct api *api;
        token_changed changed;
        void *userdata;
        struct token *table;
};

int64_t token_renew_after(int64_t life_s, int64_t jitter_s)
{
        int64_t s = life_s / 5 * 4;

        if (s > RENEW_AT_MOST_S)
                s = RENEW_AT_MOST_S;
        s -= jitter_s;
        return s > 1 ? s : 1;
}

cJSON *token_request(const struct pod_id *pod, const char *audience, int64_t expiration_s)
{
        cJSON *root = cJSON_CreateObject(), *spec, *bound;

        cJSON_AddStringToObject(root, "apiVersion", "authentication.k8s.io/v1");
        cJSON_AddStringToObject(root, "kind", "TokenRequest");
        spec = cJSON_AddObjectToObject(root, "spec");
        if (audience)
                cJSON_AddItemToArray(cJSON_AddArrayToObject(spec, "audiences"), cJSON_CreateString(audience));
        cJSON_AddNumberToObject(spec, "expirationSeconds", (double)expiration_s);
        bound = cJSON_AddObjectToObject(spec, "boundObjectRef");
        cJSON_AddStringToObject(bound, "apiVersion", "v1");
        cJSON_AddStringToObject(bound, "kind", "Pod");
        cJSON_AddStringToObject(bound, "name", pod->name);
        cJSON_AddStringToObject(bound, "uid", pod->uid);
        return root;
}

/* ---- one token --------------------------------------------------------------------------------------------------- */

static void forget_bytes(struct token *t)
{
        if (t->bytes)
                explicit_bzero(t->bytes, strlen(t->bytes));
        free(t->bytes);
        t->bytes = NULL;
}

static void ask(struct token *t);

static int on_timer(sd_event_source *source UNUSED, uint64_t usec UNUSED, void *userdata)
{
        ask(userdata);
        return 0;
}

static void ask_after(struct token *t, uint64_t usec)
{
        timer_arm(t->tokens->event, &t->timer, CLOCK_BOOTTIME, usec, on_timer, t);
}

static uint64_t now_usec(const struct token *t)
{
        uint64_t now = 0;

        sd_event_now(t->tokens->event, CLOCK_BOOTTIME, &now);
        return now;
}

/* After this the token may be gone, and its pod with it. */
static void tell(const struct token *t)
{
        t->tokens->changed(t->tokens->userdata, &t->pod);
}

static void take_token(struct token *t, char *bytes, int64_t life_s)
{
        bool same = streq(bytes, t->bytes);

        if (life_s <= 0)
                life_s = t->expiration_s;
        if (life_s > LIFE_MAX_S)
                life_s = LIFE_MAX_S;
        forget_bytes(t);
        t->bytes = xstrdup(bytes);
        explicit_bzero(bytes, strlen(bytes));
        t->failed = false;
        free(t->err);
        t->err = NULL;
        t->expires_usec = now_usec(t) + (uint64_t)life_s * 1000000;
        t->retry.failures = t->lag.failures = 0;
        ask_after(t, (uint64_t)token_renew_after(life_s, (int64_t)(random_u32() % (RENEW_JITTER_S + 1))) * 1000000);
        if (!same)
                tell(t);
}

static void take_failure(struct token *t, const struct api_response *r)
{
        bool lag = (r->status == 403 || r->status == 404) && !t->bytes && t->lag.failures < LAG_RETRIES;
        unsigned ms = retry_next(lag ? &t->lag : &t->retry, random_u32());
        bool expired = t->bytes && now_usec(t) >= t->expires_usec;
        bool refused = !t->bytes && !lag && r->status != 0;
        bool news = expired || (refused && !(t->failed && t->err && streq(t->err->text, r->err.text)));

        if (ms < r->retry_after_s * 1000)
                ms = r->retry_after_s * 1000;
        ask_after(t, (uint64_t)ms * 1000);
        if (!t->err)
                t->err = NEW(struct err);
        *t->err = r->err;
        if (expired)
                forget_bytes(t);
        if (news) {
                t->failed = true;
                tell(t);
        }
}

static void on_answer(void *userdata, struct api_response *r)
{
        struct token *t = userdata;
        char *bytes = cJSON_GetStringValue(json_get(json_get(r->body, "status"), "token"));

        t->call = NULL;
        if (r->error == 0 && bytes && *bytes) {
                take_token(t, bytes, json_int(json_get(r->body, "spec"), "expirationSeconds", 0));
                return;
        }
        if (r->error == 0)
                r->error = err_set(&r->err, -EIO, NULL, "the API server answered a TokenRequest without a token");
        take_failure(t, r);
}

static void ask(struct token *t)
{
        CLEANUP(freep) char *account = api_escape(t->service_account);
        CLEANUP(freep)
        char *path = xasprintf("/api/v1/namespaces/%s/serviceaccounts/%s/token", t->pod.namespace, account);
        cJSON *body = token_request(&t->pod, t->audience, t->expiration_s);

        t->call = api_call(t->tokens->api, API_POST, path, body, 0, on_answer, t);
        cJSON_Delete(body);
}

/* ---- holding ----------------------------------------------------------------------------------------------------- */

static void token_free(struct token *t)
{
        HASH_DEL(t->tokens->table, t);
        api_cancel(t->call);
        sd_event_source_disable_unref(t->timer);
        forget_bytes(t);
        free(t->id);
        free(t->service_account);
        free(t->audience);
        free(t->err);
        free(t);
}

struct token *token_hold(struct tokens *all, const struct pod_id *pod, const char *service_account,
                         const char *audience, int64_t expiration_s)
{
        CLEANUP(freep)
        char *id = xasprintf("%s/%s/%lld/%s", pod->uid, service_account, (long long)expiration_s,
                             audience ? audience : "");
        struct token *t;

        HASH_FIND_STR(all->table, id, t);
        if (!t) {
                t = NEW(struct token);
                t->tokens = all;
                t->id = TAKE(id);
                t->pod = *pod;
                t->service_account = xstrdup(service_account);
                t->audience = audience && *audience ? xstrdup(audience) : NULL;
                t->expiration_s = expiration_s;
                t->retry = (struct retry){ .first_ms = RETRY_FIRST_MS, .most_ms = RETRY_MOST_MS };
                t->lag = (struct retry){ .first_ms = LAG_FIRST_MS, .most_ms = RETRY_MOST_MS };
                HASH_ADD_KEYPTR(hh, all->table, t->id, strlen(t->id), t);
                ask(t);
        }
        t->holders++;
        return t;
}

struct token *token_release(struct token *t)
{
        if (t && --t->holders == 0)
                token_free(t);
        return NULL;
}

struct tokens *tokens_new(sd_event *event, struct api *api, token_changed changed, void *userdata)
{
        struct tokens *all = NEW(struct tokens);

        all->event = sd_event_ref(event);
        all->api = api;
        all->changed = changed;
        all->userdata = userdata;
        return all;
}

struct tokens *tokens_free(struct tokens *all)
{
        struct token *t, *next;

        if (!all)
                return NULL;
        HASH_ITER (hh, all->table, t, next)
                token_free(t);
        sd_event_unref(all->event);
        free(all);
        return NULL;
}

const char *token_value(const struct token *t, struct err *ret_why)
{
        if (!t->bytes && ret_why)
                *ret_why = t->failed && t->err ? *t->err : ERR_NONE;
        return t->bytes;
}
