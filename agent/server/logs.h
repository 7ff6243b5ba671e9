/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `kubectl logs` out of the journal: parsing of its options (pure), and a stream that writes the lines of one
 * container's runs. Only lines of this pod's uid and this container are ever shown, never by unit name alone: units
 * carry VKS_POD_UID= in each of their journal lines (LogExtraFields=), and vks-log adds VKS_CONTAINER=. Nor by these
 * alone, which any process could write: the unit is journald's own word.
 */
#ifndef VKS_AGENT_SERVER_LOGS_H
#define VKS_AGENT_SERVER_LOGS_H

#include <systemd/sd-event.h>

#include "agent/server/server.h"

struct log_options { /* k8s.io/api core/v1 PodLogOptions */
        bool follow, previous, timestamps;
        int64_t tail; /* journal messages, which are lines unless they hold newlines; -1: all; 0: none of what is there
                       */
        int64_t limit_bytes; /* -1: no limit */
        uint64_t since_usec; /* wall clock, microseconds since the epoch; 0: from the start */
};

/* Out of the query of /containerLogs. -EINVAL names the parameter (to be answered with 400). `now_usec` serves
 * sinceSeconds. */
int log_options_parse(const struct request *r, uint64_t now_usec, struct log_options *ret, struct err *e);

struct log_source {
        const char *pod_uid;
        const char *container;
        const char *unit;          /* the unit's name */
        const char *invocation_id; /* 32 hex digits: only this run; NULL: all runs */
        const char *directory;     /* of the journal; NULL: this machine's */
};

enum {
        LOG_STREAMS_MAX = 100
}; /* at a time: each one costs descriptors, and a follower one of the 128 inotify instances of a user */

struct log_stream;

/*
 * Starts to answer `res` with the lines. `running` is asked when a follower has drained the journal: when it says no,
 * the stream ends. It must stay valid until the stream has ended. A follower of one run ends as well when another run
 * has begun. log_stream_poke() makes every stream of that pod look again (call it when a unit stopped).
 */
void log_stream_start(sd_event *event, struct response *res, const struct log_source *source,
                      const struct log_options *options,
                      bool (*running)(void *userdata, const char *pod_uid, const char *container), void *userdata);
void log_stream_poke(const char *pod_uid);

#endif
