/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/server/gate.h"

#include <errno.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <stdarg.h>
#include <stdio.h>
#include <strings.h>
#include <uthash.h>
#include <utlist.h>

#include "agent/lib/retry.h"
#include "agent/server/verdicts.h"
#include "agent/server/who_may.h"
#include "common/log.h"
#include "common/mem.h"

#define SECONDS(n) ((uint64_t)(n)*1000000)
enum { TRIES = 3, RETRY_FIRST_MS = 200, RETRY_MOST_MS = 4000 };

struct gate {
        sd_event *event;
        struct api *api;
        char *node_name;
        bool always_allow;
        bool troubled; /* the last review failed, and it was logged */
        uint64_t deadline_usec;
        unsigned char secret[32]; /* digests of tokens mean nothing to others */
        struct verdicts *tokens, *verdicts;
        struct review *reviews; /* under way, by their question */
        size_t n_tokens, n_verdicts;
};

struct review { /* one question to the API server, and all who wait for its answer */
        struct gate *gate;
        struct digest question;
        bool of_token;
        bool listed; /* it can still be joined */
        cJSON *body;
        struct api_call *call;
        struct retry retry;
        sd_event_source *deadline, *again;
        struct gate_wait *waiting;
        UT_hash_handle hh;
};

struct gate_wait { /* one request at the gate */
        struct gate *gate;
        struct review *review; /* what it waits for */
        char *token;           /* while nobody knows whose it is */
        struct user_info who;
        struct who_may may;
        size_t at; /* which subresource of `may` is in question */
        gate_done done;
        void *userdata;
        struct gate_wait *prev, *next;
};

static char *wipe(char *s)
{
        if (s)
                explicit_bzero(s, strlen(s));
        free(s);
        return NULL;
}

static uint64_t now_usec(const struct gate *g)
{
        uint64_t now = 0;

        sd_event_now(g->event, CLOCK_BOOTTIME, &now);
        return now;
}

/* ---- answers ----------------------------------------------------------------------------------------------------- */

/* True, as those who decide say when they have. */
static bool PRINTF(4, 5) answer(const struct gate_wait *w, struct gate_answer *ret, int status, const char *fmt, ...)
{
        va_list ap;

        *ret = (struct gate_answer){ .status = status, .who = w->who.name ? &w->who : NULL };
        va_start(ap, fmt);
        vsnprintf(ret->text, sizeof(ret->text), fmt, ap);
        va_end(ap);
        return true;
}

static bool unauthorized(const struct gate_wait *w, struct gate_answer *ret)
{
        return answer(w, ret, 401, "Unauthorized");
}

static bool forbidden(const struct gate_wait *w, struct gate_answer *ret)
{
        const struct who_may *may = &w->may;

        return answer(w, ret, 403, "Forbidden (user=%s, verb=%s, resource=nodes, subresource(s)=[%s%s%s])", w->who.name,
                      may->verb, may->subresource[0], may->n > 1 ? " " : "", may->n > 1 ? may->subresource[1] : "");
}

static bool not_found_out(const struct gate_wait *w, struct gate_answer *ret)
{
        if (!w->who.name)
                return unauthorized(w, ret);
        return answer(
                w, ret, 500,
                "Authorization error (user=%s, verb=%s, resource=nodes, subresource=%s): the API server could not "
                "be asked",
                w->who.name, w->may.verb, w->may.subresource[w->at]);
}

static void wait_free(struct gate_wait *w)
{
        wipe(w->token);
        user_info_done(&w->who);
        free(w);
}

/* ---- asking the API server --------------------------------------------------------------------------------------- */

static bool decide(struct gate_wait *w, struct gate_answer *ret);

/* The same question is a new review from now on. */
static void review_unlist(struct review *r)
{
        if (!r->listed)
                return;
        r->listed = false;
        HASH_DEL(r->gate->reviews, r);
        --*(r->of_token ? &r->gate->n_tokens : &r->gate->n_verdicts);
}

static void review_destroy(struct review *r)
{
        review_unlist(r);
        api_cancel(r->call);
        sd_event_source_disable_unref(r->deadline);
        sd_event_source_disable_unref(r->again);
        review_free(r->body);
        free(r);
}

/* Each who waited goes on: to his answer, or to his next question. */
static void settle(struct review *r, bool (*next)(const struct gate_wait *w, struct gate_answer *ret))
{
        struct gate_answer a;
        struct gate_wait *w;

        review_unlist(r);
        while ((w = r->waiting)) {
                DL_DELETE(r->waiting, w);
                w->review = NULL;
                if (next ? next(w, &a) : decide(w, &a)) {
                        w->done(w->userdata, &a);
                        wait_free(w);
                }
        }
        review_destroy(r);
}

/* Said once, and once more when it is over: whoever asks often must not fill the journal. */
static void note(struct gate *g, const struct err *trouble)
{
        if (trouble && !g->troubled)
                log_warning("nobody new is let in to the kubelet API: %s", trouble->text);
        if (!trouble && g->troubled)
                log_info("the API server says again who may enter the kubelet API");
        g->troubled = trouble;
}

static void give_up(struct review *r, const struct err *trouble)
{
        note(r->gate, trouble);
        settle(r, not_found_out);
}

static int on_deadline(sd_event_source *source UNUSED, uint64_t usec UNUSED, void *userdata)
{
        struct err e;

        err_set(&e, -ETIMEDOUT, NULL, "the API server did not answer in time");
        give_up(userdata, &e);
        return 0;
}

static void on_answer(void *userdata, struct api_response *answer);

static void post(struct review *r)
{
        struct gate *g = r->gate;

        r->call = api_call(g->api, API_POST, r->of_token ? REVIEW_TOKEN_PATH : REVIEW_ACCESS_PATH, r->body,
                           (unsigned)(g->deadline_usec / 1000), on_answer, r);
}

static int on_again(sd_event_source *source UNUSED, uint64_t usec UNUSED, void *userdata)
{
        post(userdata);
        return 0;
}

/* Not what the API server has decided: what a moment later may be otherwise. */
static bool is_worth_another_try(const struct review *r, const struct api_response *answer)
{
        return r->retry.failures < TRIES - 1 &&
               (answer->status == 0 || answer->status == 429 || answer->status / 100 == 5);
}

static void take_failure(struct review *r, const struct api_response *answer)
{
        unsigned ms;

        if (!is_worth_another_try(r, answer)) {
                give_up(r, &answer->err);
                return;
        }
        ms = retry_next(&r->retry, random_u32());
        if (ms < answer->retry_after_s * 1000)
                ms = answer->retry_after_s * 1000;
        timer_arm(r->gate->event, &r->again, CLOCK_BOOTTIME, (uint64_t)ms * 1000, on_again, r);
}

static int take_token(struct review *r, const struct api_response *answer, struct err *e)
{
        struct verdict verdict = { .allowed = true };
        int error = review_read_token(answer->body, &verdict.who, e);

        if (error < 0)
                return error;
        user_info_add_authenticated(&verdict.who);
        verdicts_put(r->gate->tokens, &r->question, verdict, now_usec(r->gate), SECONDS(GATE_TOKEN_LIFE_S));
        return 0;
}

static int take_access(struct review *r, const struct api_response *answer, struct err *e)
{
        struct verdict verdict = { 0 };
        int error = review_read_access(answer->body, &verdict.allowed, e);

        if (error < 0)
                return error;
        verdicts_put(r->gate->verdicts, &r->question, verdict, now_usec(r->gate),
                     SECONDS(verdict.allowed ? GATE_YES_LIFE_S : GATE_NO_LIFE_S));
        return 0;
}

static void on_answer(void *userdata, struct api_response *answer)
{
        struct review *r = userdata;
        struct err e = ERR_NONE;
        int error;

        r->call = NULL;
        if (answer->error < 0) {
                take_failure(r, answer);
                return;
        }
        error = r->of_token ? take_token(r, answer, &e) : take_access(r, answer, &e);
        if (error == -EBADMSG) {
                give_up(r, &e);
                return;
        }
        note(r->gate, NULL);
        if (error < 0)
                log_debug("a token is refused: %s", e.text);
        settle(r, error < 0 ? unauthorized : NULL);
}

/* ---- waiting for an answer --------------------------------------------------------------------------------------- */

static struct digest digest_of(const struct gate *g, const cJSON *body)
{
        char *text = cJSON_PrintUnformatted(body);
        struct digest d;

        if (!text ||
            !HMAC(EVP_sha256(), g->secret, sizeof(g->secret), (unsigned char *)text, strlen(text), d.bytes, NULL)) {
                log_error("out of memory");
                abort();
        }
        wipe(text);
        return d;
}

static struct review *review_new(struct gate *g, bool of_token, const struct digest *question, cJSON *body)
{
        struct review *r = NEW(struct review);

        r->gate = g;
        r->of_token = of_token;
        r->question = *question;
        r->body = body;
        r->retry = (struct retry){ .first_ms = RETRY_FIRST_MS, .most_ms = RETRY_MOST_MS };
        r->listed = true;
        HASH_ADD(hh, g->reviews, question, sizeof(r->question), r);
        ++*(of_token ? &g->n_tokens : &g->n_verdicts);
        timer_arm(g->event, &r->deadline, CLOCK_BOOTTIME, g->deadline_usec, on_deadline, r);
        post(r);
        return r;
}

/* True when there is an answer already: that there will be none. Takes over `body`. */
static bool wait_for(struct gate_wait *w, bool of_token, const struct digest *question, cJSON *body,
                     struct gate_answer *ret)
{
        struct gate *g = w->gate;
        struct review *r;
        bool full = of_token ? g->n_tokens >= GATE_TOKENS_ASKED_MAX : g->n_verdicts >= GATE_VERDICTS_ASKED_MAX;

        HASH_FIND(hh, g->reviews, question, sizeof(*question), r);
        if (r || !g->api || full)
                review_free(body);
        if (!r && !g->api)
                return not_found_out(w, ret);
        if (!r && full)
                return answer(w, ret, 429, "too many wait for the API server's word already");
        if (!r)
                r = review_new(g, of_token, question, body);
        w->review = r;
        DL_APPEND(r->waiting, w);
        return false;
}

/* Sets w->who, or answers, or waits. */
static bool find_out_who(struct gate_wait *w, struct gate_answer *ret)
{
        cJSON *body = review_of_token(w->token);
        struct digest question = digest_of(w->gate, body);
        const struct verdict *known = verdicts_get(w->gate->tokens, &question, now_usec(w->gate));

        if (!known)
                return wait_for(w, true, &question, body, ret);
        review_free(body);
        w->who = user_info_copy(&known->who);
        w->token = wipe(w->token);
        return false;
}

static bool find_out_whether(struct gate_wait *w, struct gate_answer *ret)
{
        struct gate *g = w->gate;

        for (; w->at < w->may.n; w->at++) {
                const struct access access = {
                        .verb = w->may.verb,
                        .subresource = w->may.subresource[w->at],
                        .node = g->node_name,
                };
                cJSON *body = review_of_access(&w->who, &access);
                struct digest question = digest_of(g, body);
                const struct verdict *known = verdicts_get(g->verdicts, &question, now_usec(g));

                if (!known)
                        return wait_for(w, false, &question, body, ret);
                review_free(body);
                if (known->allowed)
                        return answer(w, ret, 200, "OK");
        }
        return forbidden(w, ret);
}

/* True: *ret has the answer. False: `w` waits. */
static bool decide(struct gate_wait *w, struct gate_answer *ret)
{
        if (!w->who.name && !w->token)
                return unauthorized(w, ret);
        if (!w->who.name && find_out_who(w, ret))
                return true;
        if (!w->who.name)
                return false;
        if (w->gate->always_allow)
                return answer(w, ret, 200, "OK");
        return find_out_whether(w, ret);
}

/* RFC 6750; NULL where there is no such token. What is no token cannot be asked about either. The caller owns it. */
static char *bearer_token(const char *authorization)
{
        static const char scheme[] = "bearer ";
        const char *token;
        size_t n;

        if (!authorization || strncasecmp(authorization, scheme, strlen(scheme)) != 0)
                return NULL;
        token = authorization + strlen(scheme);
        n = strcspn(token, " ");
        for (size_t i = 0; i < n; i++)
                if (token[i] < 0x21 || token[i] > 0x7e)
                        return NULL;
        return n > 0 ? xstrndup(token, n) : NULL;
}

struct gate_wait *gate_ask(struct gate *g, const struct gate_question *q, struct gate_answer *ret, gate_done done,
                           void *userdata)
{
        struct gate_wait *w = NEW(struct gate_wait);

        w->gate = g;
        w->done = done;
        w->userdata = userdata;
        w->may = who_may(q->method, q->path);
        if (q->peer) {
                w->who = user_info_copy(q->peer);
                user_info_add_authenticated(&w->who);
        } else {
                w->token = bearer_token(q->authorization);
        }
        if (!decide(w, ret))
                return w;
        ret->owned = w->who;
        ret->who = ret->owned.name ? &ret->owned : NULL;
        w->who = (struct user_info){ 0 };
        wait_free(w);
        return NULL;
}

void gate_answer_done(struct gate_answer *a)
{
        user_info_done(&a->owned);
        a->who = NULL;
}

struct gate_wait *gate_cancel(struct gate_wait *w)
{
        struct review *r = w ? w->review : NULL;

        if (!w)
                return NULL;
        DL_DELETE(r->waiting, w);
        wait_free(w);
        if (r->listed && !r->waiting)
                review_destroy(r);
        return NULL;
}

/* ---- the whole --------------------------------------------------------------------------------------------------- */

size_t gate_asked(const struct gate *g)
{
        return g->n_tokens + g->n_verdicts;
}

int gate_new(const struct gate_config *config, struct gate **ret, struct err *e)
{
        CLEANUP(gate_freep) struct gate *g = NEW(struct gate);

        if (RAND_bytes(g->secret, sizeof(g->secret)) != 1)
                return err_set(e, -EIO, NULL, "there is no randomness for the kubelet API");
        g->event = sd_event_ref(config->event);
        g->api = config->api;
        g->node_name = xstrdup(config->node_name);
        g->always_allow = config->always_allow;
        g->deadline_usec = config->deadline_ms ? (uint64_t)config->deadline_ms * 1000 : SECONDS(GATE_DEADLINE_S);
        g->tokens = verdicts_new(GATE_TOKENS_MAX);
        g->verdicts = verdicts_new(GATE_VERDICTS_MAX);
        *ret = TAKE(g);
        return 0;
}

struct gate *gate_free(struct gate *g)
{
        if (!g)
                return NULL;
        explicit_bzero(g->secret, sizeof(g->secret));
        verdicts_free(g->tokens);
        verdicts_free(g->verdicts);
        free(g->node_name);
        sd_event_unref(g->event);
        free(g);
        return NULL;
}
