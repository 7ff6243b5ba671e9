/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/certs/renewal.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "agent/certs/store.h"
#include "agent/lib/retry.h"
#include "agent/lib/times.h"
#include "common/log.h"
#include "common/mem.h"

#define USEC UINT64_C(1000000)
enum {
        PENDING_MS = 15 * 1000, /* approvers that are programs take a second or two */
        AWAY_FIRST_MS = 2 * 1000,
        AWAY_MOST_MS = 10 * 60 * 1000,
        NO_FIRST_MS = 10 * 60 * 1000,
        NO_MOST_MS = 2 * 3600 * 1000,
        LEAST_WAIT_S = 30,
        LOOK_S = 3600, /* no wait is longer: a clock may be set back, and files be replaced by others */
        CLOCK_LOOK_S = 60,
};

struct renewal {
        sd_event *event;
        const struct signer *signer;
        char *dir, *file;
        bool serving;
        unsigned pending_ms;
        struct renewal_handler handler;
        void *userdata;
        struct cert_own_wish wish;
        bool has;                /* a pair in the store that can be used */
        struct cert_facts facts; /* of it */
        uint64_t renew_at;
        struct cert_request *request;
        struct signing *signing;
        char *pending;             /* the name of the request that waits */
        bool approved;             /* it is */
        struct retry away, no;     /* nobody answered; somebody said no */
        sd_event_source *timer;    /* the next look, by the time that passes ... */
        sd_event_source *wall;     /* ... and by the clock, which may be set forward */
        sd_event_source *patience; /* with who approves and signs */
        char *told;                /* last */
        bool backing_off;
};

/* ---- decisions --------------------------------------------------------------------------------------------------- */

enum renewal_need renewal_need(const struct cert_facts *facts, bool fits, uint64_t renew_at, uint64_t now)
{
        if (!facts || facts->self_signed || !fits)
                return RENEWAL_ASK;
        switch (cert_state(&facts->life, renew_at, now)) {
        case CERT_FRESH:
                return RENEWAL_REST;
        case CERT_NOT_YET:
                return RENEWAL_CLOCK;
        case CERT_DUE:
        case CERT_EXPIRED:
                break;
        }
        return RENEWAL_ASK;
}

uint64_t renewal_wait(const struct cert_life *life, uint64_t backoff_usec, uint64_t now)
{
        uint64_t most = life && now < life->not_after ? (life->not_after - now) / 4 : UINT64_MAX;

        if (most < LEAST_WAIT_S * USEC)
                most = LEAST_WAIT_S * USEC;
        return backoff_usec < most ? backoff_usec : most;
}

/* ---- what is known ----------------------------------------------------------------------------------------------- */

/* The life that counts for the renewal of a new one begins now: signers antedate what they sign, and of a certificate
 * of minutes that may be most of it. */
static int use_pair(struct renewal *r, const char *pair, bool is_new, struct err *e)
{
        struct cert_facts facts;
        struct cert_life life;
        int result = cert_facts_read(pair, strlen(pair), &facts, e);

        if (result < 0)
                return result;
        if (r->has && memcmp(&facts.life, &r->facts.life, sizeof(facts.life)) == 0 && !is_new) {
                r->facts = facts; /* it is the one that is known, and so is when to renew it */
                return 0;
        }
        r->has = true;
        r->facts = facts;
        life = facts.life;
        if (is_new && time_now() > life.not_before)
                life.not_before = time_now();
        r->renew_at = cert_renew_at(&life, random_u32());
        return 0;
}

/* What lies in the store: others may have put it there since. Does it say what is wished? */
static bool read_store(struct renewal *r)
{
        const struct cert_wish wish = cert_wish_of(&r->wish);
        CLEANUP(cert_wipep) char *pair = NULL;
        size_t size = 0;
        struct err e = ERR_NONE;
        int result = cert_store_read(r->dir, r->file, &pair, &size, &e);

        if (result == 0)
                result = use_pair(r, pair, false, &e);
        if (result == 0)
                return r->wish.common_name && cert_fits(pair, size, &wish, NULL) == 1;
        r->has = false;
        if (result != -ENOENT)
                log_warning("%s/%s: %s", r->dir, r->file, e.text);
        return false;
}

static const char *what(const struct renewal *r)
{
        return r->serving ? "serving certificate" : "client certificate";
}

static void PRINTF(4, 5) tell(struct renewal *r, bool warning, const char *reason, const char *fmt, ...)
{
        char text[ERR_TEXT_MAX];
        va_list ap;

        va_start(ap, fmt);
        vsnprintf(text, sizeof(text), fmt, ap);
        va_end(ap);
        if (streq(r->told, text))
                return;
        free(r->told);
        r->told = xstrdup(text);
        log_line(warning ? LOG_WARNING : LOG_INFO, "%s", text);
        r->handler.told(r->userdata, warning, reason, text);
}

/* ---- asking ------------------------------------------------------------------------------------------------------ */

static void look(struct renewal *r);

static int on_timer(sd_event_source *source UNUSED, uint64_t usec UNUSED, void *userdata)
{
        struct renewal *r = userdata;

        r->backing_off = false;
        look(r);
        return 0;
}

static void look_after(struct renewal *r, uint64_t usec)
{
        r->wall = sd_event_source_disable_unref(r->wall);
        timer_arm(r->event, &r->timer, CLOCK_BOOTTIME, usec < LOOK_S * USEC ? usec : LOOK_S * USEC, on_timer, r);
}

static int on_wall(sd_event_source *source UNUSED, uint64_t usec UNUSED, void *userdata)
{
        look(userdata);
        return 0;
}

static void look_at(struct renewal *r, uint64_t when, uint64_t now)
{
        uint64_t delay = when > now ? when - now : 0;

        look_after(r, delay);
        timer_arm(r->event, &r->wall, CLOCK_REALTIME, delay, on_wall, r);
}

static void forget_request(struct renewal *r)
{
        if (r->signing)
                r->signer->cancel(r->signing);
        r->signing = NULL;
        r->request = cert_request_free(r->request);
        r->patience = sd_event_source_disable_unref(r->patience);
        free(TAKE(r->pending));
}

static void try_again(struct renewal *r, struct retry *retry)
{
        uint64_t backoff = (uint64_t)retry_next(retry, random_u32()) * 1000;

        r->backing_off = true;
        look_after(r, renewal_wait(r->has ? &r->facts.life : NULL, backoff, time_now()));
}

/* "What the node has now", for whoever reads that there is no new one. */
static void state_words(const struct renewal *r, char *ret, size_t size)
{
        char until[32];

        if (!r->has) {
                snprintf(ret, size, "%s", r->serving ? "there is none" : "the one of the kubeconfig is in use");
        } else if (r->facts.self_signed) {
                snprintf(ret, size,
                         "a self-signed one serves meanwhile, which an API server that verifies does not take");
        } else {
                time_rfc3339(r->facts.life.not_after, until);
                snprintf(ret, size, "the one in use %s %s",
                         time_now() < r->facts.life.not_after ? "expires" : "expired", until);
        }
}

static int on_patience(sd_event_source *source UNUSED, uint64_t usec UNUSED, void *userdata)
{
        struct renewal *r = userdata;
        char state[160];

        state_words(r, state, sizeof(state));
        if (r->approved)
                tell(r, true, "CertificatePending",
                     "the request %s for a %s is approved, and nobody signs it: has the cluster a signer? (%s)",
                     r->pending, what(r), state);
        else
                tell(r, true, "CertificatePending",
                     "the request for a %s waits for approval: kubectl certificate approve %s (%s)", what(r),
                     r->pending, state);
        timer_arm(r->event, &r->patience, CLOCK_BOOTTIME, LOOK_S * USEC, on_patience, r);
        return 0;
}

static void on_waiting(void *userdata, const char *name, bool approved)
{
        struct renewal *r = userdata;

        if (r->pending && r->approved == approved)
                return;
        free(r->pending);
        r->pending = xstrdup(name);
        r->approved = approved;
        timer_arm(r->event, &r->patience, CLOCK_BOOTTIME, (uint64_t)r->pending_ms * 1000, on_patience, r);
}

static void on_failed(void *userdata, const struct err *err)
{
        struct renewal *r = userdata;
        bool no = err->reason[0];
        char state[160];

        r->signing = NULL;
        forget_request(r);
        state_words(r, state, sizeof(state));
        if (!r->serving && r->has && time_now() >= r->facts.life.not_after)
                tell(r, true, "CertificateExpired",
                     "%s, so the API server does not know this node any more: %.600s; the way back is the one it came "
                     "by "
                     "(vks-agent join)",
                     state, err->text);
        else
                tell(r, true, no ? err->reason : "CertificateNotRenewed", "no new %s: %.700s (%s)", what(r), err->text,
                     state);
        try_again(r, no ? &r->no : &r->away);
}

static int take_answer(struct renewal *r, const char *answer, size_t size, char **ret_pair, struct err *e)
{
        int result = cert_request_accept(r->request, answer, size, time_now(), ret_pair, NULL, e);

        if (result == 0)
                result = cert_store_write(r->dir, r->file, *ret_pair, CERT_NO_OWNER, 0, e);
        return result == 0 ? use_pair(r, *ret_pair, true, e) : result;
}

static void on_done(void *userdata, const char *answer, size_t size)
{
        struct renewal *r = userdata;
        CLEANUP(cert_wipep) char *pair = NULL;
        struct err e = ERR_NONE;
        char state[160], until[32];

        r->signing = NULL;
        if (take_answer(r, answer, size, &pair, &e) < 0) {
                forget_request(r);
                state_words(r, state, sizeof(state));
                tell(r, true, "CertificateRefused", "the signer's answer is no %s for this node: %.700s (%s)", what(r),
                     e.text, state);
                try_again(r, &r->no);
                return;
        }
        forget_request(r);
        r->away.failures = r->no.failures = 0;
        time_rfc3339(r->facts.life.not_after, until);
        tell(r, false, "CertificateRenewed", "a new %s, which expires %s", what(r), until);
        look_after(r, 0);
        r->handler.renewed(r->userdata, pair);
}

static void begin(struct renewal *r)
{
        static const struct signer_handler handler = { .waiting = on_waiting, .done = on_done, .failed = on_failed };
        const struct cert_wish wish = cert_wish_of(&r->wish);
        struct err e = ERR_NONE;

        if (cert_request_new(&wish, &r->request, &e) < 0) {
                tell(r, true, "CertificateNotRenewed", "no new %s: %s", what(r), e.text);
                try_again(r, &r->no);
                return;
        }
        r->signing = r->signer->ask(r->signer->self, r->request, r->serving, &handler, r);
}

static void look(struct renewal *r)
{
        uint64_t now = time_now();
        char from[32];
        bool fits;

        if (!r->wish.common_name || r->signing || r->backing_off)
                return;
        fits = read_store(r);
        switch (renewal_need(r->has ? &r->facts : NULL, fits, r->renew_at, now)) {
        case RENEWAL_REST:
                look_at(r, r->renew_at, now);
                break;
        case RENEWAL_CLOCK:
                time_rfc3339(r->facts.life.not_before, from);
                tell(r, true, "CertificateNotYetValid",
                     "the %s is not valid before %s: this machine's clock is slow, or the signer's is fast", what(r),
                     from);
                look_after(r, CLOCK_LOOK_S * USEC);
                break;
        case RENEWAL_ASK:
                begin(r);
                break;
        }
}

/* ---- the wish ---------------------------------------------------------------------------------------------------- */

static bool same_list(char **a, const char *const *b)
{
        size_t i = 0;

        while (a && a[i] && b && b[i] && streq(a[i], b[i]))
                i++;
        return !(a && a[i]) && !(b && b[i]);
}

void renewal_wish(struct renewal *r, const struct cert_wish *wish)
{
        if (streq(r->wish.common_name, wish->common_name) && same_list(r->wish.organizations, wish->organizations) &&
            same_list(r->wish.dns, wish->dns) && same_list(r->wish.ips, wish->ips))
                return;
        cert_wish_keep(&r->wish, wish);
        r->wish.serving = r->serving;
        forget_request(r); /* for what is not wished any more */
        r->backing_off = false;
        look(r);
}

/* ---- the whole --------------------------------------------------------------------------------------------------- */

struct renewal *renewal_new(const struct renewal_parts *parts, const struct renewal_handler *handler, void *userdata)
{
        struct renewal *r = NEW(struct renewal);

        r->event = parts->event;
        r->signer = parts->signer;
        r->dir = xstrdup(parts->dir);
        r->file = xstrdup(parts->file);
        r->serving = parts->serving;
        r->pending_ms = parts->pending_ms ? parts->pending_ms : PENDING_MS;
        r->away = (struct retry){ .first_ms = parts->retry_ms ? parts->retry_ms : AWAY_FIRST_MS,
                                  .most_ms = AWAY_MOST_MS };
        r->no = (struct retry){ .first_ms = parts->retry_ms ? parts->retry_ms : NO_FIRST_MS, .most_ms = NO_MOST_MS };
        r->handler = *handler;
        r->userdata = userdata;
        read_store(r);
        return r;
}

struct renewal *renewal_free(struct renewal *r)
{
        if (!r)
                return NULL;
        forget_request(r);
        sd_event_source_disable_unref(r->timer);
        sd_event_source_disable_unref(r->wall);
        free(r->dir);
        free(r->file);
        cert_wish_forget(&r->wish);
        free(r->told);
        free(r);
        return NULL;
}

const struct cert_facts *renewal_facts(const struct renewal *r)
{
        return r->has ? &r->facts : NULL;
}
