/* SPDX-License-Identifier: Apache-2.0 */
/* agent/pods/shutdown.c: in which order pods end with the machine, who is waited for, and what becomes of an end that
 * is called off. The test is logind, and the pods. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "agent/machine/logind.h"
#include "agent/pods/pod_entry.h"
#include "agent/pods/shutdown.h"
#include "common/mem.h"

enum { PODS = 4 };

static struct {
        sd_event *event;
        struct pods pods;
        struct shutdown *shutdown;
        struct pod_entry entries[PODS];
        struct pod specs[PODS];
        struct container containers[PODS];
        struct pod_state states[PODS];
        struct container_state container_states[PODS];
        struct logind_handler handler; /* what logind is given */
        void *userdata;
        bool holds;
        unsigned marked[PODS], woken;
        char events[1024], begun[64];
} t;

/* ---- what the code under test calls ------------------------------------------------------------------------------ */

struct logind *logind_new(UNUSED sd_event *event, UNUSED const char *socket, const struct logind_handler *handler,
                          void *userdata)
{
        t.handler = *handler;
        t.userdata = userdata;
        t.holds = true;
        return (struct logind *)&t;
}

struct logind *logind_free(UNUSED struct logind *l)
{
        return NULL;
}

void logind_let_go(UNUSED struct logind *l)
{
        t.holds = false;
}

void logind_hold(UNUSED struct logind *l)
{
        t.holds = true;
}

void pod_mark(struct pod_entry *e)
{
        t.marked[e - t.entries]++;
}

void pods_go_on(UNUSED struct pods *ps)
{
        t.woken++;
}

void event_post(UNUSED struct events *ev, const struct event_object *about, bool warning, const char *reason,
                const char *fmt, ...)
{
        size_t n = strlen(t.events);
        va_list ap;

        cr_assert_str_eq(about->kind, "Node");
        cr_assert_str_eq(about->name, "node");
        n += (size_t)snprintf(t.events + n, sizeof(t.events) - n, "%s %s: ", warning ? "Warning" : "Normal", reason);
        va_start(ap, fmt);
        vsnprintf(t.events + n, sizeof(t.events) - n, fmt, ap);
        va_end(ap);
}

static void on_begun(UNUSED void *userdata, bool yes)
{
        strcat(t.begun, yes ? "yes " : "no ");
}

/* ---- a node ------------------------------------------------------------------------------------------------------ */

static void begin(void)
{
        cr_assert_geq(sd_event_new(&t.event), 0);
}

static void end(void)
{
        shutdown_free(t.shutdown);
        HASH_CLEAR(hh, t.pods.entries);
        for (size_t i = 0; i < PODS; i++)
                free(t.states[i].evicted);
        sd_event_unref(t.event);
}

TestSuite(orderly_end, .init = begin, .fini = end, .timeout = 600);

static struct pod_entry *runs(size_t i, int64_t priority)
{
        static char uids[PODS][8];
        struct pod_entry *e = &t.entries[i];

        snprintf(uids[i], sizeof(uids[i]), "uid-%zu", i);
        t.specs[i] = (struct pod){ .containers = &t.containers[i], .n_containers = 1 };
        t.specs[i].demands.priority = priority;
        t.container_states[i].unit.phase = UNIT_ACTIVE;
        t.states[i] = (struct pod_state){ .containers = &t.container_states[i], .n_containers = 1 };
        *e = (struct pod_entry){ .pods = &t.pods, .pod = &t.specs[i], .state = &t.states[i] };
        HASH_ADD_KEYPTR(hh, t.pods.entries, uids[i], strlen(uids[i]), e);
        return e;
}

static void has_ended(size_t i)
{
        t.container_states[i].unit.phase = UNIT_INACTIVE;
        t.container_states[i].phase = CONTAINER_TERMINATED;
}

static void is_told(size_t i)
{
        t.states[i].status_current = true;
}

static void node(struct config_shutdown_class first, struct config_shutdown_class second)
{
        const struct shutdown_parts parts = {
                .event = t.event,
                .pods = &t.pods,
                .node_name = "node",
                .begun = on_begun,
        };
        const struct shutdown_order order = { .n = 2, .classes = { first, second } };

        t.shutdown = shutdown_new(&parts, &order);
        cr_assert_not_null(t.shutdown);
}

static void two_classes(void)
{
        node((struct config_shutdown_class){ 0, 60 }, (struct config_shutdown_class){ 2000000000, 30 });
}

static void machine_ends(bool yes)
{
        t.handler.prepare(t.userdata, yes);
}

static void pass(unsigned ms)
{
        uint64_t now = 0, until;

        sd_event_now(t.event, CLOCK_MONOTONIC, &now);
        for (until = now + ms * UINT64_C(1000); now < until; sd_event_now(t.event, CLOCK_MONOTONIC, &now))
                cr_assert_geq(sd_event_run(t.event, until - now), 0);
}

static bool is_asked(size_t i)
{
        return t.states[i].shut_down;
}

/* ---- tests ------------------------------------------------------------------------------------------------------- */

Test(orderly_end, who_has_no_time_for_pods_does_not_hold_the_machine)
{
        const struct shutdown_parts parts = {
                .event = t.event, .pods = &t.pods, .node_name = "node", .begun = on_begun
        };
        const struct shutdown_order none = { 0 };

        cr_assert_null(shutdown_new(&parts, &none));
        cr_assert_null(t.handler.prepare);
}

Test(orderly_end, the_critical_ones_end_when_the_others_have)
{
        runs(0, 0);
        runs(1, 2000000000);
        two_classes();
        machine_ends(true);
        cr_assert(t.pods.shutting_down && t.woken);
        cr_assert_str_eq(t.begun, "yes ");
        cr_assert_str_eq(t.events, "Normal NodeShutdown: Shutdown manager detected shutdown event");
        cr_assert(is_asked(0) && t.marked[0]);
        cr_assert_eq(t.states[0].evicted_grace_s, 60);
        cr_assert_not(is_asked(1));
        pass(300);
        cr_assert_not(is_asked(1));
        has_ended(0);
        pass(300);
        cr_assert_not(is_asked(1), "the API server does not know yet");
        is_told(0);
        pass(300);
        cr_assert(is_asked(1));
        cr_assert_eq(t.states[1].evicted_grace_s, 30);
        cr_assert(t.holds);
        has_ended(1);
        is_told(1);
        pass(300);
        cr_assert_not(t.holds);
}

Test(orderly_end, nobody_is_waited_for_longer_than_his_class_has)
{
        runs(0, 0);
        runs(1, 2000000000);
        node((struct config_shutdown_class){ 0, 1 }, (struct config_shutdown_class){ 2000000000, 1 });
        machine_ends(true);
        pass(500);
        cr_assert_not(is_asked(1));
        pass(900);
        cr_assert(is_asked(1) && t.holds);
        pass(1400);
        cr_assert_not(t.holds);
}

Test(orderly_end, without_pods_the_machine_goes_at_once)
{
        two_classes();
        machine_ends(true);
        cr_assert_not(t.holds);
}

Test(orderly_end, a_class_without_pods_takes_no_time)
{
        runs(0, 2000000000);
        two_classes();
        machine_ends(true);
        cr_assert(is_asked(0));
}

Test(orderly_end, who_is_over_or_was_not_let_in_is_not_waited_for)
{
        runs(0, 0)->state->admission = REJECTED;
        runs(1, 0)->state->admission = HELD;
        runs(2, 0)->pod->terminal = true;
        runs(3, 0)->state->removed = true;
        two_classes();
        machine_ends(true);
        for (size_t i = 0; i < PODS; i++)
                cr_assert_not(is_asked(i), "%zu", i);
        cr_assert_not(t.holds);
}

/* It ends by itself, and as what it is: deleted, not Failed. */
Test(orderly_end, who_is_being_deleted_is_waited_for_and_left_alone)
{
        runs(0, 0)->pod->deleting = true;
        two_classes();
        machine_ends(true);
        cr_assert_not(is_asked(0));
        pass(300);
        cr_assert(t.holds);
        t.states[0].deleted = true;
        pass(300);
        cr_assert_not(t.holds);
}

/* A static pod is critical whatever it says, and its mirror is not waited for. */
Test(orderly_end, static_pods_end_with_the_critical_ones)
{
        runs(0, 0)->of_file = true;
        runs(1, 0);
        two_classes();
        machine_ends(true);
        cr_assert(is_asked(1) && !is_asked(0));
        has_ended(1);
        is_told(1);
        pass(300);
        cr_assert(is_asked(0));
        has_ended(0);
        pass(300);
        cr_assert_not(t.holds);
}

/* Who was asked to end does, for there is no way back from SIGTERM. All others run on, and pods are let in again. */
Test(orderly_end, an_end_that_is_called_off_spares_whoever_was_not_asked)
{
        runs(0, 0);
        runs(1, 2000000000);
        two_classes();
        machine_ends(true);
        cr_assert(is_asked(0));
        *t.events = '\0';
        machine_ends(false);
        cr_assert_str_eq(t.events, "Normal NodeShutdown: Shutdown manager detected shutdown cancellation");
        cr_assert_str_eq(t.begun, "yes no ");
        cr_assert_not(t.pods.shutting_down);
        has_ended(0);
        is_told(0);
        pass(300);
        cr_assert_not(is_asked(1));
        cr_assert(t.holds, "the next end waits for pods, too");
}

Test(orderly_end, an_end_after_one_that_was_called_off_is_as_the_first)
{
        runs(0, 0);
        two_classes();
        machine_ends(true);
        has_ended(0);
        is_told(0);
        pass(300);
        cr_assert_not(t.holds);
        machine_ends(false);
        cr_assert(t.holds);
        runs(1, 0);
        runs(2, 2000000000);
        machine_ends(true);
        cr_assert(is_asked(1) && !is_asked(2));
        has_ended(1);
        is_told(1);
        pass(300);
        cr_assert(is_asked(2));
        has_ended(2);
        is_told(2);
        pass(300);
        cr_assert_not(t.holds);
}

Test(orderly_end, what_logind_does_not_grant_is_told_with_what_to_do)
{
        two_classes();
        t.handler.granted(t.userdata, 90 * UINT64_C(1000000), "");
        cr_assert_str_eq(t.events, "");
        t.handler.granted(t.userdata, 5 * UINT64_C(1000000), "");
        cr_assert_str_eq(t.events,
                         "Warning ShutdownDelay: pods have 90 s to end when the machine shuts down, but logind "
                         "waits for 5 s only: set InhibitDelayMaxSec=90 in /etc/systemd/logind.conf.d/vks.conf, "
                         "and restart systemd-logind");
        *t.events = '\0';
        t.handler.granted(t.userdata, 0, "Permission denied");
        cr_assert_str_eq(t.events,
                         "Warning ShutdownDelay: the machine does not wait for pods to end when it shuts down: "
                         "\"Permission denied\" (systemd-inhibit, of logind)");
}
