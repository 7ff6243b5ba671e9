/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What happens to an event before it is posted (client-go tools/record/events_cache.go): a repetition only raises the
 * count of the first one, an object with too many events loses some, and the rest wait in a queue. The table is
 * bounded: when it is full the oldest event is forgotten. Pure: times are parameters. (The texts of events are
 * written where pod_event() and event_post() are called.)
 */
#ifndef VKS_AGENT_CLIENT_EVENT_TABLE_H
#define VKS_AGENT_CLIENT_EVENT_TABLE_H

#include <cjson/cJSON.h>

#include "agent/client/events.h"

enum { EVENT_TABLE_MAX = 4096, EVENT_MESSAGE_MAX = 1024 };

/* A token bucket: lets `burst` things pass at once, and one more every `refill_usec`. All zero is a full bucket. */
struct bucket {
        unsigned used;
        uint64_t since_usec; /* when the refilling of what is used began */
};

bool bucket_take(struct bucket *b, unsigned burst, uint64_t refill_usec, uint64_t now_usec);

struct event_table;

/* An Event object of the API. */
struct event_record;

struct event_table *event_table_new(const char *host);
struct event_table *event_table_free(struct event_table *t);
DEFINE_FREEP(struct event_table, event_table_free)

/*
 * Notes that an event happened. False when it was dropped, since the object has had too many. `now_usec` is
 * monotonic, `wall_usec` is the time that is shown, and `random` keeps the names of Events of the same moment apart.
 */
bool event_table_note(struct event_table *t, const struct event_object *about, bool warning, const char *reason,
                      const char *message, uint64_t now_usec, uint64_t wall_usec, uint32_t random);

/* The object is gone for good, so that none of its events will be repeated: what waits is still sent. */
void event_table_forget(struct event_table *t, const char *uid);

size_t event_table_size(const struct event_table *t);

bool event_table_waiting(const struct event_table *t); /* is something to be sent? */

/* Takes the next event to be sent out of the queue; NULL when there is none. It stays in the table. Call
 * event_table_done() on it before you ask for another one. */
struct event_record *event_table_next(struct event_table *t);

/* The request that sends the event: POST with the whole Event, or PATCH (*ret_patch) with its new count. The caller
 * owns path and body. */
void event_record_request(const struct event_table *t, const struct event_record *r, bool *ret_patch, char **ret_path,
                          cJSON **ret_body);

enum event_outcome {
        EVENT_POSTED,  /* the API server has it */
        EVENT_UNKNOWN, /* a PATCH found no such Event: it is to be posted anew */
        EVENT_RETRY,   /* send it again before the others, unless that was tried too often */
        EVENT_DROP,
};

/* Says how the request for `r` went. False when the event was dropped. */
bool event_table_done(struct event_table *t, struct event_record *r, enum event_outcome outcome);

/* "Pod default/web: BackOff: ...", for the log; the caller owns it. */
char *event_record_text(const struct event_record *r);

#endif
