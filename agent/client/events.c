/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/client/events.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "agent/client/event_table.h"
#include "agent/lib/retry.h"
#include "common/log.h"
#include "common/mem.h"

enum {
        REFILL_USEC = 1000000 / EVENTS_PER_SECOND,
        TIMEOUT_MS = 10000,
        RETRY_FIRST_MS = 800,
        RETRY_MOST_MS = 30000,
};

struct events {
        sd_event *event;
        struct api *api;
        struct event_table *table;
        struct bucket pace;
        struct retry retry;
        sd_event_source *timer; /* armed: nothing is sent before it fires */
        struct api_call *call;
        struct event_record *sending;
        bool waiting;
        bool calm;              /* nobody but this sends requests at the moment */
        uint64_t requests_seen; /* of the API client, when this last looked */
};

static void send_next(struct events *ev);

static int on_timer(sd_event_source *source UNUSED, uint64_t usec UNUSED, void *userdata)
{
        struct events *ev = userdata;

        ev->waiting = false;
        ev->calm = api_request_count(ev->api) == ev->requests_seen;
        send_next(ev);
        return 0;
}

static void wait_for(struct events *ev, uint64_t usec)
{
        ev->waiting = true;
        timer_arm(ev->event, &ev->timer, CLOCK_MONOTONIC, usec, on_timer, ev);
}

static enum event_outcome outcome_of(const struct api_response *r)
{
        if (r->error == 0 || r->error == -EEXIST) /* it exists: an answer to us was lost */
                return EVENT_POSTED;
        if (r->error == -ENOENT)
                return EVENT_UNKNOWN;
        if (r->error == -EINVAL || r->status == 403) /* a namespace that is being deleted forbids too */
                return EVENT_DROP;
        return EVENT_RETRY;
}

static void on_answer(void *userdata, struct api_response *r)
{
        struct events *ev = userdata;
        enum event_outcome outcome = outcome_of(r);
        CLEANUP(freep) char *text = r->error ? event_record_text(ev->sending) : NULL;

        ev->call = NULL;
        if (!event_table_done(ev->table, TAKE(ev->sending), outcome))
                log_info("event not posted (%s): %s", r->err.text, text ? text : "");
        if (outcome == EVENT_RETRY) {
                unsigned ms = retry_next(&ev->retry, random_u32());

                wait_for(ev, (uint64_t)(ms > r->retry_after_s * 1000 ? ms : r->retry_after_s * 1000) * 1000);
                return;
        }
        ev->retry.failures = 0;
        send_next(ev);
}

/* Events are many when the API server has other work for us: they are sent one at a time, and slowly until a tick of
 * the bucket has passed in which nobody else of the agent sent a request. */
static void send_next(struct events *ev)
{
        CLEANUP(freep) char *path = NULL;
        cJSON *body = NULL;
        uint64_t now = 0;
        bool patch;

        if (ev->call || ev->waiting || !event_table_waiting(ev->table))
                return;
        sd_event_now(ev->event, CLOCK_MONOTONIC, &now);
        ev->calm = ev->calm && api_request_count(ev->api) == ev->requests_seen;
        ev->requests_seen = api_request_count(ev->api);
        if (!ev->calm && !bucket_take(&ev->pace, EVENTS_BURST, REFILL_USEC, now)) {
                wait_for(ev, REFILL_USEC);
                return;
        }
        ev->sending = event_table_next(ev->table);
        event_record_request(ev->table, ev->sending, &patch, &path, &body);
        ev->call = api_tell(ev->api, patch ? API_PATCH : API_POST, path, body, TIMEOUT_MS, on_answer, ev);
        ev->requests_seen++;
        cJSON_Delete(body);
}

void event_post(struct events *ev, const struct event_object *about, bool warning, const char *reason, const char *fmt,
                ...)
{
        char message[EVENT_MESSAGE_MAX];
        uint64_t now = 0, wall = 0;
        va_list ap;

        va_start(ap, fmt);
        vsnprintf(message, sizeof(message), fmt, ap);
        va_end(ap);
        sd_event_now(ev->event, CLOCK_MONOTONIC, &now);
        sd_event_now(ev->event, CLOCK_REALTIME, &wall);
        if (!event_table_note(ev->table, about, warning, reason, message, now, wall, random_u32()))
                log_info("event not posted (too many): %s %s%s%s: %s: %s", about->kind,
                         about->namespace ? about->namespace : "", about->namespace ? "/" : "", about->name, reason,
                         message);
        send_next(ev);
}

void event_forget(struct events *ev, const char *uid)
{
        event_table_forget(ev->table, uid);
}

struct events *events_new(sd_event *event, struct api *api, const char *node_name)
{
        struct events *ev = NEW(struct events);

        ev->event = sd_event_ref(event);
        ev->api = api;
        ev->table = event_table_new(node_name);
        ev->retry = (struct retry){ .first_ms = RETRY_FIRST_MS, .most_ms = RETRY_MOST_MS };
        return ev;
}

struct events *events_free(struct events *ev)
{
        if (!ev)
                return NULL;
        api_cancel(ev->call);
        sd_event_source_disable_unref(ev->timer);
        event_table_free(ev->table);
        sd_event_unref(ev->event);
        free(ev);
        return NULL;
}
