/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pods/shutdown.h"

#include "agent/lib/retry.h"
#include "agent/lib/times.h"
#include "agent/machine/logind.h"
#include "agent/pod/eviction.h"
#include "agent/pods/pod_entry.h"
#include "common/log.h"
#include "common/mem.h"

enum { LOOK_USEC = 100 * 1000 }; /* at the pods of a class, while it ends */

struct shutdown {
        struct shutdown_parts parts;
        struct shutdown_order order;
        struct logind *logind;
        sd_event_source *timer;
        size_t at;         /* the class that ends */
        uint64_t deadline; /* its end, monotonic */
};

static uint64_t monotonic(const struct shutdown *s)
{
        uint64_t now = 0;

        sd_event_now(s->parts.event, CLOCK_MONOTONIC, &now);
        return now;
}

/* Is the pod here, and not over? A pod that is being deleted ends by itself, and is waited for. */
static bool is_active(const struct pod_entry *e)
{
        return e->state->admission == ADMITTED && !e->pod->terminal && !e->state->removed && !e->state->deleted &&
               (!pod_is_finished(e->pod, e->state) || pod_has_processes(e->state));
}

/* Does the API server know of the end? A static pod's is told by its mirror, which nobody waits for. */
static bool is_told(const struct pod_entry *e)
{
        return e->of_file || e->state->status_current || e->state->gone || e->state->deleted;
}

/* A static pod is one that the node cannot do without, as a kubelet takes it. */
static bool is_of_class(const struct shutdown *s, const struct pod_entry *e)
{
        return shutdown_class(&s->order, e->of_file ? NODE_CRITICAL_PRIORITY : e->pod->demands.priority) == s->at;
}

/* Returns how many there are to wait for. */
static size_t end_class(struct shutdown *s)
{
        struct pods *ps = s->parts.pods;
        const struct config_shutdown_class *class = &s->order.classes[s->at];
        struct pod_entry *e, *next;
        size_t n = 0;

        HASH_ITER (hh, ps->entries, e, next) {
                if (!is_of_class(s, e) || !is_active(e))
                        continue;
                n++;
                if (e->pod->deleting || e->state->gone)
                        continue;
                pod_state_shut_down(e->state, (int64_t) class->seconds, time_now());
                pod_mark(e);
        }
        return n;
}

static bool class_has_ended(const struct shutdown *s)
{
        struct pod_entry *e, *next;

        HASH_ITER (hh, s->parts.pods->entries, e, next)
                if (is_of_class(s, e) && (is_active(e) || (e->state->shut_down && !is_told(e))))
                        return false;
        return true;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata);

static void look_later(struct shutdown *s)
{
        timer_arm(s->parts.event, &s->timer, CLOCK_MONOTONIC, LOOK_USEC, on_timer, s);
}

/* A class without pods takes no time. */
static void begin_class(struct shutdown *s)
{
        for (; s->at < s->order.n; s->at++) {
                const struct config_shutdown_class *class = &s->order.classes[s->at];
                size_t n = end_class(s);

                if (n == 0)
                        continue;
                log_info("the machine shuts down: %zu pods of priority %lld and above have %llu s to end", n,
                         (long long)class->priority, (unsigned long long)class->seconds);
                s->deadline = monotonic(s) + class->seconds * USEC_PER_SEC;
                look_later(s);
                return;
        }
        log_info("the machine shuts down: pods have ended");
        logind_let_go(s->logind);
}

static int on_timer(UNUSED sd_event_source *source, UNUSED uint64_t usec, void *userdata)
{
        struct shutdown *s = userdata;
        bool over = class_has_ended(s), late = monotonic(s) >= s->deadline;

        if (!over && !late) {
                look_later(s);
                return 0;
        }
        if (!over)
                log_warning("the machine shuts down: pods of priority %lld and above have not ended in time",
                            (long long)s->order.classes[s->at].priority);
        s->at++;
        begin_class(s);
        return 0;
}

static void on_prepare(void *userdata, bool yes)
{
        struct shutdown *s = userdata;
        const struct event_object node = { .kind = "Node", .name = s->parts.node_name, .uid = s->parts.node_name };

        s->parts.pods->shutting_down = yes;
        pods_go_on(s->parts.pods); /* who waits to be let in is answered */
        s->parts.begun(s->parts.userdata, yes);
        event_post(s->parts.events, &node, false, "NodeShutdown",
                   yes ? "Shutdown manager detected shutdown event"
                       : "Shutdown manager detected shutdown cancellation");
        s->timer = sd_event_source_disable_unref(s->timer);
        if (!yes) {
                log_info("the machine does not shut down");
                logind_hold(s->logind);
                return;
        }
        s->at = 0;
        begin_class(s);
}

static void on_granted(void *userdata, uint64_t most_usec, const char *why)
{
        const struct shutdown *s = userdata;
        const struct event_object node = { .kind = "Node", .name = s->parts.node_name, .uid = s->parts.node_name };
        unsigned long long wanted = shutdown_seconds(&s->order), most = most_usec / USEC_PER_SEC;

        if (most >= wanted) {
                log_info("when the machine shuts down, it waits up to %llu s for pods to end", wanted);
                return;
        }
        if (most_usec)
                event_post(s->parts.events, &node, true, "ShutdownDelay",
                           "pods have %llu s to end when the machine shuts down, but logind waits for %llu s only: set "
                           "InhibitDelayMaxSec=%llu in /etc/systemd/logind.conf.d/vks.conf, and restart systemd-logind",
                           wanted, most, wanted);
        else
                event_post(s->parts.events, &node, true, "ShutdownDelay",
                           "the machine does not wait for pods to end when it shuts down: \"%s\" (systemd-inhibit, of "
                           "logind)",
                           why);
        log_warning("the machine shuts down after %llu s, and not after the %llu s that pods are to have: %s (logind)",
                    most, wanted, most_usec ? "InhibitDelayMaxSec=" : why);
}

struct shutdown *shutdown_new(const struct shutdown_parts *parts, const struct shutdown_order *order)
{
        static const struct logind_handler handler = { .prepare = on_prepare, .granted = on_granted };
        struct shutdown *s;

        if (!order->n)
                return NULL;
        s = NEW(struct shutdown);
        s->parts = *parts;
        s->order = *order;
        s->logind = logind_new(parts->event, LOGIND_SOCKET, &handler, s);
        return s->logind ? s : shutdown_free(s);
}

struct shutdown *shutdown_free(struct shutdown *s)
{
        if (!s)
                return NULL;
        sd_event_source_disable_unref(s->timer);
        logind_free(s->logind);
        free(s);
        return NULL;
}
