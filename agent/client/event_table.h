/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What becomes of an event before it is posted (client-go tools/record/events_cache.go): the same one again is counted,
 * an object that floods is cut short, and what is to be sent stands in a queue. Bounded; the oldest goes first. Pure:
 * times are parameters.
 */
#ifndef VKS_AGENT_CLIENT_EVENT_TABLE_H
#define VKS_AGENT_CLIENT_EVENT_TABLE_H

#include <cjson/cJSON.h>

#include "agent/client/events.h"

enum { EVENT_TABLE_MAX = 4096, EVENT_MESSAGE_MAX = 1024 };

/* So many at once, and one more every `refill_usec`. Starts full when zeroed. */
struct bucket {
        unsigned used;
        uint64_t since_usec; /* when the refilling of what is used began */
};

bool bucket_take(struct bucket *b, unsigned burst, uint64_t refill_usec, uint64_t now_usec);

struct event_table;

/* One Event of the API. */
struct event_record;

struct event_table *event_table_new(const char *host);
struct event_table *event_table_free(struct event_table *t);
DEFINE_FREEP(struct event_table, event_table_free)

/*
 * Notes that it happened: false when the object has told too much. `now_usec` is monotonic, `wall_usec` is what is
 * shown, and `random` makes the name of a new Event unlike others of the same moment.
 */
bool event_table_note(struct event_table *t, const struct event_object *about, bool warning, const char *reason,
                      const char *message, uint64_t now_usec, uint64_t wall_usec, uint32_t random);
size_t event_table_size(const struct event_table *t);

bool event_table_waiting(const struct event_table *t); /* is something to be sent? */

/* The next to be sent, now out of the queue, or NULL. It stays in the table until event_table_done(). One at a time. */
struct event_record *event_table_next(struct event_table *t);

/* What to do with it: POST `path` with the whole Event, or PATCH with
 * its new count. The caller owns `path` and `body`. */
void event_record_request(const struct event_table *t, const struct event_record *r, bool *ret_patch, char **ret_path,
                          cJSON **ret_body);

enum event_outcome {
        EVENT_POSTED,  /* it is in the API */
        EVENT_UNKNOWN, /* a PATCH found nothing: to be posted anew */
        EVENT_RETRY,   /* again, before the others, unless that was tried too often */
        EVENT_DROP,
};

/* False when it was dropped. */
bool event_table_done(struct event_table *t, struct event_record *r, enum event_outcome outcome);

/* "Pod default/web: BackOff: ...", for the log; the caller owns it. */
char *event_record_text(const struct event_record *r);

#endif
