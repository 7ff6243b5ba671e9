/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/client/claims.h"

#include <uthash.h>

#include "agent/lib/json.h"
#include "agent/lib/retry.h"
#include "common/mem.h"

enum {
        /* The authorizer learns of a pod a moment after we do, and of a claim's volume a moment after it is bound. */
        LAG_FIRST_MS = 10,
        LAG_RETRIES = 7,
        /* Somebody makes the claim, binds it, or replaces it; meanwhile many pods of many nodes may wait. */
        RETRY_FIRST_MS = 250,
        RETRY_MOST_MS = 10000,
};

struct claim {
        struct claims *claims;
        char *id; /* "NAMESPACE/NAME", the hash key */
        char *namespace, *name;
        unsigned holders;
        cJSON *claim, *volume;
        bool news; /* the claim has changed, and it is not told yet: its volume is asked for */
        bool failed;
        struct err why;
        struct retry retry, lag;
        struct api_call *call;
        sd_event_source *timer;
        UT_hash_handle hh;
};

struct claims {
        sd_event *event;
        struct api *api;
        claim_changed changed;
        void *userdata;
        struct claim *table;
};

static void ask(struct claim *c);

static int on_timer(sd_event_source *source UNUSED, uint64_t usec UNUSED, void *userdata)
{
        ask(userdata);
        return 0;
}

static void ask_again(struct claim *c, struct retry *retry, unsigned at_least_s)
{
        unsigned ms = retry_next(retry, random_u32());

        if (ms < at_least_s * 1000)
                ms = at_least_s * 1000;
        timer_arm(c->claims->event, &c->timer, CLOCK_MONOTONIC, (uint64_t)ms * 1000, on_timer, c);
}

/* After this the claim may be gone. */
static void tell(struct claim *c)
{
        c->news = false;
        c->claims->changed(c->claims->userdata, c->namespace, c->name);
}

static bool is_same(const cJSON *a, const cJSON *b)
{
        return streq(json_str(json_get(a, "metadata"), "uid"), json_str(json_get(b, "metadata"), "uid")) &&
               streq(json_str(json_get(a, "metadata"), "resourceVersion"),
                     json_str(json_get(b, "metadata"), "resourceVersion"));
}

/* Takes `object`, and NULL for none; true when it is news. */
static bool take(cJSON **where, cJSON *object)
{
        bool news = !*where || !object ? *where != object : !is_same(*where, object);

        cJSON_Delete(*where);
        *where = object;
        return news;
}

static void take_failure(struct claim *c, const struct api_response *r, cJSON **where)
{
        bool lag = r->status == 403 && !*where && c->lag.failures < LAG_RETRIES, news;

        ask_again(c, lag ? &c->lag : &c->retry, r->retry_after_s);
        if (lag || r->status == 0)
                return;
        news = take(where, NULL) || c->news || !c->failed || !streq(c->why.text, r->err.text);
        if (where == &c->claim)
                news = take(&c->volume, NULL) || news;
        c->failed = true;
        c->why = r->err;
        if (news)
                tell(c);
}

static void on_volume(void *userdata, struct api_response *r)
{
        struct claim *c = userdata;
        bool news;

        c->call = NULL;
        if (r->error < 0) {
                take_failure(c, r, &c->volume);
                return;
        }
        news = take(&c->volume, TAKE(r->body)) || c->news || c->failed;
        c->failed = false;
        c->lag.failures = 0;
        ask_again(c, &c->retry, 0); /* whoever still holds it then cannot make use of that */
        if (news)
                tell(c);
}

/* The name of the volume that it is bound to, or NULL. */
static const char *bound_to(const cJSON *claim)
{
        const char *volume = json_str(json_get(claim, "spec"), "volumeName");

        return streq(json_str(json_get(claim, "status"), "phase"), "Bound") && volume && *volume ? volume : NULL;
}

static void on_claim(void *userdata, struct api_response *r)
{
        struct claim *c = userdata;
        const char *volume;
        bool news;

        c->call = NULL;
        if (r->error < 0) {
                take_failure(c, r, &c->claim);
                return;
        }
        news = take(&c->claim, TAKE(r->body));
        if (news) /* and not each time: the volume's lag is counted as well */
                c->retry.failures = c->lag.failures = 0;
        c->news |= news;
        volume = bound_to(c->claim);
        if (volume) {
                CLEANUP(freep) char *name = api_escape(volume), *path = NULL;

                path = xasprintf("/api/v1/persistentvolumes/%s", name);
                c->call = api_call(c->claims->api, API_GET, path, NULL, 0, on_volume, c);
                return;
        }
        news = take(&c->volume, NULL) || c->news || c->failed;
        c->failed = false;
        ask_again(c, &c->retry, 0);
        if (news)
                tell(c);
}

static void ask(struct claim *c)
{
        CLEANUP(freep) char *ns = api_escape(c->namespace), *name = api_escape(c->name);
        CLEANUP(freep) char *path = xasprintf("/api/v1/namespaces/%s/persistentvolumeclaims/%s", ns, name);

        c->call = api_call(c->claims->api, API_GET, path, NULL, 0, on_claim, c);
}

/* ---- holding ----------------------------------------------------------------------------------------------------- */

static void claim_free(struct claim *c)
{
        HASH_DEL(c->claims->table, c);
        api_cancel(c->call);
        sd_event_source_disable_unref(c->timer);
        cJSON_Delete(c->claim);
        cJSON_Delete(c->volume);
        free(c->id);
        free(c->namespace);
        free(c->name);
        free(c);
}

struct claim *claim_hold(struct claims *all, const char *namespace, const char *name)
{
        CLEANUP(freep) char *id = xasprintf("%s/%s", namespace, name);
        struct claim *c;

        HASH_FIND_STR(all->table, id, c);
        if (!c) {
                c = NEW(struct claim);
                c->claims = all;
                c->id = TAKE(id);
                c->namespace = xstrdup(namespace);
                c->name = xstrdup(name);
                c->retry = (struct retry){ .first_ms = RETRY_FIRST_MS, .most_ms = RETRY_MOST_MS };
                c->lag = (struct retry){ .first_ms = LAG_FIRST_MS, .most_ms = RETRY_MOST_MS };
                HASH_ADD_KEYPTR(hh, all->table, c->id, strlen(c->id), c);
                ask(c);
        }
        c->holders++;
        return c;
}

struct claim *claim_release(struct claim *c)
{
        if (c && --c->holders == 0)
                claim_free(c);
        return NULL;
}

struct claims *claims_new(sd_event *event, struct api *api, claim_changed changed, void *userdata)
{
        struct claims *all = NEW(struct claims);

        all->event = sd_event_ref(event);
        all->api = api;
        all->changed = changed;
        all->userdata = userdata;
        return all;
}

struct claims *claims_free(struct claims *all)
{
        struct claim *c, *next;

        if (!all)
                return NULL;
        HASH_ITER (hh, all->table, c, next)
                claim_free(c);
        sd_event_unref(all->event);
        free(all);
        return NULL;
}

struct claim_answer claim_look(const struct claim *c)
{
        return (struct claim_answer){ .claim = c->claim, .volume = c->volume, .why = c->failed ? &c->why : NULL };
}
