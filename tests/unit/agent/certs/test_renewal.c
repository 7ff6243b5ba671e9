/* SPDX-License-Identifier: Apache-2.0 */
/* The renewal against a signer that does as the test says. */
#include <errno.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include "agent/certs/renewal.h"
#include "agent/certs/store.h"
#include "agent/lib/times.h"
#include "tests/unit/agent/certs/authority.h"

/* ---- decisions --------------------------------------------------------------------------------------------------- */

Test(decision, what_is_needed)
{
        struct cert_facts facts = { .life = { 1000 * USEC, 2000 * USEC } }, own = facts;
        uint64_t at = 1800 * USEC;

        own.self_signed = true;
        cr_expect_eq(renewal_need(NULL, false, 0, 1500 * USEC), RENEWAL_ASK);
        cr_expect_eq(renewal_need(&facts, true, at, 1500 * USEC), RENEWAL_REST);
        cr_expect_eq(renewal_need(&facts, false, at, 1500 * USEC), RENEWAL_ASK, "another address");
        cr_expect_eq(renewal_need(&own, true, at, 1500 * USEC), RENEWAL_ASK);
        cr_expect_eq(renewal_need(&facts, true, at, at), RENEWAL_ASK);
        cr_expect_eq(renewal_need(&facts, true, at, 3000 * USEC), RENEWAL_ASK, "after a month in a drawer");
        cr_expect_eq(renewal_need(&facts, true, at, 999 * USEC), RENEWAL_CLOCK);
}

Test(decision, waits_end_in_time)
{
        const struct cert_life year = { 0, 365 * 86400 * USEC }, minutes = { 0, 600 * USEC };
        const uint64_t hour = 3600 * USEC;

        cr_expect_eq(renewal_wait(NULL, hour, 0), hour);
        cr_expect_eq(renewal_wait(&year, hour, 300 * 86400 * USEC), hour);
        cr_expect_eq(renewal_wait(&minutes, hour, 400 * USEC), 50 * USEC, "a quarter of what is left");
        cr_expect_eq(renewal_wait(&minutes, hour, 599 * USEC), 30 * USEC);
        cr_expect_eq(renewal_wait(&minutes, USEC, 599 * USEC), USEC, "a short wait stays one");
        cr_expect_eq(renewal_wait(&minutes, hour, 900 * USEC), hour, "it is too late for haste");
}

/* ---- a signer ---------------------------------------------------------------------------------------------------- */

static const char *const nodes[] = { "system:nodes", NULL };
static const struct cert_wish client = { .common_name = "system:node:node1", .organizations = nodes };

struct run {
        char dir[64];
        sd_event *event;
        sd_event_source *guard, *later;
        struct signer signer;
        struct renewal *renewal;
        /* what the signer does */
        struct signature signature;
        const char *reason; /* it fails with this one; NULL: signs */
        bool silent;        /* it does neither */
        bool approved;
        /* what it was asked */
        const struct cert_request *request;
        const struct signer_handler *handler;
        void *handler_data;
        unsigned asked, cancelled;
        /* what it was told */
        unsigned renewed, told;
        bool warning;
        char event_reason[64], text[1024];
        char *pair;
};

static int answer(sd_event_source *source UNUSED, uint64_t usec UNUSED, void *userdata)
{
        struct run *t = userdata;
        CLEANUP(freep) char *text = NULL;
        struct err e;

        t->later = sd_event_source_disable_unref(t->later);
        if (t->silent) {
                t->handler->waiting(t->handler_data, "csr-1", t->approved);
        } else if (t->reason) {
                err_set(&e, -EPERM, t->reason, "because");
                t->handler->failed(t->handler_data, &e);
        } else {
                text = authority_sign(t->request, &t->signature);
                t->handler->done(t->handler_data, text, strlen(text));
        }
        return 0;
}

static struct signing *ask(void *self, const struct cert_request *r, bool serving UNUSED,
                           const struct signer_handler *handler, void *userdata)
{
        struct run *t = self;

        t->asked++;
        t->request = r;
        t->handler = handler;
        t->handler_data = userdata;
        cr_assert_null(t->later, "one at a time");
        cr_assert(sd_event_add_time_relative(t->event, &t->later, CLOCK_MONOTONIC, 0, 0, answer, t) >= 0);
        return (struct signing *)t;
}

static void cancel(struct signing *s)
{
        struct run *t = (struct run *)s;

        t->cancelled++;
        t->later = sd_event_source_disable_unref(t->later);
}

static void renewed(void *userdata, const char *pair)
{
        struct run *t = userdata;

        t->renewed++;
        free(t->pair);
        t->pair = xstrdup(pair);
}

static void told(void *userdata, bool warning, const char *reason, const char *text)
{
        struct run *t = userdata;

        t->told++;
        t->warning = warning;
        snprintf(t->event_reason, sizeof(t->event_reason), "%s", reason);
        snprintf(t->text, sizeof(t->text), "%s", text);
}

static int on_guard(sd_event_source *source UNUSED, uint64_t usec UNUSED, void *userdata)
{
        struct run *t = userdata;

        cr_assert_fail("asked %u, renewed %u, told %u: %s", t->asked, t->renewed, t->told, t->text);
        return 0;
}

static int64_t from_now(int64_t seconds)
{
        return (int64_t)(time_now() / USEC) - (int64_t)NOW + seconds;
}

static void begin(struct run *t)
{
        const struct renewal_parts parts = {
                .event = t->event, .signer = &t->signer, .dir = t->dir, .file = "x.pem", .pending_ms = 20, .retry_ms = 1
        };
        const struct renewal_handler handler = { renewed, told };

        t->renewal = renewal_new(&parts, &handler, t);
}

static void setup(struct run *t)
{
        *t = (struct run){ .dir = "/tmp/test_renewal.XXXXXX" };
        cr_assert_not_null(mkdtemp(t->dir));
        cr_assert(sd_event_new(&t->event) >= 0);
        cr_assert(sd_event_add_time_relative(t->event, &t->guard, CLOCK_MONOTONIC, 600 * USEC, 0, on_guard, t) >= 0);
        t->signer = (struct signer){ .name = "test", .ask = ask, .cancel = cancel, .self = t };
        t->signature = (struct signature){ .from = from_now(-300), .to = from_now(86400) };
        begin(t);
}

static void again(struct run *t)
{
        t->renewal = renewal_free(t->renewal);
        begin(t);
}

static void teardown(struct run *t)
{
        CLEANUP(freep) char *rm = xasprintf("rm -rf %s", t->dir);

        renewal_free(t->renewal);
        sd_event_source_disable_unref(t->guard);
        sd_event_source_disable_unref(t->later);
        sd_event_unref(t->event);
        free(t->pair);
        cr_assert_eq(system(rm), 0);
}

#define UNTIL(t, condition)                                                                                            \
        while (!(condition))                                                                                           \
        cr_assert(sd_event_run((t)->event, UINT64_MAX) >= 0)

/* Nothing happens any more: no source of the loop is due for 50 ms. */
static void rest(struct run *t)
{
        while (sd_event_run(t->event, 50 * 1000) > 0)
                ;
}

/* ---- what happens ------------------------------------------------------------------------------------------------ */

Test(renewal, asks_for_what_is_missing_and_then_rests)
{
        struct run t;
        CLEANUP(cert_wipep) char *stored = NULL;
        size_t size;

        setup(&t);
        cr_expect_null(renewal_facts(t.renewal));
        rest(&t);
        cr_expect_eq(t.asked, 0, "before it knows for what");
        renewal_wish(t.renewal, &client);
        UNTIL(&t, t.renewed == 1);
        rest(&t);
        cr_expect_eq(t.asked, 1);
        cr_assert_eq(cert_store_read(t.dir, "x.pem", &stored, &size, NULL), 0);
        cr_expect_str_eq(stored, t.pair);
        cr_expect_str_eq(t.event_reason, "CertificateRenewed");
        cr_expect(!t.warning && starts_with(t.text, "a new client certificate, which expires 20"), "%s", t.text);
        cr_expect_str_eq(renewal_facts(t.renewal)->common_name, "system:node:node1");
        /* the same wish, and another agent: it is there */
        renewal_wish(t.renewal, &client);
        again(&t);
        renewal_wish(t.renewal, &client);
        rest(&t);
        cr_expect_eq(t.asked, 1);
        cr_expect_eq(t.renewed, 1);
        teardown(&t);
}

/* Antedated by five minutes, as signers do, of which a life of three seconds is little: what counts is what is left. */
Test(renewal, again_and_again)
{
        struct run t;
        CLEANUP(freep) char *first = NULL;
        uint64_t begun = time_now();

        setup(&t);
        t.signature.to = from_now(3);
        renewal_wish(t.renewal, &client);
        UNTIL(&t, t.renewed == 1);
        first = xstrdup(t.pair);
        t.signature.to = from_now(86400);
        UNTIL(&t, t.renewed == 2);
        rest(&t);
        cr_expect_geq(time_now() - begun, 1400 * 1000, "not before 70 %% of at least two seconds");
        cr_expect_str_neq(t.pair, first);
        cr_expect_eq(t.asked, 2);
        teardown(&t);
}

Test(renewal, an_expired_one_is_renewed_at_once)
{
        struct run t;

        setup(&t);
        t.signature.to = from_now(2);
        renewal_wish(t.renewal, &client);
        UNTIL(&t, t.renewed == 1);
        t.renewal = renewal_free(t.renewal);
        while (time_now() < (uint64_t)((int64_t)NOW + t.signature.to + 1) * USEC)
                usleep(20 * 1000);
        t.signature.to = from_now(86400);
        begin(&t);
        renewal_wish(t.renewal, &client);
        UNTIL(&t, t.renewed == 2);
        teardown(&t);
}

Test(renewal, tells_what_waits_for_approval)
{
        struct run t;

        setup(&t);
        t.silent = true;
        renewal_wish(t.renewal, &client);
        UNTIL(&t, t.told == 1);
        cr_expect_str_eq(t.event_reason, "CertificatePending");
        cr_expect(t.warning && strstr(t.text, "kubectl certificate approve csr-1 "), "%s", t.text);
        rest(&t);
        cr_expect_eq(t.told, 1);
        /* approved, and then nothing */
        t.handler->waiting(t.handler_data, "csr-1", true);
        UNTIL(&t, t.told == 2);
        cr_expect(strstr(t.text, "nobody signs it"), "%s", t.text);
        t.silent = false;
        answer(NULL, 0, &t);
        UNTIL(&t, t.renewed == 1);
        teardown(&t);
}

Test(renewal, a_quick_approval_is_not_worth_a_word)
{
        struct run t;

        setup(&t);
        t.silent = true;
        renewal_wish(t.renewal, &client);
        UNTIL(&t, t.asked == 1 && !t.later);
        t.silent = false;
        answer(NULL, 0, &t);
        rest(&t);
        cr_expect_eq(t.renewed, 1);
        cr_expect_str_eq(t.event_reason, "CertificateRenewed");
        cr_expect_eq(t.told, 1);
        teardown(&t);
}

Test(renewal, tries_again_and_says_the_same_once)
{
        static const char *const reasons[] = { "", "CertificateDenied", "CertificateFailed" };

        for (size_t i = 0; i < ARRAY_LEN(reasons); i++) {
                struct run t;

                setup(&t);
                t.reason = reasons[i];
                renewal_wish(t.renewal, &client);
                UNTIL(&t, t.asked == 4);
                cr_expect_eq(t.told, 1, "%s", reasons[i]);
                cr_expect_str_eq(t.event_reason, *reasons[i] ? reasons[i] : "CertificateNotRenewed");
                cr_expect_str_eq(t.text, "no new client certificate: because (the one of the kubeconfig is in use)");
                t.reason = NULL;
                UNTIL(&t, t.renewed == 1);
                teardown(&t);
        }
}

Test(renewal, a_wrong_answer_is_refused_and_the_old_one_stays)
{
        struct run t;
        CLEANUP(freep) char *good = NULL;
        CLEANUP(cert_wipep) char *stored = NULL;
        struct cert_wish other = client;
        size_t size;

        setup(&t);
        renewal_wish(t.renewal, &client);
        UNTIL(&t, t.renewed == 1);
        good = xstrdup(t.pair);
        other.common_name = "system:node:node2";
        t.signature.common_name = "admin";
        t.signature.organization = "system:masters";
        renewal_wish(t.renewal, &other);
        UNTIL(&t, streq(t.event_reason, "CertificateRefused"));
        cr_expect(strstr(t.text, "system:masters"), "%s", t.text);
        cr_assert_eq(cert_store_read(t.dir, "x.pem", &stored, &size, NULL), 0);
        cr_expect_str_eq(stored, good);
        cr_expect_eq(t.renewed, 1);
        teardown(&t);
}

Test(renewal, another_wish_is_asked_for_at_once)
{
        static const char *const one[] = { "192.0.2.1", NULL }, *const two[] = { "192.0.2.1", "192.0.2.2", NULL };
        struct run t;
        struct cert_wish wish = client;

        setup(&t);
        wish.ips = one;
        renewal_wish(t.renewal, &wish);
        UNTIL(&t, t.renewed == 1);
        wish.ips = two;
        renewal_wish(t.renewal, &wish);
        UNTIL(&t, t.renewed == 2);
        cr_expect_eq(cert_fits(t.pair, strlen(t.pair), &wish, NULL), 1);
        /* one address less: the certificate is good for that, too */
        wish.ips = one;
        renewal_wish(t.renewal, &wish);
        rest(&t);
        cr_expect_eq(t.asked, 2);
        /* while one is under way */
        t.silent = true;
        wish.ips = (const char *const[]){ "192.0.2.3", NULL };
        renewal_wish(t.renewal, &wish);
        UNTIL(&t, t.asked == 3);
        t.silent = false;
        wish.ips = (const char *const[]){ "192.0.2.4", NULL };
        renewal_wish(t.renewal, &wish);
        cr_expect_eq(t.cancelled, 1);
        UNTIL(&t, t.renewed == 3);
        cr_expect_eq(cert_fits(t.pair, strlen(t.pair), &wish, NULL), 1);
        teardown(&t);
}

Test(renewal, a_clock_that_is_slow)
{
        struct run t;
        CLEANUP(cert_request_freep) struct cert_request *r = NULL;
        CLEANUP(cert_wipep) char *pair = NULL;

        setup(&t);
        cr_assert_eq(cert_request_new(&client, &r, NULL), 0);
        t.signature.from = from_now(3600);
        t.signature.to = from_now(86400);
        {
                CLEANUP(freep) char *text = authority_sign(r, &t.signature);

                cr_assert_eq(cert_request_accept(r, text, strlen(text), time_now() + 7200 * USEC, &pair, NULL, NULL),
                             0);
        }
        cr_assert_eq(cert_store_write(t.dir, "x.pem", pair, CERT_NO_OWNER, 0, NULL), 0);
        again(&t);
        renewal_wish(t.renewal, &client);
        rest(&t);
        cr_expect_str_eq(t.event_reason, "CertificateNotYetValid");
        cr_expect(strstr(t.text, "this machine's clock is slow"), "%s", t.text);
        cr_expect_eq(t.asked, 0);
        teardown(&t);
}

Test(renewal, a_file_that_is_no_pair_is_replaced)
{
        struct run t;

        setup(&t);
        cr_assert_eq(cert_store_write(t.dir, "x.pem", "nonsense", CERT_NO_OWNER, 0, NULL), 0);
        again(&t);
        renewal_wish(t.renewal, &client);
        UNTIL(&t, t.renewed == 1);
        teardown(&t);
}

Test(renewal, the_way_back_for_who_was_away_too_long)
{
        struct run t;

        setup(&t);
        t.signature.to = from_now(2);
        renewal_wish(t.renewal, &client);
        UNTIL(&t, t.renewed == 1);
        t.reason = "";
        UNTIL(&t, streq(t.event_reason, "CertificateExpired"));
        cr_expect(strstr(t.text, "the one in use expired 20"), "%s", t.text);
        cr_expect(strstr(t.text, "vks-agent join"), "%s", t.text);
        teardown(&t);
}
